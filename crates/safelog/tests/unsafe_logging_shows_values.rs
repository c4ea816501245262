//! Unsafe logging is one switch for the process, so this file holds one test.

use std::net::Ipv4Addr;

use snowflake_safelog::{Sensitive, allow_unsafe_logging, scrubbed, unsafe_logging_allowed};

#[test]
fn values_show_once_the_operator_asked() {
    let value = Sensitive::new(Ipv4Addr::new(192, 0, 2, 7));
    assert_eq!(value.to_string(), "[scrubbed]");
    allow_unsafe_logging();
    assert!(unsafe_logging_allowed());
    assert_eq!(value.to_string(), "192.0.2.7");
    assert_eq!(format!("{value:>12}"), "   192.0.2.7");
    assert_eq!(format!("{value:?}"), "192.0.2.7");
    assert_eq!(scrubbed("from 192.0.2.7"), "from 192.0.2.7");
}
