//! What holds for one connection: the flags, and its SOCKS arguments over them.

use crate::timers::MAX_PROXIES;
use crate::{Args, Imitation, Method, SettingsError, Upstream, Winners, rendezvous};
use snowflake_cli::CommaList;
use snowflake_messages::Fingerprint;
use snowflake_rendezvous::tls::{self, TlsConfig};
use snowflake_webrtc::StunServer;
use std::convert::Infallible;
use std::sync::OnceLock;

/// How one connection finds its proxies. Made anew for each, so that no option leaks from one to the next.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The ways to a broker, by preference.
    pub methods: Vec<Method>,
    /// Which of several ways worked lately.
    pub winners: Winners,
    /// How data channels are made.
    pub webrtc: snowflake_webrtc::Config,
    /// Proxies used at once, 1 to 16.
    pub max: usize,
    /// The bridge that the broker should lead to.
    pub fingerprint: Fingerprint,
    /// Whose handshakes to imitate.
    pub imitation: Imitation,
}

impl Settings {
    /// Merges the flags with the arguments of a bridge line, which win.
    ///
    /// Arguments that nobody knows are ignored, as Go's client does. Those with a number from 2 to 4 describe further ways to
    /// a broker, each number for itself: `url2`, `fronts2`, `ampcache2`.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] names the argument that is missing or wrong.
    pub fn new(
        args: &Args,
        line: &snowflake_pt::Args,
        upstream: Option<&Upstream>,
    ) -> Result<Self, SettingsError> {
        let max = match line.get("max") {
            Some(text) => text.parse().map_err(|_| SettingsError::Max)?,
            None => args.max,
        };
        let fingerprint = match line.get("fingerprint") {
            Some(text) if !text.is_empty() => text.parse().map_err(SettingsError::Fingerprint)?,
            _ => Fingerprint::DEFAULT,
        };
        Ok(Self {
            methods: rendezvous::methods(args, line, upstream)?,
            winners: Winners::default(),
            webrtc: webrtc(args, line, upstream)?,
            max: usize::try_from(max).unwrap_or(1).clamp(1, MAX_PROXIES),
            fingerprint,
            imitation: Imitation::new(args, line),
        })
    }
}

/// `utls-nosni`: only these two words turn it on.
pub(crate) fn hides_server_name(line: &snowflake_pt::Args) -> bool {
    let word = line.get("utls-nosni").unwrap_or_default();
    word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("yes")
}

fn webrtc(
    args: &Args,
    line: &snowflake_pt::Args,
    upstream: Option<&Upstream>,
) -> Result<snowflake_webrtc::Config, SettingsError> {
    let ice = line.get("ice").map_or_else(|| args.ice.clone(), list);
    let stun_servers =
        StunServer::of_urls(&ice).map_err(|(_, reason)| SettingsError::Ice(reason))?;
    Ok(snowflake_webrtc::Config {
        stun_servers: some_of(stun_servers),
        keep_local_addresses: args.keep_local_addresses,
        upstream: upstream.and_then(Upstream::for_datagrams),
        ..snowflake_webrtc::Config::default()
    })
}

/// Half of the servers, rounded up, at random if there are more than two, as Go's client does: asking all of a long
/// list at once would be a trait to recognise Snowflake by.
fn some_of(mut servers: Vec<StunServer>) -> Vec<StunServer> {
    if servers.len() > 2 {
        let keep = servers.len().div_ceil(2);
        for place in 0..keep {
            // Without randomness the first half is as good as any.
            let random = getrandom::u32().unwrap_or(0) as usize;
            let other = place + random % (servers.len() - place);
            servers.swap(place, other);
        }
        servers.truncate(keep);
    }
    servers
}

pub(crate) fn list(text: &str) -> CommaList {
    text.parse().unwrap_or_else(|never: Infallible| match never {})
}

/// The certificate authorities, read once for the whole program.
pub(crate) fn tls_config() -> Result<TlsConfig, SettingsError> {
    static CONFIG: OnceLock<TlsConfig> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let config = tls::client_config().map_err(SettingsError::Tls)?;
    Ok(CONFIG.get_or_init(|| config).clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use snowflake_cli::{Program, parse_from};

    fn args(flags: &[&str]) -> Args {
        parse_from(Program { name: "snowflake-client", version: "0" }, flags).expect("good flags")
    }

    fn settings(flags: &[&str], line: &str) -> Result<Settings, SettingsError> {
        Settings::new(&args(flags), &snowflake_pt::Args::parse(line).expect("a good line"), None)
    }

    #[test]
    fn the_line_wins_over_the_flags_and_unknown_keys_do_not_matter() {
        let flags = ["-url", "https://flag.example/", "-max", "2"];
        let line = "max=3;fingerprint=8838024498816A039FCBBAB14E6F40A0843051FA;colour=blue";
        let settings = settings(&flags, line).unwrap();
        assert_eq!(settings.max, 3);
        assert_eq!(settings.fingerprint.to_string(), "8838024498816A039FCBBAB14E6F40A0843051FA");
        assert_eq!(self::settings(&flags, "").unwrap().max, 2);
        assert_eq!(self::settings(&flags, "max=-4").unwrap().max, 1);
        assert_eq!(self::settings(&flags, "max=1000").unwrap().max, 16);
    }

    #[test]
    fn only_two_words_hide_the_name() {
        let hides = |line: &str| hides_server_name(&snowflake_pt::Args::parse(line).unwrap());
        assert!(["utls-nosni=true", "utls-nosni=YES", "utls-nosni=True"].iter().all(|l| hides(l)));
        assert!(!["", "utls-nosni=", "utls-nosni=1", "utls-nosni=no"].iter().any(|l| hides(l)));
    }

    #[test]
    fn bad_values_name_what_is_wrong() {
        let error =
            |line: &str| settings(&["-url", "https://b.example/"], line).unwrap_err().to_string();
        assert_eq!(error("max=many"), "max is not a whole number");
        assert_eq!(error("ice=stun:"), "ice: an ICE server needs a host");
        assert!(error("url=b.example").starts_with("url is not a URL"));
        assert!(error("url=ftp://b.example").starts_with("url or fronts"));
        assert!(error("fingerprint=xyz").starts_with("fingerprint"));
        assert!(settings(&[], "").unwrap_err().to_string().starts_with("no broker"));
    }

    #[test]
    fn half_of_a_long_list_of_stun_servers_is_used() {
        let used = |n: usize| {
            let ice: Vec<_> = (0..n).map(|i| format!("stun:s{i}.example")).collect();
            let line = format!("ice={},turn:t.example", ice.join(","));
            settings(&["-url", "https://b.example/"], &line).unwrap().webrtc.stun_servers.len()
        };
        assert_eq!([1, 2, 3, 4, 5, 8].map(used), [1, 2, 2, 2, 3, 4]);
    }
}
