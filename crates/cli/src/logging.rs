//! Where a program's log goes, and that it gives nobody away.
//!
//! stdout belongs to tor, so the log goes to stderr, to a file, to both or nowhere. Lines look as
//! those of the Go programs, `2026/08/12 10:00:00 text`, because operators have programs that read
//! them; what has no place in Go's log has its level, `warning: `, before the text. They pass a
//! [`ScrubbingWriter`] unless the operator asked for unsafe logging. Our own crates log from `info`
//! on, libraries from `warn` on; `RUST_LOG` overrides both with [directives](EnvFilter) such as
//! `debug` or `warn,snowflake_client=trace`, and adds microseconds. The libraries under WebRTC,
//! whose business is the peers' addresses and descriptions, are heard only with unsafe logging,
//! whatever `RUST_LOG` says.

mod line;

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, Write},
    panic,
    path::{Path, PathBuf},
    sync::Mutex,
};

use line::GoLine;
use snowflake_safelog::{ScrubbingWriter, allow_unsafe_logging};
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter,
    filter::{ParseError, filter_fn},
    fmt,
    layer::SubscriberExt,
    util::{SubscriberInitExt, TryInitError},
};

/// The variable that overrides the log levels.
const LEVELS_VARIABLE: &str = "RUST_LOG";

/// How the name of every crate of ours begins.
const OURS: &str = "snowflake";

/// Levels without [`LEVELS_VARIABLE`].
const LEVELS: &str = "warn,snowflake=info";

/// Levels with [`LogConfig::verbose`].
const VERBOSE_LEVELS: &str = "warn,snowflake=debug";

/// First words of the names of the libraries under WebRTC: `rtc_ice`, `webrtc`, `quinn_udp`. They
/// log addresses, candidates and whole descriptions in many forms; the scrubber knows some.
const TALKATIVE: [&str; 8] = ["rtc", "webrtc", "ice", "stun", "turn", "dtls", "sctp", "quinn"];

/// Said to whoever logs in local time, in Go's words.
const LOCAL_TIME_HINT: &str = "Local time is being used for logging. \
    If you want to share your log, consider to modify the date/time for more anonymity.";

/// What to log, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// Where log lines go.
    pub target: Target,
    /// Show addresses, session descriptions and ClientIDs. Default: off.
    pub unsafe_logging: bool,
    /// Log our own crates from `debug` on. Default: off.
    pub verbose: bool,
    /// Local time before each line instead of UTC, and a line at the start that says what that gives away. Default: off.
    pub local_time: bool,
}

/// Where log lines go. Files are created with mode 0600 and appended to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Nowhere: the client's default, because old versions of tor do not read a transport's stderr
    /// and a full pipe would block it.
    #[default]
    Discard,
    /// Standard error.
    Stderr,
    /// A file.
    File(PathBuf),
    /// A file, and standard error too.
    StderrAndFile(PathBuf),
}

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log file cannot be opened. Every program that has one has a flag `-log` for it.
    #[error("invalid value {:?} for flag -log: cannot open it: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// RUST_LOG is not a list of directives.
    #[error("cannot read the log levels in RUST_LOG: {0}")]
    Levels(#[from] ParseError),
    /// Logging was set up before.
    #[error("cannot set up logging twice: {0}")]
    Twice(#[from] TryInitError),
}

/// Sets up the log of this process, panics included. Called once, before the first line.
///
/// With [`Target::Discard`] a panic still prints its message to stderr, scrubbed.
///
/// # Errors
///
/// The file cannot be opened, `RUST_LOG` cannot be read, or this is the second call.
pub fn init(config: &LogConfig) -> Result<(), LogError> {
    let writer = Writer::open(&config.target)?;
    let levels = env::var(LEVELS_VARIABLE).ok();
    if config.unsafe_logging {
        allow_unsafe_logging();
    }
    match writer {
        None => panic::set_hook(Box::new(|panic| {
            let _ = writeln!(ScrubbingWriter::new(io::stderr()), "{panic}");
        })),
        Some(writer) => {
            subscriber(config, levels.as_deref(), Box::new(writer))?.try_init()?;
            panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
            if config.local_time {
                tracing::info!("{LOCAL_TIME_HINT}");
            }
        }
    }
    Ok(())
}

fn subscriber(
    config: &LogConfig,
    levels: Option<&str>,
    writer: Box<dyn Write + Send>,
) -> Result<impl Subscriber + Send + Sync + use<>, ParseError> {
    let default = if config.verbose { VERBOSE_LEVELS } else { LEVELS };
    let levels = levels.filter(|text| !text.is_empty());
    let filter = EnvFilter::try_new(levels.unwrap_or(default))?;
    let writer: Box<dyn Write + Send> = match config.unsafe_logging {
        true => writer,
        false => Box::new(ScrubbingWriter::new(writer)),
    };
    // Whoever names levels looks into what happens, and wants to know when.
    let line = GoLine { local_time: config.local_time, microseconds: levels.is_some() };
    let format = fmt().with_ansi(false).log_internal_errors(false).event_format(line);
    let hear_all = config.unsafe_logging;
    let heard = filter_fn(move |record| hear_all || !is_talkative(record.target()));
    Ok(format.with_env_filter(filter).with_writer(Mutex::new(writer)).finish().with(heard))
}

/// Whether a record comes from a library of [`TALKATIVE`].
fn is_talkative(target: &str) -> bool {
    let first_word = target.split(['_', ':']).next().unwrap_or_default();
    TALKATIVE.contains(&first_word)
}

/// One or two places to write to.
struct Writer {
    stderr: bool,
    file: Option<File>,
}

impl Writer {
    fn open(target: &Target) -> Result<Option<Self>, LogError> {
        Ok(Some(match target {
            Target::Discard => return Ok(None),
            Target::Stderr => Self { stderr: true, file: None },
            Target::File(path) => Self { stderr: false, file: Some(open(path)?) },
            Target::StderrAndFile(path) => Self { stderr: true, file: Some(open(path)?) },
        }))
    }
}

impl Write for Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.stderr {
            // A closed stderr must not cost the line in the file.
            let _ = io::stderr().write_all(line);
        }
        if let Some(file) = &mut self.file {
            file.write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open(path: &Path) -> Result<File, LogError> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| LogError::Open { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use regex::Regex;
    use tracing::{debug, info, subscriber::with_default, warn};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What becomes of what `log` logs.
    fn written(config: &LogConfig, levels: Option<&str>, log: impl FnOnce()) -> String {
        let shared = Shared::default();
        with_default(subscriber(config, levels, Box::new(shared.clone())).unwrap(), log);
        let bytes = shared.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn logged(config: &LogConfig, levels: Option<&str>) -> String {
        written(config, levels, || {
            debug!("our debug");
            info!("ours from 192.0.2.7:443");
            info!(target: "hyper::server", "their info");
            warn!(target: "rustls", peer = "2001:db8::1", "their warning\nin \x1b[31mtwo");
            warn!(target: "rtc_ice::agent", "a pair of candidates");
            tracing::error!(target: "webrtc", "a description");
            warn!(of = 7, "our warning");
            tracing::error!("our error");
        })
    }

    /// The lines without their times.
    fn texts(log: &str) -> Vec<&str> {
        log.lines().map(|line| &line["2026/08/12 10:00:00 ".len()..]).collect()
    }

    #[test]
    fn ours_from_info_theirs_from_warn_all_scrubbed() {
        let log = logged(&LogConfig::default(), None);
        assert_eq!(
            texts(&log),
            [
                "ours from [scrubbed]",
                "warning: rustls: their warning\\nin \\x1b[31mtwo peer=\"[scrubbed]\"",
                "warning: our warning of=7",
                "error: our error",
            ]
        );
    }

    #[test]
    fn what_reads_gos_lines_reads_ours() {
        // Each with an anchor, as the strictest of them.
        let time = r"^\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2} ";
        for (text, expression) in [
            (
                "In the last 1h0m0s, there were 7 completed successful connections. \
                 Traffic Relayed ↓ 36000 KB (10.00 KB/s), ↑ 1800 KB (0.50 KB/s).",
                r"In the last (\S+), there were (\d+) completed successful connections\. Traffic Relayed ↓ (\d+) KB \(([\d.]+) KB/s\), ↑ (\d+) KB \(([\d.]+) KB/s\)\.$",
            ),
            ("Proxy starting", "Proxy starting$"),
            ("NAT type: unrestricted", r"NAT type: (\w+)$"),
            (
                "Traffic Bytes (in|out): 17 | 4 -- (2 OnMessages, 1 Sends)",
                r"Traffic Bytes \(in\|out\): (\d+) \| (\d+) -- \((\d+) OnMessages, (\d+) Sends\)$",
            ),
        ] {
            let expression = Regex::new(&format!("{time}{expression}")).unwrap();
            for verbose in [false, true] {
                let config = LogConfig { verbose, ..LogConfig::default() };
                let line = written(&config, None, || info!("{text}"));
                assert!(expression.is_match(line.trim_end()), "{line}");
            }
        }
    }

    #[test]
    fn levels_of_ones_own_bring_microseconds() {
        let log = logged(&LogConfig::default(), Some("snowflake=info"));
        assert_eq!(log.find(" ours from"), Some("2026/08/12 10:00:00.123456".len()), "{log}");
    }

    #[test]
    fn verbose_is_debug_of_our_own() {
        let log = logged(&LogConfig { verbose: true, ..LogConfig::default() }, None);
        assert_eq!(texts(&log)[0], "debug: snowflake_cli::logging::tests: our debug");
        assert!(log.contains(" ours from") && !log.contains("their info"), "{log}");
    }

    #[test]
    fn rust_log_overrides_the_levels() {
        let log = logged(&LogConfig::default(), Some("off,hyper=info"));
        assert!(log.ends_with(" info: hyper::server: their info\n"), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
        let log = logged(&LogConfig::default(), Some(""));
        assert!(log.contains("ours from"), "{log}");
        assert!(subscriber(&LogConfig::default(), Some("a=b=c"), Box::new(io::sink())).is_err());
    }

    #[test]
    fn libraries_that_talk_of_peers_are_heard_with_unsafe_logging_only() {
        for levels in [None, Some("trace"), Some("rtc_ice=trace,webrtc=trace")] {
            let log = logged(&LogConfig { verbose: true, ..LogConfig::default() }, levels);
            assert!(!log.contains("candidates") && !log.contains("a description"), "{log}");
        }
        let log = logged(&LogConfig { unsafe_logging: true, ..LogConfig::default() }, None);
        assert!(log.contains("candidates") && log.contains("a description"), "{log}");
        for ours in ["snowflake_webrtc::connection", "snowflake_proxy", "hyper::proto", "service"] {
            assert!(!is_talkative(ours), "{ours}");
        }
        for theirs in ["rtc", "rtc_stun", "rtc_ice::agent", "webrtc::peer_connection", "quinn_udp"]
        {
            assert!(is_talkative(theirs), "{theirs}");
        }
    }

    #[test]
    fn unsafe_logging_does_not_scrub() {
        let log = logged(&LogConfig { unsafe_logging: true, ..LogConfig::default() }, None);
        assert!(log.contains("ours from 192.0.2.7:443"), "{log}");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let path = PathBuf::from("/nonexistent/snowflake.log");
        let error = Writer::open(&Target::File(path)).err().unwrap();
        let text = error.to_string();
        let start = "invalid value \"/nonexistent/snowflake.log\" for flag -log: cannot open it: ";
        assert!(text.starts_with(start), "{text}");
    }
}
