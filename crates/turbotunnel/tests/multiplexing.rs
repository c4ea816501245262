//! The client's packet conn with several carriers: when it dials, and what becomes of its carriers.

#[expect(dead_code, reason = "each test file plays its own part of the peer")]
#[path = "pipes/pipe.rs"]
mod pipe;

use bytes::Bytes;
use futures_util::SinkExt;
use pipe::{Peer, Pipe, Session, pair};
use snowflake_turbotunnel::{
    CarrierEnd, CarrierId, ClientId, Dial, Event, MultiplexingConfig, MultiplexingPacketConn,
    PacketConn, preamble,
};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Barrier, mpsc};
use tokio::time::{Instant, sleep};

const HOUR: Duration = Duration::from_secs(3600);

/// What becomes of a dial.
#[derive(Clone, Copy)]
enum Fate {
    Opens(Duration),
    Fails(Duration),
}

use Fate::{Fails, Opens};

/// Dials by a list of fates, the last of which is that of all further ones; hands the far ends to the test.
struct TestDialer {
    fates: Vec<Fate>,
    peers: mpsc::Sender<Peer>,
    ends: mpsc::Sender<String>,
    log: Arc<Log>,
}

/// What a dialer has done.
#[derive(Default)]
struct Log {
    begun: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

/// Counts a dial as long as it is under way, however it ends.
struct UnderWay<'a>(&'a Log);

impl<'a> UnderWay<'a> {
    fn new(log: &'a Log) -> Self {
        let others = log.under_way.fetch_add(1, Ordering::Relaxed);
        log.most_under_way.fetch_max(others + 1, Ordering::Relaxed);
        Self(log)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Dial for TestDialer {
    type Carrier = Pipe;
    type Error = io::Error;

    async fn dial(&self, preamble: Bytes) -> io::Result<Pipe> {
        let _under_way = UnderWay::new(&self.log);
        let number = self.log.begun.fetch_add(1, Ordering::Relaxed);
        match self.fates[number.min(self.fates.len() - 1)] {
            Opens(after) => {
                sleep(after).await;
                let (mut near, far) = pair();
                near.send(preamble).await?;
                self.peers.send(Peer::new(far)).await.map_err(io::Error::other)?;
                Ok(near)
            }
            Fails(after) => {
                sleep(after).await;
                Err(io::Error::other("no proxy"))
            }
        }
    }

    fn ended(&self, why: &CarrierEnd) {
        self.ends.try_send(why.to_string()).expect("the test reads the ends");
    }
}

struct Setup {
    session: Session<MultiplexingPacketConn>,
    id: ClientId,
    peers: mpsc::Receiver<Peer>,
    ends: mpsc::Receiver<String>,
    log: Arc<Log>,
}

fn setup(fates: &[Fate]) -> Setup {
    let ((peers_in, peers), (ends_in, ends)) = (mpsc::channel(8), mpsc::channel(1000));
    let log = Arc::<Log>::default();
    let id = ClientId::random();
    let dialer =
        TestDialer { fates: fates.into(), peers: peers_in, ends: ends_in, log: log.clone() };
    let conn = MultiplexingPacketConn::new(id, dialer, MultiplexingConfig::default());
    Setup { session: Session::new(conn), id, peers, ends, log }
}

impl Setup {
    /// The next carrier, with its peer.
    async fn next(&mut self) -> (CarrierId, Peer) {
        let carrier = self.session.opened().await;
        let mut peer = self.peers.recv().await.expect("it was dialed");
        assert_eq!(peer.greeting().await, preamble(self.id));
        (carrier, peer)
    }

    fn want(&mut self, carriers: usize) {
        self.session.want(carriers);
    }

    fn begun(&self) -> usize {
        self.log.begun.load(Ordering::Relaxed)
    }

    fn under_way(&self) -> usize {
        self.log.under_way.load(Ordering::Relaxed)
    }
}

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

const AT_ONCE: Fate = Opens(Duration::from_millis(100));

#[tokio::test(start_paused = true)]
async fn nothing_is_dialed_until_something_is_missing() {
    let mut setup = setup(&[AT_ONCE]);
    sleep(HOUR).await;
    assert_eq!(setup.begun(), 0);
    setup.want(1);
    setup.next().await;
}

#[tokio::test(start_paused = true)]
async fn several_carriers_are_used_at_once_and_dialed_one_after_another() {
    let mut setup = setup(&[AT_ONCE]);
    let started = Instant::now();
    setup.want(3);
    let mut carriers = Vec::new();
    for _ in 0..3 {
        carriers.push(setup.next().await);
    }
    assert!(started.elapsed() < secs(0.4), "without a pause: {:?}", started.elapsed());
    for (carrier, peer) in &mut carriers {
        setup.session.conn.send(*carrier, &mut vec![Bytes::from(format!("{carrier:?}"))]);
        assert_eq!(peer.recv().await.unwrap(), format!("{carrier:?}"), "each over its own");
    }
    for (carrier, peer) in carriers.iter_mut().rev() {
        peer.send("down").await;
        assert_eq!(setup.session.recv(*carrier).await, "down");
    }
    sleep(secs(30.0)).await;
    assert_eq!(setup.begun(), 3);
    assert_eq!(setup.log.most_under_way.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn when_one_dies_the_others_go_on_and_it_is_replaced_at_once() {
    let mut setup = setup(&[AT_ONCE]);
    setup.want(2);
    let ((first, mut dying), (second, mut other)) = (setup.next().await, setup.next().await);
    dying.send("alive").await;
    setup.session.recv(first).await;
    let died = Instant::now();
    drop(dying);
    assert_eq!(setup.session.ended().await, first);
    assert_eq!(setup.ends.recv().await.unwrap(), "the peer closed the carrier");
    setup.want(1);
    setup.session.send(second, "meanwhile");
    assert_eq!(other.recv().await.unwrap(), "meanwhile");
    let (third, mut peer) = setup.next().await;
    assert!(third > second);
    assert!(died.elapsed() < secs(0.2), "{:?}", died.elapsed());
    setup.session.send(third, "on");
    assert_eq!(peer.recv().await.unwrap(), "on");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_the_session_closes_ends_and_takes_nothing_with_it() {
    let mut setup = setup(&[AT_ONCE]);
    setup.want(2);
    let ((first, mut peer), (second, mut other)) = (setup.next().await, setup.next().await);
    // Even if it takes nothing any more, because its peer has stopped reading.
    setup.session.fill(first).await;
    let closed = Instant::now();
    setup.session.conn.close(first);
    assert_eq!(setup.session.ended().await, first);
    assert_eq!(closed.elapsed(), Duration::ZERO);
    assert_eq!(setup.ends.recv().await.unwrap(), "the session has given the carrier up");
    while peer.recv().await.is_some() {}
    setup.session.send(second, "unharmed");
    assert_eq!(other.recv().await.unwrap(), "unharmed");
}

#[tokio::test(start_paused = true)]
async fn a_slow_dial_is_raced_by_a_second_and_the_first_to_open_wins() {
    let mut setup = setup(&[Opens(secs(30.0)), AT_ONCE]);
    let started = Instant::now();
    setup.want(1);
    let (carrier, mut peer) = setup.next().await;
    assert_eq!(started.elapsed(), secs(1.6));
    peer.send("won").await;
    assert_eq!(setup.session.recv(carrier).await, "won");
    assert_eq!(setup.under_way(), 0, "the loser is cancelled");
    sleep(secs(50.0)).await;
    assert_eq!(setup.begun(), 2);
    assert!(setup.session.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn the_loser_is_welcome_if_another_carrier_is_missing() {
    let mut setup = setup(&[Opens(secs(2.0)), AT_ONCE, Opens(secs(60.0))]);
    let started = Instant::now();
    setup.want(2);
    let _winner = setup.next().await;
    assert_eq!(started.elapsed(), secs(1.6));
    let _loser = setup.next().await;
    assert_eq!(started.elapsed(), secs(2.0));
    sleep(secs(1.0)).await;
    assert_eq!(setup.under_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn both_of_a_race_open_at_the_same_time_and_one_is_closed() {
    let mut setup = setup(&[Opens(secs(2.0)), Opens(secs(0.5))]);
    setup.want(1);
    let (carrier, mut winner) = setup.next().await;
    // Unless it was cancelled before it was open, the other has been opened for nothing.
    if let Ok(mut loser) = setup.peers.try_recv() {
        loser.greeting().await;
        assert_eq!(loser.recv().await, None, "it is closed");
    }
    winner.send("won").await;
    assert_eq!(setup.session.recv(carrier).await, "won");
    assert!(setup.session.is_quiet().await);
    assert!(setup.ends.try_recv().is_err(), "it was never used, so nobody hears of its end");
}

#[tokio::test(start_paused = true)]
async fn never_more_than_two_dials_are_under_way() {
    let mut setup = setup(&[Fails(secs(40.0))]);
    setup.want(5);
    sleep(HOUR).await;
    assert_eq!(setup.log.most_under_way.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn dials_are_cancelled_when_nothing_is_missing_any_more() {
    let mut setup = setup(&[Opens(secs(10.0))]);
    setup.want(1);
    sleep(secs(2.0)).await;
    assert_eq!(setup.under_way(), 2);
    setup.want(0);
    tokio::task::yield_now().await;
    sleep(secs(0.001)).await;
    assert_eq!(setup.under_way(), 0);
    sleep(HOUR).await;
    assert_eq!(setup.begun(), 2);
    assert!(setup.session.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn failed_dials_are_repeated_with_growing_pauses() {
    let mut fates = vec![Fails(Duration::ZERO); 6];
    fates.push(Opens(Duration::ZERO));
    let mut setup = setup(&fates);
    let started = Instant::now();
    setup.want(1);
    setup.next().await;
    let waited = started.elapsed().as_secs_f64();
    let pauses = 1.0 + 2.0 + 4.0 + 8.0 + 10.0 + 10.0;
    assert!((pauses * 0.8..=pauses * 1.2 + 0.1).contains(&waited), "{waited} s");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_brings_nothing_is_no_reason_to_dial_at_once() {
    let mut setup = setup(&[Opens(Duration::ZERO)]);
    let started = Instant::now();
    for _ in 0..5 {
        setup.want(1);
        drop(setup.next().await);
        setup.session.ended().await;
    }
    let waited = started.elapsed().as_secs_f64();
    let pauses = 1.0 + 2.0 + 4.0 + 8.0;
    assert!((pauses * 0.8..=pauses * 1.2 + 0.1).contains(&waited), "{waited} s");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_brings_something_ends_the_pauses_even_if_it_is_closed_later() {
    let fates =
        [Fails(Duration::ZERO); 4].into_iter().chain([AT_ONCE, Fails(Duration::ZERO), AT_ONCE]);
    let mut setup = setup(&fates.collect::<Vec<_>>());
    setup.want(1);
    let (carrier, mut peer) = setup.next().await;
    peer.send("something").await;
    setup.session.recv(carrier).await;
    setup.session.conn.close(carrier);
    assert_eq!(setup.session.ended().await, carrier);
    let ended = Instant::now();
    setup.want(1);
    let _next = setup.next().await;
    assert!(ended.elapsed() <= secs(1.3 + 0.1), "one short pause: {:?}", ended.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_failures_costs_the_broker_hardly_more_than_gos_client_does() {
    // Go's client tries every 10 s.
    let bound = 360 * 13 / 10;
    for fails_after in [0.0, 1.0, 5.0, 12.0] {
        let mut setup = setup(&[Fails(secs(fails_after))]);
        setup.want(2);
        sleep(HOUR).await;
        let begun = setup.begun();
        assert!((270..=bound).contains(&begun), "{begun} dials that fail after {fails_after} s");
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_events_costs_one_poll() {
    let mut setup = setup(&[AT_ONCE]);
    setup.want(1);
    let (carrier, mut peer) = setup.next().await;
    for _ in 0..360 {
        sleep(secs(10.0)).await;
        peer.send("still here").await;
        setup.session.recv(carrier).await;
    }
    assert_eq!(setup.begun(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_of_which_nobody_hears_is_ended_at_last() {
    let mut setup = setup(&[AT_ONCE]);
    setup.want(1);
    let (carrier, _peer) = setup.next().await;
    let opened = Instant::now();
    assert_eq!(setup.session.ended().await, carrier);
    assert_eq!(opened.elapsed(), secs(60.0));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_never_takes_its_events_is_not_drowned_in_carriers() {
    let mut setup = setup(&[Opens(Duration::ZERO)]);
    setup.want(2);
    let mut peers = Vec::new();
    for _ in 0..2 {
        peers.push(setup.peers.recv().await.unwrap());
    }
    sleep(secs(20.0)).await;
    assert_eq!(setup.begun(), 2, "they are there, though it does not know");
    setup.want(3);
    setup.want(2);
    sleep(secs(20.0)).await;
    assert_eq!(setup.begun(), 2, "it says the same, and still does not know");
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_holds_until_it_is_said_again() {
    let mut setup = setup(&[AT_ONCE]);
    let conn = &mut setup.session.conn;
    conn.set_missing(1);
    let mut take = async || {
        let mut events = Vec::new();
        poll_fn(|cx| conn.poll_recv(cx, &mut events)).await.unwrap();
        events
    };
    // One opens and ends before the session looks, after which one is missing as before.
    let mut peer = setup.peers.recv().await.unwrap();
    peer.send("only").await;
    drop(peer);
    sleep(secs(0.5)).await;
    let (first, only) = (CarrierId::new(0), Bytes::from_static(b"only"));
    let mut expected = vec![Event::Opened(first), Event::Packet(first, only), Event::Ended(first)];
    expected.push(Event::Opened(CarrierId::new(1)));
    assert_eq!(take().await, expected);
    // The session has taken it and comes back without a word: one is missing beside it, too.
    assert_eq!(take().await, [Event::Opened(CarrierId::new(2))]);
}

#[tokio::test(start_paused = true)]
async fn one_slow_session_stops_its_carriers_and_nobody_elses() {
    let (mut slow, mut other) = (setup(&[AT_ONCE]), setup(&[AT_ONCE]));
    slow.want(2);
    other.want(1);
    let peers = [slow.next().await.1, slow.next().await.1];
    let floods = peers.map(|mut peer| {
        tokio::spawn(async move {
            for _ in 0..1000 {
                peer.send(&"x".repeat(1000)).await;
            }
            peer
        })
    });
    sleep(secs(1.0)).await;
    assert!(floods.iter().all(|flood| !flood.is_finished()), "both carriers push back");
    let (carrier, mut peer) = other.next().await;
    peer.send("unharmed").await;
    assert_eq!(other.session.recv(carrier).await, "unharmed");
    let mut total = 0;
    while total < 2000 {
        let batch = slow.session.batch().await.unwrap();
        assert!(batch.len() <= 512, "{}", batch.len());
        total += batch.iter().filter(|event| matches!(event, Event::Packet(..))).count();
    }
    for flood in floods {
        flood.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_carriers_in_a_row_leave_nothing_behind() {
    let mut setup = setup(&[AT_ONCE]);
    let mut tasks = None;
    for number in 0..200 {
        setup.want(1);
        let (carrier, mut peer) = setup.next().await;
        assert_eq!(carrier, CarrierId::new(number));
        setup.session.send(carrier, "up");
        assert_eq!(peer.recv().await.unwrap(), "up");
        peer.send("down").await;
        assert_eq!(setup.session.recv(carrier).await, "down");
        drop(peer);
        assert_eq!(setup.session.ended().await, carrier);
        sleep(secs(1.5)).await;
        let alive = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(alive, *tasks.get_or_insert(alive), "tasks after {number} carriers");
        assert_eq!(setup.under_way(), 0);
    }
    assert_eq!(tasks, Some(1), "the manager");
    let (log, session) = (setup.log, setup.session);
    drop(session);
    tokio::task::yield_now().await;
    assert_eq!(Arc::strong_count(&log), 1, "the dialer is gone");
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_conn_ends_its_carriers_and_its_dials() {
    let mut setup = setup(&[AT_ONCE, Opens(secs(30.0))]);
    setup.want(2);
    let (_, mut peer) = setup.next().await;
    sleep(secs(1.0)).await;
    assert!(setup.under_way() > 0);
    drop(setup.session);
    assert_eq!(peer.recv().await, None);
    sleep(secs(0.1)).await;
    assert_eq!(setup.log.under_way.load(Ordering::Relaxed), 0);
    assert_eq!(Arc::strong_count(&setup.log), 1);
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

/// On several threads at once: each session hears what its own peers say, and of every carrier in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_packet_of_another_client_ever_comes() {
    let all_done = Arc::new(Barrier::new(8));
    let clients: Vec<_> =
        (0..8).map(|client| tokio::spawn(chat(client, all_done.clone()))).collect();
    for client in clients {
        client.await.unwrap();
    }
}

/// One client whose three peers speak at the same time.
async fn chat(client: u32, all_done: Arc<Barrier>) {
    let mut setup = setup(&[Opens(Duration::ZERO)]);
    setup.want(3);
    let mut carriers = Vec::new();
    for _ in 0..3 {
        carriers.push(setup.next().await);
    }
    let speak = |(carrier, mut peer): (CarrierId, Peer)| {
        tokio::spawn(async move {
            for n in 0..200 {
                peer.send(&format!("{client}: {carrier:?}: {n}")).await;
            }
            peer
        })
    };
    let peers: Vec<_> = carriers.into_iter().map(speak).collect();
    let mut counts = BTreeMap::<CarrierId, usize>::new();
    for _ in 0..600 {
        let (carrier, packet) = setup.session.packet().await;
        let count = counts.entry(carrier).or_default();
        assert_eq!(packet, format!("{client}: {carrier:?}: {count}"));
        *count += 1;
    }
    all_done.wait().await;
    drop(peers);
}
