//! What was sent and is not acknowledged yet.

use std::io;

use bytes::BytesMut;
use tokio::time::{Instant, sleep};
use webrtc::error::Error;

use crate::{
    connection::Channel,
    limits::{
        LARGEST_SEND_BUFFER, MAX_DRAIN_CHECK, MIN_DRAIN_CHECK, SEND_BUFFER, SEND_BUFFER_TIME,
        SEND_STALL,
    },
};

/// Sends messages while the send buffer has room.
pub(crate) struct Sender {
    channel: Channel,
    buffer: SendBuffer,
    /// What may be sent before the library is asked again; only this sends, so there is at least that much room.
    room: usize,
}

impl Sender {
    pub(crate) fn new(channel: Channel, now: Instant) -> Self {
        Self { channel, buffer: SendBuffer::new(now), room: 0 }
    }

    pub(crate) async fn send(mut self, message: BytesMut) -> io::Result<Self> {
        if self.room < message.len() {
            self.room = self.drained().await?;
        }
        self.room = self.room.saturating_sub(message.len());
        self.buffer.sent += message.len();
        self.channel.send(message).await.map_err(closed)?;
        Ok(self)
    }

    /// Waits until the peer has acknowledged enough, and returns how many bytes may be added.
    async fn drained(&mut self) -> io::Result<usize> {
        let mut wait = MIN_DRAIN_CHECK;
        let mut stall = Stall::new(Instant::now());
        loop {
            // Fails at once when the connection is closing.
            self.channel.writable().await.map_err(closed)?;
            let outstanding = self.channel.outstanding_bytes().await.map_err(closed)?;
            let now = Instant::now();
            let has_waited = wait > MIN_DRAIN_CHECK;
            if let Some(room) = self.buffer.room(now, outstanding, has_waited) {
                return Ok(room);
            }
            if stall.is_over(outstanding, now) {
                return Err(io::Error::new(io::ErrorKind::TimedOut, PeerStalled));
            }
            sleep(wait).await;
            wait = (wait * 2).min(MAX_DRAIN_CHECK);
        }
    }
}

/// The channel or its connection is closed: what the library's errors come to.
fn closed(_: Error) -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

/// The peer is there but takes nothing.
#[derive(Debug, thiserror::Error)]
#[error("the peer took nothing for {:?}", SEND_STALL)]
struct PeerStalled;

/// How much may be unacknowledged: what the path takes in a certain time, within limits. Pure: time is an argument.
#[derive(Debug)]
struct SendBuffer {
    size: usize,
    /// When there was room the last time, what was unacknowledged then, and sent since.
    since: Instant,
    outstanding: usize,
    sent: usize,
}

impl SendBuffer {
    fn new(now: Instant) -> Self {
        Self { size: SEND_BUFFER, since: now, outstanding: 0, sent: 0 }
    }

    /// How many bytes may be sent when so many are `outstanding`: none before the buffer is half empty.
    ///
    /// A sender that did not have to wait for that measures itself and not the path, which then is not slower. What was
    /// held up for a lost packet is acknowledged all at once, which makes the path look faster: so at most twice as much.
    fn room(&mut self, now: Instant, outstanding: usize, has_waited: bool) -> Option<usize> {
        if outstanding > self.size / 2 {
            return None;
        }
        let acknowledged = (self.outstanding + self.sent).saturating_sub(outstanding);
        let rate = acknowledged as f64 / (now - self.since).as_secs_f64();
        // Right for no time at all, too: such a rate is infinite, or none.
        let taken = (rate * SEND_BUFFER_TIME.as_secs_f64()) as usize;
        let least = if has_waited { SEND_BUFFER } else { self.size };
        let size = taken.clamp(least, LARGEST_SEND_BUFFER.min(2 * self.size));
        *self = Self { size, since: now, outstanding, sent: 0 };
        size.checked_sub(outstanding).filter(|room| *room > 0)
    }
}

/// Notices a peer that acknowledges nothing; one that is merely slow is not meant.
struct Stall {
    least: usize,
    since: Instant,
}

impl Stall {
    fn new(now: Instant) -> Self {
        Self { least: usize::MAX, since: now }
    }

    /// Whether `outstanding` has not become less for [`SEND_STALL`].
    fn is_over(&mut self, outstanding: usize, now: Instant) -> bool {
        if outstanding < self.least {
            *self = Self { least: outstanding, since: now };
        }
        now - self.since >= SEND_STALL
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, time::Duration};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Sends for ten seconds whatever there is room for, over a path that takes so many bytes in a millisecond. Returns the
    /// buffer, and how many bytes a millisecond the peer acknowledged in the last second.
    fn use_path(rate: usize, round_trip: usize) -> (SendBuffer, usize) {
        let mut now = Instant::now();
        let mut buffer = SendBuffer::new(now);
        let (mut waiting, mut under_way, mut acknowledged) = (0, VecDeque::new(), 0);
        for millisecond in 0..10_000 {
            let outstanding = waiting + under_way.iter().sum::<usize>();
            if let Some(room) = buffer.room(now, outstanding, true) {
                buffer.sent = room;
                waiting += room;
            }
            let leaves = rate.min(waiting);
            waiting -= leaves;
            under_way.push_back(leaves);
            if under_way.len() > round_trip {
                let arrived = under_way.pop_front().unwrap_or_default();
                acknowledged += if millisecond >= 9_000 { arrived } else { 0 };
            }
            now += MS;
        }
        (buffer, acknowledged / 1000)
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_fast_path_is_full() {
        for (rate, round_trip) in
            [(2_500, 50), (5_000, 100), (7_500, 52), (10_000, 90), (2_500, 190)]
        {
            let (_, reached) = use_path(rate, round_trip);
            assert!(reached * 100 >= rate * 97, "{rate} {round_trip}: {reached}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_bounded_in_time_and_in_bytes() {
        for rate in [1, 125, 625] {
            assert_eq!(use_path(rate, 50).0.size, SEND_BUFFER, "{rate}");
        }
        let (buffer, _) = use_path(2_500, 50);
        assert!((900_000..=1_000_000).contains(&buffer.size), "{}", buffer.size);
        let (buffer, _) = use_path(100_000, 5);
        assert_eq!(buffer.size, LARGEST_SEND_BUFFER);
    }

    #[tokio::test(start_paused = true)]
    async fn it_shrinks_with_the_path_but_not_with_the_sender() {
        let (mut buffer, _) = use_path(5_000, 50);
        let (before, later) = (buffer.size, Instant::now() + 20_000 * MS);
        assert!(before > 2 * SEND_BUFFER);
        assert_eq!(buffer.room(later, before / 2 + 1, true), None, "it is not half empty");
        assert_eq!(buffer.room(later, 1000, false), Some(before - 1000), "nobody waited");
        buffer.sent = 1000;
        let room = buffer.room(later + 20_000 * MS, before / 2, true);
        assert_eq!((room, buffer.size), (None, SEND_BUFFER), "now more is under way than may be");
    }

    #[tokio::test(start_paused = true)]
    async fn one_leap_makes_it_no_more_than_twice_as_large() {
        let now = Instant::now();
        let mut buffer = SendBuffer::new(now);
        assert_eq!(buffer.room(now, 0, false), Some(SEND_BUFFER));
        buffer.sent = SEND_BUFFER;
        assert_eq!(buffer.room(now, 0, true), Some(2 * SEND_BUFFER));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_is_not_stalled() {
        let begun = Instant::now();
        let second = Duration::from_secs(1);
        let mut stall = Stall::new(begun);
        let mut now = begun;
        for outstanding in (SEND_BUFFER / 2..SEND_BUFFER).rev().step_by(1163) {
            assert!(!stall.is_over(outstanding, now), "one packet in 19 s is slow");
            now += SEND_STALL - second;
        }
        assert!(stall.is_over(SEND_BUFFER, now + second), "what comes on top is no progress");
    }
}
