//! The network with real tor: three authorities that are also the exits, a bridge with our server, a client with our client.
//!
//! Everything listens on loopback only. The client's and the bridge's configurations are the repository's `torrc.client` and
//! `torrc.server`, with other ports, paths and keys.

pub mod authorities;
pub mod edges;
pub mod node;
pub mod torrc;

use std::time::Duration;

use tokio::{net::TcpListener, task::JoinSet};

pub use torrc::{Torrc, TorrcError};

use crate::{
    backbone::Backbone,
    between::Between,
    error::{Doing, Error},
    listener::{self, MAX_CONNECTIONS},
    network::Network,
    origin::Origin,
    place::Place,
    ports,
    process::Process,
    socks::Route,
    transfer::Direction,
    usage,
};
use authorities::Authorities;
use node::Tor;

/// tor itself waits up to 120 s for a stream; Snowflake's part of it is shorter.
const PATIENCE: Duration = Duration::from_secs(150);

/// Starts everything and waits until the client has bootstrapped.
///
/// # Errors
/// When tor is not installed, or something cannot be started or is not ready in time; the message names it.
pub async fn start(place: &Place) -> Result<Network, Error> {
    let tor = Tor::find()?;
    let [broker_address, relay, socks] = ports::free().doing("finding free ports")?;
    let mut authorities = Authorities::start(place, &tor).await?;
    let (mut bridge, fingerprint) =
        edges::start_bridge(place, &tor, &authorities.lines, relay).await?;
    let mut backbone = Backbone::start(place, broker_address, &fingerprint, relay).await?;
    authorities.wait_for_consensus().await?;
    node::bootstrapped(place, &mut bridge).await?;
    backbone.proxies_ready().await?;
    let bridge_line =
        edges::bridge_line(&fingerprint, &backbone.client_args(&fingerprint, place.args.max));
    let mut client = edges::start_client(place, &tor, &authorities.lines, socks, bridge_line)?;
    node::bootstrapped(place, &mut client).await?;
    let (origin, target, tasks) = start_origin().await?;
    Ok(Network {
        watched: watched(&backbone.broker.process, &client, &bridge),
        backbone,
        route: Route { socks, args: None, target },
        origin,
        directions: &[Direction::Download, Direction::Upload],
        patience: PATIENCE,
        children: authorities.processes.into_iter().chain([bridge, client]).collect(),
        orport: None,
        between: Between::default(),
        tasks,
    })
}

/// The transports are children of the two tors.
fn watched(broker: &Process, client: &Process, bridge: &Process) -> Vec<(String, u32)> {
    let transport =
        |tor: &Process| usage::children(tor.pid()).into_iter().next().map(|(pid, _)| pid);
    let rows = [
        ("broker", Some(broker.pid())),
        ("client", transport(client)),
        ("server", transport(bridge)),
        ("tor client", Some(client.pid())),
        ("tor bridge", Some(bridge.pid())),
    ];
    rows.into_iter().filter_map(|(name, pid)| Some((name.to_owned(), pid?))).collect()
}

/// The web server to which the exits connect.
async fn start_origin() -> Result<(Origin, std::net::SocketAddr, JoinSet<()>), Error> {
    let origin = Origin::default();
    let socket = TcpListener::bind((ports::LOOPBACK, 0)).await.doing("starting the web server")?;
    let address = socket.local_addr().doing("starting the web server")?;
    let mut tasks = JoinSet::new();
    tasks.spawn(listener::serve(socket, MAX_CONNECTIONS, origin.on_connection()));
    Ok((origin, address, tasks))
}
