//! What one end sends next: echoes first, then bulk. Pure: time is an argument.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::frame::{self, HEADER};
use crate::pattern::Pattern;

/// Bytes of bulk in one frame: an echo that comes due waits for at most one.
pub const FRAME: usize = 2 * 1024;
/// Answers that may wait; asks come ten times a second, so this is a minute's worth. Further ones are not answered.
const MAX_ANSWERS: usize = 600;

/// How much bulk to send.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Load {
    /// None.
    #[default]
    Off,
    /// As much as the connection takes.
    Full,
    /// Bytes a second, made up for after a pause.
    Paced(f64),
}

/// The bytes that are to be written, and what will be.
#[derive(Debug)]
pub(crate) struct Outbox {
    pattern: Pattern,
    frame: Vec<u8>,
    written: usize,
    answers: VecDeque<u64>,
    /// When the next ask is due, and its number; an end that asks nothing has none.
    ask: Option<(Instant, u64)>,
    load: Load,
    /// Since when the load is what it is, and how much bulk was made since.
    since: (Instant, u64),
    bulk: u64,
}

impl Outbox {
    /// Nothing to send but asks, the first of them now.
    pub(crate) fn new(seed: u64, now: Instant, asks: bool) -> Self {
        Self {
            pattern: Pattern::new(seed),
            frame: Vec::with_capacity(HEADER + FRAME),
            written: 0,
            answers: VecDeque::new(),
            ask: asks.then_some((now, 0)),
            load: Load::Off,
            since: (now, 0),
            bulk: 0,
        }
    }

    /// Changes the load. A frame that was begun is finished.
    pub(crate) fn set_load(&mut self, now: Instant, load: Load) {
        (self.load, self.since) = (load, (now, 0));
    }

    /// Has an ask answered.
    pub(crate) fn answer(&mut self, mark: u64) {
        if self.answers.len() < MAX_ANSWERS {
            self.answers.push_back(mark);
        }
    }

    /// Bytes of bulk put into frames so far.
    pub(crate) fn bulk(&self) -> u64 {
        self.bulk
    }

    /// The bytes to write now; empty when nothing is due.
    pub(crate) fn bytes(&mut self, now: Instant) -> &[u8] {
        if self.written == self.frame.len() {
            (self.written, _) = (0, self.frame.clear());
            self.next_frame(now);
        }
        &self.frame[self.written..]
    }

    /// Notes that the first `count` of them are written.
    pub(crate) fn wrote(&mut self, count: usize) {
        self.written += count;
    }

    /// When something is due next, if nothing is now and time alone makes it so.
    pub(crate) fn due(&self) -> Option<Instant> {
        let ask = self.ask.map(|(due, _)| due);
        let bulk = match self.load {
            Load::Paced(rate) => {
                let bytes = (self.since.1 + FRAME as u64) as f64;
                Some(self.since.0 + Duration::from_secs_f64(bytes / rate))
            }
            Load::Off | Load::Full => None,
        };
        ask.into_iter().chain(bulk).min()
    }

    fn next_frame(&mut self, now: Instant) {
        if let Some(mark) = self.answers.pop_front() {
            self.frame.extend(frame::answer(mark));
        } else if let Some((due, number)) = self.ask.filter(|(due, _)| *due <= now) {
            self.frame.extend(frame::ask(number));
            self.ask = Some((due + super::ASK_INTERVAL, number + 1));
        } else if self.bulk_is_due(now) {
            self.frame.extend(frame::bulk_header(FRAME as u16));
            self.frame.resize(HEADER + FRAME, 0);
            self.pattern.fill(&mut self.frame[HEADER..]);
            self.since.1 += FRAME as u64;
            self.bulk += FRAME as u64;
        }
    }

    fn bulk_is_due(&self, now: Instant) -> bool {
        match self.load {
            Load::Off => false,
            Load::Full => true,
            Load::Paced(rate) => {
                let due = rate * now.saturating_duration_since(self.since.0).as_secs_f64();
                due >= (self.since.1 + FRAME as u64) as f64
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::frame::{Decoder, Piece};

    /// Everything that is due, as words.
    fn drain(outbox: &mut Outbox, now: Instant) -> Vec<String> {
        let (mut words, mut decoder) = (Vec::new(), Decoder::default());
        loop {
            let bytes = outbox.bytes(now).to_vec();
            if bytes.is_empty() || words.len() > 100 {
                return words;
            }
            outbox.wrote(bytes.len());
            let mut rest = &bytes[..];
            while let Some(piece) = decoder.take(&mut rest).unwrap() {
                words.push(match piece {
                    Piece::Bulk(bytes) => format!("{} bytes", bytes.len()),
                    other => format!("{other:?}"),
                });
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn echoes_go_first() {
        let start = Instant::now();
        let mut outbox = Outbox::new(1, start, true);
        outbox.set_load(start, Load::Full);
        outbox.answer(5);
        assert_eq!(drain(&mut outbox, start)[..3], ["Answer(5)", "Ask(0)", "2048 bytes"]);
        let later = start + super::super::ASK_INTERVAL * 2;
        let rest = drain(&mut outbox, later);
        assert_eq!(
            rest[..3],
            ["2048 bytes", "Ask(1)", "Ask(2)"],
            "a frame that was begun is finished"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_paced_load_makes_up_for_a_pause() {
        let start = Instant::now();
        let mut outbox = Outbox::new(1, start, false);
        assert_eq!((outbox.due(), outbox.bytes(start).len()), (None, 0));
        outbox.set_load(start, Load::Paced(2048.0));
        assert_eq!(outbox.due(), Some(start + Duration::from_secs(1)));
        assert_eq!(drain(&mut outbox, start + Duration::from_secs(3)).len(), 3);
        assert_eq!(outbox.bulk(), 3 * 2048);
    }
}
