//! The server by itself, with our ORPort behind it.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpStream;

use crate::{
    error::{Doing, Error},
    loopback::program,
    managed,
    origin::Answering,
    orport::OrPort,
    place::Place,
    ports,
    process::Process,
    usage,
};

/// What the server is to do all the time.
const SERVE: &str = "serve its users";

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Bridge {
    server: Process,
    address: SocketAddr,
    _orport: OrPort,
}

impl Bridge {
    /// Starts the server for `users` users, with `options` as tor would give them (`name=value`, no escapes needed), and
    /// gives each connection to `far_end`.
    ///
    /// # Errors
    /// When it cannot be started or is not ready in time.
    pub async fn start(
        place: &Place,
        users: u32,
        options: Option<&str>,
        far_end: impl Fn(TcpStream) -> Answering + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let state = place.directory("state")?;
        let orport = OrPort::start_for(users as usize, &state, far_end).await;
        let orport = orport.doing("starting the Extended ORPort")?;
        let [free] = ports::free().doing("finding a free port")?;
        let mut plan = program("server", &place.programs.server, place).args(["-disable-tls"]);
        plan.env.extend(options.map(|options| {
            ("TOR_PT_SERVER_TRANSPORT_OPTIONS", format!("snowflake:{options}").into())
        }));
        let everywhere = (Ipv4Addr::UNSPECIFIED, free.port()).into();
        let (server, address) =
            managed::start_server(plan, everywhere, &orport, &state, place.logs()).await?;
        Ok(Self { server, address, _orport: orport })
    }

    /// The port at which it is reached, at every address of this machine.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it holds now.
    ///
    /// # Errors
    /// When it has ended.
    pub fn footprint(&mut self) -> Result<usage::Footprint, Error> {
        self.ask(usage::footprint)
    }

    /// What it has done so far.
    ///
    /// # Errors
    /// When it has ended.
    pub fn activity(&mut self) -> Result<usage::Activity, Error> {
        self.ask(usage::activity)
    }

    /// Ends it and waits until it is gone, and its port is free.
    ///
    /// # Errors
    /// When it has ended by itself, or does not end within 10 s.
    pub async fn end(mut self) -> Result<(), Error> {
        self.ask(|_| Some(()))?;
        self.server.kill().await.map(drop)
    }

    fn ask<T>(&mut self, question: impl FnOnce(u32) -> Option<T>) -> Result<T, Error> {
        if let Some(error) = self.server.has_ended(SERVE) {
            return Err(error);
        }
        let missing = || Error::Missing { what: "the server".into(), missing: "figures in /proc" };
        question(self.server.pid()).ok_or_else(missing)
    }
}
