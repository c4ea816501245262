//! Frames as the scripted peer writes and reads them, apart from the code under test.

use std::fmt;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) command: u8,
    pub(crate) stream: u32,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn syn(stream: u32) -> Frame {
    Frame { command: 0, stream, body: vec![] }
}

pub(crate) fn fin(stream: u32) -> Frame {
    Frame { command: 1, stream, body: vec![] }
}

pub(crate) fn psh(stream: u32, data: &[u8]) -> Frame {
    Frame { command: 2, stream, body: data.to_vec() }
}

pub(crate) fn nop() -> Frame {
    Frame { command: 3, stream: 0, body: vec![] }
}

pub(crate) fn upd(stream: u32, consumed: u32, window: u32) -> Frame {
    let body = [consumed.to_le_bytes(), window.to_le_bytes()].concat();
    Frame { command: 4, stream, body }
}

impl Frame {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut wire = vec![2, self.command];
        wire.extend((self.body.len() as u16).to_le_bytes());
        wire.extend(self.stream.to_le_bytes());
        wire.extend(&self.body);
        wire
    }

    /// Takes a whole frame off the front of `wire`, if there is one.
    pub(crate) fn take(wire: &mut Vec<u8>) -> Option<Self> {
        let header = wire.get(..8)?;
        assert_eq!(header[0], 2, "version");
        let length = usize::from(u16::from_le_bytes([header[2], header[3]]));
        let stream = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        let command = header[1];
        let body = wire.get(8..8 + length)?.to_vec();
        wire.drain(..8 + length);
        Some(Self { command, stream, body })
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ["SYN", "FIN", "PSH", "NOP", "UPD"][usize::from(self.command)];
        match &self.body[..] {
            body @ ([] | [_, ..]) if body.len() <= 16 => {
                write!(f, "{name} {} {}", self.stream, hex::encode(body))
            }
            body => write!(f, "{name} {} ({} bytes)", self.stream, body.len()),
        }
    }
}
