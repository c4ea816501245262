//! As much of Go's `encoding/gob` as a sketch needs: messages with one value each, and the type of a map.
//!
//! A message is its length, the number of its type, and the value; a type that is not built in is described in a message
//! of its own before, under the negative of its number. See <https://pkg.go.dev/encoding/gob>.

use std::collections::BTreeSet;

use crate::SketchError;

/// Built-in types, as they are written: signed numbers have their sign in the lowest bit.
const BOOL: u64 = 1 << 1;
const UINT: u64 = 3 << 1;
const BYTES: u64 = 5 << 1;

/// The first number of a type that is not built in, 64; Go may choose others.
const SET: u64 = 64 << 1;

/// The description of that type: a map from unsigned numbers to booleans, of the name `set`.
const SET_TYPE: [u8; 18] = [
    0x7f, // the negative of 64
    0x04, // the fourth kind of type, a map:
    0x01, // what all types have:
    0x01, 3, b's', b'e', b't', // its name,
    0x01, 0xff, 0x80, 0x00, // its number;
    0x01, UINT as u8, // the type of its keys,
    0x01, BOOL as u8, // and of its values
    0x00, 0x00,
];

/// Writes values one after another.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.message(BOOL, |body| body.push(value.into()));
    }

    pub(crate) fn uint(&mut self, value: u64) {
        self.message(UINT, |body| push(body, value));
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.message(BYTES, |body| {
            push(body, value.len() as u64);
            body.extend(value);
        });
    }

    pub(crate) fn set(&mut self, set: &BTreeSet<u32>) {
        push(&mut self.0, SET_TYPE.len() as u64);
        self.0.extend(SET_TYPE);
        self.message(SET, |body| {
            push(body, set.len() as u64);
            for number in set {
                push(body, (*number).into());
                body.push(1);
            }
        });
    }

    fn message(&mut self, of_type: u64, value: impl FnOnce(&mut Vec<u8>)) {
        let mut body = Vec::new();
        push(&mut body, of_type);
        // Values that are no structs are written as the only field of one.
        body.push(0);
        value(&mut body);
        push(&mut self.0, body.len() as u64);
        self.0.extend(body);
    }
}

/// Appends an unsigned number: below 128 one byte, else its length in a negative byte, then the number.
fn push(out: &mut Vec<u8>, value: u64) {
    match value {
        0..0x80 => out.push(value as u8),
        _ => {
            let bytes = value.to_be_bytes();
            let zeros = (value.leading_zeros() / 8) as usize;
            out.push((zeros as u8).wrapping_sub(8));
            out.extend(&bytes[zeros..]);
        }
    }
}

/// Reads values one after another.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn bool(&mut self) -> Result<bool, SketchError> {
        let mut body = self.message(BOOL)?;
        one_of(&mut body, |body| Ok(body.number()? != 0))
    }

    /// A number of this type, which is smaller than those of Go.
    pub(crate) fn uint<T: TryFrom<u64>>(&mut self) -> Result<T, SketchError> {
        let mut body = self.message(UINT)?;
        one_of(&mut body, Self::narrow)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], SketchError> {
        let mut body = self.message(BYTES)?;
        one_of(&mut body, Self::counted)
    }

    /// A map whose keys are the set, after the description of its type.
    pub(crate) fn set(&mut self) -> Result<BTreeSet<u32>, SketchError> {
        let mut description = Self::new(self.counted()?);
        // The negative of a number, in the way of gob, is one less than its double.
        let of_type = description.number()?.checked_add(1).ok_or(SketchError::WrongType)?;
        if of_type % 2 == 1 || of_type < SET {
            return Err(SketchError::WrongType);
        }
        let mut body = self.message(of_type)?;
        one_of(&mut body, |body| {
            let count = body.number()?;
            let key = |_| -> Result<u32, SketchError> {
                let key = body.narrow()?;
                let present: u8 = body.narrow()?;
                if present == 1 { Ok(key) } else { Err(SketchError::WrongType) }
            };
            (0..count).map(key).collect()
        })
    }

    /// What follows the type of the next message, if it is this one.
    fn message(&mut self, of_type: u64) -> Result<Self, SketchError> {
        let mut body = Self::new(self.counted()?);
        if body.number()? == of_type && body.number()? == 0 {
            Ok(body)
        } else {
            Err(SketchError::WrongType)
        }
    }

    /// As many bytes as the number before them says.
    fn counted(&mut self) -> Result<&'a [u8], SketchError> {
        let count = self.narrow()?;
        self.take(count)
    }

    fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, SketchError> {
        self.number()?.try_into().map_err(|_| SketchError::TooLarge)
    }

    fn number(&mut self) -> Result<u64, SketchError> {
        let &[first] = self.take(1)? else { return Err(SketchError::CutShort) };
        if first < 0x80 {
            return Ok(first.into());
        }
        let length = first.wrapping_neg();
        if length > 8 {
            return Err(SketchError::TooLarge);
        }
        let bytes = self.take(length.into())?;
        Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], SketchError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(SketchError::CutShort)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// The value that is all of a message.
fn one_of<'a, T>(
    body: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, SketchError>,
) -> Result<T, SketchError> {
    let value = read(body)?;
    if body.rest.is_empty() { Ok(value) } else { Err(SketchError::WrongType) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The examples of gob's documentation.
    #[test]
    fn numbers_are_as_short_as_gobs() {
        for (value, bytes) in [
            (0, &[0][..]),
            (7, &[7]),
            (127, &[0x7f]),
            (128, &[0xff, 0x80]),
            (256, &[0xfe, 1, 0]),
            (u64::MAX, &[0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ] {
            let mut out = Vec::new();
            push(&mut out, value);
            assert_eq!(out, bytes);
            assert_eq!(Reader::new(bytes).number(), Ok(value));
        }
        assert_eq!(Reader::new(&[0x80; 200]).number(), Err(SketchError::TooLarge));
        assert_eq!(Reader::new(&[0xfe, 1]).number(), Err(SketchError::CutShort));
    }

    #[test]
    fn a_count_that_is_not_there_costs_nothing() {
        let mut writer = Writer::default();
        writer.set(&BTreeSet::from([1]));
        let mut bytes = writer.into_bytes();
        let count = bytes.len() - 3;
        bytes[count] = 0x7f;
        assert_eq!(Reader::new(&bytes).set(), Err(SketchError::CutShort));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(truth: bool, number: u32, bytes: Vec<u8>, set: BTreeSet<u32>) {
            let mut writer = Writer::default();
            writer.bool(truth);
            writer.uint(number.into());
            writer.bytes(&bytes);
            writer.set(&set);
            let written = writer.into_bytes();
            let mut reader = Reader::new(&written);
            prop_assert_eq!(reader.bool(), Ok(truth));
            prop_assert_eq!(reader.uint(), Ok(number));
            prop_assert_eq!(reader.bytes(), Ok(&bytes[..]));
            prop_assert_eq!(reader.set(), Ok(set));
            prop_assert!(reader.rest.is_empty());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>) {
            let _ = Reader::new(&bytes).bool();
            let _ = Reader::new(&bytes).uint::<u32>();
            let _ = Reader::new(&bytes).bytes();
            let _ = Reader::new(&bytes).set();
        }
    }
}
