//! Accepts tor's SOCKS connections and hands out those that finished their handshake.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! let mut listener = snowflake_pt::SocksListener::bind()?;
//! // Report `listener.local_addr()` in a CMETHOD line, then:
//! loop {
//!     let request = listener.accept().await;
//!     if request.args().get("url").is_none() {
//!         request.reject().await?;
//!         continue;
//!     }
//!     let stream = request.grant().await?;
//!     # drop(stream);
//! }
//! # }
//! ```

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    Args, RECEIVE_BUFFER,
    error::SocksError,
    socks::{GRANTED, Handshake, REFUSED, Step},
};

/// The longest that a whole handshake may take: 5 s, as in the Go client.
pub const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);

/// How many handshakes run at once. tor finishes one in a round trip; whoever connects when all
/// are taken waits in the kernel's queue for at most [`HANDSHAKE_LIMIT`].
pub const MAX_HANDSHAKES: usize = 64;

/// The first pause after a failed `accept`, doubled with each further failure: 10 ms.
pub const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// The longest pause after failed `accept`s: 1 s. The usual failure, too many open files, passes
/// when other connections end.
pub const MAX_PAUSE: Duration = Duration::from_secs(1);

/// How much is read at a time: the longest message of a handshake.
const READ_SIZE: usize = 513;

/// A SOCKS5 listener on a loopback port.
///
/// Dropping it closes the port and every connection in mid-handshake.
#[derive(Debug)]
pub struct SocksListener {
    listener: TcpListener,
    local_addr: SocketAddr,
    limits: Limits,
    handshakes: JoinSet<Option<SocksRequest>>,
    pause: Pause,
}

/// A connection from tor whose arguments are known and which waits for an answer.
///
/// Dropping it closes the connection without one.
#[derive(Debug)]
pub struct SocksRequest {
    args: Args,
    stream: TcpStream,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    handshake: Duration,
    handshakes: usize,
}

/// Connections that wait to be accepted, as tokio's own listeners have it.
const BACKLOG: u32 = 1024;

const LIMITS: Limits = Limits { handshake: HANDSHAKE_LIMIT, handshakes: MAX_HANDSHAKES };

impl SocksListener {
    /// Listens on a free port of 127.0.0.1. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// What the system says, as text for `CMETHOD-ERROR`.
    pub fn bind() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // Connections inherit it. With another buffer than wished they work all the same.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Self::on(socket.listen(BACKLOG)?, LIMITS)
    }

    fn on(listener: TcpListener, limits: Limits) -> io::Result<Self> {
        let local_addr = listener.local_addr()?;
        let handshakes = JoinSet::new();
        Ok(Self { listener, local_addr, limits, handshakes, pause: Pause::default() })
    }

    /// Where tor should connect to.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The next connection whose handshake is finished. Others are turned away meanwhile, and
    /// errors of the system are waited out, so this never fails.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: handshakes go on, and the next call returns what they yield.
    pub async fn accept(&mut self) -> SocksRequest {
        loop {
            let has_room = self.handshakes.len() < self.limits.handshakes;
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(request)) = done {
                        return request;
                    }
                }
                accepted = accept(&self.listener, self.pause.until), if has_room => match accepted {
                    Ok(stream) => self.start(stream),
                    Err(error) => self.pause.lengthen(&error),
                },
            }
        }
    }

    fn start(&mut self, mut stream: TcpStream) {
        self.pause = Pause::default();
        let limit = self.limits.handshake;
        self.handshakes.spawn(async move {
            match timeout(limit, handshake(&mut stream)).await {
                Ok(Ok(args)) => return Some(SocksRequest { args, stream }),
                Ok(Err(error)) => tracing::debug!("turned a connection away: {error}"),
                Err(_) => tracing::debug!("a SOCKS client did not finish its handshake in time"),
            }
            None
        });
    }
}

impl SocksRequest {
    /// The arguments of the bridge line.
    pub const fn args(&self) -> &Args {
        &self.args
    }

    /// Tells tor that the connection is open; what tor sends and reads from here on is the stream.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub async fn grant(mut self) -> io::Result<TcpStream> {
        self.stream.write_all(GRANTED).await?;
        Ok(self.stream)
    }

    /// Tells tor that the arguments are no good, and closes the connection.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub async fn reject(mut self) -> io::Result<()> {
        self.stream.write_all(REFUSED).await?;
        self.stream.shutdown().await
    }
}

async fn accept(listener: &TcpListener, after: Option<Instant>) -> io::Result<TcpStream> {
    if let Some(after) = after {
        sleep_until(after).await;
    }
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Drives a handshake up to the point where tor waits for the final reply.
async fn handshake(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<Args, SocksError> {
    let mut handshake = Handshake::new();
    let mut buffer = [0; READ_SIZE];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Err(SocksError::Closed);
        }
        match handshake.step(&buffer[..count]) {
            Ok(Step::NeedMore) => {}
            Ok(Step::Send(reply)) => stream.write_all(reply).await?,
            Ok(Step::Finished(args)) => return Ok(args),
            Err(error) => {
                if let Some(reply) = error.reply() {
                    stream.write_all(reply).await?;
                    stream.shutdown().await?;
                }
                return Err(error);
            }
        }
    }
}

/// The wait after failures of `accept`, so that they neither spin nor end anything.
#[derive(Debug, Default)]
struct Pause {
    length: Duration,
    until: Option<Instant>,
}

impl Pause {
    fn lengthen(&mut self, error: &io::Error) {
        if self.until.is_none() {
            tracing::warn!("cannot accept SOCKS connections, trying again: {error}");
        }
        self.length = (self.length * 2).clamp(FIRST_PAUSE, MAX_PAUSE);
        self.until = Some(Instant::now() + self.length);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    const GREETING: &[u8] = &[5, 1, 0];
    const CONNECT: &[u8] = &[5, 1, 0, 1, 192, 0, 2, 3, 0, 80];

    async fn listener(limits: Limits) -> SocksListener {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a loopback port");
        SocksListener::on(socket, limits).expect("an address")
    }

    async fn exchange(stream: &mut TcpStream, message: &[u8], reply: &[u8]) {
        stream.write_all(message).await.expect("listener reads");
        let mut buffer = vec![0; reply.len()];
        stream.read_exact(&mut buffer).await.expect("listener answers");
        assert_eq!(buffer, reply);
    }

    /// A connection that has sent its request.
    async fn connect(address: SocketAddr, args: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.expect("listener is there");
        exchange(&mut stream, &[5, 1, 2], &[5, 2]).await;
        let credentials = [&[1, args.len() as u8], args.as_bytes(), &[1, 0]].concat();
        exchange(&mut stream, &credentials, &[1, 0]).await;
        stream.write_all(CONNECT).await.expect("listener reads");
        stream
    }

    async fn rest(stream: &mut TcpStream) -> Vec<u8> {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.expect("listener closes");
        rest
    }

    #[tokio::test]
    async fn a_granted_connection_carries_bytes_both_ways() {
        let mut listener = SocksListener::bind().unwrap();
        assert!(listener.local_addr().ip().is_loopback());
        let (mut tor, request) =
            tokio::join!(connect(listener.local_addr(), "max=3"), listener.accept());
        assert_eq!(request.args().get("max"), Some("3"));
        let mut stream = request.grant().await.unwrap();
        exchange(&mut tor, b"", GRANTED).await;
        tor.write_all(b"up").await.unwrap();
        let mut up = [0; 2];
        stream.read_exact(&mut up).await.unwrap();
        stream.write_all(b"down").await.unwrap();
        drop(stream);
        assert_eq!((&up, &rest(&mut tor).await[..]), (b"up", &b"down"[..]));
    }

    #[tokio::test]
    async fn a_rejected_connection_is_told_and_closed() {
        let mut listener = SocksListener::bind().unwrap();
        let (mut tor, request) =
            tokio::join!(connect(listener.local_addr(), "max=x"), listener.accept());
        request.reject().await.unwrap();
        assert_eq!(rest(&mut tor).await, REFUSED);
    }

    #[tokio::test]
    async fn bad_handshakes_are_answered_and_do_not_reach_the_program() {
        let mut listener = SocksListener::bind().unwrap();
        let address = listener.local_addr();
        let clients = async {
            for (message, reply) in [(&[5, 1, 9][..], &[5, 0xff][..]), (&[4, 1, 0], &[])] {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(message).await.unwrap();
                let mut buffer = Vec::new();
                // Unread bytes may turn the end into a reset.
                let _ = stream.read_to_end(&mut buffer).await;
                assert_eq!(buffer, reply);
            }
            drop(TcpStream::connect(address).await.unwrap());
            connect(address, "max=1").await
        };
        let (_tor, request) = tokio::join!(clients, listener.accept());
        assert_eq!(request.args().get("max"), Some("1"));
    }

    #[tokio::test]
    async fn slow_handshakes_neither_block_others_nor_stay() {
        let limits = Limits { handshake: Duration::from_secs(1), handshakes: 3 };
        let mut listener = listener(limits).await;
        let address = listener.local_addr();
        let clients = async {
            let mut idle = Vec::new();
            for _ in 0..limits.handshakes {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(&[5]).await.unwrap();
                idle.push(stream);
            }
            // All places are taken; this one waits for its turn.
            let tor = connect(address, "max=1").await;
            for mut stream in idle {
                let mut end = [0];
                assert!(!matches!(stream.read(&mut end).await, Ok(1..)), "closed, not answered");
            }
            tor
        };
        let (_tor, request) = tokio::join!(clients, listener.accept());
        assert_eq!(request.args().get("max"), Some("1"));
        assert!(listener.handshakes.len() <= limits.handshakes);
    }

    #[tokio::test]
    async fn dropping_the_listener_closes_handshakes() {
        let mut listener = SocksListener::bind().unwrap();
        let address = listener.local_addr();
        let client = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            exchange(&mut stream, GREETING, &[5, 0]).await;
            stream
        };
        let mut stream = tokio::select! {
            stream = client => stream,
            _ = listener.accept() => panic!("nobody sent a request"),
        };
        drop(listener);
        assert!(rest(&mut stream).await.is_empty());
        TcpStream::connect(address).await.expect_err("the port is closed");
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_is_for_the_whole_handshake() {
        let start = Instant::now();
        let (mut client, mut server) = duplex(64);
        let slow = async move {
            for byte in [GREETING, CONNECT].concat() {
                tokio::time::sleep(Duration::from_secs(1)).await;
                client.write_all(&[byte]).await?;
            }
            io::Result::Ok(client)
        };
        let served = timeout(LIMITS.handshake, handshake(&mut server));
        tokio::select! {
            served = served => assert!(served.is_err(), "timed out"),
            _ = slow => panic!("too slow to finish"),
        }
        assert_eq!(start.elapsed(), HANDSHAKE_LIMIT);
    }

    #[tokio::test]
    async fn an_end_in_mid_handshake_is_an_error() {
        let (mut client, mut server) = duplex(64);
        client.write_all(&[5, 1]).await.unwrap();
        drop(client);
        assert!(matches!(handshake(&mut server).await, Err(SocksError::Closed)));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_are_bounded() {
        let mut pause = Pause::default();
        let mut lengths = Vec::new();
        for _ in 0..9 {
            pause.lengthen(&io::ErrorKind::Other.into());
            lengths.push(pause.length.as_millis());
            assert_eq!(pause.until, Some(Instant::now() + pause.length));
        }
        assert_eq!(lengths, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }
}
