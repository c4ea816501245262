//! What came in on a stream and was not read yet.

use std::collections::VecDeque;
use std::mem;

use bytes::{Bytes, BytesMut};

use crate::config::{GATHERED, SMALL_PAYLOAD};

/// Room for this many pieces is kept when all are read; 32 bytes each.
const KEPT_CAPACITY: usize = 16;

/// A queue of bytes that keeps large pieces as they came and gathers small ones.
#[derive(Default)]
pub(crate) struct Incoming {
    pieces: VecDeque<Bytes>,
    /// Small payloads that came after all of `pieces`.
    small: BytesMut,
    len: usize,
}

impl Incoming {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, data: Bytes) {
        self.len += data.len();
        if data.len() < SMALL_PAYLOAD {
            self.small.extend_from_slice(&data);
        }
        if data.len() >= SMALL_PAYLOAD || self.small.len() >= GATHERED {
            self.flush_small();
        }
        if data.len() >= SMALL_PAYLOAD {
            self.pieces.push_back(data);
        }
    }

    /// The next bytes in order, at most `max`; `None` if there are none.
    pub(crate) fn pop(&mut self, max: usize) -> Option<Bytes> {
        if self.pieces.is_empty() {
            self.flush_small();
        }
        let piece = self.pieces.front_mut()?;
        let taken = if piece.len() <= max { self.pieces.pop_front()? } else { piece.split_to(max) };
        self.len -= taken.len();
        if self.pieces.is_empty() && self.pieces.capacity() > KEPT_CAPACITY {
            self.pieces = VecDeque::new();
        }
        Some(taken)
    }

    fn flush_small(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push_back(mem::take(&mut self.small).freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn large_pieces_are_not_copied() {
        let data = Bytes::from(vec![1; SMALL_PAYLOAD]);
        let mut incoming = Incoming::default();
        incoming.push(data.clone());
        assert_eq!(incoming.pop(usize::MAX).unwrap().as_ptr(), data.as_ptr());
    }

    #[test]
    fn small_pieces_are_gathered() {
        let mut incoming = Incoming::default();
        for _ in 0..100_000 {
            incoming.push(Bytes::from_static(b"x"));
        }
        assert!(incoming.pieces.len() <= 100_000 / GATHERED + 1);
        assert!(
            incoming
                .pieces
                .iter()
                .chain([&incoming.small.clone().freeze()])
                .all(|piece| piece.len() <= GATHERED)
        );
    }

    #[test]
    fn an_empty_queue_keeps_little() {
        let mut incoming = Incoming::default();
        for _ in 0..1000 {
            incoming.push(Bytes::from_static(&[0; SMALL_PAYLOAD]));
        }
        while incoming.pop(usize::MAX).is_some() {}
        assert!(incoming.pieces.capacity() <= KEPT_CAPACITY);
        assert_eq!(incoming.small.capacity(), 0);
    }

    /// A number of bytes to push, or a limit to pop with.
    fn push_or_pop() -> impl Strategy<Value = Result<usize, usize>> {
        prop_oneof![(0..2000usize).prop_map(Ok), (1..3000usize).prop_map(Err)]
    }

    proptest! {
        #[test]
        fn order_and_length_are_kept(steps in prop::collection::vec(push_or_pop(), 1..200)) {
            let (mut incoming, mut next, mut model) = (Incoming::default(), 0u8, VecDeque::new());
            for step in steps {
                match step {
                    Ok(n) => {
                        let data: Vec<u8> = (0..n).map(|_| { next = next.wrapping_add(7); next }).collect();
                        model.extend(&data);
                        incoming.push(data.into());
                    }
                    Err(max) => {
                        let got = incoming.pop(max);
                        prop_assert_eq!(got.is_none(), model.is_empty());
                        let got = got.unwrap_or_default();
                        prop_assert!(got.len() <= max);
                        prop_assert_eq!(&got[..], &model.drain(..got.len()).collect::<Vec<u8>>()[..]);
                    }
                }
                prop_assert_eq!(incoming.len(), model.len());
            }
        }
    }
}
