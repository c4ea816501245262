//! The Snowflake probe server.

use std::error::Error;
use std::io::{self, Write};
use std::pin::pin;
use std::process::ExitCode;

use snowflake_cli::logging::{self, LogConfig, Target};
use snowflake_cli::{Program, open_files};
use snowflake_probetest::{Args, Config, ConfigError, bind, limits, run};
use tokio::signal::unix::{SignalKind, signal};
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
    let log = LogConfig {
        target: Target::Stderr,
        unsafe_logging: args.unsafe_logging,
        verbose: false,
        local_time: false,
    };
    if let Err(error) = logging::init(&log) {
        let _ = writeln!(io::stderr(), "{}: {error}", PROGRAM.name);
        return ExitCode::FAILURE;
    }
    match start(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn start(args: &Args) -> Result<(), Box<dyn Error>> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let config = Config::from_args(args)?;
    open_files::raise_limit_for(limits::OPEN_FILES);
    let listener = bind(&args.addr).await.map_err(|error| ConfigError::BadValue {
        flag: "addr",
        value: args.addr.clone(),
        reason: error.into(),
    })?;
    info!("{PROGRAM} listens on port {}", listener.local_addr()?.port());
    let shutdown = CancellationToken::new();
    let mut serving = pin!(run(config, listener, shutdown.clone()));
    tokio::select! {
        () = &mut serving => return Ok(()),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    shutdown.cancel();
    serving.await;
    Ok(())
}
