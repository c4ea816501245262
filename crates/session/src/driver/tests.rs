use super::*;
use crate::Config;
use crate::scripted::Scripted;
use futures_util::task::noop_waker_ref;
use snowflake_kcp::Kcp;
use snowflake_multiplex::{Carriers, State};
use snowflake_smux::Smux;

const CARRIER: CarrierId = CarrierId::new(1);

fn client() -> Driver<Scripted> {
    let (config, now) = (Config::client(), Instant::now().into_std());
    let smux = Smux::new(snowflake_smux::Role::Client, config.smux, now);
    let kcp = Kcp::new(7, config.kcp, now);
    let shared = Shared::new(kcp, smux, Carriers::new(config.multiplex)).acquire();
    let conn = Scripted { room: 256, ..Scripted::default() };
    Driver::new(shared, conn, Role::Client, vec![Event::Opened(CARRIER)])
}

/// A server whose session is conversation 7.
fn server() -> Driver<Scripted> {
    let (config, now) = (Config::server(), Instant::now().into_std());
    let smux = Smux::new(snowflake_smux::Role::Server, config.smux, now);
    let shared = Shared::new(Kcp::new(7, config.kcp, now), smux, Carriers::new(config.multiplex));
    let conn = Scripted { room: 256, ..Scripted::default() };
    Driver::new(shared.acquire(), conn, Role::Server, vec![Event::Opened(CARRIER)])
}

/// A client's first packet in a conversation.
fn first_packet(conversation: u32) -> Bytes {
    let now = Instant::now().into_std();
    let mut kcp = Kcp::new(conversation, Config::client().kcp, now);
    kcp.write(b"hello");
    let mut packet = bytes::BytesMut::new();
    kcp.poll_transmit(now, &mut packet).expect("it has something to say");
    packet.freeze()
}

/// An acknowledgement of what the server has said, in conversation 7.
const ACKNOWLEDGEMENT: [u8; 24] =
    [7, 0, 0, 0, 82, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];

/// Whether the session makes way for another.
fn is_replaced(driver: &mut Driver<Scripted>, packet: Bytes) -> bool {
    driver.conn.events.push(Event::Packet(CARRIER, packet));
    let mut cx = Context::from_waker(noop_waker_ref());
    matches!(driver.poll_stop(&mut cx), Poll::Ready(Stop::Replaced(_)))
}

/// Lets the driver take a packet, and returns what it thinks of the carrier.
fn receive(driver: &mut Driver<Scripted>, packet: Bytes) -> State {
    driver.conn.events.push(Event::Packet(CARRIER, packet));
    let mut cx = Context::from_waker(noop_waker_ref());
    assert!(driver.poll_stop(&mut cx).is_pending());
    let core = driver.shared.lock();
    core.carriers.states().map(|(_, state, _)| state).next().expect("the carrier is open")
}

#[tokio::test(start_paused = true)]
async fn garbage_proves_nothing_and_a_packet_does() {
    let mut driver = client();
    assert_eq!(
        receive(&mut driver, Bytes::from_static(b"<html>502 Bad Gateway</html>")),
        State::Fresh
    );
    let mut packet = bytes::BytesMut::new();
    let now = Instant::now().into_std();
    Kcp::new(8, Config::server().kcp, now).probe(now, 0, &mut packet);
    assert_eq!(receive(&mut driver, packet.split().freeze()), State::Fresh, "of another session");
    Kcp::new(7, Config::server().kcp, now).probe(now, 0, &mut packet);
    assert_eq!(receive(&mut driver, packet.freeze()), State::Trusted);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_in_use_is_not_replaced() {
    let mut driver = server();
    let (own, thief) = (first_packet(7), first_packet(8));
    driver.shared.lock().kcp.write(b"hello");
    assert!(!is_replaced(&mut driver, own.clone()));
    assert!(!is_replaced(&mut driver, Bytes::from_static(&ACKNOWLEDGEMENT)));
    for _ in 0..10 {
        tokio::time::advance(SILENT / 2).await;
        assert!(!is_replaced(&mut driver, thief.clone()), "it was heard of since");
        assert!(!is_replaced(&mut driver, own.clone()));
    }
    assert!(!is_replaced(&mut driver, thief.clone()));
    tokio::time::advance(SILENT).await;
    assert!(is_replaced(&mut driver, thief), "it is silent");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_has_confirmed_takes_no_place_from_an_honest_one() {
    let mut driver = server();
    assert!(!is_replaced(&mut driver, first_packet(7)));
    assert!(is_replaced(&mut driver, first_packet(8)));
}
