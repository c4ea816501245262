//! The questions to the probe server, which tries to reach us from behind a NAT of its own.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use snowflake_messages::{NatType, SessionDescription, probe};
use snowflake_rendezvous::{ConfigError, Exchange};
use snowflake_webrtc::{SetupError, local_addresses, offer};
use tokio::time::timeout;
use tracing::debug;
use url::Url;

use crate::{config::Config, error::ProbeError, proxy::webrtc_config, timers::NAT_PROBE};

/// The query that says behind which NAT the probe server shall stand ("interactive connectivity simulation").
///
/// Servers before 2.14.1 ignore it and always stand behind a strict one. Then both questions have the same answer, and the
/// NAT is open or strict.
const SIMULATION: &str = "InCoSim";

/// The probe server.
#[derive(Debug)]
pub(crate) struct Probe {
    strict: Exchange,
    moderate: Exchange,
    webrtc: snowflake_webrtc::Config,
    channel_limit: Duration,
}

impl Probe {
    /// `exchange` describes how to reach a URL.
    pub(crate) fn new(
        config: &Config,
        exchange: impl Fn(&Url) -> Result<Exchange, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let behind = |nat: NatType| {
            let mut url = config.nat_probe_server.clone();
            url.query_pairs_mut().append_pair(SIMULATION, nat.as_str());
            exchange(&url)
        };
        let webrtc = snowflake_webrtc::Config {
            gathering_deadline: snowflake_webrtc::Config::default().gathering_deadline,
            ..webrtc_config(config)
        };
        Ok(Self {
            strict: behind(NatType::Strict)?,
            moderate: behind(NatType::Moderate)?,
            webrtc,
            channel_limit: config.timers.nat_channel,
        })
    }

    /// Who is reached from behind a strict NAT is open; who is reached from behind a moderate one is moderate.
    pub(crate) async fn check(&self) -> Result<NatType, ProbeError> {
        if self.is_reached(&self.strict).await? {
            return Ok(NatType::Open);
        }
        if self.is_reached(&self.moderate).await? {
            return Ok(NatType::Moderate);
        }
        Ok(NatType::Strict)
    }

    /// The addresses from which we are reached; `None` if the system does not tell.
    pub(crate) fn local_addresses(&self) -> Option<Vec<IpAddr>> {
        local_addresses(&self.webrtc).ok()
    }

    async fn is_reached(&self, server: &Exchange) -> Result<bool, ProbeError> {
        timeout(NAT_PROBE, self.ask(server)).await.unwrap_or(Err(ProbeError::TimedOut))
    }

    async fn ask(&self, server: &Exchange) -> Result<bool, ProbeError> {
        let offerer = offer(&self.webrtc, Bytes::new()).await.map_err(ProbeError::Offer)?;
        let question = probe::encode_offer(&SessionDescription::offer(offerer.sdp()).to_text());
        let reply = server.post("", question).await.map_err(ProbeError::Exchange)?;
        let answer = probe::decode_answer(&reply).map_err(ProbeError::Response)?;
        let answer = answer.parse().map_err(ProbeError::Answer)?;
        match offerer.open(&answer.sdp, self.channel_limit).await {
            // The connection closes as the channel is dropped.
            Ok(_) => Ok(true),
            Err(SetupError::Timeout(_) | SetupError::Failed) => {
                debug!("the probe server could not reach us");
                Ok(false)
            }
            Err(error) => Err(ProbeError::Connection(error)),
        }
    }
}
