//! Which flags a program knows, so that programs of other makers and ages can stand in.

use std::{path::Path, time::Duration};

use tokio::{process::Command, time::timeout};

use crate::error::Error;

/// Time for a program to print its help.
const HELP_LIMIT: Duration = Duration::from_secs(10);

/// The help text of a program.
#[derive(Debug)]
pub struct Help(String);

impl Help {
    /// Runs the program with `-h`. Go's flag package prints the help to stderr and ends with 0 or 2.
    ///
    /// # Errors
    /// When it cannot be run or does not end within 10 s.
    pub async fn of(name: &str, program: &Path) -> Result<Self, Error> {
        let mut command = Command::new(program);
        command.arg("-h").stdin(std::process::Stdio::null()).kill_on_drop(true);
        match timeout(HELP_LIMIT, command.output()).await {
            Ok(Ok(output)) => Ok(Self(
                [output.stdout, output.stderr]
                    .map(|text| String::from_utf8_lossy(&text).into_owned())
                    .concat(),
            )),
            Ok(Err(source)) => {
                Err(Error::Start { program: name.into(), path: program.into(), source })
            }
            Err(_) => Err(Error::TooLate {
                program: name.into(),
                what: "print its help",
                limit: HELP_LIMIT,
            }),
        }
    }

    /// Whether the flag, written without dashes, is listed.
    pub fn knows(&self, flag: &str) -> bool {
        let words = self.0.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        words.filter(|word| word.starts_with('-')).any(|word| word.trim_start_matches('-') == flag)
    }

    /// The flag with its value if the program knows it, otherwise nothing.
    pub fn if_known(&self, flag: &str, value: Option<&str>) -> Vec<String> {
        let words =
            || std::iter::once(format!("-{flag}")).chain(value.map(str::to_owned)).collect();
        if self.knows(flag) { words() } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_help_and_clap_help_are_read() {
        let go = Help("Usage of x:\n  -log string\n    \tlog filename, see -log-dir\n".into());
        assert!(
            go.knows("log") && go.knows("log-dir") && !go.knows("filename") && !go.knows("verbose")
        );
        let clap =
            Help("Options:\n  -h, --help  Help\n      --poll-interval <TIME>  How often\n".into());
        assert_eq!(clap.if_known("poll-interval", Some("2s")), ["-poll-interval", "2s"]);
        assert!(clap.if_known("poll", None).is_empty());
    }
}
