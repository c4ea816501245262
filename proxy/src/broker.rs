//! The two questions to the broker: is there a client, and here is our answer for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use snowflake_messages::{
    NatType, ProxyAnswerRequest, ProxyAnswerResponse, ProxyPollRequest, ProxyPollResponse,
    ProxyType, RelayPattern, SessionDescription, Sid, rounded_clients,
};
use snowflake_rendezvous::{Exchange, ExchangeError};
use tokio::time::Instant;

use crate::{config::Config, error::BrokerError, timers::OLD_WORDS_LIFE};

/// The broker, as this proxy speaks to it.
#[derive(Debug)]
pub(crate) struct Broker {
    exchange: Exchange,
    accepted: RelayPattern,
    proxy_type: ProxyType,
    /// When it was last seen that it knows the old words for NATs only.
    refused_new_words: Mutex<Option<Instant>>,
}

impl Broker {
    pub(crate) fn new(exchange: Exchange, config: &Config) -> Self {
        Self {
            exchange,
            accepted: config.relay_rules.pattern.clone(),
            proxy_type: config.proxy_type,
            refused_new_words: Mutex::default(),
        }
    }

    /// Asks for a client, under a new session id; the broker takes up to ten seconds to say that there is none.
    ///
    /// A broker up to 2.14.1 takes a new word for our NAT for a malformed poll, and is asked again in an old one.
    pub(crate) async fn poll(
        &self,
        nat: NatType,
        clients: u64,
    ) -> Result<(Sid, ProxyPollResponse), BrokerError> {
        let old = old_word(nat);
        if self.knows_old_words_only() {
            return self.ask(old, clients).await;
        }
        match self.ask(nat, clients).await {
            Err(BrokerError::Exchange(ExchangeError::Status(400))) if old != nat => {
                let response = self.ask(old, clients).await?;
                *self.refused() = Some(Instant::now());
                Ok(response)
            }
            result => result,
        }
    }

    fn knows_old_words_only(&self) -> bool {
        self.refused().is_some_and(|refused| refused.elapsed() < OLD_WORDS_LIFE)
    }

    fn refused(&self) -> MutexGuard<'_, Option<Instant>> {
        self.refused_new_words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        nat: NatType,
        clients: u64,
    ) -> Result<(Sid, ProxyPollResponse), BrokerError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(BrokerError::Random)?;
        let sid = Sid::from_random(random);
        let request = ProxyPollRequest {
            sid: sid.clone(),
            proxy_type: self.proxy_type,
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

/// What brokers up to 2.14.1 understand. Their probe server was strict.
const fn old_word(nat: NatType) -> NatType {
    match nat {
        NatType::Open => NatType::Unrestricted,
        NatType::Moderate | NatType::Strict => NatType::Restricted,
        old @ (NatType::Unknown | NatType::Restricted | NatType::Unrestricted) => old,
    }
}
