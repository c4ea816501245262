//! A page as the cache serves it: the same document, in other bytes.

use html5gum::{DefaultEmitter, HtmlString, StartTag, Token, Tokenizer};

/// Elements whose text is not markup, and so has no references.
const RAW: [&[u8]; 2] = [b"script", b"style"];

/// Writes a page anew, or `None` if it does not say that it is an AMP document.
///
/// Everything is written that a browser would see, and little as it was: quotes around attributes,
/// which are sorted; references for some characters; no comments.
pub(super) fn written_anew(html: &[u8]) -> Option<Vec<u8>> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut page = Vec::with_capacity(2 * html.len());
    let (mut is_amp, mut is_raw) = (false, false);
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::Doctype(_) => page.extend(b"<!DOCTYPE html>\n"),
            Token::StartTag(tag) => {
                is_amp |= says_amp(&tag);
                is_raw = RAW.contains(&tag.name.as_slice());
                write_start_tag(&tag, &mut page);
            }
            Token::EndTag(tag) => {
                is_raw = false;
                page.extend([b"</", tag.name.as_slice(), b">"].concat());
            }
            Token::String(text) if is_raw => page.extend(text.iter()),
            Token::String(text) => write_text(&text, &mut page),
            Token::Comment(_) | Token::Error(_) => {}
        }
    }
    is_amp.then_some(page)
}

fn says_amp(tag: &StartTag<()>) -> bool {
    let has = |name: &str| tag.attributes.contains_key(name.as_bytes());
    tag.name.as_slice() == b"html" && (has("amp") || has("⚡"))
}

fn write_start_tag(tag: &StartTag<()>, page: &mut Vec<u8>) {
    page.extend([b"<", tag.name.as_slice()].concat());
    for (name, value) in &tag.attributes {
        page.extend([b" ", name.as_slice(), b"=\""].concat());
        write_text(value, page);
        page.push(b'"');
    }
    page.push(b'>');
}

/// With a reference also for `=`, where none is needed: whoever searches pages for base64 instead of
/// reading them as HTML finds none.
fn write_text(text: &HtmlString, page: &mut Vec<u8>) {
    for byte in text.iter() {
        match byte {
            b'&' => page.extend(b"&amp;"),
            b'<' => page.extend(b"&lt;"),
            b'>' => page.extend(b"&gt;"),
            b'"' => page.extend(b"&quot;"),
            b'=' => page.extend(b"&#61;"),
            other => page.push(*other),
        }
    }
}

#[cfg(test)]
mod tests {
    use snowflake_amp::{decode_armor, encode_armor};

    use super::*;

    #[test]
    fn the_document_stays_and_its_bytes_do_not() {
        let html = "<!doctype html><HTML AMP lang=en><style a>b > c</style><!-- c --><p  z=1 b='\"'>&lt;x&gt; y</P>";
        assert_eq!(
            String::from_utf8(written_anew(html.as_bytes()).unwrap()).unwrap(),
            "<!DOCTYPE html>\n<html amp=\"\" lang=\"en\"><style a=\"\">b > c</style>\
             <p b=\"&quot;\" z=\"1\">&lt;x&gt; y</p>"
        );
    }

    #[test]
    fn armor_survives_it() {
        for length in [0, 1, 22, 23, 1000, 40_000] {
            let data = vec![b'a'; length];
            let original = encode_armor(&data);
            let page = written_anew(&original).unwrap();
            assert_ne!(page, original);
            assert_eq!(decode_armor(&page), Ok(data));
        }
    }

    #[test]
    fn other_pages_are_left_alone() {
        for html in ["", "text", "<html><p amp>", "<html lang=amp>", "<!-- <html amp> -->"] {
            assert_eq!(written_anew(html.as_bytes()), None, "{html}");
        }
        assert!(written_anew("<html ⚡>".as_bytes()).is_some());
    }
}
