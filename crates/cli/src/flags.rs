//! Go's flag syntax, rewritten to clap's: `-url x`, `-url=x` and `--url x` become `--url=x`.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, builder::ValueParser};

use crate::{UsageError, go_bool};

/// The flag that [`crate::command`] adds to every program.
pub(crate) const VERSION: &str = "version";

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Help,
    Version,
    /// Arguments for clap, without the program's name.
    Run(Vec<OsString>),
}

/// Reads arguments by Go's rules: one dash or two, `-f value` or `-f=value`, a bool flag takes its
/// value only with `=`, the last of several wins, and flags end at `--` or at the first word that
/// is none. There are no bundles of short flags.
pub(crate) fn rewrite(
    command: &Command,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Request, UsageError> {
    let mut arguments = arguments.into_iter();
    let mut flags = Flags::default();
    while let Some(argument) = arguments.next() {
        let Some(dashed) = flag_text(&argument)? else {
            let stray = if argument == "--" { None } else { Some(argument) };
            return Ok(flags.finish(stray.into_iter().chain(arguments)));
        };
        let (name, value) = match dashed.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (dashed, None),
        };
        match (find(command, name), value) {
            (None, _) if name == "h" || name == "help" => return Ok(Request::Help),
            (None, _) => return Err(UsageError::Unknown(name.to_owned())),
            (Some(flag), value) if is_bool(flag) => flags.set_bool(flag, name, value)?,
            (Some(flag), Some(value)) => flags.set(flag, value),
            (Some(flag), None) => {
                let next = arguments.next();
                flags.set(flag, next.ok_or_else(|| UsageError::MissingValue(name.to_owned()))?);
            }
        }
    }
    Ok(flags.finish(std::iter::empty()))
}

/// The flag without its dashes, or `None` if the argument is not a flag.
fn flag_text(argument: &OsString) -> Result<Option<&str>, UsageError> {
    if !argument.as_encoded_bytes().starts_with(b"-") || argument == "-" || argument == "--" {
        return Ok(None);
    }
    let bad_syntax = || UsageError::BadSyntax(argument.to_string_lossy().into_owned());
    let text = argument.to_str().ok_or_else(bad_syntax)?;
    let name = text.strip_prefix("--").or_else(|| text.strip_prefix('-')).unwrap_or(text);
    if name.starts_with(['-', '=']) { Err(bad_syntax()) } else { Ok(Some(name)) }
}

fn find<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let is_flag = |arg: &&Arg| !matches!(arg.get_action(), ArgAction::HelpLong);
    command.get_arguments().filter(is_flag).find(|arg| {
        arg.get_long() == Some(name)
            || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
    })
}

fn is_bool(flag: &Arg) -> bool {
    matches!(flag.get_action(), ArgAction::SetTrue)
        || flag.get_value_parser().type_id() == ValueParser::bool().type_id()
}

/// Flags in the order in which they were given.
#[derive(Default)]
struct Flags(Vec<(String, Option<OsString>)>);

impl Flags {
    fn set(&mut self, flag: &Arg, value: OsString) {
        self.0.push((long(flag), Some(value)));
    }

    fn set_bool(
        &mut self,
        flag: &Arg,
        name: &str,
        value: Option<OsString>,
    ) -> Result<(), UsageError> {
        let value = value.map_or_else(|| "true".to_owned(), |v| v.to_string_lossy().into_owned());
        let on = go_bool(&value).map_err(|reason| UsageError::BadValue {
            flag: name.to_owned(),
            value,
            reason: reason.to_string(),
        })?;
        if matches!(flag.get_action(), ArgAction::SetTrue) {
            let long = long(flag);
            self.0.retain(|(other, _)| *other != long);
            if on {
                self.0.push((long, None));
            }
        } else {
            self.set(flag, on.to_string().into());
        }
        Ok(())
    }

    fn finish(self, rest: impl Iterator<Item = OsString>) -> Request {
        if self.0.iter().any(|(name, _)| name == VERSION) {
            return Request::Version;
        }
        let flags = self.0.into_iter().map(|(name, value)| {
            let mut argument = OsString::from(format!("--{name}"));
            if let Some(value) = value {
                argument.push("=");
                argument.push(value);
            }
            argument
        });
        let mut rest = rest.peekable();
        let end = rest.peek().is_some().then(|| OsString::from("--"));
        Request::Run(flags.chain(end).chain(rest).collect())
    }
}

/// The name that clap knows the flag by; [`find`] has matched it.
fn long(flag: &Arg) -> String {
    flag.get_long().unwrap_or_default().to_owned()
}
