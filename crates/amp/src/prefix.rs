//! The label by which an AMP cache's domain names the site that it serves.

use data_encoding::BASE32_NOPAD;
use idna::punycode;
use sha2::{Digest, Sha256};

/// What a label begins with if Punycode follows.
const PUNYCODE: &str = "xn--";

/// Longest label of the domain name system.
const MAX_LABEL: usize = 63;

/// The label that stands for a host in an AMP cache's domain.
///
/// The host's dots become hyphens and its hyphens double, in Unicode; a label that has hyphens in
/// the third and fourth place goes between `0-` and `-0`. What makes no label of at most 63 bytes
/// is the SHA-256 of the host as given, in base32: 52 characters. These are the basic and the
/// fallback algorithm of the [AMP cache URL format][1].
///
/// ```
/// assert_eq!(snowflake_amp::domain_prefix("en-us.example.com"), "0-en--us-example-com-0");
/// ```
///
/// [1]: https://amp.dev/documentation/guides-and-tutorials/learn/amp-caches-and-cors/amp-cache-urls/
pub fn domain_prefix(host: &str) -> String {
    readable(host).filter(|label| label.len() <= MAX_LABEL).unwrap_or_else(|| hashed(host))
}

/// The basic algorithm; `None` if there is no Punycode for it.
fn readable(host: &str) -> Option<String> {
    let label = to_unicode(host)?.replace('-', "--").replace('.', "-");
    let looks_reserved = label.chars().skip(2).take(2).eq(['-', '-']);
    to_ascii(if looks_reserved { format!("0-{label}-0") } else { label })
}

/// The fallback algorithm.
fn hashed(host: &str) -> String {
    BASE32_NOPAD.encode(&Sha256::digest(host)).to_ascii_lowercase()
}

/// Decodes the labels that are in Punycode; nothing is mapped or checked otherwise.
fn to_unicode(host: &str) -> Option<String> {
    let mut name = String::with_capacity(host.len());
    for (i, label) in host.split('.').enumerate() {
        if i > 0 {
            name.push('.');
        }
        match label.strip_prefix(PUNYCODE) {
            Some(encoded) => name.push_str(&punycode::decode_to_string(encoded)?),
            None => name.push_str(label),
        }
    }
    Some(name)
}

fn to_ascii(label: String) -> Option<String> {
    if label.is_ascii() {
        return Some(label);
    }
    Some(format!("{PUNYCODE}{}", punycode::encode_str(&label)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_those_of_go() {
        // Wire format vectors.
        for (host, prefix) in [
            ("example.com", "example-com"),
            ("snowflake-broker.torproject.net", "snowflake--broker-torproject-net"),
            ("foo-example.com", "foo--example-com"),
            ("en-us.example.com", "0-en--us-example-com-0"),
            ("a-b.c", "a--b-c"),
            ("xn--57hw060o.com", "xn---com-p33b41770a"),
            ("中文.com", "xn---com-zf5fy05j"),
            (
                "this-is-a-very-long-label-that-goes-on.and-on-and-on-until-it-is.longer-than-sixty-three.example.com",
                "tmifawu7rxbgabe7nz65vehcfynt2ekngzxghp2sbwef3vkfsfsa",
            ),
        ] {
            assert_eq!(domain_prefix(host), prefix, "{host}");
        }
    }

    #[test]
    fn a_label_has_63_bytes_at_most() {
        let host = |length: usize| "a".repeat(length - 4) + ".com";
        assert_eq!(domain_prefix(&host(63)), host(63).replace('.', "-"));
        assert_eq!(domain_prefix(&host(64)), hashed(&host(64)));
        // The doubled hyphens count.
        assert_eq!(domain_prefix(&format!("{}.a-b", host(60))).len(), 52);
    }

    #[test]
    fn what_is_not_punycode_is_hashed() {
        for host in ["xn--\u{e9}.com", "xn--99999999.com", "a.xn--b!.com"] {
            assert_eq!(domain_prefix(host), hashed(host), "{host}");
        }
    }
}
