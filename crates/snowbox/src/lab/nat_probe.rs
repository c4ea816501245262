//! The server that tells a proxy whether it can be reached: it answers the proxy's offer and waits for its data channel.
//!
//! Without it a proxy does not know its NAT, and a client that has once failed to reach a proxy, and so doubts its own NAT, is
//! not given any such proxy.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use snowflake_messages::{SessionDescription, probe};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    http::Head,
    listener::{self, MAX_CONNECTIONS},
};

/// Time for a question, and for the data channel that follows.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest question; an offer has a few kilobytes.
const MAX_QUESTION: u64 = 64 * 1024;
/// How long an open channel stays, so that the proxy sees it open before it ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// A running probe server; it ends when this is dropped.
#[derive(Debug)]
pub struct NatProbe {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl NatProbe {
    /// Listens on a free port.
    ///
    /// # Errors
    /// When none can be bound.
    pub async fn start(address: Ipv4Addr) -> io::Result<Self> {
        let listener = TcpListener::bind((address, 0)).await?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        // A proxy whose question fails does not know its NAT, which is what it should think then.
        tasks.spawn(listener::serve(listener, MAX_CONNECTIONS, async |stream| {
            drop(serve(stream).await)
        }));
        Ok(Self { address, _tasks: tasks })
    }

    /// Where proxies ask.
    pub fn url(&self) -> String {
        format!("http://{}/probe", self.address)
    }
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    let question = timeout(PATIENCE, read_body(&mut stream)).await??;
    let offer = probe::decode_offer(&question).map_err(io::Error::other)?;
    let offer = offer.parse().map_err(io::Error::other)?;
    let config = snowflake_webrtc::Config::default();
    let answerer = snowflake_webrtc::answer(&config, &offer.sdp).await.map_err(io::Error::other)?;
    let answer = SessionDescription::answer(answerer.sdp()).to_text();
    let body = probe::encode_answer(answer);
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await?;
    stream.shutdown().await?;
    let channel = answerer.open(PATIENCE).await.map_err(io::Error::other)?;
    sleep(FAREWELL).await;
    drop(channel);
    Ok(())
}

async fn read_body(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let head = Head::read(stream).await?;
    let length = head.content_length().filter(|length| *length <= MAX_QUESTION);
    let length = length.ok_or(io::ErrorKind::InvalidData)?;
    let mut body = head.rest;
    let missing = length.saturating_sub(body.len() as u64);
    stream.take(missing).read_to_end(&mut body).await?;
    Ok(body)
}
