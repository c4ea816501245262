//! What the broker does with each message: decode, match, encode. Knows nothing of HTTP.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use snowflake_addresses::remote_address;
use snowflake_geoip::Country;
use snowflake_messages::{
    ClientPollError, ClientPollRequest, ClientPollResponse, DescriptionText, Fingerprint, NatType,
    PollOutcome, ProxyAnswerError, ProxyAnswerRequest, ProxyAnswerResponse, ProxyPollError,
    ProxyPollRequest, ProxyPollResponse, ProxyType, refusal, status,
};

use crate::Broker;
use crate::limits::REFUSED_POLL_INTERVAL;
use crate::metrics::{Client, Metrics, ProxyEvent};
use crate::origin::ClientOrigin;
use crate::rate_limit::TooSoon;
use crate::waiting::{NoAnswer, Offer};

/// A message that its sender should not have sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRequest {
    #[error("proxy's poll: {0}")]
    Poll(#[from] ProxyPollError),
    #[error("proxy's answer: {0}")]
    Answer(#[from] ProxyAnswerError),
    #[error("proxy's answer names no candidate")]
    NoCandidate,
}

/// Why a client gets no answer; its text is the client's `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Malformed(#[from] ClientPollError),
    #[error("{}", refusal::UNKNOWN_BRIDGE)]
    UnknownBridge,
    #[error("{}", refusal::NO_PROXIES)]
    NoProxies,
    #[error("{}", refusal::TIMED_OUT)]
    TimedOut,
}

impl Broker {
    /// Serves the poll of a proxy at this address: holds it until a client comes or time is up.
    pub(crate) async fn proxy_poll(&self, body: &[u8], from: IpAddr) -> Result<String, BadRequest> {
        let poll = ProxyPollRequest::decode(body)?;
        if !self.accepts(&poll) {
            self.metrics.count_proxy(&poll, ProxyEvent::Rejected);
            return Ok(refused(status::WRONG_PATTERN, REFUSED_POLL_INTERVAL));
        }
        if let Some(countries) = &self.config.countries {
            self.metrics.count_address(&poll, from, countries.of(from));
        }
        if let Some(count) = &self.config.ip_count {
            count.count(from, poll.proxy_type, poll.nat);
        }
        let turn = match self.take_turn(poll.nat, from) {
            Ok(turn) => turn,
            Err(TooSoon { turn }) => return Ok(refused(status::TOO_SOON, time_until(turn))),
        };
        let _available = self.metrics.available(&poll);
        let outcome = match self.room.wait_for_offer(&poll).await {
            Some(offer) => {
                self.metrics.count_proxy(&poll, ProxyEvent::Matched);
                PollOutcome::Match {
                    offer: offer.text.clone(),
                    nat: offer.nat,
                    relay_url: offer.relay_url.as_ref().to_owned(),
                }
            }
            None => {
                self.metrics.count_proxy(&poll, ProxyEvent::Idle);
                PollOutcome::NoMatch
            }
        };
        Ok(ProxyPollResponse { outcome, next_poll: Some(time_until(turn)) }.encode())
    }

    /// Serves a client's poll, refusals included: they go to the client as text.
    pub(crate) async fn client_poll(&self, body: &[u8], from: ClientOrigin) -> String {
        let answer = match ClientPollRequest::decode(body) {
            Ok(ClientPollRequest { offer, nat, fingerprint }) => {
                self.find_answer(offer, nat, fingerprint, from).await
            }
            Err(error) => Err(error.into()),
        };
        match answer {
            Ok(answer) => ClientPollResponse::Answer(answer),
            Err(refusal) => ClientPollResponse::Error(refusal.to_string()),
        }
        .encode()
    }

    /// Serves a client from before the version line: the body is the bare offer, and so is the
    /// result the bare answer.
    pub(crate) async fn legacy_client_poll(
        &self,
        offer: &[u8],
        nat: &str,
        from: ClientOrigin,
    ) -> Result<String, Refusal> {
        // What is not UTF-8 is replaced, as Go's decoder does.
        let offer = String::from_utf8_lossy(offer).into_owned();
        let offer = DescriptionText::check(offer).map_err(ClientPollError::MalformedOffer)?;
        let nat = nat.parse().map_err(ClientPollError::Nat)?;
        Ok(self.find_answer(offer, nat, Fingerprint::DEFAULT, from).await?.into_string())
    }

    /// Serves a proxy's answer.
    pub(crate) fn proxy_answer(&self, body: &[u8]) -> Result<String, BadRequest> {
        if !ProxyAnswerRequest::names_candidate(body) {
            return Err(BadRequest::NoCandidate);
        }
        let ProxyAnswerRequest { sid, answer } = ProxyAnswerRequest::decode(body)?;
        let taken_from = self.room.hand_over_answer(&sid, answer);
        self.metrics.count_answer(taken_from);
        let response = match taken_from {
            Some(_) => ProxyAnswerResponse::Success,
            None => ProxyAnswerResponse::ClientGone,
        };
        Ok(response.encode())
    }

    /// Who waits, for people.
    pub(crate) fn debug_page(&self) -> String {
        let census = self.room.census();
        let of_type =
            |wanted: ProxyType| census.iter().filter(|(known, _)| *known == wanted).count();
        let of_nat = |wanted: NatType| census.iter().filter(|(_, known)| *known == wanted).count();
        let mut page = format!("current snowflakes available: {}", census.len());
        for proxy_type in ProxyType::KNOWN.into_iter().filter(|proxy_type| of_type(*proxy_type) > 0)
        {
            page += &format!("\n\t{proxy_type} proxies: {}", of_type(proxy_type));
        }
        page +=
            &format!("\n\tunknown proxies: {}\nNAT Types available:", of_type(ProxyType::Unknown));
        for nat in NatType::ALL {
            page += &format!("\n\t{nat}: {}", of_nat(nat));
        }
        page
    }

    /// Whether the proxy is willing to connect to every relay that this broker may name.
    fn accepts(&self, poll: &ProxyPollRequest) -> bool {
        let Some(accepted) = &poll.accepted_relay_pattern else {
            self.metrics.count_proxy(poll, ProxyEvent::WithoutPattern);
            return false;
        };
        self.metrics.count_proxy(poll, ProxyEvent::WithPattern);
        accepted.contains(&self.config.allowed_relay_pattern)
    }

    /// Takes the proxy's turn to poll; when the next one is.
    fn take_turn(&self, nat: NatType, from: IpAddr) -> Result<Instant, TooSoon> {
        let interval = self.intervals().of(nat);
        self.rate_limit.take_turn(nat.pool(), from, interval, now())
    }

    async fn find_answer(
        &self,
        text: DescriptionText,
        nat: NatType,
        bridge: Fingerprint,
        from: ClientOrigin,
    ) -> Result<DescriptionText, Refusal> {
        let relay_url = self.bridges().relay_url(&bridge).ok_or(Refusal::UnknownBridge)?;
        let country = self.country(from, &text);
        let client = Client { nat, country, rendezvous: from.rendezvous };
        let mut waiting =
            Waiting { metrics: &self.metrics, client, outcome: Err(NoAnswer::TimedOut) };
        let answer = self.room.wait_for_answer(Arc::new(Offer { text, nat, relay_url })).await;
        waiting.outcome = answer.as_ref().map(drop).map_err(|reason| *reason);
        Ok(answer?)
    }

    /// The country of a client; what came through others tells it only by its offer.
    fn country(&self, from: ClientOrigin, offer: &DescriptionText) -> Country {
        let Some(countries) = &self.config.countries else { return Country::UNKNOWN };
        let in_offer = || remote_address(&offer.parse().ok()?.sdp);
        from.address.or_else(in_offer).map_or(Country::UNKNOWN, |ip| countries.of(ip))
    }
}

/// A client that waits, counted when it does not any more: one that hangs up has timed out, as with
/// Go.
struct Waiting<'a> {
    metrics: &'a Metrics,
    client: Client,
    outcome: Result<(), NoAnswer>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.metrics.count_client(self.client, self.outcome);
    }
}

fn refused(reason: &str, next_poll: Duration) -> String {
    let outcome = PollOutcome::Refused(reason.to_owned());
    ProxyPollResponse { outcome, next_poll: Some(next_poll) }.encode()
}

/// How long a proxy should wait for its turn, in whole milliseconds; rounded up, lest it come too
/// soon.
fn time_until(turn: Instant) -> Duration {
    let left = turn.saturating_duration_since(now());
    Duration::from_millis(left.as_nanos().div_ceil(1_000_000).try_into().unwrap_or(u64::MAX))
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl From<NoAnswer> for Refusal {
    fn from(reason: NoAnswer) -> Self {
        match reason {
            NoAnswer::NoProxies => Refusal::NoProxies,
            NoAnswer::TimedOut => Refusal::TimedOut,
        }
    }
}

#[cfg(test)]
mod tests;
