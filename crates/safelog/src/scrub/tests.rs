use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use proptest::prelude::*;

use super::*;

#[test]
fn addresses_vanish() {
    for (line, expected) in [
        ("1.2.3.4", "[scrubbed]"),
        ("from 1.2.3.4.", "from [scrubbed]."),
        ("from 1.2.3.4:443: reset", "from [scrubbed]: reset"),
        ("1.2.3.4 5.6.7.8 9.10.11.12", "[scrubbed] [scrubbed] [scrubbed]"),
        ("[1.2.3.4, 5.6.7.8:1]", "[[scrubbed], [scrubbed]]"),
        ("client_ip=1.2.3.4&x=1", "client_ip=[scrubbed]&x=1"),
        ("ws://[2001:db8::1]:443/x", "ws://[scrubbed]/x"),
        ("(2001:db8::1)", "([scrubbed])"),
        ("peer:2001:db8::1 gone", "peer:[scrubbed] gone"),
        ("2001:db8::1 2001:db8::2", "[scrubbed] [scrubbed]"),
        ("dial 2001:db8::1: refused", "dial [scrubbed]: refused"),
        ("2001:db8:1:2:3:4:5:6:65535", "[scrubbed]"),
        ("2001:db8::1:65535", "[scrubbed]"),
        ("[fe80::1%eth0]:80 x", "[scrubbed] x"),
        ("fe80::1%3, x", "[scrubbed], x"),
        ("::ffff:192.0.2.7 x", "[scrubbed] x"),
        ("[::ffff:192.0.2.7]:9 x", "[scrubbed] x"),
        ("on [::]:8443", "on [scrubbed]"),
        ("::1", "[scrubbed]"),
        ("client_ip=2001%3Adb8%3A%3A1&x", "client_ip=[scrubbed]&x"),
        ("%5B2001%3adb8%3a%3a1%5D%3A443", "[scrubbed]"),
        ("1.2.3.4%3A443", "[scrubbed]"),
        (r#""\r\n2001:db8::1\r\n""#, r#""\r\n[scrubbed]\r\n""#),
        ("10:1.2.3.4", "10:[scrubbed]"),
        ("é1.2.3.4é", "é[scrubbed]é"),
    ] {
        assert_eq!(scrubbed(line), expected, "{line}");
    }
}

#[test]
fn what_is_not_an_address_stays() {
    for line in [
        "12:34:56",
        "2026-11-22T19:04:26Z",
        "2026-11-22T19:04:26.123456Z INFO snowflake_client::peers: connected",
        "2026/11/22 19:04:26 ready",
        "snowflake-client 2.14.1",
        "In the last 1h0m0s, there were 3 completed successful connections.",
        "serde::de::Error in h2::codec, <T>::new, std::fmt, Vec::<u8>, cafe::agent",
        "broker failure: no proxies: try again",
        "candidate: none",
        "fingerprint 2B280B23E1107BB62ABFC40DDCC8824814F80A72",
        "at 0x00007fff12345678",
        "Traffic Bytes (in|out): 12345678 | 87654321 -- (12 OnMessages, 13 Sends)",
        "100% of a:b:c",
        "1.2.3",
        "1.2.3.4567",
        "",
    ] {
        assert_eq!(scrubbed(line), line);
    }
}

/// A version number of four parts cannot be told from an address.
#[test]
fn versions_of_four_parts_go_with_the_addresses() {
    assert_eq!(scrubbed("tor 0.4.9.11"), "tor [scrubbed]");
}

#[test]
fn client_ids_vanish() {
    assert_eq!(scrubbed("snowflake-0123456789abcdef x"), "snowflake-[scrubbed] x");
    assert_eq!(scrubbed("id=0123456789ABCDEF"), "id=[scrubbed]");
    assert_eq!(scrubbed("0123456789abcdef0"), "0123456789abcdef0");
    assert_eq!(scrubbed("x0123456789abcdef"), "x0123456789abcdef");
}

#[test]
fn session_descriptions_lose_what_identifies() {
    let sdp = "v=0\\r\\no=- 4358 2 IN IP4 127.0.0.1\\r\\na=fingerprint:sha-256 AB:CD:EF\\r\\n\
               a=candidate:1 1 udp 2130706431 0a1b.local 51234 typ host\\r\\n\
               a=ice-ufrag:aMAZ\\r\\na=ice-pwd:jcHb08Jjgrazp2dzjdrvPPvV\\r\\na=mid:0\\r\\n";
    assert_eq!(
        scrubbed(sdp),
        "v=0\\r\\no=- 4358 2 IN IP4 [scrubbed]\\r\\na=fingerprint:[scrubbed]\\r\\n\
         a=candidate:[scrubbed]\\r\\n\
         a=ice-ufrag:[scrubbed]\\r\\na=ice-pwd:[scrubbed]\\r\\na=mid:0\\r\\n"
    );
    assert_eq!(scrubbed("a=ice-pwd:x\r\n"), "a=ice-pwd:[scrubbed]\r\n");
    assert_eq!(
        scrubbed(r#"{"candidate":"candidate:1 1 udp 1 h 9 typ host","sdpMid":"0"}"#),
        r#"{"candidate":"candidate:[scrubbed]","sdpMid":"0"}"#
    );
    let fingerprint = ["AB"; 32].join(":");
    assert_eq!(scrubbed(format!("certificate {fingerprint} x")), "certificate [scrubbed] x");
}

#[test]
fn nothing_grows_more_than_stated() {
    let line = ":: ".repeat(1000);
    assert!(scrubbed(&line).len() <= MAX_GROWTH * line.len());
}

fn any_v6() -> impl Strategy<Value = Ipv6Addr> {
    // Groups that are often zero, so that all forms of abbreviation come up.
    let group = prop_oneof![Just(0u16), any::<u16>(), 0u16..16];
    prop_oneof![
        proptest::array::uniform8(group).prop_map(Ipv6Addr::from),
        any::<[u8; 4]>().prop_map(|v4| Ipv4Addr::from(v4).to_ipv6_mapped()),
    ]
}

fn any_form() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|ip| Ipv4Addr::from(ip).to_string()),
        (any::<[u8; 4]>(), any::<u16>())
            .prop_map(|(ip, port)| SocketAddrV4::new(ip.into(), port).to_string()),
        any_v6().prop_map(|ip| ip.to_string()),
        any_v6().prop_map(|ip| ip.to_string().to_uppercase()),
        any_v6().prop_map(|ip| ip.segments().map(|group| format!("{group:04x}")).join(":")),
        any_v6().prop_map(|ip| ip.to_string().replace(':', "%3A")),
        (any_v6(), any::<u16>(), 0u32..20)
            .prop_map(|(ip, port, zone)| SocketAddrV6::new(ip, port, 0, zone).to_string()),
        (any_v6(), any::<u16>()).prop_map(|(ip, port)| {
            let plain = SocketAddr::from((ip, port)).to_string();
            plain.replace('[', "%5B").replace(']', "%5D").replace(':', "%3A")
        }),
    ]
}

proptest! {
    #[test]
    fn every_address_vanishes_in_every_form(
        address in any_form(),
        before in prop::sample::select(vec!["", " ", "(", "=", "ip:", "\"", "<", "/", "@", ", ", "\\n"]),
        after in prop::sample::select(vec!["", " ", ")", ": ", "\"", ", ", "/", ".", ">", "\\r\\n"]),
    ) {
        let expected = format!("{before}[scrubbed]{after}");
        prop_assert_eq!(scrubbed(format!("{before}{address}{after}")), expected);
    }

    #[test]
    fn lists_of_addresses_vanish(addresses in prop::collection::vec(any_form(), 1..5)) {
        let expected = vec!["[scrubbed]"; addresses.len()].join(" ");
        prop_assert_eq!(scrubbed(addresses.join(" ")), expected);
    }

    #[test]
    fn any_bytes_are_taken(line in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut out = Vec::new();
        scrub(&line, &mut out);
        prop_assert!(out.len() <= MAX_GROWTH * line.len());
    }

    #[test]
    fn text_made_of_address_parts_is_taken(line in "[0-9a-f:.%\\[\\] 3Acndite=\\\\]{0,200}") {
        prop_assert!(scrubbed(&line).len() <= MAX_GROWTH * line.len());
    }
}
