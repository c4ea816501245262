//! One question to a server, and the answer that belongs to it.

use std::net::SocketAddr;
use std::time::Instant;

use crate::limits::{TRANSMISSIONS, WAITS};
use crate::message::{Id, Response, request};

/// A question under way.
#[derive(Debug)]
pub(crate) struct Question {
    id: Id,
    packet: Vec<u8>,
    to: SocketAddr,
    /// Where its answer comes from.
    answered_from: SocketAddr,
    sent: usize,
    /// When it is to be sent (again), or is over.
    due: Instant,
}

impl Question {
    /// A question to `to`, to be sent at once.
    pub(crate) fn plain(id: Id, to: SocketAddr, now: Instant) -> Self {
        Self { id, packet: request(id, false), to, answered_from: to, sent: 0, due: now }
    }

    /// A question to `to` that is to be answered from its other address.
    pub(crate) fn answered_from(id: Id, to: SocketAddr, other: SocketAddr, now: Instant) -> Self {
        Self { id, packet: request(id, true), to, answered_from: other, sent: 0, due: now }
    }

    /// Where to send it, and what, if that is due.
    pub(crate) fn poll_transmit(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        let wait = *WAITS.get(self.sent)?;
        if now < self.due {
            return None;
        }
        self.sent += 1;
        self.due = now + wait;
        Some((self.to, self.packet.clone()))
    }

    /// Whether it will not be answered any more.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.sent == TRANSMISSIONS && self.due <= now
    }

    /// When to look again.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// What the datagram says if it is the answer; a question that was not asked yet has none.
    pub(crate) fn answer(&self, from: SocketAddr, datagram: &[u8]) -> Option<Response> {
        // A socket of IPv6 reports a scope as well, which no server knows.
        let is_theirs =
            from.ip() == self.answered_from.ip() && from.port() == self.answered_from.port();
        if self.sent == 0 || !is_theirs {
            return None;
        }
        Response::read(datagram).filter(|response| {
            response.id == self.id && response.mapped.is_ipv4() == self.to.is_ipv4()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use snowflake_netsim::epoch;

    use super::*;

    #[test]
    fn it_is_sent_three_times_in_three_seconds() {
        let mut question = Question::plain([7; 12], "192.0.2.1:3478".parse().unwrap(), epoch());
        let mut sent = Vec::new();
        let mut now = epoch();
        while !question.is_over(now) {
            while question.poll_transmit(now).is_some() {
                sent.push((now - epoch()).as_millis());
            }
            now = question.due();
        }
        assert_eq!(sent, [0, 500, 1500]);
        assert_eq!(now - epoch(), Duration::from_secs(3));
    }
}
