//! The default: a sensitive value never shows itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use snowflake_safelog::{Sensitive, unsafe_logging_allowed};

#[test]
fn display_and_debug_are_scrubbed_in_every_format() {
    let address: IpAddr = Ipv4Addr::new(192, 0, 2, 7).into();
    let hidden = Sensitive::new(address);
    assert!(!unsafe_logging_allowed());
    assert_eq!(format!("{hidden}"), "[scrubbed]");
    assert_eq!(format!("{hidden:>40}"), "[scrubbed]");
    assert_eq!(format!("{hidden:?}"), "[scrubbed]");
    assert_eq!(format!("{:#?}", Some(hidden)), "Some(\n    [scrubbed],\n)");
}

#[test]
fn a_struct_that_holds_one_may_derive_debug() {
    #[derive(Debug)]
    struct Peer {
        address: Sensitive<SocketAddr>,
        streams: u32,
    }
    let peer = Peer { address: SocketAddr::from(([192, 0, 2, 7], 443)).into(), streams: 2 };
    assert_eq!(format!("{peer:?}"), "Peer { address: [scrubbed], streams: 2 }");
    assert_eq!(peer.address.get().port(), 443);
    assert_eq!(peer.address.into_inner().port(), 443);
    assert_eq!(peer.streams, 2);
}
