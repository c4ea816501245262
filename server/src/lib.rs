//! The Snowflake server: a bridge's transport, WebSockets in, tor's ORPort out.
//!
//! ```text
//!  proxy ══ WebSocket ══╗
//!  proxy ══ WebSocket ══╬══> packets of each client ══> its session ══ stream ══> tor's ORPort
//!  proxy ══ WebSocket ══╝                                           ══ stream ══> tor's ORPort
//! ```
//!
//! tor starts the program and tells it where to listen. Proxies bring WebSockets; each is a carrier that begins with
//! the name of its client. A client's session outlives its carriers, and each stream of it becomes one connection to
//! tor. Everything hangs on [`run`]: several servers may run in one process, and when its future is done nothing of
//! the server is left.
//!
//! Sessions are tasks, which the runtime spreads over all processors. Go's server has one lock for all sessions of a
//! KCP instance and `num-turbotunnel` to have several instances; here the option is checked and has no effect.
//!
//! * [`args`]: the flags. [`managed`]: what tor wants, and what it is told.
//! * [`server`](mod@server): the parts of a running server. [`limits`]: every size and time of it.
//! * [`listen`]: ports, and the connections that arrive. `carrier`: one of them, from its request to its end.
//! * `serve`: one stream to tor; `relay`: the copying.
//! * `stats`: how many clients had an address.
//! * [`error`]: why a transport could not be started.

pub mod args;
mod carrier;
pub mod error;
pub mod limits;
pub mod listen;
pub mod managed;
mod relay;
mod serve;
pub mod server;
mod stats;

pub use args::Args;
pub use error::{MethodError, Reason};
pub use limits::Limits;
pub use managed::Method;
pub use server::run;
