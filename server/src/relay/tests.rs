use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinHandle,
    time::timeout,
};

use super::*;

const IDLE: Duration = Duration::from_secs(60);

/// The far ends of both sides of a relay, each with a pipe of 64 bytes in between.
fn relayed() -> (DuplexStream, DuplexStream, JoinHandle<io::Result<()>>) {
    let (client, a) = duplex(64);
    let (tor, b) = duplex(64);
    (client, tor, tokio::spawn(relay(a, b, IDLE)))
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 % 251) as u8).collect()
}

#[tokio::test(start_paused = true)]
async fn bytes_go_both_ways_through_narrow_pipes() {
    let (client, tor, relay) = relayed();
    let data = pattern(300_000);
    let send_and_receive = async |end: DuplexStream, data: &[u8]| {
        let (mut read, mut write) = tokio::io::split(end);
        let mut received = Vec::new();
        let sending = async {
            write.write_all(data).await.unwrap();
            write.shutdown().await.unwrap();
        };
        tokio::join!(sending, async { read.read_to_end(&mut received).await.unwrap() });
        received
    };
    let back: Vec<u8> = data.iter().rev().copied().collect();
    let (at_client, at_tor) =
        tokio::join!(send_and_receive(client, &data), send_and_receive(tor, &back));
    assert!(at_tor == data && at_client == back);
    relay.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_one_direction_leaves_the_other_open() {
    for client_first in [true, false] {
        let (client, tor, relay) = relayed();
        let (mut early, mut late) = if client_first { (client, tor) } else { (tor, client) };
        early.write_all(b"question").await.unwrap();
        early.shutdown().await.unwrap();
        let mut text = String::new();
        late.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "question");
        // Slower than the bound as a whole, never silent for so long.
        for _ in 0..10 {
            sleep(IDLE / 2).await;
            late.write_all(b"answer").await.unwrap();
        }
        drop(late);
        text.clear();
        early.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "answer".repeat(10));
        relay.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_half_closed_relay_that_stands_still_ends() {
    let (mut client, tor, relay) = relayed();
    let begun = Instant::now();
    client.shutdown().await.unwrap();
    relay.await.unwrap().unwrap();
    assert_eq!(begun.elapsed().as_secs(), IDLE.as_secs());
    drop(tor);
}

#[tokio::test(start_paused = true)]
async fn a_relay_with_both_directions_open_may_be_idle() {
    let (mut client, mut tor, mut relay) = relayed();
    assert!(timeout(IDLE * 100, &mut relay).await.is_err());
    client.write_all(b"x").await.unwrap();
    assert_eq!(tor.read_u8().await.unwrap(), b'x');
}

#[tokio::test]
async fn a_failing_side_ends_both() {
    struct Broken;
    impl AsyncRead for Broken {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }
    }
    impl AsyncWrite for Broken {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    let (_client, a) = duplex(64);
    let error = relay(a, Broken, IDLE).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

/// What the other side does not take at once is kept, and no more is read meanwhile.
#[tokio::test(start_paused = true)]
async fn a_slow_side_slows_the_other_down() {
    let (mut client, a) = duplex(COPY_CHUNK * 4);
    let (_tor, b) = duplex(1);
    let relay = tokio::spawn(relay(a, b, IDLE));
    let sent = timeout(Duration::from_millis(200), client.write_all(&[1; COPY_CHUNK * 8])).await;
    assert!(sent.is_err(), "four chunks wait in the pipe and one in the relay");
    relay.abort();
}
