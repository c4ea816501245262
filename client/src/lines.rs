//! Lines of the log in the words of the Go client, by which other programs tell how far a connection has come.

use snowflake_rendezvous::{ExchangeError, RendezvousError};
use std::io;
use tracing::info;

/// tor has opened a connection, and its arguments are good.
pub(crate) fn starting() {
    info!("--- Starting Snowflake Client ---");
}

/// The broker is about to be asked, by this kind of rendezvous.
pub(crate) fn negotiating(rendezvous: &str) {
    info!("Negotiating via {} rendezvous...", in_gos_word(rendezvous));
}

/// What the broker, or what stands before it, answered to a request by HTTP, if it did.
pub(crate) fn responded<T>(rendezvous: &str, result: &Result<T, RendezvousError>) {
    if !matches!(rendezvous, "http" | "ampcache") {
        return;
    }
    let rendezvous = in_gos_word(rendezvous);
    match result {
        Ok(_) => info!("{rendezvous} rendezvous response: 200 OK"),
        Err(RendezvousError::Exchange(ExchangeError::Status(status))) => {
            info!("{rendezvous} rendezvous response: {status}");
        }
        Err(_) => {}
    }
}

/// A proxy is let go of, or could not be reached.
pub(crate) fn closing() {
    info!("WebRTC: Closing");
}

/// What went through a session's proxies lately.
pub(crate) fn traffic(inbound: u64, outbound: u64, messages: u64, sends: u64) {
    info!(
        "Traffic Bytes (in|out): {inbound} | {outbound} -- ({messages} OnMessages, {sends} Sends)"
    );
}

/// Nothing more goes between tor and the bridge.
pub(crate) fn copied(result: io::Result<()>) {
    if let Err(error) = result {
        info!("copying between SOCKS and WebRTC resulted in error: {error}");
    }
    info!("copy loop ended");
}

/// A session needs no more proxies.
pub(crate) fn end_collecting() {
    info!("---- SnowflakeConn: end collecting snowflakes ---");
}

fn in_gos_word(rendezvous: &str) -> &str {
    match rendezvous {
        "http" => "HTTP",
        "ampcache" => "AMP cache",
        "sqs" => "SQS Queue",
        other => other,
    }
}
