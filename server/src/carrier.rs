//! One connection from a proxy: the request, the client's name, then packets until it ends.

use std::{net::SocketAddr, sync::Arc};

use snowflake_safelog::Sensitive;
use snowflake_turbotunnel::read_preamble;
use snowflake_websocket::{Accepted, accept};
use tokio::net::TcpStream;
use tracing::debug;

use crate::server::Server;

/// Serves a connection to its end. Whatever goes wrong is the peer's doing or the network's, and only worth a line for
/// those who look for one.
pub(crate) async fn serve(stream: TcpStream, peer: SocketAddr, server: Arc<Server>) {
    let proxy = Sensitive::new(peer);
    // What is written is complete: waiting for more would only delay it.
    if let Err(error) = stream.set_nodelay(true) {
        return debug!(%proxy, "a connection ended at once: {error}");
    }
    // HTTP takes more memory than all that comes after it, so it is not part of this future.
    let Accepted { websocket, client_ip } = match Box::pin(accept(stream)).await {
        Ok(accepted) => accepted,
        Err(error) => return debug!(%proxy, "no WebSocket: {error}"),
    };
    let client = Sensitive::new(client_ip);
    // Moved from future to future, each of which would have room for it.
    let mut websocket = Box::new(websocket);
    let (id, first) = match read_preamble(&mut websocket, server.limits.preamble).await {
        Ok(preamble) => preamble,
        Err(error) => return debug!(%proxy, ?client, "a WebSocket without a session: {error}"),
    };
    if let Some(address) = client_ip {
        server.remember_address(id, address);
    }
    let end = server.packets.serve(id, websocket, first).await;
    debug!(%proxy, ?client, "a WebSocket is over: {end}");
}
