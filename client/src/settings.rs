//! What holds for one connection: the flags, and its SOCKS arguments over them.

use crate::timers::MAX_PROXIES;
use crate::{Args, Imitation, SettingsError, sqs};
use snowflake_cli::CommaList;
use snowflake_messages::Fingerprint;
use snowflake_rendezvous::limits::CLIENT_HEADERS;
use snowflake_rendezvous::tls::{self, TlsConfig};
use snowflake_rendezvous::{Exchange, Http, Rendezvous};
use snowflake_webrtc::{IceServer, StunServer};
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use url::Url;

/// How one connection finds its proxies. Made anew for each, so that no option leaks from one to the next.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The way to the broker.
    pub rendezvous: Arc<dyn Rendezvous>,
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
    /// Arguments that nobody knows are ignored, as Go's client does.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] names the argument that is missing or wrong.
    pub fn new(args: &Args, line: &snowflake_pt::Args) -> Result<Self, SettingsError> {
        if line.get("ampcache").is_some_and(|value| !value.is_empty()) {
            return Err(SettingsError::Unsupported("ampcache"));
        }
        let max = match line.get("max") {
            Some(text) => text.parse().map_err(|_| SettingsError::Max)?,
            None => args.max,
        };
        let fingerprint = match line.get("fingerprint") {
            Some(text) if !text.is_empty() => text.parse().map_err(SettingsError::Fingerprint)?,
            _ => Fingerprint::DEFAULT,
        };
        Ok(Self {
            rendezvous: rendezvous(args, line)?,
            webrtc: webrtc(args, line)?,
            max: usize::try_from(max).unwrap_or(1).clamp(1, MAX_PROXIES),
            fingerprint,
            imitation: Imitation::new(args, line),
        })
    }
}

/// The queue if there is one, else the broker itself.
fn rendezvous(
    args: &Args,
    line: &snowflake_pt::Args,
) -> Result<Arc<dyn Rendezvous>, SettingsError> {
    let word = |key, of_flags| line.get(key).filter(|word| !word.is_empty()).unwrap_or(of_flags);
    let exchange = |url, limit| exchange(args, line, url, limit);
    match (word("sqsqueue", &args.sqsqueue), word("url", &args.url)) {
        ("", "") => Err(SettingsError::NoBroker),
        ("", url) => {
            let url = Url::parse(url).map_err(SettingsError::Url)?;
            Ok(Arc::new(Http::new(exchange(url, CLIENT_HEADERS)?)))
        }
        (queue, "") => {
            let key = word("sqscreds", &args.sqscreds);
            let get = |variable: &str| std::env::var(variable).ok();
            Ok(Arc::new(sqs::way(queue, key, get, exchange)?))
        }
        _ => Err(SettingsError::TwoMethods),
    }
}

fn exchange(
    args: &Args,
    line: &snowflake_pt::Args,
    url: Url,
    header_limit: Duration,
) -> Result<Exchange, SettingsError> {
    let exchange = Exchange::new(url, fronts(args, line).iter(), tls_config()?, header_limit)
        .map_err(SettingsError::Broker)?;
    Ok(if hides_server_name(line) { exchange.without_server_name() } else { exchange })
}

/// `utls-nosni`: only these two words turn it on.
fn hides_server_name(line: &snowflake_pt::Args) -> bool {
    let word = line.get("utls-nosni").unwrap_or_default();
    word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("yes")
}

/// `fronts` of the line, else its `front`, else the flags; an empty one changes nothing.
fn fronts(args: &Args, line: &snowflake_pt::Args) -> CommaList {
    let of_line = line.get("fronts").or_else(|| line.get("front")).map(list);
    let of_flags = if args.fronts.is_empty() { &args.front } else { &args.fronts };
    of_line.filter(|fronts| !fronts.is_empty()).unwrap_or_else(|| of_flags.clone())
}

fn webrtc(
    args: &Args,
    line: &snowflake_pt::Args,
) -> Result<snowflake_webrtc::Config, SettingsError> {
    let ice = line.get("ice").map_or_else(|| args.ice.clone(), list);
    let mut stun_servers = Vec::new();
    for url in ice.iter() {
        match url.parse().map_err(SettingsError::Ice)? {
            IceServer::Stun(server) => stun_servers.push(server),
            IceServer::Unsupported(scheme) => {
                tracing::warn!(
                    "only STUN servers over UDP are used; one of scheme {scheme:?} is skipped"
                );
            }
        }
    }
    Ok(snowflake_webrtc::Config {
        stun_servers: some_of(stun_servers),
        keep_local_addresses: args.keep_local_addresses,
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

fn list(text: &str) -> CommaList {
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
        Settings::new(&args(flags), &snowflake_pt::Args::parse(line).expect("a good line"))
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
    fn fronts_are_taken_from_the_first_place_that_has_some() {
        let of = |flags: &[&str], line: &str| {
            fronts(&args(flags), &snowflake_pt::Args::parse(line).unwrap()).into_vec()
        };
        assert_eq!(of(&["-front", "a", "-fronts", "b,c"], ""), ["b", "c"]);
        assert_eq!(of(&["-front", "a"], ""), ["a"]);
        assert_eq!(
            of(&["-front", "a"], "fronts=;front=x"),
            ["a"],
            "front is not looked at beside fronts"
        );
        assert_eq!(of(&["-front", "a"], "front=x,y"), ["x", "y"]);
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
        assert!(error("ampcache=https://cdn.example/").starts_with("ampcache is not supported"));
        assert!(settings(&[], "").unwrap_err().to_string().starts_with("no broker"));
    }

    /// The dummy of the Go project's documentation.
    const CREDS: &str = "eyJhd3MtYWNjZXNzLWtleS1pZCI6IkFLSUFFWEFNUExFIiwiYXdzLXNlY3JldC1rZXkiOiJzZWNyZXRFWEFNUExFIn0=";

    #[test]
    fn a_queue_takes_the_place_of_the_broker() {
        let queue = "https://sqs.us-east-1.amazonaws.com/893902434899/snowflake-broker";
        let sqsqueue = format!("sqsqueue={queue}");
        // In a line `=` needs no escape after the first.
        let sqscreds = format!("sqscreds={CREDS}");
        let of_line = settings(&[], &format!("{sqsqueue};{sqscreds}")).unwrap();
        let of_flags = settings(&["-sqsqueue", queue, "-sqscreds", CREDS], "").unwrap();
        for settings in [of_line, of_flags] {
            assert_eq!(settings.rendezvous.name(), "sqs");
            assert_eq!(settings.rendezvous.broker(), queue);
        }
        let error = |flags: &[&str], line: &str| settings(flags, line).unwrap_err().to_string();
        let both = "sqsqueue cannot be used together with url or ampcache: give one of them";
        let url = "url=https://b.example/";
        assert_eq!(error(&[], &format!("{url};{sqsqueue};{sqscreds}")), both);
        assert_eq!(error(&["-url", "https://b.example/"], &sqsqueue), both);
        assert!(error(&[], &sqsqueue).starts_with("no key for the queue: set sqscreds="));
        let bad = format!("{sqsqueue};sqscreds=bm90aGluZw==");
        assert_eq!(
            error(&[], &bad),
            "sqscreds: no JSON with aws-access-key-id and aws-secret-key in it"
        );
        assert!(
            error(&[], &format!("sqsqueue=queue;{sqscreds}")).starts_with("sqsqueue is not a URL")
        );
        let elsewhere = format!("sqsqueue=https://queue.example/1/q;{sqscreds}");
        assert!(error(&[], &elsewhere).starts_with("sqsqueue: the queue's host is not sqs.REGION"));
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
