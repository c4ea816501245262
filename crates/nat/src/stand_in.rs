//! The server's side, for who stands in for one in a test.

use std::net::SocketAddr;

use rtc_stun::addr::OtherAddress;
use rtc_stun::attributes::ATTR_OTHER_ADDRESS;
use rtc_stun::message::{BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::xoraddr::XorMappedAddress;

/// A server's answer to the question of this transaction: where it came from, and the server's other address if it tells one.
///
/// The library writes it and not this crate, whose reader is so checked against somebody else's work.
pub fn answer(id: [u8; 12], mapped: SocketAddr, other: Option<SocketAddr>) -> Vec<u8> {
    let mut message = Message::new();
    message.typ = BINDING_SUCCESS;
    message.transaction_id = TransactionId(id);
    message.write_header();
    let mapped = XorMappedAddress { ip: mapped.ip(), port: mapped.port() };
    mapped.add_to(&mut message).expect(FITS);
    if let Some(other) = other {
        let other = OtherAddress { ip: other.ip(), port: other.port() };
        other.add_to_as(&mut message, ATTR_OTHER_ADDRESS).expect(FITS);
    }
    message.raw
}

const FITS: &str = "an address fits into an attribute";
