//! The program on top of a listener: each stream becomes a connection to tor.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use snowflake_pt::OrPorts;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{Listener, Method, Stream, relay::relay, stats::Stats, tasks::Tasks};

/// The port in USERADDR: a stub, because nobody knows the real one.
const USER_PORT: u16 = 1;

/// Hands the streams of `method` to tor until `shutdown`.
///
/// Then everything is dropped: connections, sessions, streams. Clients go on with another server, if they have one, and
/// proxies find their WebSockets closed.
///
/// # Cancel safety
///
/// Dropping the future stops the server as well, only that nobody waits until its tasks have ended.
pub async fn run(method: Method, shutdown: CancellationToken) {
    let Method { socket, transport, or_ports } = method;
    let half_closed_idle = transport.config().limits.half_closed_idle;
    let mut listener = transport.listen_on(socket);
    let bridge = Arc::new(Bridge { or_ports, half_closed_idle, stats: Stats::default() });
    let streams = Tasks::default();
    let _guard = streams.guard();
    let serving = async {
        tokio::select! {
            () = bridge.accept_streams(&mut listener, &streams) => {
                tracing::error!("no more streams can come; this transport ends");
            }
            _ = bridge.stats.report() => {}
        }
    };
    shutdown.run_until_cancelled(serving).await;
    tokio::join!(listener.stop(), streams.stop());
}

/// What the streams to tor share.
#[derive(Debug)]
struct Bridge {
    or_ports: OrPorts,
    half_closed_idle: Duration,
    stats: Stats,
}

impl Bridge {
    /// Serves each stream in a task of its own, until none can come any more.
    async fn accept_streams(self: &Arc<Self>, listener: &mut Listener, tasks: &Tasks) {
        while let Some(stream) = listener.accept().await {
            tasks.spawn(self.clone().serve(stream));
        }
    }

    /// Connects a stream to tor until both directions have ended. Dropping the stream tells the client.
    async fn serve(self: Arc<Self>, stream: Stream) {
        let address = stream.client_address();
        self.stats.count(address.is_some());
        let user = address.map(|address| SocketAddr::new(address, USER_PORT));
        // Dialing is over soon and need not be part of this future for as long as the stream lives.
        let (or_port, _place) = match Box::pin(self.or_ports.dial(user)).await {
            Ok(dialed) => dialed,
            Err(error) => {
                warn!("a client's stream is closed: {error}");
                return;
            }
        };
        let or_port = stream.paced(or_port);
        if let Err(error) = relay(stream, or_port, self.half_closed_idle).await {
            debug!("a client's stream broke off: {error}");
        }
    }
}
