//! The peer's receive window, and the questions put to it while it is closed.

use crate::config::{PEER_WINDOW_INITIAL, QUESTION_FIRST, QUESTION_LIMIT};

/// What the peer last said it has room for, in segments.
///
/// There is no congestion window here: Snowflake turns kcp-go's off, and what a carrier may hold is decided above.
#[derive(Debug)]
pub(crate) struct PeerWindow {
    size: u16,
    question: Option<Question>,
}

/// When to ask next, and how long the wait before that is.
#[derive(Debug, Clone, Copy)]
struct Question {
    at: u64,
    wait: u64,
}

impl PeerWindow {
    pub(crate) fn new() -> Self {
        Self { size: PEER_WINDOW_INITIAL, question: None }
    }

    pub(crate) fn size(&self) -> u16 {
        self.size
    }

    pub(crate) fn set(&mut self, size: u16) {
        self.size = size;
    }

    /// Starts the timer of questions when the window is closed and data is `waiting`, stops it otherwise.
    ///
    /// kcp-go asks also when it has nothing to send; then the answer would change nothing.
    pub(crate) fn watch(&mut self, waiting: bool, now: u64) {
        if self.size > 0 || !waiting {
            self.question = None;
        } else if self.question.is_none() {
            self.question = Some(Question { at: now + QUESTION_FIRST, wait: QUESTION_FIRST });
        }
    }

    /// When to ask; `None` while there is no need to.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.question.map(|question| question.at)
    }

    /// Notes that the question was put; the next wait is half as long again.
    pub(crate) fn asked(&mut self, now: u64) {
        if let Some(question) = &mut self.question {
            question.wait = (question.wait + question.wait / 2).min(QUESTION_LIMIT);
            question.at = now + question.wait;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_window_is_asked_at_growing_intervals() {
        let mut window = PeerWindow::new();
        window.set(0);
        window.watch(true, 1_000);
        let mut now = 1_000;
        let mut waits = Vec::new();
        for _ in 0..9 {
            let at = window.deadline().unwrap();
            waits.push(at - now);
            now = at;
            window.asked(now);
        }
        assert_eq!(waits, [7000, 10500, 15750, 23625, 35437, 53155, 79732, 119598, 120000]);
    }

    #[test]
    fn an_open_window_or_an_empty_queue_is_left_alone() {
        let mut window = PeerWindow::new();
        window.watch(true, 0);
        assert_eq!(window.deadline(), None);
        window.set(0);
        window.watch(false, 0);
        assert_eq!(window.deadline(), None);
        window.watch(true, 0);
        assert_eq!(window.deadline(), Some(7000));
        window.set(1);
        window.watch(true, 5);
        assert_eq!(window.deadline(), None);
    }
}
