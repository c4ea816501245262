//! Every timer and capacity of this crate.

use std::{ops::RangeInclusive, time::Duration};

/// Default time for collecting candidates, name resolution included: what Go's ICE library gives a STUN server.
pub const GATHERING_DEADLINE: Duration = Duration::from_secs(5);

/// How long candidates may still come in after the first server-reflexive one.
///
/// Servers that are up answer within a round trip of each other; one that is down must not cost every connection the
/// whole [`GATHERING_DEADLINE`].
pub const GATHERING_GRACE: Duration = Duration::from_millis(500);

/// How often a pair of candidates is tried; Go's ICE library waits 200 ms.
///
/// At 50 ms a path that is there is found within one round trip and a twentieth of a second.
pub const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// How often a pair is tried before it rests until the peer tries it: five seconds' worth, the time the broker may take
/// to pass an answer on.
pub const CHECK_ATTEMPTS: u16 = 100;

/// How often a path in use is checked: every two seconds, as by Go's ICE library.
pub const PATH_CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Silence after which a path is in doubt; the default of Go's ICE library.
///
/// Both ends say something in each [`PATH_CHECK_INTERVAL`].
pub const PATH_DOUBT: Duration = Duration::from_secs(5);

/// How much longer a path in doubt may be silent before the connection has failed.
///
/// Go's ICE library waits 25 s, so that Go's client loses 20 s to a proxy that vanished before it gives up by itself.
/// With 5 s it is ten in all: five missed signs of life, twice the longest pause of a network that should cost nothing.
pub const PATH_FAILED: Duration = Duration::from_secs(5);

/// Candidates of the peer that are used; later ones are ignored.
///
/// Each costs [`CHECK_ATTEMPTS`] packets to an address that the peer chose, so the number is what bounds the misuse of
/// this program as a packet source. Peers offer two to eight.
pub const MAX_PEER_CANDIDATES: usize = 20;

/// Sockets of one connection, hence host candidates; further interface addresses are not used.
pub const MAX_SOCKETS: usize = 8;

/// Receive buffer asked of the kernel for each socket, bytes.
///
/// The peer sends bursts of a whole congestion window; with the kernel's usual 212,992 bytes they overflow, and each
/// overflow may cost a retransmission timeout of 0.4 s and more. The kernel grants at most `net.core.rmem_max`.
pub const SOCKET_RECEIVE_BUFFER: usize = 4 << 20;

/// Length of the largest batch of packets that the kernel hands out, bytes: that of an IP packet has 16 bits.
pub(crate) const LARGEST_BATCH: usize = 1 << 16;

/// Batches that are taken from the kernel in one call: 8, what comes in a [`LULL`] at 40 Mbit/s.
pub(crate) const BATCHES_AT_ONCE: usize = 8;

/// How long a kernel that has no room for packets is left alone: 1 ms.
pub(crate) const FULL_RETRY: Duration = Duration::from_millis(1);

/// Packets of a batch that the library gets at once: it keeps 1500 bytes for each.
///
/// With four, what each call costs is little against what four packets cost, and an idle connection has 6 KB in each
/// buffer.
pub(crate) const BATCH_PART: usize = 4;

/// How long a busy socket is not asked for more packets: two milliseconds, because the timer counts whole ones.
///
/// At 40 Mbit/s eight packets come in that time. Both ends together add four milliseconds to the round trip of a download.
pub(crate) const LULL: Duration = Duration::from_micros(1900);

/// The time for each packet below which a socket is busy: 1 ms, three packets in a [`LULL`] or some 15 Mbit/s. Slower ones
/// would bring one or two.
pub(crate) const DENSE_SPACING: Duration = Duration::from_millis(1);

/// How often in a row packets must have come that densely: 16 times, more than in any handshake.
pub(crate) const DENSE_RUN: u32 = 16;

/// So many packets at once need no wait: 8. A message of [`MESSAGE_LENGTH`] on a path without a limit has 14.
pub(crate) const BATCH_BY_ITSELF: u32 = 8;

/// And so many after a wait: 48, some 240 Mbit/s, with which they come together anyway.
pub(crate) const BATCH_AFTER_LULL: u32 = 48;

/// How long nothing but checks must have come before a connection rests: 300 ms, longer than SCTP waits with an
/// acknowledgement (200 ms, RFC 9260, 6.2).
pub(crate) const QUIET_BEFORE_REST: Duration = Duration::from_millis(300);

/// Silence of the peer after which a connection rests no longer: 4 s. It may be gone, and the agent is called as often as
/// it wants, to find out in time ([`PATH_DOUBT`]).
pub(crate) const MAX_SILENCE_AT_REST: Duration = Duration::from_secs(4);

/// The shortest sleep that is prolonged at rest: 5 ms. The driver sleeps less when something is due at once, a check
/// that was put off, and only waits for the clock to move.
pub(crate) const MIN_PROLONGED_SLEEP: Duration = Duration::from_millis(5);

/// Bytes sent but not acknowledged by the peer at which a [`DataChannel`](crate::DataChannel) is no longer ready, as
/// long as the path takes fewer in [`SEND_BUFFER_TIME`]: 512 KiB, the high mark of the Go proxy.
///
/// It is ready again when half of them are acknowledged, as Go's. The distance is what goes out in one burst.
pub const SEND_BUFFER: usize = 512 << 10;

/// What may be unacknowledged on a faster path: what it takes in 400 ms.
///
/// With half of it under way a path of 200 ms is full, so that every path below that is found to be as fast as it is; from
/// 10 Mbit/s on 512 KiB are not enough for a long one. It is not more because what waits here holds up what comes after it:
/// where nobody paces, as Go's programs do not, a buffer that is allowed is full.
pub const SEND_BUFFER_TIME: Duration = Duration::from_millis(400);

/// What may be unacknowledged at the most: 2 MiB, 40 Mbit/s for 400 ms. It is memory that one peer can hold.
pub const LARGEST_SEND_BUFFER: usize = 2 << 20;

/// How long a full send buffer may stand still: 20 s without a single acknowledged byte.
///
/// A peer whose machine is gone or frozen is noticed before that, by [`PATH_FAILED`]. This is for one whose network
/// stack lives on while nobody reads what it receives. However slow a path is, it takes a packet in that time.
pub const SEND_STALL: Duration = Duration::from_secs(20);

/// The first wait for the send buffer to drain; doubled up to [`MAX_DRAIN_CHECK`]. The library has no event for it that
/// would not pass through the receiving side.
pub(crate) const MIN_DRAIN_CHECK: Duration = Duration::from_millis(1);

/// The longest such wait: short against the time in which any path takes half of [`SEND_BUFFER`].
pub(crate) const MAX_DRAIN_CHECK: Duration = Duration::from_millis(16);

/// Length of an SCTP packet, bytes: what fits into 1280 bytes, the least that IPv6 carries, after all headers.
pub(crate) const SCTP_PACKET: u32 = 1191;

/// What a packet carries of a message: without the headers of packet and chunk, in whole words (RFC 9260, 3.3.1).
pub(crate) const CHUNK_PAYLOAD: usize = (SCTP_PACKET as usize - 12 - 16) / 4 * 4;

/// Length of the largest message sent, 16,240 bytes; longer items are cut.
///
/// Every implementation has accepted 16 KiB since data channels exist (RFC 8831, 6.6). This is the greatest length below
/// that fills its packets to the last byte: only packets of one size travel together through the kernel, which
/// halves the processor time per byte.
pub const MESSAGE_LENGTH: usize = (16 << 10) / CHUNK_PAYLOAD * CHUNK_PAYLOAD;

/// How long the path may be busy with one message: 5 ms, a quarter of what KCP collects acknowledgements for.
pub const MESSAGE_TIME: Duration = Duration::from_millis(5);

/// How long what does not fill a packet waits for the rest on a busy path: 25 ms. KCP's packets come in bursts with the
/// acknowledgements that let them go, which our ends send every 20 ms.
pub const HOLD: Duration = Duration::from_millis(25);

/// How long a path is used without a pause before it is called busy: half a second. The end of a web page's burst must not
/// wait, the end of a download may.
pub const BUSY_AFTER: Duration = Duration::from_millis(500);

/// The slowest and the fastest that a busy path may be, in bytes a second: 0.6 Mbit/s fill one and a half in the
/// time of [`HOLD`]. From 75 Mbit/s messages have so many packets that it does not matter what the last one lacks.
pub const BUSY_RATES: RangeInclusive<f64> = 7e4..=9.4e6;

/// Shortest time over which the rate is measured that [`MESSAGE_TIME`] is applied to: 50 ms, more than one round of
/// packets and answers on most paths.
pub(crate) const RATE_EPOCH: Duration = Duration::from_millis(50);

/// Length of the largest message accepted, bytes: 32 KiB, which older Go proxies copy at a time; nobody sends more.
///
/// Announced in the description (`a=max-message-size`), and reserved for each connection. A longer message fails the channel.
pub const MAX_INCOMING_MESSAGE: u32 = 32 << 10;

/// Length of the longest session description read, bytes: what the broker passes on.
pub const MAX_DESCRIPTION: usize = 100_000;

/// How often the first message is tried between the DTLS handshake and the SCTP association, which the library does not
/// announce.
pub(crate) const FIRST_MESSAGE_RETRY: Duration = Duration::from_millis(5);

/// How often [`DataChannel::gone`](crate::DataChannel::gone) looks whether the peer has closed the channel.
pub(crate) const GONE_CHECK: Duration = Duration::from_millis(100);

/// How long closing waits for the peer to acknowledge what was sent.
pub(crate) const CLOSE_LINGER: Duration = Duration::from_secs(2);

/// How often it looks whether that has happened.
pub(crate) const CLOSE_LINGER_CHECK: Duration = Duration::from_millis(10);

/// How long taking a connection down may last before its driver is aborted.
pub(crate) const CLOSE_DEADLINE: Duration = Duration::from_secs(1);

/// How often sockets are bound anew when another program took the chosen port in between.
pub(crate) const BIND_ATTEMPTS: usize = 4;
