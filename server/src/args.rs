//! The flags, with the names and defaults of the Go program.

use clap::Parser;
use snowflake_cli::{
    CommaList, OptionalPath,
    logging::{LogConfig, Target},
};
use snowflake_tls_server::{Directory, TlsChoice, TlsChoiceError, TlsFlags};

/// The groups of flags in the help.
const TLS: &str = "TLS";
const LOG: &str = "Log";

/// Takes Snowflake's users to a Tor bridge. tor starts it, as a pluggable transport.
///
/// SIGHUP: read the certificate again. SIGTERM: stop.
#[derive(Clone, Debug, Default, Parser)]
pub struct Args {
    /// Host names for which to get TLS certificates from Let's Encrypt, comma-separated. It has to find this server on
    /// port 443 or 80 of each of them.
    #[arg(long, default_value = "", help_heading = TLS)]
    pub acme_hostnames: CommaList,
    /// Where Let's Encrypt can write to.
    #[arg(long, default_value = "", help_heading = TLS)]
    pub acme_email: String,
    /// TLS certificate chain, PEM, instead of -acme-hostnames; needs -key. Both are read again when they change.
    #[arg(long, default_value = "", help_heading = TLS)]
    pub cert: OptionalPath,
    /// Private key of the certificate, PEM; needs -cert.
    #[arg(long, default_value = "", help_heading = TLS)]
    pub key: OptionalPath,
    /// Take WebSockets without TLS, from something that terminates it or in a test.
    #[arg(long, help_heading = TLS)]
    pub disable_tls: bool,
    /// Log to this file; without it, to stderr.
    #[arg(long, default_value = "", help_heading = LOG)]
    pub log: OptionalPath,
    /// Do not remove addresses from the log.
    #[arg(long, help_heading = LOG)]
    pub unsafe_logging: bool,
    /// Whom to ask for certificates, if not Let's Encrypt. No flag: for tests.
    #[arg(skip)]
    pub acme_directory: Directory,
}

impl Args {
    /// Where the log goes: the file if there is one, or stderr.
    pub fn log_config(&self) -> LogConfig {
        LogConfig {
            target: self.log.clone().into_path().map_or(Target::Stderr, Target::File),
            unsafe_logging: self.unsafe_logging,
            ..LogConfig::default()
        }
    }

    /// Whether the flags make one choice about TLS. `-disable-tls` wins over `-acme-hostnames`, as with Go.
    ///
    /// # Errors
    ///
    /// None, or two.
    pub fn check_tls(&self) -> Result<(), TlsChoiceError> {
        self.tls_choice().map(drop)
    }

    pub(crate) fn tls_choice(&self) -> Result<TlsChoice<'_>, TlsChoiceError> {
        TlsFlags {
            disable: self.disable_tls,
            // Their certificates are not wanted then, as with Go.
            has_names: !self.acme_hostnames.is_empty() && !self.disable_tls,
            has_email: !self.acme_email.is_empty(),
            cert: self.cert.as_path(),
            key: self.key.as_path(),
        }
        .choice()
    }
}

#[cfg(test)]
mod tests {
    use snowflake_cli::{Program, parse_from};

    use super::*;

    fn args(flags: &[&str]) -> Args {
        let program = Program { name: "snowflake-server", version: "0" };
        parse_from(program, flags.iter().copied()).expect("flags of the Go program")
    }

    #[test]
    fn one_choice_about_tls_must_be_made() {
        let choice = |flags: &[&str]| match args(flags).tls_choice() {
            Ok(TlsChoice::None) => "none".to_owned(),
            Ok(TlsChoice::Acme) => "acme".to_owned(),
            Ok(TlsChoice::Files { cert, key }) => format!("{} {}", cert.display(), key.display()),
            Err(error) => error.to_string(),
        };
        assert_eq!(choice(&["-disable-tls"]), "none");
        assert_eq!(choice(&["--disable-tls", "-acme-hostnames=a.example"]), "none");
        assert_eq!(choice(&["-acme-hostnames", "a.example", "-acme-email", "a@a.example"]), "acme");
        assert_eq!(choice(&["-cert=c", "-key", "k"]), "c k");
        for flags in [&[][..], &["-cert", "c"], &["-key=k"], &["-acme-email=a@a.example"]] {
            assert!(choice(flags).starts_with("the --acme-hostnames, --cert and --key, or"));
        }
        assert!(choice(&["-disable-tls", "-cert=c"]).starts_with("-disable-tls contradicts "));
        for flag in ["-acme-hostnames=a.example", "-acme-email=a@a.example"] {
            let error = choice(&["-cert=c", "-key=k", flag]);
            assert!(error.starts_with("The --cert and --key options are not allowed"), "{error}");
        }
    }

    #[test]
    fn the_log_goes_to_one_place() {
        assert_eq!(args(&[]).log_config().target, Target::Stderr);
        assert_eq!(args(&["-log", ""]).log_config().target, Target::Stderr);
        assert_eq!(args(&["-log="]).log_config().target, Target::Stderr);
        let config = args(&["-log=f", "-unsafe-logging"]).log_config();
        assert_eq!(config.target, Target::File("f".into()));
        assert!(config.unsafe_logging);
    }
}
