//! What is the same with and without tor: the broker, the proxies, the STUN server.

use std::{net::SocketAddr, time::Duration};

use crate::{
    error::{Doing, Error},
    flags::Help,
    http,
    place::Place,
    process::{Plan, Process},
    proxies::Proxies,
    stun::StunServer,
};

/// The relay's host, as the broker allows it and the proxies take it (Go's pattern language: a suffix and `$`).
pub const RELAY_PATTERN: &str = "127.0.0.1$";
/// Time for the broker to answer for the first time.
const BROKER_LIMIT: Duration = Duration::from_secs(20);
/// Time for the proxies to register: with Go's, a failed NAT probe, and a tick of 5 s between polls.
const PROXIES_LIMIT: Duration = Duration::from_secs(60);

/// Polls as often as they like: all proxies have one address here, and the broker's rate limit is for each address.
const POLL_INTERVALS: &str =
    r#"{"open_poll_interval":0,"moderate_poll_interval":0,"strict_poll_interval":0}"#;

/// Broker, proxies and STUN server, running.
#[derive(Debug)]
pub struct Backbone {
    /// The broker.
    pub broker: Process,
    /// The proxies.
    pub proxies: Proxies,
    broker_address: SocketAddr,
    stun: StunServer,
}

impl Backbone {
    /// Starts the broker for one bridge, given by its fingerprint and its WebSocket address, and then the proxies.
    ///
    /// # Errors
    /// When something cannot be started or the broker does not answer within 20 s.
    pub async fn start(
        place: &Place,
        address: SocketAddr,
        fingerprint: &str,
        relay: SocketAddr,
    ) -> Result<Self, Error> {
        let relay = format!("ws://{relay}/");
        let stun = StunServer::start().await.doing("starting the STUN server")?;
        let mut broker = start_broker(place, address, fingerprint, &relay).await?;
        let status = async || http::get(address, "/debug").await.ok();
        broker.wait_until("answer HTTP", BROKER_LIMIT, status).await?;
        let proxies =
            Proxies::start(place, &format!("http://{address}/"), &relay, &stun.url()).await?;
        Ok(Self { broker, proxies, broker_address: address, stun })
    }

    /// Waits until every proxy waits at the broker for a client.
    ///
    /// # Errors
    /// When they do not within 60 s.
    pub async fn proxies_ready(&mut self) -> Result<(), Error> {
        let (address, wanted) = (self.broker_address, self.proxies.count());
        let ready = async || {
            (waiting_proxies(&http::get(address, "/debug").await.ok()?)? >= wanted).then_some(())
        };
        let outcome =
            self.broker.wait_until("register with the broker", PROXIES_LIMIT, ready).await;
        // If the broker lives, it was the proxies that did not come.
        outcome.map_err(|error| match error {
            Error::TooLate { what, limit, .. } => {
                Error::TooLate { program: "a proxy".into(), what, limit }
            }
            other => other,
        })
    }

    /// What a Bridge line tells the client.
    pub fn client_args(&self, fingerprint: &str, max: u8) -> snowflake_pt::Args {
        let mut args = snowflake_pt::Args::default();
        args.push("url", format!("http://{}/", self.broker_address));
        args.push("fingerprint", fingerprint);
        args.push("ice", self.stun.url());
        args.push("max", max.to_string());
        args
    }
}

async fn start_broker(
    place: &Place,
    address: SocketAddr,
    fingerprint: &str,
    relay: &str,
) -> Result<Process, Error> {
    let bridge = serde_json::json!({ "displayName": "snowbox", "webSocketAddress": relay, "fingerprint": fingerprint });
    let bridges = place.file("bridges.jsonl", &format!("{bridge}\n"))?;
    let intervals = place.file("poll-intervals.json", POLL_INTERVALS)?;
    let metrics = place.logs().join("broker.metrics");
    let help = Help::of("the broker", &place.programs.broker).await?;
    let mut plan = Plan::new("broker", &place.programs.broker)
        .args(["-disable-tls", "-disable-geoip", "-allowed-relay-pattern", RELAY_PATTERN, "-addr"])
        .args([address.to_string()])
        .args([
            "-bridge-list-path".as_ref(),
            bridges.as_os_str(),
            "-metrics-log".as_ref(),
            metrics.as_os_str(),
        ])
        .args(help.if_known("poll-interval-filepath", Some(&intervals.to_string_lossy())))
        .args(place.unsafe_logging());
    plan.env.extend(place.log_levels());
    plan.start(place.logs())
}

/// The number in the first line of the broker's `/debug` page.
fn waiting_proxies(page: &str) -> Option<usize> {
    page.lines()
        .find_map(|line| line.strip_prefix("current snowflakes available: "))?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_page_is_understood() {
        assert_eq!(
            waiting_proxies("current snowflakes available: 3\n\tstandalone proxies: 3\n"),
            Some(3)
        );
        assert_eq!(waiting_proxies("nothing"), None);
    }
}
