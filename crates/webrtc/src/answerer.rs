//! The side that answers an offer: the proxy.

use std::{fmt, time::Duration};

use tokio::{sync::mpsc, time::timeout};
use tracing::debug;

use crate::{
    channel::DataChannel,
    config::Config,
    connection::{Channel, Connection},
    error::SetupError,
    sdp::{self, Setup},
};

/// Answers an offer, with all candidates, and begins to look for a path to the peer.
///
/// The answer makes this side the one that begins the DTLS handshake. Timing, runtime and cancellation as in
/// [`offer`](crate::offer).
///
/// # Errors
///
/// [`SetupError::PeerDescription`] for an offer that is none, [`SetupError::NoCandidate`] if there is nothing to answer
/// with, others if no socket can be bound or the library fails.
pub async fn answer(config: &Config, offer_sdp: &str) -> Result<Answerer, SetupError> {
    let (accept, accepted) = mpsc::channel(1);
    let connection = Connection::new(config, Some(accept)).await?;
    connection.set_peer_description(offer_sdp, Setup::ActPass).await?;
    let description = connection
        .peer()
        .create_answer(None)
        .await
        .map_err(SetupError::library("making an answer"))?;
    let sdp = connection.describe(config, description).await?;
    if !config.hide_candidates && !sdp::has_candidate(&sdp) {
        return Err(SetupError::NoCandidate);
    }
    Ok(Answerer { sdp, accepted, connection })
}

/// An answer whose peer has yet to open the data channel; dropping it closes the connection.
pub struct Answerer {
    sdp: String,
    accepted: mpsc::Receiver<Channel>,
    connection: Connection,
}

impl Answerer {
    /// The answer's session description, `\r\n` at the end of each line.
    pub fn sdp(&self) -> &str {
        &self.sdp
    }

    /// Waits for the peer's first data channel, at most `limit`; the Go proxy waits 20 s.
    ///
    /// Every further channel of the connection is closed, and the first goes on. Cancel safe in the sense of
    /// [`offer`](crate::offer).
    ///
    /// # Errors
    ///
    /// [`SetupError::Timeout`] after `limit`, [`SetupError::Failed`] if the connection ends first.
    pub async fn open(mut self, limit: Duration) -> Result<DataChannel, SetupError> {
        let channel = tokio::select! {
            channel = timeout(limit, self.accepted.recv()) => {
                channel.map_err(|_| SetupError::Timeout(limit))?.ok_or(SetupError::Failed)?
            }
            () = self.connection.events().ended().cancelled() => return Err(SetupError::Failed),
        };
        debug!("data channel accepted");
        self.connection.rest_when_idle(&channel);
        Ok(DataChannel::new(channel, self.connection))
    }
}

impl fmt::Debug for Answerer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answerer").finish_non_exhaustive()
    }
}
