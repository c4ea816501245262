//! Many users of one server, without WebRTC: this program speaks to the server's WebSocket as a client does through its
//! proxy, and stands behind the bridge as well.
//!
//! ```text
//!  user ══ WebSocket ══╗                    ╔══ Extended ORPort ══ far end
//!  user ══ WebSocket ══╬══>    server   ════╬══ Extended ORPort ══ far end
//!  user ══ WebSocket ══╝   (a process)      ╚══ Extended ORPort ══ far end
//! ```
//!
//! A [`User`] is a client's session with one stream, over a WebSocket of its own. All users and far ends share this
//! program's one thread: what they need is told beside what the server needs, so that it is seen who was the limit.

pub mod bridge;
pub mod door;
pub mod far_end;
mod race;
mod turns;
pub mod user;

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout},
};

pub use bridge::Bridge;
pub use door::Door;
pub(crate) use race::Race;
pub(crate) use turns::in_turns;
pub use user::User;
pub(crate) use user::hello;

use crate::progress::say;

/// Time for one user to be set up, or to be answered.
const LIMIT: Duration = Duration::from_secs(60);

/// Descriptors that the server and this program need besides those of the users: pipes, logs, listeners, the runtime.
const OTHER_FILES: u64 = 64;

/// Descriptors that the server needs for so many users, of whom `at_once` are set up at the same time: a WebSocket and a
/// connection to the ORPort for each, and for a moment the ORPort's cookie. This program has the other ends.
pub fn files_for(users: u32, at_once: usize) -> u64 {
    2 * u64::from(users) + at_once as u64 + OTHER_FILES
}

/// Users who are there.
#[derive(Debug)]
pub struct Crowd {
    /// They.
    pub users: Vec<User>,
    /// Those who could not be set up.
    pub failures: usize,
    /// From the first dial to the last answer.
    pub took: Duration,
    door: Door,
}

impl Crowd {
    /// Sets up `count` users, at most `at_once` at a time: each opens a stream, and a byte goes through it to the far end
    /// and back. Why the first one failed is said; there is no other error.
    pub async fn gather(bridge: &Bridge, count: u32, at_once: usize) -> Self {
        let (door, start) = (Door::new(bridge.port()), Instant::now());
        let users =
            those_who_come(at_once, (0..count).map(|number| come(door.clone(), number))).await;
        Self { failures: count as usize - users.len(), users, took: start.elapsed(), door }
    }

    /// WebSockets that were dialed beyond one for each user: replacements, since nobody asks for several.
    pub fn redials(&self) -> u64 {
        self.door.dials().saturating_sub((self.users.len() + self.failures) as u64)
    }

    /// How many have a stream that does not answer; at most `at_once` are asked at a time.
    pub async fn lost(self, at_once: usize) -> usize {
        lost(self.users, at_once).await
    }
}

/// Those who are set up in time, at most `at_once` at a time. Why the first one is not is said.
pub(crate) async fn those_who_come<S: Send + 'static>(
    at_once: usize,
    come: impl IntoIterator<Item = impl Future<Output = io::Result<S>> + Send + 'static>,
) -> Vec<S> {
    let outcomes = in_turns(at_once, come.into_iter().map(in_time)).await;
    let mut failures = Failures::default();
    outcomes.into_iter().filter_map(|user| failures.sort(user)).collect()
}

/// How many streams do not answer; at most `at_once` are asked at a time.
pub(crate) async fn lost<S>(streams: Vec<S>, at_once: usize) -> usize
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let count = streams.len();
    let ask = |mut stream: S| async move { hello(&mut stream).await.map(|()| stream) };
    count - those_who_come(at_once, streams.into_iter().map(ask)).await.len()
}

/// Tells one of many failures.
#[derive(Debug, Default)]
struct Failures {
    told: bool,
}

impl Failures {
    fn sort<T>(&mut self, outcome: io::Result<T>) -> Option<T> {
        let told = &mut self.told;
        let tell = |error| {
            if !std::mem::replace(told, true) {
                say(format_args!("a user's stream failed: {error}"));
            }
        };
        outcome.map_err(tell).ok()
    }
}

async fn come(door: Door, number: u32) -> io::Result<User> {
    let mut user = User::begin(door.of(number))?;
    hello(&mut user).await?;
    Ok(user)
}

async fn in_time<T>(answer: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(LIMIT, answer).await?
}
