use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;
use snowflake_netsim::epoch;

use super::*;
use crate::limits::{LONGEST, TRANSMISSIONS, WAITS};
use crate::stand_in::answer;

const IDS: Randomness = [[1; 12], [2; 12], [3; 12]];
const ROUND_TRIP: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Nat {
    Open,
    AddressRestricted,
    PortRestricted,
    Symmetric,
}

/// A server with two addresses, and a NAT in front of us.
struct Network {
    nat: Nat,
    /// The server's two addresses, and ours as seen from outside.
    addresses: [SocketAddr; 3],
    /// Whom each socket has sent to.
    known: HashSet<(bool, SocketAddr)>,
    names_other: bool,
    other_is_dead: bool,
    lost: usize,
    round_trip: Duration,
}

impl Network {
    fn new(nat: Nat, addresses: [&str; 3]) -> Self {
        let addresses = addresses.map(|address| address.parse().unwrap());
        Self {
            nat,
            addresses,
            known: HashSet::new(),
            names_other: true,
            other_is_dead: false,
            lost: 0,
            round_trip: ROUND_TRIP,
        }
    }

    fn four(nat: Nat) -> Self {
        Self::new(nat, ["192.0.2.1:3478", "192.0.2.2:3479", "203.0.113.9:40000"])
    }

    fn six(nat: Nat) -> Self {
        Self::new(nat, ["[2001:db8::1]:3478", "[2001:db8::2]:3479", "[2001:db8:1::9]:40000"])
    }

    /// From where a packet is answered, with what, if the answer comes through.
    fn exchange(&mut self, sent: &Transmit) -> Option<(SocketAddr, Vec<u8>)> {
        let socket = sent.from == Port::Filtering;
        self.known.insert((socket, sent.to));
        if self.lost > 0 {
            self.lost -= 1;
            return None;
        }
        let [server, other, us] = self.addresses;
        let from = if sent.packet.len() > 20 { other } else { sent.to };
        if self.other_is_dead && from == other {
            return None;
        }
        let depends = self.nat == Nat::Symmetric && sent.to != server;
        let port = us.port() + u16::from(socket) + 100 * u16::from(depends);
        let passes = match self.nat {
            Nat::Open => true,
            Nat::AddressRestricted => {
                self.known.iter().any(|(to, at)| (*to, at.ip()) == (socket, from.ip()))
            }
            Nat::PortRestricted | Nat::Symmetric => self.known.contains(&(socket, from)),
        };
        let id = sent.packet[8..20].try_into().unwrap();
        let answer = answer(id, SocketAddr::new(us.ip(), port), self.names_other.then_some(other));
        passes.then_some((from, answer))
    }

    /// Runs a probe to its end; returns what came of it, and when.
    fn run(&mut self) -> (Result<Behaviour, Unusable>, Duration) {
        let mut now = epoch();
        let mut probe = Probe::new(self.addresses[0], IDS, now);
        let mut arriving: Vec<(Instant, Port, SocketAddr, Vec<u8>)> = Vec::new();
        loop {
            while let Some(sent) = probe.poll_transmit(now) {
                if let Some((from, datagram)) = self.exchange(&sent) {
                    arriving.push((now + self.round_trip, sent.from, from, datagram));
                }
            }
            if let Some(outcome) = probe.outcome() {
                assert_eq!(probe.poll_timeout(), None);
                return (outcome, now - epoch());
            }
            let next = arriving.iter().map(|(at, ..)| *at).chain(probe.poll_timeout()).min();
            now = next.expect("a probe that is not over waits for something");
            arriving.retain(|(at, on, from, datagram)| {
                if *at <= now {
                    probe.handle_packet(now, *on, *from, datagram);
                }
                *at > now
            });
            probe.handle_timeout(now);
        }
    }
}

#[test]
fn each_kind_of_nat_is_told_over_both_families() {
    for network in [Network::four, Network::six] {
        for (nat, behaviour, time) in [
            (Nat::Open, Behaviour::Open, 2 * ROUND_TRIP),
            (Nat::Symmetric, Behaviour::Strict, 2 * ROUND_TRIP),
            (Nat::AddressRestricted, Behaviour::Moderate, ROUND_TRIP + Duration::from_secs(3)),
            (Nat::PortRestricted, Behaviour::Moderate, ROUND_TRIP + Duration::from_secs(3)),
        ] {
            assert_eq!(network(nat).run(), (Ok(behaviour), time));
        }
    }
}

#[test]
fn two_packets_in_a_row_may_be_lost() {
    let mut network = Network { lost: 2, ..Network::four(Nat::Open) };
    assert_eq!(network.run(), (Ok(Behaviour::Open), Duration::from_millis(1500) + 2 * ROUND_TRIP));
}

#[test]
fn a_server_that_cannot_tell_says_why() {
    let mut dead = Network { lost: usize::MAX, ..Network::four(Nat::Open) };
    assert_eq!(dead.run(), (Err(Unusable::Silent), Duration::from_secs(3)));
    let mut plain = Network { names_other: false, ..Network::four(Nat::Open) };
    assert_eq!(plain.run(), (Err(Unusable::NoOtherAddress), ROUND_TRIP));
    let mut half = Network { other_is_dead: true, ..Network::four(Nat::Open) };
    let time = ROUND_TRIP + Duration::from_secs(3);
    assert_eq!(half.run(), (Err(Unusable::OtherAddressSilent), time));
}

/// Each stage lasts to the end of its last wait: what comes then still counts.
#[test]
fn it_is_over_after_the_longest_time() {
    let mut slow = Network { lost: 2, other_is_dead: true, ..Network::four(Nat::Open) };
    slow.round_trip = WAITS[TRANSMISSIONS - 1];
    assert_eq!(slow.run(), (Err(Unusable::OtherAddressSilent), LONGEST));
    assert_eq!(LONGEST, Duration::from_secs(6));
}

#[test]
fn a_server_cannot_send_us_where_it_likes() {
    for other in [
        "192.0.2.1:3479",
        "192.0.2.2:0",
        "0.0.0.0:3479",
        "224.0.0.1:3479",
        "255.255.255.255:3479",
        "127.0.0.1:3479",
        "192.168.1.1:80",
        "100.64.0.1:3479",
        "[2001:db8::2]:3479",
    ] {
        let mut network = Network::four(Nat::Open);
        network.addresses[1] = other.parse().unwrap();
        assert_eq!(network.run().0, Err(Unusable::NoOtherAddress), "{other}");
    }
    // One of our own network may name another there, but nobody who is not one host.
    let local = |other| Network::new(Nat::Open, ["127.0.0.1:3478", other, "127.0.0.1:40000"]).run();
    assert_eq!(local("127.0.0.2:3479").0, Ok(Behaviour::Open));
    for other in ["255.255.255.255:3479", "224.0.0.1:3479", "0.0.0.0:3479"] {
        assert_eq!(local(other).0, Err(Unusable::NoOtherAddress), "{other}");
    }
}

/// A probe that waits for the answer to its first question, and the right answer.
fn asked() -> (Probe, SocketAddr, Vec<u8>) {
    let [server, other, us] = Network::four(Nat::Open).addresses;
    let mut probe = Probe::new(server, IDS, epoch());
    probe.poll_transmit(epoch()).unwrap();
    (probe, server, answer(IDS[0], us, Some(other)))
}

/// How the probe goes on from here: what it would send, and when.
fn state(probe: &Probe) -> String {
    format!("{probe:?}")
}

#[test]
fn an_answer_with_another_transaction_is_ignored() {
    let (mut probe, server, right) = asked();
    let before = state(&probe);
    for at in 8..20 {
        let mut wrong = right.clone();
        wrong[at] ^= 1;
        probe.handle_packet(epoch(), Port::Mapping, server, &wrong);
        assert_eq!(state(&probe), before, "byte {at}");
    }
    probe.handle_packet(epoch(), Port::Mapping, server, &right);
    assert_ne!(state(&probe), before);
}

#[test]
fn an_answer_from_elsewhere_or_on_the_other_socket_is_ignored() {
    let (mut probe, server, right) = asked();
    let before = state(&probe);
    for from in ["192.0.2.1:3479", "192.0.2.2:3478", "192.0.2.2:3479", "[::ffff:192.0.2.1]:3478"] {
        probe.handle_packet(epoch(), Port::Mapping, from.parse().unwrap(), &right);
        assert_eq!(state(&probe), before, "{from}");
    }
    probe.handle_packet(epoch(), Port::Filtering, server, &right);
    assert_eq!(state(&probe), before);
    probe.handle_packet(epoch(), Port::Mapping, server, &right);
    assert_ne!(state(&probe), before);
}

/// A server that ignores CHANGE-REQUEST answers from where it was asked, which proves nothing.
#[test]
fn only_the_other_address_shows_that_nothing_is_filtered() {
    let [server, other, us] = Network::four(Nat::Open).addresses;
    let (mut probe, _, right) = asked();
    probe.handle_packet(epoch(), Port::Mapping, server, &right);
    let sent: Vec<_> = std::iter::from_fn(|| probe.poll_transmit(epoch())).collect();
    let whereto: Vec<_> = sent.iter().map(|packet| (packet.from, packet.to)).collect();
    assert_eq!(whereto, [(Port::Mapping, other), (Port::Filtering, server)]);
    probe.handle_packet(epoch(), Port::Mapping, other, &answer(IDS[1], us, None));
    probe.handle_packet(epoch(), Port::Filtering, server, &answer(IDS[2], us, None));
    assert_eq!(probe.outcome(), None);
    probe.handle_packet(epoch(), Port::Filtering, other, &answer(IDS[2], us, None));
    assert_eq!(probe.outcome(), Some(Ok(Behaviour::Open)));
}

#[test]
fn an_answer_that_comes_twice_counts_once() {
    let (mut probe, server, right) = asked();
    probe.handle_packet(epoch(), Port::Mapping, server, &right);
    let before = state(&probe);
    probe.handle_packet(epoch(), Port::Mapping, server, &right);
    assert_eq!(state(&probe), before);
}

#[test]
fn an_answer_before_its_question_is_ignored() {
    let (_, server, right) = asked();
    let mut probe = Probe::new(server, IDS, epoch());
    let before = state(&probe);
    probe.handle_packet(epoch(), Port::Mapping, server, &right);
    assert_eq!(state(&probe), before);
}

#[test]
fn the_scope_that_a_socket_adds_does_not_matter() {
    let server = "[fe80::1]:3478".parse().unwrap();
    let mut probe = Probe::new(server, IDS, epoch());
    probe.poll_transmit(epoch()).unwrap();
    let answer = answer(IDS[0], "[fe80::2]:9".parse().unwrap(), None);
    probe.handle_packet(epoch(), Port::Mapping, "[fe80::1%7]:3478".parse().unwrap(), &answer);
    assert_eq!(probe.outcome(), Some(Err(Unusable::NoOtherAddress)));
}

proptest! {
    #[test]
    fn stray_datagrams_are_ignored(
        datagram in proptest::collection::vec(any::<u8>(), 0..100),
        seed in any::<bool>(),
    ) {
        let (mut probe, server, right) = asked();
        let before = state(&probe);
        // Half of them begin like an answer.
        let head = if seed { &right[..8] } else { &[] };
        let datagram = [head, &datagram].concat();
        prop_assume!(!datagram.starts_with(&right[..20]));
        probe.handle_packet(epoch(), Port::Mapping, server, &datagram);
        probe.handle_packet(epoch(), Port::Filtering, server, &datagram);
        prop_assert_eq!(state(&probe), before);
    }
}
