//! Two packet conns that are the ends of a simulated path, on tokio's paused clock.

use bytes::Bytes;
use snowflake_netsim::{Link, Path, epoch};
use snowflake_turbotunnel::{CarrierId, Closed, Event, PacketConn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use tokio::time::{Instant, Sleep};

/// One direction of the path and who waits at its end.
struct Direction {
    link: Link,
    reader: Option<Waker>,
    zero: Instant,
}

/// Packets of one end of the path, which is one carrier until the session gives it up, and then the next.
pub(crate) struct SimConn {
    carrier: u32,
    news: Vec<Event>,
    out: Arc<Mutex<Direction>>,
    inn: Arc<Mutex<Direction>>,
    timer: Pin<Box<Sleep>>,
}

/// Both ends of a path that behaves the same in both directions.
pub(crate) fn pair(path: &Path, seed: u64) -> (SimConn, SimConn) {
    let zero = Instant::now();
    let direction = |seed| {
        Arc::new(Mutex::new(Direction { link: Link::new(path.clone(), seed), reader: None, zero }))
    };
    let (a, b) = (direction(seed), direction(!seed));
    let end = |out: &Arc<_>, inn: &Arc<_>| SimConn {
        carrier: 0,
        news: vec![Event::Opened(CarrierId::new(0))],
        out: Arc::clone(out),
        inn: Arc::clone(inn),
        timer: Box::pin(tokio::time::sleep_until(zero)),
    };
    (end(&a, &b), end(&b, &a))
}

impl SimConn {
    /// Replaces the carrier by a new one, as for a session that begins.
    pub(crate) fn renew(&mut self) {
        let old = CarrierId::new(self.carrier);
        self.carrier += 1;
        self.news = vec![Event::Ended(old), Event::Opened(CarrierId::new(self.carrier))];
    }
}

impl Direction {
    fn now(&self) -> std::time::Instant {
        epoch() + (Instant::now() - self.zero)
    }
}

fn lock(direction: &Mutex<Direction>) -> MutexGuard<'_, Direction> {
    direction.lock().expect("no test thread panicked here")
}

impl PacketConn for SimConn {
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        events: &mut Vec<Event>,
    ) -> Poll<Result<(), Closed>> {
        let known = events.len();
        events.append(&mut self.news);
        let carrier = CarrierId::new(self.carrier);
        loop {
            let mut direction = lock(&self.inn);
            let now = direction.now();
            while let Some(packet) = direction.link.receive(now) {
                events.push(Event::Packet(carrier, packet));
            }
            if events.len() > known {
                return Poll::Ready(Ok(()));
            }
            direction.reader = Some(cx.waker().clone());
            let Some(arrival) = direction.link.next_arrival() else { return Poll::Pending };
            let at = direction.zero + (arrival - epoch());
            drop(direction);
            self.timer.as_mut().reset(at);
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn poll_room(&mut self, _: &mut Context<'_>, _: CarrierId) -> Poll<usize> {
        Poll::Ready(64)
    }

    fn close(&mut self, carrier: CarrierId) {
        assert_eq!(carrier.get(), self.carrier);
        self.renew();
        if let Some(reader) = lock(&self.inn).reader.take() {
            reader.wake();
        }
    }

    fn send(&mut self, _: CarrierId, packets: &mut Vec<Bytes>) {
        let reader = {
            let mut direction = lock(&self.out);
            let now = direction.now();
            packets.drain(..).for_each(|packet| direction.link.send(now, packet));
            direction.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}
