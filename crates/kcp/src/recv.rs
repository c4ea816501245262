//! What has been received: in order and unread, or ahead of a gap.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use crate::clock::distance;
use crate::config::{ACCEPTANCE, KEEP_AHEAD, SEGMENT_COST};

/// What became of a PUSH segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Stored; to be acknowledged.
    New,
    /// Already here; to be acknowledged again, the first acknowledgement may be lost.
    Duplicate,
    /// Too far ahead, or no room: forgotten, and not acknowledged.
    Refused,
}

/// The receiving half of the byte stream.
///
/// Segments keep a slice of the packet they came in, without a copy. What lies ahead of a gap is in a
/// hash table by sequence number, so that it costs memory only for what is there, wherever the peer
/// places it, and the same time however much that is; segments that come in order go past it.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// The sequence number expected next.
    next: u32,
    window: u16,
    limit: usize,
    unread: VecDeque<Bytes>,
    unread_cost: usize,
    ahead: HashMap<u32, Bytes>,
    ahead_cost: usize,
}

impl Receiver {
    /// Expects `first` next, advertises at most `window` segments and holds at most `limit` bytes.
    pub(crate) fn new(first: u32, window: u16, limit: usize) -> Self {
        Self {
            next: first,
            window,
            limit,
            unread: VecDeque::new(),
            unread_cost: 0,
            ahead: HashMap::new(),
            ahead_cost: 0,
        }
    }

    /// The sequence number expected next: everything below has been received.
    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    /// The window to advertise, in segments.
    pub(crate) fn free(&self) -> u16 {
        if self.unread_cost >= self.limit {
            return 0;
        }
        let unread = u16::try_from(self.unread.len()).unwrap_or(u16::MAX);
        self.window.saturating_sub(unread)
    }

    /// Changes the largest window to advertise.
    pub(crate) fn set_window(&mut self, window: u16) {
        self.window = window;
        self.advance();
    }

    /// Memory held, in bytes, as [`Config::receive_limit`](crate::Config::receive_limit) counts it.
    pub(crate) fn held(&self) -> usize {
        self.unread_cost + self.ahead_cost
    }

    /// Takes the data of segment `sn`.
    pub(crate) fn accept(&mut self, sn: u32, data: Bytes) -> Verdict {
        let offset = distance(sn, self.next);
        if offset < 0 {
            return Verdict::Duplicate;
        }
        if offset >= ACCEPTANCE {
            return Verdict::Refused;
        }
        if self.ahead.contains_key(&sn) {
            return Verdict::Duplicate;
        }
        // The next segment is always welcome: only it can make what lies ahead readable.
        if offset > 0 && self.held() >= self.limit {
            return Verdict::Refused;
        }
        if offset == 0 && self.free() > 0 {
            self.make_readable(data);
            self.advance();
        } else {
            self.ahead_cost += cost(&data);
            self.ahead.insert(sn, data);
        }
        Verdict::New
    }

    /// The next bytes of the stream; `None` when nothing is readable.
    pub(crate) fn read(&mut self) -> Option<Bytes> {
        let data = self.unread.pop_front()?;
        self.unread_cost -= cost(&data);
        self.advance();
        Some(data)
    }

    /// Whether [`Receiver::read`] would return something.
    pub(crate) fn is_readable(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Appends the next segment to what may be read; an empty one only takes its number.
    fn make_readable(&mut self, data: Bytes) {
        self.next = self.next.wrapping_add(1);
        if !data.is_empty() {
            self.unread_cost += cost(&data);
            self.unread.push_back(data);
        }
    }

    /// Moves what has become consecutive from the table, while the window is open.
    fn advance(&mut self) {
        while !self.ahead.is_empty()
            && self.free() > 0
            && let Some(data) = self.ahead.remove(&self.next)
        {
            self.ahead_cost -= cost(&data);
            self.make_readable(data);
        }
        if self.ahead.is_empty() && self.ahead.capacity() > KEEP_AHEAD {
            self.ahead = HashMap::new();
        }
    }
}

fn cost(data: &Bytes) -> usize {
    data.len() + SEGMENT_COST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver(window: u16) -> Receiver {
        Receiver::new(0, window, 1 << 20)
    }

    fn byte(n: u8) -> Bytes {
        Bytes::copy_from_slice(&[n])
    }

    fn read_all(receiver: &mut Receiver) -> Vec<u8> {
        std::iter::from_fn(|| receiver.read()).flatten().collect()
    }

    #[test]
    fn order_is_restored() {
        let mut receiver = receiver(100);
        assert_eq!(receiver.accept(2, byte(2)), Verdict::New);
        assert_eq!(receiver.accept(1, byte(1)), Verdict::New);
        assert_eq!(receiver.read(), None);
        assert_eq!(receiver.next(), 0);
        assert_eq!(receiver.accept(0, byte(0)), Verdict::New);
        assert_eq!(receiver.next(), 3);
        assert_eq!(read_all(&mut receiver), [0, 1, 2]);
        assert_eq!(receiver.held(), 0);
    }

    #[test]
    fn duplicates_are_told_from_new_and_from_too_far() {
        let mut receiver = receiver(100);
        receiver.accept(0, byte(0));
        receiver.accept(5, byte(5));
        assert_eq!(receiver.accept(0, byte(9)), Verdict::Duplicate);
        assert_eq!(receiver.accept(5, byte(9)), Verdict::Duplicate);
        assert_eq!(receiver.accept(1 + 65_534, byte(9)), Verdict::New);
        assert_eq!(receiver.accept(1 + 65_535, byte(9)), Verdict::Refused);
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut receiver = Receiver::new(u32::MAX - 1, 100, 1 << 20);
        assert_eq!(receiver.accept(1, byte(3)), Verdict::New);
        assert_eq!(receiver.accept(u32::MAX, byte(1)), Verdict::New);
        assert_eq!(receiver.accept(u32::MAX - 1, byte(0)), Verdict::New);
        assert_eq!(receiver.accept(u32::MAX, byte(9)), Verdict::Duplicate);
        assert_eq!(receiver.accept(0, byte(2)), Verdict::New);
        assert_eq!(read_all(&mut receiver), [0, 1, 2, 3]);
        assert_eq!(receiver.next(), 2);
    }

    #[test]
    fn a_full_window_holds_back_what_follows() {
        let mut receiver = receiver(2);
        (0..4).for_each(|sn| assert_eq!(receiver.accept(sn.into(), byte(sn)), Verdict::New));
        assert_eq!((receiver.free(), receiver.next()), (0, 2));
        assert_eq!(receiver.accept(2, byte(9)), Verdict::Duplicate);
        assert_eq!(receiver.read().unwrap(), byte(0));
        assert_eq!((receiver.free(), receiver.next()), (0, 3));
        assert_eq!(read_all(&mut receiver), [1, 2, 3]);
        assert_eq!(receiver.free(), 2);
    }

    #[test]
    fn narrowing_the_window_loses_nothing() {
        let mut receiver = receiver(10);
        (0..4).for_each(|sn| assert_eq!(receiver.accept(sn.into(), byte(sn)), Verdict::New));
        receiver.set_window(2);
        assert_eq!(receiver.free(), 0);
        assert_eq!(receiver.accept(4, byte(4)), Verdict::New);
        receiver.set_window(10);
        assert_eq!(read_all(&mut receiver), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn bytes_are_bounded_and_the_next_segment_is_still_taken() {
        let segment = Bytes::from_static(&[0; 1000]);
        let mut receiver = Receiver::new(0, 65535, 10 * (1000 + SEGMENT_COST));
        let stored = (1..1000).filter(|sn| receiver.accept(*sn, segment.clone()) == Verdict::New);
        assert_eq!(stored.count(), 10);
        assert!(receiver.held() <= 10 * (1000 + SEGMENT_COST));
        assert_eq!(receiver.accept(0, segment.clone()), Verdict::New);
        // Ten are readable and close the window; the eleventh waits.
        assert_eq!((receiver.next(), receiver.free()), (10, 0));
        assert_eq!(read_all(&mut receiver).len(), 11_000);
        assert_eq!((receiver.next(), receiver.free()), (11, 65535));
    }

    #[test]
    fn a_large_table_is_given_back() {
        let mut receiver = receiver(65535);
        (1..10_000).for_each(|sn| assert_eq!(receiver.accept(sn, byte(1)), Verdict::New));
        assert!(receiver.ahead.capacity() >= 9_999);
        assert_eq!(receiver.accept(0, byte(1)), Verdict::New);
        assert_eq!(read_all(&mut receiver).len(), 10_000);
        assert_eq!(receiver.ahead.capacity(), 0);
    }

    #[test]
    fn empty_segments_take_a_number_and_give_nothing() {
        let mut receiver = receiver(100);
        receiver.accept(0, Bytes::new());
        assert!(!receiver.is_readable());
        assert_eq!(receiver.read(), None);
        receiver.accept(1, byte(1));
        assert_eq!(read_all(&mut receiver), [1]);
    }
}
