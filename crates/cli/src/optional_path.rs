use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The path of a file that need not be: `-log ""` and no `-log` at all are the same, as in Go.
///
/// Clap refuses an empty `PathBuf`. For a flag: `#[arg(long, default_value = "")]`.
///
/// ```
/// use snowflake_cli::OptionalPath;
///
/// assert_eq!(OptionalPath::from("").into_path(), None);
/// assert_eq!(OptionalPath::from("a.log").into_path(), Some("a.log".into()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionalPath(Option<PathBuf>);

impl OptionalPath {
    /// The path, if there is one.
    pub fn as_path(&self) -> Option<&Path> {
        self.0.as_deref()
    }

    /// The path as a value of its own, if there is one.
    pub fn into_path(self) -> Option<PathBuf> {
        self.0
    }
}

impl<T: Into<OsString>> From<T> for OptionalPath {
    fn from(text: T) -> Self {
        let text = text.into();
        Self((!text.is_empty()).then(|| text.into()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::{Program, Stop, parse_from};

    #[derive(Debug, Parser)]
    struct Args {
        #[arg(long, default_value = "")]
        log: OptionalPath,
    }

    fn log(flags: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Option<PathBuf>, Stop> {
        let args: Args = parse_from(Program { name: "p", version: "1" }, flags)?;
        assert_eq!(args.log.as_path(), args.log.clone().into_path().as_deref());
        Ok(args.log.into_path())
    }

    #[test]
    fn an_empty_path_is_none() {
        for flags in [&[][..], &["-log", ""], &["-log="], &["--log="], &["-log", "x", "-log="]] {
            assert_eq!(log(flags).unwrap(), None, "{flags:?}");
        }
        assert_eq!(log(["-log=", "-log", "x"]).unwrap(), Some("x".into()));
        assert!(log(["-log"]).is_err(), "a value is needed, even if it is empty");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_need_not_be_text() {
        let path: OsString = std::os::unix::ffi::OsStringExt::from_vec(vec![b'a', 0xff]);
        assert_eq!(log(["-log".into(), path.clone()]).unwrap(), Some(path.into()));
    }
}
