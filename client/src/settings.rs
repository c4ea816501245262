//! A client's settings once checked.

use crate::config_error::{ConfigError, Reason};
use crate::rendezvous::{Way, Winners};
use crate::timers::MAX_PROXIES;
use crate::{ClientConfig, Upstream};
use snowflake_messages::Fingerprint;
use snowflake_webrtc::StunServer;
use std::time::Duration;

/// The shortest time in which a dial may find a proxy.
const SHORTEST_DIAL: Duration = Duration::from_millis(1);

/// How a client's connections find their proxies. No option leaks from one client to the next.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The ways to a broker, by preference.
    pub(crate) ways: Vec<Way>,
    /// Which of several ways worked lately.
    pub(crate) winners: Winners,
    /// How data channels are made.
    pub(crate) webrtc: snowflake_webrtc::Config,
    /// Proxies used at once.
    pub(crate) max: usize,
    /// The bridge that the broker should lead to.
    pub(crate) fingerprint: Fingerprint,
    /// How long a dial waits for a first proxy.
    pub(crate) dial_limit: Duration,
}

impl Settings {
    pub(crate) fn new(config: &ClientConfig, winners: Winners) -> Result<Self, ConfigError> {
        if config.methods.is_empty() {
            return Err(ConfigError::new("methods", "", Reason::NoBroker));
        }
        if !(1..=MAX_PROXIES).contains(&config.max) {
            let reason = Reason::OutOfRange(1, MAX_PROXIES);
            return Err(ConfigError::new("max", &config.max.to_string(), reason));
        }
        if config.dial_limit < SHORTEST_DIAL {
            let value = format!("{:?}", config.dial_limit);
            return Err(ConfigError::new("dial_limit", &value, Reason::TooShort(SHORTEST_DIAL)));
        }
        let upstream = config.upstream.as_ref();
        let ways = config.methods.iter();
        let webrtc = snowflake_webrtc::Config {
            stun_servers: some_of(config.stun_servers.clone()),
            keep_local_addresses: config.keep_local_addresses,
            upstream: upstream.and_then(Upstream::for_datagrams),
            ..snowflake_webrtc::Config::default()
        };
        Ok(Self {
            ways: ways.map(|method| method.way(upstream, config.hide_server_name)).collect(),
            winners,
            webrtc,
            max: config.max,
            fingerprint: config.fingerprint,
            dial_limit: config.dial_limit,
        })
    }
}

/// Half of the servers, rounded up, at random if there are more than two, as Go's client does: asking all of a long
/// list at once would be a trait to recognise Snowflake by.
fn some_of(mut servers: Vec<StunServer>) -> Vec<StunServer> {
    if servers.len() > 2 {
        let keep = servers.len().div_ceil(2);
        for place in 0..keep {
            // Without randomness the first half is as good as any.
            let random = getrandom::u32().unwrap_or(0) as usize;
            let other = place + random % (servers.len() - place);
            servers.swap(place, other);
        }
        servers.truncate(keep);
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Method;

    fn good() -> ClientConfig {
        let methods = vec![Method::http("https://b.example/", &[]).unwrap()];
        ClientConfig { methods, ..ClientConfig::default() }
    }

    fn settings(config: &ClientConfig) -> Result<Settings, String> {
        Settings::new(config, Winners::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        assert!(settings(&good()).is_ok());
        for (config, expected) in [
            (ClientConfig::default(), "methods=\"\": no broker: "),
            (ClientConfig { max: 0, ..good() }, "max=\"0\": not from 1 to 16"),
            (ClientConfig { max: 17, ..good() }, "max=\"17\": not from 1 to 16"),
            (
                ClientConfig { dial_limit: Duration::ZERO, ..good() },
                "dial_limit=\"0ns\": shorter than 1ms",
            ),
        ] {
            let error = settings(&config).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn half_of_a_long_list_of_stun_servers_is_used() {
        let used = |n: usize| {
            let mut ice: Vec<_> = (0..n).map(|i| format!("stun:s{i}.example")).collect();
            ice.push("turn:t.example".to_owned());
            let stun_servers = ClientConfig::stun_servers(ice).unwrap();
            let config = ClientConfig { stun_servers, ..good() };
            settings(&config).unwrap().webrtc.stun_servers.len()
        };
        assert_eq!([1, 2, 3, 4, 5, 8].map(used), [1, 2, 2, 2, 3, 4]);
    }
}
