//! More users than there are source ports.

use clap::Args;
use snowflake_pt::SourceAddresses;

use super::AtOnce;
use crate::{
    crowd::{Bridge, Crowd, far_end::Echo, files_for},
    error::{Doing, Error},
    open_files,
    place::Place,
    progress::say,
    scenario::Runs,
    sheet::{
        Sheet,
        Worse::{Higher, Lower},
    },
};

/// Source ports that the system chooses from, of our namespace (ip(7)).
const PORT_RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// The first of them.
const FIRST_PORT: u16 = 20_000;

/// How many of what.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Users, each with a connection of the server to the ORPort.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub connections: u32,
    /// Source ports that there are. The users' own connections do not run out of them: the server is reached at 64
    /// addresses.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(100..=40_000))]
    pub ports: u16,
    /// What the server is told as `orport-srcaddr`; with `127.0.0.1` some thousands have to fail.
    #[arg(long, default_value = "127.0.0.0/16", value_name = "CIDR", value_parser = parse_sources)]
    pub sources: String,
    /// How fast.
    #[command(flatten)]
    pub at_once: AtOnce,
    /// How often.
    #[command(flatten)]
    pub runs: Runs,
}

pub(super) async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    open_files::allow(files_for(options.connections, options.at_once.get()))?;
    let range = format!("{FIRST_PORT} {}", FIRST_PORT + options.ports - 1);
    std::fs::write(PORT_RANGE, range).doing("limiting the source ports")?;
    let mut sheet = Sheet::new("users orport");
    for _ in 0..options.runs.runs {
        measure(place, &mut sheet, options).await?;
    }
    Ok(sheet)
}

async fn measure(place: &Place, sheet: &mut Sheet, options: &Options) -> Result<(), Error> {
    let Options { connections, ports, sources, .. } = options;
    let (echo, setting) = (Echo::default(), format!("orport-srcaddr={sources}"));
    let bridge = Bridge::start(place, *connections, Some(&setting), echo.on_connection()).await?;
    say(format_args!("{connections} users come to a server with {ports} source ports …"));
    let crowd = Crowd::gather(&bridge, *connections, options.at_once.get()).await;
    for (name, worse, value) in [
        ("connections", Lower, crowd.users.len() as f64),
        ("failures", Higher, crowd.failures as f64),
        ("source addresses", Lower, echo.sources() as f64),
        ("set up s", Higher, crowd.took.as_secs_f64()),
        ("redials", Higher, crowd.redials() as f64),
    ] {
        sheet.add(&format!("{ports} ports, {sources}"), name, worse, value);
    }
    drop(crowd);
    bridge.end().await
}

/// Checks what the server would check; our ORPort listens on IPv4.
fn parse_sources(text: &str) -> Result<String, SourcesError> {
    let sources: SourceAddresses = text.parse().map_err(|_| SourcesError)?;
    if sources.is_ipv4() { Ok(text.to_owned()) } else { Err(SourcesError) }
}

/// Why addresses were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("source addresses are an IPv4 address, or a prefix such as 127.0.0.0/16")]
struct SourcesError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_those_of_ipv4() {
        assert_eq!(parse_sources("127.0.0.0/16").as_deref(), Ok("127.0.0.0/16"));
        for bad in ["", "127.0.0.0/33", "::1", "localhost"] {
            assert_eq!(parse_sources(bad), Err(SourcesError), "{bad}");
        }
    }
}
