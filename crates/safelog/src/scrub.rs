use std::ops::Range;

use crate::unsafe_logging_allowed;

/// What stands in a log where something was taken out.
pub const SCRUBBED: &str = "[scrubbed]";

/// [`scrub()`] makes a line at most this many times longer: `::` is the shortest thing replaced.
pub const MAX_GROWTH: usize = 5;

/// Prefixes of session description lines whose value gives a user away.
const SDP_SECRETS: [&[u8]; 4] = [b"candidate:", b"a=ice-ufrag:", b"a=ice-pwd:", b"a=fingerprint:"];

/// Length of a ClientID in hexadecimal digits.
const CLIENT_ID_DIGITS: usize = 16;

/// A run of hexadecimal groups with this many colons is scrubbed even if it is not an IPv6 address:
/// certificate fingerprints and hardware addresses. A time of day has two.
const MIN_COLONS: usize = 5;

/// Appends `line` to `out` with [`SCRUBBED`] in place of everything that may give a user away.
///
/// Replaced are, wherever they stand in the line:
///
/// * four groups of one to three digits with dots between them, with an optional port. A version
///   number of four parts, `0.4.9.11`, looks the same and goes as well, as with the Go programs;
/// * IPv6 addresses, plain, in brackets, with zone, port or a dotted tail: any run of hexadecimal
///   digits and colons with `::` or at least five colons in it, so fingerprints of certificates
///   go too. Times of day, `12:34:56`, and paths such as `http::server` stay;
/// * all of these with `:`, `[` and `]` URL-encoded;
/// * sixteen hexadecimal digits that stand alone: a ClientID;
/// * the value of `candidate:`, `a=ice-ufrag:`, `a=ice-pwd:` and `a=fingerprint:`, to the end of
///   the line or of the quoted string.
///
/// The line may be any bytes; what was UTF-8 stays UTF-8. The time it takes grows with the length
/// of the line, not its square.
///
/// ```
/// let mut out = Vec::new();
/// snowflake_safelog::scrub(b"12:34:56 dial [2001:db8::1]:443: refused", &mut out);
/// assert_eq!(out, b"12:34:56 dial [scrubbed]: refused");
/// ```
pub fn scrub(line: &[u8], out: &mut Vec<u8>) {
    let text = Text::decode(line);
    let mut kept = 0;
    let mut at = 0;
    while at < text.bytes.len() {
        let Some(secret) = secret_at(&text.bytes, at) else {
            at += 1;
            continue;
        };
        out.extend_from_slice(&line[kept..text.offsets[secret.start]]);
        out.extend_from_slice(SCRUBBED.as_bytes());
        at = secret.end;
        kept = text.offsets[at];
    }
    out.extend_from_slice(&line[kept..]);
}

/// A text as it may be shown to others, such as an error on its way to tor's log: [`scrub()`]bed,
/// unless [`allow_unsafe_logging`](crate::allow_unsafe_logging) was called.
///
/// ```
/// let error = "dial 192.0.2.7:443: refused";
/// assert_eq!(snowflake_safelog::scrubbed(error), "dial [scrubbed]: refused");
/// ```
pub fn scrubbed(text: impl std::fmt::Display) -> String {
    let text = text.to_string();
    if unsafe_logging_allowed() {
        return text;
    }
    let mut out = Vec::with_capacity(text.len());
    scrub(text.as_bytes(), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// A line with `%3A`, `%5B` and `%5D` decoded, and where each byte stood in the line.
struct Text {
    bytes: Vec<u8>,
    /// One longer than `bytes`: the last is the length of the line.
    offsets: Vec<usize>,
}

impl Text {
    fn decode(line: &[u8]) -> Self {
        let mut text = Self {
            bytes: Vec::with_capacity(line.len()),
            offsets: Vec::with_capacity(line.len() + 1),
        };
        let mut at = 0;
        while at < line.len() {
            let (byte, length) = match &line[at..line.len().min(at + 3)] {
                b"%3A" | b"%3a" => (b':', 3),
                b"%5B" | b"%5b" => (b'[', 3),
                b"%5D" | b"%5d" => (b']', 3),
                _ => (line[at], 1),
            };
            text.bytes.push(byte);
            text.offsets.push(at);
            at += length;
        }
        text.offsets.push(line.len());
        text
    }
}

/// The secret that is recognised at `at`; it may start a little before or after.
fn secret_at(text: &[u8], at: usize) -> Option<Range<usize>> {
    sdp_value(text, at)
        .or_else(|| colon_run(text, at).map(|run| widen(text, run)))
        .or_else(|| dotted_quad(text, at).map(|quad| widen(text, quad)))
        .or_else(|| client_id(text, at))
}

fn sdp_value(text: &[u8], at: usize) -> Option<Range<usize>> {
    let prefix = SDP_SECRETS.iter().find(|prefix| text[at..].starts_with(prefix))?;
    let start = at + prefix.len();
    // In a sentence the colon is followed by a space.
    text.get(start).filter(|&&byte| byte != b' ' && !ends_value(byte))?;
    let length = text[start..].iter().take_while(|&&byte| !ends_value(byte)).count();
    Some(start..start + length)
}

fn ends_value(byte: u8) -> bool {
    matches!(byte, b'\\' | b'"' | b'\r' | b'\n')
}

/// The run of hexadecimal groups that begins at `at`, without the halves of words at its ends.
fn colon_run(text: &[u8], at: usize) -> Option<Range<usize>> {
    let in_run = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
    let is_inside = at > 0 && in_run(text[at - 1]);
    if is_inside || !in_run(text[at]) {
        return None;
    }
    let mut end = at + text[at..].iter().take_while(|&&byte| in_run(byte)).count();
    let mut start = at;
    if starts_inside_word(text, at) {
        start += 1 + text[at..end].iter().position(|&byte| byte == b':')?;
    }
    let last_colon = start + text[start..end].iter().rposition(|&byte| byte == b':')?;
    if let Some(quad) = dotted_quad(text, last_colon + 1) {
        end = quad.end;
    } else if text.get(end).is_some_and(|&byte| is_word(byte)) {
        end = last_colon;
    }
    let run = &text[start..end];
    let colons = run.iter().filter(|&&byte| byte == b':').count();
    let is_secret = colons >= MIN_COLONS || run.windows(2).any(|pair| pair == b"::");
    is_secret.then(|| start..end - usize::from(ends_in_punctuation(run)))
}

/// Whether the last colon ends a phrase and not an address.
fn ends_in_punctuation(run: &[u8]) -> bool {
    run.ends_with(b":::") || (run.ends_with(b":") && !run.ends_with(b"::"))
}

/// Four groups of digits at `at`.
fn dotted_quad(text: &[u8], at: usize) -> Option<Range<usize>> {
    if at > 0 && text[at - 1].is_ascii_digit() {
        return None;
    }
    let mut end = at;
    for group in 0..4 {
        if group > 0 {
            text.get(end).filter(|&&byte| byte == b'.')?;
            end += 1;
        }
        end += digits(text, end, 3)?;
    }
    Some(at..end)
}

/// How many digits stand at `at`, if at least one and at most `most`.
fn digits(text: &[u8], at: usize, most: usize) -> Option<usize> {
    let count = text.get(at..)?.iter().take(most + 1).take_while(|b| b.is_ascii_digit()).count();
    (1..=most).contains(&count).then_some(count)
}

/// An address with the zone, brackets and port around it.
fn widen(text: &[u8], address: Range<usize>) -> Range<usize> {
    let Range { mut start, mut end } = address;
    if text.get(end) == Some(&b'%') {
        end += 1;
        end += text[end..].iter().take_while(|&&byte| is_word(byte) || byte == b'-').count();
    }
    if start > 0 && text[start - 1] == b'[' && text.get(end) == Some(&b']') {
        start -= 1;
        end += 1;
    }
    if text.get(end) == Some(&b':') {
        end += digits(text, end + 1, 5).map_or(0, |count| 1 + count);
    }
    start..end
}

/// Sixteen hexadecimal digits that are a word of their own.
fn client_id(text: &[u8], at: usize) -> Option<Range<usize>> {
    let end = at + CLIENT_ID_DIGITS;
    let is_whole_word =
        !starts_inside_word(text, at) && !text.get(end).is_some_and(|&byte| is_word(byte));
    let is_id = is_whole_word && text.get(at..end)?.iter().all(u8::is_ascii_hexdigit);
    is_id.then_some(at..end)
}

fn starts_inside_word(text: &[u8], at: usize) -> bool {
    at > 0 && is_word(text[at - 1]) && !after_escape(text, at)
}

/// Whether `\n`, `\r` or `\t` stands before `at`, written as an escape: the letter is no word.
fn after_escape(text: &[u8], at: usize) -> bool {
    at > 1 && text[at - 2] == b'\\' && b"nrt".contains(&text[at - 1])
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests;
