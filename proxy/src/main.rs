//! The Snowflake proxy.

use std::{future::pending, process::ExitCode};

use snowflake_cli::{Program, Stop, UsageError, logging, open_files, parse};
use snowflake_proxy::{Args, Config, Proxy, Shutdown};
use tokio::signal::unix::{SignalKind, signal};
use tracing::error;

const PROGRAM: Program =
    Program { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

fn main() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(stop) => stop.report(),
    }
}

fn start() -> Result<ExitCode, Stop> {
    let args: Args = parse(PROGRAM)?;
    let usage = |text: String| Stop::Usage { program: PROGRAM, error: UsageError::Other(text) };
    logging::init(&args.log_config()).map_err(|error| usage(error.to_string()))?;
    let config = Config::try_from(&args).map_err(|error| usage(error.to_string()))?;
    Ok(match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            error!("{cause}");
            ExitCode::FAILURE
        }
    })
}

#[tokio::main]
async fn run(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    open_files::raise_limit();
    let proxy = Proxy::new(config)?;
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let shutdown = Shutdown::new();
    let told = shutdown.clone();
    // Gently by the first SIGTERM; at once by a second signal, or by an operator who does not want to wait.
    let signals = async {
        tokio::select! {
            _ = terminate.recv() => {
                told.finish();
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            }
            _ = interrupt.recv() => {}
        }
        told.now();
        pending().await
    };
    tokio::select! { () = proxy.run(shutdown) => Ok(()), never = signals => never }
}
