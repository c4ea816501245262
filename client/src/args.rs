//! The flags, with the names and defaults of the Go program.

use clap::Parser;
use snowflake_cli::logging::{LogConfig, Target};
use snowflake_cli::{CommaList, OptionalPath};
use std::path::Path;

/// The groups of flags in the help.
const RENDEZVOUS: &str = "Rendezvous with the broker";
const DATA_CHANNELS: &str = "Connections to proxies";
const LOG: &str = "Log";

/// Carries tor's connections over volunteer proxies: the Snowflake client, a pluggable transport that tor starts.
#[derive(Clone, Debug, Parser)]
pub struct Args {
    /// URL of the broker, or of a CDN in front of it.
    #[arg(long, default_value = "", help_heading = RENDEZVOUS)]
    pub url: String,
    /// Front domain; used if -fronts is empty.
    #[arg(long, default_value = "", help_heading = RENDEZVOUS)]
    pub front: CommaList,
    /// Front domains, comma-separated; each request takes one at random.
    #[arg(long, default_value = "", help_heading = RENDEZVOUS)]
    pub fronts: CommaList,
    /// URL of AMP cache to use as a proxy for signaling; needs -url, which is not asked directly then.
    #[arg(long, default_value = "", help_heading = RENDEZVOUS)]
    pub ampcache: String,
    /// URL of the Amazon SQS queue from which the broker takes polls; in the place of -url.
    #[arg(long, default_value = "", help_heading = RENDEZVOUS)]
    pub sqsqueue: String,
    /// The key for that queue, as snowflake-sqscreds writes it.
    #[arg(long, default_value = "", help_heading = RENDEZVOUS)]
    pub sqscreds: String,
    /// STUN servers, comma-separated.
    #[arg(long, default_value = "", help_heading = DATA_CHANNELS)]
    pub ice: CommaList,
    /// Number of proxies to use at once, 1 to 16.
    #[arg(long, default_value_t = 1, allow_negative_numbers = true, help_heading = DATA_CHANNELS)]
    pub max: i64,
    /// How DTLS should look: mimic, randomize, randomizemimic or disable. Accepted; without effect in this build.
    #[arg(long, default_value = "disable", help_heading = DATA_CHANNELS)]
    pub covertdtls_config: String,
    /// The ClientHello to imitate, in hexadecimal. Accepted; without effect in this build.
    #[arg(long, default_value = "", help_heading = DATA_CHANNELS)]
    pub covertdtls_fingerprint: String,
    /// Log to this file; without it there is no log.
    #[arg(long, default_value = "", help_heading = LOG)]
    pub log: OptionalPath,
    /// The log file's path is relative to tor's state directory.
    #[arg(long, alias = "logToStateDir", help_heading = LOG)]
    pub log_to_state_dir: bool,
    /// Tell proxies our private and loopback addresses too, for networks without the internet.
    #[arg(long, alias = "keepLocalAddresses", help_heading = DATA_CHANNELS)]
    pub keep_local_addresses: bool,
    /// Do not remove addresses from the log.
    #[arg(long, help_heading = LOG)]
    pub unsafe_logging: bool,
}

impl Args {
    /// Where the log goes: to a file or nowhere, never to stderr, which old versions of tor do not read.
    pub fn log_config(&self, state_location: Option<&Path>) -> LogConfig {
        let file = self.log.clone().into_path();
        let directory = state_location.filter(|_| self.log_to_state_dir);
        let target = match (file, directory) {
            (None, _) => Target::Discard,
            (Some(file), None) => Target::File(file),
            (Some(file), Some(directory)) => Target::File(directory.join(file)),
        };
        LogConfig { target, unsafe_logging: self.unsafe_logging, ..LogConfig::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snowflake_cli::{Program, parse_from};

    const PROGRAM: Program = Program { name: "snowflake-client", version: "0" };

    fn parse(arguments: &[&str]) -> Args {
        parse_from(PROGRAM, arguments).expect("good flags")
    }

    #[test]
    fn lines_written_for_the_go_client_are_understood() {
        let args = parse(&[
            "-url",
            "https://1098762253.rsc.cdn77.org/",
            "-fronts=www.cdn77.com,www.phpmyadmin.net",
            "-ampcache=https://cdn.ampproject.org/",
            "--ice",
            "stun:a.example:3478,stun:b.example",
            "-max",
            "3",
            "-keepLocalAddresses",
            "-log",
            "client.log",
            "-logToStateDir=true",
            "-unsafe-logging=false",
        ]);
        assert_eq!(args.url, "https://1098762253.rsc.cdn77.org/");
        assert_eq!(args.ampcache, "https://cdn.ampproject.org/");
        assert_eq!((args.fronts.len(), args.ice.len(), args.max), (2, 2, 3));
        assert!(args.keep_local_addresses && args.log_to_state_dir && !args.unsafe_logging);
    }

    #[test]
    fn the_defaults_are_those_of_the_go_program() {
        let args = parse(&[]);
        for text in [&args.url, &args.ampcache, &args.sqsqueue, &args.sqscreds] {
            assert_eq!(text, "");
        }
        assert!(args.front.is_empty() && args.fronts.is_empty() && args.ice.is_empty());
        assert_eq!((args.max, &*args.covertdtls_config), (1, "disable"));
        assert_eq!((args.covertdtls_fingerprint.as_str(), args.log.as_path()), ("", None));
        assert!(!args.log_to_state_dir && !args.keep_local_addresses && !args.unsafe_logging);
    }

    #[test]
    fn the_log_goes_nowhere_or_to_a_file() {
        assert_eq!(parse(&[]).log_config(None).target, Target::Discard);
        for empty in [&["-log", ""][..], &["-log=", "-log-to-state-dir"]] {
            let target = parse(empty).log_config(Some(Path::new("/state"))).target;
            assert_eq!(target, Target::Discard, "{empty:?}");
        }
        let here = parse(&["-log", "x.log"]);
        assert_eq!(here.log_config(Some(Path::new("/state"))).target, Target::File("x.log".into()));
        let there = parse(&["-log", "x.log", "-log-to-state-dir"]);
        assert_eq!(
            there.log_config(Some(Path::new("/state"))).target,
            Target::File("/state/x.log".into())
        );
    }
}
