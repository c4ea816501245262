//! A running server: WebSockets in, streams out.

use std::{io, net::SocketAddr, sync::Arc};

use snowflake_session::Listener as Sessions;
use snowflake_turbotunnel::QueuePacketConn;
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::sync::DropGuard;
use tracing::warn;

use crate::{Stream, arrivals::accept_carriers, config::Config, server::Server, tasks::Tasks};

/// Takes proxies' WebSockets and gives the streams of their clients. Several may run in one process.
///
/// Everything but [`accept`](Self::accept) happens in tasks of its own, so that sessions go on whether or not anybody
/// accepts. Up to [`ACCEPT_BACKLOG`](crate::ACCEPT_BACKLOG) streams, of all clients together, wait to be accepted; when
/// there are so many, a new one is refused with a FIN, as is one that would exceed
/// [`Limits::streams`](crate::Limits::streams).
///
/// [`stop`](Self::stop) and [`finish`](Self::finish) wait until all connections are closed. Dropping it ends the same
/// connections, sessions and streams, only that nobody waits.
#[derive(Debug)]
pub struct Listener {
    sessions: Sessions,
    server: Arc<Server>,
    /// Kept to tell its address; connections are accepted in a task.
    socket: Arc<TcpListener>,
    /// For as many streams as there may be.
    places: Arc<Semaphore>,
    _guard: DropGuard,
}

impl Listener {
    pub(crate) fn new(config: Config, socket: TcpListener) -> Self {
        let (packets, clients) = QueuePacketConn::new(config.limits.packets.clone());
        let places = Arc::new(Semaphore::new(config.limits.streams));
        let tasks = Tasks::default();
        let guard = tasks.guard();
        let server = Arc::new(Server { config, packets, tasks });
        let socket = Arc::new(socket);
        server.tasks.spawn(accept_carriers(socket.clone(), server.clone()));
        let keeper = server.clone();
        server.tasks.spawn(async move { keeper.keep_certificates().await });
        let sessions = Sessions::new(clients, snowflake_session::Config::server());
        Self { sessions, server, socket, places, _guard: guard }
    }

    /// Where proxies find it.
    ///
    /// # Errors
    ///
    /// What the system has against telling.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The next stream of any client. `None` comes only after a panic inside, which was reported: then no session is left.
    ///
    /// Dropping a stream tells the client that it is over.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no stream is lost.
    pub async fn accept(&mut self) -> Option<Stream> {
        loop {
            let (stream, client) = self.sessions.accept().await?;
            let Ok(place) = self.places.clone().try_acquire_owned() else {
                warn!("as many streams as there may be; a client's stream is refused");
                continue;
            };
            let address = self.server.packets.address_of(client);
            return Some(Stream::new(stream, client, address, place));
        }
    }

    /// Refuses new clients and new streams, waits until those that were accepted are dropped and what was written to them
    /// has arrived, [`Limits::finish`](crate::Limits::finish) at most, and [stops](Self::stop).
    ///
    /// Until then the port stays open, because the clients that are served may need other proxies meanwhile.
    ///
    /// ```
    /// # use snowflake_server::{Config, Transport};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let transport = Transport::new(Config::default())?;
    /// let one = transport.listen("127.0.0.1:0".parse()?).await?;
    /// let other = transport.listen("[::1]:0".parse()?).await?;
    /// println!("listening on {} and {}", one.local_addr()?, other.local_addr()?);
    /// // Nobody came, so it takes no time.
    /// one.finish().await;
    /// other.finish().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the listener.
    pub async fn finish(self) {
        // What comes of it does not matter: whoever is still there is closed.
        let _ = timeout(self.server.config.limits.finish, self.sessions.finish()).await;
        self.server.tasks.stop().await;
    }

    /// Closes the port, ends all sessions, and returns when every connection is closed. Streams that somebody holds fail.
    ///
    /// Clients go on with another server, if they have one; proxies find their WebSockets closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the listener.
    pub async fn stop(self) {
        drop(self.sessions);
        self.server.tasks.stop().await;
    }
}
