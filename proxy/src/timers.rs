//! Every time and bound of the proxy. Those that tests shorten are in [`Timers`].

use std::time::Duration;

/// The times of a proxy that polls and of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Collecting our candidates before the answer goes out with what there is: 3.75 s, three quarters of the 5 s that
    /// the broker's clients wait.
    pub gathering: Duration,
    /// From our answer to the client's data channel: 20 s, Go's `dataChannelTimeout`.
    pub data_channel: Duration,
    /// From the probe server's answer to its data channel: 20 s, as in Go. What does not open by then cannot.
    pub nat_channel: Duration,
    /// From the client's data channel to an open WebSocket at the relay: 20 s. No client waits longer, Go's gives a proxy
    /// up that brought nothing for so long; Go's proxy dials for 45 s.
    pub relay: Duration,
    /// Without a byte in either direction a client is let go: 30 s, as in Go, which looks at one direction only. A
    /// relay that takes nothing for so long is given up, too.
    pub idle: Duration,
    /// From [`Shutdown::finish`](crate::Shutdown::finish) until the clients that are still there are closed: 60 s. Twice
    /// [`idle`](Self::idle), so that whoever has left in silence is not waited for to the end; and, with [`CLOSE`] and the
    /// end of polls, far within the 90 s after which systemd kills by default. Whoever stays longer goes on through another
    /// proxy, as with every proxy that ends.
    pub finish: Duration,
    /// Shortest time between polls, whatever the broker says: 1 s, the minimum of the Go library.
    pub min_poll_interval: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            gathering: Duration::from_millis(3750),
            data_channel: Duration::from_secs(20),
            nat_channel: Duration::from_secs(20),
            relay: Duration::from_secs(20),
            idle: Duration::from_secs(30),
            finish: Duration::from_secs(60),
            min_poll_interval: Duration::from_secs(1),
        }
    }
}

/// Shortest `-poll-interval`: 2 s, as the Go program demands.
pub(crate) const MIN_OWN_POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Longest time between polls, whatever the broker says: a day.
pub(crate) const MAX_POLL_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest pause after failed polls, before jitter.
pub(crate) const MAX_POLL_BACKOFF: Duration = Duration::from_secs(5 * 60);

/// The whole of one of the two questions to the probe server: offer, exchange, 20 s for the channel, and room for slow
/// name lookups.
pub(crate) const NAT_PROBE: Duration = Duration::from_secs(60);

/// First pause after a check of the NAT that failed; further ones double it up to `-nat-retest-interval`. Go's proxy
/// waits for that interval, and remains unknown for a day if the network came up after it.
pub(crate) const NAT_RETRY: Duration = Duration::from_secs(60);

/// Longest pause after a check of the NAT that failed where there is no interval: a day, its default.
pub(crate) const MAX_NAT_RETRY: Duration = Duration::from_secs(24 * 60 * 60);

/// Time between looks at our addresses: other ones mean another network, and the NAT is checked.
pub(crate) const ADDRESS_LOOK: Duration = Duration::from_secs(30);

/// Time after a check for other addresses in which further ones cause none: 5 min. An interface that comes and goes would
/// have the probe server asked at each look.
pub(crate) const ADDRESS_PAUSE: Duration = Duration::from_secs(5 * 60);

/// How long a broker that has refused the new words for NATs is spoken to in the old ones: a day, then it may have been
/// replaced by a newer one.
pub(crate) const OLD_WORDS_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// First pause after the relay could not be reached: 5 min, as in Go.
pub(crate) const RELAY_RETRY: Duration = Duration::from_secs(5 * 60);

/// Longest pause after the relay could not be reached, and the pause after it could: a day, as in Go.
pub(crate) const RELAY_RECHECK: Duration = Duration::from_secs(24 * 60 * 60);

/// Closing both carriers of a client, with what is still buffered.
pub const CLOSE: Duration = Duration::from_secs(3);

/// Events that are kept for a reader that is slow: 64, a few KiB. Whoever wants all of them reads as they come.
pub const EVENTS: usize = 64;

/// Connections of Prometheus at once: 16, some for each that may want to know. Further ones wait in the system.
pub(crate) const METRICS_CONNECTIONS: usize = 16;

/// One request of Prometheus and its answer: 10 s, what Prometheus waits by default.
pub(crate) const METRICS_REQUEST: Duration = Duration::from_secs(10);

/// Pause after a connection of Prometheus could not be accepted, for want of descriptors in most cases.
pub(crate) const METRICS_PAUSE: Duration = Duration::from_millis(100);
