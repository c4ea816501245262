//! What a path that loses packets is used for, and that a full one is not overfilled. On a virtual clock.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc_sctp::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event,
    Payload, PayloadProtocolIdentifier, ServerConfig, TransportConfig,
};
use shared::TransportProtocol;

/// What the application keeps waiting to be sent.
const BUFFERED: usize = 512 << 10;
/// What DTLS, UDP and IP add to a packet.
const HEADERS: usize = 65;

/// One direction of a path.
struct Link {
    rate: f64,
    delay: Duration,
    queue: Duration,
    loss: f64,
    random: u64,
    free_at: Instant,
    under_way: VecDeque<(Instant, Bytes)>,
    /// Packets that found the queue full, and all.
    overflowed: usize,
    sent: usize,
}

impl Link {
    fn send(&mut self, now: Instant, packet: Bytes) {
        self.sent += 1;
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let is_lost = ((self.random >> 11) as f64) < self.loss * (1u64 << 53) as f64;
        let begins = self.free_at.max(now);
        if begins > now + self.queue {
            self.overflowed += 1;
            return;
        }
        let time = (packet.len() + HEADERS) as f64 / self.rate;
        self.free_at = begins + Duration::from_secs_f64(time);
        if !is_lost {
            self.under_way
                .push_back((self.free_at + self.delay, packet));
        }
    }

    fn arrived(&mut self, now: Instant) -> Option<Bytes> {
        let is_due = self.under_way.front().is_some_and(|(at, _)| *at <= now);
        is_due.then(|| self.under_way.pop_front().unwrap().1)
    }
}

struct End {
    endpoint: Endpoint,
    peer: SocketAddr,
    association: Option<(AssociationHandle, Association)>,
    received: usize,
}

impl End {
    fn new(port: u16, peer: u16, server: Option<ServerConfig>) -> Self {
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let config = Arc::new(EndpointConfig::default());
        let server = server.map(Arc::new);
        let endpoint = Endpoint::new(address(port), TransportProtocol::UDP, config, server);
        Self {
            endpoint,
            peer: address(peer),
            association: None,
            received: 0,
        }
    }

    fn receive(&mut self, now: Instant, packet: Bytes) {
        let Some((handle, event)) = self.endpoint.handle(now, self.peer, None, packet) else {
            return;
        };
        match (event, &mut self.association) {
            // An INIT that was repeated makes another one; the first is as good.
            (DatagramEvent::NewAssociation(new), None) => self.association = Some((handle, new)),
            (DatagramEvent::AssociationEvent(event), Some((_, association))) => {
                association.handle_event(event);
            }
            _ => {}
        }
    }

    /// Lets the association do what is due, and gives what it sends to `link`.
    fn drive(&mut self, now: Instant, link: &mut Link) {
        let Some((handle, association)) = &mut self.association else {
            return;
        };
        if association.poll_timeout().is_some_and(|at| at <= now) {
            association.handle_timeout(now);
        }
        while let Some(event) = association.poll() {
            assert!(!matches!(event, Event::AssociationLost { .. }), "{event:?}");
        }
        for id in association.stream_ids() {
            let mut stream = association.stream(id).unwrap();
            while let Some(chunks) = stream.read().unwrap() {
                self.received += chunks.len();
            }
        }
        while let Some(event) = association.poll_endpoint_event() {
            self.endpoint.handle_event(*handle, event);
        }
        while let Some(transmit) = association.poll_transmit(now) {
            if let Payload::RawEncode(packets) = transmit.message {
                packets
                    .into_iter()
                    .for_each(|packet| link.send(now, packet));
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.association.as_ref()?.1.poll_timeout()
    }
}

struct Path {
    now: Instant,
    ends: [End; 2],
    links: [Link; 2],
}

impl Path {
    /// Of so many Mbit/s, with a queue of 100 ms.
    fn new(mbit: f64, round_trip: u64, loss: f64, seed: u64) -> Self {
        let now = Instant::now();
        let link = |number: u64| Link {
            rate: mbit * 125_000.0,
            delay: Duration::from_millis(round_trip) / 2,
            queue: Duration::from_millis(100),
            loss,
            random: 0x9e37_79b9_7f4a_7c15u64.wrapping_mul(2 * seed + number + 1),
            free_at: now,
            under_way: VecDeque::new(),
            overflowed: 0,
            sent: 0,
        };
        let server = ServerConfig::new(TransportConfig::default());
        let mut client = End::new(1, 2, None);
        let config = ClientConfig::new(TransportConfig::default());
        client.association = Some(client.endpoint.connect(now, config, client.peer).unwrap());
        Self {
            now,
            ends: [client, End::new(2, 1, Some(server))],
            links: [link(0), link(1)],
        }
    }

    /// The client sends all it can; returns Mbit/s that arrived.
    fn upload(&mut self, time: Duration) -> f64 {
        let (end, before) = (self.now + time, self.ends[1].received);
        let message = Bytes::from(vec![7; 1160]);
        while self.now < end {
            self.write(&message);
            for at in 0..2 {
                self.ends[at].drive(self.now, &mut self.links[at]);
                while let Some(packet) = self.links[at].arrived(self.now) {
                    self.ends[1 - at].receive(self.now, packet);
                }
            }
            let arrivals = self
                .links
                .iter()
                .filter_map(|link| Some(link.under_way.front()?.0));
            let deadlines = self.ends.iter().filter_map(End::deadline);
            // A clock of milliseconds, as those who drive an association have; what has just been received may
            // let something be written.
            let soon = self.now + Duration::from_millis(1);
            self.now = arrivals
                .chain(deadlines)
                .min()
                .unwrap_or(soon)
                .max(soon)
                .min(end);
        }
        (self.ends[1].received - before) as f64 * 8e-6 / time.as_secs_f64()
    }

    fn write(&mut self, message: &Bytes) {
        let Some((_, association)) = &mut self.ends[0].association else {
            return;
        };
        if association.is_handshaking() {
            return;
        }
        if association.stream(0).is_err() {
            association
                .open_stream(0, PayloadProtocolIdentifier::Binary)
                .unwrap();
        }
        let mut stream = association.stream(0).unwrap();
        while stream.buffered_amount().unwrap() < BUFFERED {
            stream.write_chunk(self.now, message).unwrap();
        }
    }
}

/// The least of several seeds, in the first ten seconds and in the next twenty.
fn least(mbit: f64, round_trip: u64, loss: f64) -> (f64, f64, f64) {
    let mut least = (f64::MAX, f64::MAX, 0.0f64);
    for seed in 0..3 {
        let mut path = Path::new(mbit, round_trip, loss, seed);
        let start = path.upload(Duration::from_secs(10));
        let then = path.upload(Duration::from_secs(20));
        let overflowed = path.links[0].overflowed as f64 / path.links[0].sent as f64;
        least = (
            least.0.min(start),
            least.1.min(then),
            least.2.max(overflowed),
        );
    }
    println!("{mbit} Mbit/s, {round_trip} ms, {loss}: {least:.3?}");
    least
}

#[test]
fn losses_by_chance_leave_the_path_usable() {
    for (loss, wanted) in [(0.0, 18.0), (0.01, 15.0), (0.05, 10.0)] {
        let (start, then, overflowed) = least(20.0, 100, loss);
        assert!(
            start >= 0.7 * wanted && then >= wanted,
            "{start} {then} at {loss}"
        );
        assert!(overflowed < 0.1, "{overflowed} at {loss}");
    }
}

#[test]
fn a_full_path_is_not_overfilled() {
    for mbit in [1.0, 5.0, 20.0] {
        for round_trip in [0, 50, 100] {
            let (_, then, overflowed) = least(mbit, round_trip, 0.0);
            assert!(then >= 0.88 * mbit, "{then} of {mbit}, {round_trip} ms");
            assert!(overflowed < 0.05, "{overflowed} of {mbit}, {round_trip} ms");
        }
    }
}

#[test]
fn after_a_pause_the_rate_comes_back_soon() {
    let mut path = Path::new(20.0, 100, 0.0, 1);
    path.upload(Duration::from_secs(10));
    path.links[0].loss = 1.0;
    path.upload(Duration::from_secs(5));
    path.links[0].loss = 0.0;
    // The timeout has been doubled four times by then.
    path.upload(Duration::from_secs(5));
    let rate = path.upload(Duration::from_secs(2));
    assert!(rate >= 17.0, "{rate}");
}

#[test]
fn a_path_that_drops_what_exceeds_its_rate_is_not_flooded() {
    let mut path = Path::new(10.0, 50, 0.0, 1);
    path.links[0].queue = Duration::from_millis(5);
    let start = path.upload(Duration::from_secs(10));
    let rate = path.upload(Duration::from_secs(20));
    let Link {
        overflowed, sent, ..
    } = path.links[0];
    let overflowed = overflowed as f64 / sent as f64;
    println!("{start} {rate} {overflowed}");
    assert!(rate >= 5.0 && overflowed < 0.2, "{rate} {overflowed}");
}
