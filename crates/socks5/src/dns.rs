//! Questions to a name server for IPv4 addresses, and its answers (RFC 1035).

use std::net::Ipv4Addr;

const HEADER: usize = 12;
/// A question that asks the server to ask others.
const RECURSION_DESIRED: u16 = 0x0100;
const RESPONSE: u16 = 0x8000;
/// The name does not exist.
const NAME_ERROR: u16 = 3;
const RESULT: u16 = 0x000f;
/// Type A and class IN.
const A_IN: [u8; 4] = [0, 1, 0, 1];
const MAX_LABEL: usize = 63;
const MAX_NAME: usize = 253;

/// A question for the IPv4 addresses of `name`; `None` if that is no host name.
pub fn question(id: u16, name: &str) -> Option<Vec<u8>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut message = Vec::with_capacity(HEADER + name.len() + 6);
    for field in [id, RECURSION_DESIRED, 1, 0, 0, 0] {
        message.extend(field.to_be_bytes());
    }
    for label in name.split('.') {
        let is_label = label.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_label || !(1..=MAX_LABEL).contains(&label.len()) || name.len() > MAX_NAME {
            return None;
        }
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(A_IN);
    Some(message)
}

/// The addresses in an answer, none if there is no such name; `None` if it is no answer to `question`, or tells nothing.
pub fn answer(question: &[u8], message: &[u8]) -> Option<Vec<Ipv4Addr>> {
    let (header, asked) = question.split_at_checked(HEADER)?;
    let (start, body) = message.split_at_checked(HEADER)?;
    let field = |at: usize| u16::from_be_bytes([start[at], start[at + 1]]);
    let flags = field(2);
    let (said, mut records) = body.split_at_checked(asked.len())?;
    if start[..2] != header[..2]
        || flags & RESPONSE == 0
        || field(4) != 1
        || !said.eq_ignore_ascii_case(asked)
    {
        return None;
    }
    match flags & RESULT {
        0 => {}
        NAME_ERROR => return Some(Vec::new()),
        _ => return None,
    }
    let mut addresses = Vec::new();
    // A record has 11 bytes at least, so the message ends this.
    for _ in 0..field(6) {
        let (kind, data, rest) = record(records)?;
        if kind == A_IN {
            addresses.push(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?));
        }
        records = rest;
    }
    Some(addresses)
}

/// Type and class, data, and what follows.
fn record(message: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let rest = after_name(message)?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (_lifetime, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (data, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    Some((*kind, data, rest))
}

/// What follows a name, which ends with an empty label or with a pointer to a name before it.
fn after_name(mut message: &[u8]) -> Option<&[u8]> {
    loop {
        let (&length, rest) = message.split_first()?;
        message = match length {
            0 => return Some(rest),
            1..=63 => rest.get(length.into()..)?,
            0xc0.. => return rest.get(1..),
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked() -> Vec<u8> {
        question(0x1234, "stun.example").unwrap()
    }

    /// An answer with an alias, an IPv6 address and two IPv4 addresses.
    fn answered() -> Vec<u8> {
        let mut message = asked();
        message[2..4].copy_from_slice(&[0x81, 0x80]);
        message[7] = 4;
        for (kind, data) in [
            (5, &b"\x01s\xc0\x11"[..]),
            (28, &[32; 16]),
            (1, &[192, 0, 2, 1]),
            (1, &[192, 0, 2, 2]),
        ] {
            message.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
            message.extend(data);
        }
        message
    }

    #[test]
    fn a_question_is_that_of_the_rfc() {
        assert_eq!(asked(), b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x04stun\x07example\0\0\x01\0\x01");
        assert_eq!(question(0x1234, "stun.example."), Some(asked()));
        let long = "x".repeat(64);
        for bad in ["", ".", "a..b", "a b", "ä", &long, &["x"; 128].join(".")] {
            assert_eq!(question(1, bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_are_found_among_other_records() {
        let addresses = [1, 2].map(|host| Ipv4Addr::new(192, 0, 2, host));
        assert_eq!(answer(&asked(), &answered()), Some(addresses.to_vec()));
    }

    #[test]
    fn a_name_that_is_not_there_has_no_addresses() {
        let mut message = asked();
        message[2..4].copy_from_slice(&[0x81, 0x83]);
        assert_eq!(answer(&asked(), &message), Some(Vec::new()));
        message[3] = 0x82;
        assert_eq!(answer(&asked(), &message), None, "the server has failed");
    }

    #[test]
    fn answers_to_others_are_not_ours() {
        for at in [0, 1, 2, 5, 13, 30] {
            let mut message = answered();
            message[at] ^= 0x80;
            assert_eq!(answer(&asked(), &message), None, "byte {at}");
        }
        assert_eq!(answer(&asked(), &asked()), None, "our own question");
        for cut in 0..answered().len() {
            assert_eq!(answer(&asked(), &answered()[..cut]), None, "{cut} bytes");
        }
    }

    proptest! {
        #[test]
        fn anything_may_come(tail in prop::collection::vec(any::<u8>(), 0..200), records: u16) {
            let mut message = asked();
            message[2..4].copy_from_slice(&[0x81, 0x80]);
            message[6..8].copy_from_slice(&records.to_be_bytes());
            message.extend(&tail);
            let addresses = answer(&asked(), &message).unwrap_or_default();
            prop_assert!(addresses.len() <= tail.len() / 11);
        }
    }
}
