//! The lines of a torrc, so that an example file can be used with other ports and paths.

use std::{fmt, path::PathBuf};

use thiserror::Error;

/// A torrc: one option and its value for each line; comments are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torrc(Vec<(String, String)>);

/// Why an example file cannot be used.
#[derive(Debug, Error)]
pub enum TorrcError {
    /// It cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line that has to be changed is not there.
    #[error("the torrc has no {0} line")]
    NoLine(&'static str),
}

/// A `ClientTransportPlugin` or `ServerTransportPlugin` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginLine {
    /// The transport's name.
    pub transport: String,
    /// The program.
    pub program: String,
    /// Its flags. tor splits them at spaces, without a shell.
    pub flags: Vec<String>,
}

impl Torrc {
    /// Splits the text of a torrc; whatever is behind a `#` is a comment.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let split = |line: &str| match line.split_once(char::is_whitespace) {
            Some((option, value)) => (option.to_owned(), value.trim().to_owned()),
            None => (line.to_owned(), String::new()),
        };
        Self(lines.filter(|line| !line.is_empty()).map(split).collect())
    }

    /// The values of an option, in order.
    pub fn values<'a>(&'a self, option: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == option).map(|(_, value)| value.as_str())
    }

    /// Puts one line in the place of all lines with this option.
    ///
    /// # Errors
    /// [`TorrcError::NoLine`] when there is none, for then the example file is not what it is said to be.
    pub fn replace(
        &mut self,
        option: &'static str,
        value: impl fmt::Display,
    ) -> Result<(), TorrcError> {
        self.remove(option)?;
        self.0.push((option.to_owned(), value.to_string()));
        Ok(())
    }

    /// Takes out all lines with this option.
    ///
    /// # Errors
    /// As [`Self::replace`].
    pub fn remove(&mut self, option: &'static str) -> Result<(), TorrcError> {
        let before = self.0.len();
        self.0.retain(|(name, _)| name != option);
        if self.0.len() == before { Err(TorrcError::NoLine(option)) } else { Ok(()) }
    }
}

impl fmt::Display for Torrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(option, value)| writeln!(f, "{option} {value}"))
    }
}

impl PluginLine {
    /// Reads `TRANSPORT exec PROGRAM FLAGS…`; `None` for anything else.
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_whitespace().map(str::to_owned);
        let transport = words.next()?;
        if words.next()? != "exec" {
            return None;
        }
        Some(Self { transport, program: words.next()?, flags: words.collect() })
    }

    /// The same line with more flags at its end.
    pub fn with(mut self, flags: impl IntoIterator<Item = String>) -> Self {
        self.flags.extend(flags);
        self
    }
}

impl fmt::Display for PluginLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} exec {}", self.transport, self.program)?;
        self.flags.iter().try_for_each(|flag| write!(f, " {flag}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_replaced_and_the_rest_stays() {
        let mut torrc = Torrc::parse(
            "# a comment\nUseBridges 1\n\nBridge  one # here\nBridge two\nDataDirectory x\n",
        );
        assert_eq!(torrc.values("Bridge").collect::<Vec<_>>(), ["one", "two"]);
        torrc.replace("Bridge", "three").unwrap();
        torrc.remove("DataDirectory").unwrap();
        assert_eq!(torrc.to_string(), "UseBridges 1\nBridge three\n");
        let error = torrc.remove("SocksPort").unwrap_err();
        assert_eq!(error.to_string(), "the torrc has no SocksPort line");
    }

    #[test]
    fn a_plugin_line_is_taken_apart_and_put_together() {
        let line = "snowflake exec ./client -log x.log -ice=";
        let plugin = PluginLine::parse(line).unwrap();
        assert_eq!((plugin.program.as_str(), plugin.flags.len()), ("./client", 3));
        assert_eq!(plugin.to_string(), line);
        assert_eq!(PluginLine::parse("snowflake socks5 127.0.0.1:1"), None);
    }
}
