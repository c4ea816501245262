//! The addresses of STUN servers.

use std::{net::SocketAddr, time::Duration};

use futures_util::future::join_all;
use tokio::{net::lookup_host, time::timeout};
use tracing::debug;

use crate::config::StunServer;

/// Looks up all servers at once, for at most `limit`: an address of each family of each server that has one.
///
/// The library would look them up one after the other and do nothing else meanwhile.
pub(crate) async fn resolve(servers: &[StunServer], limit: Duration) -> Vec<SocketAddr> {
    join_all(servers.iter().map(|server| resolve_one(server, limit)))
        .await
        .into_iter()
        .flatten()
        .collect()
}

async fn resolve_one(
    server: &StunServer,
    limit: Duration,
) -> impl Iterator<Item = SocketAddr> + use<> {
    let found = match timeout(limit, lookup_host((server.host.as_str(), server.port))).await {
        Ok(Ok(addresses)) => addresses.collect::<Vec<_>>(),
        Ok(Err(_)) | Err(_) => {
            debug!("no address for a STUN server");
            Vec::new()
        }
    };
    let first = |is_wanted: fn(&SocketAddr) -> bool| found.iter().copied().find(is_wanted);
    [first(SocketAddr::is_ipv4), first(SocketAddr::is_ipv6)].into_iter().flatten()
}
