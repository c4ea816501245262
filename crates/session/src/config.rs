//! What both ends agree on or Snowflake chose, with its reasons.

use std::time::Duration;

/// How long a session whose handles are all gone may still try to deliver what was written.
///
/// 5 s: long enough for a FIN to get out over a slow path, so that the peer need not wait for its timeout of minutes;
/// short enough that a client which is told to stop does stop. Go's client does not wait at all.
pub const LINGER: Duration = Duration::from_secs(5);

/// Accepted streams, of all sessions, that wait in a [`Listener`](crate::Listener) for [`accept`].
///
/// 1024: the accept loop only spawns a task, so more can hardly wait. When it is full, a new stream is refused with a
/// FIN.
///
/// [`accept`]: crate::Listener::accept
pub const ACCEPT_BACKLOG: usize = 1024;

/// How long a new client may take to send the first packet that belongs to a session.
pub(crate) const FIRST_PACKET: Duration = Duration::from_secs(10);

/// How long a session at the server must bring nothing, while another wants its place, to lose it: 60 s, six of smux's
/// keep-alives.
///
/// kcp-go's listener gives it away at once, for one packet with number 0, to whoever knows the ClientID, which every proxy
/// that was used does. Nothing honest needs that: a client of Go's or ours that starts anew has a new ClientID.
pub(crate) const SILENT: Duration = Duration::from_secs(60);

/// How soon KCP sends again what has not been answered.
///
/// 1 s: carriers lose nothing while they live, and whether they live is found out by proofs and not by this. It is left
/// for what a relay drops.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(1);

/// What may wait to be sent in a stream at the least and at the most, in bytes; between them it is what leaves in
/// [`QUEUE`](snowflake_multiplex::QUEUE), no delay that anybody notices.
///
/// 4 KiB are eight of tor's cells, a thirtieth of a second at 1 Mbit/s; 64 KiB two full frames: one leaves while the other
/// fills.
pub(crate) const SEND_BUFFER: [usize; 2] = [4 * 1024, 64 * 1024];

/// The receive buffer of tor's socket from when a stream's buffer is at its largest, which is at 1.3 MB/s: 128 KiB, a
/// tenth of a second at that rate.
///
/// With the 8 KiB with which `snowflake-pt` lets it begin, a fast session would spend much of its time on wake-ups. It
/// is not taken back: in a session that becomes slower it is a longer delay, a second at 1 Mbit/s. Linux doubles the
/// number, for its own book-keeping.
pub(crate) const FAST_SOCKET: usize = 128 * 1024;

/// The settings of the machines.
#[derive(Clone, Debug)]
pub struct Config {
    /// KCP's: MTU 1400, windows 65535, as kcp-go is set by Snowflake on both sides.
    pub kcp: snowflake_kcp::Config,
    /// What is wanted of carriers: one at the client unless told otherwise, none at the server, which cannot dial.
    pub multiplex: snowflake_multiplex::Config,
    /// smux's: version 2; keep-alive every 10 s; 20 min of silence end the session at the client, 8 min at the server.
    pub smux: snowflake_smux::Config,
}

impl Config {
    /// The client's settings, as in Go's `newSession`.
    pub fn client() -> Self {
        Self {
            kcp: kcp(),
            multiplex: snowflake_multiplex::Config::client(),
            smux: snowflake_smux::Config::client(),
        }
    }

    /// The server's settings, as in Go's `acceptStreams`.
    pub fn server() -> Self {
        Self {
            kcp: kcp(),
            multiplex: snowflake_multiplex::Config::server(),
            smux: snowflake_smux::Config::server(),
        }
    }
}

fn kcp() -> snowflake_kcp::Config {
    snowflake_kcp::Config {
        shortest_timeout: SHORTEST_TIMEOUT,
        paced: true,
        ..snowflake_kcp::Config::default()
    }
}
