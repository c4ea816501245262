//! The conversation with tor: managed transports, SOCKS5 with arguments, ORPort and Extended
//! ORPort.
//!
//! tor starts a transport as a child process (pt-spec.txt) and tells it what it wants in
//! environment variables. The transport answers with lines on stdout:
//!
//! ```text
//!  client                                      server
//!    VERSION 1                                   VERSION 1
//!    PROXY DONE             (if there is one)
//!    STATUS TYPE=version …                       STATUS TYPE=version …
//!    CMETHOD snowflake socks5 127.0.0.1:40000    SMETHOD snowflake 0.0.0.0:443 ARGS:tls=yes
//!    CMETHODS DONE                               SMETHODS DONE
//!    LOG SEVERITY=notice …  (any time later)
//! ```
//!
//! From then on tor opens a SOCKS5 connection to the client for each connection to the bridge, with
//! the arguments of the bridge line in user name and password; the server opens a connection to
//! tor's ORPort for each stream, and tells its Extended ORPort (ext-orport-spec.txt) where the user
//! comes from. tor ends a transport by closing its stdin or with SIGTERM.
//!
//! In that order:
//!
//! * [`mod@env`]: what tor wants, parsed once; [`report`]: what tor is told; stdout belongs to it.
//! * [`args`]: the `key=value;…` of bridge lines, and their escapes.
//! * [`socks`]: the SOCKS5 handshake as a step machine; [`socks_listener`] drives it.
//! * [`ext_orport`]: the Extended ORPort handshake as a step machine; [`orport`] dials and drives it,
//!   from a source address of [`server_options`]; [`orports`] chooses among several.
//! * [`exit`]: SIGTERM and closed stdin as one cancellation token.
//! * [`error`]: what can go wrong in each.

pub mod args;
pub mod env;
pub mod error;
pub mod exit;
pub mod ext_orport;
pub mod orport;
pub mod orports;
pub mod report;
pub mod server_options;
pub mod socks;
pub mod socks_listener;

pub use args::Args;
pub use env::{BindAddress, ClientEnv, OrPort, ProxyKind, ServerEnv, UpstreamProxy};
pub use exit::ExitWatch;
pub use orport::OrPortDialer;
pub use orports::OrPorts;
pub use report::{PtLog, Report, Severity};
pub use server_options::{ServerOptions, SourceAddresses};
pub use socks_listener::{SocksListener, SocksRequest};

/// The one transport these programs know.
pub const TRANSPORT: &str = "snowflake";

/// Receive buffer of the sockets on which tor talks to us, in bytes; the system doubles it.
///
/// 8 KiB: what tor has written and a stream cannot send yet waits there, and whatever tor writes later waits behind it.
/// The usual 128 KiB are a second at 1 Mbit/s. On one machine it is no limit to the rate.
pub(crate) const RECEIVE_BUFFER: u32 = 8 * 1024;
