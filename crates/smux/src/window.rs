//! The arithmetic of UPD: how far a sender may be ahead of its reader. All counters wrap at 2^32.

use crate::config::INITIAL_WINDOW;
use crate::frame::Update;

/// How much we may send on a stream.
#[derive(Debug)]
pub(crate) struct SendWindow {
    window: u32,
    sent: u32,
    consumed: u32,
}

impl SendWindow {
    pub(crate) const fn new() -> Self {
        Self { window: INITIAL_WINDOW, sent: 0, consumed: 0 }
    }

    /// How many bytes may go out now.
    pub(crate) fn allowance(&self) -> usize {
        // Never more than 2^31 - 1 in flight, or the sign of the difference in `update` would say
        // nothing.
        let window = self.window.min(i32::MAX as u32);
        window.saturating_sub(self.sent.wrapping_sub(self.consumed)) as usize
    }

    /// `n` bytes went out, not more than the allowance.
    pub(crate) fn sent(&mut self, n: usize) {
        debug_assert!(n <= self.allowance());
        self.sent = self.sent.wrapping_add(n as u32);
    }

    /// The peer told how far its reader is; false if it claims to have read what was never sent.
    pub(crate) fn update(&mut self, Update { consumed, window }: Update) -> bool {
        let in_flight = self.sent.wrapping_sub(consumed).cast_signed();
        if in_flight < 0 {
            return false;
        }
        self.consumed = consumed;
        self.window = window;
        true
    }
}

/// How much the peer may send on a stream, and when to tell it that it may send more.
#[derive(Debug)]
pub(crate) struct ReceiveWindow {
    window: u32,
    received: u32,
    consumed: u32,
    /// The peer may send up to this offset.
    limit: u32,
    /// What `consumed` was in the last UPD, if there was one.
    announced: Option<u32>,
}

impl ReceiveWindow {
    pub(crate) const fn new(window: u32) -> Self {
        Self { window, received: 0, consumed: 0, limit: INITIAL_WINDOW, announced: None }
    }

    /// `n` bytes arrived; false if the peer was not allowed to send them.
    ///
    /// The limit is the one that the Go sender keeps: 262144 bytes before it has seen an UPD, even
    /// if our window is smaller.
    pub(crate) fn receive(&mut self, n: usize) -> bool {
        let credit = self.limit.wrapping_sub(self.received);
        let allowed = n <= credit as usize;
        if allowed {
            self.received = self.received.wrapping_add(n as u32);
        }
        allowed
    }

    /// The application read `n` bytes; true if the peer should be told.
    ///
    /// It is told at the first read, because until then it dares only 262144 bytes, and whenever
    /// half a window was read since it was last told.
    pub(crate) fn consume(&mut self, n: usize) -> bool {
        self.consumed = self.consumed.wrapping_add(n as u32);
        match self.announced {
            None => n > 0,
            Some(announced) => self.consumed.wrapping_sub(announced) >= (self.window / 2).max(1),
        }
    }

    /// What to tell the peer now; it may then send that far.
    pub(crate) fn announce(&mut self) -> Update {
        self.announced = Some(self.consumed);
        let limit = self.consumed.wrapping_add(self.window);
        // What the peer was allowed once stays allowed: it may be on its way.
        if limit.wrapping_sub(self.limit).cast_signed() > 0 {
            self.limit = limit;
        }
        Update { consumed: self.consumed, window: self.window }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u32 = 1 << 20;

    fn update(consumed: u32, window: u32) -> Update {
        Update { consumed, window }
    }

    #[test]
    fn sender_begins_with_256_kib_and_then_obeys_the_last_update() {
        let mut window = SendWindow::new();
        assert_eq!(window.allowance(), 262_144);
        window.sent(262_144);
        assert_eq!(window.allowance(), 0);
        assert!(window.update(update(100_000, MIB)));
        assert_eq!(window.allowance(), MIB as usize - 162_144);
        assert!(window.update(update(100_000, 162_144)));
        assert_eq!(window.allowance(), 0);
        assert!(window.update(update(100_000, 0)));
        assert_eq!(window.allowance(), 0);
    }

    #[test]
    fn sender_notices_impossible_consumption() {
        let mut window = SendWindow::new();
        window.sent(10);
        assert!(window.update(update(10, MIB)));
        assert!(!window.update(update(11, MIB)));
        assert_eq!(window.allowance(), MIB as usize);
    }

    #[test]
    fn sender_goes_around_the_counter() {
        let mut window = SendWindow { window: MIB, sent: u32::MAX - 9, consumed: u32::MAX - 9 };
        window.sent(30);
        assert_eq!(window.sent, 20);
        assert_eq!(window.allowance(), MIB as usize - 30);
        assert!(window.update(update(15, MIB)));
        assert_eq!(window.allowance(), MIB as usize - 5);
        assert!(!window.update(update(21, MIB)));
    }

    #[test]
    fn a_giant_window_keeps_the_difference_signed() {
        let mut window = SendWindow::new();
        assert!(window.update(update(0, u32::MAX)));
        assert_eq!(window.allowance(), i32::MAX as usize);
        window.sent(i32::MAX as usize);
        assert_eq!(window.allowance(), 0);
        assert!(window.update(update(0, u32::MAX)));
    }

    #[test]
    fn receiver_tells_at_the_first_read_and_then_at_half_windows() {
        let mut window = ReceiveWindow::new(MIB);
        assert!(!window.consume(0));
        assert!(window.receive(6));
        assert!(window.consume(5));
        assert_eq!(window.announce(), update(5, MIB));
        assert!(!window.consume(MIB as usize / 2 - 1));
        assert!(window.consume(1));
        assert_eq!(window.announce(), update(5 + MIB / 2, MIB));
        assert!(!window.consume(1));
    }

    #[test]
    fn receiver_allows_what_the_go_sender_would_send() {
        let mut window = ReceiveWindow::new(1000);
        assert!(window.receive(262_144), "the initial guess, although our window is smaller");
        assert!(!window.receive(1));
        window.consume(1000);
        window.announce();
        assert!(!window.receive(1), "announcing less does not allow more");
        window.consume(261_144);
        window.announce();
        assert!(window.receive(1000));
        assert!(!window.receive(1));
    }

    proptest! {
        /// Two ends that obey each other never quarrel, however far the counters have wrapped.
        #[test]
        fn ends_agree(
            start in any::<u32>(),
            ours in 1..2 * MIB,
            steps in prop::collection::vec((any::<bool>(), 0..400_000usize), 1..200),
        ) {
            let mut sender = SendWindow { window: INITIAL_WINDOW, sent: start, consumed: start };
            let mut receiver = ReceiveWindow::new(ours);
            (receiver.received, receiver.consumed) = (start, start);
            receiver.limit = start.wrapping_add(INITIAL_WINDOW);
            let mut unread = 0;
            for (send, n) in steps {
                if send {
                    let n = n.min(sender.allowance());
                    sender.sent(n);
                    prop_assert!(receiver.receive(n));
                    unread += n;
                } else {
                    let n = n.min(unread);
                    unread -= n;
                    if receiver.consume(n) {
                        prop_assert!(sender.update(receiver.announce()));
                    }
                }
            }
            // A reader that keeps up never leaves the sender without allowance.
            if unread > 0 && receiver.consume(unread) {
                prop_assert!(sender.update(receiver.announce()));
            }
            prop_assert!(sender.allowance() > 0);
        }
    }
}
