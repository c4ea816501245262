//! The query parameter `client_ip`: the proxy writes the client's address into the relay URL, the server reads it.

use std::net::IpAddr;

use url::{Url, form_urlencoded};

const NAME: &str = "client_ip";

/// Sets the parameter, in place of any that is there.
///
/// The query comes out as Go's `url.Values.Encode` writes it: keys sorted, values of one key in their old order.
/// Without an address the URL stays as it is.
pub fn set(url: &mut Url, address: Option<IpAddr>) {
    let Some(address) = address else { return };
    let mut pairs: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| key != NAME)
        .map(|(k, v)| (k.into(), v.into()))
        .collect();
    pairs.push((NAME.to_owned(), address.to_string()));
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let pairs: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{}={}", escape(key), escape(value))).collect();
    url.set_query(Some(&pairs.join("&")));
}

/// Reads the parameter from a request's query (the text after `?`).
///
/// The first parameter of that name counts. `None` if it is missing, not the plain text of an address, or an
/// unspecified address. An IPv4 address in IPv6 form comes out as IPv4. Private addresses are as good as others.
pub fn get(query: Option<&str>) -> Option<IpAddr> {
    let (_, value) = form_urlencoded::parse(query?.as_bytes()).find(|(key, _)| key == NAME)?;
    let address = value.parse::<IpAddr>().ok()?.to_canonical();
    (!address.is_unspecified()).then_some(address)
}

/// Percent-encodes a query key or value as Go's `url.QueryEscape` does.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            b' ' => escaped.push('+'),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(url: &str, address: &str) -> String {
        let mut url = Url::parse(url).unwrap();
        set(&mut url, Some(address.parse().unwrap()));
        url.into()
    }

    #[test]
    fn the_parameter_is_added_replaced_and_sorted() {
        let default = "wss://snowflake.torproject.net/";
        assert_eq!(
            with(default, "192.0.2.7"),
            "wss://snowflake.torproject.net/?client_ip=192.0.2.7"
        );
        assert_eq!(
            with(default, "2001:db8::7"),
            "wss://snowflake.torproject.net/?client_ip=2001%3Adb8%3A%3A7"
        );
        // Without a path the request target is `/?client_ip=…`, which is how the URL type writes it.
        assert_eq!(
            with("wss://02.snowflake.torproject.net", "192.0.2.7"),
            "wss://02.snowflake.torproject.net/?client_ip=192.0.2.7"
        );
        assert_eq!(
            with("wss://h.example/p?x=1&client_ip=old", "192.0.2.7"),
            "wss://h.example/p?client_ip=192.0.2.7&x=1"
        );
        assert_eq!(
            with("wss://h.example/p?z=2&z=1&a=~%2A+%C3%A9&client_ip=1&client_ip=2", "192.0.2.7"),
            "wss://h.example/p?a=~%2A+%C3%A9&client_ip=192.0.2.7&z=2&z=1"
        );
    }

    #[test]
    fn an_unknown_address_leaves_the_url_alone() {
        let mut url = Url::parse("wss://h.example/p?x=1&client_ip=old").unwrap();
        set(&mut url, None);
        assert_eq!(url.as_str(), "wss://h.example/p?x=1&client_ip=old");
    }

    #[test]
    fn the_server_reads_addresses_and_nothing_else() {
        let read = |value: &str| get(Some(&format!("client_ip={value}"))).map(|a| a.to_string());
        for (value, address) in [
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("2001%3Adb8%3A%3A7", "2001:db8::7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("10.0.0.1", "10.0.0.1"),
        ] {
            assert_eq!(read(value).as_deref(), Some(address), "{value}");
        }
        for value in [
            "",
            "0.0.0.0",
            "::",
            "::ffff:0.0.0.0",
            "[2001:db8::7]",
            "192.0.2.7:80",
            "fe80::1%25eth0",
            "192.0.2.007",
            "a.example",
            "%ff",
        ] {
            assert_eq!(read(value), None, "{value}");
        }
        assert_eq!(get(None), None);
        assert_eq!(get(Some("x=1")), None);
        assert_eq!(get(Some("client_ip=&client_ip=192.0.2.7")), None, "the first one counts");
        assert_eq!(get(Some("x=1&client_ip=192.0.2.7")), Some("192.0.2.7".parse().unwrap()));
    }

    proptest::proptest! {
        #[test]
        fn what_the_proxy_writes_the_server_reads(
            address: std::net::Ipv6Addr,
            query in "[ -~]{0,40}",
        ) {
            let address = IpAddr::V6(address).to_canonical();
            proptest::prop_assume!(!address.is_unspecified());
            let mut url = Url::parse("wss://h.example/").unwrap();
            url.set_query(Some(&query));
            set(&mut url, Some(address));
            proptest::prop_assert_eq!(get(url.query()), Some(address));
        }
    }
}
