//! One stream of a client, to tor and back.

use std::{net::SocketAddr, sync::Arc};

use snowflake_session::{Listener, PacedSocket, Stream};
use snowflake_turbotunnel::ClientId;
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use crate::{relay::relay, server::Server};

/// The port in USERADDR: a stub, because nobody knows the real one.
const USER_PORT: u16 = 1;

/// Accepts the streams of all sessions and serves each in a task of its own. Never ends.
pub(crate) async fn accept_streams(mut sessions: Listener, server: &Arc<Server>) {
    let places = Arc::new(Semaphore::new(server.limits.streams));
    while let Some((stream, client)) = sessions.accept().await {
        let Ok(place) = places.clone().try_acquire_owned() else {
            warn!("as many streams as there may be; a client's stream is refused");
            continue;
        };
        server.spawn(place, serve(stream, client, server.clone()));
    }
}

/// Connects a stream to tor until both directions have ended. Dropping the stream tells the client.
async fn serve(stream: Stream, client: ClientId, server: Arc<Server>) {
    let address = server.packets.address_of(client);
    server.stats.count(address.is_some());
    let user = address.map(|address| SocketAddr::new(address, USER_PORT));
    // Dialing is over soon and need not be part of this future for as long as the stream lives.
    let (or_port, _place) = match Box::pin(server.or_ports.dial(user)).await {
        Ok(dialed) => dialed,
        Err(error) => {
            warn!("a client's stream is closed: {error}");
            return;
        }
    };
    let or_port = PacedSocket::new(or_port, &stream);
    if let Err(error) = relay(stream, or_port, server.limits.half_closed_idle).await {
        debug!("a client's stream broke off: {error}");
    }
}
