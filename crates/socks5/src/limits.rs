//! Every number of this crate.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

/// TCP to the proxy: 10 s.
pub const CONNECT: Duration = Duration::from_secs(10);

/// From there to the end of the handshake for datagrams, for which the proxy has to ask nobody: 10 s.
pub const ASSOCIATE: Duration = Duration::from_secs(10);

/// Longest user name, password and host name: one byte holds their length (RFC 1928, RFC 1929).
pub const MAX_FIELD: usize = 255;

/// Longest header of a datagram: that with an IPv6 address.
pub const MAX_HEADER: usize = 22;

/// Who is asked about names, through the proxy: the server that Go's client asks.
pub const NAME_SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(1, 1, 1, 1), 53);

/// How often a name server is asked, because datagrams get lost: 3 times, as by Go's client.
pub const QUESTIONS: usize = 3;

/// How long each of its answers is waited for: 1 s, as by Go's client.
pub const ANSWER: Duration = Duration::from_secs(1);

/// The same once it has answered about another name, if it is not far away: 250 ms, or twice as long as that answer took. A
/// name about which it says nothing costs less than a second so, and not 3 s whenever it is looked up.
pub const FURTHER_ANSWER: Duration = Duration::from_millis(250);

/// How long names are looked up if nobody answers: 3 s.
pub const LOOKUP: Duration = ANSWER.saturating_mul(QUESTIONS as u32);

/// Longest answer of a name server over UDP, without extensions (RFC 1035, 4.2.1).
pub const MAX_ANSWER: usize = 512;
