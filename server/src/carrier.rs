//! One connection from a proxy: the request, the client's name, then packets until it ends.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use snowflake_safelog::Sensitive;
use snowflake_tls_server::AcceptError as TlsError;
use snowflake_turbotunnel::read_preamble;
use snowflake_websocket::{AcceptError, Accepted, accept};
use thiserror::Error;
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit, time::timeout};
use tracing::debug;

use crate::server::Server;

/// Serves a connection, which holds a place, to its end. Whatever goes wrong is the peer's doing or the network's, and
/// only worth a line for those who look for one.
pub(crate) async fn serve(
    _place: OwnedSemaphorePermit,
    stream: TcpStream,
    peer: SocketAddr,
    server: Arc<Server>,
) {
    let proxy = Sensitive::new(peer);
    // What is written is complete: waiting for more would only delay it.
    if let Err(error) = stream.set_nodelay(true) {
        return debug!(%proxy, "a connection ended at once: {error}");
    }
    // TLS and HTTP take more memory than all that comes after them, so they are not part of this future.
    let Accepted { websocket, client_ip } = match Box::pin(websocket(stream, &server)).await {
        Ok(accepted) => accepted,
        Err(error) => return debug!(%proxy, "no WebSocket: {error}"),
    };
    let client = Sensitive::new(client_ip);
    // Moved from future to future, each of which would have room for it.
    let mut websocket = Box::new(websocket);
    let (id, first) = match read_preamble(&mut websocket, server.config.limits.preamble).await {
        Ok(preamble) => preamble,
        Err(error) => return debug!(%proxy, ?client, "a WebSocket without a session: {error}"),
    };
    let end = server.packets.serve_at(id, client_ip, websocket, first).await;
    debug!(%proxy, ?client, "a WebSocket is over: {end}");
}

/// Why a connection did not become a WebSocket.
#[derive(Debug, Error)]
enum NoWebSocket {
    #[error(transparent)]
    Http(#[from] AcceptError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("no TLS handshake within {0:?}")]
    TimedOut(Duration),
}

/// What becomes of a connection: TLS if that is ours to do, then one request.
async fn websocket(stream: TcpStream, server: &Server) -> Result<Accepted, NoWebSocket> {
    let Some(tls) = &server.config.tls else { return Ok(accept(stream).await?) };
    let limit = server.config.limits.tls_handshake;
    let stream =
        timeout(limit, tls.accept(stream)).await.map_err(|_| NoWebSocket::TimedOut(limit))??;
    Ok(accept(stream).await?)
}
