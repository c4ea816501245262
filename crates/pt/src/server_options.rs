//! `ServerTransportOptions` of a torrc, as the server understands them.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroUsize,
    path::Path,
    str::FromStr,
};

use crate::{Args, OrPort, error::ServerOptionError};

const SOURCE_ADDRESSES: &str = "orport-srcaddr";
const NUM_TURBOTUNNEL: &str = "num-turbotunnel";
const OR_PORTS: &str = "orport";

/// The options of one bind address. Unknown ones are ignored, as by the Go server; of several of
/// one name the first counts.
///
/// ```
/// use snowflake_pt::{Args, ServerOptions};
///
/// let args = Args::parse("num-turbotunnel=2;orport-srcaddr=127.0.2.0/24")?;
/// let options = ServerOptions::parse(&args)?;
/// assert_eq!(options.num_turbotunnel.get(), 2);
/// assert!(options.orport_srcaddr.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// How many instances of KCP share the clients. Default: 1.
    pub num_turbotunnel: NonZeroUsize,
    /// Where connections to the ORPort come from. Default: what the system chooses.
    pub orport_srcaddr: Option<SourceAddresses>,
    /// Where streams go instead of the ORPort that tor names, least loaded first. Empty: there.
    ///
    /// A list with commas. An address alone is a plain ORPort; one that a path follows is an Extended ORPort whose cookie
    /// file is there: `127.0.0.1:9001/var/lib/tor/extended_orport_auth_cookie`. The Go server does not know it.
    pub or_ports: Vec<OrPort>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { num_turbotunnel: NonZeroUsize::MIN, orport_srcaddr: None, or_ports: Vec::new() }
    }
}

impl ServerOptions {
    /// Reads the options of a [`BindAddress`](crate::BindAddress).
    ///
    /// # Errors
    ///
    /// The first bad value; its text is for `SMETHOD-ERROR`.
    pub fn parse(options: &Args) -> Result<Self, ServerOptionError> {
        let mut parsed = Self::default();
        if let Some(text) = options.get(NUM_TURBOTUNNEL) {
            let bad = |_| ServerOptionError::NumTurbotunnel(text.to_owned());
            parsed.num_turbotunnel = text.parse().map_err(bad)?;
        }
        let source = options.get(SOURCE_ADDRESSES).map(str::parse);
        parsed.orport_srcaddr = source.transpose()?;
        if let Some(list) = options.get(OR_PORTS) {
            parsed.or_ports = list.split(',').map(or_port).collect::<Result<_, _>>()?;
        }
        Ok(parsed)
    }
}

/// An ORPort of the list, with its cookie file if it is an extended one.
fn or_port(text: &str) -> Result<OrPort, ServerOptionError> {
    let (address, file) = text.split_at(text.find('/').unwrap_or(text.len()));
    let address = address.parse().map_err(|_| ServerOptionError::OrPort(text.to_owned()))?;
    Ok(match file {
        "" => OrPort::Plain(address),
        file => OrPort::Extended { address, cookie_file: Path::new(file).to_owned() },
    })
}

/// The addresses of a CIDR prefix, or a single one.
///
/// A connection from a random address of 127.0.0.0/8 to a port of loopback has a range of source
/// ports of its own, so that more than about 28000 users fit on one ORPort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceAddresses {
    address: IpAddr,
    prefix: u32,
}

impl SourceAddresses {
    /// Whether these are IPv4 addresses.
    pub const fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// An address that has the prefix and, after it, the bits of `random`. All addresses of the
    /// prefix can come up, the first and the last included.
    pub fn pick(&self, random: u128) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => {
                let host = u32::MAX.checked_shr(self.prefix).unwrap_or(0);
                Ipv4Addr::from_bits(address.to_bits() & !host | random as u32 & host).into()
            }
            IpAddr::V6(address) => {
                let host = u128::MAX.checked_shr(self.prefix).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() & !host | random & host).into()
            }
        }
    }
}

impl FromStr for SourceAddresses {
    type Err = ServerOptionError;

    fn from_str(text: &str) -> Result<Self, ServerOptionError> {
        parse(text).ok_or_else(|| ServerOptionError::SourceAddresses(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<SourceAddresses> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let bits = if address.is_ipv4() { Ipv4Addr::BITS } else { Ipv6Addr::BITS };
    let prefix = match prefix {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
        None => bits,
    };
    (prefix <= bits).then_some(SourceAddresses { address, prefix })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options(text: &str) -> Result<ServerOptions, ServerOptionError> {
        ServerOptions::parse(&Args::parse(text).expect("arguments"))
    }

    #[test]
    fn defaults_and_unknown_options() {
        assert_eq!(options("").unwrap(), ServerOptions::default());
        assert_eq!(options("colour=blue").unwrap().num_turbotunnel.get(), 1);
    }

    #[test]
    fn bad_values_are_named() {
        for text in ["", "0", "-1", "x", "1.5", "99999999999999999999"] {
            let error = ServerOptionError::NumTurbotunnel(text.to_owned());
            assert_eq!(options(&format!("num-turbotunnel={text}")), Err(error));
        }
        for text in ["", "x", "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/+8", "/8"] {
            let error = ServerOptionError::SourceAddresses(text.to_owned());
            assert_eq!(options(&format!("orport-srcaddr={text}")), Err(error));
        }
        assert_eq!(
            options("num-turbotunnel=0").unwrap_err().to_string(),
            "num-turbotunnel \"0\" is not a number of at least 1"
        );
    }

    #[test]
    fn several_orports_may_be_named() {
        let address = |text: &str| text.parse().unwrap();
        let (plain, extended) = ("127.0.0.1:9001", "[::1]:9002/var/lib/tor/cookie");
        assert_eq!(
            options(&format!("orport={plain},{extended}")).unwrap().or_ports,
            [
                OrPort::Plain(address(plain)),
                OrPort::Extended {
                    address: address("[::1]:9002"),
                    cookie_file: "/var/lib/tor/cookie".into()
                },
            ]
        );
        for (list, bad) in [("", ""), ("127.0.0.1:1,", ""), ("localhost:9001", "localhost:9001")] {
            let error = ServerOptionError::OrPort(bad.to_owned());
            assert_eq!(options(&format!("orport={list}")), Err(error));
        }
    }

    #[test]
    fn addresses_keep_the_prefix_and_vary_after_it() {
        for (text, random, address) in [
            ("127.0.2.0/24", 0, "127.0.2.0"),
            ("127.0.2.0/24", u128::MAX, "127.0.2.255"),
            ("127.0.2.99/24", 0x0102_0304, "127.0.2.4"),
            ("127.1.2.3", u128::MAX, "127.1.2.3"),
            ("127.1.2.3/32", u128::MAX, "127.1.2.3"),
            ("1.2.3.4/0", 0x7f00_0001, "127.0.0.1"),
            ("2001:db8::/32", 7, "2001:db8::7"),
            ("2001:db8::1", u128::MAX, "2001:db8::1"),
            ("::/0", 1, "::1"),
        ] {
            let addresses: SourceAddresses = text.parse().unwrap();
            assert_eq!(addresses.pick(random).to_string(), address, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "[0-9a-f.:/]{0,20}", random: u128) {
            if let Ok(addresses) = text.parse::<SourceAddresses>() {
                prop_assert_eq!(addresses.pick(random).is_ipv4(), addresses.is_ipv4());
            }
        }
    }
}
