//! Flags are read as Go's `flag` package reads them.

use std::{ffi::OsString, process::ExitCode};

use clap::{ArgAction, Parser};
use proptest::prelude::*;
use snowflake_cli::{
    CommaList, GoDuration, Program, Stop, UsageError, go_bool, parse_from as parse_flags,
};

const PROGRAM: Program = Program { name: "snowflake-test", version: "1.2.3" };

/// Takes part in tests.
#[derive(Debug, Parser, PartialEq)]
struct Args {
    /// Broker URL
    #[arg(long, default_value = "")]
    url: String,
    #[arg(long, default_value = "")]
    fronts: CommaList,
    #[arg(long, default_value_t = 1)]
    max: u32,
    #[arg(long, default_value = "10s")]
    interval: GoDuration,
    #[arg(long, alias = "keepLocalAddresses")]
    keep_local_addresses: bool,
    #[arg(long, value_parser = go_bool, action = ArgAction::Set, default_value_t = true)]
    stats: bool,
    #[arg(long)]
    log: Option<std::path::PathBuf>,
}

fn parse(arguments: &[&str]) -> Result<Args, Stop> {
    parse_flags(PROGRAM, arguments)
}

fn error(arguments: &[&str]) -> String {
    parse(arguments).expect_err("must be refused").to_string()
}

#[test]
fn one_dash_or_two_with_space_or_equals_sign() {
    for arguments in [["-url", "x"].as_slice(), &["--url", "x"], &["-url=x"], &["--url=x"]] {
        assert_eq!(parse(arguments).unwrap().url, "x", "{arguments:?}");
    }
    assert_eq!(parse(&["-url=a=b"]).unwrap().url, "a=b");
    assert_eq!(parse(&["-url="]).unwrap().url, "");
    assert_eq!(parse(&["-url", ""]).unwrap().url, "");
}

#[test]
fn a_value_may_look_like_a_flag() {
    assert_eq!(parse(&["-url", "-max"]).unwrap().url, "-max");
    assert_eq!(parse(&["-url", "--"]).unwrap().url, "--");
}

#[test]
fn the_last_of_several_wins() {
    let args = parse(&["-max", "2", "-fronts=a", "--max=3", "-fronts", "b,c"]).unwrap();
    assert_eq!(args.max, 3);
    assert_eq!(*args.fronts, ["b", "c"]);
}

#[test]
fn bool_flags_take_a_value_only_with_an_equals_sign() {
    let kept = |arguments: &[&str]| parse(arguments).unwrap().keep_local_addresses;
    assert!(!kept(&[]));
    assert!(kept(&["-keep-local-addresses"]));
    assert!(kept(&["--keep-local-addresses=T"]));
    assert!(!kept(&["-keep-local-addresses=false"]));
    assert!(!kept(&["-keep-local-addresses", "-keep-local-addresses=0"]));
    assert!(kept(&["-keep-local-addresses=0", "-keep-local-addresses"]));
    assert!(kept(&["-keepLocalAddresses"]));
    assert!(!kept(&["-keep-local-addresses", "-keepLocalAddresses=false"]));
    assert_eq!(
        error(&["-keep-local-addresses=yes"]),
        "snowflake-test: invalid value \"yes\" for flag -keep-local-addresses: \
         not a truth value (1, t, true, 0, f or false)"
    );
}

#[test]
fn a_bool_flag_may_be_on_by_default() {
    assert!(parse(&[]).unwrap().stats);
    assert!(!parse(&["-stats=false"]).unwrap().stats);
    assert!(parse(&["-stats=false", "-stats"]).unwrap().stats);
}

#[test]
fn flags_end_at_two_dashes_or_at_the_first_word_that_is_none() {
    assert_eq!(parse(&["-max", "2", "--"]).unwrap().max, 2);
    for stray in ["false", "-", "x=y"] {
        let expected = UsageError::Stray(stray.to_owned());
        let stop = parse(&["-keep-local-addresses", stray, "-max", "2"]).unwrap_err();
        assert!(matches!(&stop, Stop::Usage { error, .. } if *error == expected), "{stop:?}");
    }
    let stop = parse(&["--", "-max", "2"]).unwrap_err();
    assert!(matches!(stop, Stop::Usage { error: UsageError::Stray(s), .. } if s == "-max"));
}

#[test]
fn errors_name_flag_value_and_reason() {
    for (arguments, expected) in [
        (["-max", "many"].as_slice(), "invalid value \"many\" for flag -max: invalid digit found"),
        (&["-interval=-1s"], "invalid value \"-1s\" for flag -interval: a duration must not be"),
        (&["-interval", "5"], "invalid value \"5\" for flag -interval: a unit is missing"),
        (&["-urls", "x"], "flag provided but not defined: -urls"),
        (&["-u", "x"], "flag provided but not defined: -u"),
        (&["-url"], "flag needs an argument: -url"),
        (&["---url"], "bad flag syntax: ---url"),
        (&["-=x"], "bad flag syntax: -=x"),
        (&["--=x"], "bad flag syntax: --=x"),
    ] {
        let text = error(arguments);
        assert!(text.starts_with(&format!("snowflake-test: {expected}")), "{text}");
    }
}

#[test]
fn wrong_usage_exits_with_2_and_help_with_0() {
    let mut stderr = Vec::new();
    let code = parse(&["-urls"]).unwrap_err().report_to(&mut stderr);
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(2)));
    let text = String::from_utf8(stderr).unwrap();
    assert_eq!(
        text,
        "snowflake-test: flag provided but not defined: -urls\nRun snowflake-test -help for its flags.\n"
    );
    for spelling in ["-h", "--h", "-help", "--help"] {
        let stop = parse(&["-max=2", spelling, "-urls"]).unwrap_err();
        let mut stderr = Vec::new();
        assert_eq!(
            format!("{:?}", stop.report_to(&mut stderr)),
            format!("{:?}", ExitCode::SUCCESS)
        );
        let text = String::from_utf8(stderr).unwrap();
        assert!(text.contains("--url <URL>") && text.contains("Broker URL"), "{text}");
        assert!(text.contains("--version") && text.contains("-h, --help"), "{text}");
        let defaults: Vec<_> = text.lines().filter(|line| line.contains("[default: ")).collect();
        assert_eq!(defaults.len(), 3, "those that are not empty: {defaults:?}");
    }
}

#[test]
fn version_is_one_line() {
    for spelling in ["-version", "--version", "-version=true"] {
        let mut stderr = Vec::new();
        let code = parse(&["-max", "2", spelling]).unwrap_err().report_to(&mut stderr);
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(String::from_utf8(stderr).unwrap(), "snowflake-test 1.2.3\n");
    }
    assert_eq!(parse(&["-version=false", "-max=2"]).unwrap().max, 2);
}

#[test]
fn a_path_need_not_be_text() {
    use std::os::unix::ffi::OsStringExt;
    let path = OsString::from_vec(b"/tmp/\xff".to_vec());
    let args: Args = parse_flags(PROGRAM, [OsString::from("-log"), path.clone()]).unwrap();
    assert_eq!(args.log.unwrap(), std::path::PathBuf::from(path));
    let glued = OsString::from_vec(b"-log=\xff".to_vec());
    assert!(parse_flags::<Args>(PROGRAM, [glued]).unwrap_err().to_string().contains("bad flag"));
}

proptest! {
    #[test]
    fn any_arguments_are_taken(
        arguments in prop::collection::vec("-{0,3}(url|max|stats|[a-z]{0,2})(=[-a-z0-9]{0,3})?|\\PC{0,6}", 0..6),
    ) {
        let _ = parse_flags::<Args>(PROGRAM, arguments);
    }
}
