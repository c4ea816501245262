//! What was written to a stream and is not in a frame yet.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// A piece grows to this and no further, 32 KiB: what is copied from a socket at a time. A longer one would be moved about
/// as it grows, and come from and go back to the kernel.
const PIECE: usize = 32 * 1024;

/// Room for this many pieces is kept when all have gone; 32 bytes each.
const KEPT_CAPACITY: usize = 16;

/// A queue of bytes in pieces. How much it may hold is the caller's affair.
#[derive(Default)]
pub(crate) struct Outgoing {
    /// None of them empty.
    pieces: VecDeque<BytesMut>,
    len: usize,
}

impl Outgoing {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Fills the last piece, then begins others: where a write ended cuts no frame short.
    pub(crate) fn push(&mut self, mut data: &[u8]) {
        self.len += data.len();
        if let Some(last) = self.pieces.back_mut() {
            let fits = data.len().min(PIECE - last.len());
            last.extend_from_slice(&data[..fits]);
            data = &data[fits..];
        }
        self.pieces.extend(data.chunks(PIECE).map(begin));
    }

    /// The first bytes, at most `max`, of one piece; a piece that is used up goes with them, so that an idle stream holds
    /// none.
    pub(crate) fn pop(&mut self, max: usize) -> Option<Bytes> {
        let first = self.pieces.front_mut().filter(|_| max > 0)?;
        let taken = if first.len() <= max { self.pieces.pop_front()? } else { first.split_to(max) };
        self.len -= taken.len();
        if self.is_empty() && self.pieces.capacity() > KEPT_CAPACITY {
            self.pieces.shrink_to(KEPT_CAPACITY);
        }
        Some(taken.freeze())
    }
}

/// A piece that begins like this. Where much is written there is more to come, and it gets its room at once.
fn begin(data: &[u8]) -> BytesMut {
    let room = if data.len() < PIECE / 4 { data.len() } else { PIECE };
    let mut piece = BytesMut::with_capacity(room);
    piece.extend_from_slice(data);
    piece
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_comes_out_is_what_went_in(
            steps in prop::collection::vec((0usize..70_000, 0usize..70_000), 1..40),
        ) {
            let (mut queue, mut written, mut read) = (Outgoing::default(), Vec::new(), Vec::new());
            for (push, pop) in steps {
                let data: Vec<u8> = (0..push).map(|n| (n + written.len()) as u8).collect();
                queue.push(&data);
                written.extend(data);
                if let Some(bytes) = queue.pop(pop) {
                    prop_assert!((1..=pop.min(PIECE)).contains(&bytes.len()));
                    read.extend_from_slice(&bytes);
                }
                prop_assert_eq!(queue.len(), written.len() - read.len());
            }
            while let Some(bytes) = queue.pop(usize::MAX) {
                read.extend_from_slice(&bytes);
            }
            prop_assert_eq!(read, written);
            prop_assert!(queue.is_empty() && queue.pieces.capacity() <= 2 * KEPT_CAPACITY);
        }
    }

    #[test]
    fn small_writes_share_a_piece() {
        let mut queue = Outgoing::default();
        (0..100).for_each(|n| queue.push(&[n; 100]));
        assert_eq!(queue.pieces.len(), 1);
        assert_eq!(queue.pop(usize::MAX).map(|bytes| bytes.len()), Some(10_000));
        assert_eq!(queue.pop(usize::MAX), None);
    }

    /// A piece moves through its allocation; it must not grow by that.
    #[test]
    fn a_busy_queue_holds_no_more_than_a_few_pieces() {
        let mut queue = Outgoing::default();
        for _ in 0..10_000 {
            while queue.len() < 65_536 {
                queue.push(&[0; 10_000]);
            }
            assert!(queue.pieces.iter().map(BytesMut::capacity).sum::<usize>() <= 4 * 65_536);
            assert!(queue.pop(4096).is_some());
        }
    }
}
