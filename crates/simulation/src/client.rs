//! The client's end.

use crate::bug::Buggy;
use crate::flow::{Purpose, Transfer};
use crate::volunteers::{Dialer, Volunteers};
use crate::watched::{Segments, Side, Watch, Watched};
use crate::world::Setting;
use crate::{Bug, Check, Failure, Verdict};
use snowflake_session::{Config, Session, open};
use snowflake_turbotunnel::{ClientId, MultiplexingConfig, MultiplexingPacketConn};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// How soon a conn has to report the end of a carrier.
const REPORT: Duration = Duration::from_secs(1);

/// A client with one session.
#[derive(Debug)]
pub struct Client {
    id: ClientId,
    session: Session,
    volunteers: Arc<Volunteers>,
    watch: Watch,
    setting: Setting,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl Client {
    pub(crate) fn new(
        setting: &Setting,
        id: ClientId,
        wanted: usize,
        volunteers: Arc<Volunteers>,
        seed: u64,
    ) -> Self {
        let dialer = Dialer(volunteers.clone());
        let dialing =
            MultiplexingConfig { seed: Some(seed as u32), ..MultiplexingConfig::default() };
        let conn = MultiplexingPacketConn::new(id, dialer, dialing);
        let conn = Buggy::new(conn, client_bug(setting.bug), seed, setting.stray.clone());
        let Setting { conversations, verdict, .. } = setting.clone();
        let (conn, watch) = Watched::new(conn, id, Side::Client, conversations, verdict.clone());
        let mut config = Config::client();
        config.multiplex.wanted = wanted;
        let (session, driver) = open(conn, &config);
        let driving = {
            let verdict = verdict.clone();
            async move { verdict.fail(Check::SessionLost, driver.await) }
        };
        let inspecting = inspect(volunteers.clone(), watch.clone(), verdict);
        let tasks = [tokio::spawn(driving), tokio::spawn(inspecting)];
        let _tasks = tasks.map(AbortOnDropHandle::new);
        Self { id, session, volunteers, watch, setting: setting.clone(), _tasks }
    }

    /// Begins a stream.
    ///
    /// # Errors
    ///
    /// If the session is over.
    pub fn start(&self, purpose: Purpose) -> Result<Transfer, Failure> {
        let Setting { flows, verdict, .. } = &self.setting;
        let stream = self.session.open_stream();
        let stream = stream.map_err(|error| verdict.failure(Check::SessionLost, error))?;
        Ok(Transfer::start(flows, self.id, stream, purpose, verdict.clone()))
    }

    /// Begins a download, an upload, or both.
    ///
    /// # Errors
    ///
    /// If the session is over.
    pub fn transfer(&self, up: u64, down: u64) -> Result<Transfer, Failure> {
        self.start(Purpose::Bytes { up, down })
    }

    /// Its carriers, and those who may offer it more.
    pub fn volunteers(&self) -> &Volunteers {
        &self.volunteers
    }

    /// Carriers that its session knows of.
    pub fn carriers(&self) -> usize {
        self.watch.open()
    }

    /// Carriers that its session was told the end of.
    pub fn carriers_ended(&self) -> usize {
        self.watch.ended()
    }

    /// Data segments sent.
    pub fn sent(&self) -> Segments {
        self.watch.sent()
    }

    /// Data segments received.
    pub fn received(&self) -> Segments {
        self.watch.received()
    }

    /// Waits until there are so many carriers.
    pub async fn until_carriers(&self, wanted: usize) {
        while self.carriers() < wanted {
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Fails when the end of a carrier has been seen and not been reported.
async fn inspect(volunteers: Arc<Volunteers>, watch: Watch, verdict: Verdict) {
    loop {
        let seen = volunteers.ends.seen.load(Ordering::Relaxed);
        sleep(REPORT).await;
        let reported = watch.ended();
        if seen > reported {
            verdict.fail(
                Check::Promise,
                format_args!("the ends of {seen} carriers were seen, {reported} reported"),
            );
        }
    }
}

/// The bugs that are in the client's packet conn.
fn client_bug(bug: Option<Bug>) -> Option<Bug> {
    bug.filter(|bug| {
        matches!(bug, Bug::BufferReused | Bug::EndLate | Bug::EndTwice | Bug::DeadCarrierFed)
    })
}
