//! The eight-byte header and the five commands, both ways.

use std::{fmt, mem};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::error::Misbehaviour;

/// The only version spoken here.
const VERSION: u8 = 2;
/// Bytes of a header.
pub const HEADER: usize = 8;
/// Bytes that follow the header of an UPD.
const UPDATE: usize = 8;
/// A body of this many bytes is worth a piece of its own.
const LONG: usize = 1024;

/// The number of a stream: odd if the client opened it, even if the server did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Command {
    /// Open a stream.
    Syn = 0,
    /// No more data will follow on a stream.
    Fin = 1,
    /// Data.
    Psh = 2,
    /// Keep-alive.
    Nop = 3,
    /// Window update.
    Upd = 4,
}

impl Command {
    fn parse(byte: u8) -> Result<Self, Misbehaviour> {
        Ok(match byte {
            0 => Self::Syn,
            1 => Self::Fin,
            2 => Self::Psh,
            3 => Self::Nop,
            4 => Self::Upd,
            unknown => return Err(Misbehaviour::Command(unknown)),
        })
    }

    fn allows(self, length: u16) -> bool {
        match self {
            Self::Syn | Self::Fin | Self::Nop => length == 0,
            Self::Psh => true,
            Self::Upd => usize::from(length) == UPDATE,
        }
    }
}

/// What an UPD says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// All bytes of the stream that its reader has read so far, modulo 2^32.
    pub consumed: u32,
    /// How far beyond `consumed` the sender may go, in bytes.
    pub window: u32,
}

/// A frame to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Open a stream.
    Syn(StreamId),
    /// No more data will follow.
    Fin(StreamId),
    /// Data, at most 65535 bytes; what is longer is cut off.
    Psh(StreamId, Bytes),
    /// Keep-alive.
    Nop,
    /// Window update.
    Upd(StreamId, Update),
}

impl Frame {
    /// The frame as it goes over the wire.
    pub fn encode(self) -> Encoded {
        match self {
            Self::Syn(id) => Encoded::new(Command::Syn, id, Bytes::new()),
            Self::Fin(id) => Encoded::new(Command::Fin, id, Bytes::new()),
            Self::Psh(id, data) => Encoded::new(Command::Psh, id, data),
            Self::Nop => Encoded::new(Command::Nop, StreamId(0), Bytes::new()),
            Self::Upd(id, Update { consumed, window }) => {
                let mut body = [0; UPDATE];
                body[..4].copy_from_slice(&consumed.to_le_bytes());
                body[4..].copy_from_slice(&window.to_le_bytes());
                Encoded::new(Command::Upd, id, Bytes::copy_from_slice(&body))
            }
        }
    }
}

/// A frame on its way out, in one piece if it is short: a long body is not copied behind its
/// header.
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    head: Bytes,
    body: Bytes,
}

impl Encoded {
    fn new(command: Command, id: StreamId, mut body: Bytes) -> Self {
        let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
        body.truncate(usize::from(length));
        let behind = if body.len() < LONG { mem::take(&mut body) } else { Bytes::new() };
        let mut head = BytesMut::with_capacity(HEADER + behind.len());
        head.put_u8(VERSION);
        head.put_u8(command as u8);
        head.put_u16_le(length);
        head.put_u32_le(id.0);
        head.put_slice(&behind);
        Self { head: head.freeze(), body }
    }

    /// The next bytes to send, at most `room`; `None` when all were taken.
    pub fn take(&mut self, room: usize) -> Option<Bytes> {
        let part = if self.head.is_empty() { &mut self.body } else { &mut self.head };
        let n = room.min(part.len());
        (n > 0).then(|| part.split_to(n))
    }
}

/// A frame, or a piece of one, that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The peer opens a stream.
    Syn(StreamId),
    /// The peer will send no more.
    Fin(StreamId),
    /// Some data, never empty: a whole PSH, or as much of it as the input held.
    Data(StreamId, Bytes),
    /// Keep-alive.
    Nop,
    /// Window update.
    Update(StreamId, Update),
}

/// Cuts a byte stream into frames.
///
/// It keeps at most the 16 bytes of an UPD: data is handed on in pieces as it comes, so that a
/// frame of 64 KiB neither waits for its end nor is ever put together.
#[derive(Debug, Default)]
pub struct Decoder {
    held: [u8; HEADER + UPDATE],
    filled: usize,
    /// The PSH of which some data is still to come, if any is.
    current: Option<(StreamId, u16)>,
}

impl Decoder {
    /// Takes the next frame or piece off the front of `input`; `None` when more input is needed,
    /// and then `input` is empty.
    ///
    /// # Errors
    ///
    /// A header that no well-behaved peer sends. The decoder has lost its place and must not be
    /// used again.
    pub fn next(&mut self, input: &mut Bytes) -> Result<Option<Item>, Misbehaviour> {
        loop {
            if let Some((id, left)) = self.current {
                return Ok(self.data(id, left, input));
            }
            if !self.fill(HEADER, input) {
                return Ok(None);
            }
            let (command, length, id) = self.header()?;
            if command == Command::Upd && !self.fill(HEADER + UPDATE, input) {
                return Ok(None);
            }
            self.filled = 0;
            return Ok(Some(match command {
                Command::Syn => Item::Syn(id),
                Command::Fin => Item::Fin(id),
                Command::Nop => Item::Nop,
                Command::Upd => Item::Update(id, self.update()),
                Command::Psh => {
                    self.current = (length > 0).then_some((id, length));
                    continue;
                }
            }));
        }
    }

    fn data(&mut self, id: StreamId, left: u16, input: &mut Bytes) -> Option<Item> {
        let n = u16::try_from(input.len()).unwrap_or(u16::MAX).min(left);
        if n == 0 {
            return None;
        }
        self.current = (n < left).then_some((id, left - n));
        Some(Item::Data(id, input.split_to(usize::from(n))))
    }

    /// Whether `wanted` bytes are held, after moving what is missing from the input.
    fn fill(&mut self, wanted: usize, input: &mut Bytes) -> bool {
        if self.filled < wanted {
            let n = input.len().min(wanted - self.filled);
            input.copy_to_slice(&mut self.held[self.filled..self.filled + n]);
            self.filled += n;
        }
        self.filled >= wanted
    }

    fn header(&self) -> Result<(Command, u16, StreamId), Misbehaviour> {
        let [version, command, l0, l1, i0, i1, i2, i3, ..] = self.held;
        if version != VERSION {
            return Err(Misbehaviour::Version(version));
        }
        let command = Command::parse(command)?;
        let length = u16::from_le_bytes([l0, l1]);
        if !command.allows(length) {
            return Err(Misbehaviour::Length { command, length });
        }
        Ok((command, length, StreamId(u32::from_le_bytes([i0, i1, i2, i3]))))
    }

    fn update(&self) -> Update {
        let [.., c0, c1, c2, c3, w0, w1, w2, w3] = self.held;
        Update {
            consumed: u32::from_le_bytes([c0, c1, c2, c3]),
            window: u32::from_le_bytes([w0, w1, w2, w3]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: Bytes) -> Result<Vec<Item>, Misbehaviour> {
        decode_split(&bytes, &[])
    }

    /// Decodes with the input cut at the given places.
    fn decode_split(bytes: &[u8], cuts: &[usize]) -> Result<Vec<Item>, Misbehaviour> {
        let mut decoder = Decoder::default();
        let mut items: Vec<Item> = Vec::new();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        for pair in cuts.windows(2) {
            let mut input = Bytes::copy_from_slice(&bytes[pair[0]..pair[1]]);
            while let Some(item) = decoder.next(&mut input)? {
                join(&mut items, item);
            }
            assert!(input.is_empty());
        }
        Ok(items)
    }

    /// Appends, joining neighbouring pieces of data of the same stream.
    fn join(items: &mut Vec<Item>, item: Item) {
        if let (Some(Item::Data(last, old)), Item::Data(id, new)) = (items.last_mut(), &item)
            && last == id
        {
            *old = [&old[..], &new[..]].concat().into();
        } else {
            items.push(item);
        }
    }

    /// The frame in one piece.
    fn encode(frame: Frame) -> Bytes {
        let mut encoded = frame.encode();
        std::iter::from_fn(|| encoded.take(usize::MAX)).flatten().collect()
    }

    const THREE: StreamId = StreamId(3);

    /// Recorded from the Go library.
    #[test]
    fn vectors() {
        let update = Update { consumed: 5, window: 1_048_576 };
        let vectors = [
            (Frame::Syn(THREE), "0200000003000000", Item::Syn(THREE)),
            (
                Frame::Psh(THREE, "hello".into()),
                "020205000300000068656c6c6f",
                Item::Data(THREE, "hello".into()),
            ),
            (
                Frame::Upd(THREE, update),
                "02040800030000000500000000001000",
                Item::Update(THREE, update),
            ),
            (Frame::Fin(THREE), "0201000003000000", Item::Fin(THREE)),
            (Frame::Nop, "0203000000000000", Item::Nop),
        ];
        for (frame, wire, item) in vectors {
            assert_eq!(hex::encode(encode(frame)), wire);
            assert_eq!(decode(hex::decode(wire).unwrap().into()), Ok(vec![item]));
        }
        let long = encode(Frame::Psh(THREE, vec![7; 3000].into()));
        assert_eq!(hex::encode(&long[..HEADER]), "0202b80b03000000");
        assert_eq!(decode(long), Ok(vec![Item::Data(THREE, vec![7; 3000].into())]));
    }

    #[test]
    fn longest_payload_goes_through_and_empty_is_skipped() {
        let wire = [Bytes::new(), vec![1; 65535].into()]
            .map(|data| encode(Frame::Psh(THREE, data)))
            .concat();
        assert_eq!(decode(wire.into()), Ok(vec![Item::Data(THREE, vec![1; 65535].into())]));
        assert_eq!(encode(Frame::Psh(THREE, vec![1; 65536].into())).len(), HEADER + 65535);
    }

    #[test]
    fn impossible_headers_are_named() {
        let cases = [
            ("0100000003000000", Misbehaviour::Version(1)),
            ("0205000003000000", Misbehaviour::Command(5)),
            ("0200010003000000", Misbehaviour::Length { command: Command::Syn, length: 1 }),
            ("0201020003000000", Misbehaviour::Length { command: Command::Fin, length: 2 }),
            ("0203ffff00000000", Misbehaviour::Length { command: Command::Nop, length: 65535 }),
            ("0204000003000000", Misbehaviour::Length { command: Command::Upd, length: 0 }),
            ("0204090003000000", Misbehaviour::Length { command: Command::Upd, length: 9 }),
        ];
        for (wire, misbehaviour) in cases {
            assert_eq!(decode(hex::decode(wire).unwrap().into()), Err(misbehaviour));
        }
    }

    fn any_frame() -> impl Strategy<Value = Frame> {
        let id = any::<u32>().prop_map(StreamId);
        (0..5u8, id, any::<u32>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..100))
            .prop_map(|(command, id, consumed, window, data)| match command {
                0 => Frame::Syn(id),
                1 => Frame::Fin(id),
                2 => Frame::Psh(id, data.into()),
                3 => Frame::Nop,
                _ => Frame::Upd(id, Update { consumed, window }),
            })
    }

    proptest! {
        #[test]
        fn the_split_does_not_matter(
            frames in prop::collection::vec(any_frame(), 0..20),
            cuts in prop::collection::vec(any::<usize>(), 0..30),
        ) {
            let wire = frames.into_iter().map(encode).collect::<Vec<_>>().concat();
            prop_assert_eq!(decode_split(&wire, &cuts), decode(wire.clone().into()));
        }

        #[test]
        fn any_bytes_are_survived(
            wire in prop::collection::vec(prop_oneof![3 => 0..6u8, 1 => any::<u8>()], 0..200),
            cuts in prop::collection::vec(any::<usize>(), 0..30),
        ) {
            let _ = decode_split(&wire, &cuts);
        }
    }
}
