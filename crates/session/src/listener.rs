//! The server's side: a session for each client, and the streams of all of them.

use crate::config::ACCEPT_BACKLOG;
use crate::kept::Kept;
use crate::serve::serve_kept;
use crate::{Config, Stream};
use snowflake_turbotunnel::{ClientConn, ClientId, Clients};
use std::future::pending;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Accepts the streams of all clients' sessions.
///
/// It owns one task that takes new clients, and through it one task for each session. Dropping it ends them all.
/// A session ends when its client was silent for smux's keep-alive timeout; how many there can be at one time is
/// bounded by the packet conn.
#[derive(Debug)]
pub struct Listener {
    accepted: mpsc::Receiver<(Stream, ClientId)>,
    finishing: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Listener {
    /// Starts taking clients. Must be called within a tokio runtime.
    pub fn new(clients: Clients, config: Config) -> Self {
        let (streams, accepted) = mpsc::channel(ACCEPT_BACKLOG);
        let finishing = CancellationToken::new();
        let sessions = Sessions {
            config: Arc::new(config),
            streams,
            kept: Arc::default(),
            tasks: JoinSet::new(),
        };
        let task = tokio::spawn(sessions.run(clients, finishing.clone()));
        Self { accepted, finishing, task: AbortOnDropHandle::new(task) }
    }

    /// The next stream that a client has opened; `None` when the packet conn is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no stream is lost.
    pub async fn accept(&mut self) -> Option<(Stream, ClientId)> {
        self.accepted.recv().await
    }

    /// Takes no further clients and streams, and waits until every session is over: when its streams are dropped, and what
    /// was written to them has arrived or has had [`LINGER`](crate::LINGER) to do so.
    ///
    /// Streams that nobody has accepted, and new ones, are refused with a FIN. A session's end is not told to its client;
    /// there is no word for it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the listener.
    pub async fn finish(self) {
        let Self { accepted, finishing, task } = self;
        drop(accepted);
        finishing.cancel();
        // A panic was reported where it happened, and has ended the sessions as well.
        let _ = task.await;
    }
}

/// The task behind a listener.
struct Sessions {
    config: Arc<Config>,
    streams: mpsc::Sender<(Stream, ClientId)>,
    kept: Arc<Kept>,
    tasks: JoinSet<()>,
}

impl Sessions {
    async fn run(mut self, mut clients: Clients, finishing: CancellationToken) {
        let taking = self.take(&mut clients);
        if finishing.run_until_cancelled(taking).await.is_none() {
            self.kept.release();
        }
        tokio::select! {
            () = self.end() => {}
            () = turn_away(clients) => {}
        }
    }

    /// Begins a session for each client, until the packet conn is gone.
    async fn take(&mut self, clients: &mut Clients) {
        while let Some((client, conn)) = clients.accept().await {
            let (config, kept) = (self.config.clone(), self.kept.clone());
            self.tasks.spawn(serve_client(client, conn, config, kept, self.streams.clone()));
            while self.tasks.try_join_next().is_some() {}
        }
    }

    /// Waits until all sessions are over.
    async fn end(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Turns those away who come too late. Never ends.
async fn turn_away(mut clients: Clients) {
    while clients.accept().await.is_some() {}
    pending().await
}

async fn serve_client(
    client: ClientId,
    conn: ClientConn,
    config: Arc<Config>,
    kept: Arc<Kept>,
    streams: mpsc::Sender<(Stream, ClientId)>,
) {
    let end = serve_kept(conn, &config, &kept, |stream| {
        // A stream that is dropped here is refused with a FIN.
        if let Err(TrySendError::Full(_)) = streams.try_send((stream, client)) {
            tracing::warn!("the queue of accepted streams is full; a stream is refused");
        }
    })
    .await;
    tracing::debug!(%end, "a session is over");
}
