//! The bytes on the wire, as observed with the Go programs.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use snowflake_websocket::{PeerClosed, Role, WebSocket, limits};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};

/// A server's WebSocket whose peer is a script.
async fn server() -> (WebSocket, DuplexStream) {
    let (ours, theirs) = duplex(4 << 20);
    (WebSocket::from_upgraded(ours, Role::Server).await, theirs)
}

async fn client() -> (WebSocket, DuplexStream) {
    let (ours, theirs) = duplex(4 << 20);
    (WebSocket::from_upgraded(ours, Role::Client).await, theirs)
}

/// A frame as a client sends it. The mask of zeros leaves the payload readable.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            frame.push(0xfe);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0xff);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

async fn read(stream: &mut DuplexStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

fn unmask(mask: &[u8], payload: &[u8]) -> Vec<u8> {
    payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
}

async fn end_after(frame: Vec<u8>) -> Option<io::Result<Bytes>> {
    let (mut websocket, mut peer) = server().await;
    peer.write_all(&frame).await.unwrap();
    let end = websocket.next().await;
    assert!(websocket.next().await.is_none(), "after its end the stream stays ended");
    end
}

#[tokio::test]
async fn the_proxys_token_is_one_masked_binary_message() {
    let (mut websocket, mut peer) = client().await;
    let token = [0x12, 0x93, 0x60, 0x5d, 0x27, 0x81, 0x75, 0xf5];
    websocket.send(Bytes::copy_from_slice(&token)).await.unwrap();
    let frame = read(&mut peer, 14).await;
    assert_eq!(frame[..2], [0x82, 0x88]);
    assert_eq!(unmask(&frame[2..6], &frame[6..]), token);
}

#[tokio::test]
async fn the_proxys_longer_messages_use_a_two_byte_length() {
    let (mut websocket, mut peer) = client().await;
    websocket.send(Bytes::from(vec![7; 2048])).await.unwrap();
    let frame = read(&mut peer, 8 + 2048).await;
    assert_eq!(frame[..4], [0x82, 0xfe, 0x08, 0x00]);
    assert_eq!(unmask(&frame[4..8], &frame[8..]), vec![7; 2048]);
}

#[tokio::test]
async fn the_server_does_not_mask() {
    let (mut websocket, mut peer) = server().await;
    websocket.send(Bytes::from_static(&[0x81, 0x55])).await.unwrap();
    assert_eq!(read(&mut peer, 4).await, [0x82, 0x02, 0x81, 0x55]);
}

#[tokio::test]
async fn a_batch_is_written_by_one_flush() {
    let (mut websocket, mut peer) = server().await;
    for byte in 0..3 {
        websocket.feed(Bytes::from(vec![byte])).await.unwrap();
    }
    assert!(peer.read_u8().now_or_never().is_none(), "nothing is written before the flush");
    websocket.flush().await.unwrap();
    assert_eq!(read(&mut peer, 9).await, [0x82, 1, 0, 0x82, 1, 1, 0x82, 1, 2]);
}

/// A transport that counts its writes.
struct Counted(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn many_small_messages_are_one_write() {
    let (ours, _theirs) = duplex(1 << 20);
    let writes = Arc::new(AtomicUsize::new(0));
    let counted = Counted(ours, writes.clone());
    let mut websocket = WebSocket::from_upgraded(counted, Role::Client).await;
    // Packets of a full size, as many as the write buffer holds.
    for _ in 0..limits::WRITE_BUFFER / 1410 {
        websocket.feed(Bytes::from(vec![0; 1402])).await.unwrap();
    }
    websocket.flush().await.unwrap();
    assert_eq!(writes.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_long_byte_string_is_cut_and_arrives_whole() {
    let (ours, theirs) = duplex(1000);
    let mut from = WebSocket::from_upgraded(ours, Role::Client).await;
    let mut to = WebSocket::from_upgraded(theirs, Role::Server).await;
    let sent: Bytes = (0..1_000_000u32).map(|i| (i % 251) as u8).collect();
    let sending = async {
        from.send(sent.clone()).await.unwrap();
        from.close().await.unwrap();
    };
    let receiving = async {
        let mut received = Vec::new();
        while let Some(message) = to.next().await {
            let message = message.unwrap();
            assert!(message.len() <= limits::MAX_SENT_MESSAGE);
            received.extend(message);
        }
        received
    };
    let ((), received) = tokio::join!(sending, receiving);
    assert!(received == sent);
}

#[tokio::test]
async fn five_thousand_bytes_arrive_whole() {
    let (mut websocket, mut peer) = server().await;
    // As a Go proxy cuts them.
    for length in [2048, 2048, 904] {
        peer.write_all(&masked(0x82, &vec![1; length])).await.unwrap();
    }
    let mut received = 0;
    while received < 5000 {
        received += websocket.next().await.unwrap().unwrap().len();
    }
    assert_eq!(received, 5000);
}

#[tokio::test]
async fn text_and_fragments_are_bytes_too() {
    let (mut websocket, mut peer) = server().await;
    peer.write_all(&masked(0x81, b"text")).await.unwrap();
    peer.write_all(&masked(0x02, b"frag")).await.unwrap();
    peer.write_all(&masked(0x80, b"ment")).await.unwrap();
    assert_eq!(websocket.next().await.unwrap().unwrap(), "text");
    assert_eq!(websocket.next().await.unwrap().unwrap(), "fragment");
}

#[tokio::test]
async fn empty_messages_are_left_out_both_ways() {
    let (mut websocket, mut peer) = server().await;
    peer.write_all(&masked(0x82, b"")).await.unwrap();
    peer.write_all(&masked(0x81, b"")).await.unwrap();
    peer.write_all(&masked(0x82, b"x")).await.unwrap();
    assert_eq!(websocket.next().await.unwrap().unwrap(), "x");
    websocket.send(Bytes::new()).await.unwrap();
    websocket.send(Bytes::from_static(b"y")).await.unwrap();
    assert_eq!(read(&mut peer, 3).await, [0x82, 1, b'y']);
}

#[tokio::test]
async fn a_ping_is_answered_by_the_receiving_half() {
    let (mut websocket, mut peer) = server().await;
    peer.write_all(&masked(0x89, b"hi")).await.unwrap();
    assert!(websocket.next().now_or_never().is_none(), "a ping is no item");
    assert_eq!(read(&mut peer, 4).await, [0x8a, 0x02, b'h', b'i']);
}

#[tokio::test]
async fn a_ping_is_answered_by_the_sending_half_and_no_item_is_lost() {
    let (mut websocket, mut peer) = server().await;
    peer.write_all(&masked(0x89, b"hi")).await.unwrap();
    peer.write_all(&masked(0x82, b"first")).await.unwrap();
    peer.write_all(&masked(0x82, b"second")).await.unwrap();
    websocket.send(Bytes::from_static(b"x")).await.unwrap();
    let mut written = read(&mut peer, 7).await;
    written.sort_unstable();
    let mut expected = vec![0x8a, 0x02, b'h', b'i', 0x82, 0x01, b'x'];
    expected.sort_unstable();
    assert_eq!(written, expected, "pong and message, in either order");
    assert_eq!(websocket.next().await.unwrap().unwrap(), "first");
    assert_eq!(websocket.next().await.unwrap().unwrap(), "second");
}

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_waiting_reader_learns_what_the_sending_half_read() {
    let (mut websocket, mut peer) = server().await;
    let (reader, writer) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let (reading, writing) = (Waker::from(reader.clone()), Waker::from(writer.clone()));
    let mut reading = Context::from_waker(&reading);
    let mut writing = Context::from_waker(&writing);
    assert!(websocket.poll_next_unpin(&mut reading).is_pending());
    assert!(websocket.poll_flush_unpin(&mut writing).is_ready());
    peer.write_all(&masked(0x82, b"one")).await.unwrap();
    assert_eq!(
        reader.0.load(Ordering::Relaxed),
        1,
        "the sending half did not take over the wake-up"
    );

    // Now the sending half comes first and takes the message out of the transport.
    assert!(websocket.poll_flush_unpin(&mut writing).is_ready());
    let Poll::Ready(Some(Ok(message))) = websocket.poll_next_unpin(&mut reading) else {
        panic!("the message that was read ahead");
    };
    assert_eq!(message, "one");
}

#[tokio::test]
async fn close_codes_1000_and_none_are_the_end() {
    assert!(end_after(masked(0x88, b"")).await.is_none());
    assert!(end_after(masked(0x88, &1000u16.to_be_bytes())).await.is_none());
}

#[tokio::test]
async fn other_close_codes_are_errors_that_name_the_code() {
    for code in [1001, 1002, 1011, 4000_u16] {
        let error = end_after(masked(0x88, &code.to_be_bytes())).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        let closed = error.get_ref().unwrap().downcast_ref::<PeerClosed>().unwrap();
        assert_eq!(*closed, PeerClosed { code });
    }
}

#[tokio::test]
async fn a_close_is_answered() {
    let (mut websocket, mut peer) = server().await;
    peer.write_all(&masked(0x88, b"")).await.unwrap();
    assert!(websocket.next().await.is_none());
    assert_eq!(read(&mut peer, 2).await, [0x88, 0x00]);
    let error = websocket.send(Bytes::from_static(b"late")).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn a_cut_connection_is_an_error() {
    let (mut websocket, peer) = server().await;
    drop(peer);
    let error = websocket.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert!(websocket.next().await.is_none());
}

#[tokio::test]
async fn closing_sends_no_status_code() {
    let (mut websocket, mut peer) = server().await;
    websocket.close().await.unwrap();
    let mut written = Vec::new();
    peer.read_to_end(&mut written).await.unwrap();
    assert_eq!(written, [0x88, 0x00]);

    let (mut websocket, mut peer) = client().await;
    websocket.close().await.unwrap();
    let mut written = Vec::new();
    peer.read_to_end(&mut written).await.unwrap();
    assert_eq!(written[..2], [0x88, 0x80]);
    assert_eq!(written.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn closing_gives_up_after_a_second() {
    let (ours, _theirs) = duplex(1);
    let mut websocket = WebSocket::from_upgraded(ours, Role::Server).await;
    let before = tokio::time::Instant::now();
    let error = websocket.close().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(before.elapsed().as_secs(), limits::CLOSE.as_secs());
}

#[tokio::test]
async fn messages_over_the_limit_are_an_error() {
    let largest = vec![3; limits::MAX_MESSAGE];
    let (mut websocket, mut peer) = server().await;
    peer.write_all(&masked(0x82, &largest)).await.unwrap();
    assert_eq!(websocket.next().await.unwrap().unwrap(), largest);

    // Only the header: the length alone is refused.
    let mut huge = vec![0x82, 0xff];
    huge.extend((limits::MAX_MESSAGE as u64 + 1).to_be_bytes());
    huge.extend([0; 4]);
    let error = end_after(huge).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);

    let mut fragments = masked(0x02, &largest);
    fragments.extend(masked(0x80, b"x"));
    let error = end_after(fragments).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn broken_frames_are_errors() {
    for (frame, what) in [
        (vec![0x82, 0x01, 0x00], "a client's frame without a mask"),
        (masked(0xc2, b"x"), "a reserved bit"),
        (masked(0x83, b"x"), "a reserved opcode"),
        (masked(0x80, b"x"), "a continuation of nothing"),
        (masked(0x09, b"x"), "a ping in fragments"),
        (masked(0x89, &[0; 126]), "a long ping"),
        (masked(0x81, &[0xff]), "text that is not UTF-8"),
    ] {
        let error = end_after(frame).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{what}");
    }
}

#[tokio::test]
async fn a_transport_that_takes_nothing_holds_the_sender() {
    let (ours, mut theirs) = duplex(1024);
    let mut websocket = WebSocket::from_upgraded(ours, Role::Server).await;
    let mut buffered = 0;
    while let Some(sent) = websocket.feed(Bytes::from(vec![0; 1000])).now_or_never() {
        sent.unwrap();
        buffered += 1000;
        assert!(buffered < 2 * limits::WRITE_BUFFER, "the write buffer is bounded");
    }
    // Once the peer reads again, so does the sender.
    let drained = tokio::spawn(async move {
        let mut sink = Vec::new();
        theirs.read_to_end(&mut sink).await.unwrap();
        sink.len()
    });
    websocket.feed(Bytes::from(vec![0; 1000])).await.unwrap();
    websocket.close().await.unwrap();
    assert_eq!(drained.await.unwrap(), (buffered / 1000 + 1) * 1004 + 2);
}
