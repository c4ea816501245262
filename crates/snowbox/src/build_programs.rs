//! Finds the four programs, and builds them first so that they are never out of date.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::{args::Args, error::BuildError};

/// The root of the sources, two directories above this crate.
pub const SOURCE_ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The programs' files.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The client transport.
    pub client: PathBuf,
    /// The server transport.
    pub server: PathBuf,
    /// The broker.
    pub broker: PathBuf,
    /// The proxy.
    pub proxy: PathBuf,
}

impl Programs {
    /// The programs named on the command line, and our own release builds for the others.
    ///
    /// Our own are always built with optimisation, whatever profile this program has: figures of a debug build say nothing, and
    /// tests then check what users run. Nothing is compiled when nothing has changed. cargo's messages go to stderr.
    ///
    /// # Errors
    /// When cargo fails or a file is not there.
    pub async fn find(args: &Args) -> Result<Self, BuildError> {
        let chosen = [&args.client_bin, &args.server_bin, &args.broker_bin, &args.proxy_bin];
        let names = ["snowflake-client", "snowflake-server", "snowflake-broker", "snowflake-proxy"];
        let missing: Vec<&str> = names
            .into_iter()
            .zip(chosen)
            .filter(|(_, file)| file.is_none())
            .map(|(n, _)| n)
            .collect();
        let dir = release_dir();
        // Inside its namespace this program runs for the second time; there, cargo might lack the network.
        if !missing.is_empty() && !args.inside_netns {
            build(&missing).await?;
        }
        let mut files = Vec::new();
        for (name, file) in names.into_iter().zip(chosen) {
            files.push(existing(file.clone().unwrap_or_else(|| dir.join(name)))?);
        }
        let [client, server, broker, proxy] = files.try_into().unwrap_or_default();
        Ok(Self { client, server, broker, proxy })
    }
}

async fn build(names: &[&str]) -> Result<(), BuildError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(SOURCE_ROOT).args(["build", "--release", "--locked", "--quiet"]);
    for name in names {
        command.args(["--bin", name]);
    }
    command.stdout(std::process::Stdio::null()).kill_on_drop(true);
    let status = command.status().await.map_err(BuildError::NoCargo)?;
    if !status.success() {
        return Err(BuildError::Failed(
            format!("cargo build --release --bin {}", names.join(" --bin ")),
            status,
        ));
    }
    Ok(())
}

/// Where cargo puts release builds: beside this program's own profile, or where `CARGO_TARGET_DIR` says.
fn release_dir() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| Path::new(SOURCE_ROOT).join("target")).join("release")
}

fn existing(file: PathBuf) -> Result<PathBuf, BuildError> {
    file.canonicalize().map_err(|_| BuildError::NoFile(file))
}
