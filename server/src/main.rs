//! The Snowflake server.

use std::{convert::Infallible, error::Error, future::pending, io::Write, process::ExitCode};

use snowflake_cli::{Program, logging, open_files, parse};
use snowflake_pt::{ExitWatch, Report, ServerEnv};
use snowflake_server::{Args, Limits, managed};
use snowflake_tls_server::Tls;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::error;

const PROGRAM: Program =
    Program { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

fn main() -> ExitCode {
    let args: Args = match parse(PROGRAM) {
        Ok(args) => args,
        Err(stop) => return stop.report(),
    };
    if let Err(error) = logging::init(&args.log_config()) {
        let _ = writeln!(std::io::stderr(), "{}: {error}", PROGRAM.name);
        return ExitCode::FAILURE;
    }
    match start(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            error!("{cause}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn start(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut report = Report::stdout();
    let env = match ServerEnv::parse(std::env::vars_os()) {
        Ok(env) => env,
        Err(error) => {
            report.env_error(&error)?;
            return Err(error.into());
        }
    };
    // Before tor hears of us, so that a signal is never lost to its default action.
    let exit = ExitWatch::new(env.exit_on_stdin_close)?;
    let hangup = signal(SignalKind::hangup())?;
    open_files::raise_limit_for(Limits::default().open_files());
    let methods = managed::start(PROGRAM, args, &env, &mut report).await?;
    if methods.is_empty() {
        return Err("no transport could be started".into());
    }
    let tls = methods.iter().filter_map(|method| method.transport.config().tls.clone()).collect();
    tokio::select! {
        () = managed::serve(methods, exit.token()) => Ok(()),
        never = reload_on(hangup, tls) => match never {},
    }
}

/// Reads the certificates again at each signal, for ever, on a thread that may block.
async fn reload_on(mut hangup: Signal, tls: Vec<Tls>) -> Infallible {
    while hangup.recv().await.is_some() {
        let tls = tls.clone();
        let reload = move || tls.iter().for_each(Tls::reload);
        if let Err(error) = tokio::task::spawn_blocking(reload).await {
            error!("cannot read the certificates again: {error}");
        }
    }
    pending().await
}
