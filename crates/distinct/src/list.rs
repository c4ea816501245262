//! Ascending numbers in few bytes.

use crate::SketchError;

/// Ascending numbers, each as its distance from the one before: seven bits in a byte, the lowest first, the top bit set
/// in all bytes but the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    count: u32,
    bytes: Vec<u8>,
    last: u32,
}

impl List {
    /// A list of which these are the parts.
    pub(crate) fn from_parts(count: u32, bytes: Vec<u8>, last: u32) -> Result<Self, SketchError> {
        let list = Self { count, bytes, last };
        let (mut seen, mut reached, mut rest) = (0_u32, None, &list.bytes[..]);
        while !rest.is_empty() {
            let distance = take(&mut rest)?;
            let number = reached.unwrap_or(0_u32).checked_add(distance);
            let ascends = reached.is_none() || distance > 0;
            reached = Some(number.filter(|_| ascends).ok_or(SketchError::Contradiction)?);
            seen += 1;
        }
        let fits = seen == count && reached.unwrap_or(0) == last;
        if fits { Ok(list) } else { Err(SketchError::Contradiction) }
    }

    /// How many numbers.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn last(&self) -> u32 {
        self.last
    }

    /// Appends a number that is larger than all.
    pub(crate) fn push(&mut self, number: u32) {
        let mut distance = number - self.last;
        while distance >= 0x80 {
            self.bytes.push(distance as u8 | 0x80);
            distance >>= 7;
        }
        self.bytes.push(distance as u8);
        self.count += 1;
        self.last = number;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        let (mut rest, mut reached) = (&self.bytes[..], 0_u32);
        std::iter::from_fn(move || {
            reached = reached.wrapping_add(take(&mut rest).ok()?);
            Some(reached)
        })
    }
}

/// Takes one distance off the front.
fn take(rest: &mut &[u8]) -> Result<u32, SketchError> {
    let mut distance = 0_u64;
    for shift in (0..35).step_by(7) {
        let (byte, others) = rest.split_first().ok_or(SketchError::CutShort)?;
        *rest = others;
        distance |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return distance.try_into().map_err(|_| SketchError::TooLarge);
        }
    }
    Err(SketchError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_distance_is_written_lowest_bits_first() {
        let mut list = List::default();
        [127, 255, 255 + 16_384].into_iter().for_each(|number| list.push(number));
        assert_eq!(list.bytes(), [0x7f, 0x80, 0x01, 0x80, 0x80, 0x01]);
    }

    #[test]
    fn parts_that_contradict_each_other_are_refused() {
        for (count, bytes, last, error) in [
            (2, &[1][..], 1, SketchError::Contradiction),
            (1, &[1], 2, SketchError::Contradiction),
            (2, &[1, 0], 1, SketchError::Contradiction),
            (1, &[0x81], 1, SketchError::CutShort),
            (1, &[0xff, 0xff, 0xff, 0xff, 0x1f], 0, SketchError::TooLarge),
            (1, &[0x80, 0x80, 0x80, 0x80, 0x80, 0], 0, SketchError::TooLarge),
            (2, &[0xff, 0xff, 0xff, 0xff, 0x0f, 1], 0, SketchError::Contradiction),
        ] {
            assert_eq!(List::from_parts(count, bytes.to_vec(), last), Err(error), "{bytes:x?}");
        }
        assert_eq!(List::from_parts(0, Vec::new(), 0), Ok(List::default()));
    }

    proptest! {
        #[test]
        fn what_was_pushed_comes_out(numbers: BTreeSet<u32>) {
            let mut list = List::default();
            numbers.iter().for_each(|number| list.push(*number));
            prop_assert_eq!(list.iter().collect::<Vec<_>>(), numbers.into_iter().collect::<Vec<_>>());
            let again = List::from_parts(list.count(), list.bytes().to_vec(), list.last());
            prop_assert_eq!(again, Ok(list));
        }

        #[test]
        fn no_bytes_are_too_strange(count: u32, bytes: Vec<u8>, last: u32) {
            let _ = List::from_parts(count, bytes, last);
        }
    }
}
