//! How many clients had an address.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::{Instant, interval_at};
use tracing::info;

use crate::limits::STATS_INTERVAL;

/// Streams since the last line of statistics.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    streams: AtomicU64,
    with_address: AtomicU64,
}

impl Stats {
    /// Counts a stream.
    pub(crate) fn count(&self, has_address: bool) {
        self.streams.fetch_add(1, Ordering::Relaxed);
        self.with_address.fetch_add(has_address.into(), Ordering::Relaxed);
    }

    /// Logs a line each day, in the words of the Go server, and begins anew. Never ends.
    pub(crate) async fn report(&self) {
        let mut ticks = interval_at(Instant::now() + STATS_INTERVAL, STATS_INTERVAL);
        loop {
            ticks.tick().await;
            let with_address = self.with_address.swap(0, Ordering::Relaxed);
            let streams = self.streams.swap(0, Ordering::Relaxed);
            info!(
                "in the past {} s, {with_address}/{streams} connections had client_ip",
                STATS_INTERVAL.as_secs()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
        time::Duration,
    };

    use tokio::time::timeout;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_day_has_a_line_of_its_own() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let stats = Stats::default();
        stats.count(true);
        stats.count(false);
        stats.count(true);
        let two_days = STATS_INTERVAL * 2 + Duration::from_secs(1);
        assert!(timeout(two_days, stats.report()).await.is_err(), "it never ends");
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].ends_with("in the past 86400 s, 2/3 connections had client_ip"), "{text}");
        assert!(lines[1].ends_with("in the past 86400 s, 0/0 connections had client_ip"), "{text}");
    }
}
