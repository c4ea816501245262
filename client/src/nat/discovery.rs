//! The sockets and the names behind `snowflake-nat`: all servers are asked at once.
//!
//! It is a module of the client and no crate, because nobody else asks: a proxy is tested by a probe server.

use super::sockets::{BUFFERS, Sockets};
use crate::timers::{MAX_NAT_SERVERS, NAT_LIMIT, NAT_LOOKUP};
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::FuturesUnordered;
use snowflake_nat::{Behaviour, Findings, Probe, Randomness, Unusable};
use snowflake_socks5::Proxy;
use snowflake_webrtc::StunServer;
use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout, timeout_at};

enum Step {
    /// A server has these addresses.
    Found(Vec<SocketAddr>),
    /// An address has been asked.
    Asked(SocketAddr, Result<Behaviour, Unusable>),
}

/// Asks the first [`MAX_NAT_SERVERS`] servers; `None` if none of them can tell.
///
/// Behind a proxy they are asked through it, from two places there for each address, and what is found is what the proxy
/// and the NAT in front of it do together: that is what a Snowflake proxy meets.
///
/// It takes a few round trips, 3 s more if something is filtered, and [`NAT_LIMIT`] at the most: then what is known so far
/// counts.
///
/// # Cancel safety
///
/// Dropping the future closes its sockets.
pub(super) async fn discover(
    servers: &[StunServer],
    upstream: Option<&Proxy>,
) -> Option<Behaviour> {
    let mut steps: FuturesUnordered<BoxFuture<'_, Step>> =
        servers.iter().take(MAX_NAT_SERVERS).map(|server| find(server, upstream).boxed()).collect();
    let (mut known, mut findings) = (HashSet::new(), Findings::default());
    let due = Instant::now() + NAT_LIMIT;
    while let Ok(Some(step)) = timeout_at(due, steps.next()).await {
        match step {
            Step::Found(addresses) => {
                let new = addresses.into_iter().filter(|address| known.insert(*address));
                steps.extend(new.map(|address| ask(address, upstream).boxed()));
            }
            Step::Asked(server, outcome) => {
                if let Some(behaviour) = findings.add(server, outcome) {
                    return Some(behaviour);
                }
            }
        }
    }
    findings.when_all_are_over()
}

/// An address of each family that the server has.
async fn find(server: &StunServer, upstream: Option<&Proxy>) -> Step {
    let found = async {
        match upstream {
            Some(proxy) => look_up_through(proxy, server).await,
            None => lookup_host((server.host.as_str(), server.port)).await.map(Iterator::collect),
        }
    };
    let found: Vec<_> = match timeout(NAT_LOOKUP, found).await {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    let first = |wanted: fn(&SocketAddr) -> bool| found.iter().copied().find(wanted);
    let families = [first(SocketAddr::is_ipv4), first(SocketAddr::is_ipv6)];
    Step::Found(families.into_iter().flatten().collect())
}

/// The proxy is not told the name: it has a place for datagrams, and those go to addresses.
async fn look_up_through(proxy: &Proxy, server: &StunServer) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = server.host.parse::<IpAddr>() {
        return Ok(vec![(ip, server.port).into()]);
    }
    let association = proxy.associate().await.map_err(io::Error::other)?;
    let found = association.lookup(&[&server.host], NAT_LOOKUP).await?;
    Ok(found.into_iter().flatten().map(|ip| (ip, server.port).into()).collect())
}

async fn ask(server: SocketAddr, upstream: Option<&Proxy>) -> Step {
    // Without a way there it is as if nobody answered.
    let outcome = probe(server, upstream).await.unwrap_or(Err(Unusable::Silent));
    if let Err(why) = outcome {
        tracing::debug!(?why, "a STUN server cannot tell what our NAT does");
    }
    Step::Asked(server, outcome)
}

/// Runs a probe to its end.
async fn probe(
    server: SocketAddr,
    upstream: Option<&Proxy>,
) -> io::Result<Result<Behaviour, Unusable>> {
    let sockets = Sockets::open(server, upstream).await?;
    let mut probe = Probe::new(server, randomness()?, now());
    let mut buffers = BUFFERS;
    loop {
        while let Some(packet) = probe.poll_transmit(now()) {
            // As if it was lost on the way: a firewall may forbid one address and not the other.
            if let Err(error) = sockets.send(packet.from, &packet.packet, packet.to).await {
                tracing::debug!(%error, "a question to a STUN server cannot be sent");
            }
        }
        let (None, Some(due)) = (probe.outcome(), probe.poll_timeout()) else { break };
        if let Some((on, from, answer)) = sockets.hear(due.into(), &mut buffers).await? {
            probe.handle_packet(now(), on, from, answer);
        }
        probe.handle_timeout(now());
    }
    Ok(probe.outcome().unwrap_or(Err(Unusable::Silent)))
}

fn randomness() -> io::Result<Randomness> {
    let mut random = Randomness::default();
    getrandom::fill(random.as_flattened_mut())?;
    Ok(random)
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

#[cfg(test)]
mod tests;
