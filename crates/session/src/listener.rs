//! The server's side: a session for each client, and the streams of all of them.

use crate::config::ACCEPT_BACKLOG;
use crate::{Config, Stream, serve};
use snowflake_turbotunnel::{ClientConn, ClientId, Clients};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// Accepts the streams of all clients' sessions.
///
/// It owns one task that takes new clients, and through it one task for each session. Dropping it ends them all.
/// A session ends when its client was silent for smux's keep-alive timeout; how many there can be at one time is
/// bounded by the packet conn.
#[derive(Debug)]
pub struct Listener {
    accepted: mpsc::Receiver<(Stream, ClientId)>,
    _task: AbortOnDropHandle<()>,
}

impl Listener {
    /// Starts taking clients. Must be called within a tokio runtime.
    pub fn new(clients: Clients, config: Config) -> Self {
        let (streams, accepted) = mpsc::channel(ACCEPT_BACKLOG);
        let task =
            AbortOnDropHandle::new(tokio::spawn(take_clients(clients, Arc::new(config), streams)));
        Self { accepted, _task: task }
    }

    /// The next stream that a client has opened; `None` when the packet conn is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no stream is lost.
    pub async fn accept(&mut self) -> Option<(Stream, ClientId)> {
        self.accepted.recv().await
    }
}

type Streams = mpsc::Sender<(Stream, ClientId)>;

async fn take_clients(mut clients: Clients, config: Arc<Config>, streams: Streams) {
    let mut sessions = JoinSet::new();
    while let Some((client, conn)) = clients.accept().await {
        sessions.spawn(serve_client(client, conn, config.clone(), streams.clone()));
        while sessions.try_join_next().is_some() {}
    }
    while sessions.join_next().await.is_some() {}
}

async fn serve_client(client: ClientId, conn: ClientConn, config: Arc<Config>, streams: Streams) {
    let end = serve(conn, &config, |stream| {
        // A stream that is dropped here is refused with a FIN.
        if streams.try_send((stream, client)).is_err() {
            tracing::warn!("the queue of accepted streams is full; a stream is refused");
        }
    })
    .await;
    tracing::debug!(%end, "a session is over");
}
