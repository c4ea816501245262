//! The network without tor: this program plays tor at both ends.

use std::time::Duration;

use tokio::{net::TcpStream, task::JoinSet};

use crate::{
    backbone::Backbone,
    between::Between,
    error::{Doing, Error},
    listener::MAX_CONNECTIONS,
    managed,
    network::Network,
    origin::{Answering, Origin},
    orport::OrPort,
    place::Place,
    ports,
    process::{Plan, Process},
    socks::Route,
    transfer::Direction,
};

/// The bridge's fingerprint: any, since no tor is there to have one.
pub(crate) const FINGERPRINT: &str = "0123456789ABCDEF0123456789ABCDEF01234567";
/// A Go client needs up to 20 s to notice a dead proxy and up to 10 s for each further attempt.
const PATIENCE: Duration = Duration::from_secs(90);

/// Starts everything and waits until the proxies are ready.
///
/// # Errors
/// When a program cannot be started or is not ready in time; the message names it.
pub async fn start(place: &Place) -> Result<Network, Error> {
    let origin = Origin::default();
    let far_end = origin.on_connection();
    start_for(place, MAX_CONNECTIONS, origin, far_end).await
}

/// The same for so many streams at once, each of which is given to `far_end`.
///
/// # Errors
/// As [`start`].
pub(crate) async fn start_for(
    place: &Place,
    streams: usize,
    origin: Origin,
    far_end: impl Fn(TcpStream) -> Answering + Send + Sync + 'static,
) -> Result<Network, Error> {
    let [broker_address, relay] = ports::free().doing("finding free ports")?;
    let state = place.directory("state")?;
    let orport = OrPort::start_for(streams, &state, far_end).await;
    let orport = orport.doing("starting the Extended ORPort")?;
    let plan = program("server", &place.programs.server, place).args(["-disable-tls"]);
    let (server, relay) = managed::start_server(plan, relay, &orport, &state, place.logs()).await?;
    let mut backbone = Backbone::start(place, broker_address, FINGERPRINT, relay).await?;
    let between = Between::start(place, broker_address).await?;
    let mut plan = program("client", &place.programs.client, place).args(["-keep-local-addresses"]);
    plan.env.extend(between.env.clone());
    let (client, socks) = managed::start_client(plan, &state, place.logs()).await?;
    backbone.proxies_ready().await?;
    let args = client_args(&backbone, &between, place.args.max).to_string();
    let watched = [&backbone.broker.process, &client, &server]
        .map(|process: &Process| (process.name().to_owned(), process.pid()));
    Ok(Network {
        watched: watched.into(),
        backbone,
        route: Route { socks, args: Some(args), target: ([192, 0, 2, 3], 80).into() },
        origin,
        directions: &[Direction::Download, Direction::Upload],
        patience: PATIENCE,
        children: vec![client, server],
        orport: Some(orport),
        between,
        tasks: JoinSet::new(),
    })
}

/// What a Bridge line tells the client: the broker, or what stands before it, and the rest.
fn client_args(backbone: &Backbone, between: &Between, max: u8) -> snowflake_pt::Args {
    let mut args = snowflake_pt::Args::default();
    between.args.iter().for_each(|(key, value)| args.push(*key, value));
    let all = backbone.client_args(FINGERPRINT, max);
    let rest = all.iter().filter(|(key, _)| between.args.iter().all(|(other, _)| other != key));
    rest.for_each(|(key, value)| args.push(key, value));
    args
}

/// A transport with the flags that both have.
pub(crate) fn program(name: &str, file: &std::path::Path, place: &Place) -> Plan {
    let log = place.logs().join(format!("{name}.log"));
    let mut plan =
        Plan::new(name, file).args(["-log".as_ref(), log.as_os_str()]).args(place.unsafe_logging());
    plan.env.extend(place.log_levels());
    plan
}
