//! The parts of a running server.

use std::sync::Arc;

use snowflake_pt::OrPorts;
use snowflake_session::{Config, Listener};
use snowflake_tls_server::Tls;
use snowflake_turbotunnel::QueuePacketConn;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    limits::Limits, listen::accept_carriers, managed::Method, serve::accept_streams, stats::Stats,
};

/// What the tasks of one server share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) limits: Limits,
    /// `None`: WebSockets come without TLS.
    pub(crate) tls: Option<Tls>,
    pub(crate) or_ports: OrPorts,
    /// Where carriers leave packets, and fetch them.
    pub(crate) packets: QueuePacketConn,
    pub(crate) stats: Stats,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Takes WebSockets and hands their clients' streams to tor, as `method` says, until `shutdown`.
///
/// Then everything is dropped: connections, sessions, streams. Clients go on with another server, if they have one, and
/// proxies find their WebSockets closed.
///
/// # Cancel safety
///
/// Dropping the future stops the server as well, only that nobody waits until its tasks have ended.
pub async fn run(method: Method, limits: Limits, shutdown: CancellationToken) {
    let Method { listener, tls, or_ports } = method;
    let (packets, clients) = QueuePacketConn::new(limits.packets.clone());
    let stop = shutdown.child_token();
    let _guard = stop.clone().drop_guard();
    let server = Arc::new(Server {
        limits,
        tls,
        or_ports,
        packets,
        stats: Stats::default(),
        tasks: TaskTracker::new(),
        stop,
    });
    let sessions = Listener::new(clients, Config::server());
    let serving = async {
        tokio::join!(
            accept_carriers(listener, &server),
            accept_streams(sessions, &server),
            server.stats.report(),
            server.keep_certificates(),
        )
    };
    shutdown.run_until_cancelled(serving).await;
    server.tasks.close();
    server.tasks.wait().await;
}

impl Server {
    /// Starts a task that holds a place and ends with the server.
    ///
    /// The task is boxed at once: each future that takes another by value has room for it twice. It gets a token of its
    /// own, because a token is locked with every poll, and all tasks would share that lock.
    pub(crate) fn spawn(
        &self,
        place: OwnedSemaphorePermit,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let task = Box::pin(task);
        let stop = self.stop.child_token();
        self.tasks.spawn(async move {
            stop.run_until_cancelled_owned(task).await;
            drop(place);
        });
    }

    /// Watches certificate files, or gets and renews certificates. Never ends if there are any.
    async fn keep_certificates(&self) {
        if let Some(tls) = &self.tls {
            tls.keep().await;
        }
    }
}
