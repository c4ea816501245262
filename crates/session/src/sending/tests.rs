use super::*;
use crate::Config;
use crate::core::Shared;
use crate::scripted::Scripted;
use futures_util::task::noop_waker_ref;
use snowflake_kcp::Kcp;
use snowflake_multiplex::{Carriers, Settled};
use snowflake_netsim::epoch;
use snowflake_smux::{Role, Smux};
use std::time::Duration;

/// A client's session over carrier 1, with a stream that has 64 KiB to send.
fn busy() -> Shared {
    let config = Config::client();
    let mut smux = Smux::new(Role::Client, config.smux, epoch());
    smux.set_send_buffer(64 * 1024);
    let stream = smux.open().unwrap();
    assert_eq!(smux.write(stream, &[7; 64 * 1024]).unwrap(), 64 * 1024);
    let mut carriers = Carriers::new(config.multiplex);
    carriers.opened(epoch(), 1);
    Shared::new(Kcp::new(1, config.kcp, epoch()), smux, carriers)
}

fn run(shared: &Shared, conn: &mut Scripted, now: Instant) {
    let mut cx = Context::from_waker(noop_waker_ref());
    Sending::default().run(&mut cx, &mut shared.lock(), conn, now);
}

/// The numbers of the data segments that were sent.
fn numbers(conn: &mut Scripted) -> Vec<u32> {
    let packets = conn.sent.drain(..).map(|(_, packet)| packet);
    let data = packets.filter(|packet| packet[4] == 81);
    data.map(|packet| snowflake_kcp::peek(&packet).unwrap().sn).collect()
}

#[test]
fn no_more_is_cut_than_the_queue_of_the_carrier_takes() {
    let shared = busy();
    let mut conn = Scripted { room: 2, ..Scripted::default() };
    run(&shared, &mut conn, epoch());
    assert_eq!(conn.sent.len(), 2);
    let queued = shared.lock().kcp.queued();
    assert!(queued <= 1400, "{queued} bytes have left the streams, and no carrier takes them");
}

#[test]
fn what_was_lost_on_a_full_carrier_is_sent_again_and_nothing_new_is_cut_for_it() {
    let shared = busy();
    let mut conn = Scripted { room: 256, ..Scripted::default() };
    run(&shared, &mut conn, epoch());
    let (sent, queued) = (numbers(&mut conn), shared.lock().kcp.queued());
    let now = epoch() + Duration::from_secs(2);
    shared.lock().kcp.handle_timeout(now);
    run(&shared, &mut conn, now);
    assert_eq!(numbers(&mut conn), sent, "all of it was lost");
    assert_eq!(shared.lock().kcp.queued(), queued);
}

#[test]
fn acknowledgements_alone_do_not_follow_the_data_but_what_is_heard() {
    let config = Config::server();
    let (smux, mut kcp) =
        (Smux::new(Role::Server, config.smux, epoch()), Kcp::new(1, config.kcp, epoch()));
    let mut carriers = Carriers::new(config.multiplex);
    let answer = |ms| {
        let round_trip = Some(Duration::from_millis(ms));
        Settled { answered: round_trip, round_trip, ..Settled::default() }
    };
    for (id, ms) in [(1, 50), (2, 90)] {
        carriers.opened(epoch(), id);
        carriers.settled(epoch(), id, answer(ms));
    }
    // Nothing has come through the quicker one for a second.
    let now = epoch() + Duration::from_secs(1);
    carriers.heard(now, 2);
    let mut packet = BytesMut::new();
    let mut peer = Kcp::new(1, Config::client().kcp, epoch());
    peer.write(b"data");
    peer.poll_transmit(epoch(), &mut packet).unwrap();
    kcp.handle_packet(now, packet.freeze()).unwrap();
    kcp.handle_timeout(now + Duration::from_millis(10));
    let mut conn = Scripted { room: 256, ..Scripted::default() };
    run(&Shared::new(kcp, smux, carriers), &mut conn, now + Duration::from_millis(10));
    let over: Vec<u32> = conn.sent.iter().map(|(carrier, _)| carrier.get()).collect();
    assert_eq!(over, [2]);
}
