use std::{
    fmt,
    io::{self, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use super::{Quoted, Report, write_line};

/// How many LOG lines may wait for tor to read: more than a client has to say in minutes. Further
/// lines are dropped, for they only inform.
pub const LOG_QUEUE: usize = 64;

/// How much a LOG line matters; tor writes it to its own log with that severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// For developers.
    Debug,
    /// For operators who look for something.
    Info,
    /// Worth everybody's attention; what the Go client sends.
    Notice,
    /// Something is wrong.
    Warning,
    /// Nothing works.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Tells tor's user what happens, with `LOG` lines, from any task.
///
/// Lines are written by a thread of their own, so that a tor that does not read blocks nobody:
/// when [`LOG_QUEUE`] lines wait, the next is dropped. The thread ends with the last clone. Lines
/// that wait when the process exits are lost.
///
/// The text goes to tor's log as it is: whoever has an error to tell scrubs its text first.
#[derive(Clone, Debug)]
pub struct PtLog {
    lines: SyncSender<String>,
}

impl<W: Write + Send + 'static> Report<W> {
    /// Ends the report: from here on there are only `LOG` lines.
    ///
    /// # Errors
    ///
    /// The system has no thread to spare.
    pub fn into_log(self) -> io::Result<PtLog> {
        let (sender, receiver) = sync_channel(LOG_QUEUE);
        let write = move || write_lines(self.out, &receiver);
        thread::Builder::new().name("tor-log".to_owned()).spawn(write)?;
        Ok(PtLog { lines: sender })
    }
}

impl PtLog {
    /// `LOG SEVERITY=notice`: what the Go client uses for all its events.
    pub fn notice(&self, message: impl fmt::Display) {
        self.log(Severity::Notice, message);
    }

    /// `LOG` with a severity of choice. Never blocks.
    pub fn log(&self, severity: Severity, message: impl fmt::Display) {
        let message = message.to_string();
        let line = format!("LOG SEVERITY={severity} MESSAGE={}", Quoted(&message));
        if self.lines.try_send(line).is_err() {
            tracing::debug!("tor does not read its log; a line was dropped");
        }
    }
}

/// Runs until the last [`PtLog`] is gone or tor is.
fn write_lines(mut out: impl Write, lines: &Receiver<String>) {
    for line in lines {
        if let Err(error) = write_line(&mut out, &line) {
            tracing::warn!("cannot tell tor: {error}");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, pipe};

    use super::*;

    #[test]
    fn log_lines_are_quoted_and_come_in_order() {
        let (reader, writer) = pipe().unwrap();
        let log = Report::new(writer).into_log().unwrap();
        log.notice("offer created");
        let other = log.clone();
        other.log(Severity::Warning, "a \"b\"\n");
        drop((log, other));
        let mut text = String::new();
        BufReader::new(reader).read_to_string(&mut text).unwrap();
        assert_eq!(
            text,
            "LOG SEVERITY=notice MESSAGE=\"offer created\"\n\
             LOG SEVERITY=warning MESSAGE=\"a \\042b\\042\\012\"\n"
        );
    }

    #[test]
    fn a_tor_that_does_not_read_blocks_nobody_and_loses_lines() {
        let (reader, writer) = pipe().unwrap();
        let log = Report::new(writer).into_log().unwrap();
        // Far more than a pipe and the queue hold together.
        for number in 0..10_000 {
            log.notice(format_args!("{number:01000}"));
        }
        drop(log);
        let lines = BufReader::new(reader).lines().map(Result::unwrap).collect::<Vec<_>>();
        assert!(lines.len() >= LOG_QUEUE && lines.len() < 10_000, "{}", lines.len());
        assert!(lines.iter().all(|line| line.starts_with("LOG SEVERITY=notice MESSAGE=\"0")));
    }

    #[test]
    fn a_tor_that_is_gone_is_no_reason_to_fail() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let log = Report::new(writer).into_log().unwrap();
        for _ in 0..2 * LOG_QUEUE {
            log.notice("anybody?");
        }
    }
}
