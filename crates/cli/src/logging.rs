//! Where a program's log goes, and that it gives nobody away.
//!
//! stdout belongs to tor, so the log goes to stderr, to a file, to both or nowhere. Lines have UTC
//! timestamps and pass a [`ScrubbingWriter`] unless the operator asked for unsafe logging. Our own
//! crates log from `info` on, libraries from `warn` on; `RUST_LOG` overrides both with
//! [directives](EnvFilter) such as `debug` or `warn,snowflake_client=trace`. The libraries under
//! WebRTC, whose business is the peers' addresses and descriptions, are heard only with unsafe
//! logging, whatever `RUST_LOG` says.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, Write},
    panic,
    path::{Path, PathBuf},
    sync::Mutex,
};

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

/// Levels without [`LEVELS_VARIABLE`]: every crate of ours begins with `snowflake`.
const LEVELS: &str = "warn,snowflake=info";

/// Levels with [`LogConfig::verbose`].
const VERBOSE_LEVELS: &str = "warn,snowflake=debug";

/// First words of the names of the libraries under WebRTC: `rtc_ice`, `webrtc`, `quinn_udp`. They
/// log addresses, candidates and whole descriptions in many forms; the scrubber knows some.
const TALKATIVE: [&str; 8] = ["rtc", "webrtc", "ice", "stun", "turn", "dtls", "sctp", "quinn"];

/// What to log, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// Where log lines go.
    pub target: Target,
    /// Show addresses, session descriptions and ClientIDs. Default: off.
    pub unsafe_logging: bool,
    /// Log our own crates from `debug` on. Default: off.
    pub verbose: bool,
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
    /// The log file cannot be opened.
    #[error("cannot open log file {}: {source}", path.display())]
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
    let filter = EnvFilter::try_new(levels.filter(|text| !text.is_empty()).unwrap_or(default))?;
    let writer: Box<dyn Write + Send> = match config.unsafe_logging {
        true => writer,
        false => Box::new(ScrubbingWriter::new(writer)),
    };
    let format = fmt().with_ansi(false).log_internal_errors(false);
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

    fn logged(config: &LogConfig, levels: Option<&str>) -> String {
        let shared = Shared::default();
        with_default(subscriber(config, levels, Box::new(shared.clone())).unwrap(), || {
            debug!("our debug");
            info!("ours from 192.0.2.7:443");
            info!(target: "hyper::server", "their info");
            warn!(target: "rustls", peer = "2001:db8::1", "their warning\nin \x1b[31mtwo");
            warn!(target: "rtc_ice::agent", "a pair of candidates");
            tracing::error!(target: "webrtc", "a description");
        });
        let bytes = shared.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn ours_from_info_theirs_from_warn_all_scrubbed() {
        let log = logged(&LogConfig::default(), None);
        assert!(
            log.contains(" INFO snowflake_cli::logging::tests: ours from [scrubbed]\n"),
            "{log}"
        );
        assert!(log.contains(" WARN rustls: their warning"), "{log}");
        assert!(log.contains("peer=\"[scrubbed]\""), "{log}");
        assert!(!log.contains("our debug") && !log.contains("their info"), "{log}");
        assert!(!log.contains('\x1b'), "{log:?}");
    }

    #[test]
    fn lines_begin_with_the_time_in_utc() {
        let log = logged(&LogConfig::default(), None);
        let (time, _) = log.split_once(' ').unwrap();
        assert_eq!(time.len(), "2026-11-22T19:04:26.123456Z".len());
        assert!(time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
    }

    #[test]
    fn verbose_is_debug_of_our_own() {
        let log = logged(&LogConfig { verbose: true, ..LogConfig::default() }, None);
        assert!(log.contains("our debug") && !log.contains("their info"), "{log}");
    }

    #[test]
    fn rust_log_overrides_the_levels() {
        let log = logged(&LogConfig::default(), Some("off,hyper=info"));
        assert!(log.contains("their info") && log.lines().count() == 1, "{log}");
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
        assert!(text.starts_with("cannot open log file /nonexistent/snowflake.log: "), "{text}");
    }
}
