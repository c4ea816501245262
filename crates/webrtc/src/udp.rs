//! A UDP socket that is watched only while somebody waits for packets.
//!
//! tokio watches its sockets all the time and both ways: a thread wakes up for each packet that comes, even while those
//! before it still lie there, and for each that has left. Here the kernel is told to report packets when there are none, and to
//! keep still during a [lull](crate::lull). Many packets are taken, and sent, in one call.

use std::{
    fmt,
    io::{self, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{Interest, unix::AsyncFd},
    time::{Instant, Sleep, sleep_until},
};
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit, UdpSockRef, UdpSocketState};

use crate::{limits::FULL_RETRY, lull::Lull};

/// The socket, for one task that sends and receives: of several that wait only the last would be woken.
pub(crate) struct Udp {
    socket: Arc<UdpSocket>,
    /// What the kernel does with many packets at once.
    offload: UdpSocketState,
    receiving: Mutex<Receiving>,
    full: Mutex<Timer>,
}

#[derive(Default)]
struct Receiving {
    /// There while somebody waits.
    watch: Option<AsyncFd<Arc<UdpSocket>>>,
    lull: Lull,
    pause: Timer,
}

/// A moment to wait for; none at first.
#[derive(Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Udp {
    /// Takes a bound socket.
    ///
    /// # Errors
    /// When the kernel refuses an option.
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let offload = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let (receiving, full) = Default::default();
        Ok(Self { socket: Arc::new(socket), offload, receiving, full })
    }

    /// What is there: as many batches as there are buffers.
    fn take(&self, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> io::Result<usize> {
        let batches = self.offload.recv(UdpSockRef::from(&self.socket), bufs, meta)?;
        if batches == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // An empty packet has a length of its own, too.
        meta[..batches].iter_mut().for_each(|meta| meta.stride = meta.stride.max(1));
        Ok(batches)
    }
}

impl Receiving {
    /// Waits, if nothing is there, until something is or may be.
    fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        socket: &Arc<UdpSocket>,
        mut take: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        ready!(self.pause.poll(cx));
        loop {
            let mut report = match &self.watch {
                Some(watch) => Some(ready!(watch.poll_read_ready(cx))?),
                None => None,
            };
            match take() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
            if let Some(report) = &mut report {
                report.clear_ready();
            }
            if let Some(until) = self.lull.emptied(Instant::now()) {
                self.watch = None;
                self.pause.set(until);
                ready!(self.pause.poll(cx));
            } else if self.watch.is_none() {
                self.watch = Some(watch(socket.clone())?);
            }
        }
    }
}

/// Has the kernel report packets, but not that there is room for more: that would be after each that has left.
#[expect(
    deprecated,
    reason = "its successor is unsafe, for types that do not own a descriptor; this owns it"
)]
fn watch(socket: Arc<UdpSocket>) -> io::Result<AsyncFd<Arc<UdpSocket>>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}

impl Timer {
    fn set(&mut self, until: Instant) {
        match &mut self.0 {
            Some(timer) => timer.as_mut().reset(until),
            None => self.0 = Some(Box::pin(sleep_until(until))),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Ready(()), |timer| timer.as_mut().poll(cx))
    }
}

impl AsyncUdpSocket for Udp {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// A kernel that has no room is asked again a little later: it has a hundred packets to send until then.
    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let mut full = lock(&self.full);
        loop {
            ready!(full.poll(cx));
            match self.offload.try_send(UdpSockRef::from(&self.socket), transmit) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    full.set(Instant::now() + FULL_RETRY);
                }
                sent => return Poll::Ready(sent.map(|()| transmit.contents.len())),
            }
        }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut receiving = lock(&self.receiving);
        let batches = ready!(receiving.poll_take(cx, &self.socket, || self.take(bufs, meta)))?;
        let packets = meta[..batches].iter().map(|meta| meta.len.div_ceil(meta.stride));
        receiving.lull.came(packets.sum());
        Poll::Ready(Ok(batches))
    }

    fn max_gso_segments(&self) -> usize {
        self.offload.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.offload.gro_segments()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Udp").field("socket", &self.socket).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Waker, time::Duration};

    use tokio::time::timeout;

    use super::*;
    use crate::limits::DENSE_RUN;

    const LENGTH: usize = 1000;

    fn pair() -> (Udp, UdpSocket) {
        let bound = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let (ours, peer) = (bound(), bound());
        peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        peer.connect(ours.local_addr().unwrap()).unwrap();
        (Udp::new(ours).unwrap(), peer)
    }

    fn packet(mark: u8) -> Vec<u8> {
        vec![mark; LENGTH]
    }

    /// The first byte of each packet that comes in one call.
    async fn receive(socket: &Udp) -> Vec<u8> {
        let mut memory = vec![[0; 1 << 16]; 4];
        let mut metas = [RecvMeta::default(); 4];
        let batches = poll_fn(|cx| {
            let mut bufs: Vec<_> = memory.iter_mut().map(|buf| IoSliceMut::new(buf)).collect();
            socket.poll_recv(cx, &mut bufs, &mut metas)
        });
        let batches = timeout(Duration::from_secs(10), batches).await.unwrap().unwrap();
        let batches = memory.iter().zip(&metas).take(batches);
        batches
            .flat_map(|(buf, meta)| buf[..meta.len].chunks(meta.stride))
            .map(|packet| packet[0])
            .collect()
    }

    async fn receive_many(socket: &Udp, count: usize) -> Vec<u8> {
        let mut marks = Vec::new();
        while marks.len() < count {
            marks.extend(receive(socket).await);
        }
        marks
    }

    fn is_watched(socket: &Udp) -> bool {
        lock(&socket.receiving).watch.is_some()
    }

    /// Packets come, the socket is found empty, and so on, as often as it takes to be put off.
    async fn make_busy(socket: &Udp, peer: &UdpSocket) {
        for round in 0.. {
            assert!(round < 100 * DENSE_RUN, "the socket is never put off");
            peer.send(&packet(1)).unwrap();
            receive(socket).await;
            // As the library does: a look whether there is more, by which nobody is to be woken.
            let mut nobody = Context::from_waker(Waker::noop());
            let (mut buffer, mut meta) = ([0; LENGTH], [RecvMeta::default()]);
            let bufs = &mut [IoSliceMut::new(&mut buffer)];
            assert!(socket.poll_recv(&mut nobody, bufs, &mut meta).is_pending());
            if !is_watched(socket) {
                return;
            }
        }
    }

    #[tokio::test]
    async fn whoever_waits_gets_what_comes() {
        let (socket, peer) = pair();
        let send = async { peer.send(&packet(7)).unwrap() };
        let (received, _) = tokio::join!(receive(&socket), send);
        assert_eq!(received, [7]);
        assert!(is_watched(&socket));
    }

    #[tokio::test]
    async fn packets_come_in_order() {
        let (socket, peer) = pair();
        for mark in 1..=8 {
            peer.send(&packet(mark)).unwrap();
        }
        assert_eq!(receive_many(&socket, 8).await, [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[tokio::test]
    async fn a_busy_socket_is_not_watched_and_loses_nothing() {
        let (socket, peer) = pair();
        make_busy(&socket, &peer).await;
        peer.send(&packet(8)).unwrap();
        peer.send(&packet(9)).unwrap();
        assert_eq!(receive_many(&socket, 2).await, [8, 9]);
    }

    #[tokio::test]
    async fn it_is_watched_again_when_it_is_not_busy_any_more() {
        let (socket, peer) = pair();
        make_busy(&socket, &peer).await;
        let send = async {
            while !is_watched(&socket) {
                tokio::task::yield_now().await;
            }
            peer.send(&packet(3)).unwrap()
        };
        let (received, _) = tokio::join!(receive(&socket), send);
        assert_eq!(received, [3]);
    }

    #[tokio::test]
    async fn packets_of_one_length_leave_together() {
        let (socket, peer) = pair();
        let contents = [packet(1), packet(2)].concat();
        let transmit = Transmit {
            destination: peer.local_addr().unwrap(),
            ecn: None,
            contents: &contents,
            segment_size: (socket.max_gso_segments() > 1).then_some(LENGTH),
            src_ip: None,
        };
        let sent = poll_fn(|cx| socket.poll_send(cx, &transmit)).await.unwrap();
        assert_eq!(sent, 2 * LENGTH);
        let mut buffer = [0; 2 * LENGTH];
        let first = peer.recv(&mut buffer).unwrap();
        assert_eq!((first, buffer[0]), (transmit.segment_size.unwrap_or(2 * LENGTH), 1));
    }
}
