//! What tor is told: lines on stdout, which belongs to this module.
//!
//! A line is a keyword and arguments, and is flushed at once. A [`Report`] is used from the start
//! to `CMETHODS DONE` or `SMETHODS DONE`, by one owner, and then becomes a [`PtLog`] for whoever has
//! something to tell the user.
//!
//! ```
//! use snowflake_pt::Report;
//!
//! let mut lines = Vec::new();
//! let mut report = Report::new(&mut lines);
//! report.version()?;
//! report.status_version("snowflake-client", "0.1.0")?;
//! report.cmethod("snowflake", ([127, 0, 0, 1], 40000).into())?;
//! report.cmethods_done()?;
//! assert_eq!(
//!     String::from_utf8(lines).unwrap(),
//!     "VERSION 1\n\
//!      STATUS TYPE=version IMPLEMENTATION=\"snowflake-client\" VERSION=\"0.1.0\"\n\
//!      CMETHOD snowflake socks5 127.0.0.1:40000\n\
//!      CMETHODS DONE\n"
//! );
//! # Ok::<(), std::io::Error>(())
//! ```

use std::{
    fmt,
    io::{self, Write},
    net::SocketAddr,
};

use crate::{Args, error::EnvError};

mod log;

pub use log::{LOG_QUEUE, PtLog, Severity};

/// Writes lines to tor.
///
/// Each method writes one line and flushes it; an error means that tor is gone. Bytes that cannot
/// stand in a line, which is printable ASCII, become `?`.
#[derive(Debug)]
pub struct Report<W: Write> {
    out: W,
}

impl Report<io::Stdout> {
    /// Lines on stdout: what a program's `main` does, once.
    #[expect(clippy::disallowed_methods, reason = "the one place where stdout is written to")]
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }
}

impl<W: Write> Report<W> {
    /// Lines into a writer of choice.
    pub const fn new(out: W) -> Self {
        Self { out }
    }

    /// `VERSION 1`: the first line.
    pub fn version(&mut self) -> io::Result<()> {
        self.line(format_args!("VERSION 1"))
    }

    /// Everything that a bad environment calls for: `VERSION 1` if that much was clear, and the
    /// error. The program then exits with 1.
    pub fn env_error(&mut self, error: &EnvError) -> io::Result<()> {
        match error {
            EnvError::NoVersion => return self.line(format_args!("VERSION-ERROR {error}")),
            EnvError::Missing("TOR_PT_MANAGED_TRANSPORT_VER")
            | EnvError::NotUtf8("TOR_PT_MANAGED_TRANSPORT_VER") => {}
            _ => self.version()?,
        }
        match error {
            EnvError::Proxy(error) => self.proxy_error(error),
            error => self.line(format_args!("ENV-ERROR {error}")),
        }
    }

    /// `STATUS TYPE=version`: which program this is, for tor's log.
    pub fn status_version(&mut self, implementation: &str, version: &str) -> io::Result<()> {
        let (name, version) = (Quoted(implementation), Quoted(version));
        self.line(format_args!("STATUS TYPE=version IMPLEMENTATION={name} VERSION={version}"))
    }

    /// `PROXY DONE`: TOR_PT_PROXY is in use.
    pub fn proxy_done(&mut self) -> io::Result<()> {
        self.line(format_args!("PROXY DONE"))
    }

    /// `PROXY-ERROR`: TOR_PT_PROXY cannot be used. The program then exits with 1.
    pub fn proxy_error(&mut self, reason: impl fmt::Display) -> io::Result<()> {
        self.line(format_args!("PROXY-ERROR {reason}"))
    }

    /// `CMETHOD`: a client's transport listens for SOCKS5 at `address`.
    pub fn cmethod(&mut self, transport: &str, address: SocketAddr) -> io::Result<()> {
        self.line(format_args!("CMETHOD {transport} socks5 {address}"))
    }

    /// `CMETHOD-ERROR`: there is no such transport, or it cannot listen.
    pub fn cmethod_error(&mut self, transport: &str, reason: impl fmt::Display) -> io::Result<()> {
        self.line(format_args!("CMETHOD-ERROR {transport} {reason}"))
    }

    /// `CMETHODS DONE`: all transports were mentioned.
    pub fn cmethods_done(&mut self) -> io::Result<()> {
        self.line(format_args!("CMETHODS DONE"))
    }

    /// `SMETHOD`: a server's transport listens at `address`; `args` go to the bridge's descriptor,
    /// sorted by key.
    pub fn smethod(&mut self, name: &str, address: SocketAddr, args: &Args) -> io::Result<()> {
        if args.is_empty() {
            return self.line(format_args!("SMETHOD {name} {address}"));
        }
        self.line(format_args!("SMETHOD {name} {address} ARGS:{}", args.smethod_text()))
    }

    /// `SMETHOD-ERROR`: there is no such transport, it cannot listen, or has bad options.
    pub fn smethod_error(&mut self, transport: &str, reason: impl fmt::Display) -> io::Result<()> {
        self.line(format_args!("SMETHOD-ERROR {transport} {reason}"))
    }

    /// `SMETHODS DONE`: all transports were mentioned.
    pub fn smethods_done(&mut self) -> io::Result<()> {
        self.line(format_args!("SMETHODS DONE"))
    }

    fn line(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        write_line(&mut self.out, &text.to_string())
    }
}

/// Writes a line with one call, so that nothing can come in between.
fn write_line(out: &mut impl Write, text: &str) -> io::Result<()> {
    let printable = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
    let line: String = text.chars().map(printable).chain(['\n']).collect();
    out.write_all(line.as_bytes())?;
    out.flush()
}

/// A value as LOG and STATUS want it: in quotes, with all but plain bytes as octal escapes.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for byte in self.0.bytes() {
            match byte {
                b' ' | b'!' | b'#'..=b'[' | b']'..=b'~' => write!(f, "{}", char::from(byte))?,
                other => write!(f, "\\{other:03o}")?,
            }
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ProxyError;

    fn lines(tell: impl FnOnce(&mut Report<&mut Vec<u8>>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        tell(&mut Report::new(&mut out)).expect("a vector takes everything");
        String::from_utf8(out).expect("lines are ASCII")
    }

    #[test]
    fn a_client_starts() {
        let text = lines(|report| {
            report.version()?;
            report.proxy_done()?;
            report.status_version("snowflake-client", "2.14.1")?;
            report.cmethod("snowflake", ([127, 0, 0, 1], 40000).into())?;
            report.cmethod_error("meek", "no such method")?;
            report.cmethods_done()
        });
        assert_eq!(
            text,
            "VERSION 1\n\
             PROXY DONE\n\
             STATUS TYPE=version IMPLEMENTATION=\"snowflake-client\" VERSION=\"2.14.1\"\n\
             CMETHOD snowflake socks5 127.0.0.1:40000\n\
             CMETHOD-ERROR meek no such method\n\
             CMETHODS DONE\n"
        );
    }

    #[test]
    fn a_server_starts() {
        let tls = Args::from_iter([("tls", "yes"), ("hostname", "snowflake.example")]);
        let plain = Args::from_iter([("tls", "no")]);
        let text = lines(|report| {
            report.smethod("snowflake", ([0, 0, 0, 0], 443).into(), &tls)?;
            report.smethod("snowflake", "[::]:8443".parse().unwrap(), &plain)?;
            report.smethod("snowflake", ([0, 0, 0, 0], 1).into(), &Args::default())?;
            report.smethod_error("snowflake", "cannot listen")?;
            report.smethods_done()
        });
        assert_eq!(
            text,
            "SMETHOD snowflake 0.0.0.0:443 ARGS:hostname=snowflake.example,tls=yes\n\
             SMETHOD snowflake [::]:8443 ARGS:tls=no\n\
             SMETHOD snowflake 0.0.0.0:1\n\
             SMETHOD-ERROR snowflake cannot listen\n\
             SMETHODS DONE\n"
        );
    }

    #[test]
    fn a_bad_environment_is_reported_after_the_version_if_that_is_known() {
        for (error, text) in [
            (EnvError::NoVersion, "VERSION-ERROR no-version\n"),
            (
                EnvError::Missing("TOR_PT_MANAGED_TRANSPORT_VER"),
                "ENV-ERROR no TOR_PT_MANAGED_TRANSPORT_VER environment variable\n",
            ),
            (
                EnvError::Missing("TOR_PT_CLIENT_TRANSPORTS"),
                "VERSION 1\nENV-ERROR no TOR_PT_CLIENT_TRANSPORTS environment variable\n",
            ),
            (
                EnvError::Proxy(ProxyError::UnsupportedType),
                "VERSION 1\nPROXY-ERROR proxy is not supported:unsupported proxy type\n",
            ),
        ] {
            assert_eq!(lines(|report| report.env_error(&error)), text);
        }
    }

    #[test]
    fn quoting_uses_octal_escapes_only() {
        let quoted = Quoted("q\" b\\ \n u é \t").to_string();
        assert_eq!(quoted, r#""q\042 b\134 \012 u \303\251 \011""#);
    }

    proptest! {
        #[test]
        fn a_line_is_one_printable_line(text in any::<String>()) {
            for line in [
                lines(|report| report.cmethod_error("snowflake", &text)),
                lines(|report| report.status_version(&text, &text)),
            ] {
                let (body, end) = line.split_at(line.len() - 1);
                prop_assert_eq!(end, "\n");
                prop_assert!(body.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            }
        }
    }
}
