//! tor's connections: one task each.

use crate::copy::both_ways;
use crate::timers::{MAX_CONNECTIONS, STOP_LIMIT};
use crate::{Args, Client, ClientConfig, ConfigError, Event, Shared, Upstream, lines, to_tor};
use futures_util::{FutureExt, StreamExt};
use snowflake_pt::{PtLog, SocksListener, SocksRequest};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Serves tor's connections until `shutdown`; then ends those that there are, politely for a moment.
///
/// All of them go through `upstream`, if there is one, as far as it carries them; what it does not is told to `tor`, as is
/// what happens to clients that have `shared`.
pub async fn run(
    mut listener: SocksListener,
    args: Args,
    upstream: Option<Upstream>,
    shared: Shared,
    tor: PtLog,
    shutdown: CancellationToken,
) {
    let mut events = shared.events();
    if upstream.as_ref().is_some_and(|upstream| !upstream.carries_datagrams()) {
        shared.events.tell_once(Event::RendezvousOnly);
    }
    let mut connections = JoinSet::new();
    loop {
        let has_room = connections.len() < MAX_CONNECTIONS;
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(event) = events.next() => to_tor::tell(&tor, &event),
            Some(_) = connections.join_next() => {}
            request = listener.accept(), if has_room => {
                let client = ClientConfig::of_line(&args, request.args(), upstream.as_ref())
                    .and_then(|config| Client::sharing(config, &shared));
                connections.spawn(serve(request, client, shutdown.clone()));
            }
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout(STOP_LIMIT, all_ended).await.is_err() {
        tracing::debug!("stopping without waiting for connections that have not ended");
    }
    while let Some(Some(event)) = events.next().now_or_never() {
        to_tor::tell(&tor, &event);
    }
}

/// One connection, from its arguments to its end.
async fn serve(
    request: SocksRequest,
    client: Result<Client, ConfigError>,
    shutdown: CancellationToken,
) {
    let connection = match client {
        Ok(client) => {
            lines::starting();
            client.open().map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    let mut connection = match connection {
        Ok(connection) => connection,
        Err(why) => {
            tracing::warn!("a connection of tor is refused: {why}");
            // If tor is gone already, it needs no refusal.
            let _ = request.reject().await;
            return;
        }
    };
    // Granted before a proxy is found, as Go does: tor waits longer for data than for the SOCKS reply.
    if let Ok(tor) = request.grant().await {
        let mut tor = connection.paced(tor);
        let copying = both_ways(&mut tor, &mut connection);
        lines::copied(shutdown.run_until_cancelled(copying).await.unwrap_or(Ok(())));
    }
    connection.close().await;
}
