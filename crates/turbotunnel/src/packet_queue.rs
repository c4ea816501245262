//! A bounded queue of packets between a session and its carriers.

use crate::Closed;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A queue that never waits to take a packet: what exceeds its capacity is dropped.
///
/// Packets are taken out by [`Consumer`]s, of which only the newest gets any: when a carrier is replaced, the old one
/// must not swallow what the new one would deliver. When the newest goes, the one before it takes over.
#[derive(Debug)]
pub(crate) struct PacketQueue {
    inner: Mutex<Inner>,
    capacity: usize,
    max_consumers: usize,
}

#[derive(Debug, Default)]
struct Inner {
    packets: VecDeque<Bytes>,
    /// Oldest first; the waker of one that waits for packets or for its turn.
    consumers: VecDeque<(u64, Option<Waker>)>,
    next_consumer: u64,
    /// Those who wait for room.
    producers: Vec<Waker>,
    closed: bool,
}

impl PacketQueue {
    /// A queue for `capacity` packets; one consumer over `max_consumers` displaces the oldest.
    pub(crate) fn new(capacity: usize, max_consumers: usize) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), capacity, max_consumers })
    }

    /// Adds all of `packets`, leaving it empty. Those over the capacity are dropped, as are all once it is closed.
    pub(crate) fn push(&self, packets: &mut Vec<Bytes>) {
        let waker = {
            let mut inner = self.lock();
            let room =
                if inner.closed { 0 } else { self.capacity.saturating_sub(inner.packets.len()) };
            let taken = room.min(packets.len());
            inner.packets.extend(packets.drain(..taken));
            packets.clear();
            if taken == 0 { None } else { inner.newest_waker() }
        };
        wake(waker);
    }

    /// How many packets fit; pending while none do.
    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<Result<usize, Closed>> {
        let mut inner = self.lock();
        if inner.closed {
            return Poll::Ready(Err(Closed));
        }
        let room = self.capacity.saturating_sub(inner.packets.len());
        if room == 0 {
            if !inner.producers.iter().any(|waker| waker.will_wake(cx.waker())) {
                inner.producers.push(cx.waker().clone());
            }
            return Poll::Pending;
        }
        Poll::Ready(Ok(room))
    }

    /// Adds a consumer, which from now on is the one that gets packets.
    pub(crate) fn attach(self: &Arc<Self>) -> Consumer {
        let mut inner = self.lock();
        let id = inner.next_consumer;
        inner.next_consumer += 1;
        inner.consumers.push_back((id, None));
        let displaced = if inner.consumers.len() > self.max_consumers {
            inner.consumers.pop_front()
        } else {
            None
        };
        drop(inner);
        wake(displaced.and_then(|(_, waker)| waker));
        Consumer { queue: self.clone(), id }
    }

    /// Drops all packets that wait.
    pub(crate) fn clear(&self) {
        let producers = {
            let mut inner = self.lock();
            inner.packets = VecDeque::new();
            std::mem::take(&mut inner.producers)
        };
        producers.into_iter().for_each(Waker::wake);
    }

    /// Ends the queue: consumers and producers are told.
    pub(crate) fn close(&self) {
        let wakers: Vec<_> = {
            let mut inner = self.lock();
            inner.closed = true;
            inner.packets = VecDeque::new();
            let Inner { producers, consumers, .. } = &mut *inner;
            producers
                .drain(..)
                .chain(consumers.iter_mut().filter_map(|(_, waker)| waker.take()))
                .collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn newest_waker(&mut self) -> Option<Waker> {
        self.consumers.back_mut().and_then(|(_, waker)| waker.take())
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Why a [`Consumer`] gets no packets any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Too many newer consumers came.
    Displaced,
    /// The queue was closed.
    Closed,
}

/// The right to take packets out, until it is dropped or displaced.
#[derive(Debug)]
pub(crate) struct Consumer {
    queue: Arc<PacketQueue>,
    id: u64,
}

impl Consumer {
    /// Appends waiting packets, at least one when it is ready with `Ok`.
    ///
    /// It stops before `size_of` over all of them exceeds `budget`, but takes at least one.
    pub(crate) fn poll_pop(
        &self,
        cx: &Context<'_>,
        packets: &mut Vec<Bytes>,
        budget: usize,
        size_of: fn(usize) -> usize,
    ) -> Poll<Result<(), Over>> {
        let producers = {
            let mut inner = self.queue.lock();
            let place = self.place(&inner)?;
            if inner.packets.is_empty() || place + 1 < inner.consumers.len() {
                inner.consumers[place].1 = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let mut taken = 0;
            let mut size = 0;
            while let Some(packet) = inner.packets.get(taken) {
                size += size_of(packet.len());
                if size > budget && taken > 0 {
                    break;
                }
                taken += 1;
            }
            packets.extend(inner.packets.drain(..taken));
            std::mem::take(&mut inner.producers)
        };
        producers.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }

    /// Ready when there will be no packets any more; for a consumer that cannot take any now.
    ///
    /// It is woken for packets all the same.
    pub(crate) fn poll_over(&self, cx: &Context<'_>) -> Poll<Over> {
        let mut inner = self.queue.lock();
        match self.place(&inner) {
            Ok(place) => {
                inner.consumers[place].1 = Some(cx.waker().clone());
                Poll::Pending
            }
            Err(over) => Poll::Ready(over),
        }
    }

    /// Where it stands in the line of consumers.
    fn place(&self, inner: &Inner) -> Result<usize, Over> {
        if inner.closed {
            return Err(Over::Closed);
        }
        inner.consumers.iter().position(|(id, _)| *id == self.id).ok_or(Over::Displaced)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let successor = {
            let mut inner = self.queue.lock();
            inner.consumers.retain(|(id, _)| *id != self.id);
            inner.newest_waker()
        };
        wake(successor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::noop_waker_ref;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn cx() -> Context<'static> {
        Context::from_waker(noop_waker_ref())
    }

    fn packets(range: std::ops::Range<u8>) -> Vec<Bytes> {
        range.map(|n| Bytes::from(vec![n; 10])).collect()
    }

    fn pop(consumer: &Consumer, budget: usize) -> (Poll<Result<(), Over>>, usize) {
        let mut got = Vec::new();
        let popped = consumer.poll_pop(&cx(), &mut got, budget, |len| len);
        (popped, got.len())
    }

    #[test]
    fn a_full_queue_drops_and_says_that_it_has_no_room() {
        let queue = PacketQueue::new(4, 1);
        let consumer = queue.attach();
        queue.push(&mut packets(0..9));
        assert!(queue.poll_room(&cx()).is_pending());
        assert_eq!(pop(&consumer, 25), (Poll::Ready(Ok(())), 2));
        assert_eq!(queue.poll_room(&cx()), Poll::Ready(Ok(2)));
        assert_eq!(
            pop(&consumer, 5),
            (Poll::Ready(Ok(())), 1),
            "at least one, whatever the budget"
        );
    }

    #[test]
    fn only_the_newest_consumer_gets_packets_and_its_predecessor_takes_over() {
        let queue = PacketQueue::new(8, 4);
        let (old, new) = (queue.attach(), queue.attach());
        queue.push(&mut packets(0..2));
        assert_eq!(pop(&old, 10).0, Poll::Pending);
        assert_eq!(pop(&new, 10), (Poll::Ready(Ok(())), 1));
        drop(new);
        assert_eq!(pop(&old, 10), (Poll::Ready(Ok(())), 1));
    }

    #[test]
    fn one_consumer_too_many_displaces_the_oldest() {
        let queue = PacketQueue::new(8, 2);
        let consumers: Vec<_> = (0..3).map(|_| queue.attach()).collect();
        assert_eq!(pop(&consumers[0], 10).0, Poll::Ready(Err(Over::Displaced)));
        assert_eq!(pop(&consumers[1], 10).0, Poll::Pending);
    }

    #[test]
    fn a_consumer_that_takes_nothing_is_told_when_it_is_displaced() {
        let queue = PacketQueue::new(8, 1);
        let stalled = queue.attach();
        let woken = Arc::new(Counter::default());
        let waker = Waker::from(woken.clone());
        let cx = Context::from_waker(&waker);
        assert!(stalled.poll_over(&cx).is_pending());
        let _newer = queue.attach();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(stalled.poll_over(&cx), Poll::Ready(Over::Displaced));
    }

    #[test]
    fn closing_tells_everybody() {
        let queue = PacketQueue::new(8, 2);
        let consumer = queue.attach();
        queue.push(&mut packets(0..2));
        queue.close();
        assert_eq!(pop(&consumer, 10), (Poll::Ready(Err(Over::Closed)), 0));
        assert_eq!(queue.poll_room(&cx()), Poll::Ready(Err(Closed)));
        queue.push(&mut packets(0..2));
        assert_eq!(pop(&consumer, 10).1, 0);
    }
}
