//! The library's view of tokio: large socket buffers, no forgotten packets, and a way to stop all it started.

use std::{
    fmt::Debug,
    future::Future,
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    sync::Notify,
    task::{AbortHandle, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime,
    TokioRuntime,
};

use crate::{
    batches::Socket,
    connection::Channel,
    limits::SOCKET_RECEIVE_BUFFER,
    rest::Rest,
    udp::Udp,
    upstream::{Proxied, Way},
};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The runtime of one connection: it owns the tasks that the library spawns.
///
/// The tasks hold the library's state, which holds this; [`stop`](Self::stop) breaks the circle.
#[derive(Debug, Default)]
pub(crate) struct ConnectionRuntime {
    tasks: Mutex<JoinSet<()>>,
    lost: CancellationToken,
    nudge: Arc<Notify>,
    is_settled: AtomicBool,
    rest: Arc<Rest>,
    way: Way,
}

impl ConnectionRuntime {
    /// A runtime whose packets go this way.
    pub(crate) fn new(way: Way) -> Self {
        Self { way, ..Self::default() }
    }

    /// Aborts every task, and with them closes every socket.
    pub(crate) fn stop(&self) {
        self.lock().abort_all();
    }

    /// Cancelled when a task is gone: finished, stopped, or fallen over something the peer sent.
    pub(crate) fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Makes the driver go round once more, also if it is about to sleep.
    ///
    /// It sends what is queued, reports events, then sleeps until its next timer. What an event queues (the first DTLS
    /// flight when ICE is connected, the SCTP association when DTLS is) would wait for that timer: 250 ms of each
    /// connection.
    pub(crate) fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// No nudge will come any more.
    pub(crate) fn settle(&self) {
        self.is_settled.store(true, Ordering::Relaxed);
    }

    /// From now on the driver is called less often while nothing happens on `channel`.
    pub(crate) fn rest_when_idle(&self, channel: &Channel) {
        self.rest.begin(channel);
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runtime for ConnectionRuntime {
    fn spawn(&self, future: BoxFuture<'static, ()>) -> Box<dyn JoinHandle> {
        let lost = self.lost.clone().drop_guard();
        let mut tasks = self.lock();
        while tasks.try_join_next().is_some() {}
        Box::new(Task(tasks.spawn(async move {
            let _lost = lost;
            future.await;
        })))
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let socket: Arc<dyn AsyncUdpSocket> = match &self.way {
            Way::Direct => {
                // A kernel that grants less still works, only slower.
                let _ = SockRef::from(&socket).set_recv_buffer_size(SOCKET_RECEIVE_BUFFER);
                Arc::new(Udp::new(socket)?)
            }
            Way::Proxied(way) => Arc::new(Proxied::take(way)?),
        };
        Ok(Arc::new(Socket::new(socket, self.rest.clone())))
    }

    fn wrap_tcp_listener(&self, listener: TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(
        &'a self,
        remote: SocketAddr,
    ) -> BoxFuture<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        Box::pin(async move { TokioRuntime.connect_tcp(remote).await })
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { TokioRuntime.resolve_host(host).await })
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if self.is_settled.load(Ordering::Relaxed) && self.rest.has_begun() {
            let rest = self.rest.clone();
            return Box::pin(async move { rest.sleep(duration).await });
        }
        let nudge = self.nudge.clone();
        Box::pin(async move {
            // Done either way.
            let _ = timeout(duration, nudge.notified()).await;
        })
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn yield_now(&self) -> BoxFuture<'static, ()> {
        TokioRuntime.yield_now()
    }

    fn name(&self) -> &'static str {
        "tokio"
    }
}

struct Task(AbortHandle);

impl JoinHandle for Task {
    /// Nothing to do: the set keeps the task going.
    fn detach(&self) {}

    fn abort(&self) {
        self.0.abort();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}
