//! The Snowflake broker.

use std::convert::Infallible;
use std::error::Error;
use std::future::pending;
use std::io::{self, Write};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use snowflake_broker::{Args, Broker, Config, ConfigError};
use snowflake_cli::logging::{self, LogConfig, Target};
use snowflake_cli::{Program, open_files};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

const PROGRAM: Program =
    Program { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

#[tokio::main]
async fn main() -> ExitCode {
    let args: Args = match snowflake_cli::parse(PROGRAM) {
        Ok(args) => args,
        Err(stop) => return stop.report(),
    };
    let (target, unsafe_logging) = (Target::Stderr, args.unsafe_logging);
    let log = LogConfig { target, unsafe_logging, ..LogConfig::default() };
    if let Err(error) = logging::init(&log) {
        let _ = writeln!(io::stderr(), "{}: {error}", PROGRAM.name);
        return ExitCode::FAILURE;
    }
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    // Before anything else, so that a signal is never lost to its default action.
    let (hangup, mut interrupt) = (signal(SignalKind::hangup())?, signal(SignalKind::interrupt())?);
    let mut terminate = signal(SignalKind::terminate())?;
    let config = Config::from_args(args)?;
    open_files::raise_limit_for(config.limits.open_files());
    let listener = args.addr.bind().await.map_err(|error| ConfigError::BadValue {
        flag: "addr",
        value: args.addr.to_string(),
        reason: error.into(),
    })?;
    info!("{PROGRAM} listens on port {}", listener.local_addr()?.port());
    let broker = Broker::new(config);
    let shutdown = CancellationToken::new();
    let mut reloading = pin!(reload_on(hangup, Arc::clone(&broker)));
    let mut serving = pin!(broker.serve(listener, shutdown.clone()));
    loop {
        tokio::select! {
            () = &mut serving => return Ok(()),
            never = &mut reloading => match never {},
            Some(()) = terminate.recv() => shutdown.cancel(),
            Some(()) = interrupt.recv() => shutdown.cancel(),
        }
    }
}

/// Reads the broker's files again at each signal, for ever, on a thread that may block.
async fn reload_on(mut hangup: Signal, broker: Arc<Broker>) -> Infallible {
    while hangup.recv().await.is_some() {
        let broker = Arc::clone(&broker);
        if let Err(error) = tokio::task::spawn_blocking(move || broker.reload()).await {
            error!(%error, "cannot reload");
        }
    }
    pending().await
}
