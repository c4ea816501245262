//! One client, from its offer to its end.

use std::net::IpAddr;

use snowflake_addresses::remote_address;
use snowflake_geoip::Country;
use snowflake_messages::{DescriptionText, ProxyAnswerResponse, SdpType, Sid};
use snowflake_safelog::Sensitive;
use snowflake_webrtc::{Answerer, DataChannel, answer};
use snowflake_websocket::WebSocket;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{
    error::{ServeError, chain},
    event::Event,
    events::Visit,
    proxy::Proxy,
    relay::{self, End},
    relay_url,
};

/// What the broker gave us for a client.
#[derive(Debug)]
pub(crate) struct Match {
    pub(crate) sid: Sid,
    pub(crate) offer: DescriptionText,
    /// Empty: our own relay.
    pub(crate) relay_url: String,
}

/// A client on its way to the relay.
struct Connected<'a> {
    channel: DataChannel,
    websocket: WebSocket,
    visit: Visit<'a>,
}

impl Proxy {
    /// Serves one client and logs how it went.
    pub(crate) async fn serve(&self, client: Match, stop: &CancellationToken) {
        match self.try_serve(client, stop).await {
            Ok(end) => debug!(%end, "client over"),
            Err(error) => debug!(error = chain(&error), "client not served"),
        }
    }

    async fn try_serve(&self, client: Match, stop: &CancellationToken) -> Result<End, ServeError> {
        // Its state is 40 KiB, which the client that is served for hours should not hold.
        let prepare = Box::pin(self.connect(client));
        let Some(connected) = stop.run_until_cancelled(prepare).await else {
            return Ok(End::Stopped);
        };
        let Connected { channel, websocket, visit: _visit } = connected?;
        let idle = self.config.timers.idle;
        Ok(relay::run(channel, websocket, idle, &self.events.figures, stop).await)
    }

    /// Everything before the first byte: the relay is dialled as soon as the client's channel is there.
    async fn connect(&self, client: Match) -> Result<Connected<'_>, ServeError> {
        let named = relay_url::check(&client.relay_url, &self.config.relay_rules)
            .map_err(ServeError::RelayUrl)?;
        let relay = named.as_ref().unwrap_or(&self.config.relay);
        let offer = client.offer.parse().map_err(ServeError::Offer)?;
        if offer.kind != SdpType::Offer {
            return Err(ServeError::NotAnOffer);
        }
        let client_ip = remote_address(&offer.sdp);
        debug!(client_ip = ?Sensitive::new(client_ip), "serving a client");
        let answerer = answer(&self.webrtc, &offer.sdp).await.map_err(ServeError::Answer)?;
        self.send_answer(client.sid, &answerer).await?;
        let channel = self.open(answerer).await?;
        let visit = self.events.connected(self.country(client_ip));
        let looking = self.outbound.look(&channel);
        looking.await;
        let websocket = tokio::select! {
            websocket = self.dialer.dial(relay, client_ip, self.config.timers.relay) => {
                websocket.map_err(ServeError::Relay)?
            }
            () = channel.gone() => return Err(ServeError::ClientLeft),
        };
        Ok(Connected { channel, websocket, visit })
    }

    async fn open(&self, answerer: Answerer) -> Result<DataChannel, ServeError> {
        answerer.open(self.config.timers.data_channel).await.map_err(|error| {
            self.events.tell(Event::ConnectionFailed);
            ServeError::DataChannel(error)
        })
    }

    fn country(&self, client_ip: Option<IpAddr>) -> Country {
        let countries = self.config.countries.as_ref();
        countries.zip(client_ip).map(|(geoip, ip)| geoip.country(ip)).unwrap_or_default()
    }

    async fn send_answer(&self, sid: Sid, answerer: &Answerer) -> Result<(), ServeError> {
        match self.broker.answer(sid, answerer.sdp()).await.map_err(ServeError::Broker)? {
            ProxyAnswerResponse::Success => Ok(()),
            ProxyAnswerResponse::ClientGone => Err(ServeError::ClientGone),
        }
    }
}
