//! Why a connection did not come about.

use std::{error::Error, io, time::Duration};

use crate::sdp::DescriptionError;

/// Why [`offer`](crate::offer), [`answer`](crate::answer) or one of the `open` methods gave up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The peer's session description cannot be used; the peer, or who passed it on, is to blame.
    #[error("the peer sent an unusable session description")]
    PeerDescription(#[source] DescriptionError),
    /// The list of network interfaces could not be read.
    #[error("listing the network interfaces")]
    Interfaces(#[source] io::Error),
    /// Every port of [`Config::ephemeral_ports`](crate::Config::ephemeral_ports) is taken.
    #[error("no UDP port between {first} and {last} is free")]
    NoFreePort {
        /// First port of the range.
        first: u16,
        /// Last port of the range.
        last: u16,
    },
    /// A socket could not be bound for another reason than a taken port.
    #[error("binding a UDP socket")]
    Bind(#[source] io::Error),
    /// The user's proxy gives no way for datagrams; nothing went around it.
    #[error("asking the upstream proxy for a way for datagrams")]
    Upstream(#[source] snowflake_socks5::Error),
    /// No candidate may be told to the peer: there is no public address, and no STUN server answered.
    ///
    /// Only for answers, which brokers refuse when they hold no candidate.
    #[error("found no address under which the peer could reach this machine")]
    NoCandidate,
    /// The channel did not open in time: the peer is gone, or no path leads to it.
    #[error("the data channel did not open within {0:?}")]
    Timeout(Duration),
    /// The connection ended before the channel opened.
    #[error("the connection failed before the data channel opened")]
    Failed,
    /// The operating system has no random bytes.
    #[error("getting random bytes: {0}")]
    Random(getrandom::Error),
    /// The WebRTC library refused a step that should work.
    #[error("{doing}")]
    Library {
        /// What was being done.
        doing: &'static str,
        /// What the library said.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl SetupError {
    /// Names the step at which the library failed.
    pub(crate) fn library(doing: &'static str) -> impl FnOnce(webrtc::error::Error) -> Self {
        move |source| Self::Library { doing, source: Box::new(source) }
    }
}
