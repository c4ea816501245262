//! Sizes and times.

use std::time::Duration;

/// How many bytes a sender may be ahead of its reader before the first UPD (`initialPeerWindow` of
/// the Go library).
pub(crate) const INITIAL_WINDOW: u32 = 262_144;

/// The largest frame payload, in bytes, while more than one stream has something to send.
///
/// Streams take turns frame by frame, so this is the longest that one makes another wait: 33 ms on
/// a path of 1 Mbit/s, where the 32768 bytes of a lone stream would be 262 ms. The header then
/// costs 0.2 %.
pub(crate) const SHARED_FRAME: usize = 4096;

/// The payload below which a frame is not cut shorter to fit the room there is: the header would cost over 1 %.
pub(crate) const SMALL_FRAME: usize = 1024;

/// How many refusals (FIN for a SYN above [`Config::max_streams`]) wait for output at most.
///
/// When full, further refused SYNs get no answer; what is sent on their streams is discarded either
/// way.
pub(crate) const MAX_REFUSALS: usize = 128;

/// How long a closed stream waits, without any UPD, for a peer that has finished as well to let out
/// what was written.
///
/// A peer that only half closed still reads and sends UPDs; one that closed (the Go library does
/// both at once) forgot the stream and never will, and nothing on the wire tells them apart. This
/// is the longest [`Config::keepalive_timeout`] of Snowflake: an outage of the path that the session
/// outlives is shorter, so it does not make a reader lose the rest. What a stream holds meanwhile
/// is at most [`Config::send_buffer`] and its place among [`Config::max_streams`].
pub(crate) const STALL_LIMIT: Duration = Duration::from_secs(20 * 60);

/// An incoming payload shorter than this is copied next to its neighbours instead of being kept as
/// a slice.
///
/// A slice costs 32 bytes and holds on to the whole input it was cut from: a peer that sends one
/// byte per frame could make us keep a hundred times what the budget says. Copying so little is
/// about as fast as cutting.
pub(crate) const SMALL_PAYLOAD: usize = 512;

/// Small payloads are gathered into pieces of about this many bytes.
pub(crate) const GATHERED: usize = 4096;

/// Settings of a session.
///
/// [`Config::client`] and [`Config::server`] are what Snowflake uses; a value outside its range is
/// moved to the nearest end of it when the session is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// A NOP goes out this often, whatever else does; default 10 s (Go: `KeepAliveInterval`).
    ///
    /// One that is due in half of it or less goes out as soon as the peer's comes, and the next is
    /// then due an eighth later (11.25 s), so that the peer's comes first again; so is the first of
    /// a server. That halves the wake-ups of an idle session.
    ///
    /// Every part of a Snowflake path that drops what is idle (proxy 30 s, client 20 s, server 60
    /// s) counts on it.
    pub keepalive_interval: Duration,
    /// A peer of whom nothing was heard for this long is given up; default 20 min at the client, 8
    /// min at the server, at least `keepalive_interval`.
    ///
    /// It is the time a user has to find a new proxy: the session outlives its carriers for this
    /// long. Go's `KeepAliveTimeout` is half of it, 10 and 4 min, but Go only looks once in that
    /// time whether anything has come, so it gives up after one to two of them. Twice is what never
    /// ends a session that Go would have kept.
    pub keepalive_timeout: Duration,
    /// The largest payload of a frame we send, in bytes; default 32768 (Go: `MaxFrameSize`), 1 to
    /// 65535.
    ///
    /// Used while a single stream has something to send; with several, frames are 4096 bytes at
    /// most, so that no stream waits long for its turn. Peers may send up to 65535 whatever this
    /// says.
    pub max_frame: usize,
    /// The window we announce for each stream, in bytes; default 1 MiB (Go: `MaxStreamBuffer`), 1
    /// to 2^31 - 1.
    ///
    /// With 64 KiB, a bridge far away gave a third of the speed; more than 1 MiB gave nothing more.
    pub stream_window: u32,
    /// How many bytes may wait for readers in the whole session before
    /// [`can_receive`](crate::Smux::can_receive) says no; default 4 MiB (Go: `MaxReceiveBuffer`),
    /// at least 1.
    ///
    /// The session may exceed it by one input, since an input is always taken whole.
    pub receive_budget: usize,
    /// How many written bytes of one stream wait for output at most; default 65536, at least 1.
    ///
    /// When full, [`write`](crate::Smux::write) takes less than it was given. Two full frames: one
    /// leaves while the other fills. What is on the way is buffered below, in KCP; more here would
    /// only be delay that no one can see.
    pub send_buffer: usize,
    /// How many streams exist at once, whoever opened them; default 1024 (the accept backlog of the
    /// Go library), at least 1.
    ///
    /// When full, [`open`](crate::Smux::open) fails, and the peer's SYN is refused by an immediate
    /// FIN.
    pub max_streams: usize,
}

impl Config {
    /// The settings of Snowflake's client.
    pub const fn client() -> Self {
        Self {
            keepalive_interval: Duration::from_secs(10),
            keepalive_timeout: Duration::from_secs(20 * 60),
            max_frame: 32768,
            stream_window: 1_048_576,
            receive_budget: 4_194_304,
            send_buffer: 65536,
            max_streams: 1024,
        }
    }

    /// The settings of Snowflake's server: the client's, but a silent peer is given up after 8
    /// minutes.
    pub const fn server() -> Self {
        Self { keepalive_timeout: Duration::from_secs(8 * 60), ..Self::client() }
    }

    /// The same with every value in its range.
    pub(crate) fn in_range(mut self) -> Self {
        self.keepalive_interval = self.keepalive_interval.max(Duration::from_millis(1));
        self.keepalive_timeout = self.keepalive_timeout.max(self.keepalive_interval);
        self.max_frame = self.max_frame.clamp(1, usize::from(u16::MAX));
        self.stream_window = self.stream_window.clamp(1, i32::MAX as u32);
        self.receive_budget = self.receive_budget.max(1);
        self.send_buffer = self.send_buffer.max(1);
        self.max_streams = self.max_streams.max(1);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snowflake_settings_are_in_range() {
        for config in [Config::client(), Config::server()] {
            assert_eq!(config.clone().in_range(), config);
        }
    }

    #[test]
    fn nonsense_is_moved_into_range() {
        let config = Config {
            keepalive_interval: Duration::from_secs(60),
            keepalive_timeout: Duration::ZERO,
            max_frame: 1 << 20,
            stream_window: u32::MAX,
            receive_budget: 0,
            send_buffer: 0,
            max_streams: 0,
        }
        .in_range();
        assert_eq!(config.keepalive_timeout, Duration::from_secs(60));
        assert_eq!(config.max_frame, 65535);
        assert_eq!(config.stream_window, 0x7fff_ffff);
        assert_eq!((config.receive_budget, config.send_buffer, config.max_streams), (1, 1, 1));
    }
}
