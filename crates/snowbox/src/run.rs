//! From the command line to the exit status.

use std::{process::ExitCode, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use crate::{
    args::Args,
    build_programs::Programs,
    error::{Doing, Error},
    hold, loopback, measure, netns,
    network::Network,
    place::Place,
    process::retry,
    progress::say,
    report::Report,
    scenario::Scenario,
    sheet::Sheet,
    tor,
    usage::children,
};

/// Time for killed children to disappear.
const CHILDREN_LIMIT: Duration = Duration::from_secs(5);

/// Does what the command line says and returns what was measured.
///
/// Whatever happens, no child is left behind. When it fails, the logs are kept and their ends are shown.
///
/// # Errors
/// The first thing that went wrong; [`Error::Interrupted`] for Ctrl-C and SIGTERM.
pub async fn run(args: Args) -> Result<Report, Error> {
    let apart = args.netns;
    supervise(args, apart, work).await
}

/// Measures a scenario; `args` says with which programs.
///
/// # Errors
/// As [`run`], and when this program may not make namespaces.
pub async fn run_scenario(args: Args, scenario: &Scenario) -> Result<Sheet, Error> {
    scenario.check_rights()?;
    supervise(args, true, async |place| scenario.run(place).await).await
}

/// Does the work where it belongs, `apart` in a network namespace of our own, until it ends or is interrupted.
async fn supervise<T>(
    args: Args,
    apart: bool,
    work: impl AsyncFnOnce(&Place) -> Result<T, Error>,
) -> Result<T, Error> {
    // Before cargo, which may put a new one in its place.
    let this_program = std::env::current_exe().doing("finding this program's file")?;
    let programs = Programs::find(&args).await.map_err(Error::Build)?;
    if apart && !args.inside_netns {
        netns::enter(&this_program, &programs)?;
    }
    let place = Place::new(args, programs)?;
    let outcome = tokio::select! {
        outcome = work(&place) => outcome,
        error = interruption() => Err(error),
    };
    leave(place, &outcome).await;
    outcome
}

/// Leaves a place whose children are killed: the logs stay when something went wrong.
pub(crate) async fn leave<T>(place: Place, outcome: &Result<T, Error>) {
    // The temporary directory can only go when nobody writes into it any more.
    let gone = retry(async || children(std::process::id()).is_empty().then_some(()));
    let _ = timeout(CHILDREN_LIMIT, gone).await;
    match outcome {
        Ok(_) | Err(Error::Interrupted) => {}
        Err(_) => place.keep_logs(),
    }
}

/// The exit status for an outcome, after saying what went wrong. Ctrl-C is how a held network is meant to end.
pub fn exit_code<T>(outcome: &Result<T, Error>, held: bool) -> ExitCode {
    match outcome {
        Ok(_) => ExitCode::SUCCESS,
        Err(Error::Interrupted) if held => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("snowbox: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn work(place: &Place) -> Result<Report, Error> {
    if place.args.netns {
        netns::set_up().await?;
    }
    say("Starting the network …");
    let mut network = start(place).await?;
    if place.args.hold {
        hold::run(&mut network).await?;
    }
    measure::run(&mut network, place).await
}

async fn start(place: &Place) -> Result<Network, Error> {
    if place.args.tor { tor::start(place).await } else { loopback::start(place).await }
}

/// [`Error::Interrupted`] once that has happened, or why it cannot be known.
async fn interruption() -> Error {
    let wait = async {
        let mut terminate = signal(SignalKind::terminate()).doing("watching for SIGTERM")?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed.doing("watching for Ctrl-C"),
            _ = terminate.recv() => Ok(()),
        }
    };
    wait.await.map_or_else(|error| error, |()| Error::Interrupted)
}
