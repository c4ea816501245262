//! The Snowflake client: tor's SOCKS connections over volunteer proxies.
//!
//! **Program**: a library and a thin `main`. One SOCKS connection of tor is one session, one stream and one ClientId;
//! it lives as long as tor wants, over as many proxies as it takes.
//!
//! ```text
//!   tor
//!    |  SOCKS5, bridge line in user name and password
//!    v
//!   socks      one task per connection: settings, tunnel, copy
//!    |
//!    v
//!   tunnel     stream > session > MultiplexingPacketConn    names every layer
//!    |
//!    v
//!   proxies    another proxy whenever one is missing, up to -max at once
//!    |
//!    v
//!   proxy      one attempt: offer, rendezvous, open         broker <- HTTPS or another method; proxy <- WebRTC
//! ```
//!
//! * [`Args`]: the flags. [`Settings`]: what holds for one connection, after its SOCKS arguments.
//! * [`Upstream`]: a user's proxy between us and everybody else.
//! * [`Nat`]: what is known about this machine's NAT, which decides which proxies the broker chooses from.
//! * [`Method`]: a way to the broker, of which a line may have several; [`Winners`]: which of them worked lately.
//! * [`run`]: serves a SOCKS listener until told to stop; [`Tunnel`]: the same stack without tor.

mod args;
mod attempt;
mod check;
mod copy;
mod error;
mod events;
mod imitation;
mod lines;
mod meter;
mod nat;
mod proxies;
mod rendezvous;
mod settings;
mod socks;
mod sqs;
mod timers;
mod tunnel;
mod upstream;

pub use args::Args;
pub use error::{AttemptError, SettingsError};
pub use events::Events;
pub use imitation::Imitation;
pub use nat::Nat;
pub use rendezvous::{Method, Winners};
pub use settings::Settings;
pub use snowflake_cli::CovertDtls;
pub use socks::run;
pub use tunnel::Tunnel;
pub use upstream::Upstream;
