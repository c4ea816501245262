//! The two STUN messages that matter here: a Binding request, and its success response.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rtc_stun::attributes::{
    ATTR_CHANGE_REQUEST, ATTR_OTHER_ADDRESS, ATTR_XORMAPPED_ADDRESS, AttrType,
};
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, MAGIC_COOKIE, Message, TransactionId};

/// Names a question; the answer repeats it.
pub(crate) type Id = [u8; 12];

/// CHANGE-REQUEST with both flags, "change IP" and "change port" (RFC 5780, section 7.2).
const FROM_THE_OTHER_ADDRESS: [u8; 4] = [0, 0, 0, 6];

/// A Binding request; the answer to it is to come from the server's other address if `from_other` is set.
pub(crate) fn request(id: Id, from_other: bool) -> Vec<u8> {
    let mut message = Message::new();
    message.typ = BINDING_REQUEST;
    message.transaction_id = TransactionId(id);
    message.write_header();
    if from_other {
        message.add(ATTR_CHANGE_REQUEST, &FROM_THE_OTHER_ADDRESS);
    }
    message.raw
}

/// What a server answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) id: Id,
    /// Our address as the server sees it.
    pub(crate) mapped: SocketAddr,
    /// Its other address, if it has one.
    pub(crate) other: Option<SocketAddr>,
}

impl Response {
    /// `None` for everything that is not a Binding success response with our address in it.
    pub(crate) fn read(datagram: &[u8]) -> Option<Self> {
        let mut message = Message::new();
        message.unmarshal_binary(datagram).ok()?;
        if message.typ != BINDING_SUCCESS {
            return None;
        }
        let TransactionId(id) = message.transaction_id;
        Some(Self {
            id,
            mapped: unmask(address(&message, ATTR_XORMAPPED_ADDRESS)?, id),
            other: address(&message, ATTR_OTHER_ADDRESS),
        })
    }
}

/// The address in an attribute: zero, family, port, address (RFC 8489, section 14.1).
///
/// The library fills up or cuts addresses that have the wrong length; here they are none.
fn address(message: &Message, kind: AttrType) -> Option<SocketAddr> {
    let value = message.get(kind).ok()?;
    let (&[_, family, high, low], address) = value.split_first_chunk::<4>()?;
    let ip = match family {
        1 => IpAddr::from(<[u8; 4]>::try_from(address).ok()?),
        2 => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes([high, low])))
}

/// Undoes the XOR with the magic cookie and, for IPv6, the transaction's id (RFC 8489, section 14.2).
fn unmask(masked: SocketAddr, id: Id) -> SocketAddr {
    let ip = match masked.ip() {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() ^ MAGIC_COOKIE).into(),
        IpAddr::V6(ip) => {
            let mut mask = [0; 16];
            mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
            mask[4..].copy_from_slice(&id);
            Ipv6Addr::from_bits(ip.to_bits() ^ u128::from_be_bytes(mask)).into()
        }
    };
    SocketAddr::new(ip, masked.port() ^ (MAGIC_COOKIE >> 16) as u16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: Id = *b"transaction!";

    /// A success response with these attributes.
    fn response(id: Id, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        bytes.extend(id);
        for (kind, value) in attributes {
            bytes.extend(kind.to_be_bytes());
            bytes.extend((value.len() as u16).to_be_bytes());
            bytes.extend(*value);
        }
        bytes[3] = (bytes.len() - 20) as u8;
        bytes
    }

    #[test]
    fn requests_are_the_bytes_of_the_rfcs() {
        let plain = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &ID].concat();
        assert_eq!(request(ID, false), plain);
        let change = [&[0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42][..], &ID, &[0, 3, 0, 4, 0, 0, 0, 6]];
        assert_eq!(request(ID, true), change.concat());
    }

    /// RFC 5769, sections 2.2 and 2.3: 192.0.2.1 and 2001:db8:1234:5678:11:2233:4455:6677, both port 32853.
    #[test]
    fn addresses_of_both_families_are_those_of_the_rfc() {
        let id = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let four = [0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let six = [
            0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4,
            0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        for (masked, mapped) in [
            (&four[..], "192.0.2.1:32853"),
            (&six[..], "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
        ] {
            let read = Response::read(&response(id, &[(0x20, masked)])).unwrap();
            assert_eq!(read, Response { id, mapped: mapped.parse().unwrap(), other: None });
        }
    }

    #[test]
    fn the_other_address_is_read_and_what_is_unknown_is_passed_over() {
        let software: &[u8] = b"test vec";
        let mapped: &[u8] = &[0, 1, 0, 0, 1, 2, 3, 4];
        let other: &[u8] = &[0, 1, 0x0d, 0x97, 198, 51, 100, 7];
        let bytes = response(ID, &[(0x8022, software), (0x20, mapped), (0x802c, other)]);
        let read = Response::read(&bytes).unwrap();
        assert_eq!(read.other, Some("198.51.100.7:3479".parse().unwrap()));
    }

    #[test]
    fn what_is_no_success_response_with_our_address_is_none() {
        let mapped: &[u8] = &[0, 1, 0, 0, 1, 2, 3, 4];
        let good = response(ID, &[(0x20, mapped)]);
        assert!(Response::read(&good).is_some());
        for len in 0..good.len() {
            assert_eq!(Response::read(&good[..len]), None, "{len} bytes");
        }
        // A request, an error, an indication; another cookie; longer than it is; a family that is none.
        for (at, value) in [(0, 0), (1, 0x11), (1, 0x01 ^ 0x10), (4, 0), (3, 16), (25, 3)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(Response::read(&bad), None, "byte {at} is {value}");
        }
        for short in [&[][..], &[0, 1, 0], &[0, 1, 0, 0, 1, 2, 3], &[0, 2, 0, 0, 1, 2, 3, 4]] {
            let padded = [short, &vec![0; short.len().next_multiple_of(4) - short.len()]].concat();
            let mut bytes = response(ID, &[(0x20, &padded)]);
            bytes[23] = short.len() as u8;
            assert_eq!(Response::read(&bytes), None, "{short:?}");
        }
    }

    proptest! {
        #[test]
        fn no_datagram_is_too_much(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Response::read(&bytes);
            // Past the header, too.
            let head = response(ID, &[]);
            let length = bytes.len().min(head.len());
            bytes[..length].copy_from_slice(&head[..length]);
            if length == head.len() {
                bytes[3] = (bytes.len() - head.len()) as u8;
            }
            let _ = Response::read(&bytes);
        }
    }
}
