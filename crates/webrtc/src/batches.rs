//! A socket whose batches need little memory while nothing comes.
//!
//! The kernel hands out up to 64 packets that came together as one of up to 64 KiB (GRO). The library keeps a buffer for
//! that, half too large, for each socket and one more, as long as the connection lives: 288 KB with two sockets. Here a
//! thread has one such buffer for each of several batches, which it takes in one call, and the library is told that a
//! batch is small; of a larger one it gets part after part.

use std::{
    array,
    cell::RefCell,
    collections::VecDeque,
    io::{self, IoSliceMut},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::task::coop;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use crate::{
    limits::{BATCH_PART, BATCHES_AT_ONCE, LARGEST_BATCH},
    rest::Rest,
};

thread_local! {
    /// Memory that was never written to costs nothing.
    static BATCHES: RefCell<Vec<u8>> = RefCell::new(vec![0; BATCHES_AT_ONCE * LARGEST_BATCH]);
}

/// The socket, which also tells what passes.
#[derive(Debug)]
pub(crate) struct Socket {
    socket: Arc<dyn AsyncUdpSocket>,
    rest: Arc<Rest>,
    /// What is left of what one call brought, [`BATCHES_AT_ONCE`] at the most; nothing most of the time.
    left: Mutex<VecDeque<Left>>,
}

#[derive(Debug)]
struct Left {
    packets: Vec<u8>,
    taken: usize,
    meta: RecvMeta,
}

impl Socket {
    pub(crate) fn new(socket: Arc<dyn AsyncUdpSocket>, rest: Arc<Rest>) -> Self {
        Self { socket, rest, left: Mutex::default() }
    }

    /// Takes what the kernel has: a part of the first batch goes into `buffer`, the rest is kept.
    fn poll_batches(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        left: &mut VecDeque<Left>,
    ) -> Poll<io::Result<RecvMeta>> {
        BATCHES.with_borrow_mut(|memory| {
            let mut parts = memory.chunks_mut(LARGEST_BATCH);
            let mut bufs: [_; BATCHES_AT_ONCE] =
                array::from_fn(|_| IoSliceMut::new(parts.next().unwrap_or_default()));
            let mut metas = [RecvMeta::default(); BATCHES_AT_ONCE];
            let batches = ready!(self.socket.poll_recv(cx, &mut bufs, &mut metas))?;
            let mut batches = bufs.iter().zip(metas).take(batches).map(|(buf, meta)| {
                let packets = &buf[..meta.len];
                packets.chunks(meta.stride.max(1)).for_each(|packet| self.rest.received(packet));
                (packets, meta)
            });
            let (packets, mut meta) = batches.next().unwrap_or_default();
            let first = part(packets, meta.stride, buffer.len());
            if first.len() < packets.len() {
                left.push_back(Left::new(&packets[first.len()..], meta));
            }
            left.extend(batches.map(|(packets, meta)| Left::new(packets, meta)));
            meta.len = fill(buffer, first);
            Poll::Ready(Ok(meta))
        })
    }
}

impl Left {
    fn new(packets: &[u8], meta: RecvMeta) -> Self {
        Self { packets: packets.to_vec(), taken: 0, meta }
    }

    /// The next part goes into `buffer`; `None` when nothing is left.
    fn take(&mut self, buffer: &mut [u8]) -> Option<RecvMeta> {
        let next = part(&self.packets[self.taken..], self.meta.stride, buffer.len());
        self.taken += next.len();
        let mut meta = self.meta;
        meta.len = fill(buffer, next);
        (!next.is_empty()).then_some(meta)
    }
}

/// As many whole packets of `stride` bytes as there is room for, but at least one.
fn part(packets: &[u8], stride: usize, room: usize) -> &[u8] {
    let stride = stride.max(1);
    let whole = (room / stride).max(1) * stride;
    &packets[..whole.min(packets.len())]
}

/// A packet that is longer than the buffer loses its end, as the kernel would have it.
fn fill(buffer: &mut [u8], packets: &[u8]) -> usize {
    let length = packets.len().min(buffer.len());
    buffer[..length].copy_from_slice(&packets[..length]);
    length
}

impl AsyncUdpSocket for Socket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let budget = ready!(coop::poll_proceed(cx));
        let sent = ready!(self.socket.poll_send(cx, transmit));
        budget.made_progress();
        self.rest.sent(transmit.contents);
        Poll::Ready(sent)
    }

    /// Fills the first buffer only, as the trait allows.
    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let ([buffer, ..], [meta, ..]) = (bufs, meta) else { return Poll::Ready(Ok(0)) };
        // What is left costs no call of the kernel; others of this thread have their turn all the same.
        let budget = ready!(coop::poll_proceed(cx));
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(batch) = left.front_mut() {
            if let Some(next) = batch.take(buffer) {
                *meta = next;
                budget.made_progress();
                return Poll::Ready(Ok(1));
            }
            left.pop_front();
        }
        *meta = ready!(self.poll_batches(cx, buffer, &mut left))?;
        budget.made_progress();
        Poll::Ready(Ok(1))
    }

    fn max_gso_segments(&self) -> usize {
        self.socket.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.socket.max_gro_segments().min(BATCH_PART)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// A batch, or a part of one: from whom it comes, the length of its packets, the packets.
    type Batch = (SocketAddr, usize, Vec<u8>);

    /// Hands out as many batches as there is room for.
    #[derive(Debug)]
    struct Kernel(Mutex<VecDeque<Batch>>);

    impl AsyncUdpSocket for Kernel {
        fn local_addr(&self) -> io::Result<SocketAddr> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn poll_send(&self, _: &mut Context<'_>, _: &Transmit<'_>) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_recv(
            &self,
            _: &mut Context<'_>,
            bufs: &mut [IoSliceMut<'_>],
            meta: &mut [RecvMeta],
        ) -> Poll<io::Result<usize>> {
            let mut batches = self.0.lock().unwrap();
            let mut filled = 0;
            for (buf, meta) in bufs.iter_mut().zip(meta) {
                let Some((peer, stride, packets)) = batches.pop_front() else { break };
                (meta.addr, meta.stride) = (peer, stride);
                meta.len = fill(buf, &packets);
                filled += 1;
            }
            if filled == 0 { Poll::Pending } else { Poll::Ready(Ok(filled)) }
        }

        fn max_gro_segments(&self) -> usize {
            64
        }
    }

    fn batch(peer: u8, length: usize, stride: usize) -> Batch {
        let packets = (0..length).map(|at| (at % 251) as u8 ^ peer).collect();
        (SocketAddr::from(([192, 0, 2, peer], 5000)), stride, packets)
    }

    /// What comes out of batches, in the parts in which it comes.
    async fn parts(batches: &[Batch], room: usize) -> Vec<Batch> {
        let kernel = Kernel(Mutex::new(batches.to_vec().into()));
        let socket = Socket::new(Arc::new(kernel), Arc::default());
        assert_eq!(socket.max_gro_segments(), BATCH_PART);
        let (mut buffer, mut parts) = (vec![0; room], Vec::new());
        poll_fn(|cx| {
            let mut meta = [RecvMeta::default()];
            while let Poll::Ready(result) =
                socket.poll_recv(cx, &mut [IoSliceMut::new(&mut buffer)], &mut meta)
            {
                assert_eq!(result.unwrap(), 1);
                parts.push((meta[0].addr, meta[0].stride, buffer[..meta[0].len].to_vec()));
            }
            Poll::Ready(())
        })
        .await;
        parts
    }

    fn lengths(parts: &[Batch]) -> Vec<usize> {
        parts.iter().map(|(_, _, packets)| packets.len()).collect()
    }

    /// Puts parts of the same peer together again.
    fn whole(parts: Vec<Batch>) -> Vec<Batch> {
        let mut batches: Vec<Batch> = Vec::new();
        for (peer, stride, packets) in parts {
            match batches.last_mut() {
                Some((last, length, all)) if (*last, *length) == (peer, stride) => {
                    all.extend(packets);
                }
                _ => batches.push((peer, stride, packets)),
            }
        }
        batches
    }

    #[tokio::test]
    async fn a_large_batch_comes_in_parts_of_whole_packets() {
        let batches = [batch(1, 64 * 1000 - 300, 1000)];
        let parts = parts(&batches, 12_000).await;
        assert_eq!(lengths(&parts), [12000, 12000, 12000, 12000, 12000, 3700]);
        assert_eq!(whole(parts), batches);
    }

    #[tokio::test]
    async fn each_part_is_of_its_peer_and_the_next_batch_follows() {
        let batches = [batch(1, 30_000, 1000), batch(2, 14_400, 1200), batch(1, 500, 500)];
        let parts = parts(&batches, 12_000).await;
        assert_eq!(lengths(&parts), [12000, 12000, 6000, 12000, 2400, 500]);
        assert_eq!(whole(parts), batches);
    }

    #[tokio::test]
    async fn more_batches_than_one_call_takes_come_in_order() {
        let batches: Vec<_> =
            (1..=20).map(|peer| batch(peer, 1000 * peer as usize, 1000)).collect();
        assert_eq!(whole(parts(&batches, 6000).await), batches);
    }

    #[tokio::test]
    async fn a_small_one_comes_at_once_and_nothing_is_left() {
        for (length, stride) in [(1229, 1229), (12_000, 1000), (1, 1)] {
            let batches = [batch(1, length, stride)];
            assert_eq!(parts(&batches, 12_000).await, batches);
        }
    }

    #[tokio::test]
    async fn a_packet_longer_than_the_buffer_loses_its_end_and_takes_no_other_with_it() {
        let parts = parts(&[batch(1, 30_000, 15_000)], 12_000).await;
        assert_eq!(lengths(&parts), [12_000, 12_000]);
    }
}
