//! The Snowflake client.

use snowflake_cli::{Program, logging, open_files, parse};
use snowflake_client::{Args, Shared, Upstream, run};
use snowflake_pt::error::EnvError;
use snowflake_pt::{ClientEnv, ExitWatch, Report, SocksListener, TRANSPORT};
use snowflake_safelog::scrubbed;
use std::error::Error;
use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::process::ExitCode;

const PROGRAM: Program =
    Program { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

fn main() -> ExitCode {
    let args: Args = match parse(PROGRAM) {
        Ok(args) => args,
        Err(stop) => return stop.report(),
    };
    match start(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where tor shows it, also when there is no log; a flag's value in it may be an address.
            let error = scrubbed(error);
            let _ = writeln!(std::io::stderr(), "{}: {error}", PROGRAM.name);
            ExitCode::FAILURE
        }
    }
}

/// One thread: it moves 600 Mbit/s and more, and wakes no other for each packet.
#[tokio::main(flavor = "current_thread")]
async fn start(args: Args) -> Result<(), Box<dyn Error>> {
    let mut report = Report::stdout();
    let env = match ClientEnv::parse(std::env::vars_os()) {
        Ok(env) => env,
        Err(error) => return refuse(&mut report, error),
    };
    let logs_there = args.log_to_state_dir && args.log.as_path().is_some();
    if let Some(directory) = env.state_location.as_deref().filter(|_| logs_there) {
        // tor creates it when it first needs it, which may be later; only the user may look into it.
        let created = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        created.map_err(|error| format!("cannot make the state directory: {error}"))?;
    }
    logging::init(&args.log_config(env.state_location.as_deref()))?;
    let exit = ExitWatch::new(env.exit_on_stdin_close)?;
    open_files::raise_limit();
    report.version()?;
    let upstream = env.proxy.map(Upstream::new);
    if let Some(upstream) = &upstream {
        test(upstream, &mut report).await?;
    }
    report.status_version(PROGRAM.name, PROGRAM.version)?;
    let checked = args.check();
    let mut listener = None;
    for transport in &env.transports {
        if transport != TRANSPORT {
            report.cmethod_error(transport, "no such method")?;
            continue;
        }
        if let Err(error) = &checked {
            report.cmethod_error(TRANSPORT, error)?;
            continue;
        }
        match SocksListener::bind() {
            Ok(bound) => {
                report.cmethod(TRANSPORT, bound.local_addr())?;
                listener = Some(bound);
            }
            Err(error) => {
                report.cmethod_error(TRANSPORT, format_args!("cannot listen: {error}"))?
            }
        }
    }
    report.cmethods_done()?;
    checked?;
    let listener = listener.ok_or("no transport could be started")?;
    let shared = env.state_location.as_deref().map(Shared::kept_in).unwrap_or_default();
    run(listener, args, upstream, shared, report.into_log()?, exit.token()).await;
    Ok(())
}

/// Whether the proxy does what it is there for; if not, nobody is to think that it is used.
async fn test<W: Write>(upstream: &Upstream, report: &mut Report<W>) -> Result<(), Box<dyn Error>> {
    match upstream.test().await {
        Ok(()) => Ok(report.proxy_done()?),
        Err(error) => {
            report.proxy_error(format_args!("proxy test failure:{error}"))?;
            Err(format!("the upstream proxy cannot be used: {error}").into())
        }
    }
}

fn refuse<W: Write>(report: &mut Report<W>, error: EnvError) -> Result<(), Box<dyn Error>> {
    report.env_error(&error)?;
    Err(error.into())
}
