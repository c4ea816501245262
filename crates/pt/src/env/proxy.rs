use std::net::SocketAddr;

pub use snowflake_socks5::Credentials;

use crate::error::ProxyError;

/// The longest user name or password that SOCKS5 can say, in bytes (RFC 1929).
const MAX_SOCKS5_FIELD: usize = 255;

/// What a proxy of TOR_PT_PROXY speaks, by the scheme of its URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// `socks5`: connections and datagrams (RFC 1928).
    Socks5,
    /// `socks4a`: connections only; there is no password.
    Socks4a,
    /// `http`: connections only, by CONNECT (RFC 9110, 9.3.6).
    Http,
}

/// The proxy of TOR_PT_PROXY: `scheme://[user:password@]address:port`.
///
/// ```
/// let proxy = snowflake_pt::UpstreamProxy::parse("socks5://us%40er:pw@192.0.2.1:1080")?;
/// assert_eq!(proxy.kind, snowflake_pt::ProxyKind::Socks5);
/// assert_eq!(proxy.address.port(), 1080);
/// assert_eq!(proxy.credentials.unwrap().user, "us@er");
/// # Ok::<(), snowflake_pt::error::ProxyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamProxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// Where it listens. tor gives an address, never a name.
    pub address: SocketAddr,
    /// What it wants to hear, if anything. The user name is never empty; with SOCKS5 each of the two has at most 255 bytes.
    pub credentials: Option<Credentials>,
}

impl UpstreamProxy {
    /// Reads the URL.
    ///
    /// # Errors
    ///
    /// Each of [`ProxyError`]; the text is what tor is told after `PROXY-ERROR`.
    pub fn parse(url: &str) -> Result<Self, ProxyError> {
        let (scheme, rest) = url.split_once("://").ok_or(ProxyError::Malformed)?;
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "socks5" => ProxyKind::Socks5,
            "socks4a" => ProxyKind::Socks4a,
            "http" => ProxyKind::Http,
            _ => return Err(ProxyError::UnsupportedType),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, address) = match rest.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials_of(kind, credentials)?), address),
            None => (None, rest),
        };
        let address = address.parse().map_err(|_| ProxyError::Malformed)?;
        Ok(Self { kind, address, credentials })
    }
}

fn credentials_of(kind: ProxyKind, text: &str) -> Result<Credentials, ProxyError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let has_room = |text: &String| kind != ProxyKind::Socks5 || text.len() <= MAX_SOCKS5_FIELD;
    let credential = |text: &str| percent_decode(text).filter(has_room);
    let user = credential(user).filter(|user| !user.is_empty());
    match (user, credential(password)) {
        (Some(user), Some(password)) => Ok(Credentials { user, password }),
        _ => Err(ProxyError::Credentials),
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(if byte == b'%' { (digit()? * 16 + digit()?) as u8 } else { byte });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_credentials_and_address() {
        let proxy = UpstreamProxy::parse("SOCKS5://127.0.0.1:9050").unwrap();
        assert_eq!(proxy.address, SocketAddr::from(([127, 0, 0, 1], 9050)));
        assert_eq!(proxy.credentials, None);
        let proxy = UpstreamProxy::parse("socks5://u:p%3A%40@[2001:db8::1]:1/").unwrap();
        assert_eq!(proxy.address, "[2001:db8::1]:1".parse().unwrap());
        let credentials = proxy.credentials.unwrap();
        assert_eq!((&*credentials.user, &*credentials.password), ("u", "p:@"));
        assert_eq!(format!("{credentials:?}"), "Credentials(hidden)");
        let credentials = UpstreamProxy::parse("socks5://u@127.0.0.1:1").unwrap().credentials;
        assert_eq!(credentials.unwrap().password, "");
        let kind = |url: &str| UpstreamProxy::parse(url).map(|proxy| proxy.kind);
        assert_eq!(kind("socks4a://127.0.0.1:1"), Ok(ProxyKind::Socks4a));
        assert_eq!(kind("HTTP://u:p@127.0.0.1:8080"), Ok(ProxyKind::Http));
        let long = "p".repeat(256);
        assert_eq!(kind(&format!("http://u:{long}@127.0.0.1:8080")), Ok(ProxyKind::Http));
    }

    #[test]
    fn what_is_wrong_is_named() {
        use ProxyError::*;
        let long = format!("socks5://{}@127.0.0.1:1", "u".repeat(256));
        for (url, error) in [
            ("", Malformed),
            ("127.0.0.1:1", Malformed),
            ("https://127.0.0.1:1", UnsupportedType),
            ("socks4://127.0.0.1:1", UnsupportedType),
            ("socks5://127.0.0.1", Malformed),
            ("socks5://proxy.example:1", Malformed),
            ("socks5://127.0.0.1:1/path", Malformed),
            ("socks5://@127.0.0.1:1", Credentials),
            ("socks5://:p@127.0.0.1:1", Credentials),
            ("socks5://u%4@127.0.0.1:1", Credentials),
            ("socks5://u%zz@127.0.0.1:1", Credentials),
            ("socks5://u%ff@127.0.0.1:1", Credentials),
            (&long, Credentials),
        ] {
            assert_eq!(UpstreamProxy::parse(url), Err(error), "{url}");
        }
    }
}
