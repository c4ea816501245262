//! Our client and Go's (Debian's 2.5.1) come to our broker where nobody reaches it directly: through a front that wants its own
//! name in the ClientHello and the broker's in the request, and through an AMP cache.
//!
//! The broker's name is known to nobody else, so a client that gets through has gone that way. What Go's programs need is said
//! in `interop_go_peers`.

use crate::interop_go_peers::{check, mix};

const GO_CLIENT: [(&str, &str); 1] = [("--client-bin", "snowflake-client")];

#[test]
fn our_client_comes_through_a_front() {
    check(mix(&[], &["--rendezvous", "front"]));
}

#[test]
fn our_client_comes_through_an_amp_cache() {
    check(mix(&[], &["--rendezvous", "amp"]));
}

#[test]
fn go_client_comes_through_a_front() {
    check(mix(&GO_CLIENT, &["--rendezvous", "front"]));
}

#[test]
fn go_client_comes_through_an_amp_cache() {
    check(mix(&GO_CLIENT, &["--rendezvous", "amp"]));
}
