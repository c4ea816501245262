//! What tor wants, and what it is told: the managed transport protocol (pt-spec.txt).

use std::io::{self, Write};

use snowflake_cli::Program;
use snowflake_pt::{
    BindAddress, OrPort, OrPortDialer, Report, ServerEnv, ServerOptions, TRANSPORT,
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{Args, Limits, MethodError, listen::bind, server::run};

/// A transport that tor was told of: a port that is open, and where its streams go.
#[derive(Debug)]
pub struct Method {
    /// Where WebSockets arrive.
    pub listener: TcpListener,
    /// Where streams go.
    pub or_port: OrPortDialer,
}

/// Opens a port for each address that tor wants, and tells tor: from `VERSION` to `SMETHODS DONE`.
///
/// What fails is told to tor and logged, and does not keep the others from starting.
///
/// # Errors
///
/// tor is gone.
pub async fn start(
    program: Program,
    args: &Args,
    env: &ServerEnv,
    report: &mut Report<impl Write>,
) -> io::Result<Vec<Method>> {
    report.version()?;
    report.status_version(program.name, program.version)?;
    let mut methods = Vec::new();
    for wanted in &env.bind_addresses {
        match open(args, wanted, &env.or_port).await {
            Ok(method) => {
                let tls = [("tls", "no")].into_iter().collect();
                report.smethod(&wanted.transport, wanted.address, &tls)?;
                methods.push(method);
            }
            Err(cause) => {
                error!("cannot start {}: {cause}", wanted.transport);
                report.smethod_error(&wanted.transport, cause)?;
            }
        }
    }
    report.smethods_done()?;
    Ok(methods)
}

async fn open(args: &Args, wanted: &BindAddress, or_port: &OrPort) -> Result<Method, MethodError> {
    if wanted.transport != TRANSPORT {
        return Err(MethodError::UnknownTransport);
    }
    args.check_tls()?;
    let options = ServerOptions::parse(&wanted.options)?;
    let listener = bind(wanted.address).await?;
    if options.num_turbotunnel.get() > 1 {
        info!("num-turbotunnel has no effect: sessions use all processors anyway");
    }
    Ok(Method { listener, or_port: OrPortDialer::new(or_port.clone(), options.orport_srcaddr) })
}

/// Runs a server for each transport until `shutdown`.
pub async fn serve(methods: Vec<Method>, shutdown: CancellationToken) {
    let servers: JoinSet<()> = methods
        .into_iter()
        .map(|method| run(method.listener, method.or_port, Limits::default(), shutdown.clone()))
        .collect();
    servers.join_all().await;
}
