//! A client and its carrier in one, for next to nothing: its messages are prepared but for their numbers, and of what it
//! gets it reads the headers.

use std::{
    io,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, Waker},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use snowflake_encapsulation::{Decoder, encode};
use snowflake_turbotunnel::MAX_PACKET;
use tokio::time::Instant;

use crate::Counts;

/// A segment's header, and in it the place of its number.
const HEADER: usize = 24;
const NUMBER: usize = 12;
const PUSH: u8 = 81;
const ACK: u8 = 82;
const TELL_WINDOW: u8 = 84;
/// By which our ends know each other; longer packets are for them.
const MARK: u8 = 0x50;
/// The longest packet between our ends, and how many of them make a message.
const PACKET: usize = 4058;
const PACKETS: u32 = 4;

/// A frame's header.
const FRAME: usize = 8;
const SYN: u8 = 0;
const PSH: u8 = 2;
const UPD: u8 = 4;
/// The frame of a message: all that its packets hold.
const PAYLOAD: usize = PACKETS as usize * (PACKET - HEADER) - FRAME;
/// The first stream of a client.
const STREAM: u32 = 3;
/// What may be sent before the server has said more.
const FIRST_WINDOW: u32 = 262_144;

/// Where the bytes go, seen from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Up,
    Down,
}

/// A client that does one thing without an end.
#[derive(Debug)]
pub(crate) struct Peer {
    conv: u32,
    way: Way,
    /// A message's worth of data; only the packets' numbers differ.
    template: Bytes,
    /// The next segment's number, and bytes of the stream that were sent.
    number: u32,
    sent: u32,
    /// How many of those the server allows.
    limit: u32,
    inbox: Inbox,
    decoder: Decoder,
    waker: Option<Waker>,
    counts: Arc<Counts>,
}

/// What is known of the server's packets.
#[derive(Debug, Default)]
struct Inbox {
    /// The number of the next new segment.
    expected: u32,
    /// Number and clock of the segment that is to be acknowledged, with all before it.
    owed: Option<(u32, u32)>,
    /// The beginning of a frame, and what is left of one whose data is not looked at.
    frame: Vec<u8>,
    skip: usize,
    /// What the server allows, when it has just said so.
    limit: Option<u32>,
}

impl Peer {
    pub(crate) fn new(conv: u32, way: Way, counts: Arc<Counts>) -> Self {
        Self {
            conv,
            way,
            template: template(conv),
            number: 0,
            sent: 0,
            limit: FIRST_WINDOW,
            inbox: Inbox::default(),
            decoder: Decoder::new(MAX_PACKET),
            waker: None,
            counts,
        }
    }

    fn next_message(&mut self) -> Option<Bytes> {
        if self.number == 0 {
            self.number = 1;
            return Some(chunk(&self.first_packet()));
        }
        if let Some((number, clock)) = self.inbox.owed.take() {
            let segment = Segment { command: ACK, mark: MARK, clock, number, data: 0 };
            return Some(chunk(&segment.header(self.conv, self.inbox.expected)));
        }
        let room = self.limit.wrapping_sub(self.sent) as usize;
        (self.way == Way::Up && room >= PAYLOAD).then(|| self.data())
    }

    /// What our client says first, and a new stream; on the way down also that the server may send 2 GiB.
    fn first_packet(&self) -> Vec<u8> {
        let mut frames = frame_head(SYN, 0);
        if self.way == Way::Down {
            frames.extend(frame_head(UPD, 8));
            frames.put_u32_le(0);
            frames.put_u32_le(i32::MAX as u32);
        }
        let word = Segment { command: TELL_WINDOW, mark: MARK, clock: 0, number: 0, data: 0 };
        let push = Segment { command: PUSH, mark: 0, clock: 0, number: 0, data: frames.len() };
        [&word.header(self.conv, 0)[..], &push.header(self.conv, 0), &frames].concat()
    }

    fn data(&mut self) -> Bytes {
        let mut message = BytesMut::from(&self.template[..]);
        let chunk = message.len() / PACKETS as usize;
        for packet in message.chunks_exact_mut(chunk) {
            let number = chunk - PACKET + NUMBER;
            packet[number..number + 4].copy_from_slice(&self.number.to_le_bytes());
            self.number += 1;
        }
        self.sent = self.sent.wrapping_add(PAYLOAD as u32);
        message.freeze()
    }

    fn read(&mut self, message: Bytes) {
        self.decoder.push(message);
        while let Some(packet) = self.decoder.next_packet().unwrap() {
            self.inbox.take_packet(packet);
        }
        self.limit = self.inbox.limit.take().unwrap_or(self.limit);
    }

    fn count<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let start = Instant::now();
        let done = work(self);
        self.counts.peer.fetch_add(start.elapsed().as_nanos() as u64, Relaxed);
        done
    }
}

impl Inbox {
    fn take_packet(&mut self, mut packet: Bytes) {
        while packet.len() >= HEADER {
            let command = packet[4];
            packet.advance(8);
            let (clock, number) = (packet.get_u32_le(), packet.get_u32_le());
            packet.advance(4);
            let length = packet.get_u32_le() as usize;
            let data = packet.split_to(length);
            if command == PUSH {
                self.owed = Some((number, clock));
                if number == self.expected {
                    self.expected += 1;
                    self.take_data(data);
                }
            }
        }
    }

    fn take_data(&mut self, mut data: Bytes) {
        while !data.is_empty() {
            let skipped = data.len().min(self.skip);
            data.advance(skipped);
            self.skip -= skipped;
            let wanted = if self.frame.get(1) == Some(&UPD) { 2 * FRAME } else { FRAME };
            let taken = data.len().min(wanted - self.frame.len());
            self.frame.extend_from_slice(&data.split_to(taken));
            self.take_frame();
        }
    }

    fn take_frame(&mut self) {
        let mut frame = &self.frame[..];
        if frame.len() < FRAME || frame[1] == UPD && frame.len() < 2 * FRAME {
            return;
        }
        frame.advance(1);
        match frame.get_u8() {
            UPD => {
                frame.advance(6);
                self.limit = Some(frame.get_u32_le().wrapping_add(frame.get_u32_le()));
            }
            _ => self.skip = frame.get_u16_le().into(),
        }
        self.frame.clear();
    }
}

impl Stream for Peer {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.count(Self::next_message) {
            Some(message) => Poll::Ready(Some(Ok(message))),
            None => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Sink<Bytes> for Peer {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, message: Bytes) -> io::Result<()> {
        self.count(|peer| peer.read(message));
        // It may have an acknowledgement to send now, or more data.
        self.waker.take().into_iter().for_each(Waker::wake);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

struct Segment {
    command: u8,
    mark: u8,
    clock: u32,
    number: u32,
    data: usize,
}

impl Segment {
    /// `expected`: all before it has arrived.
    fn header(&self, conv: u32, expected: u32) -> Vec<u8> {
        let mut header = Vec::with_capacity(HEADER);
        header.put_u32_le(conv);
        header.put_slice(&[self.command, self.mark]);
        header.put_u16_le(u16::MAX);
        header.put_u32_le(self.clock);
        header.put_u32_le(self.number);
        header.put_u32_le(expected);
        header.put_u32_le(self.data as u32);
        header
    }
}

fn frame_head(command: u8, length: usize) -> Vec<u8> {
    let mut head = vec![2, command];
    head.put_u16_le(length as u16);
    head.put_u32_le(STREAM);
    head
}

/// One frame in as many packets as make a message.
fn template(conv: u32) -> Bytes {
    let frame = [frame_head(PSH, PAYLOAD), vec![7; PAYLOAD]].concat();
    let mut message = BytesMut::new();
    for data in frame.chunks(PACKET - HEADER) {
        let push = Segment { command: PUSH, mark: 0, clock: 0, number: 0, data: data.len() };
        encode(&[&push.header(conv, 0)[..], data].concat(), &mut message).unwrap();
    }
    message.freeze()
}

fn chunk(packet: &[u8]) -> Bytes {
    let mut chunk = BytesMut::new();
    encode(packet, &mut chunk).unwrap();
    chunk.freeze()
}
