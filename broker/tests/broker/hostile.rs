//! Pairs of a proxy and a client, most of whose answers are of a bad kind, as many a second as wanted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use snowflake_messages::{PollOutcome, SessionDescription};
use tokio::io::BufStream;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::support::*;

/// What is done to a broker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Clients, and as many proxies.
    pub(crate) pairs: usize,
    /// How many of them come in a second.
    pub(crate) per_second: usize,
    /// How long the broker lets a client wait.
    pub(crate) client_wait: Duration,
    /// Connections that send a body of which the end never comes.
    pub(crate) slow_bodies: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Polls of both, answers not counted.
    pub(crate) polls: usize,
    /// When the last of them began; not all of them were on time if there were too many.
    pub(crate) begun: Duration,
    /// For each match the time from the client's poll until its proxy had the offer, the shortest first.
    pub(crate) matches: Vec<Duration>,
    /// How many proxies answered in each way.
    pub(crate) deeds: [usize; DEEDS.len()],
    /// Clients with an answer.
    pub(crate) answered: usize,
    /// Slow bodies that the broker gave up.
    pub(crate) slow_ended: usize,
}

/// What a proxy does with an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Answer,
    AnswerTwice,
    AnswerLate,
    Nothing,
    Garbage,
}

/// One after another, so that one of five is good.
pub(crate) const DEEDS: [Deed; 5] =
    [Deed::Answer, Deed::AnswerTwice, Deed::AnswerLate, Deed::Nothing, Deed::Garbage];

impl Figures {
    /// The match that only this share of all took longer than.
    pub(crate) fn slowest_but(&self, share: f64) -> Duration {
        let index = (self.matches.len() as f64 * (1.0 - share)) as usize;
        self.matches.get(index).or(self.matches.last()).copied().unwrap_or_default()
    }
}

/// What all share.
struct Field {
    address: SocketAddr,
    load: Load,
    start: Instant,
    clients: AtomicUsize,
    proxies: AtomicUsize,
}

impl Field {
    /// Waits for the next turn of those who come here; `None` when all have come.
    async fn turn(&self, of: &AtomicUsize) -> Option<usize> {
        let turn = of.fetch_add(1, Ordering::Relaxed);
        if turn >= self.load.pairs {
            return None;
        }
        let due = Duration::from_secs_f64(turn as f64 / self.load.per_second as f64);
        sleep_until(self.start + due).await;
        Some(turn)
    }

    async fn open(&self) -> Connection<BufStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Connection(BufStream::new(stream))
    }
}

/// Does all this, from as many connections as it needs; they are closed at its end.
pub(crate) async fn load(address: SocketAddr, load: Load) -> Figures {
    let (clients, proxies) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let field = Arc::new(Field { address, load, start: Instant::now(), clients, proxies });
    let (mut slow, mut workers) = (JoinSet::new(), JoinSet::new());
    (0..load.slow_bodies).for_each(|_| drop(slow.spawn(slow_body(field.clone()))));
    // A client waits in vain in three of five cases, a proxy in one.
    let waiting = (load.per_second as f64 * load.client_wait.as_secs_f64()).ceil() as usize;
    (0..waiting / 3 + 16).for_each(|_| drop(workers.spawn(be_proxies(field.clone()))));
    (0..waiting * 3 / 4 + 16).for_each(|_| drop(workers.spawn(be_clients(field.clone()))));
    let mut all = workers.join_all().await.into_iter().fold(Figures::default(), add);
    all.matches.sort_unstable();
    while let Some(ended) = slow.try_join_next() {
        all.slow_ended += ended.unwrap();
    }
    all
}

fn add(mut all: Figures, more: Figures) -> Figures {
    all.polls += more.polls;
    all.begun = all.begun.max(more.begun);
    all.answered += more.answered;
    all.matches.extend(more.matches);
    all.deeds.iter_mut().zip(more.deeds).for_each(|(sum, count)| *sum += count);
    all
}

/// One client after another, on one connection.
async fn be_clients(field: Arc<Field>) -> Figures {
    let (mut figures, mut connection) = (Figures::default(), field.open().await);
    while field.turn(&field.clients).await.is_some() {
        let mut poll = client_poll();
        figures.begun = field.start.elapsed();
        let sent = figures.begun.as_micros();
        let sdp = format!("v=0\r\ns={sent}\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n");
        poll.offer = SessionDescription::offer(sdp).to_text();
        connection.post("/client", poll.encode()).await;
        let reply = connection.reply().await;
        assert_eq!(reply.status, 200);
        figures.polls += 1;
        figures.answered += usize::from(reply.body.starts_with("{\"answer\""));
    }
    figures
}

/// One proxy after another, on one connection.
async fn be_proxies(field: Arc<Field>) -> Figures {
    let (mut figures, mut connection) = (Figures::default(), field.open().await);
    while let Some(turn) = field.turn(&field.proxies).await {
        let sid = format!("proxy-{turn}");
        figures.begun = field.start.elapsed();
        connection.post("/proxy", proxy_poll(&sid).encode()).await;
        let reply = connection.reply().await.poll();
        figures.polls += 1;
        let PollOutcome::Match { offer, .. } = reply.outcome else { continue };
        let sdp = offer.parse().unwrap().sdp;
        let sent = sdp.lines().find_map(|line| line.strip_prefix("s=")?.parse().ok()).unwrap();
        let taken = field.start.elapsed().saturating_sub(Duration::from_micros(sent));
        figures.matches.push(taken);
        let deed = DEEDS[turn % DEEDS.len()];
        figures.deeds[turn % DEEDS.len()] += 1;
        if deed == Deed::AnswerLate {
            sleep(field.load.client_wait + Duration::from_millis(100)).await;
        }
        let answers = match deed {
            Deed::Answer | Deed::AnswerLate => vec![proxy_answer(&sid)],
            Deed::AnswerTwice => vec![proxy_answer(&sid); 2],
            Deed::Nothing => Vec::new(),
            Deed::Garbage => vec!["{\"Answer\":\"a=candidate\"".to_owned()],
        };
        for answer in answers {
            connection.post("/answer", answer).await;
            let expected = if deed == Deed::Garbage { 400 } else { 200 };
            assert_eq!(connection.reply().await.status, expected);
        }
    }
    figures
}

/// A body that never ends; 1 when the broker has given it up.
async fn slow_body(field: Arc<Field>) -> usize {
    let mut connection = field.open().await;
    connection.send("POST /client HTTP/1.1\r\nHost: b\r\nContent-Length: 1000\r\n\r\n").await;
    usize::from(connection.reply().await.status == 408)
}
