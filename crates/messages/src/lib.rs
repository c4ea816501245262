//! What client, proxy and broker say to each other: pure encoding and decoding, no sockets and no
//! clock.
//!
//! ```text
//!  client                          broker                          proxy
//!    |                                | <-- ProxyPollRequest --------|   POST /proxy, held for at most 10 s
//!    |--- ClientPollRequest --------> |                              |   POST /client, held for at most 5 s
//!    |                                |--- ProxyPollResponse ------> |   the client's offer and the relay's URL
//!    |                                | <-- ProxyAnswerRequest ------|   POST /answer
//!    | <-- ClientPollResponse --------|--- ProxyAnswerResponse ----> |
//!    |                                                               |
//!    |<======================= data channel ========================>|
//! ```
//!
//! The proxy asks a probe server about its NAT with the same messages used as containers:
//! [`probe`].
//!
//! Decoders take the whole body. They are as lenient as Go's `encoding/json` where peers rely on it
//! (see [`JsonError`]) and never allocate more than a small multiple of their input, so a caller
//! that enforces [`limits::MAX_BODY`] is safe.

mod client;
mod description;
mod error;
mod fingerprint;
mod json;
pub mod limits;
mod nat;
pub mod probe;
mod proxy_answer;
mod proxy_poll;
mod proxy_type;
mod relay_pattern;
mod sid;

pub use client::{ClientPollRequest, ClientPollResponse, refusal};
pub use description::{DescriptionText, SdpType, SessionDescription};
pub use error::{
    ClientPollError, ClientResponseError, DescriptionError, FingerprintError, JsonError, NatError,
    PatternError, ProxyAnswerError, ProxyPollError, ProxyResponseError, SidError,
};
pub use fingerprint::Fingerprint;
pub use nat::{NatType, Pool};
pub use proxy_answer::{ProxyAnswerRequest, ProxyAnswerResponse};
pub use proxy_poll::{PollOutcome, ProxyPollRequest, ProxyPollResponse, rounded_clients, status};
pub use proxy_type::ProxyType;
pub use relay_pattern::RelayPattern;
pub use sid::Sid;
