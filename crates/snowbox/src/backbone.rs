//! What is the same with and without tor: the broker, the proxies, the STUN server.

use std::{net::SocketAddr, time::Duration};

use crate::{
    error::{Doing, Error},
    flags::Help,
    http,
    place::Place,
    process::{Plan, Process},
    proxies::Proxies,
    stun::{self, StunServer},
};

/// Time for the broker to answer for the first time.
const BROKER_LIMIT: Duration = Duration::from_secs(20);
/// Time for the proxies to register: with Go's, a failed NAT probe, and a tick of 5 s between polls.
const PROXIES_LIMIT: Duration = Duration::from_secs(60);

/// Nobody answers there: the NAT type stays unknown, which is good enough for a client without a NAT.
const NO_NAT_PROBE: &str = "http://127.0.0.1:9/probe";
/// Polls as often as they like: all proxies have one address here, and the broker's rate limit is for each address.
const POLL_INTERVALS: &str =
    r#"{"open_poll_interval":0,"moderate_poll_interval":0,"strict_poll_interval":0}"#;

/// Broker, proxies and STUN server, running.
#[derive(Debug)]
pub struct Backbone {
    /// The broker.
    pub broker: Broker,
    /// The proxies.
    pub proxies: Proxies,
    stun: StunServer,
}

/// The broker, running.
#[derive(Debug)]
pub struct Broker {
    /// Its process.
    pub process: Process,
    address: SocketAddr,
}

/// What the proxies are told.
#[derive(Debug)]
pub struct Peers {
    /// The broker's URL.
    pub broker: String,
    /// The bridge's WebSocket address.
    pub relay: SocketAddr,
    /// The STUN server's URL.
    pub stun: String,
    /// Whom a proxy asks about its NAT.
    pub nat_probe: String,
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
        let stun = StunServer::start(stun::LOOPBACK).await.doing("starting the STUN server")?;
        let broker = Broker::start(place, address, fingerprint, relay).await?;
        let nat_probe = NO_NAT_PROBE.to_owned();
        let peers = Peers { broker: broker.url(), relay, stun: stun.url(), nat_probe };
        let proxies = Proxies::start(place, &peers).await?;
        Ok(Self { broker, proxies, stun })
    }

    /// Waits until every proxy waits at the broker for a client.
    ///
    /// # Errors
    /// When they do not within 60 s.
    pub async fn proxies_ready(&mut self) -> Result<(), Error> {
        self.broker.has_proxies(self.proxies.count()).await
    }

    /// What a Bridge line tells the client.
    pub fn client_args(&self, fingerprint: &str, max: u8) -> snowflake_pt::Args {
        self.broker.client_args(fingerprint, &self.stun.url(), max)
    }
}

impl Broker {
    /// Starts the broker for one bridge and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be started or does not answer within 20 s.
    pub async fn start(
        place: &Place,
        address: SocketAddr,
        fingerprint: &str,
        relay: SocketAddr,
    ) -> Result<Self, Error> {
        let mut process = start_broker(place, address, fingerprint, relay).await?;
        let status = async || http::get(address, "/debug").await.ok();
        process.wait_until("answer HTTP", BROKER_LIMIT, status).await?;
        Ok(Self { process, address })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Waits until so many proxies, or more, wait for a client.
    ///
    /// # Errors
    /// When they do not within 60 s, or the broker ends.
    pub async fn has_proxies(&mut self, wanted: usize) -> Result<(), Error> {
        let address = self.address;
        let ready = async || {
            (waiting_proxies(&http::get(address, "/debug").await.ok()?)? >= wanted).then_some(())
        };
        let outcome =
            self.process.wait_until("register with the broker", PROXIES_LIMIT, ready).await;
        // If the broker lives, it was the proxies that did not come.
        outcome.map_err(|error| match error {
            Error::TooLate { what, limit, .. } => {
                Error::TooLate { program: "a proxy".into(), what, limit }
            }
            other => other,
        })
    }

    /// What a Bridge line tells the client.
    pub fn client_args(&self, fingerprint: &str, stun: &str, max: u8) -> snowflake_pt::Args {
        let mut args = snowflake_pt::Args::default();
        args.push("url", self.url());
        args.push("fingerprint", fingerprint);
        args.push("ice", stun);
        args.push("max", max.to_string());
        args
    }
}

impl Peers {
    /// The bridge's URL.
    pub fn relay_url(&self) -> String {
        relay_url(self.relay)
    }

    /// The bridge's host, as the proxies take it.
    pub fn relay_pattern(&self) -> String {
        relay_pattern(self.relay)
    }
}

fn relay_url(relay: SocketAddr) -> String {
    format!("ws://{relay}/")
}

/// The relay's host, as the broker allows it and the proxies take it (Go's pattern language: a suffix and `$`).
fn relay_pattern(relay: SocketAddr) -> String {
    format!("{}$", relay.ip())
}

async fn start_broker(
    place: &Place,
    address: SocketAddr,
    fingerprint: &str,
    relay: SocketAddr,
) -> Result<Process, Error> {
    let bridge = serde_json::json!({
        "displayName": "snowbox",
        "webSocketAddress": relay_url(relay),
        "fingerprint": fingerprint,
    });
    let bridges = place.file("bridges.jsonl", &format!("{bridge}\n"))?;
    let intervals = place.file("poll-intervals.json", POLL_INTERVALS)?;
    let metrics = place.logs().join("broker.metrics");
    let help = Help::of("the broker", &place.programs.broker).await?;
    let mut plan = Plan::new("broker", &place.programs.broker)
        .args(["-disable-tls", "-disable-geoip"])
        .args(["-allowed-relay-pattern", &relay_pattern(relay), "-addr", &address.to_string()])
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
