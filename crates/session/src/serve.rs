//! The server's side of one client: its sessions, and the streams they open.

use crate::config::FIRST_PACKET;
use crate::core::Shared;
use crate::driver::{Driver, Role, Stop};
use crate::{Config, SessionEnd, Stream};
use bytes::Bytes;
use snowflake_kcp::Kcp;
use snowflake_smux::Smux;
use snowflake_turbotunnel::PacketConn;
use std::future::poll_fn;
use tokio::time::Instant;

/// Serves the client at the other end of `conn`; `hand_out` gets every stream that it opens.
///
/// The first packet names the conversation. A client that begins a new one (with sn 0) replaces its session by it,
/// as with kcp-go's listener; usually there is one. Ends with the reason why the last session is over, or with
/// [`SessionEnd::Closed`] if no packet that could begin one came within 10 s.
///
/// # Cancel safety
///
/// Dropping it ends the session at once for all its streams.
pub async fn serve<P: PacketConn + Unpin>(
    mut conn: P,
    config: &Config,
    mut hand_out: impl FnMut(Stream),
) -> SessionEnd {
    let mut known = None;
    loop {
        let packets = match known.take() {
            Some(packet) => vec![packet],
            None => match first_packets(&mut conn).await {
                Ok(packets) => packets,
                Err(end) => return end,
            },
        };
        match serve_session(&mut conn, packets, config, &mut hand_out).await {
            Stop::End(end) => return end,
            Stop::Replaced(packet) => known = Some(packet),
        }
    }
}

/// Waits for packets that can begin a session.
async fn first_packets(conn: &mut impl PacketConn) -> Result<Vec<Bytes>, SessionEnd> {
    let receive = async {
        let mut packets = Vec::new();
        loop {
            poll_fn(|cx| conn.poll_recv(cx, &mut packets))
                .await
                .map_err(|_| SessionEnd::ConnClosed)?;
            packets.retain(|packet| snowflake_kcp::peek(packet).is_some());
            if !packets.is_empty() {
                return Ok(packets);
            }
        }
    };
    tokio::time::timeout(FIRST_PACKET, receive).await.unwrap_or(Err(SessionEnd::Closed))
}

/// Runs one session to its end.
async fn serve_session(
    conn: &mut (impl PacketConn + Unpin),
    packets: Vec<Bytes>,
    config: &Config,
    hand_out: &mut impl FnMut(Stream),
) -> Stop {
    let Some(peek) = packets.first().and_then(|packet| snowflake_kcp::peek(packet)) else {
        return Stop::End(SessionEnd::Closed);
    };
    let now = Instant::now().into_std();
    let mut kcp = Kcp::new(peek.conv, config.kcp.clone(), now);
    for packet in packets {
        if let Err(error) = kcp.handle_packet(now, packet) {
            tracing::trace!(%error, "a client sent a bad packet");
        }
    }
    let smux = Smux::new(snowflake_smux::Role::Server, config.smux.clone(), now);
    let shared = Shared::new(kcp, smux);
    // This handle keeps a session without streams going, until its client is silent for too long.
    let session = shared.acquire();
    let mut driver = Driver::new(shared, conn, Role::Server);
    poll_fn(|cx| {
        let stop = driver.poll_stop(cx);
        while let Some(id) = next_opened(&session) {
            hand_out(Stream::new(&session, id));
        }
        stop
    })
    .await
}

fn next_opened(session: &Shared) -> Option<snowflake_smux::StreamId> {
    session.lock().opened.pop_front()
}
