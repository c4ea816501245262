//! Where events go: the operator's log, the figures, and everybody who subscribed.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use std::time::Duration;

use futures_util::{
    StreamExt,
    stream::{BoxStream, unfold},
};
use snowflake_geoip::Country;
use tokio::sync::broadcast::{self, error::RecvError};
use tracing::info;

use crate::{
    event::{Event, Summary},
    figures::Figures,
    timers::EVENTS,
};

/// The events of one proxy, one after the other; it ends with the proxy.
///
/// [`EVENTS`] are kept for a reader that is slow; then the oldest are dropped, and [`Event::Missed`] says how many. The
/// proxy never waits for a reader.
pub type EventStream = BoxStream<'static, Event>;

/// Tells everybody of what happens, and counts.
#[derive(Debug)]
pub(crate) struct Events {
    readers: broadcast::Sender<Event>,
    pub(crate) figures: Figures,
    /// Clients that are over.
    connections: AtomicU64,
    /// What the summaries have told so far.
    told: Mutex<Totals>,
    log_summaries: bool,
}

/// Everything that a summary counts, since the beginning.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    connections: u64,
    failed: u64,
    inbound: u64,
    outbound: u64,
}

impl Events {
    /// Without `log_summaries` there are summaries for everybody but the log.
    pub(crate) fn new(log_summaries: bool) -> Self {
        Self {
            readers: broadcast::Sender::new(EVENTS),
            figures: Figures::new(),
            connections: AtomicU64::new(0),
            told: Mutex::default(),
            log_summaries,
        }
    }

    pub(crate) fn subscribe(&self) -> EventStream {
        unfold(self.readers.subscribe(), |mut reader| async {
            let event = match reader.recv().await {
                Ok(event) => event,
                Err(RecvError::Lagged(missed)) => Event::Missed(missed),
                Err(RecvError::Closed) => return None,
            };
            Some((event, reader))
        })
        .boxed()
    }

    pub(crate) fn tell(&self, event: Event) {
        match event {
            Event::Starting | Event::NatType(_) => info!("{event}"),
            Event::Stats(_) if self.log_summaries => info!("{event}"),
            Event::Over { .. } => drop(self.connections.fetch_add(1, Relaxed)),
            // One line for each client would tell a reader of the log who came when.
            _ => {}
        }
        self.figures.count(event);
        // An error means that nobody reads.
        let _ = self.readers.send(event);
    }

    /// A client's data channel is open; the client is over when the result is dropped.
    pub(crate) fn connected(&self, country: Country) -> Visit<'_> {
        self.tell(Event::Connected);
        Visit { events: self, country }
    }

    /// Tells what happened since the last summary.
    pub(crate) fn summarise(&self, interval: Duration) {
        let now = Totals {
            connections: self.connections.load(Relaxed),
            failed: self.figures.failed.get(),
            inbound: self.figures.inbound.get(),
            outbound: self.figures.outbound.get(),
        };
        let before =
            std::mem::replace(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner), now);
        self.tell(Event::Stats(Summary {
            interval,
            connections: now.connections - before.connections,
            failed: now.failed - before.failed,
            inbound: now.inbound - before.inbound,
            outbound: now.outbound - before.outbound,
        }));
    }
}

/// A client that is connected, until this is dropped.
#[derive(Debug)]
pub(crate) struct Visit<'a> {
    events: &'a Events,
    country: Country,
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.events.tell(Event::Over { country: self.country });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn summary(connections: u64, failed: u64, inbound: u64, outbound: u64) -> Event {
        let interval = Duration::from_secs(60);
        Event::Stats(Summary { interval, connections, failed, inbound, outbound })
    }

    fn next(stream: &mut EventStream) -> Option<Event> {
        stream.next().now_or_never().flatten()
    }

    #[test]
    fn each_summary_begins_anew() {
        let events = Events::new(true);
        let mut stream = events.subscribe();
        let over = Event::Over { country: Country::UNKNOWN };
        drop(events.connected(Country::UNKNOWN));
        events.tell(Event::ConnectionFailed);
        events.figures.inbound.add(1999);
        events.summarise(Duration::from_secs(60));
        events.figures.outbound.add(5);
        events.summarise(Duration::from_secs(60));
        for expected in [
            Event::Connected,
            over,
            Event::ConnectionFailed,
            summary(1, 1, 1999, 0),
            summary(0, 0, 0, 5),
        ] {
            assert_eq!(next(&mut stream), Some(expected));
        }
        assert_eq!(next(&mut stream), None);
    }

    #[test]
    fn a_slow_reader_is_told_what_it_missed_and_holds_nobody_up() {
        let events = Events::new(true);
        let (mut slow, mut quick) = (events.subscribe(), events.subscribe());
        for _ in 0..EVENTS + 3 {
            events.tell(Event::Connected);
            assert_eq!(next(&mut quick), Some(Event::Connected));
        }
        assert_eq!(next(&mut slow), Some(Event::Missed(3)));
        for _ in 0..EVENTS {
            assert_eq!(next(&mut slow), Some(Event::Connected));
        }
        drop(events);
        assert_eq!(slow.next().now_or_never(), Some(None), "the end");
    }
}
