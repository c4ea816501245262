//! Finds the four programs, and builds them first so that they are never out of date.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
};

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

/// The files of the programs that cargo has built, by their names.
type Built = BTreeMap<String, PathBuf>;

impl Programs {
    /// The programs named on the command line, and our own release builds for the others.
    ///
    /// Our own are always built with optimisation, whatever profile this program has: figures of a debug build say
    /// nothing, and tests then check what users run. Nothing is compiled when nothing has changed. cargo's messages go
    /// to stderr.
    ///
    /// # Errors
    /// When cargo fails or a file is not there.
    pub async fn find(args: &Args) -> Result<Self, BuildError> {
        let wanted = [
            ("snowflake-client", &args.client_bin),
            ("snowflake-server", &args.server_bin),
            ("snowflake-broker", &args.broker_bin),
            ("snowflake-proxy", &args.proxy_bin),
        ];
        let all_named = wanted.iter().all(|(_, file)| file.is_some());
        let built = if all_named { Built::new() } else { build().await? };
        let file = |(name, chosen): (&str, &Option<PathBuf>)| {
            let file = chosen
                .as_ref()
                .or_else(|| built.get(name))
                .ok_or_else(|| BuildError::NotBuilt(name.to_owned()))?;
            file.canonicalize().map_err(|_| BuildError::NoFile(file.clone()))
        };
        let [client, server, broker, proxy] = wanted.map(file);
        Ok(Self { client: client?, server: server?, broker: broker?, proxy: proxy? })
    }

    /// The flags that name exactly these files.
    pub fn as_flags(&self) -> [(&'static str, &Path); 4] {
        [
            ("--client-bin", &self.client),
            ("--server-bin", &self.server),
            ("--broker-bin", &self.broker),
            ("--proxy-bin", &self.proxy),
        ]
    }
}

/// Builds every program, wanted or not: for another choice of programs cargo would choose other features, and compile
/// what they share once more.
async fn build() -> Result<Built, BuildError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(SOURCE_ROOT).args(["build", "--release", "--locked"]);
    command.arg("--message-format=json-render-diagnostics");
    std::env::vars_os().filter(|(name, _)| is_about_us(name)).for_each(|(name, _)| {
        command.env_remove(name);
    });
    command.stderr(Stdio::inherit()).kill_on_drop(true);
    let output = command.output().await.map_err(BuildError::NoCargo)?;
    if !output.status.success() {
        return Err(BuildError::Failed(output.status));
    }
    Ok(output.stdout.split(|byte| *byte == b'\n').filter_map(executable).collect())
}

/// Whether this is what cargo tells a program that it runs about that program's package.
///
/// A build script that asks cargo to watch these, as ring's does, would have to be run again, and with it half of all
/// libraries.
fn is_about_us(variable: &OsStr) -> bool {
    let name = variable.to_string_lossy();
    ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|prefix| name.starts_with(prefix))
}

/// The program in one of cargo's messages ("External tools" in the Cargo Book), if it is about one.
fn executable(message: &[u8]) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_slice(message).ok()?;
    let name = message.get("target")?.get("name")?.as_str()?;
    Some((name.to_owned(), message.get("executable")?.as_str()?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_about_programs_count() {
        let program = br#"{"reason":"compiler-artifact","target":{"name":"snowflake-proxy"},"executable":"/t/p"}"#;
        assert_eq!(executable(program), Some(("snowflake-proxy".into(), "/t/p".into())));
        for other in [&b""[..], b"{}", br#"{"target":{"name":"bytes"},"executable":null}"#] {
            assert_eq!(executable(other), None);
        }
    }
}
