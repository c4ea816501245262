//! The lines for the operator, in the texts that tools know from the Go program, and the numbers in them.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use snowflake_cli::GoDuration;
use snowflake_messages::NatType;
use tracing::info;

/// What the proxy did since the last summary.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Bytes from relays to clients.
    pub(crate) inbound: AtomicU64,
    /// Bytes from clients to relays.
    pub(crate) outbound: AtomicU64,
    /// Clients that were connected and are over.
    pub(crate) connections: AtomicU64,
}

pub(crate) fn starting() {
    info!("Proxy starting");
}

pub(crate) fn nat_type(nat: NatType) {
    info!("NAT type: {nat}");
}

/// Logs the numbers and begins anew.
pub(crate) fn summary(stats: &Stats, interval: Duration) {
    let taken = |number: &AtomicU64| number.swap(0, Relaxed);
    let (connections, inbound, outbound) =
        (taken(&stats.connections), taken(&stats.inbound), taken(&stats.outbound));
    info!("{}", summary_line(interval, connections, inbound, outbound));
}

fn summary_line(interval: Duration, connections: u64, inbound: u64, outbound: u64) -> String {
    // KB are 1000 bytes.
    let rate = |bytes: u64| bytes as f64 / 1000.0 / interval.as_secs_f64();
    format!(
        "In the last {}, there were {connections} completed successful connections. \
         Traffic Relayed ↓ {} KB ({:.2} KB/s), ↑ {} KB ({:.2} KB/s).",
        GoDuration(interval),
        inbound / 1000,
        rate(inbound),
        outbound / 1000,
        rate(outbound),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_reads_as_in_go() {
        assert_eq!(
            summary_line(Duration::from_secs(3600), 7, 36_000_999, 1_800_000),
            "In the last 1h0m0s, there were 7 completed successful connections. \
             Traffic Relayed ↓ 36000 KB (10.00 KB/s), ↑ 1800 KB (0.50 KB/s)."
        );
    }

    #[test]
    fn a_summary_begins_anew() {
        let stats = Stats::default();
        stats.inbound.store(5000, Relaxed);
        stats.connections.store(1, Relaxed);
        summary(&stats, Duration::from_secs(1));
        assert_eq!((stats.inbound.load(Relaxed), stats.connections.load(Relaxed)), (0, 0));
    }
}
