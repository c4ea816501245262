//! A port, and the connections that arrive at it.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tracing::{debug, warn};

use crate::{carrier, error::ListenError, limits::ACCEPT_PAUSE, server::Server};

/// Listens at an address.
///
/// # Errors
///
/// What the system has against it.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, source })
}

/// Accepts connections and serves each in a task of its own. Never ends.
pub(crate) async fn accept_carriers(socket: Arc<TcpListener>, server: Arc<Server>) {
    let places = Arc::new(Semaphore::new(server.config.limits.connections));
    let mut arrivals = Arrivals { socket, failing: false };
    loop {
        let Some(place) = free_place(&places).await else { return };
        let (stream, peer) = arrivals.next().await;
        server.tasks.spawn(carrier::serve(place, stream, peer, server.clone()));
    }
}

/// Waits for a place. Nobody closes the semaphore, so there always is one in the end.
async fn free_place(places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    if places.available_permits() == 0 {
        warn!("as many connections as there may be; further ones wait until one ends");
    }
    places.clone().acquire_owned().await.ok()
}

struct Arrivals {
    socket: Arc<TcpListener>,
    /// The last `accept` failed; a row of failures has one line in the log.
    failing: bool,
}

impl Arrivals {
    /// The next connection, whatever fails in between.
    async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.socket.accept().await {
                Ok(arrival) => {
                    self.failing = false;
                    return arrival;
                }
                Err(error) if is_of_one_connection(&error) => {
                    debug!("a connection was gone before it was accepted: {error}");
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        warn!("cannot accept connections, trying again and again: {error}");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Errors of `accept` that say nothing about the next one.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    )
}
