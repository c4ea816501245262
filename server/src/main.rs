//! The Snowflake server.

use std::{error::Error, io::Write, pin::pin, process::ExitCode};

use snowflake_cli::{Program, logging, open_files, parse};
use snowflake_pt::{ExitWatch, Report, ServerEnv};
use snowflake_server::{Args, Limits, managed};
use snowflake_tls_server::Tls;
use tokio::signal::unix::{SignalKind, signal};
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
    let mut hangup = signal(SignalKind::hangup())?;
    open_files::raise_limit_for(Limits::default().open_files());
    let methods = managed::start(PROGRAM, args, &env, &mut report).await?;
    if methods.is_empty() {
        return Err("no transport could be started".into());
    }
    let tls: Vec<_> = methods.iter().filter_map(|method| method.tls.clone()).collect();
    let mut serving = pin!(managed::serve(methods, exit.token()));
    loop {
        tokio::select! {
            () = &mut serving => return Ok(()),
            Some(()) = hangup.recv() => tls.iter().for_each(Tls::reload),
        }
    }
}
