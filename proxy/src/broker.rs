//! The two questions to the broker: is there a client, and here is our answer for it.

use snowflake_messages::{
    NatType, ProxyAnswerRequest, ProxyAnswerResponse, ProxyPollRequest, ProxyPollResponse,
    ProxyType, RelayPattern, SessionDescription, Sid, rounded_clients,
};
use snowflake_rendezvous::Exchange;

use crate::error::BrokerError;

/// The broker, as this proxy speaks to it.
#[derive(Debug)]
pub(crate) struct Broker {
    exchange: Exchange,
    accepted: RelayPattern,
}

impl Broker {
    pub(crate) fn new(exchange: Exchange, accepted: RelayPattern) -> Self {
        Self { exchange, accepted }
    }

    /// Asks for a client, under a new session id; the broker takes up to ten seconds to say that there is none.
    pub(crate) async fn poll(
        &self,
        nat: NatType,
        clients: u64,
    ) -> Result<(Sid, ProxyPollResponse), BrokerError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(BrokerError::Random)?;
        let sid = Sid::from_random(random);
        let request = ProxyPollRequest {
            sid: sid.clone(),
            proxy_type: ProxyType::Standalone,
            nat,
            clients: rounded_clients(clients),
            accepted_relay_pattern: Some(self.accepted.clone()),
        };
        let body =
            self.exchange.post("proxy", request.encode()).await.map_err(BrokerError::Exchange)?;
        Ok((sid, ProxyPollResponse::decode(&body).map_err(BrokerError::Response)?))
    }

    /// Hands over the answer to the offer that came with poll `sid`.
    pub(crate) async fn answer(
        &self,
        sid: Sid,
        sdp: &str,
    ) -> Result<ProxyAnswerResponse, BrokerError> {
        let request = ProxyAnswerRequest { sid, answer: SessionDescription::answer(sdp).to_text() };
        let body =
            self.exchange.post("answer", request.encode()).await.map_err(BrokerError::Exchange)?;
        ProxyAnswerResponse::decode(&body).map_err(BrokerError::Response)
    }
}
