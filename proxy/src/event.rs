//! What happens in a proxy, for whoever wants to know: the operator's log, Prometheus, the program around it.

use std::{fmt, time::Duration};

use snowflake_cli::GoDuration;
use snowflake_geoip::Country;
use snowflake_messages::NatType;

/// Something that happened. `Display` writes the texts that tools know from the Go program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The proxy begins.
    Starting,
    /// What our NAT lets through: after the first check, however it went, and when it is another.
    NatType(NatType),
    /// A client has opened its data channel. [`Over`](Event::Over) follows for each.
    Connected,
    /// A connected client is over, wherever it got: also when the relay could not be reached. So Go's proxy counts, too.
    Over {
        /// Where the client was; not in the text, since the log is safe to post.
        country: Country,
    },
    /// A client got our answer, and its data channel did not open.
    ConnectionFailed,
    /// Numbers, after each [`Config::summary_interval`](crate::Config::summary_interval).
    Stats(Summary),
    /// Whoever reads this was too slow: so many events that were older than the next one are lost to it.
    Missed(u64),
}

/// What happened in an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its length.
    pub interval: Duration,
    /// Clients that are over.
    pub connections: u64,
    /// Clients that could not connect; not in the text.
    pub failed: u64,
    /// Bytes from relays to clients.
    pub inbound: u64,
    /// Bytes from clients to relays.
    pub outbound: u64,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("Proxy starting"),
            Self::NatType(nat) => write!(f, "NAT type: {nat}"),
            Self::Connected => f.write_str("client connected"),
            Self::Over { .. } => f.write_str("Proxy connection closed"),
            Self::ConnectionFailed => f.write_str("Failed to connect to the client"),
            Self::Stats(summary) => summary.fmt(f),
            Self::Missed(events) => write!(f, "{events} events were missed"),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |bytes: u64| bytes as f64 / KB as f64 / self.interval.as_secs_f64();
        write!(
            f,
            "In the last {}, there were {} completed successful connections. \
             Traffic Relayed ↓ {} KB ({:.2} KB/s), ↑ {} KB ({:.2} KB/s).",
            GoDuration(self.interval),
            self.connections,
            self.inbound / KB,
            rate(self.inbound),
            self.outbound / KB,
            rate(self.outbound),
        )
    }
}

/// Bytes in a KB, as the Go program has it.
pub(crate) const KB: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_those_of_go() {
        let summary = Summary {
            interval: Duration::from_secs(3600),
            connections: 7,
            failed: 3,
            inbound: 36_000_999,
            outbound: 1_800_000,
        };
        for (event, text) in [
            (Event::Starting, "Proxy starting"),
            (Event::NatType(NatType::Moderate), "NAT type: moderate"),
            (Event::Connected, "client connected"),
            (Event::Over { country: Country::UNKNOWN }, "Proxy connection closed"),
            (Event::ConnectionFailed, "Failed to connect to the client"),
            (
                Event::Stats(summary),
                "In the last 1h0m0s, there were 7 completed successful connections. \
                 Traffic Relayed ↓ 36000 KB (10.00 KB/s), ↑ 1800 KB (0.50 KB/s).",
            ),
        ] {
            assert_eq!(event.to_string(), text);
        }
    }
}
