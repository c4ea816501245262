//! One direction of a carrier, with the messages that are on their way.

use crate::Line;
use crate::line::{FIT, PACKET, REPETITION};
use bytes::Bytes;
use snowflake_netsim::Rng;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Instant;

/// What a silent wire still takes before its sender has to wait: the buffers of a data channel and its sockets.
const TAKEN_IN_SILENCE: usize = 256 * 1024;

/// Milliseconds of waiting that are told apart.
const LONGEST_WAIT: usize = 5_000;

/// How long bytes waited for the bottleneck.
#[derive(Clone, Debug)]
pub struct Waits {
    /// Bytes that waited for so many milliseconds; the last also those that waited longer.
    bytes: Vec<u64>,
}

impl Default for Waits {
    fn default() -> Self {
        Self { bytes: vec![0; LONGEST_WAIT + 1] }
    }
}

impl Waits {
    fn add(&mut self, wait: Duration, bytes: usize) {
        self.bytes[(wait.as_millis() as usize).min(LONGEST_WAIT)] += bytes as u64;
    }

    /// What so large a part of all bytes did not exceed.
    pub fn quantile(&self, part: f64) -> Duration {
        let all: u64 = self.bytes.iter().sum();
        let mut seen = 0;
        let wait = self.bytes.iter().position(|bytes| {
            seen += bytes;
            seen as f64 >= all as f64 * part
        });
        Duration::from_millis(wait.unwrap_or(0) as u64)
    }
}

/// How a wire ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The sender closed it.
    Closed,
    /// It broke.
    Broken,
}

#[derive(Debug)]
struct Inner {
    line: Line,
    rng: Rng,
    /// When all that was sent will have passed the bottleneck.
    busy_until: Instant,
    /// When the newest message arrives: nothing overtakes.
    newest: Instant,
    next_fit: Option<Instant>,
    under_way: VecDeque<(Instant, Bytes)>,
    end: Option<(Instant, End)>,
    is_silent: bool,
    taken_in_silence: usize,
    /// The receiver is gone, or the wire is.
    is_cut: bool,
    carried: u64,
    waits: Waits,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// One direction of a carrier. Both of its ends and the simulation hold it.
#[derive(Clone, Debug)]
pub(crate) struct Wire(Arc<Mutex<Inner>>);

impl Wire {
    pub(crate) fn new(line: Line, mut rng: Rng) -> Self {
        let now = Instant::now();
        let next_fit = line.fits.map(|every| now + random_time(&mut rng, every));
        Self(Arc::new(Mutex::new(Inner {
            line,
            rng,
            busy_until: now,
            newest: now,
            next_fit,
            under_way: VecDeque::new(),
            end: None,
            is_silent: false,
            taken_in_silence: 0,
            is_cut: false,
            carried: 0,
            waits: Waits::default(),
            reader: None,
            writer: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `change` happen, then wakes both ends.
    fn change(&self, change: impl FnOnce(&mut Inner)) {
        let wakers = {
            let mut inner = self.lock();
            change(&mut inner);
            [inner.reader.take(), inner.writer.take()]
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

/// The ends' side.
impl Wire {
    /// Pending while a silent wire takes no more.
    pub(crate) fn poll_ready(&self, cx: &Context<'_>) -> Poll<()> {
        let mut inner = self.lock();
        if inner.is_silent && !inner.is_cut && inner.taken_in_silence >= TAKEN_IN_SILENCE {
            inner.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    pub(crate) fn send(&self, message: Bytes) {
        self.change(|inner| inner.send(message));
    }

    /// The next message, `None` at the end; if there is neither now, when to ask again, if that is known.
    pub(crate) fn poll_receive(
        &self,
        cx: &Context<'_>,
    ) -> Result<Option<io::Result<Bytes>>, Option<Instant>> {
        let mut inner = self.lock();
        let now = Instant::now();
        if !inner.is_silent {
            let next = inner.under_way.front().map(|(at, _)| *at);
            match (next, inner.end) {
                (Some(at), _) if at <= now => {
                    let (_, message) = inner.under_way.pop_front().expect("there is a front");
                    inner.carried += message.len() as u64;
                    return Ok(Some(Ok(message)));
                }
                (None, Some((at, End::Closed))) if at <= now => return Ok(None),
                (None, Some((at, End::Broken))) if at <= now => {
                    return Ok(Some(Err(io::ErrorKind::ConnectionReset.into())));
                }
                (Some(at), _) | (None, Some((at, _))) => {
                    inner.reader = Some(cx.waker().clone());
                    return Err(Some(at));
                }
                (None, None) => {}
            }
        }
        inner.reader = Some(cx.waker().clone());
        Err(None)
    }

    /// The sender sends no more; the receiver hears of it after the last message.
    pub(crate) fn close(&self) {
        self.change(|inner| {
            let at = (inner.busy_until.max(Instant::now()) + inner.line.delay).max(inner.newest);
            inner.end.get_or_insert((at, End::Closed));
        });
    }

    /// The receiver is gone: what comes is dropped.
    pub(crate) fn cut(&self) {
        self.change(Inner::cut);
    }
}

/// The simulation's side.
impl Wire {
    /// What is under way is lost, and the receiver hears of the end after the delay; of an error if it `breaks`.
    pub(crate) fn kill(&self, breaks: bool) {
        self.change(|inner| {
            inner.cut();
            let end = if breaks { End::Broken } else { End::Closed };
            inner.end = Some((Instant::now() + inner.line.delay, end));
        });
    }

    /// From now on nothing arrives, not even an end.
    pub(crate) fn silence(&self) {
        self.change(|inner| {
            inner.is_silent = true;
            inner.under_way.clear();
        });
    }

    /// For `time` nothing moves, then all goes on.
    pub(crate) fn freeze(&self, time: Duration) {
        self.change(|inner| {
            let now = Instant::now();
            inner.busy_until = inner.busy_until.max(now) + time;
            inner.newest = inner.newest.max(now) + time;
            let end = inner.end.as_mut().map(|(at, _)| at);
            let arrivals = inner.under_way.iter_mut().map(|(at, _)| at).chain(end);
            arrivals.for_each(|at| *at = (*at).max(now) + time);
        });
    }

    /// Changes what the wire is like, for what is sent from now on.
    pub(crate) fn set_line(&self, line: Line) {
        self.change(|inner| inner.line = line);
    }

    pub(crate) fn line(&self) -> Line {
        self.lock().line
    }

    /// Bytes that have arrived.
    pub(crate) fn carried(&self) -> u64 {
        self.lock().carried
    }

    /// Whether anything can still arrive.
    pub(crate) fn is_alive(&self) -> bool {
        let inner = self.lock();
        !inner.is_silent && !inner.is_cut && inner.end.is_none()
    }

    /// How long what was sent since the last call waited.
    pub(crate) fn take_waits(&self) -> Waits {
        std::mem::take(&mut self.lock().waits)
    }
}

impl Inner {
    fn send(&mut self, message: Bytes) {
        if self.is_cut || self.end.is_some() {
            return;
        }
        if self.is_silent {
            self.taken_in_silence += message.len();
            return;
        }
        let now = Instant::now();
        let starts = self.busy_until.max(now);
        self.waits.add(starts - now, message.len());
        self.busy_until = starts + Duration::from_secs_f64(message.len() as f64 / self.line.rate);
        let mut arrival = self.busy_until + self.line.delay;
        if let (Some(at), Some(every)) = (self.next_fit, self.line.fits)
            && at <= now
        {
            let length = FIT.start() + self.rng.below(FIT.end() - FIT.start());
            arrival += Duration::from_millis(length);
            self.next_fit = Some(now + random_time(&mut self.rng, every));
        }
        arrival += self.repetition(message.len());
        self.newest = self.newest.max(arrival);
        self.under_way.push_back((self.newest, message));
    }

    /// How much longer it takes until the last packet of a message has come that is not lost.
    fn repetition(&mut self, bytes: usize) -> Duration {
        if self.line.loss == 0.0 {
            return Duration::ZERO;
        }
        let parts = (self.line.loss * 1e6) as u64;
        let mut tries = |_| (0..).find(|_| self.rng.below(1_000_000) >= parts).unwrap_or(0);
        let most = (0..bytes.div_ceil(PACKET)).map(&mut tries).max().unwrap_or(0);
        (2 * self.line.delay + REPETITION) * most
    }

    fn cut(&mut self) {
        self.is_cut = true;
        self.under_way.clear();
    }
}

/// A time whose mean is `mean`.
fn random_time(rng: &mut Rng, mean: Duration) -> Duration {
    Duration::from_micros(rng.below(2 * mean.as_micros() as u64))
}
