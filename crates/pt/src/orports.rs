//! Several ORPorts behind one server: the least loaded first, a dead one last.
//!
//! ```no_run
//! use snowflake_pt::{OrPort, OrPorts};
//!
//! # async fn example() -> Result<(), snowflake_pt::error::OrPortError> {
//! let ports = [9001, 9002].map(|port| OrPort::Plain(([127, 0, 0, 1], port).into()));
//! let or_ports = OrPorts::new(ports, None);
//! let (stream, place) = or_ports.dial(None).await?;
//! // As long as the place is held, the stream counts.
//! # drop((stream, place));
//! # Ok(())
//! # }
//! ```

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{net::TcpStream, time::Instant};
use tracing::{info, warn};

use crate::{OrPort, OrPortDialer, SourceAddresses, error::OrPortError};

/// How long an ORPort that did not take a stream comes after all others: 30 s. A tor that is started again is back by
/// then. One that hangs costs one stream in 30 s the time of a dial: while that one tries, the pause begins anew.
pub const DEAD_PAUSE: Duration = Duration::from_secs(30);

/// Dials one of several ORPorts, once for each stream. Copies share what they know.
#[derive(Clone, Debug)]
pub struct OrPorts(Arc<[Port]>);

#[derive(Debug)]
struct Port {
    /// Its place among the ORPorts of `orport=`, from 1; the log has no addresses.
    number: usize,
    dialer: OrPortDialer,
    /// Streams that it has, or is about to get.
    load: AtomicUsize,
    /// Set when it did not take a stream.
    dead_until: Mutex<Option<Instant>>,
}

/// A stream's place at its ORPort, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    ports: OrPorts,
    index: usize,
}

impl OrPorts {
    /// These ORPorts, reached from a random address of `source`, or from whatever address the system chooses.
    pub fn new(
        or_ports: impl IntoIterator<Item = OrPort>,
        source: Option<SourceAddresses>,
    ) -> Self {
        let ports = or_ports.into_iter().zip(1..).map(|(or_port, number)| Port {
            number,
            dialer: OrPortDialer::new(or_port, source),
            load: AtomicUsize::new(0),
            dead_until: Mutex::new(None),
        });
        Self(ports.collect())
    }

    /// A connection to the ORPort that has the fewest streams, or to the next if that does not take it; see
    /// [`OrPortDialer::dial`]. Those that have not taken a stream lately are tried after all others.
    ///
    /// # Errors
    ///
    /// What was wrong with the last one, after at most [`DIAL_LIMIT`](crate::orport::DIAL_LIMIT) for each.
    ///
    /// # Cancel safety
    ///
    /// Cancelling closes the connection and gives its place back.
    pub async fn dial(&self, user: Option<SocketAddr>) -> Result<(TcpStream, Place), OrPortError> {
        let mut result = Err(OrPortError::NoPort);
        for index in self.best_first(Instant::now()) {
            let (port, place) = (&self.0[index], Place::take(self, index));
            port.is_tried(Instant::now());
            match port.dialer.dial(user).await {
                Ok(stream) => {
                    port.lives();
                    return Ok((stream, place));
                }
                Err(error) => {
                    if self.0.len() > 1 {
                        port.dies(Instant::now(), &error);
                    }
                    result = Err(error);
                }
            }
        }
        result
    }

    fn best_first(&self, now: Instant) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.0.len()).collect();
        order.sort_by_cached_key(|index| {
            let port = &self.0[*index];
            let dead = port.dead_until().is_some_and(|until| now < until);
            (dead, port.load.load(Ordering::Relaxed))
        });
        order
    }
}

impl Port {
    /// Claims the trial after a pause: the streams that come meanwhile go elsewhere.
    fn is_tried(&self, now: Instant) {
        if let Some(until) = &mut *self.dead_until()
            && *until <= now
        {
            *until = now + DEAD_PAUSE;
        }
    }

    fn lives(&self) {
        if self.dead_until().take().is_some() {
            info!("ORPort no. {} of orport= takes streams again", self.number);
        }
    }

    /// A row of failures has one line in the log.
    fn dies(&self, now: Instant, error: &OrPortError) {
        if self.dead_until().replace(now + DEAD_PAUSE).is_none() {
            let number = self.number;
            warn!(
                "ORPort no. {number} of orport= comes last until it takes streams again: {error}"
            );
        }
    }

    fn dead_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.dead_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn take(ports: &OrPorts, index: usize) -> Self {
        ports.0[index].load.fetch_add(1, Ordering::Relaxed);
        Self { ports: ports.clone(), index }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.ports.0[self.index].load.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn two() -> OrPorts {
        OrPorts::new([9001, 9002].map(|port| OrPort::Plain(([127, 0, 0, 1], port).into())), None)
    }

    #[test]
    fn a_dead_one_comes_last_until_its_pause_is_over() {
        let (ports, now) = (two(), Instant::now());
        let _streams = [Place::take(&ports, 1), Place::take(&ports, 1)];
        assert_eq!(ports.best_first(now), [0, 1], "it has fewer streams");
        ports.0[0].dies(now, &OrPortError::NoPort);
        assert_eq!(ports.best_first(now + DEAD_PAUSE - SECOND), [1, 0]);
        assert_eq!(ports.best_first(now + DEAD_PAUSE), [0, 1]);
    }

    #[test]
    fn one_stream_tries_a_dead_one_while_the_others_go_elsewhere() {
        let (ports, now) = (two(), Instant::now());
        let _streams = [Place::take(&ports, 1), Place::take(&ports, 1)];
        ports.0[0].dies(now, &OrPortError::NoPort);
        // Whoever has no choice may try it within the pause, which changes nothing.
        ports.0[0].is_tried(now + SECOND);
        let trial = now + DEAD_PAUSE;
        assert_eq!(ports.best_first(trial), [0, 1]);
        ports.0[0].is_tried(trial);
        assert_eq!(ports.best_first(trial), [1, 0]);
        assert_eq!(ports.best_first(trial + DEAD_PAUSE), [0, 1], "the trial was given up");
        ports.0[0].lives();
        assert_eq!(ports.best_first(trial), [0, 1]);
    }

    #[test]
    fn what_was_never_dead_needs_no_trial() {
        let (ports, now) = (two(), Instant::now());
        ports.0[0].is_tried(now);
        assert_eq!(ports.best_first(now), [0, 1]);
    }
}
