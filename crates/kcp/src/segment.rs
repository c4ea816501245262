//! The 24-byte segment header and packets made of segments.
//!
//! ```text
//!  0        4     5     6       8      12     16     20      24
//!  | conv   | cmd | frg | wnd   | ts   | sn   | una  | len   | len bytes of data
//! ```
//!
//! All fields are little-endian. Segments follow one another in a packet without gaps.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::PacketError;

/// Length of a segment header, in bytes.
pub const HEADER_LEN: usize = 24;

/// In the fragment count of segments without data: the sender of this controls its own sending.
///
/// kcp-go sends 0 there and does not look at what it receives, so this is how two ends that know more than kcp-go
/// recognise each other: a peer that keeps its queues short by itself needs no narrow window.
pub(crate) const PACED: u8 = 0x50;

/// What a segment is for; the numbers are those on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// PUSH: data of the byte stream.
    Push = 81,
    /// ACK: the segment `sn`, sent at `ts`, has arrived.
    Ack = 82,
    /// WASK: how large is your window?
    AskWindow = 83,
    /// WINS: the window field of this segment is the answer.
    TellWindow = 84,
}

impl Command {
    fn from_wire(byte: u8) -> Option<Self> {
        [Self::Push, Self::Ack, Self::AskWindow, Self::TellWindow]
            .into_iter()
            .find(|command| *command as u8 == byte)
    }
}

/// One received segment.
///
/// In a PUSH the fragment count is not looked at: in stream mode data is data, whatever the sender numbered it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) command: Command,
    /// Whether the sender controls how much is under way, see [`PACED`].
    pub(crate) paced: bool,
    /// The sender's free receive window, in segments.
    pub(crate) window: u16,
    /// PUSH: the sender's clock; ACK: the clock value that the acknowledged segment carried.
    pub(crate) ts: u32,
    pub(crate) sn: u32,
    /// The sender has received everything below this sequence number.
    pub(crate) una: u32,
    /// A slice of the packet.
    pub(crate) data: Bytes,
}

impl Segment {
    /// Takes the first segment off `packet`; `None` when less than a header is left.
    ///
    /// The order of the checks is kcp-go's, so that a segment with two faults gets the same verdict.
    pub(crate) fn take(packet: &mut Bytes, conv: u32) -> Result<Option<Self>, PacketError> {
        if packet.len() < HEADER_LEN {
            return Ok(None);
        }
        let mut header = &packet[..HEADER_LEN];
        let found = header.get_u32_le();
        if found != conv {
            return Err(PacketError::OtherConv { expected: conv, found });
        }
        let command = header.get_u8();
        let fragment = header.get_u8();
        let (window, ts) = (header.get_u16_le(), header.get_u32_le());
        let (sn, una) = (header.get_u32_le(), header.get_u32_le());
        let announced = header.get_u32_le();

        let left = packet.len() - HEADER_LEN;
        if announced as usize > left {
            return Err(PacketError::Truncated { announced, left });
        }
        let command = Command::from_wire(command).ok_or(PacketError::UnknownCommand(command))?;
        let paced = command != Command::Push && fragment == PACED;
        packet.advance(HEADER_LEN);
        let data = packet.split_to(announced as usize);
        Ok(Some(Self { command, paced, window, ts, sn, una, data }))
    }
}

/// The two fields that a listener needs before it knows the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peek {
    /// Conversation of the packet's first segment.
    pub conv: u32,
    /// Sequence number of the packet's first segment.
    pub sn: u32,
}

/// Reads `conv` and `sn` of a packet's first segment; `None` if it is shorter than a header.
///
/// A listener that keys sessions by their sender decides by these, as kcp-go's does: no session yet
/// means a new one with this `conv`; another `conv` than the session's replaces the session if `sn`
/// is 0 and is dropped otherwise.
pub fn peek(packet: &[u8]) -> Option<Peek> {
    let mut header = packet.get(..HEADER_LEN)?;
    let conv = header.get_u32_le();
    header.advance(8);
    Some(Peek { conv, sn: header.get_u32_le() })
}

/// One outgoing packet being filled, at the end of the caller's buffer.
pub(crate) struct PacketWriter<'a> {
    out: &'a mut BytesMut,
    start: usize,
    mtu: usize,
    common: Common,
}

/// What all segments of one packet have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Common {
    pub(crate) conv: u32,
    pub(crate) window: u16,
    pub(crate) una: u32,
    /// Whether to put [`PACED`] into segments without data.
    pub(crate) paced: bool,
}

impl<'a> PacketWriter<'a> {
    /// Begins a packet of at most `mtu` bytes.
    pub(crate) fn new(out: &'a mut BytesMut, mtu: usize, common: Common) -> Self {
        Self { start: out.len(), out, mtu, common }
    }

    /// Bytes written so far.
    pub(crate) fn len(&self) -> usize {
        self.out.len() - self.start
    }

    /// Whether a segment with `data_len` bytes of data still fits. The first one always does: it may have been cut when
    /// packets were longer.
    pub(crate) fn fits(&self, data_len: usize) -> bool {
        self.len() == 0 || self.len() + HEADER_LEN + data_len <= self.mtu
    }

    /// Appends a segment without data.
    pub(crate) fn put(&mut self, command: Command, ts: u32, sn: u32) {
        self.put_data(command, ts, sn, (&[], &[]));
    }

    /// Appends a segment whose data comes in two halves, as a ring buffer has them.
    pub(crate) fn put_data(&mut self, command: Command, ts: u32, sn: u32, data: (&[u8], &[u8])) {
        let Common { conv, window, una, paced } = self.common;
        let fragment = if paced && command != Command::Push { PACED } else { 0 };
        let mut header = [0; HEADER_LEN];
        let mut fields = &mut header[..];
        fields.put_u32_le(conv);
        fields.put_u8(command as u8);
        fields.put_u8(fragment);
        fields.put_u16_le(window);
        fields.put_u32_le(ts);
        fields.put_u32_le(sn);
        fields.put_u32_le(una);
        fields.put_u32_le((data.0.len() + data.1.len()) as u32);
        self.out.reserve(HEADER_LEN + data.0.len() + data.1.len());
        self.out.put_slice(&header);
        self.out.put_slice(data.0);
        self.out.put_slice(data.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONV: u32 = 0x0403_0201;

    fn bytes(hex: &str) -> Bytes {
        hex::decode(hex.replace(' ', "")).unwrap().into()
    }

    fn written(common: Common, fill: impl FnOnce(&mut PacketWriter<'_>)) -> String {
        let mut out = BytesMut::new();
        fill(&mut PacketWriter::new(&mut out, 1400, common));
        hex::encode(out)
    }

    // Bytes produced by kcp-go 5.6.1.
    #[test]
    fn headers_are_written_as_kcp_go_writes_them() {
        let common = Common { conv: CONV, window: 65535, una: 0, paced: false };
        assert_eq!(
            written(common, |p| p.put_data(
                Command::Push,
                51,
                1,
                (&bytes("0202050003000000"), b"hello")
            )),
            "010203045100ffff3300000001000000000000000d000000020205000300000068656c6c6f"
        );
        assert_eq!(
            written(Common { window: 65534, una: 1, ..common }, |p| p.put(Command::Ack, 0, 0)),
            "010203045200feff00000000000000000100000000000000"
        );
        assert_eq!(
            written(common, |p| p.put(Command::AskWindow, 0, 0)),
            "010203045300ffff00000000000000000000000000000000"
        );
        assert_eq!(
            written(common, |p| p.put(Command::TellWindow, 0, 0)),
            "010203045400ffff00000000000000000000000000000000"
        );
    }

    #[test]
    fn segments_are_taken_one_after_another() {
        let mut packet = bytes(
            "010203045200ffff33000000010000000200000000000000\
             010203045100ffff3300000000000000020000001000000002040800030000000500000000001000\
             01020304",
        );
        let ack = Segment::take(&mut packet, CONV).unwrap().unwrap();
        assert_eq!((ack.command, ack.window, ack.ts), (Command::Ack, 65535, 51));
        assert_eq!((ack.sn, ack.una, ack.data.len()), (1, 2, 0));
        let push = Segment::take(&mut packet, CONV).unwrap().unwrap();
        assert_eq!((push.command, push.sn, push.una), (Command::Push, 0, 2));
        assert_eq!(push.data, bytes("02040800030000000500000000001000"));
        // Less than a header at the end is ignored.
        assert_eq!(Segment::take(&mut packet, CONV), Ok(None));
    }

    #[test]
    fn faults_are_told_apart() {
        let take = |hex: &str| Segment::take(&mut bytes(hex), CONV).unwrap_err();
        assert_eq!(
            take("ff0203045100ffff00000000000000000000000000000000"),
            PacketError::OtherConv { expected: CONV, found: 0x0403_02ff }
        );
        assert_eq!(
            take("010203045500ffff00000000000000000000000000000000"),
            PacketError::UnknownCommand(85)
        );
        assert_eq!(
            take("010203045100ffff000000000000000000000000050000006869"),
            PacketError::Truncated { announced: 5, left: 2 }
        );
        // Both truncated and unknown: kcp-go looks at the length first.
        assert_eq!(
            take("010203045500ffff000000000000000000000000ffffffff"),
            PacketError::Truncated { announced: u32::MAX, left: 0 }
        );
    }

    #[test]
    fn peek_needs_a_whole_header() {
        let packet = bytes("010203045100ffff3300000001000000000000000d000000");
        assert_eq!(peek(&packet), Some(Peek { conv: CONV, sn: 1 }));
        assert_eq!(peek(&packet[..23]), None);
        assert_eq!(peek(&[]), None);
    }
}
