//! The figures for Prometheus: names and help of the Go proxy, and bytes beside its KB.

use snowflake_metrics::{Counter, Counters, Page};

use crate::event::{Event, KB};

/// All figures of one proxy.
#[derive(Debug)]
pub(crate) struct Figures {
    page: Page,
    connections: Counters,
    pub(crate) failed: Counter,
    inbound_kb: Counter,
    outbound_kb: Counter,
    /// Bytes from relays to clients.
    pub(crate) inbound: Counter,
    /// Bytes from clients to relays.
    pub(crate) outbound: Counter,
}

impl Figures {
    pub(crate) fn new() -> Self {
        let page = Page::new("tor_snowflake_proxy");
        Self {
            connections: page.counters(
                "connections_total",
                "The total number of successful connections handled by the snowflake proxy",
                &["country"],
            ),
            failed: page.counter(
                "connection_timeouts_total",
                "The total number of client connection attempts that failed after successful rendezvous. \
                 Note that failures can occur for reasons outside of the proxy's control, such as the \
                 client's NAT and censorship situation.",
            ),
            // KB in spite of the names, and only at summaries: what dashboards for Go's proxy expect.
            inbound_kb: page.counter(
                "traffic_inbound_bytes_total",
                "The total in bound traffic by the snowflake proxy (KB)",
            ),
            outbound_kb: page.counter(
                "traffic_outbound_bytes_total",
                "The total out bound traffic by the snowflake proxy (KB)",
            ),
            inbound: page.counter(
                "relayed_inbound_bytes_total",
                "The bytes relayed from servers to clients, as they are relayed",
            ),
            outbound: page.counter(
                "relayed_outbound_bytes_total",
                "The bytes relayed from clients to servers, as they are relayed",
            ),
            page,
        }
    }

    pub(crate) fn count(&self, event: Event) {
        match event {
            Event::Over { country } => self.connections.count(&[country.as_str()]),
            Event::ConnectionFailed => self.failed.add(1),
            Event::Stats(summary) => {
                self.inbound_kb.add(summary.inbound / KB);
                self.outbound_kb.add(summary.outbound / KB);
            }
            _ => {}
        }
    }

    pub(crate) fn text(&self) -> String {
        self.page.text()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use snowflake_geoip::Country;

    use super::*;
    use crate::events::Events;

    #[test]
    fn the_page_has_gos_families_and_ours() {
        let events = Events::new(false);
        events.figures.inbound.add(5_499);
        events.figures.outbound.add(999);
        for _ in 0..2 {
            events.summarise(Duration::from_secs(60));
        }
        drop(events.connected(Country::UNKNOWN));
        events.figures.inbound.add(1);
        events.tell(Event::ConnectionFailed);
        assert_eq!(
            events.figures.text(),
            "# HELP tor_snowflake_proxy_connection_timeouts_total The total number of client connection \
             attempts that failed after successful rendezvous. Note that failures can occur for reasons \
             outside of the proxy's control, such as the client's NAT and censorship situation.\n\
             # TYPE tor_snowflake_proxy_connection_timeouts_total counter\n\
             tor_snowflake_proxy_connection_timeouts_total 1\n\
             # HELP tor_snowflake_proxy_connections_total The total number of successful connections \
             handled by the snowflake proxy\n\
             # TYPE tor_snowflake_proxy_connections_total counter\n\
             tor_snowflake_proxy_connections_total{country=\"??\"} 1\n\
             # HELP tor_snowflake_proxy_relayed_inbound_bytes_total The bytes relayed from servers to \
             clients, as they are relayed\n\
             # TYPE tor_snowflake_proxy_relayed_inbound_bytes_total counter\n\
             tor_snowflake_proxy_relayed_inbound_bytes_total 5500\n\
             # HELP tor_snowflake_proxy_relayed_outbound_bytes_total The bytes relayed from clients to \
             servers, as they are relayed\n\
             # TYPE tor_snowflake_proxy_relayed_outbound_bytes_total counter\n\
             tor_snowflake_proxy_relayed_outbound_bytes_total 999\n\
             # HELP tor_snowflake_proxy_traffic_inbound_bytes_total The total in bound traffic by the \
             snowflake proxy (KB)\n\
             # TYPE tor_snowflake_proxy_traffic_inbound_bytes_total counter\n\
             tor_snowflake_proxy_traffic_inbound_bytes_total 5\n\
             # HELP tor_snowflake_proxy_traffic_outbound_bytes_total The total out bound traffic by the \
             snowflake proxy (KB)\n\
             # TYPE tor_snowflake_proxy_traffic_outbound_bytes_total counter\n\
             tor_snowflake_proxy_traffic_outbound_bytes_total 0\n"
        );
    }
}
