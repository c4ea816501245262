//! What happens to a client's connections, for whoever wants to know: tor's user, the log, the program around it.

use crate::error::{AttemptError, Chain};
use snowflake_safelog::scrubbed;
use std::fmt;
use std::sync::Arc;

/// Something that happened. `Display` writes the texts that tools know from the Go program, free of addresses.
///
/// The order for one proxy: [`Connecting`](Self::Connecting); [`OfferCreated`](Self::OfferCreated) or a failure;
/// [`RendezvousDone`](Self::RendezvousDone) or a failure; [`Connected`](Self::Connected) or a failure;
/// [`ProxyLost`](Self::ProxyLost). After each failure another proxy is tried. A connection that ends breaks the order off
/// anywhere, without an event. Several proxies may be tried at once, so events of theirs may stand in between.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Another proxy is looked for.
    Connecting {
        /// Proxies that the connection has.
        proxies: usize,
        /// Proxies that it may have, [`ClientConfig::max`](crate::ClientConfig::max).
        wanted: usize,
    },
    /// There is an offer.
    OfferCreated,
    /// There is none.
    OfferFailed(Arc<AttemptError>),
    /// The broker has sent a proxy's answer to the offer.
    RendezvousDone,
    /// No broker was reached, or none had a proxy.
    RendezvousFailed(Arc<AttemptError>),
    /// The proxy is connected.
    Connected,
    /// The proxy's answer was of no use, or no connection came about.
    ConnectionFailed(Arc<AttemptError>),
    /// A proxy that was connected is gone or was given up, for this reason.
    ProxyLost(Arc<str>),
    /// Something is asked for that has no effect in this build; each once.
    NoEffect(Arc<str>),
    /// The upstream proxy is of a kind that carries no datagrams, and is gone around by them; once. Go's client refuses it.
    RendezvousOnly,
    /// Whoever reads this was too slow: so many events that were older than the next one are lost to it.
    Missed(u64),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { proxies, wanted } => {
                write!(f, "WebRTC: Collecting a new Snowflake. Currently at [{proxies}/{wanted}]")
            }
            Self::OfferCreated => f.write_str("offer created"),
            Self::OfferFailed(error) => write!(f, "offer creation failure {}", Why(error)),
            Self::RendezvousDone => f.write_str("broker rendezvous peer received"),
            Self::RendezvousFailed(error) => write!(f, "broker failure {}", Why(error)),
            Self::Connected => f.write_str("connected"),
            Self::ConnectionFailed(error) => write!(f, "trying a new proxy: {}", Why(error)),
            Self::ProxyLost(why) => write!(f, "trying a new proxy: {why}"),
            Self::NoEffect(what) => f.write_str(&scrubbed(what)),
            Self::RendezvousOnly => f.write_str(RENDEZVOUS_ONLY),
            Self::Missed(events) => write!(f, "{events} events were missed"),
        }
    }
}

const RENDEZVOUS_ONLY: &str = "the upstream proxy is used for the rendezvous only: proxies of its kind carry no UDP, so \
     connections to Snowflake proxies and STUN servers do not go through it";

/// An error in the words of the Go client where it has some, else with all its causes.
struct Why<'a>(&'a AttemptError);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.in_gos_words() {
            Some(words) => f.write_str(words),
            None => f.write_str(&scrubbed(Chain(self.0))),
        }
    }
}

/// What failed says which event it is.
impl From<Arc<AttemptError>> for Event {
    fn from(error: Arc<AttemptError>) -> Self {
        let event: fn(Arc<AttemptError>) -> Self = match *error {
            AttemptError::Offer(_) => Self::OfferFailed,
            AttemptError::NoMethod
            | AttemptError::Rendezvous(..)
            | AttemptError::Response(..)
            | AttemptError::Refused(_) => Self::RendezvousFailed,
            AttemptError::Answer(_) | AttemptError::NotAnAnswer | AttemptError::Open(_) => {
                Self::ConnectionFailed
            }
        };
        event(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Asked;
    use snowflake_rendezvous::RendezvousError;
    use snowflake_webrtc::SetupError;
    use std::time::Duration;

    #[test]
    fn the_texts_are_those_of_go() {
        let of = |error| Event::from(Arc::new(error));
        let method = RendezvousError::Method("192.0.2.1:443 says no".into());
        for (event, text) in [
            (
                Event::Connecting { proxies: 1, wanted: 2 },
                "WebRTC: Collecting a new Snowflake. Currently at [1/2]",
            ),
            (Event::OfferCreated, "offer created"),
            (
                of(AttemptError::Offer(SetupError::Failed)),
                "offer creation failure making an offer: the connection failed before the data channel opened",
            ),
            (Event::RendezvousDone, "broker rendezvous peer received"),
            (of(AttemptError::Refused("no".to_owned())), "broker failure no"),
            (
                of(AttemptError::Rendezvous(Asked::Queue, method)),
                "broker failure asking the queue: [scrubbed] says no",
            ),
            (Event::Connected, "connected"),
            (
                of(AttemptError::Open(SetupError::Timeout(Duration::from_secs(10)))),
                "trying a new proxy: timeout waiting for DataChannel.OnOpen",
            ),
            (Event::ProxyLost("it is gone".into()), "trying a new proxy: it is gone"),
        ] {
            assert_eq!(event.to_string(), text);
        }
    }
}
