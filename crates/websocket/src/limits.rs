//! Every size and time of this crate.

use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Largest message that is accepted: 1 MiB.
///
/// Go proxies and servers send at most 2048 bytes or, in newer versions, 32 KiB; browsers pass on data channel messages
/// of at most 256 KiB. A larger message ends the carrier with an error. A peer that announces a frame of this size and
/// never sends it costs address space, not memory: pages are touched as the bytes arrive.
pub const MAX_MESSAGE: usize = 1 << 20;

/// Largest message that is sent: 32 KiB. Longer byte strings are cut (not copied) into several messages.
pub const MAX_SENT_MESSAGE: usize = 32 << 10;

/// Bytes asked of the transport in one read: 16 KiB, a TLS record. Allocated with each WebSocket and held while it is
/// idle, so a server pays it for each of its users.
pub const READ_BUFFER: usize = 16 << 10;

/// Bytes that are collected before they are written without a flush: 32 KiB, two TLS records.
///
/// When the transport does not take them, `poll_ready` waits until it did: this is the back-pressure. The buffer grows
/// with what is sent and keeps its size: a WebSocket that only ever sent small messages holds next to nothing, one that
/// was busy once holds this and one message more.
pub const WRITE_BUFFER: usize = 32 << 10;

/// Time for a whole dial, from name lookup to the server's `101`: 45 s, as in gorilla/websocket's default dialer.
pub const DIAL: Duration = Duration::from_secs(45);

/// Time for one TCP connect, so that an address that swallows packets leaves time for the next one: 10 s.
pub const CONNECT: Duration = Duration::from_secs(10);

/// Time from the first byte of a request to the end of the response: 10 s, the Go server's `ReadTimeout`.
pub const ACCEPT: Duration = Duration::from_secs(10);

/// Request line and headers together: 16 KiB. Anything longer is answered with 431, without reading on.
pub const MAX_REQUEST_HEAD: usize = 16 << 10;

/// Silence after which the peer is asked with a Ping whether it is still there: 12 s. The Go programs never ask.
///
/// Longer than the 10 s between the keep-alives of a session, so that a WebSocket in use never needs one.
pub const PING_AFTER: Duration = Duration::from_secs(12);

/// Time from a Ping to the next byte of the peer: 8 s, several times the round trip of the slowest path that is worth
/// having. A frozen peer is thus given up after 20 s.
pub const PONG_LIMIT: Duration = Duration::from_secs(8);

/// Time to write the Close frame and whatever waits before it: 1 s, as the Go programs allow.
pub const CLOSE: Duration = Duration::from_secs(1);

/// Room in the write buffer beyond its threshold: the one call that crosses it, with frame headers and a pong.
const WRITE_SLACK: usize = MAX_SENT_MESSAGE + 1024;

/// The limits as the WebSocket library takes them; its own defaults are 64 MiB messages and an unbounded buffer.
pub(crate) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER + WRITE_SLACK)
}
