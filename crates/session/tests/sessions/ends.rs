//! A client's and a server's stream over a simulated path, and an exchange that checks every byte.

use crate::conn::pair;
use snowflake_netsim::{Path, Rng};
use snowflake_session::{Config, Session, Stream, open, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// One end: its stream, and what keeps it going.
pub(crate) struct End {
    pub(crate) stream: Stream,
    pub(crate) session: Option<Session>,
    pub(crate) driver: AbortOnDropHandle<()>,
}

/// A client and a server over `path`, one stream open between them.
pub(crate) async fn connect(path: &Path, seed: u64) -> (End, End) {
    let (near, far) = pair(path, seed);
    let (session, driver) = open(near, &Config::client());
    let driver = AbortOnDropHandle::new(tokio::spawn(async move {
        driver.await;
    }));
    let mut stream = session.open_stream().expect("a new session");
    stream.write_all(b"!").await.expect("a new session");
    let client = End { stream, session: Some(session), driver };

    let (opened, mut streams) = mpsc::channel(16);
    let serving = tokio::spawn(async move {
        serve(far, &Config::server(), |stream| opened.try_send(stream).expect("few streams")).await;
    });
    let mut stream = streams.recv().await.expect("a stream");
    assert_eq!(stream.read_u8().await.expect("the greeting"), b'!');
    (client, End { stream, session: None, driver: AbortOnDropHandle::new(serving) })
}

/// Moves `size` seeded bytes each way at once, checks every one, and both ends of stream.
pub(crate) async fn exchange(client: End, server: End, seed: u64, size: usize) {
    let one = tokio::spawn(send_and_check(client, seed, !seed, size));
    let other = tokio::spawn(send_and_check(server, !seed, seed, size));
    // Both stay until both are done: the last bytes of one may still have to be sent again.
    let _client = one.await.expect("the client's bytes are exact");
    let _server = other.await.expect("the server's bytes are exact");
}

async fn send_and_check(end: End, send: u64, expect: u64, size: usize) -> End {
    let End { stream, session, driver } = end;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sending = async {
        let (mut rng, mut piece) = (Rng::new(send), vec![0; 8192]);
        for _ in 0..size / piece.len() {
            rng.fill(&mut piece);
            writer.write_all(&piece).await.expect("the session lives");
        }
        writer.shutdown().await.expect("the session lives");
    };
    let checking = async {
        let (mut rng, mut piece, mut got) = (Rng::new(expect), vec![0; 8192], vec![0; 8192]);
        for at in 0..size / piece.len() {
            rng.fill(&mut piece);
            reader.read_exact(&mut got).await.expect("the session lives");
            assert!(piece == got, "seed {expect}: the bytes differ in piece {at}");
        }
        assert_eq!(
            reader.read(&mut got).await.expect("the session lives"),
            0,
            "then the stream ends"
        );
    };
    tokio::join!(sending, checking);
    End { stream: reader.unsplit(writer), session, driver }
}
