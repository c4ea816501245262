//! The sockets and the names behind `snowflake-nat`: all servers are asked at once.
//!
//! It is a module of the client and no crate, because nobody else asks: a proxy is tested by a probe server.

use crate::timers::{MAX_NAT_SERVERS, NAT_LOOKUP};
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::FuturesUnordered;
use snowflake_nat::{Behaviour, Findings, Port, Probe, Randomness, Unusable};
use snowflake_webrtc::StunServer;
use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::{Instant, sleep_until, timeout};

/// Longer than any answer: servers add a name and a signature to their addresses.
const MAX_ANSWER: usize = 1024;

enum Step {
    /// A server has these addresses.
    Found(Vec<SocketAddr>),
    /// An address has been asked.
    Asked(SocketAddr, Result<Behaviour, Unusable>),
}

/// Asks the first [`MAX_NAT_SERVERS`] servers; `None` if none of them can tell.
///
/// It takes a few round trips, 3 s more if something is filtered, and 9 s at the most.
///
/// # Cancel safety
///
/// Dropping the future closes its sockets.
pub(super) async fn discover(servers: &[StunServer]) -> Option<Behaviour> {
    let mut steps: FuturesUnordered<BoxFuture<'_, Step>> =
        servers.iter().take(MAX_NAT_SERVERS).map(|server| find(server).boxed()).collect();
    let (mut known, mut findings) = (HashSet::new(), Findings::default());
    while let Some(step) = steps.next().await {
        match step {
            Step::Found(addresses) => {
                let new = addresses.into_iter().filter(|address| known.insert(*address));
                steps.extend(new.map(|address| ask(address).boxed()));
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
async fn find(server: &StunServer) -> Step {
    let found = timeout(NAT_LOOKUP, lookup_host((server.host.as_str(), server.port))).await;
    let found: Vec<_> = match found {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    let first = |wanted: fn(&SocketAddr) -> bool| found.iter().copied().find(wanted);
    let families = [first(SocketAddr::is_ipv4), first(SocketAddr::is_ipv6)];
    Step::Found(families.into_iter().flatten().collect())
}

async fn ask(server: SocketAddr) -> Step {
    // Without a way there it is as if nobody answered.
    let outcome = probe(server).await.unwrap_or(Err(Unusable::Silent));
    if let Err(why) = outcome {
        tracing::debug!(?why, "a STUN server cannot tell what our NAT does");
    }
    Step::Asked(server, outcome)
}

/// Runs a probe to its end.
async fn probe(server: SocketAddr) -> io::Result<Result<Behaviour, Unusable>> {
    let source = source_towards(server).await?;
    let sockets = Sockets {
        mapping: UdpSocket::bind((source, 0)).await?,
        filtering: UdpSocket::bind((source, 0)).await?,
    };
    let mut probe = Probe::new(server, randomness()?, now());
    let mut buffers = [[0; MAX_ANSWER]; 2];
    loop {
        while let Some(packet) = probe.poll_transmit(now()) {
            // As if it was lost on the way: a firewall may forbid one address and not the other.
            if let Err(error) = sockets.at(packet.from).send_to(&packet.packet, packet.to).await {
                tracing::debug!(%error, "a question to a STUN server cannot be sent");
            }
        }
        let (None, Some(due)) = (probe.outcome(), probe.poll_timeout()) else { break };
        if let Some((on, from, answer)) = sockets.hear(due.into(), &mut buffers).await {
            probe.handle_packet(now(), on, from, answer);
        }
        probe.handle_timeout(now());
    }
    Ok(probe.outcome().unwrap_or(Err(Unusable::Silent)))
}

struct Sockets {
    mapping: UdpSocket,
    filtering: UdpSocket,
}

impl Sockets {
    fn at(&self, port: Port) -> &UdpSocket {
        match port {
            Port::Mapping => &self.mapping,
            Port::Filtering => &self.filtering,
        }
    }

    /// The next datagram, and where it came; `None` when it is due, or when a socket reports an error, which is that of
    /// something sent before.
    async fn hear<'a>(
        &self,
        due: Instant,
        [mapping, filtering]: &'a mut [[u8; MAX_ANSWER]; 2],
    ) -> Option<(Port, SocketAddr, &'a [u8])> {
        tokio::select! {
            received = self.mapping.recv_from(mapping) => {
                let (length, from) = received.ok()?;
                Some((Port::Mapping, from, &mapping[..length]))
            }
            received = self.filtering.recv_from(filtering) => {
                let (length, from) = received.ok()?;
                Some((Port::Filtering, from, &filtering[..length]))
            }
            () = sleep_until(due) => None,
        }
    }
}

/// The address from which the kernel sends to `server`. Both sockets keep to it: one that changes with the way to the
/// server's other address would look like a NAT.
async fn source_towards(server: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    Ok(socket.local_addr()?.ip())
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
