//! The client's packet conn: as many carriers at once as the session asks for.

mod manager;

use crate::delegate::delegate;
use crate::lanes::{Lanes, Trunk};
use crate::{CarrierId, ClientId, Closed, Dial, Event, MultiplexingConfig, PacketConn, preamble};
use manager::{Manager, Want};
use std::task::{Context, Poll};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// A packet conn with several carriers at one time.
///
/// The session says how many more it would like to have ([`set_missing`](PacketConn::set_missing)), which are dialed as
/// soon as that is no burden to whoever hands carriers out (Snowflake's broker), and closes those that are of no use to
/// it any more ([`close`](PacketConn::close)). A failing carrier or dial is an event, told to the dialer and the log,
/// never the end. One task owns all carriers and all dials; they end when the conn is dropped.
///
/// Dials begin at once, one for each carrier that is missing. When the newest takes much longer than usual (1.5 s at first)
/// another is begun beside it, and the first to succeed wins; there are never more than three. Failures are followed by
/// pauses of 1 s to 10 s, and whatever happens there are no more dials than sixty saved up and one every 9 s.
#[derive(Debug)]
pub struct MultiplexingPacketConn {
    trunk: Trunk,
    want: watch::Sender<Want>,
    /// What the manager was told last.
    told: Want,
    /// The newest carrier that the session has taken.
    newest: Option<CarrierId>,
    _manager: AbortOnDropHandle<()>,
}

impl MultiplexingPacketConn {
    /// Dials nothing until the session says that something is missing. Must be called within a tokio runtime.
    pub fn new(client: ClientId, dialer: impl Dial, config: MultiplexingConfig) -> Self {
        let (lanes, trunk) = Lanes::with_trunk(config.limits());
        let (want, wanted) = watch::channel(Want::default());
        let manager = Manager::new(dialer, preamble(client), lanes, wanted, config);
        let manager = AbortOnDropHandle::new(tokio::spawn(manager.run()));
        Self { trunk, want, told: Want::default(), newest: None, _manager: manager }
    }

    fn tell(&mut self, want: Want) {
        if want != self.told {
            self.told = want;
            self.want.send_replace(want);
        }
    }
}

impl PacketConn for MultiplexingPacketConn {
    delegate!(self => self.trunk; poll_room, send, close);

    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        events: &mut Vec<Event>,
    ) -> Poll<Result<(), Closed>> {
        // Who comes for more has considered what it took before, and has said so if it changed what is missing.
        self.tell(Want { newest: self.newest, ..self.told });
        let known = events.len();
        let received = self.trunk.poll_recv(cx, events);
        let opened = events[known..].iter().rev().find_map(|event| match event {
            Event::Opened(carrier) => Some(*carrier),
            Event::Packet(..) | Event::Ended(_) => None,
        });
        self.newest = opened.or(self.newest);
        received
    }

    fn set_missing(&mut self, carriers: usize) {
        self.tell(Want { missing: carriers, newest: self.newest });
    }
}
