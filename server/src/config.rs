//! What a transport needs to know, and whether it makes sense.

use std::time::Duration;

use snowflake_tls_server::Tls;
use tokio::sync::Semaphore;

use crate::{Limits, error::ConfigError};

/// Settings of a [`Transport`](crate::Transport). [`Default`] is without TLS, with the bounds of a bridge.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// With which certificates WebSockets come; it has to offer HTTP/1.1. `None` is without TLS: for a test, or behind
    /// something that terminates it.
    pub tls: Option<Tls>,
    /// Every size and time.
    pub limits: Limits,
}

impl Config {
    /// Whether anything could ever be served, within what the runtime can count.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let Limits { connections, streams, tls_handshake, preamble, packets, .. } = &self.limits;
        for (limit, value) in [
            ("connections", *connections),
            ("streams", *streams),
            ("packets.outgoing", packets.outgoing),
            ("packets.incoming", packets.incoming),
            ("packets.backlog", packets.backlog),
            ("packets.clients", packets.clients),
            ("packets.carriers", packets.carriers),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero { limit });
            }
            if value > Semaphore::MAX_PERMITS {
                return Err(ConfigError::TooMany { limit });
            }
        }
        let times = [
            ("tls_handshake", *tls_handshake),
            ("preamble", *preamble),
            ("packets.silence", packets.silence),
        ];
        match times.into_iter().find(|(_, time)| *time == Duration::ZERO) {
            Some((limit, _)) => Err(ConfigError::Zero { limit }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use snowflake_turbotunnel::QueueConfig;

    use super::*;

    fn refusal(change: impl FnOnce(&mut Limits)) -> String {
        let mut config = Config::default();
        change(&mut config.limits);
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn what_could_serve_nobody_is_refused_by_name() {
        Config::default().check().unwrap();
        assert_eq!(
            refusal(|limits| limits.connections = 0),
            "the limit `connections` is 0: nobody could be served"
        );
        assert!(refusal(|limits| limits.streams = 0).contains("`streams`"));
        assert!(refusal(|limits| limits.preamble = Duration::ZERO).contains("`preamble`"));
        let packets = QueueConfig { backlog: 0, ..QueueConfig::default() };
        assert!(refusal(|limits| limits.packets = packets).contains("`packets.backlog`"));
        let packets = QueueConfig { silence: Duration::ZERO, ..QueueConfig::default() };
        assert!(refusal(|limits| limits.packets = packets).contains("`packets.silence`"));
    }

    #[test]
    fn what_cannot_be_counted_is_refused_by_name() {
        let text = refusal(|limits| limits.streams = usize::MAX);
        assert!(text.starts_with("the limit `streams` is more than "), "{text}");
    }

    #[test]
    fn a_half_closed_stream_may_be_cut_off_at_once_as_with_go() {
        let mut config = Config::default();
        config.limits.half_closed_idle = Duration::ZERO;
        config.limits.finish = Duration::ZERO;
        config.check().unwrap();
    }
}
