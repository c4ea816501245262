//! Bytes into packets, in whatever pieces they come.

use crate::DecodeError;
use crate::prefix::{Kind, Prefix};
use bytes::{Buf, Bytes, BytesMut};

/// Finds the packets in a stream of chunks.
///
/// Give it each message of the carrier with [`push`](Self::push), then take packets with
/// [`next_packet`](Self::next_packet) until it has none.
///
/// Bounded: it keeps the message being read and, of a packet that spans messages, at most the packet limit. A packet
/// that makes up at least half of its message is a slice of it; a smaller one is copied, so that a packet which a
/// later layer keeps never holds more than twice its own size in memory.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    /// What is left of the newest message.
    message: Bytes,
    /// How long that message was: what a slice of it holds in memory.
    message_len: usize,
    state: State,
    oversized: u64,
}

/// Where in a chunk the decoder stands.
#[derive(Debug)]
enum State {
    /// In a prefix of which these bytes (at most two) have been read.
    Prefix { seen: [u8; 2], len: usize },
    /// In a packet of `len` bytes of which `partial` came with earlier messages.
    Packet { len: usize, partial: BytesMut },
    /// In padding or in a packet over the limit, with this many bytes still to drop.
    Skip(usize),
}

impl State {
    const START: Self = Self::Prefix { seen: [0; 2], len: 0 };
}

impl Decoder {
    /// A decoder for packets of at most `limit` bytes.
    ///
    /// A longer packet is dropped and counted, as a path drops what exceeds its MTU; the stream goes on. Go's server
    /// cuts such packets to 2048 bytes instead, and KCP then rejects them.
    pub fn new(limit: usize) -> Self {
        Self { limit, message: Bytes::new(), message_len: 0, state: State::START, oversized: 0 }
    }

    /// Adds the next message of the carrier.
    ///
    /// Call it when [`next_packet`](Self::next_packet) has returned `None`; what it has not yet read of an earlier
    /// message is otherwise joined with this one by a copy.
    pub fn push(&mut self, message: Bytes) {
        if self.message.is_empty() {
            self.message = message;
        } else {
            let mut joined = BytesMut::with_capacity(self.message.len() + message.len());
            joined.extend_from_slice(&self.message);
            joined.extend_from_slice(&message);
            self.message = joined.freeze();
        }
        self.message_len = self.message.len();
    }

    /// The next packet, or `None` when more bytes are needed. An empty packet is a packet.
    ///
    /// # Errors
    ///
    /// [`DecodeError::PrefixTooLong`]: the sender does not speak this format; every later call says so too.
    pub fn next_packet(&mut self) -> Result<Option<Bytes>, DecodeError> {
        loop {
            match &mut self.state {
                State::Prefix { .. } => {
                    if !self.read_prefix()? {
                        return Ok(None);
                    }
                }
                State::Skip(left) => {
                    let n = (*left).min(self.message.len());
                    self.message.advance(n);
                    *left -= n;
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.state = State::START;
                }
                State::Packet { len, partial } => {
                    let len = *len;
                    let packet = take_packet(&mut self.message, self.message_len, partial, len);
                    if packet.is_some() {
                        self.state = State::START;
                    }
                    return Ok(packet);
                }
            }
        }
    }

    /// Says that the carrier has ended.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if it ended inside a prefix, a packet or padding; between chunks is a clean end.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.state {
            State::Prefix { len: 0, .. } if self.message.is_empty() => Ok(()),
            _ => Err(DecodeError::Truncated),
        }
    }

    /// How many packets were dropped because they were over the limit.
    pub fn oversized(&self) -> u64 {
        self.oversized
    }

    /// Reads a prefix and enters the state that follows it; false when the message ended first.
    fn read_prefix(&mut self) -> Result<bool, DecodeError> {
        let State::Prefix { seen, len: seen_len } = &mut self.state else { return Ok(true) };
        let bytes = seen[..*seen_len].iter().chain(self.message.iter()).copied();
        let Some((prefix, used)) = Prefix::read(bytes)? else {
            // An incomplete prefix is at most two bytes, or reading it would have failed.
            for byte in self.message.split_off(0) {
                seen[*seen_len] = byte;
                *seen_len += 1;
            }
            return Ok(false);
        };
        self.message.advance(used - *seen_len);
        self.state = self.after(prefix);
        Ok(true)
    }

    fn after(&mut self, prefix: Prefix) -> State {
        match prefix.kind {
            Kind::Data if prefix.len <= self.limit => {
                State::Packet { len: prefix.len, partial: BytesMut::new() }
            }
            Kind::Data => {
                self.oversized += 1;
                State::Skip(prefix.len)
            }
            Kind::Padding => State::Skip(prefix.len),
        }
    }
}

/// Completes a packet of `len` bytes from `partial` and `message`, or moves all of `message` to `partial`.
fn take_packet(
    message: &mut Bytes,
    message_len: usize,
    partial: &mut BytesMut,
    len: usize,
) -> Option<Bytes> {
    if partial.is_empty() && message.len() >= len {
        let packet = message.split_to(len);
        let is_most_of_message = len * 2 >= message_len;
        return Some(if is_most_of_message { packet } else { Bytes::copy_from_slice(&packet) });
    }
    if partial.capacity() < len {
        partial.reserve(len - partial.len());
    }
    let n = message.len().min(len - partial.len());
    partial.extend_from_slice(&message.split_to(n));
    (partial.len() == len).then(|| std::mem::take(partial).freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{encode, pad};
    use proptest::prelude::*;

    /// Feeds `hex` in one piece: the packets, then how it ended.
    fn decode(hex: &str, limit: usize) -> (Vec<Bytes>, Result<(), DecodeError>, u64) {
        let mut decoder = Decoder::new(limit);
        decoder.push(hex::decode(hex).unwrap().into());
        let mut packets = Vec::new();
        let end = loop {
            match decoder.next_packet() {
                Ok(Some(packet)) => packets.push(packet),
                Ok(None) => break decoder.finish(),
                Err(error) => break Err(error),
            }
        };
        (packets, end, decoder.oversized())
    }

    // Wire format vectors: decoding.
    #[test]
    fn the_decoding_table() {
        let hello = vec![Bytes::from_static(b"hello")];
        let nothing = Vec::new();
        let table = [
            ("8568656c6c6f", &hello, Ok(())),
            ("030000008568656c6c6f", &hello, Ok(())),
            ("c00568656c6c6f", &hello, Ok(())),
            ("c0800568656c6c6f", &hello, Ok(())),
            ("c0808005", &nothing, Err(DecodeError::PrefixTooLong)),
            ("8568656c", &nothing, Err(DecodeError::Truncated)),
            ("c0", &nothing, Err(DecodeError::Truncated)),
            ("4105", &nothing, Err(DecodeError::Truncated)),
            ("", &nothing, Ok(())),
            ("00", &nothing, Ok(())),
        ];
        for (input, packets, end) in table {
            assert_eq!(decode(input, 10), (packets.clone(), end, 0), "{input}");
        }
        assert_eq!(decode("80", 10), (vec![Bytes::new()], Ok(()), 0));
    }

    #[test]
    fn a_packet_over_the_limit_is_dropped_and_the_stream_goes_on() {
        assert_eq!(decode("8568656c6c6f8161", 3), (vec![Bytes::from_static(b"a")], Ok(()), 1));
    }

    #[test]
    fn a_long_announcement_allocates_nothing() {
        let mut decoder = Decoder::new(2048);
        decoder.push(Bytes::from_static(&[0xff, 0xff, 0x7f, 1, 2, 3]));
        assert_eq!(decoder.next_packet(), Ok(None));
        assert!(matches!(decoder.state, State::Skip(_)));
        assert_eq!(decoder.oversized(), 1);
    }

    #[test]
    fn a_small_packet_does_not_pin_a_large_message() {
        let mut stream = BytesMut::new();
        pad(60_000, &mut stream);
        encode(b"small", &mut stream).unwrap();
        let message = stream.freeze();
        let mut decoder = Decoder::new(2048);
        decoder.push(message.clone());
        let packet = decoder.next_packet().unwrap().unwrap();
        assert!(!message.as_ptr_range().contains(&packet.as_ptr()));
    }

    proptest! {
        #[test]
        fn packets_survive_any_split(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..20),
            paddings in prop::collection::vec(0usize..2000, 20),
            cuts in prop::collection::vec(1usize..5000, 1..20),
        ) {
            let mut stream = BytesMut::new();
            for (packet, padding) in packets.iter().zip(&paddings) {
                pad(*padding, &mut stream);
                encode(packet, &mut stream).unwrap();
            }
            let mut decoder = Decoder::new(3000);
            let mut got = Vec::new();
            let mut cuts = cuts.iter().cycle();
            while !stream.is_empty() {
                let n = (*cuts.next().unwrap()).min(stream.len());
                decoder.push(stream.split_to(n).freeze());
                while let Some(packet) = decoder.next_packet().unwrap() {
                    got.push(packet.to_vec());
                }
            }
            prop_assert_eq!(decoder.finish(), Ok(()));
            prop_assert_eq!(got, packets);
        }

        #[test]
        fn hostile_bytes_never_panic_and_never_grow(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..50)) {
            let mut decoder = Decoder::new(100);
            for piece in pieces {
                decoder.push(piece.into());
                while let Ok(Some(packet)) = decoder.next_packet() {
                    prop_assert!(packet.len() <= 100);
                }
                if let State::Packet { partial, .. } = &decoder.state {
                    prop_assert!(partial.capacity() <= 200);
                }
            }
        }
    }
}
