//! Data in a page that AMP caches take for a document of theirs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use crate::ArmorError;

/// Longest page that [`decode_armor`] reads: 100,000 bytes, what a Go client reads at most. A longer
/// one is an error. Such a page of ours holds 71,961 bytes of data.
pub const MAX_HTML: usize = 100_000;

/// What stands before the first element: the boilerplate without which the page is no AMP document.
const HEAD: &str = include_str!("armor/head.html");

/// What stands after the last element.
const TAIL: &str = "</body>\n</html>";

const START: &str = "<pre>\n";
const END: &str = "</pre>\n";

/// The only version; in front of the data's base64.
const VERSION: u8 = b'0';

/// Characters in a line.
const PIECE: usize = 32;

/// Text in an element, without its line feeds. With them, an element stays below 32 KiB, the longest
/// token that Go's decoder reads.
const ELEMENT: usize = 992 * PIECE;

/// Writes a page that holds the data: `0` and its base64 in lines of 32 characters, in one or more
/// `pre` elements.
pub fn encode_armor(data: &[u8]) -> Vec<u8> {
    let mut text = vec![VERSION];
    text.extend(STANDARD.encode(data).into_bytes());
    // For each line two bytes more than its text: a line feed, and its share of the tags.
    let body = text.len() + 2 * text.len().div_ceil(PIECE) + START.len() + END.len();
    let mut html = Vec::with_capacity(HEAD.len() + body + TAIL.len());
    html.extend_from_slice(HEAD.as_bytes());
    for element in text.chunks(ELEMENT) {
        html.extend_from_slice(START.as_bytes());
        for piece in element.chunks(PIECE) {
            html.extend_from_slice(piece);
            html.push(b'\n');
        }
        html.extend_from_slice(END.as_bytes());
    }
    html.extend_from_slice(TAIL.as_bytes());
    html
}

/// Reads the data in a page that a cache may have written anew.
///
/// Only the text within `pre` elements counts, without white space. Character references are
/// decoded, and tags within an element are skipped, but not the text within those. As in Go, a `pre`
/// tag that closes itself is not an element.
///
/// The page is read in one go, but not parsed into a tree: memory is a small multiple of the page's
/// length. Go's decoder refuses tokens of 32 KiB and more besides; here [`MAX_HTML`] is the bound
/// for all.
///
/// # Errors
/// If the page is too long, its `pre` elements are nested or not closed, or their text is not
/// armored data: see [`ArmorError`].
pub fn decode_armor(html: &[u8]) -> Result<Vec<u8>, ArmorError> {
    if html.len() > MAX_HTML {
        return Err(ArmorError::TooLong);
    }
    let text = Elements::read(html)?;
    match text.split_first() {
        Some((&VERSION, data)) => STANDARD.decode(data).map_err(ArmorError::Base64),
        Some((&other, _)) => Err(ArmorError::UnknownVersion(other)),
        None => Err(ArmorError::Empty),
    }
}

/// What has been read of a page's `pre` elements.
#[derive(Debug, Default)]
struct Elements {
    /// A `pre` tag has begun, and may still close itself.
    in_start_tag: bool,
    inside: bool,
    /// Without white space.
    text: Vec<u8>,
}

impl Elements {
    /// The text of all elements in a page.
    fn read(html: &[u8]) -> Result<Vec<u8>, ArmorError> {
        let mut elements = Self::default();
        let mut emitter =
            CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| elements.event(event));
        // As Go's tokenizer: what looks like a tag within a script or a style is not one.
        emitter.naively_switch_states(true);
        // The only tokens are our errors.
        if let Some(Ok(error)) = Tokenizer::new_with_emitter(html, emitter).next() {
            return Err(error);
        }
        if elements.inside {
            return Err(ArmorError::MissingEndTag);
        }
        Ok(elements.text)
    }

    fn event(&mut self, event: CallbackEvent<'_>) -> Option<ArmorError> {
        match event {
            CallbackEvent::OpenStartTag { name } => self.in_start_tag = name == b"pre",
            CallbackEvent::CloseStartTag { self_closing } => {
                let begins = std::mem::take(&mut self.in_start_tag) && !self_closing;
                if begins && std::mem::replace(&mut self.inside, true) {
                    return Some(ArmorError::Nested);
                }
            }
            CallbackEvent::EndTag { name: b"pre" } => {
                let begun = std::mem::take(&mut self.inside);
                return (!begun).then_some(ArmorError::StrayEndTag);
            }
            CallbackEvent::String { value } if self.inside => {
                self.text.extend(value.iter().filter(|byte| !byte.is_ascii_whitespace()));
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests;
