//! The server's side of one client: its sessions, and the streams they open.

use crate::config::FIRST_PACKET;
use crate::core::Shared;
use crate::driver::{Driver, Role, Stop};
use crate::kept::Kept;
use crate::{Config, SessionEnd, Stream};
use snowflake_kcp::Kcp;
use snowflake_multiplex::Carriers;
use snowflake_smux::Smux;
use snowflake_turbotunnel::{Event, PacketConn};
use std::future::poll_fn;
use tokio::time::Instant;

/// Serves the client at the other end of `conn`; `hand_out` gets every stream that it opens.
///
/// The first packet names the conversation; usually there is one. A client that begins another replaces its session by it:
/// at once while it has acknowledged nothing in the old one, else when that has been silent for 60 s from then on; until
/// then it is taken for a stranger. Ends with the reason why the last session is over, or with [`SessionEnd::Closed`] if no
/// packet that could begin one came within 10 s.
///
/// # Cancel safety
///
/// Dropping it ends the session at once for all its streams.
pub async fn serve<P: PacketConn + Unpin>(
    conn: P,
    config: &Config,
    hand_out: impl FnMut(Stream),
) -> SessionEnd {
    serve_kept(conn, config, &Kept::default(), hand_out).await
}

/// As [`serve`], with sessions that end when they are released and have no stream.
pub(crate) async fn serve_kept<P: PacketConn + Unpin>(
    mut conn: P,
    config: &Config,
    kept: &Kept,
    mut hand_out: impl FnMut(Stream),
) -> SessionEnd {
    let mut known = None;
    loop {
        let events = match known.take() {
            Some(events) => events,
            None => match first_events(&mut conn).await {
                Ok(events) => events,
                Err(end) => return end,
            },
        };
        match serve_session(&mut conn, events, config, kept, &mut hand_out).await {
            Stop::End(end) => return end,
            Stop::Replaced(events) => {
                known = Some(events);
                // Beginning anew again and again must not hold up other clients.
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Waits until there is a packet that can begin a session; all that has happened until then.
async fn first_events(conn: &mut impl PacketConn) -> Result<Vec<Event>, SessionEnd> {
    let receive = async {
        let mut events = Vec::new();
        loop {
            poll_fn(|cx| conn.poll_recv(cx, &mut events))
                .await
                .map_err(|_| SessionEnd::ConnClosed)?;
            events.retain(|event| match event {
                Event::Packet(_, packet) => snowflake_kcp::peek(packet).is_some(),
                Event::Opened(_) | Event::Ended(_) => true,
            });
            if conversation(&events).is_some() {
                return Ok(events);
            }
        }
    };
    tokio::time::timeout(FIRST_PACKET, receive).await.unwrap_or(Err(SessionEnd::Closed))
}

/// The conversation of the first packet.
fn conversation(events: &[Event]) -> Option<u32> {
    events.iter().find_map(|event| match event {
        Event::Packet(_, packet) => snowflake_kcp::peek(packet).map(|peek| peek.conv),
        Event::Opened(_) | Event::Ended(_) => None,
    })
}

/// Runs one session to its end.
async fn serve_session(
    conn: &mut (impl PacketConn + Unpin),
    events: Vec<Event>,
    config: &Config,
    kept: &Kept,
    hand_out: &mut impl FnMut(Stream),
) -> Stop {
    let Some(conv) = conversation(&events) else { return Stop::End(SessionEnd::Closed) };
    let now = Instant::now().into_std();
    let kcp = Kcp::new(conv, config.kcp.clone(), now);
    let smux = Smux::new(snowflake_smux::Role::Server, config.smux.clone(), now);
    let shared = Shared::new(kcp, smux, Carriers::new(config.multiplex.clone()));
    // This keeps a session without streams going, until its client is silent for too long.
    let _place = kept.keep(&shared);
    let mut driver = Driver::new(shared.clone(), conn, Role::Server, events);
    poll_fn(|cx| {
        let stop = driver.poll_stop(cx);
        while let Some(id) = next_opened(&shared) {
            hand_out(Stream::new(&shared, id));
        }
        stop
    })
    .await
}

fn next_opened(session: &Shared) -> Option<snowflake_smux::StreamId> {
    session.lock().opened.pop_front()
}
