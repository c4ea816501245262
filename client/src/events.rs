//! Where events go: the log, and everybody who subscribed.

use crate::Event;
use crate::timers::EVENTS;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast::{self, error::RecvError};

/// Different texts that are said once each; further ones are not said.
const SAID_ONCE: usize = 16;

/// The events of some clients, one after the other; it ends when these and their connections are gone.
///
/// 64 are kept for a reader that is slow; then the oldest are dropped, and [`Event::Missed`] says how many. No
/// connection ever waits for a reader.
pub type EventStream = BoxStream<'static, Event>;

/// Tells everybody of what happens; clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Events(Arc<Listeners>);

#[derive(Debug)]
struct Listeners {
    readers: broadcast::Sender<Event>,
    said: Mutex<BTreeSet<String>>,
}

impl Default for Events {
    fn default() -> Self {
        let said = Mutex::default();
        Self(Arc::new(Listeners { readers: broadcast::Sender::new(EVENTS), said }))
    }
}

impl Events {
    pub(crate) fn subscribe(&self) -> EventStream {
        unfold(self.0.readers.subscribe(), |mut reader| async {
            let event = match reader.recv().await {
                Ok(event) => event,
                Err(RecvError::Lagged(missed)) => Event::Missed(missed),
                Err(RecvError::Closed) => return None,
            };
            Some((event, reader))
        })
        .fuse()
        .boxed()
    }

    pub(crate) fn tell(&self, event: Event) {
        match event {
            Event::RendezvousOnly => tracing::warn!("{event}"),
            _ => tracing::info!("{event}"),
        }
        // An error means that nobody reads.
        let _ = self.0.readers.send(event);
    }

    /// Tells this unless it was told before, by whichever connection.
    pub(crate) fn tell_once(&self, event: Event) {
        let text = event.to_string();
        let mut said = self.0.said.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = said.len() < SAID_ONCE && said.insert(text);
        drop(said);
        if is_new {
            self.tell(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn next(stream: &mut EventStream) -> Option<String> {
        stream.next().now_or_never().flatten().map(|event| event.to_string())
    }

    #[test]
    fn a_slow_reader_is_told_what_it_missed_and_holds_nobody_up() {
        let events = Events::default();
        let (mut slow, mut quick) = (events.subscribe(), events.subscribe());
        for _ in 0..EVENTS + 3 {
            events.tell(Event::Connected);
            assert_eq!(next(&mut quick).as_deref(), Some("connected"));
        }
        assert_eq!(next(&mut slow).as_deref(), Some("3 events were missed"));
        for _ in 0..EVENTS {
            assert_eq!(next(&mut slow).as_deref(), Some("connected"));
        }
        drop(events);
        assert!(slow.next().now_or_never().is_some_and(|event| event.is_none()), "the end");
    }

    #[test]
    fn what_is_told_once_is_told_once_and_not_without_end() {
        let events = Events::default();
        let mut stream = events.subscribe();
        for _ in 0..2 {
            events.clone().tell_once(Event::NoEffect("it".into()));
        }
        assert_eq!(next(&mut stream).as_deref(), Some("it"));
        assert_eq!(next(&mut stream), None);
        for number in 0..2 * SAID_ONCE {
            events.tell_once(Event::NoEffect(number.to_string().into()));
        }
        let said = std::iter::from_fn(|| next(&mut stream)).count();
        assert_eq!(said, SAID_ONCE - 1);
    }
}
