//! Every time and size of the client, with its reason.

use std::time::Duration;

/// From setting the answer to the open data channel: Go's `DataChannelTimeout`.
pub(crate) const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// Proxies that one connection uses at once: 16, half of the carriers that both ends keep for one client.
///
/// Whoever asks for more gets so many: each may fall silent and be replaced, and its place is free only when that is certain.
pub(crate) const MAX_PROXIES: usize = 16;

/// How long a program's dial waits for a first proxy, unless it says something else: an attempt takes 30 s at the most in
/// most cases, one that fails soon a second or two.
pub(crate) const DIAL_LIMIT: Duration = Duration::from_secs(60);

/// Events that are kept for a reader that is slow: 64, a few KiB. Whoever wants all of them reads as they come.
pub(crate) const EVENTS: usize = 64;

/// How long the other direction may go on when one has ended.
///
/// Go ends both at once. tor does not use half-closed connections, so this only lets what is under way arrive; longer
/// would hold a proxy for nothing.
pub(crate) const HALF_CLOSED: Duration = Duration::from_secs(10);

/// How long connections may still tell the bridge that they end when the program is told to stop.
///
/// tor sends SIGKILL a few seconds after SIGTERM.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(1);

/// How often at most a session logs what went through its proxies: Go's `LogTimeInterval`.
pub(crate) const TRAFFIC_INTERVAL: Duration = Duration::from_secs(5);

/// SOCKS connections at one time. tor opens one per bridge line and a few more; each costs a session and a WebRTC
/// connection. When it is reached, further ones wait for an answer until one ends.
pub(crate) const MAX_CONNECTIONS: usize = 1024;

/// Bytes copied at a time between tor and a stream: two cells' worth of TLS records.
pub(crate) const COPY_BUFFER: usize = 32 * 1024;

/// The same while little or nothing comes: 2 KiB, almost four cells.
pub(crate) const IDLE_COPY_BUFFER: usize = 2 * 1024;

/// How long a name server may take to name a STUN server whose answers tell about our NAT. With
/// [`snowflake_nat::limits::LONGEST`] it makes [`NAT_LIMIT`].
pub(crate) const NAT_LOOKUP: Duration = Duration::from_secs(3);

/// Until our NAT is known, or known to be unknown: 9 s at the most. What a slow upstream proxy takes to give places for
/// questions is taken from the time for answers, which most servers need a fraction of.
pub(crate) const NAT_LIMIT: Duration = NAT_LOOKUP.saturating_add(snowflake_nat::limits::LONGEST);

/// STUN servers asked about our NAT at one time: the first ones of those that are used at all. Each takes two sockets
/// for each of its addresses, one of IPv4 and one of IPv6.
pub(crate) const MAX_NAT_SERVERS: usize = 8;

/// How long it is believed what our NAT does. Go's client measures for each connection of tor.
pub(crate) const NAT_LIFE: Duration = Duration::from_secs(60 * 60);

/// The same when it is not known, or when a proxy could not reach us all the same.
pub(crate) const NAT_DOUBTED_LIFE: Duration = Duration::from_secs(60);

/// Brokers of which is remembered that they know the old words only; with more, the first is forgotten and has to refuse
/// once more.
pub(crate) const MAX_BROKERS: usize = 16;

/// From the start of one of several rendezvous methods to the start of the next, doubled each time: 250 ms, the delay
/// that RFC 8305 (Happy Eyeballs) recommends between connection attempts.
pub(crate) const RACE_GAP: Duration = Duration::from_millis(250);

/// Rendezvous methods that are remembered because they worked, of all bridge lines together.
pub(crate) const MAX_WINNERS: usize = 64;
