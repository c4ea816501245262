//! A client's packet conn whose dials do as the test says, with the far ends of its carriers in the test's hands.

use crate::pipe::{Peer, Pipe, Session, pair};
use bytes::Bytes;
use futures_util::SinkExt;
use snowflake_turbotunnel::{
    CarrierEnd, CarrierId, ClientId, Dial, MultiplexingConfig, MultiplexingPacketConn, preamble,
};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// What becomes of a dial.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    Opens(Duration),
    Fails(Duration),
}

use Fate::{Fails, Opens};

/// What becomes of a dial that finds a proxy.
pub(crate) const AT_ONCE: Fate = Opens(Duration::from_millis(100));

/// Dials by a list of fates, the last of which is that of all further ones; hands the far ends to the test.
struct TestDialer {
    fates: Vec<Fate>,
    peers: mpsc::Sender<Peer>,
    ends: mpsc::Sender<String>,
    log: Arc<Log>,
}

/// What a dialer has done.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) begun: AtomicUsize,
    pub(crate) under_way: AtomicUsize,
    pub(crate) most_under_way: AtomicUsize,
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

/// A conn, and everything that the test needs to play the rest of the world.
pub(crate) struct Setup {
    pub(crate) session: Session<MultiplexingPacketConn>,
    id: ClientId,
    pub(crate) peers: mpsc::Receiver<Peer>,
    pub(crate) ends: mpsc::Receiver<String>,
    pub(crate) log: Arc<Log>,
}

/// A conn whose dials meet these fates.
pub(crate) fn setup(fates: &[Fate]) -> Setup {
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
    pub(crate) async fn next(&mut self) -> (CarrierId, Peer) {
        let carrier = self.session.opened().await;
        let mut peer = self.peers.recv().await.expect("it was dialed");
        assert_eq!(peer.greeting().await, preamble(self.id));
        (carrier, peer)
    }

    pub(crate) fn want(&mut self, carriers: usize) {
        self.session.want(carriers);
    }

    /// Dials so far.
    pub(crate) fn begun(&self) -> usize {
        self.log.begun.load(Ordering::Relaxed)
    }

    pub(crate) fn under_way(&self) -> usize {
        self.log.under_way.load(Ordering::Relaxed)
    }
}

pub(crate) fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}
