//! A session that is measured: bulk both ways and echoes, interleaved in one stream, every byte checked.
//!
//! Both ends are in this program, so what is to be sent is told to them directly, and both write down what arrives.

mod end;
pub(crate) mod frame;
pub mod outbox;
pub mod record;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    net::TcpStream,
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    error::{Doing, Error},
    origin::Answering,
    socks::Route,
    transfer::Direction,
};
pub(crate) use end::End;
pub use end::UNSENT;
pub use outbox::Load;
pub use record::{Bulk, Echoes};

/// Time between two echoes.
pub const ASK_INTERVAL: Duration = Duration::from_millis(100);
/// Time for what is under way to arrive once nothing more is sent.
const SETTLE_LIMIT: Duration = Duration::from_secs(120);
/// Pause between two looks at it.
const SETTLE_PAUSE: Duration = Duration::from_millis(20);

/// One direction, as both ends share it.
#[derive(Debug, Clone)]
struct Lane {
    load: watch::Sender<Load>,
    sent: watch::Sender<u64>,
    arrived: Arc<Bulk>,
    seed: u64,
}

/// Behind the bridge: the next connection becomes the far end of the session that was prepared last.
#[derive(Debug, Default)]
pub struct FarEnd(Mutex<Option<End>>);

/// A session that runs; dropping it closes the SOCKS connection.
#[derive(Debug)]
pub struct Session {
    down: Lane,
    up: Lane,
    echoes: Arc<Echoes>,
    opened: Instant,
    near: JoinSet<Error>,
}

impl Lane {
    fn new() -> Result<Self, Error> {
        let seed = getrandom::u64().map_err(io::Error::other).doing("asking for random bytes")?;
        Ok(Self {
            load: watch::Sender::default(),
            sent: watch::Sender::default(),
            arrived: Arc::new(Bulk::new(seed)),
            seed,
        })
    }
}

impl FarEnd {
    /// What the ORPort does with connections; one that nobody waits for is closed.
    pub(crate) fn on_connection(self: Arc<Self>) -> impl Fn(TcpStream) -> Answering {
        move |stream| {
            let end = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
            Box::pin(async move {
                if let Some(end) = end {
                    // The near end sees the connection close.
                    let _ = end.run(stream).await;
                }
            })
        }
    }
}

impl Session {
    /// Makes both ends; the far one waits for its connection, the near one is to be given to [`Self::open`].
    pub(crate) fn prepare(far_end: &FarEnd) -> Result<(Self, End), Error> {
        let (down, up, opened) = (Lane::new()?, Lane::new()?, Instant::now());
        let echoes = Arc::new(Echoes::new(opened));
        let far = End {
            out: down.clone(),
            arrived: up.arrived.clone(),
            direction: Direction::Upload,
            echoes: None,
        };
        let near = End {
            out: up.clone(),
            arrived: down.arrived.clone(),
            direction: Direction::Download,
            echoes: Some(echoes.clone()),
        };
        *far_end.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(far);
        Ok((Self { down, up, echoes, opened, near: JoinSet::new() }, near))
    }

    /// Asks the SOCKS server for the target and runs the near end from then on.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) async fn open(
        mut self,
        near: End,
        route: &Route,
        stream: TcpStream,
    ) -> Result<Self, Error> {
        let stream = route.connect_over(stream).await?;
        self.near.spawn(async move { near.run(stream).await });
        Ok(self)
    }

    /// Changes what is sent.
    pub fn load(&self, direction: Direction, load: Load) {
        self.lane(direction).load.send_replace(load);
    }

    /// What has arrived.
    pub fn bulk(&self, direction: Direction) -> &Bulk {
        &self.lane(direction).arrived
    }

    /// The echoes.
    pub fn echoes(&self) -> &Echoes {
        &self.echoes
    }

    /// When the SOCKS connection was asked for.
    pub fn opened(&self) -> Instant {
        self.opened
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// When the session breaks in that time.
    pub async fn run_for(&mut self, time: Duration) -> Result<(), Error> {
        self.run_until(Instant::now() + time).await
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// When the session breaks in that time.
    pub async fn run_until(&mut self, end: Instant) -> Result<(), Error> {
        tokio::select! {
            () = sleep_until(end) => Ok(()),
            Some(Ok(error)) = self.near.join_next() => Err(error),
        }
    }

    /// Waits until an echo that is due from now on is back.
    ///
    /// # Errors
    /// When the session breaks, or it takes more than 120 s.
    pub async fn echo(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        self.when("echo", |session| session.echoes.is_back(now)).await
    }

    /// Sends no more bulk this way, and waits until all that was sent has arrived and an echo comes back after it. False if
    /// that takes more than 120 s, as it may over a link that is bad enough.
    ///
    /// # Errors
    /// When the session breaks.
    pub async fn settle(&mut self, direction: Direction) -> Result<bool, Error> {
        match self.everything_arrives(direction).await {
            Ok(()) => Ok(true),
            Err(Error::Stalled { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn everything_arrives(&mut self, direction: Direction) -> Result<(), Error> {
        self.load(direction, Load::Off);
        self.when(direction.name(), |session| {
            let lane = session.lane(direction);
            lane.arrived.total() >= *lane.sent.borrow()
        })
        .await?;
        self.echo().await
    }

    /// Waits until `done`, looking every 20 ms.
    async fn when(
        &mut self,
        what: &'static str,
        done: impl Fn(&Self) -> bool,
    ) -> Result<(), Error> {
        let limit = Instant::now() + SETTLE_LIMIT;
        loop {
            self.run_for(SETTLE_PAUSE).await?;
            if done(self) {
                return Ok(());
            }
            if Instant::now() > limit {
                let bytes = self.down.arrived.total() + self.up.arrived.total();
                return Err(Error::Stalled { direction: what, bytes, limit: SETTLE_LIMIT });
            }
        }
    }

    fn lane(&self, direction: Direction) -> &Lane {
        match direction {
            Direction::Download => &self.down,
            Direction::Upload => &self.up,
        }
    }
}
