//! What single flags say.

use std::{net::IpAddr, ops::RangeInclusive, sync::Arc, time::Duration};

use snowflake_cli::{GoDuration, OptionalPath};
use snowflake_geoip::GeoIp;
use snowflake_messages::RelayPattern;
use snowflake_webrtc::StunServer;
use url::Url;

use crate::{
    args::Args,
    error::{ConfigError, Reason},
    timers::MIN_OWN_POLL_INTERVAL,
};

pub(super) fn url(
    flag: &'static str,
    text: &str,
    schemes: &'static [&'static str],
) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(bad(flag, text))?;
    if url.has_host() && schemes.contains(&url.scheme()) {
        Ok(url)
    } else {
        Err(bad(flag, text)(Reason::Scheme(schemes)))
    }
}

/// Other kinds of ICE servers are skipped, as in Go.
pub(super) fn stun_servers(urls: &[String]) -> Result<Vec<StunServer>, ConfigError> {
    StunServer::of_urls(urls).map_err(|(url, reason)| bad("stun", url)(reason))
}

pub(super) fn poll_interval(interval: GoDuration) -> Result<Duration, ConfigError> {
    if *interval < MIN_OWN_POLL_INTERVAL {
        return Err(bad("poll-interval", &interval.to_string())(Reason::PollInterval));
    }
    Ok(*interval)
}

pub(super) fn relay_pattern(pattern: &str) -> Result<RelayPattern, ConfigError> {
    RelayPattern::rule(pattern).map_err(bad("allowed-relay-hostname-pattern", pattern))
}

pub(super) fn ports(range: &str) -> Result<Option<RangeInclusive<u16>>, ConfigError> {
    if range.is_empty() {
        return Ok(None);
    }
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port != 0);
    let ports = range.split_once(':').and_then(|(first, last)| Some(port(first)?..=port(last)?));
    let ports = ports.filter(|ports| !ports.is_empty());
    ports.map(Some).ok_or_else(|| bad("ephemeral-ports-range", range)(Reason::Ports))
}

pub(super) fn outbound_address(args: &Args) -> Result<Option<IpAddr>, ConfigError> {
    let text = args.outbound_address.as_str();
    if text.is_empty() {
        return Ok(None);
    }
    let reason = match text.parse::<IpAddr>() {
        Ok(_) if args.keep_local_addresses => Reason::AllAddresses,
        Ok(address) => return Ok(Some(address)),
        Err(_) => Reason::Address,
    };
    Err(bad("outbound-address", text)(reason))
}

/// `None` if a file is missing or bad, as in Go: the page works without.
pub(super) fn countries(args: &Args) -> Option<Arc<GeoIp>> {
    let path = |path: &OptionalPath| path.clone().into_path().unwrap_or_default();
    GeoIp::read(&path(&args.geoipdb), &path(&args.geoip6db))
        .inspect_err(|error| tracing::warn!(%error, "clients will be counted without countries"))
        .ok()
        .map(Arc::new)
}

/// Zero means never.
pub(super) fn interval(duration: GoDuration) -> Option<Duration> {
    (!duration.is_zero()).then_some(*duration)
}

fn bad<E: Into<Reason>>(flag: &'static str, value: &str) -> impl FnOnce(E) -> ConfigError + use<E> {
    let value = value.to_owned();
    move |reason| ConfigError::BadValue { flag, value, reason: reason.into() }
}
