//! [`Network`]: the addresses that begin alike.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// All addresses that begin with the same bits: `192.0.2.0/24`, `2001:db8::/32`, or one address alone.
///
/// ```
/// let network: snowflake_addresses::Network = "192.0.2.0/24".parse()?;
/// assert!(network.contains("192.0.2.7".parse()?) && !network.contains("192.0.3.7".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text that is no [`Network`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkError;

impl Network {
    /// Whether `ip` begins like this. An IPv4 address within IPv6 counts as the IPv4 address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let (ip, network, width) = match (ip.to_canonical(), self.address) {
            (IpAddr::V4(ip), IpAddr::V4(network)) => {
                (u128::from(u32::from(ip)), u128::from(u32::from(network)), 32)
            }
            (IpAddr::V6(ip), IpAddr::V6(network)) => (u128::from(ip), u128::from(network), 128),
            _ => return false,
        };
        // A shift by the whole width is none that a machine can do: then every address is meant.
        (ip ^ network).checked_shr(width - u32::from(self.bits)).unwrap_or(0) == 0
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Bits behind the prefix may be set; they do not count, as in Go's `net.ParseCIDR`.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| NetworkError)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        if bits > width {
            return Err(NetworkError);
        }
        match address.to_canonical() {
            // Written within IPv6, whose first 96 bits say only that.
            v4 @ IpAddr::V4(_) if address.is_ipv6() && bits >= 96 => {
                Ok(Self { address: v4, bits: bits - 96 })
            }
            _ => Ok(Self { address, bits }),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an address or network, such as 192.0.2.1 or 2001:db8::/32")
    }
}

impl std::error::Error for NetworkError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, ip: &str) -> bool {
        network.parse::<Network>().unwrap().contains(ip.parse().unwrap())
    }

    #[test]
    fn borders() {
        for (network, inside, outside) in [
            ("192.0.2.1", ["192.0.2.1", "::ffff:192.0.2.1"], ["192.0.2.0", "192.0.2.2"]),
            ("10.1.2.3/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
            ("10.0.0.0/31", ["10.0.0.0", "10.0.0.1"], ["10.0.0.2", "::a00:0"]),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "2001:db8::1"]),
            ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db9::", "10.0.0.1"]),
            ("::1", ["::1", "::1"], ["::", "127.0.0.1"]),
            ("::/0", ["::", "2001:db8::1"], ["127.0.0.1", "::ffff:127.0.0.1"]),
            ("::ffff:10.0.0.0/104", ["10.9.9.9", "::ffff:10.9.9.9"], ["11.0.0.0", "::a00:0"]),
            ("::ffff:10.0.0.1", ["10.0.0.1", "::ffff:10.0.0.1"], ["10.0.0.2", "::1"]),
        ] {
            for ip in inside {
                assert!(contains(network, ip), "{network}: {ip}");
            }
            for ip in outside {
                assert!(!contains(network, ip), "{network}: {ip}");
            }
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
            "10.0.0/8",
            "::/129",
            "[::1]",
            "192.0.2.1:80",
            "haproxy.example",
            " 10.0.0.1",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError), "{text:?}");
        }
    }

    #[test]
    fn it_is_shown_with_its_bits() {
        for (text, shown) in [("192.0.2.1", "192.0.2.1/32"), ("2001:db8::/32", "2001:db8::/32")] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), shown);
        }
    }
}
