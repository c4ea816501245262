//! The flags, with the names and defaults of the Go program.

use clap::Parser;
use snowflake_cli::{
    OptionalPath,
    logging::{LogConfig, Target},
};

use crate::error::MethodError;

/// Takes Snowflake's users to a Tor bridge. tor starts it, as a pluggable transport.
#[derive(Clone, Debug, Default, Parser)]
pub struct Args {
    /// Host names for which to get TLS certificates from Let's Encrypt, comma-separated (not built in yet).
    #[arg(long, default_value = "")]
    pub acme_hostnames: String,
    /// Address of the operator, for Let's Encrypt (not built in yet).
    #[arg(long, default_value = "")]
    pub acme_email: String,
    /// Take WebSockets without TLS, from something that terminates it or in a test.
    #[arg(long)]
    pub disable_tls: bool,
    /// Log to this file; without it, to stderr.
    #[arg(long, default_value = "")]
    pub log: OptionalPath,
    /// Do not remove addresses from the log.
    #[arg(long)]
    pub unsafe_logging: bool,
}

impl Args {
    /// Where the log goes: the file if there is one, or stderr.
    pub fn log_config(&self) -> LogConfig {
        LogConfig {
            target: self.log.clone().into_path().map_or(Target::Stderr, Target::File),
            unsafe_logging: self.unsafe_logging,
            verbose: false,
        }
    }

    /// Whether we can do what the flags want about TLS: only none at all, so far.
    ///
    /// # Errors
    ///
    /// TLS is wanted: by certificates from Let's Encrypt, or because nothing was said.
    pub fn check_tls(&self) -> Result<(), MethodError> {
        match (self.disable_tls, self.acme_hostnames.is_empty()) {
            (true, _) => Ok(()),
            (false, false) => Err(MethodError::Acme),
            (false, true) => Err(MethodError::NoTls),
        }
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
    fn only_a_server_without_tls_can_start() {
        assert!(args(&["-disable-tls"]).check_tls().is_ok());
        assert!(args(&["--disable-tls", "-acme-hostnames=a.example"]).check_tls().is_ok());
        let acme = args(&["-acme-hostnames", "a.example", "-acme-email", "a@a.example"]);
        assert!(matches!(acme.check_tls(), Err(MethodError::Acme)));
        assert!(matches!(args(&[]).check_tls(), Err(MethodError::NoTls)));
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
