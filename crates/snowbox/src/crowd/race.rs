//! Streams that all move the same amount at the same time.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout},
};

use super::in_turns;
use crate::{
    error::{Doing, Error},
    meter::Meter,
    progress::say,
    sheet::{
        Sheet,
        Worse::{Higher, Lower},
    },
    stats::fairness,
    transfer::Direction,
};

/// Time for all transfers of one direction.
const LIMIT: Duration = Duration::from_secs(600);
const MIB: f64 = 1024.0 * 1024.0;

/// What became of it.
#[derive(Debug)]
pub(crate) struct Race {
    /// Bytes that each was to move.
    pub(crate) size: u64,
    /// How long each transfer took that was right to the last byte.
    pub(crate) took: Vec<Duration>,
    /// All of them.
    pub(crate) whole: Duration,
}

impl Race {
    /// Moves `size` bytes over each stream at once. At its end waits an [`Origin`](crate::origin::Origin).
    ///
    /// # Errors
    /// When there are no random bytes. A stream that fails is no error; why it did is said.
    pub(crate) async fn run<S>(
        streams: Vec<S>,
        direction: Direction,
        size: u64,
    ) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let seed = getrandom::u64().map_err(io::Error::other).doing("asking for random bytes")?;
        let seeds = (0..).map(|number| seed.wrapping_add(number));
        let start = Instant::now();
        let transfers = streams.into_iter().zip(seeds).map(move |(stream, seed)| async move {
            let ended = finish(stream, direction, seed, size).await;
            ended.map(|stream| (stream, start.elapsed()))
        });
        let ended = in_turns(usize::MAX, transfers).await;
        let took = ended.iter().flatten().map(|(_, took)| *took).collect();
        Ok(Self { size, took, whole: start.elapsed() })
    }

    /// MiB that were moved.
    pub(crate) fn mib(&self) -> f64 {
        self.size as f64 * self.took.len() as f64 / MIB
    }

    /// Writes it down; `wanted` streams there should have been.
    pub(crate) fn note(&self, sheet: &mut Sheet, label: &str, wanted: u32) {
        let done = self.took.len() as f64;
        let rates: Vec<f64> = self.took.iter().map(|took| 1.0 / took.as_secs_f64()).collect();
        for (name, worse, value) in [
            ("users", Lower, done),
            ("failures", Higher, f64::from(wanted) - done),
            ("MiB/s", Lower, self.mib() / self.whole.as_secs_f64()),
            ("fairness", Lower, fairness(&rates).unwrap_or(f64::NAN)),
            ("fastest s", Lower, self.took.iter().min().map_or(f64::NAN, Duration::as_secs_f64)),
            ("slowest s", Higher, self.took.iter().max().map_or(f64::NAN, Duration::as_secs_f64)),
        ] {
            sheet.add(label, name, worse, value);
        }
    }
}

/// The stream again, if every byte was right: the last of them may still have to be acknowledged.
async fn finish<S>(mut stream: S, direction: Direction, seed: u64, size: u64) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let meter = Meter::start(size);
    let work = direction.run_over(&mut stream, seed, &meter);
    match timeout(LIMIT, work).await {
        Ok(Ok(())) => return Some(stream),
        Ok(Err(error)) => say(error),
        Err(_) => say(format_args!("a user's {} was not over in {LIMIT:?}", direction.name())),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_of_those_who_succeeded() {
        let second = Duration::from_secs(1);
        let race = Race { size: 1 << 20, took: vec![second, 2 * second], whole: 2 * second };
        let mut sheet = Sheet::new("users transfer");
        race.note(&mut sheet, "upload", 3);
        let value = |name| sheet.figure("upload", name).unwrap().median;
        assert_eq!((value("users"), value("failures")), (2.0, 1.0));
        assert_eq!((value("MiB/s"), value("fairness")), (1.0, 0.9));
        assert_eq!((value("fastest s"), value("slowest s")), (1.0, 2.0));
    }
}
