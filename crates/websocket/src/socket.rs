//! [`WebSocket`]: the carrier.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Sleep, sleep},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        protocol::{self, CloseFrame, frame::coding::CloseCode},
    },
};

use crate::{
    error::{PeerClosed, PeerSilent, to_io},
    limits,
    silence::{Alarm, Heard, Ping, Silence},
};

/// A transport whose type no longer matters: dialled and accepted WebSockets are the same to their users.
type Inner = WebSocketStream<Heard>;

/// Which end of the connection this is. The client masks what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The end that sent the request.
    Client,
    /// The end that answered `101`.
    Server,
}

/// An open WebSocket as a carrier.
///
/// * As a `Stream` it yields the payloads of binary and text messages; empty messages are left out. It ends when the
///   peer closes with code 1000 or without a code; other codes, a connection cut without a Close frame, a message above
///   [`limits::MAX_MESSAGE`] and a violation of RFC 6455 (a text message that is not UTF-8, too) are an error, after
///   which it ends. Not polling it is back-pressure: at most one message and one read buffer are held.
/// * As a `Sink` it sends binary messages of at most [`limits::MAX_SENT_MESSAGE`] bytes. `start_send` only fills the
///   write buffer; flush after each batch. `poll_ready` waits while the transport does not take what is buffered.
/// * Closing it sends a Close frame without a code and shuts the transport down, in at most [`limits::CLOSE`]. It does
///   not wait for the peer's answer. Dropping it without closing cuts the connection.
/// * Pings are answered by whichever half is polled: the sending half reads ahead by at most one message for that.
/// * A peer of whom no byte comes for [`limits::PING_AFTER`] is sent a Ping; if none comes for [`limits::PONG_LIMIT`]
///   after that, both halves fail with [`PeerSilent`], of kind `TimedOut`, and the stream ends. It counts the same when
///   the transport does not take the Ping. Whichever half is polled sees to it, but only when it has found nothing left
///   to read: a peer is never given up while what it sent waits for us, and a WebSocket that nobody polls, or whose
///   stream is left unpolled with a message at hand, waits for its owner.
///
/// # Cancel safety
///
/// `next`, `flush` and `ready` may be dropped and called again; no message is lost or sent twice.
pub struct WebSocket {
    inner: Inner,
    /// What the sending half read while it looked for pings: the next item of the stream.
    ahead: Option<Option<io::Result<Bytes>>>,
    /// The stream has ended, by the peer's Close or by an error.
    ended: bool,
    silence: Silence,
    /// The last Ping, until the transport has taken it.
    ping: Option<Ping>,
    /// The peer was given up for its silence.
    silent: bool,
    /// The rest of a long byte string, for which the write buffer had no room yet.
    unsent: Bytes,
    wakers: Arc<Wakers>,
    /// Runs from the first `poll_close`.
    close_deadline: Option<Pin<Box<Sleep>>>,
}

impl WebSocket {
    /// Speaks WebSocket over a transport on which the HTTP upgrade is already done.
    pub async fn from_upgraded<T>(transport: T, role: Role) -> Self
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let role = match role {
            Role::Client => protocol::Role::Client,
            Role::Server => protocol::Role::Server,
        };
        let transport = Heard::new(transport);
        Self::new(WebSocketStream::from_raw_socket(transport, role, Some(limits::config())).await)
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner,
            ahead: None,
            ended: false,
            silence: Silence::new(),
            ping: None,
            silent: false,
            unsent: Bytes::new(),
            wakers: Arc::default(),
            close_deadline: None,
        }
    }

    /// Reads until there is a payload, an end or an error; answers pings on the way, and asks when nothing comes.
    ///
    /// Both halves read, so both are woken: each registers its own waker before it calls this.
    fn poll_message(&mut self) -> Poll<Option<io::Result<Bytes>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let waker = Waker::from(self.wakers.clone());
        let mut cx = Context::from_waker(&waker);
        loop {
            let Poll::Ready(message) = Pin::new(&mut self.inner).poll_next(&mut cx) else {
                ready!(self.poll_silent(&mut cx));
                self.ended = true;
                return Poll::Ready(Some(Err(PeerSilent.into())));
            };
            let item = match message {
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Binary(payload))) if payload.is_empty() => continue,
                Some(Ok(Message::Text(text))) if text.is_empty() => continue,
                Some(Ok(Message::Binary(payload))) => return Poll::Ready(Some(Ok(payload))),
                Some(Ok(Message::Text(text))) => return Poll::Ready(Some(Ok(text.into()))),
                Some(Ok(Message::Close(frame))) => {
                    // The library has queued the answer; whether the peer still reads it does not matter.
                    let _ = Pin::new(&mut self.inner).poll_flush(&mut cx);
                    verdict(frame).map(Err)
                }
                Some(Err(error)) => Some(Err(to_io(error))),
                None => None,
            };
            self.ended = true;
            return Poll::Ready(item);
        }
    }

    /// Asks a silent peer; ready when it is to be given up. The transport has nothing to read.
    fn poll_silent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Whether it goes out, fails or waits: the deadline counts all the same.
            if self.ping.is_some() && self.poll_ping(cx).is_ready() {
                self.ping = None;
            }
            match ready!(self.silence.poll(self.inner.get_ref().last(), cx)) {
                Alarm::Ask => self.ping = Some(Ping::Due),
                Alarm::GiveUp => {
                    self.silent = true;
                    return Poll::Ready(());
                }
            }
        }
    }

    fn poll_ping(&mut self, cx: &mut Context<'_>) -> Poll<tungstenite::Result<()>> {
        let mut inner = Pin::new(&mut self.inner);
        if self.ping == Some(Ping::Due) {
            ready!(inner.as_mut().poll_ready(cx))?;
            inner.as_mut().start_send(Message::Ping(Bytes::new()))?;
            self.ping = Some(Ping::Buffered);
        }
        inner.poll_flush(cx)
    }

    /// Looks for pings on behalf of the sending half. Holds at most one item: beyond that, the reader must take part.
    fn read_ahead(&mut self, cx: &Context<'_>) {
        // Also when there is nothing to read: the reader may take over the wake-up of writes, for a ping.
        self.wakers.writer.register(cx.waker());
        if self.ahead.is_some() || self.ended {
            return;
        }
        if let Poll::Ready(item) = self.poll_message() {
            self.ahead = Some(item);
            // A reader that waits must learn that its item is here and not in the transport.
            self.wakers.reader.wake();
        }
    }

    /// Waits until the write buffer is below its threshold and holds everything that was given.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(Pin::new(&mut self.inner).poll_ready(cx)).map_err(to_io)?;
            if self.unsent.is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.buffer_one()?;
        }
    }

    /// Moves one message into the write buffer, which `poll_ready` has found to have room.
    fn buffer_one(&mut self) -> io::Result<()> {
        let length = self.unsent.len().min(limits::MAX_SENT_MESSAGE);
        let message = Message::Binary(self.unsent.split_to(length));
        Pin::new(&mut self.inner).start_send(message).map_err(to_io)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.unsent.is_empty() {
            ready!(self.poll_room(cx))?;
        }
        ready!(Pin::new(&mut self.inner).poll_close(cx)).map_err(to_io)?;
        Pin::new(self.inner.get_mut()).poll_shutdown(cx)
    }
}

/// Codes 1000 and "none" (1005 in the Go libraries) are a normal end.
fn verdict(frame: Option<CloseFrame>) -> Option<io::Error> {
    let code = frame.map_or(CloseCode::Normal, |frame| frame.code);
    let error = PeerClosed { code: code.into() };
    (code != CloseCode::Normal).then(|| io::Error::new(io::ErrorKind::ConnectionAborted, error))
}

impl Stream for WebSocket {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(item) = self.ahead.take() {
            return Poll::Ready(item);
        }
        self.wakers.reader.register(cx.waker());
        self.poll_message()
    }
}

impl Sink<Bytes> for WebSocket {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(room) = self.poll_room(cx) {
            return Poll::Ready(room);
        }
        self.read_ahead(cx);
        if self.silent { Poll::Ready(Err(PeerSilent.into())) } else { Poll::Pending }
    }

    fn start_send(mut self: Pin<&mut Self>, payload: Bytes) -> io::Result<()> {
        debug_assert!(self.unsent.is_empty(), "start_send without poll_ready");
        self.unsent = payload;
        if self.unsent.is_empty() { Ok(()) } else { self.buffer_one() }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.read_ahead(cx);
        if self.silent {
            return Poll::Ready(Err(PeerSilent.into()));
        }
        ready!(self.poll_room(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx).map_err(to_io)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wakers.writer.register(cx.waker());
        if let Poll::Ready(result) = self.poll_shutdown(cx) {
            return Poll::Ready(result);
        }
        if self.silent {
            return Poll::Ready(Err(PeerSilent.into()));
        }
        let deadline = self.close_deadline.get_or_insert_with(|| Box::pin(sleep(limits::CLOSE)));
        ready!(deadline.as_mut().poll(cx));
        let error =
            io::Error::new(io::ErrorKind::TimedOut, "the peer did not take the Close frame");
        Poll::Ready(Err(error))
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// Wakes both halves: either may be the one that waits for what the transport has to say.
#[derive(Debug, Default)]
struct Wakers {
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.reader.wake();
        self.writer.wake();
    }
}
