//! Streams whose bytes are checked.

use crate::meter::Meter;
use crate::pattern::Pattern;
use crate::{Check, Verdict};
use snowflake_session::Stream;
use snowflake_turbotunnel::ClientId;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// As much as there is time for.
pub const ENDLESS: u64 = u64::MAX;

/// Bytes that are read at once.
const PIECE: usize = 32 * 1024;

/// What a stream is for: how many bytes go up to the server and down to the client, or questions and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Bytes, both directions at once.
    Bytes {
        /// From the client to the server.
        up: u64,
        /// From the server to the client.
        down: u64,
    },
    /// A question of 64 bytes, its echo, a pause, and so on.
    Questions {
        /// From an answer to the next question.
        pause: Duration,
    },
}

/// What both ends know of a stream.
#[derive(Debug)]
pub struct Flow {
    number: u64,
    client: ClientId,
    purpose: Purpose,
    /// What has arrived at the server.
    pub up: Meter,
    /// What has arrived at the client.
    pub down: Meter,
    answers: Mutex<Vec<Duration>>,
    /// Directions in which every byte has arrived.
    done: watch::Sender<u32>,
    is_stopped: AtomicBool,
}

/// All streams of a simulation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flows(Arc<Mutex<HashMap<u64, Arc<Flow>>>>);

impl Flows {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Flow>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, client: ClientId, purpose: Purpose) -> Arc<Flow> {
        let mut all = self.lock();
        all.retain(|_, flow| !flow.is_stopped() && *flow.done.borrow() < 2);
        let number = 1 + all.keys().max().copied().unwrap_or_default();
        let flow = Arc::new(Flow {
            number,
            client,
            purpose,
            up: Meter::new(),
            down: Meter::new(),
            answers: Mutex::default(),
            done: watch::Sender::new(0),
            is_stopped: AtomicBool::new(false),
        });
        all.insert(number, flow.clone());
        flow
    }

    /// Plays the server's part on a stream that was accepted from `client`.
    pub(crate) async fn serve(self, mut stream: Stream, client: ClientId, verdict: Verdict) {
        let Ok(number) = stream.read_u64().await else { return };
        let Some(flow) = self.lock().get(&number).cloned() else {
            return verdict.fail(Check::Foreign, "a stream that nobody has opened");
        };
        if flow.client != client {
            return verdict.fail(Check::Foreign, "a stream of another client");
        }
        let result = match flow.purpose {
            Purpose::Bytes { up, down } => {
                let pattern = |way| Pattern::new(2 * number + way);
                exchange(&flow, stream, (down, pattern(1)), (up, pattern(0)), &flow.up).await
            }
            Purpose::Questions { .. } => echo(stream).await,
        };
        flow.judge(result, "server", &verdict);
    }
}

impl Flow {
    /// How long each answer took.
    pub fn answers(&self) -> Vec<Duration> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until every byte has arrived, in both directions.
    pub async fn finished(&self) {
        let mut done = self.done.subscribe();
        // It does not close while the flow is borrowed.
        let _ = done.wait_for(|done| *done == 2).await;
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    fn judge(&self, result: Result<(), Wrong>, at: &str, verdict: &Verdict) {
        match result {
            Ok(()) => {}
            Err(Wrong::Bytes(what)) => {
                verdict.fail(Check::Bytes, format_args!("at the {at}: {what}"))
            }
            Err(Wrong::Io(_)) if self.is_stopped() => {}
            Err(Wrong::Io(error)) => {
                verdict.fail(Check::SessionLost, format_args!("at the {at}: {error}"));
            }
        }
    }

    /// The client's part.
    async fn ask(&self, mut stream: Stream) -> Result<(), Wrong> {
        stream.write_u64(self.number).await?;
        match self.purpose {
            Purpose::Bytes { up, down } => {
                let pattern = |way| Pattern::new(2 * self.number + way);
                exchange(self, stream, (up, pattern(0)), (down, pattern(1)), &self.down).await
            }
            Purpose::Questions { pause } => self.questions(stream, pause).await,
        }
    }

    async fn questions(&self, mut stream: Stream, pause: Duration) -> Result<(), Wrong> {
        let mut pattern = Pattern::new(2 * self.number);
        loop {
            let (asked, mut answer) = (Instant::now(), [0; 64]);
            let question = pattern.peek(64);
            stream.write_all(question).await?;
            stream.read_exact(&mut answer).await?;
            if !pattern.matches(&answer) {
                return Err(Wrong::Bytes("an answer to no question"));
            }
            self.down.arrived(answer.len());
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(asked.elapsed());
            tokio::time::sleep(pause).await;
        }
    }
}

/// What can be wrong with a stream.
enum Wrong {
    Bytes(&'static str),
    Io(io::Error),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

async fn exchange(
    flow: &Flow,
    stream: Stream,
    (send, pattern): (u64, Pattern),
    (expect, expected): (u64, Pattern),
    meter: &Meter,
) -> Result<(), Wrong> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sending = async {
        write(&mut writer, send, pattern).await?;
        // Who drops a stream that its peer has finished gives up what the peer's window does not let out.
        flow.finished().await;
        writer.shutdown().await?;
        Ok::<_, Wrong>(())
    };
    let receiving = async {
        receive(&mut reader, expect, expected, meter).await?;
        flow.done.send_modify(|done| *done += 1);
        let more = reader.read(&mut [0]).await?;
        if more == 0 { Ok(()) } else { Err(Wrong::Bytes("a stream brought more than was written")) }
    };
    tokio::try_join!(sending, receiving)?;
    Ok(())
}

async fn write(
    to: &mut (impl AsyncWrite + Unpin),
    mut left: u64,
    mut pattern: Pattern,
) -> io::Result<()> {
    while left > 0 {
        let piece = pattern.peek(left.min(PIECE as u64) as usize);
        let written = to.write(piece).await?;
        pattern.advance(written);
        left -= written as u64;
    }
    Ok(())
}

async fn receive(
    from: &mut (impl AsyncRead + Unpin),
    mut left: u64,
    mut pattern: Pattern,
    meter: &Meter,
) -> Result<(), Wrong> {
    let mut piece = vec![0; PIECE];
    while left > 0 {
        let most = left.min(PIECE as u64) as usize;
        let bytes = from.read(&mut piece[..most]).await?;
        if bytes == 0 {
            return Err(Wrong::Bytes("a stream ended too soon"));
        }
        if !pattern.matches(&piece[..bytes]) {
            return Err(Wrong::Bytes("a stream brought other bytes than were written"));
        }
        left -= bytes as u64;
        meter.arrived(bytes);
    }
    Ok(())
}

async fn echo(stream: Stream) -> Result<(), Wrong> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    tokio::io::copy(&mut reader, &mut writer).await?;
    Ok(())
}

/// A stream at work. Dropping it stops it.
#[derive(Debug)]
pub struct Transfer {
    flow: Arc<Flow>,
    _task: AbortOnDropHandle<()>,
}

impl Transfer {
    pub(crate) fn start(
        flows: &Flows,
        client: ClientId,
        stream: Stream,
        purpose: Purpose,
        verdict: Verdict,
    ) -> Self {
        let flow = flows.add(client, purpose);
        let asking = flow.clone();
        let task = tokio::spawn(async move {
            let result = asking.ask(stream).await;
            asking.judge(result, "client", &verdict);
        });
        Self { flow, _task: AbortOnDropHandle::new(task) }
    }
}

impl std::ops::Deref for Transfer {
    type Target = Flow;

    fn deref(&self) -> &Flow {
        &self.flow
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.flow.is_stopped.store(true, Ordering::Relaxed);
    }
}
