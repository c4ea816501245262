//! Flags: a configuration that is wrong is refused before anything starts, in words that say what
//! to change.

use std::fs;
use std::path::Path;

use snowflake_broker::{Args, BridgeList, Config, MetricsLog, PollIntervals, TrustedHops};
use snowflake_cli::Program;
use snowflake_messages::{Fingerprint, RelayPattern};

const PROGRAM: Program = Program { name: "snowflake-broker", version: "0" };

/// What a broker cannot do without.
const SERVING: [&str; 2] = ["-disable-tls", "-allowed-relay-pattern=b.example$"];

fn args(words: &[&str]) -> Args {
    snowflake_cli::parse_from(PROGRAM, words).unwrap()
}

fn config_error(words: &[&str]) -> String {
    Config::from_args(&args(words)).unwrap_err().to_string()
}

fn usage_error(words: &[&str]) -> String {
    snowflake_cli::parse_from::<Args>(PROGRAM, words).unwrap_err().to_string()
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_deployments_use() {
    let folder = tempfile::tempdir().unwrap();
    let bridges = file(
        folder.path(),
        "bridges",
        "{\"webSocketAddress\":\"wss://b.example/\",\"fingerprint\":\"2B280B23E1107BB62ABFC40DDCC8824814F80A72\"}\n",
    );
    let intervals = file(folder.path(), "intervals", "{\"restricted_poll_interval\":1000}");
    let metrics = folder.path().join("metrics").to_str().unwrap().to_owned();
    let args = args(&[
        "-disable-tls",
        "-addr",
        ":8080",
        "--disable-geoip",
        "-geoipdb=/nowhere",
        "-geoip6db",
        "/nowhere",
        "-bridge-list-path",
        &bridges,
        "-allowed-relay-pattern=b.example$",
        "-poll-interval-filepath",
        &intervals,
        "-trusted-hops=2",
        "-proxy-protocol=10.0.0.0/8, 192.0.2.1",
        "-metrics-log",
        &metrics,
        "-unsafe-logging=false",
    ]);
    assert_eq!(args.addr.to_string(), ":8080");
    assert!(args.disable_geoip && !args.unsafe_logging);
    let config = Config::from_args(&args).unwrap();
    assert!(config.tls.is_none());
    assert_eq!(config.allowed_relay_pattern.as_str(), "b.example$");
    assert_eq!(config.trusted_hops, TrustedHops::Always(2));
    let balancers: Vec<_> = config.balancers.iter().map(ToString::to_string).collect();
    assert_eq!(balancers, ["10.0.0.0/8", "192.0.2.1/32"]);
    assert_eq!(config.bridges.relay_url(&Default::default()).as_deref(), Some("wss://b.example/"));
}

#[test]
fn gos_defaults() {
    let serving = [&SERVING[..], &["-disable-geoip"]].concat();
    let config = Config::from_args(&args(&serving)).unwrap();
    assert_eq!(config.bridges, BridgeList::default());
    assert_eq!(config.intervals, PollIntervals::default());
    assert!(matches!(config.metrics_log, MetricsLog::Stdout));
    let args = args(&[]);
    assert!(args.acme_hostnames.is_empty() && args.acme_email.is_empty());
    let paths = [&args.cert, &args.key, &args.bridge_list_path, &args.poll_interval_filepath];
    assert!(paths.into_iter().all(|path| path.as_path().is_none()));
    assert!(args.metrics_log.as_path().is_none() && args.ip_count_prefix.as_path().is_none());
    assert!(args.broker_sqs_name.is_empty() && args.broker_sqs_region.is_empty());
    assert!(args.sqs_profiles.is_empty());
    assert_eq!(args.addr.to_string(), ":443");
    assert_eq!(args.geoipdb, "/usr/share/tor/geoip".into());
    assert_eq!(args.geoip6db, "/usr/share/tor/geoip6".into());
    assert!(!args.disable_tls && !args.disable_geoip && !args.unsafe_logging);
    assert_eq!(args.allowed_relay_pattern, "");
    assert_eq!(args.ip_count_interval.to_string(), "1h0m0s");
    // Go's 1 holds for those who can be a reverse proxy.
    assert_eq!(args.trusted_hops, None);
    assert!(args.proxy_protocol.is_empty());
}

/// In a unit file an empty value stands for a flag that is not used.
#[test]
fn empty_paths_are_none() {
    let words = [
        "-disable-tls",
        "-disable-geoip",
        "-allowed-relay-pattern=b.example$",
        "-cert=",
        "-key=",
        "-bridge-list-path=",
        "-poll-interval-filepath=",
        "-metrics-log=",
        "-ip-count-prefix=",
    ];
    let config = Config::from_args(&args(&words)).unwrap();
    assert!(config.tls.is_none() && config.bridge_list_path.is_none());
    assert!(config.poll_interval_path.is_none() && config.ip_count.is_none());
}

#[test]
fn one_way_to_serve_must_be_chosen() {
    const CHOOSE: &str =
        "the --acme-hostnames, --cert and --key, or --disable-tls option is required";
    for words in [&[][..], &["-cert", "c"], &["-key", "k"], &["-acme-email", "a@b.example"]] {
        assert_eq!(config_error(words), CHOOSE, "{words:?}");
    }
    const PLAIN: &str =
        "-disable-tls contradicts -cert and -key, and -acme-hostnames: give one of the three";
    for words in
        [&["-cert", "c", "-key", "k"][..], &["-key", "k"], &["-acme-hostnames", "b.example"]]
    {
        assert_eq!(config_error(&[&["-disable-tls"], words].concat()), PLAIN, "{words:?}");
    }
    const FILES: &str =
        "The --cert and --key options are not allowed with --acme-email or --acme-hostnames.";
    for word in ["-acme-hostnames=b.example", "-acme-email=a@b.example"] {
        assert_eq!(config_error(&["-cert", "c", "-key", "k", word]), FILES, "{word}");
    }
}

#[test]
fn names_and_directory_for_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache").to_str().unwrap().to_owned();
    let words = |names| {
        let acme = ["-acme-hostnames", names, "-acme-cert-cache", &*cache];
        [&acme[..], &[SERVING[1], "-disable-geoip"]].concat()
    };
    let config = Config::from_args(&args(&words("a.example, b.example"))).unwrap();
    assert!(config.tls.is_some() && Path::new(&cache).is_dir());
    assert_eq!(args(&[]).acme_cert_cache, Path::new("acme-cert-cache"));
    let error = config_error(&words("a.example,b c"));
    assert!(error.starts_with("invalid value \"b c\" for flag -acme-hostnames: "), "{error}");
    let bad = file(folder.path(), "file", "");
    let flags = ["-disable-geoip", SERVING[1], "-acme-hostnames=a.example", "-acme-cert-cache"];
    let error = config_error(&[&flags[..], &[&bad]].concat());
    let expected = format!(
        "invalid value {bad:?} for flag -acme-cert-cache: cannot keep certificates in {bad}: "
    );
    assert!(error.starts_with(&expected), "{error}");
}

/// Whatever is wrong, it is found before the directory is made.
#[test]
fn a_broker_that_does_not_start_leaves_no_directory() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let acme = ["-acme-hostnames", "a.example", "-acme-cert-cache", cache.to_str().unwrap()];
    for (words, flag) in [
        (&["-disable-geoip"][..], "allowed-relay-pattern"),
        (&[SERVING[1], "-geoipdb", "/proc/nothing"], "geoipdb"),
        (&[SERVING[1], "-disable-geoip", "-bridge-list-path", "/proc/nothing"], "bridge-list-path"),
    ] {
        let error = config_error(&[&acme[..], words].concat());
        assert!(error.contains(&format!(" for flag -{flag}: ")), "{error}");
        assert!(!cache.exists(), "{words:?}");
    }
}

#[test]
fn bad_values_are_named_with_flag_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let bad = file(folder.path(), "bad", "{\n");
    let missing = folder.path().join("missing").to_str().unwrap().to_owned();
    for (flag, value, reason) in [
        ("bridge-list-path", &bad, "line 1: EOF while parsing"),
        ("bridge-list-path", &missing, "No such file or directory"),
        ("poll-interval-filepath", &bad, "EOF while parsing"),
        ("poll-interval-filepath", &missing, "No such file or directory"),
        ("metrics-log", &format!("{missing}/m"), "No such file or directory"),
        ("ip-count-prefix", &format!("{missing}/ips"), "No such file or directory"),
        ("geoipdb", &missing, &format!("cannot read {missing}: No such file or directory")),
        ("geoipdb", &String::new(), "cannot read : No such file or directory"),
        ("geoipdb", &bad, &format!("{bad} is no geoip file: ")),
    ] {
        // Countries are not read where they are not what this is about: not every machine has them.
        let geoip = format!("-disable-geoip={}", !flag.starts_with("geoip"));
        let error = config_error(&[&SERVING[..], &[&geoip, &format!("-{flag}"), value]].concat());
        let expected = format!("invalid value {value:?} for flag -{flag}: {reason}");
        assert!(error.starts_with(&expected), "{error}");
    }
    let words = ["-disable-geoip", "-proxy-protocol", "192.0.2.1,haproxy.example"];
    assert_eq!(
        config_error(&[&SERVING[..], &words].concat()),
        "invalid value \"haproxy.example\" for flag -proxy-protocol: \
         not an address or network, such as 192.0.2.1 or 2001:db8::/32"
    );
    let error = usage_error(&["-addr", "8080"]);
    assert_eq!(
        error,
        "snowflake-broker: invalid value \"8080\" for flag -addr: port missing (write host:port or :port)"
    );
}

#[test]
fn a_chunk_of_addresses_needs_time() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("ips").to_str().unwrap().to_owned();
    let words = [&SERVING[..], &["-disable-geoip", "-ip-count-prefix", &prefix]].concat();
    assert!(Config::from_args(&args(&words)).unwrap().ip_count.is_some());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 7, "a file for each kind");
    assert_eq!(
        config_error(&[&words[..], &["-ip-count-interval=0"]].concat()),
        "invalid value \"0s\" for flag -ip-count-interval: it must be longer than nothing"
    );
}

#[test]
fn bad_certificates_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["broker".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let cert = file(folder.path(), "cert", &certificate.pem());
    let other_key =
        file(folder.path(), "key", &rcgen::KeyPair::generate().unwrap().serialize_pem());
    let key = file(folder.path(), "good", &key.serialize_pem());
    let empty = file(folder.path(), "empty", "");
    assert!(
        Config::from_args(&args(
            &[&SERVING[1..], &["-disable-geoip", "-cert", &cert, "-key", &key]].concat()
        ))
        .unwrap()
        .tls
        .is_some()
    );
    for (cert, key, flag, reason) in [
        (&empty, &key, "cert", format!("no certificate in {empty}")),
        (&cert, &empty, "key", format!("cannot read {empty}: ")),
        (&cert, &other_key, "cert", "certificate and key: ".to_owned()),
    ] {
        let error = config_error(&["-disable-geoip", SERVING[1], "-cert", cert, "-key", key]);
        let value = if flag == "key" { key } else { cert };
        let expected = format!("invalid value {value:?} for flag -{flag}: {reason}");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn countries_are_read_unless_disabled() {
    let folder = tempfile::tempdir().unwrap();
    let v4 = file(folder.path(), "geoip", "2170671104,2170671359,CA\n");
    let v6 = file(folder.path(), "geoip6", "# nothing\n");
    let config = |more: &[&str]| Config::from_args(&args(&[&SERVING[..], more].concat()));
    let read = config(&["-geoipdb", &v4, "-geoip6db", &v6]).unwrap();
    assert!(read.countries.is_some());
    let error = config(&["-geoipdb", &v4, "-geoip6db=/nowhere"]).unwrap_err().to_string();
    assert_eq!(
        error,
        "invalid value \"/nowhere\" for flag -geoip6db: cannot read /nowhere: No such file or directory (os error 2); \
         without statistics by country: -disable-geoip"
    );
    let disabled = config(&["-geoipdb=/nowhere", "-geoip6db=/nowhere", "-disable-geoip"]).unwrap();
    assert!(disabled.countries.is_none());
}

#[test]
fn a_broker_that_would_serve_nobody_does_not_start() {
    for words in
        [&["-disable-tls", "-disable-geoip"][..], &["-disable-tls", "-allowed-relay-pattern="]]
    {
        assert_eq!(
            config_error(words),
            "invalid value \"\" for flag -allowed-relay-pattern: every proxy with a pattern of its own would be refused; \
             give the end of your relays' host names, for the public bridges snowflake.torproject.net$"
        );
    }
}

#[test]
fn the_systemd_unit_and_its_bridge_list_are_understood() {
    let unit = include_str!("../../snowflake-broker.service");
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let (program, flags) = command.split_once(' ').unwrap();
    assert_eq!(program, "/usr/bin/snowflake-broker");
    // systemd's way to write one of them.
    let flags = flags.replace("$$", "$");
    let args = args(&flags.split(' ').collect::<Vec<_>>());
    let keeps_it = |path: &Path, directory: &str, setting: &str| {
        path.starts_with(directory) && unit.lines().any(|line| line == setting)
    };
    assert!(keeps_it(
        &args.acme_cert_cache,
        "/var/lib/snowflake-broker",
        "StateDirectory=snowflake-broker"
    ));
    let metrics = args.metrics_log.into_path().unwrap();
    assert!(keeps_it(&metrics, "/var/log/snowflake-broker", "LogsDirectory=snowflake-broker"));

    let bridges = BridgeList::parse(include_str!("../../bridges.example.jsonl")).unwrap();
    let second = "8838024498816A039FCBBAB14E6F40A0843051FA".parse().unwrap();
    let relay = bridges.relay_url(&second).unwrap();
    assert_eq!(&*relay, "wss://02.snowflake.example/");
    let pattern = RelayPattern::new(&args.allowed_relay_pattern);
    for fingerprint in [second, Fingerprint::DEFAULT] {
        let relay = bridges.relay_url(&fingerprint).unwrap();
        let host = relay.strip_prefix("wss://").unwrap().trim_end_matches('/');
        assert!(pattern.matches(host), "a proxy for that pattern would refuse {host}");
    }
}

#[test]
fn a_queue_has_a_name_and_a_region() {
    let serving = [SERVING[0], SERVING[1], "-disable-geoip"];
    for (flag, value) in
        [("broker-sqs-name", "q"), ("broker-sqs-region", "x-y-1"), ("sqs-profiles", "one,two")]
    {
        assert_eq!(
            config_error(&[&serving[..], &[&format!("-{flag}"), value]].concat()),
            format!(
                "invalid value {value:?} for flag -{flag}: \
                 -broker-sqs-name and -broker-sqs-region are needed both"
            )
        );
    }
    let error = |name, region| {
        let queue = ["-broker-sqs-name", name, "-broker-sqs-region", region];
        config_error(&[&serving[..], &queue].concat())
    };
    assert_eq!(
        error("a queue", "x-y-1"),
        "invalid value \"a queue\" for flag -broker-sqs-name: \
         not the name of a queue: letters, digits, - and _, at most 80"
    );
    assert_eq!(
        error("q", "x.y"),
        "invalid value \"x.y\" for flag -broker-sqs-region: not the name of a region, such as us-east-1"
    );
    assert!(Config::from_args(&args(&serving)).unwrap().queues.is_empty());
    let empty = ["-broker-sqs-name=", "-broker-sqs-region=", "-sqs-profiles="];
    assert!(Config::from_args(&args(&[&serving[..], &empty].concat())).unwrap().queues.is_empty());
}
