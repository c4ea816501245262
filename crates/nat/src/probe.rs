//! [`Probe`]: all questions to one server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use snowflake_addresses::is_remote;

use crate::message::{Id, Response};
use crate::question::Question;

/// What our NAT does, as far as others have to care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Neither mapping nor filtering depends on whom we talk to; also when there is no NAT.
    Open,
    /// The mapping does not, the filtering does: who is to reach us has to be sent something first.
    Moderate,
    /// The mapping does: nobody can know in advance where we will be seen.
    Strict,
}

/// Why a server says nothing about our NAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It did not answer.
    Silent,
    /// It has no other address that could be used, like most STUN servers.
    NoOtherAddress,
    /// Its other address did not answer.
    OtherAddressSilent,
}

/// One of the two sockets of a probe. Each needs a port of its own, and neither may be connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Asks both addresses of the server.
    Mapping,
    /// Asks only the server, and hears from its other address.
    Filtering,
}

/// A packet to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// From which socket.
    pub from: Port,
    /// To which address.
    pub to: SocketAddr,
    /// What.
    pub packet: Vec<u8>,
}

/// Random bytes for one probe: the names of its three questions. They keep strangers from answering them.
pub type Randomness = [[u8; 12]; 3];

/// The questions to one server.
///
/// After each call that takes packets or time: [`poll_transmit`](Self::poll_transmit) until there is nothing to send,
/// then [`outcome`](Self::outcome), then [`poll_timeout`](Self::poll_timeout). It is over within
/// [`limits::LONGEST`](crate::limits::LONGEST).
#[derive(Debug)]
pub struct Probe {
    server: SocketAddr,
    later: [Id; 2],
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The server is asked who we are.
    First(Question),
    /// It told, and its other address is asked, and asked for.
    Second {
        mapped: SocketAddr,
        mapping: Test<()>,
        filtering: Test<Behaviour>,
    },
    Over(Result<Behaviour, Unusable>),
}

#[derive(Debug)]
enum Test<T> {
    Running(Question),
    Done(T),
}

impl Probe {
    /// Begins to ask `server`.
    pub fn new(server: SocketAddr, [first, second, third]: Randomness, now: Instant) -> Self {
        let stage = Stage::First(Question::plain(first, server, now));
        Self { server, later: [second, third], stage }
    }

    /// The server.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// The next packet to send now, if there is one.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        self.questions().into_iter().flatten().find_map(|(from, question)| {
            let (to, packet) = question.poll_transmit(now)?;
            Some(Transmit { from, to, packet })
        })
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` when it is over.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.questions().into_iter().flatten().map(|(_, question)| question.due()).min()
    }

    /// What came of it; `None` as long as it goes on.
    pub fn outcome(&self) -> Option<Result<Behaviour, Unusable>> {
        match self.stage {
            Stage::Over(outcome) => Some(outcome),
            Stage::First(_) | Stage::Second { .. } => None,
        }
    }

    /// Takes a datagram that came on socket `on`; what is not an answer to a question is ignored.
    pub fn handle_packet(&mut self, now: Instant, on: Port, from: SocketAddr, datagram: &[u8]) {
        match (&mut self.stage, on) {
            (Stage::First(question), Port::Mapping) => {
                if let Some(response) = question.answer(from, datagram) {
                    self.stage = self.second(&response, now);
                }
            }
            (Stage::Second { mapped, mapping, .. }, Port::Mapping) => {
                if let Some(response) = mapping.answer(from, datagram) {
                    *mapping = Test::Done(());
                    if response.mapped != *mapped {
                        self.stage = Stage::Over(Ok(Behaviour::Strict));
                    }
                }
            }
            (Stage::Second { filtering, .. }, Port::Filtering) => {
                if filtering.answer(from, datagram).is_some() {
                    *filtering = Test::Done(Behaviour::Open);
                }
            }
            (Stage::First(_), Port::Filtering) | (Stage::Over(_), _) => {}
        }
        self.conclude();
    }

    /// Takes the time: questions that nobody has answered are over.
    pub fn handle_timeout(&mut self, now: Instant) {
        match &mut self.stage {
            Stage::First(question) if question.is_over(now) => {
                self.stage = Stage::Over(Err(Unusable::Silent));
            }
            Stage::Second { mapping, .. } if mapping.is_over(now) => {
                self.stage = Stage::Over(Err(Unusable::OtherAddressSilent));
            }
            Stage::Second { filtering, .. } if filtering.is_over(now) => {
                *filtering = Test::Done(Behaviour::Moderate);
            }
            Stage::First(_) | Stage::Second { .. } | Stage::Over(_) => {}
        }
        self.conclude();
    }

    /// What follows from the first answer.
    fn second(&self, response: &Response, now: Instant) -> Stage {
        let Some(other) = response.other.filter(|other| is_another_host(*other, self.server))
        else {
            return Stage::Over(Err(Unusable::NoOtherAddress));
        };
        let [mapping, filtering] = self.later;
        Stage::Second {
            mapped: response.mapped,
            mapping: Test::Running(Question::plain(mapping, other, now)),
            filtering: Test::Running(Question::answered_from(filtering, self.server, other, now)),
        }
    }

    /// It is over when both tests are.
    fn conclude(&mut self) {
        if let Stage::Second { mapping: Test::Done(()), filtering: Test::Done(behaviour), .. } =
            self.stage
        {
            self.stage = Stage::Over(Ok(behaviour));
        }
    }

    /// The questions under way, with the sockets that they use.
    fn questions(&mut self) -> [Option<(Port, &mut Question)>; 2] {
        match &mut self.stage {
            Stage::First(question) => [Some((Port::Mapping, question)), None],
            Stage::Second { mapping, filtering, .. } => [
                mapping.running().map(|question| (Port::Mapping, question)),
                filtering.running().map(|question| (Port::Filtering, question)),
            ],
            Stage::Over(_) => [None, None],
        }
    }
}

impl<T> Test<T> {
    fn running(&mut self) -> Option<&mut Question> {
        match self {
            Self::Running(question) => Some(question),
            Self::Done(_) => None,
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        matches!(self, Self::Running(question) if question.is_over(now))
    }

    fn answer(&mut self, from: SocketAddr, datagram: &[u8]) -> Option<Response> {
        self.running()?.answer(from, datagram)
    }
}

/// Whether a server may send us to `other`: never from the world into a network of ours or of our carrier.
fn is_another_host(other: SocketAddr, server: SocketAddr) -> bool {
    other.is_ipv4() == server.is_ipv4()
        && other.ip() != server.ip()
        && other.port() != 0
        && is_one_host(other.ip())
        && (is_remote(other.ip()) || !is_remote(server.ip()))
}

fn is_one_host(ip: IpAddr) -> bool {
    let is_broadcast = ip.to_canonical() == IpAddr::V4(Ipv4Addr::BROADCAST);
    !(ip.is_unspecified() || ip.to_canonical().is_multicast() || is_broadcast)
}

#[cfg(test)]
mod tests;
