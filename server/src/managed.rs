//! What tor wants, and what it is told: the managed transport protocol (pt-spec.txt).

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::Path,
};

use snowflake_cli::Program;
use snowflake_pt::{
    Args as PtArgs, BindAddress, OrPorts, Report, ServerEnv, ServerOptions, TRANSPORT,
};
use snowflake_tls_server::{AcmeConfig, HTTP1, Tls, TlsChoice};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{Args, Config, MethodError, Transport, arrivals::bind, bridge::run};

/// Where certificates are kept in the directory that tor gives us: the Go server's name.
const CERTIFICATES: &str = "snowflake-certificate-cache";

/// The only port at which a certificate authority puts its questions by HTTP-01.
const HTTP_PORT: u16 = 80;

/// A transport that tor was told of: a port that is open, and where its streams go.
#[derive(Debug)]
pub struct Method {
    /// Where WebSockets arrive.
    pub socket: TcpListener,
    /// With which certificates and limits.
    pub transport: Transport,
    /// Where streams go.
    pub or_ports: OrPorts,
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
        match open(args, wanted, env).await {
            Ok(method) => {
                report.smethod(
                    &wanted.transport,
                    wanted.address,
                    &told(args, method.transport.config().tls.is_some()),
                )?;
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

/// What tor is told of a transport: how bridge lines could begin.
fn told(args: &Args, tls: bool) -> PtArgs {
    let names = args.acme_hostnames.iter().filter(|_| tls).map(|name| ("hostname", name.as_str()));
    names.chain([("tls", if tls { "yes" } else { "no" })]).collect()
}

async fn open(args: &Args, wanted: &BindAddress, env: &ServerEnv) -> Result<Method, MethodError> {
    if wanted.transport != TRANSPORT {
        return Err(MethodError::UnknownTransport);
    }
    let options = ServerOptions::parse(&wanted.options)?;
    let tls = certificates(args, env.state_location.as_deref(), wanted.address)?;
    if wanted.address.port() == 0 {
        return Err(MethodError::PortZero);
    }
    let transport = Transport::new(Config { tls, ..Config::default() })?;
    let socket = bind(wanted.address).await?;
    if options.num_turbotunnel.get() > 1 {
        info!("num-turbotunnel has no effect: sessions use all processors anyway");
    }
    let mut or_ports = options.or_ports;
    if or_ports.is_empty() {
        or_ports.push(env.or_port.clone());
    }
    Ok(Method { socket, transport, or_ports: OrPorts::new(or_ports, options.orport_srcaddr) })
}

fn certificates(
    args: &Args,
    state: Option<&Path>,
    address: SocketAddr,
) -> Result<Option<Tls>, MethodError> {
    // No HTTP/2: there are no WebSockets in it here.
    let tls = match args.tls_choice()? {
        TlsChoice::None => return Ok(None),
        TlsChoice::Files { cert, key } => Tls::from_files(cert, key, &[HTTP1])
            .map_err(|error| MethodError::files(cert, key, error))?,
        TlsChoice::Acme => {
            let config = AcmeConfig {
                names: args.acme_hostnames.to_vec(),
                email: Some(args.acme_email.clone()).filter(|address| !address.is_empty()),
                cache: state.ok_or(MethodError::NoStateDirectory)?.join(CERTIFICATES),
                http: vec![SocketAddr::new(address.ip(), HTTP_PORT)],
                directory: args.acme_directory.clone(),
            };
            Tls::from_acme(config, &[HTTP1]).map_err(MethodError::acme)?
        }
    };
    Ok(Some(tls))
}

/// Runs a server for each transport until `shutdown`.
pub async fn serve(methods: Vec<Method>, shutdown: CancellationToken) {
    let servers: JoinSet<()> =
        methods.into_iter().map(|method| run(method, shutdown.clone())).collect();
    servers.join_all().await;
}
