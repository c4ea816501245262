//! The bridge with our server and the client with our client, configured by the repository's example files.

use std::{net::SocketAddr, path::Path, time::Duration};

use tokio::net::TcpStream;

use crate::{
    build_programs::SOURCE_ROOT,
    error::Error,
    place::Place,
    process::Process,
    tor::{Torrc, TorrcError, node::Tor, torrc::PluginLine},
};

/// The client's example file, in the root of the sources.
pub const CLIENT_FILE: &str = "torrc.client";
/// The bridge's example file.
pub const BRIDGE_FILE: &str = "torrc.server";

/// Time for the bridge to start its server; before that, proxies would find no relay and wait for minutes.
const SERVER_LIMIT: Duration = Duration::from_secs(30);

/// Starts the bridge, whose server listens on `relay`, and returns it with its fingerprint.
///
/// # Errors
/// When the example file lacks a line that has to be changed, or tor refuses it.
pub async fn start_bridge(
    place: &Place,
    tor: &Tor,
    authorities: &str,
    relay: SocketAddr,
) -> Result<(Process, String), Error> {
    let mut torrc = read(BRIDGE_FILE)?;
    let plugin = plugin(&torrc, "ServerTransportPlugin", &place.programs.server)?
        .with(["-disable-tls".into()]);
    torrc.replace("ServerTransportPlugin", plugin.with(log_flags(place, "server")))?;
    torrc.replace("ServerTransportListenAddr", format_args!("snowflake {relay}"))?;
    torrc.replace("ORPort", "127.0.0.1:auto")?;
    torrc.remove("DataDirectory")?;
    let file =
        tor.configure(place, "tor bridge", &format!("{torrc}Address 127.0.0.1\n{authorities}"))?;
    let fingerprint = tor.fingerprint(&file).await?;
    let mut bridge = tor.start(place, "tor bridge", &file)?;
    let listening = async || TcpStream::connect(relay).await.ok();
    bridge.wait_until("have its Snowflake server listen", SERVER_LIMIT, listening).await?;
    Ok((bridge, fingerprint))
}

/// Starts the client, which listens for SOCKS on `socks`.
///
/// # Errors
/// As [`start_bridge`].
pub fn start_client(
    place: &Place,
    tor: &Tor,
    authorities: &str,
    socks: SocketAddr,
    bridge_line: String,
) -> Result<Process, Error> {
    let mut torrc = read(CLIENT_FILE)?;
    let plugin = plugin(&torrc, "ClientTransportPlugin", &place.programs.client)?
        .with(["-keep-local-addresses".into()]);
    torrc.replace("ClientTransportPlugin", plugin.with(log_flags(place, "client")))?;
    torrc.replace("Bridge", bridge_line)?;
    torrc.replace("SocksPort", socks)?;
    torrc.remove("DataDirectory")?;
    let file = tor.configure(place, "tor client", &format!("{torrc}{authorities}"))?;
    tor.start(place, "tor client", &file)
}

/// The value of a `Bridge` line. The address is a dummy (RFC 5737): the client finds the bridge through the broker.
pub fn bridge_line(fingerprint: &str, args: &snowflake_pt::Args) -> String {
    let args = args.iter().map(|(key, value)| format!(" {key}={value}"));
    format!("snowflake 192.0.2.3:80 {fingerprint}{}", args.collect::<String>())
}

/// Reads an example file.
///
/// # Errors
/// When it is not there.
pub fn read(name: &str) -> Result<Torrc, TorrcError> {
    let path = Path::new(SOURCE_ROOT).join(name);
    let text =
        std::fs::read_to_string(&path).map_err(|source| TorrcError::Read { path, source })?;
    Ok(Torrc::parse(&text))
}

/// The example's line with this file as the program.
fn plugin(torrc: &Torrc, option: &'static str, program: &Path) -> Result<PluginLine, TorrcError> {
    let line =
        torrc.values(option).find_map(PluginLine::parse).ok_or(TorrcError::NoLine(option))?;
    Ok(PluginLine { program: program.display().to_string(), ..line })
}

/// The last of several `-log` wins.
fn log_flags(place: &Place, name: &str) -> impl Iterator<Item = String> {
    let log = place.logs().join(format!("{name}.log")).display().to_string();
    ["-log".to_owned(), log].into_iter().chain(place.unsafe_logging().map(str::to_owned))
}
