//! tor's connections: one task each.

use crate::copy::both_ways;
use crate::lines;
use crate::timers::{MAX_CONNECTIONS, STOP_LIMIT};
use crate::upstream::RENDEZVOUS_ONLY;
use crate::{Args, Events, Nat, Settings, SettingsError, Tunnel, Upstream, Winners};
use snowflake_pt::{SocksListener, SocksRequest};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Serves tor's connections until `shutdown`; then ends those that there are, politely for a moment.
///
/// All of them go through `upstream`, if there is one, as far as it carries them; what it does not is told to tor.
/// `winners` are shared by all of them.
pub async fn run(
    mut listener: SocksListener,
    args: Args,
    upstream: Option<Upstream>,
    winners: Winners,
    events: Events,
    shutdown: CancellationToken,
) {
    if upstream.as_ref().is_some_and(|upstream| !upstream.carries_datagrams()) {
        events.tell_once(RENDEZVOUS_ONLY.to_owned());
    }
    let nat = Nat::default();
    let mut connections = JoinSet::new();
    loop {
        let has_room = connections.len() < MAX_CONNECTIONS;
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            request = listener.accept(), if has_room => {
                let settings = Settings::new(&args, request.args(), upstream.as_ref())
                    .map(|settings| Settings { winners: winners.clone(), ..settings });
                connections.spawn(serve(request, settings, nat.clone(), events.clone(), shutdown.clone()));
            }
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout(STOP_LIMIT, all_ended).await.is_err() {
        tracing::debug!("stopping without waiting for connections that have not ended");
    }
}

/// One connection, from its arguments to its end.
async fn serve(
    request: SocksRequest,
    settings: Result<Settings, SettingsError>,
    nat: Nat,
    events: Events,
    shutdown: CancellationToken,
) {
    let tunnel = match settings {
        Ok(settings) => {
            lines::starting();
            settings.imitation.missing().for_each(|text| events.tell_once(text));
            Tunnel::open(settings, nat, events).map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    let mut tunnel = match tunnel {
        Ok(tunnel) => tunnel,
        Err(why) => {
            tracing::warn!("a connection of tor is refused: {why}");
            // If tor is gone already, it needs no refusal.
            let _ = request.reject().await;
            return;
        }
    };
    // Granted before a proxy is found, as Go does: tor waits longer for data than for the SOCKS reply.
    if let Ok(tor) = request.grant().await {
        let mut tor = tunnel.paced(tor);
        let copying = both_ways(&mut tor, &mut tunnel);
        lines::copied(shutdown.run_until_cancelled(copying).await.unwrap_or(Ok(())));
    }
    tunnel.close().await;
}
