//! What a client is to do, and what a bridge line says of it.

use crate::config_error::{ConfigError, Reason};
use crate::timers::{DIAL_LIMIT, MAX_PROXIES};
use crate::{Args, Imitation, Method, Upstream, rendezvous};
use snowflake_cli::CommaList;
use snowflake_messages::Fingerprint;
use snowflake_webrtc::StunServer;
use std::convert::Infallible;
use std::time::Duration;

/// Settings of a client. [`Default`] is that of the flags, which know no broker: [`methods`](Self::methods) must be set.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The ways to a broker, by preference; at least one. Of several, those that worked lately come first.
    pub methods: Vec<Method>,
    /// Servers that tell us our address, and what our NAT does; see [`stun_servers`](Self::stun_servers()). Of more than two
    /// each client asks half, at random.
    ///
    /// Without any only proxies that everybody can reach are of use, or those of a local network.
    pub stun_servers: Vec<StunServer>,
    /// Proxies that a connection uses at once, 1 to 16, the most that a server keeps for one client.
    pub max: usize,
    /// The bridge that the broker should lead to; by default Tor's first.
    pub fingerprint: Fingerprint,
    /// Tell proxies our private and loopback addresses too, for networks without the internet.
    pub keep_local_addresses: bool,
    /// Leave the server's name out of the TLS handshake with the broker; Go's `utls-nosni`.
    pub hide_server_name: bool,
    /// The user's proxy, through which everything goes that it carries.
    pub upstream: Option<Upstream>,
    /// Whose handshakes to imitate; what cannot be done is told by [`Event::NoEffect`](crate::Event::NoEffect).
    pub imitation: Imitation,
    /// How long [`Client::dial`](crate::Client::dial) waits for a first proxy, at least a millisecond. By default a minute:
    /// some five attempts that fail slowly.
    pub dial_limit: Duration,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            methods: Vec::new(),
            stun_servers: Vec::new(),
            max: 1,
            fingerprint: Fingerprint::DEFAULT,
            keep_local_addresses: false,
            hide_server_name: false,
            upstream: None,
            imitation: Imitation::default(),
            dial_limit: DIAL_LIMIT,
        }
    }
}

impl ClientConfig {
    /// Merges the flags with the arguments of a bridge line, which win.
    ///
    /// Arguments that nobody knows are ignored, as Go's client does. Those with a number from 2 to 4 describe further ways to
    /// a broker, each number for itself: `url2`, `fronts2`, `ampcache2`. A number of proxies out of range is as good as the
    /// nearest within.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the argument that is missing or wrong.
    pub fn of_line(
        args: &Args,
        line: &snowflake_pt::Args,
        upstream: Option<&Upstream>,
    ) -> Result<Self, ConfigError> {
        let max = match line.get("max") {
            Some(text) => {
                let number = text.parse::<i64>();
                number.map_err(|_| ConfigError::new("max", text, Reason::NotANumber))?
            }
            None => args.max,
        };
        let fingerprint = match line.get("fingerprint") {
            Some(text) if !text.is_empty() => {
                text.parse::<Fingerprint>().map_err(ConfigError::of("fingerprint", text))?
            }
            _ => Fingerprint::DEFAULT,
        };
        let ice = line.get("ice").map_or_else(|| args.ice.clone(), list);
        Ok(Self {
            methods: rendezvous::methods(args, line)?,
            stun_servers: Self::stun_servers(ice.iter())?,
            max: usize::try_from(max).unwrap_or(1).clamp(1, MAX_PROXIES),
            fingerprint,
            keep_local_addresses: args.keep_local_addresses,
            hide_server_name: hides_server_name(line),
            upstream: upstream.cloned(),
            imitation: Imitation::new(args, line),
            ..Self::default()
        })
    }

    /// The servers at these URLs, for example `stun:stun.example:3478`. Other kinds of ICE servers are skipped, as in Go,
    /// which the log says.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the first that is no ICE server.
    pub fn stun_servers<U: AsRef<str>>(
        urls: impl IntoIterator<Item = U>,
    ) -> Result<Vec<StunServer>, ConfigError> {
        StunServer::of_urls(urls)
            .map_err(|(url, reason)| ConfigError::new("ice", url.as_ref(), reason))
    }
}

/// `utls-nosni`: only these two words turn it on.
fn hides_server_name(line: &snowflake_pt::Args) -> bool {
    let word = line.get("utls-nosni").unwrap_or_default();
    word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("yes")
}

pub(crate) fn list(text: &str) -> CommaList {
    text.parse().unwrap_or_else(|never: Infallible| match never {})
}

#[cfg(test)]
mod tests {
    use super::*;
    use snowflake_cli::{Program, parse_from};

    fn config(flags: &[&str], line: &str) -> Result<ClientConfig, ConfigError> {
        let args = parse_from(Program { name: "snowflake-client", version: "0" }, flags);
        let line = snowflake_pt::Args::parse(line).expect("a good line");
        ClientConfig::of_line(&args.expect("good flags"), &line, None)
    }

    #[test]
    fn the_line_wins_over_the_flags_and_unknown_keys_do_not_matter() {
        let flags = ["-url", "https://flag.example/", "-max", "2"];
        let line = "max=3;fingerprint=8838024498816A039FCBBAB14E6F40A0843051FA;colour=blue";
        let of_line = config(&flags, line).unwrap();
        assert_eq!(of_line.max, 3);
        assert_eq!(of_line.fingerprint.to_string(), "8838024498816A039FCBBAB14E6F40A0843051FA");
        assert_eq!(config(&flags, "").unwrap().max, 2);
        assert_eq!(config(&flags, "max=-4").unwrap().max, 1);
        assert_eq!(config(&flags, "max=1000").unwrap().max, 16);
    }

    #[test]
    fn the_defaults_are_those_of_the_flags() {
        let of_flags = config(&["-url", "https://b.example/"], "").unwrap();
        let default = ClientConfig { methods: of_flags.methods.clone(), ..Default::default() };
        assert_eq!(format!("{of_flags:?}"), format!("{default:?}"));
    }

    #[test]
    fn only_two_words_hide_the_name() {
        let hides = |line: &str| hides_server_name(&snowflake_pt::Args::parse(line).unwrap());
        assert!(["utls-nosni=true", "utls-nosni=YES", "utls-nosni=True"].iter().all(|l| hides(l)));
        assert!(!["", "utls-nosni=", "utls-nosni=1", "utls-nosni=no"].iter().any(|l| hides(l)));
    }

    #[test]
    fn bad_values_are_named_with_key_and_reason() {
        let error =
            |line: &str| config(&["-url", "https://b.example/"], line).unwrap_err().to_string();
        for (line, expected) in [
            ("max=many", "max=\"many\": not a whole number"),
            ("ice=stun:", "ice=\"stun:\": an ICE server needs a host"),
            ("url=b.example", "url=\"b.example\": not a URL: relative URL without a base"),
            ("url=ftp://b.example/", "url=\"ftp://b.example/\": the URL must be http or https"),
            ("fronts=a b", "fronts=\"a b\": front \"a b\" is not a host name"),
            ("fingerprint=xyz", "fingerprint=\"xyz\": cannot decode fingerprint"),
        ] {
            assert_eq!(error(line), expected);
        }
        assert!(config(&[], "").unwrap_err().to_string().starts_with("url=\"\": no broker: "));
    }
}
