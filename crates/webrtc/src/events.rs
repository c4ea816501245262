//! What the library reports about a connection.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceCandidateType, RTCIceConnectionState, RTCIceGatheringState,
    RTCPeerConnectionIceEvent, RTCPeerConnectionState,
};

use crate::{connection::Channel, limits::GATHERING_GRACE, runtime::ConnectionRuntime};

/// How far the search for candidates has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gathering {
    Running,
    /// A STUN server has answered.
    Reflexive,
    Complete,
}

/// The handler of one connection's events, called on its driver.
///
/// It must not keep a channel: the library's channel holds the connection, which holds this.
pub(crate) struct Events {
    gathering: watch::Sender<Gathering>,
    connected: watch::Sender<bool>,
    ended: CancellationToken,
    runtime: Arc<ConnectionRuntime>,
    /// Takes the first channel that the peer opens.
    accept: Mutex<Option<mpsc::Sender<Channel>>>,
}

impl Events {
    pub(crate) fn new(
        accept: Option<mpsc::Sender<Channel>>,
        runtime: Arc<ConnectionRuntime>,
    ) -> Self {
        Self {
            gathering: watch::Sender::new(Gathering::Running),
            connected: watch::Sender::new(false),
            ended: runtime.lost().child_token(),
            runtime,
            accept: Mutex::new(accept),
        }
    }

    /// Cancelled once the connection is lost or was closed.
    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// Waits until all candidates are known, [`GATHERING_GRACE`] has passed since the first reflexive one, or `limit`.
    pub(crate) async fn gathered(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut gathering = self.gathering.subscribe();
        let _ = timeout_at(deadline, async {
            let _ = gathering.wait_for(|state| *state >= Gathering::Reflexive).await;
            let _ =
                timeout(GATHERING_GRACE, gathering.wait_for(|state| *state == Gathering::Complete))
                    .await;
        })
        .await;
        debug!(state = ?*self.gathering.borrow(), "candidates collected");
    }

    /// Waits until ICE and DTLS are up.
    pub(crate) async fn connected(&self) {
        let _ = self.connected.subscribe().wait_for(|connected| *connected).await;
    }

    fn advance(&self, state: Gathering) {
        self.gathering.send_if_modified(|current| {
            let is_later = state > *current;
            *current = state.max(*current);
            is_later
        });
    }

    fn take_acceptor(&self) -> Option<mpsc::Sender<Channel>> {
        self.accept.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if event.candidate.typ == RTCIceCandidateType::Srflx {
            self.advance(Gathering::Reflexive);
        }
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.advance(Gathering::Complete);
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        debug!(%state, "path state changed");
        self.runtime.nudge();
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        debug!(%state, "connection state changed");
        match state {
            RTCPeerConnectionState::Connected => {
                self.connected.send_replace(true);
                self.runtime.nudge();
            }
            RTCPeerConnectionState::Failed => self.runtime.lost().cancel(),
            RTCPeerConnectionState::Closed => self.ended.cancel(),
            _ => {}
        }
    }

    async fn on_data_channel(&self, channel: Channel) {
        let refused = match self.take_acceptor() {
            // Nobody may be waiting any more.
            Some(accept) => {
                accept.try_send(channel).err().map(mpsc::error::TrySendError::into_inner)
            }
            None => Some(channel),
        };
        if let Some(channel) = refused {
            debug!("data channel refused");
            let _ = channel.close().await;
        }
    }
}
