//! The figures for Prometheus: families, labels and help of the Go broker.

use snowflake_geoip::Country;
use snowflake_messages::{NatType, ProxyPollRequest, ProxyType};
use snowflake_metrics::{Counters, Gauges, Held, Page};

use super::{Client, ProxyEvent};
use crate::waiting::NoAnswer;

/// All families. There are six types, six NATs, three rendezvous and the countries of two files, so
/// that strangers cannot make the page grow without end.
#[derive(Debug)]
pub(super) struct Figures {
    page: Page,
    addresses: Counters,
    available: Gauges,
    polls: Counters,
    answers: Counters,
    with_pattern: Counters,
    without_pattern: Counters,
    rejected: Counters,
    clients: Counters,
}

impl Figures {
    pub(super) fn new() -> Self {
        let page = Page::new("snowflake");
        let rounded = |name: &str, what: &str, labels: &[&str]| {
            let help = format!("The number of snowflake {what}, rounded up to a multiple of 8");
            page.rounded_counters(name, &help, labels)
        };
        Self {
            addresses: page.counters(
                "proxy_total",
                "The number of unique snowflake IPs",
                &["type", "nat", "cc"],
            ),
            available: page.gauges(
                "available_proxies",
                "The number of currently available snowflake proxies",
                &["type", "nat"],
            ),
            polls: rounded("rounded_proxy_poll_total", "proxy polls", &["nat", "type", "status"]),
            answers: rounded("rounded_proxy_answer_total", "proxy answers", &["type", "status"]),
            with_pattern: rounded(
                "rounded_proxy_poll_with_relay_url_extension_total",
                "proxy polls with Relay URL Extension",
                &["nat", "type"],
            ),
            without_pattern: rounded(
                "rounded_proxy_poll_without_relay_url_extension_total",
                "proxy polls without Relay URL Extension",
                &["nat", "type"],
            ),
            rejected: rounded(
                "rounded_proxy_poll_rejected_relay_url_extension_total",
                "proxy polls rejected by Relay URL Extension",
                &["nat", "type"],
            ),
            clients: rounded(
                "rounded_client_poll_total",
                "client polls",
                &["nat", "status", "cc", "rendezvous_method"],
            ),
            page,
        }
    }

    pub(super) fn count_proxy(&self, poll: &ProxyPollRequest, event: ProxyEvent) {
        let (nat, proxy_type) = (poll.nat.as_str(), poll.proxy_type.as_str());
        match event {
            ProxyEvent::WithPattern => self.with_pattern.count(&[nat, proxy_type]),
            ProxyEvent::WithoutPattern => self.without_pattern.count(&[nat, proxy_type]),
            ProxyEvent::Rejected => self.rejected.count(&[nat, proxy_type]),
            ProxyEvent::Idle => self.polls.count(&[nat, proxy_type, "idle"]),
            ProxyEvent::Matched => self.polls.count(&[nat, proxy_type, "matched"]),
        }
    }

    pub(super) fn count_address(&self, poll: &ProxyPollRequest, country: Country) {
        let labels = [poll.proxy_type.as_str(), poll.nat.as_str(), country.as_str()];
        self.addresses.count(&labels);
    }

    pub(super) fn available(&self, poll: &ProxyPollRequest) -> Held {
        self.available.hold(&[poll.proxy_type.as_str(), poll.nat.as_str()])
    }

    /// An answer that nobody waits for says no type, as with Go.
    pub(super) fn count_answer(&self, taken_from: Option<ProxyType>) {
        match taken_from {
            Some(proxy_type) => self.answers.count(&[proxy_type.as_str(), "success"]),
            None => self.answers.count(&["", "timeout"]),
        }
    }

    pub(super) fn count_client(&self, client: Client, outcome: Result<(), NoAnswer>) {
        let status = match outcome {
            Ok(()) => "matched",
            Err(NoAnswer::NoProxies) => "denied",
            Err(NoAnswer::TimedOut) => "timeout",
        };
        let Client { nat, country, rendezvous } = client;
        let labels = [NatType::as_str(nat), status, country.as_str(), rendezvous.as_str()];
        self.clients.count(&labels);
    }

    pub(super) fn text(&self) -> String {
        self.page.text()
    }
}
