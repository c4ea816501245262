//! The header that each datagram between us and the proxy has (RFC 1928, 7).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::handshake::{IPV4, IPV6, push_address};

/// Appends a datagram for `to` that carries `payload`.
pub fn encode(to: SocketAddr, payload: &[u8], datagram: &mut Vec<u8>) {
    // Reserved, and the number of the fragment: there is one only.
    datagram.extend([0, 0, 0]);
    push_address(datagram, to);
    datagram.extend(payload);
}

/// From whom a datagram is, and where its payload begins; `None` if it is not whole, or from a name.
///
/// Fragments may be dropped by whoever does not put them together (RFC 1928, 7), and nobody does.
pub fn decode(datagram: &[u8]) -> Option<(SocketAddr, usize)> {
    let [_, _, 0, kind, rest @ ..] = datagram else { return None };
    let (ip, rest): (IpAddr, _) = match *kind {
        IPV4 => {
            let (ip, rest) = rest.split_first_chunk::<4>()?;
            (Ipv4Addr::from(*ip).into(), rest)
        }
        IPV6 => {
            let (ip, rest) = rest.split_first_chunk::<16>()?;
            (Ipv6Addr::from(*ip).to_canonical(), rest)
        }
        _ => return None,
    };
    let (port, payload) = rest.split_first_chunk::<2>()?;
    let from = SocketAddr::new(ip, u16::from_be_bytes(*port));
    Some((from, datagram.len() - payload.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ten_bytes_with_ipv4() {
        let mut datagram = Vec::new();
        encode("192.0.2.1:3478".parse().unwrap(), b"payload", &mut datagram);
        assert_eq!(datagram, b"\0\0\0\x01\xc0\0\x02\x01\x0d\x96payload");
    }

    #[test]
    fn fragments_and_names_are_left_alone() {
        assert_eq!(decode(b"\0\0\x01\x01\xc0\0\x02\x01\x0d\x96payload"), None);
        assert_eq!(decode(b"\0\0\0\x03\x04here\x0d\x96payload"), None);
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            ip: IpAddr,
            port: u16,
            payload in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let peer = SocketAddr::new(ip.to_canonical(), port);
            let mut datagram = Vec::new();
            encode(peer, &payload, &mut datagram);
            let (from, start) = decode(&datagram).unwrap();
            prop_assert_eq!((from, &datagram[start..]), (peer, &payload[..]));
            for cut in 0..start {
                prop_assert_eq!(decode(&datagram[..cut]), None);
            }
        }

        #[test]
        fn anything_may_come(datagram in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some((_, start)) = decode(&datagram) {
                prop_assert!(start <= datagram.len());
            }
        }
    }
}
