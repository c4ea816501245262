//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::{between::Rendezvous, scenario::Scenario};

/// Runs broker, server, proxies and a client on this machine, moves data through them both ways, kills the proxy that carries
/// it in the middle of each way, and checks every byte.
///
/// Ends with 0 only if every byte was right and both kills were survived.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "snowbox",
    max_term_width = 100,
    args_override_self = true,
    args_conflicts_with_subcommands = true
)]
pub struct Args {
    /// Measures something instead.
    #[command(subcommand)]
    pub scenario: Option<Scenario>,
    /// Bytes to move each way; K, M and G are powers of 1024.
    #[arg(long, default_value = "64M", value_parser = parse_size)]
    pub size: u64,
    /// Proxies to start.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub proxies: u8,
    /// Proxies that the client may use at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub max: u8,
    /// Kill no proxy.
    #[arg(long)]
    pub no_kill: bool,
    /// Use a real tor: a private Tor network with our client and our server as its pluggable transports.
    #[arg(long, conflicts_with = "hold")]
    pub tor: bool,
    /// How the client reaches the broker.
    #[arg(long, value_enum, default_value_t, conflicts_with = "tor")]
    pub rendezvous: Rendezvous,
    /// Instead of moving data, keep everything running until Ctrl-C and say how to use it.
    #[arg(long)]
    pub hold: bool,
    /// Print the table as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Do everything in a new network namespace with an address that is not loopback; needs root or unprivileged user
    /// namespaces. Go's client and proxy need it, for they find no candidates on loopback.
    #[arg(long)]
    pub netns: bool,
    /// Another client.
    #[arg(long, global = true, value_name = "PATH")]
    pub client_bin: Option<PathBuf>,
    /// Another server.
    #[arg(long, global = true, value_name = "PATH")]
    pub server_bin: Option<PathBuf>,
    /// Another broker.
    #[arg(long, global = true, value_name = "PATH")]
    pub broker_bin: Option<PathBuf>,
    /// Another proxy.
    #[arg(long, global = true, value_name = "PATH")]
    pub proxy_bin: Option<PathBuf>,
    /// Write the programs' output into this directory and keep it; otherwise it is kept only when something fails.
    #[arg(long, global = true, value_name = "DIR")]
    pub logs: Option<PathBuf>,
    /// Have the programs log all they can.
    #[arg(long, global = true)]
    pub debug: bool,
    /// Have the programs leave addresses in their logs.
    #[arg(long, global = true)]
    pub unsafe_logging: bool,
    /// Seconds between two polls of a proxy, each of which brings one client at the most; what the proxy likes, if not given.
    #[arg(long, global = true, value_parser = clap::value_parser!(u16).range(2..=3600))]
    pub poll_interval: Option<u16>,
    /// Set by the program itself when it runs again in its namespace.
    #[arg(long, global = true, hide = true)]
    pub inside_netns: bool,
}

/// A number with an optional K, M or G.
pub(crate) fn parse_size(text: &str) -> Result<u64, SizeError> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number: u64 = digits.parse().map_err(|_| SizeError::NoNumber)?;
    let size = number.checked_mul(1 << shift).ok_or(SizeError::OutOfRange)?;
    if size < MIN_SIZE { Err(SizeError::OutOfRange) } else { Ok(size) }
}

/// Smallest transfer in whose middle a proxy can be found and killed.
const MIN_SIZE: u64 = 1 << 20;

/// Why a size was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SizeError {
    #[error("a size is a number with an optional K, M or G")]
    NoNumber,
    #[error("a size is at least 1M and fits into 64 bits")]
    OutOfRange,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Args::command().debug_assert();
        let args = Args::parse_from(["snowbox"]);
        assert_eq!((args.size, args.proxies, args.max), (64 << 20, 3, 1));
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("2097152"), Ok(2 << 20));
        assert_eq!(parse_size("2048k"), Ok(2 << 20));
        assert_eq!(parse_size("3G"), Ok(3 << 30));
        for (text, error) in [
            ("", SizeError::NoNumber),
            ("M", SizeError::NoNumber),
            ("1.5M", SizeError::NoNumber),
            ("1023K", SizeError::OutOfRange),
            ("99999999999999G", SizeError::OutOfRange),
        ] {
            assert_eq!(parse_size(text), Err(error), "{text}");
        }
    }
}
