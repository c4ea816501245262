//! The side that makes the offer and the data channel: the client.

use std::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::time::{sleep, timeout};
use tracing::debug;
use webrtc::{data_channel::DataChannelEvent, error::Error};

use crate::{
    channel::DataChannel,
    config::Config,
    connection::{Channel, Connection},
    error::SetupError,
    limits::FIRST_MESSAGE_RETRY,
    sdp::Setup,
    sockets::random,
};

/// Makes an offer for one ordered and reliable data channel, with all its candidates.
///
/// The channel is called `snowflake-` and 16 random hexadecimal digits, as Go's client does it. `first_message`, unless
/// empty, is sent before anything else and without waiting for the peer to confirm the channel (RFC 8832, 6 allows that
/// for ordered channels), in one message.
///
/// Takes no time where no STUN server is to be asked, else at most [`Config::gathering_deadline`]. Must run within a
/// tokio runtime. Cancel safe: dropping the future closes whatever it has opened.
///
/// # Errors
///
/// [`SetupError`] if no socket can be bound or the library fails. A missing candidate is no error: a peer with a public
/// address can still be reached.
pub async fn offer(config: &Config, first_message: Bytes) -> Result<Offerer, SetupError> {
    let label = format!("snowflake-{}", hex::encode(random::<8>()?));
    let connection = Connection::new(config, None).await?;
    let peer = connection.peer();
    let channel = peer
        .create_data_channel(&label, None)
        .await
        .map_err(SetupError::library("creating a data channel"))?;
    let description =
        peer.create_offer(None).await.map_err(SetupError::library("making an offer"))?;
    let sdp = connection.describe(config, description).await?;
    Ok(Offerer { sdp, first_message, channel, connection })
}

/// An offer that waits for its answer; dropping it closes the connection.
pub struct Offerer {
    sdp: String,
    first_message: Bytes,
    channel: Channel,
    connection: Connection,
}

impl Offerer {
    /// The offer's session description, `\r\n` at the end of each line.
    pub fn sdp(&self) -> &str {
        &self.sdp
    }

    /// Connects to the peer that made `answer_sdp`, within `limit`; the Go client waits 10 s.
    ///
    /// Done as soon as the first message is on its way, or, without one, when the peer has confirmed the channel.
    /// Cancel safe in the sense of [`offer`].
    ///
    /// # Errors
    ///
    /// [`SetupError::PeerDescription`] for an answer that is none, [`SetupError::Timeout`] after `limit`,
    /// [`SetupError::Failed`] if the peer refuses.
    pub async fn open(self, answer_sdp: &str, limit: Duration) -> Result<DataChannel, SetupError> {
        self.connection.set_peer_description(answer_sdp, Setup::Active).await?;
        timeout(limit, self.opened()).await.map_err(|_| SetupError::Timeout(limit))??;
        debug!("data channel opened");
        self.connection.rest_when_idle(&self.channel);
        Ok(DataChannel::new(self.channel, self.connection))
    }

    async fn opened(&self) -> Result<(), SetupError> {
        tokio::select! {
            result = self.first_message_sent(), if !self.first_message.is_empty() => result,
            result = confirmed(&self.channel), if self.first_message.is_empty() => result,
            () = self.connection.events().ended().cancelled() => Err(SetupError::Failed),
        }
    }

    /// Tries to send the first message until there is an SCTP association to carry it.
    async fn first_message_sent(&self) -> Result<(), SetupError> {
        self.connection.events().connected().await;
        loop {
            match self.channel.send(BytesMut::from(&*self.first_message)).await {
                Ok(()) => return Ok(()),
                Err(Error::ErrDataChannelNotOpen) => sleep(FIRST_MESSAGE_RETRY).await,
                Err(error) => return Err(SetupError::library("sending the first message")(error)),
            }
        }
    }
}

/// Waits for the peer to confirm the channel.
async fn confirmed(channel: &Channel) -> Result<(), SetupError> {
    while let Some(event) = channel.poll().await {
        match event {
            DataChannelEvent::OnOpen => return Ok(()),
            DataChannelEvent::OnClose => break,
            _ => {}
        }
    }
    Err(SetupError::Failed)
}

impl fmt::Debug for Offerer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offerer").finish_non_exhaustive()
    }
}
