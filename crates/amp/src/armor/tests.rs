use sha2::{Digest, Sha256};

use super::*;

fn decode(html: &str) -> Result<Vec<u8>, ArmorError> {
    decode_armor(html.as_bytes())
}

fn text(data: &[u8]) -> String {
    String::from_utf8(encode_armor(data)).unwrap()
}

#[test]
fn pages_are_written_as_go_writes_them() {
    // Wire format vectors: length and SHA-256 of the whole page.
    for (data, length, hash) in [
        ("", 1013, "4aed0bfac831b35a1842a4df555ab9508bb2bbccefd454018c25ff2a99f48ae5"),
        ("x", 1017, "e5d587596b3f0dee5150c749fc8aab1aa7381c64db82d19a9ba15789f6980a55"),
        (
            "This was encoded with AMP armor.",
            1058,
            "7bef4407758611ca48a9c181f2ac1e577709cad93d3a2680bb3cdfe8099ab47c",
        ),
        (
            r#"{"error":"no snowflake proxies currently available"}"#,
            1087,
            "8bae1c2fb4bf8691e6dff7b726cecd7f3db840fed57985e5e62cc685bca65e75",
        ),
    ] {
        let html = encode_armor(data.as_bytes());
        assert_eq!((html.len(), hex::encode(Sha256::digest(&html)).as_str()), (length, hash));
        assert_eq!(decode_armor(&html).as_deref(), Ok(data.as_bytes()));
    }
}

#[test]
fn padding_may_stand_in_a_line_of_its_own() {
    // Wire format vector.
    let html = text(&[b'a'; 23]);
    assert!(html.contains("<pre>\n0YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE\n=\n</pre>\n"), "{html}");
    assert_eq!(decode(&html), Ok(vec![b'a'; 23]));
}

#[test]
fn an_element_has_992_lines_at_most() {
    // Wire format vector.
    let html = text(&[0; 30_000]);
    assert_eq!(html.len(), 42_276);
    let elements: Vec<_> =
        html.split("<pre>\n").skip(1).map(|rest| rest.split_once("</pre>").unwrap().0).collect();
    let lines: Vec<_> = elements.iter().map(|element| element.lines().count()).collect();
    assert_eq!(lines, [992, 1251 - 992]);
    assert_eq!(elements[0].len(), 32_736);
    assert_eq!(decode(&html), Ok(vec![0; 30_000]));
}

#[test]
fn pages_are_read_as_go_reads_them() {
    // Wire format vectors, and beside them what the tokenizer is for.
    for html in [
        "<pre>0aGVsbG8=</pre>",
        "junk<pre>0aGVs</pre>junk<pre>bG8=</pre>tail",
        "<PRE>0aGVsbG8=</PRE>",
        "<pre class=x>0aGVsbG8=</pre>",
        "<pre>0aGV<b>s</b>bG8=</pre>",
        "<pre>0aGVs&#98;G8=</pre>",
        "<pre>0aGVs&#x62;G8&equals;</pre>",
        "<pre>\n0aG\tVs\x0c\r bG8=\n</pre>",
        "<pre a='</pre>' b=\">\">0aGVs<!-- </pre> -->bG8=</pre\n x>",
        "<pre/><br/><pre>0aGVsbG8=</pre>",
        "<style><pre>1</style><script>'<pre>'</script><title></pre></title><pre>0aGVsbG8=</pre>",
        "\u{feff}<!DOCTYPE html><pre>0aGVsbG8=</pre></",
    ] {
        assert_eq!(decode(html), Ok(b"hello".to_vec()), "{html}");
    }
    assert_eq!(decode("<pre>0</pre>"), Ok(Vec::new()));
}

#[test]
fn what_is_not_armor_is_an_error() {
    // Wire format vectors first.
    for (html, error) in [
        ("<pre>1aGVsbG8=</pre>", ArmorError::UnknownVersion(b'1')),
        ("<pre>0aGVsbG8=", ArmorError::MissingEndTag),
        ("<pre><pre>0aGVsbG8=</pre></pre>", ArmorError::Nested),
        ("</pre>", ArmorError::StrayEndTag),
        ("<pre>0aGVsbG8=</pre></pre>", ArmorError::StrayEndTag),
        ("0aGVsbG8=", ArmorError::Empty),
        ("", ArmorError::Empty),
        ("<pre> </pre>", ArmorError::Empty),
        ("<pre>0aGVsbG8=</pre><pre>", ArmorError::MissingEndTag),
        ("<pre>0aGVsbG8=</pre", ArmorError::MissingEndTag),
        ("<pre>\u{a0}0</pre>", ArmorError::UnknownVersion(0xc2)),
    ] {
        assert_eq!(decode(html), Err(error), "{html}");
    }
    for html in [
        "<pre>0aGVsbG8</pre>",
        "<pre>0aGV-bG8=</pre>",
        "<pre>0aGVsbG8=aGVsbG8=</pre>",
        "<pre>0\0</pre>",
    ] {
        assert!(matches!(decode(html), Err(ArmorError::Base64(_))), "{html}");
    }
    assert_eq!(ArmorError::UnknownVersion(b'1').to_string(), "unknown armor version indicator '1'");
}

#[test]
fn a_page_may_have_100000_bytes() {
    let page = |length: usize| format!("<pre>0aGVsbG8=</pre>{}", " ".repeat(length - 20));
    assert_eq!(page(MAX_HTML).len(), MAX_HTML);
    assert_eq!(decode(&page(MAX_HTML)), Ok(b"hello".to_vec()));
    assert_eq!(decode(&page(MAX_HTML + 1)), Err(ArmorError::TooLong));
    assert!(decode_armor(&encode_armor(&[7; 71_961])).is_ok());
    assert_eq!(decode_armor(&encode_armor(&[7; 71_962])), Err(ArmorError::TooLong));
}
