//! The server's end: what the server program does with its WebSockets, less the WebSockets.

use crate::bug::{Buggy, Delayed, SharedQueue};
use crate::pipe::Pipe;
use crate::watched::{Side, Watched};
use crate::world::Setting;
use crate::{Bug, Verdict};
use snowflake_session::{Config, Listener, Stream, serve};
use snowflake_turbotunnel::{
    Carrier, ClientId, Clients, QueueConfig, QueuePacketConn, read_preamble,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// How long a carrier may take to say whose it is, as in the server program.
const PREAMBLE: Duration = Duration::from_secs(30);

/// Bytes a second that the one task behind a shared queue takes: 16 Mbit/s.
const SHARED_RATE: f64 = 2e6;

/// A server with sessions, and streams that do what their clients ask for.
#[derive(Debug)]
pub(crate) struct Server {
    queue: QueuePacketConn,
    carriers: Mutex<JoinSet<()>>,
    shared: Option<SharedQueue>,
    _streams: AbortOnDropHandle<()>,
}

impl Server {
    /// With its sessions watched, or behind a [`Listener`] as in the program.
    pub(crate) fn new(setting: &Setting, is_watched: bool) -> Self {
        let (queue, clients) = QueuePacketConn::new(QueueConfig::default());
        let streams = if is_watched {
            tokio::spawn(serve_watched(clients, setting.clone()))
        } else {
            tokio::spawn(listen(Listener::new(clients, Config::server()), setting.clone()))
        };
        let shares = setting.bug == Some(Bug::QueueShared);
        Self {
            queue,
            carriers: Mutex::default(),
            shared: shares.then(|| SharedQueue::new(SHARED_RATE)),
            _streams: AbortOnDropHandle::new(streams),
        }
    }

    /// Takes a carrier.
    pub(crate) fn take(&self, pipe: Pipe) {
        let queue = self.queue.clone();
        let mut carriers = self.carriers.lock().unwrap_or_else(PoisonError::into_inner);
        while carriers.try_join_next().is_some() {}
        match &self.shared {
            Some(shared) => carriers.spawn(use_up(queue, Delayed::new(pipe, shared.clone()))),
            None => carriers.spawn(use_up(queue, pipe)),
        };
    }
}

async fn use_up(queue: QueuePacketConn, mut carrier: impl Carrier) {
    if let Ok((client, rest)) = read_preamble(&mut carrier, PREAMBLE).await {
        queue.serve(client, carrier, rest).await;
    }
}

async fn listen(mut listener: Listener, setting: Setting) {
    let mut streams = JoinSet::new();
    while let Some((stream, client)) = listener.accept().await {
        while streams.try_join_next().is_some() {}
        streams.spawn(setting.flows.clone().serve(stream, client, setting.verdict.clone()));
    }
}

/// What a [`Listener`] does, with each client's conn under observation.
async fn serve_watched(mut clients: Clients, setting: Setting) {
    let (accepted, mut streams) = mpsc::channel::<(Stream, ClientId)>(1024);
    let (mut sessions, mut tasks) = (JoinSet::new(), JoinSet::new());
    let config = Arc::new(Config::server());
    let mut seed = setting.seed;
    loop {
        tokio::select! {
            biased;
            Some((client, conn)) = clients.accept() => {
                seed = seed.wrapping_add(1);
                let conn = Buggy::new(conn, server_bug(setting.bug), seed, setting.stray.clone());
                let (conversations, verdict) = (setting.conversations.clone(), setting.verdict.clone());
                let (conn, _) = Watched::new(conn, client, Side::Server, conversations, verdict);
                let (config, accepted) = (config.clone(), accepted.clone());
                while sessions.try_join_next().is_some() {}
                sessions.spawn(async move {
                    let _ = serve(conn, &config, |stream| {
                        let _ = accepted.try_send((stream, client));
                    })
                    .await;
                });
            }
            Some((stream, client)) = streams.recv() => {
                while tasks.try_join_next().is_some() {}
                let verdict: Verdict = setting.verdict.clone();
                tasks.spawn(setting.flows.clone().serve(stream, client, verdict));
            }
            else => return,
        }
    }
}

/// The bugs that are in the server's packet conns.
fn server_bug(bug: Option<Bug>) -> Option<Bug> {
    bug.filter(|bug| matches!(bug, Bug::PacketToAnother | Bug::DeadCarrierFed))
}
