//! The Snowflake broker: matches clients with volunteer proxies.
//!
//! ```text
//!  http: routes, limits        handlers: decode, match, encode        waiting: parks, hands over
//!
//!  POST /proxy  -------------> proxy_poll   -------------------.
//!                                                               }---> pools by NAT (matching)
//!  POST /client -------------> client_poll  --> bridges -------'
//!  GET /amp/client/... (amp) --^
//!  SQS queues (sqs) -----------^
//!  POST /answer -------------> proxy_answer ------------------------> the client that waits
//! ```
//!
//! A proxy's poll is held for 10 s. A client is given a waiting proxy at once or told that there is
//! none; it then waits 5 s for that proxy's answer. Proxies at one address may poll once per
//! interval. Everything is in memory and bounded: [`Limits`].

mod addr;
mod amp;
mod args;
mod bridges;
mod broker;
mod config;
mod countries;
mod error;
mod handlers;
mod http;
mod intervals;
mod ip_count;
mod limits;
mod matching;
mod metrics;
mod metrics_log;
mod origin;
mod proxy_protocol;
mod rate_limit;
mod serve;
mod sqs;
mod waiting;

pub use addr::{AddrError, ListenAddr};
pub use args::Args;
pub use bridges::{BridgeList, BridgeListError, BridgeProblem};
pub use broker::Broker;
pub use config::{ALPN, Config};
pub use countries::Countries;
pub use error::{ConfigError, Reason};
pub use intervals::PollIntervals;
pub use ip_count::IpCount;
pub use limits::Limits;
pub use metrics_log::{MetricsFile, MetricsLog};
pub use origin::TrustedHops;
pub use serve::run;
pub use snowflake_addresses::Network;
pub use sqs::{SqsQueue, SqsSetupError};
