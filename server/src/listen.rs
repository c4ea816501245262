//! Ports, and the connections that arrive at them.

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

use crate::{carrier, error::MethodError, limits::ACCEPT_PAUSE, server::Server};

/// Listens at an address.
///
/// # Errors
///
/// Port 0, or what the system has against it.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, MethodError> {
    if address.port() == 0 {
        return Err(MethodError::PortZero);
    }
    TcpListener::bind(address).await.map_err(|source| MethodError::Bind { address, source })
}

/// Accepts connections and serves each in a task of its own. Never ends.
pub(crate) async fn accept_carriers(listener: TcpListener, server: &Arc<Server>) {
    let places = Arc::new(Semaphore::new(server.limits.connections));
    let mut arrivals = Arrivals { listener, failing: false };
    loop {
        let Some(place) = free_place(&places).await else { return };
        let (stream, peer) = arrivals.next().await;
        server.spawn(place, carrier::serve(stream, peer, server.clone()));
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
    listener: TcpListener,
    /// The last `accept` failed; a row of failures has one line in the log.
    failing: bool,
}

impl Arrivals {
    /// The next connection, whatever fails in between.
    async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
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
