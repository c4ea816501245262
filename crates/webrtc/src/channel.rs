//! The data channel as a carrier.

use std::{
    fmt,
    future::Future,
    io,
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_sink::Sink;
use futures_util::{SinkExt, StreamExt, sink, stream};
use tokio::{
    task::coop,
    time::{Instant, Sleep, sleep, timeout},
};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::debug;
use webrtc::data_channel::DataChannelEvent;

use crate::{
    connection::{Channel, Connection},
    cutting::{Cut, Cutting},
    limits::{CLOSE_LINGER, CLOSE_LINGER_CHECK, GONE_CHECK},
    send_buffer::Sender,
};

/// A byte pipe to the peer, cut into messages whose borders mean nothing.
///
/// **Receiving.** Empty messages are skipped, text is taken for bytes. While the stream is not polled, at most 512
/// messages of at most [`MAX_INCOMING_MESSAGE`](crate::limits::MAX_INCOMING_MESSAGE) bytes and SCTP's window of 1 MiB
/// are kept; then the window is closed and the peer waits. The stream ends when the peer closes the channel or the
/// connection, and with an error of kind `ConnectionReset` when the path to the peer has failed.
///
/// **Sending.** Items are gathered into messages of what the path carries in
/// [`MESSAGE_TIME`](crate::limits::MESSAGE_TIME), at most [`MESSAGE_LENGTH`](crate::limits::MESSAGE_LENGTH) bytes:
/// short ones fed one after the other become one message, long ones become several. Whatever is shorter waits for a
/// flush, which on a busy path waits a little for more, so that packets are full
/// ([`HOLD`](crate::limits::HOLD)); items may be fed meanwhile. The sink is ready while less than
/// [`SEND_BUFFER`](crate::limits::SEND_BUFFER) bytes are unacknowledged, on a fast path less than it takes in
/// [`SEND_BUFFER_TIME`](crate::limits::SEND_BUFFER_TIME); it is flushed when the last item is among them. It fails when
/// the peer closes the channel, when the path has failed, and, with an error of kind `TimedOut`, when it waits and the
/// peer acknowledges nothing for [`SEND_STALL`](crate::limits::SEND_STALL). Closing it waits up to two seconds for the
/// peer to acknowledge everything, then closes the connection.
///
/// Dropping the channel closes the connection at once, in the background. Reading and writing may happen in different
/// tasks after `split()`.
pub struct DataChannel {
    incoming: Pin<Box<dyn Stream<Item = DataChannelEvent> + Send>>,
    /// Sends one message at a time, waiting for room in the send buffer.
    outgoing: Pin<Box<dyn Sink<BytesMut, Error = io::Error> + Send>>,
    /// Items not yet long enough for a message.
    gathered: BytesMut,
    cutting: Cutting,
    /// Until when the last of them may wait.
    hold: Pin<Box<Sleep>>,
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    lost: Pin<Box<WaitForCancellationFutureOwned>>,
    is_reading_done: bool,
    is_writing_done: bool,
    channel: Channel,
    connection: Connection,
}

impl DataChannel {
    pub(crate) fn new(channel: Channel, connection: Connection) -> Self {
        connection.settle();
        let incoming = stream::unfold(channel.clone(), |channel| async move {
            Some((channel.poll().await?, channel))
        });
        let outgoing = sink::unfold(Sender::new(channel.clone(), Instant::now()), Sender::send);
        Self {
            incoming: Box::pin(incoming),
            outgoing: Box::pin(outgoing),
            gathered: BytesMut::new(),
            cutting: Cutting::new(Instant::now()),
            hold: Box::pin(sleep(Duration::ZERO)),
            closing: None,
            lost: Box::pin(connection.lost()),
            is_reading_done: false,
            is_writing_done: false,
            channel,
            connection,
        }
    }

    /// Resolves when the peer has closed the channel or the path to it has failed, up to a tenth of a second later.
    ///
    /// For the time in which there is no use for what the peer sends: nothing is read.
    pub fn gone(&self) -> impl Future<Output = ()> + Send + 'static {
        let (channel, lost) = (self.channel.clone(), self.connection.lost());
        async move {
            tokio::select! {
                () = closed_by_peer(&channel) => {}
                () = lost => {}
            }
        }
    }

    /// Whether the peer is reached by `outbound`: by a host candidate of its family, which is told to peers under that
    /// address ([`Config::outbound_address`](crate::Config::outbound_address)), or by another candidate with it.
    ///
    /// `None` when the path is gone.
    pub fn goes_by(&self, outbound: IpAddr) -> impl Future<Output = Option<bool>> + Send + use<> {
        self.connection.goes_by(outbound)
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            match self.incoming.poll_next_unpin(cx) {
                Poll::Ready(Some(DataChannelEvent::OnMessage(message)))
                    if message.data.is_empty() => {}
                Poll::Ready(Some(DataChannelEvent::OnMessage(message))) => {
                    return Poll::Ready(Some(Ok(message.data.freeze())));
                }
                Poll::Ready(Some(DataChannelEvent::OnClose) | None) => return Poll::Ready(None),
                Poll::Ready(Some(_)) => {}
                Poll::Pending => {
                    ready!(self.lost.as_mut().poll(cx));
                    return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
                }
            }
        }
    }

    /// Hands over what is to be cut into messages now; to flush is to wait until that is everything.
    fn poll_send(&mut self, cx: &mut Context<'_>, flush: bool) -> Poll<io::Result<()>> {
        loop {
            let now = Instant::now();
            match self.cutting.cut(now, self.gathered.len(), flush) {
                Cut::Message(bytes) => {
                    ready!(self.outgoing.poll_ready_unpin(cx))?;
                    self.outgoing.start_send_unpin(self.gathered.split_to(bytes))?;
                    self.cutting.sent(now, bytes);
                }
                Cut::KeepUntil(until) => {
                    if self.hold.deadline() != until {
                        self.hold.as_mut().reset(until);
                    }
                    ready!(self.hold.as_mut().poll(cx));
                }
                Cut::Keep => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl Stream for DataChannel {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_reading_done {
            return Poll::Ready(None);
        }
        let budget = ready!(coop::poll_proceed(cx));
        let item = ready!(self.poll_incoming(cx));
        budget.made_progress();
        if !matches!(item, Some(Ok(_))) {
            debug!(failed = item.is_some(), "data channel ended");
            self.is_reading_done = true;
        }
        Poll::Ready(item)
    }
}

impl Sink<Bytes> for DataChannel {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_writing(cx, |channel, cx| channel.poll_send(cx, false))
    }

    fn start_send(mut self: Pin<&mut Self>, item: Bytes) -> io::Result<()> {
        self.gathered.extend_from_slice(&item);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_writing(cx, |channel, cx| {
            ready!(channel.poll_send(cx, true))?;
            channel.outgoing.poll_flush_unpin(cx)
        })
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing.is_none() {
            ready!(self.as_mut().poll_flush(cx))?;
            let (channel, close) = (self.channel.clone(), self.connection.close());
            self.closing = Some(Box::pin(async move {
                let _ = timeout(CLOSE_LINGER, acknowledged(&channel)).await;
                close.await;
            }));
        }
        if let Some(closing) = &mut self.closing {
            ready!(closing.as_mut().poll(cx));
        }
        self.is_writing_done = true;
        Poll::Ready(Ok(()))
    }
}

impl DataChannel {
    /// Runs `write` unless writing has failed before, and turns a failed path into an error.
    fn poll_writing(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(&mut Self, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if self.is_writing_done {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let result = match write(self, cx) {
            Poll::Ready(result) => result,
            Poll::Pending => {
                ready!(self.lost.as_mut().poll(cx));
                Err(io::ErrorKind::ConnectionReset.into())
            }
        };
        self.is_writing_done = result.is_err();
        Poll::Ready(result)
    }
}

/// Waits until the channel is no more. The library has no event for it that would not pass through the receiving side.
async fn closed_by_peer(channel: &Channel) {
    while channel.outstanding_bytes().await.is_ok() {
        sleep(GONE_CHECK).await;
    }
}

/// Waits until the peer has acknowledged all that was sent, or the channel is gone. The library has no event for it.
async fn acknowledged(channel: &Channel) {
    while channel.outstanding_bytes().await.is_ok_and(|bytes| bytes > 0) {
        sleep(CLOSE_LINGER_CHECK).await;
    }
}

impl fmt::Debug for DataChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataChannel").finish_non_exhaustive()
    }
}
