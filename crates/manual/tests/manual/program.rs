//! The program: which files it writes, and what it refuses.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use snowflake_manual::programs;

fn run(directory: &Path, second: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowflake-manual"));
    command.arg(directory).env_remove("SOURCE_DATE_EPOCH");
    command.envs(second.map(|second| ("SOURCE_DATE_EPOCH", second)));
    command.output().unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn files_have_the_names_under_which_they_are_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("share/manual");
    // Twice: files are replaced.
    for _ in 0..2 {
        let output = run(&target, Some("1786528800"));
        assert_eq!((output.status.code(), &output.stderr[..]), (Some(0), &b""[..]));
        assert!(output.stdout.is_empty());
    }
    assert_eq!(names(&target), ["completions", "man1"]);
    let expected = |form: fn(&str) -> String| -> Vec<_> {
        programs().iter().map(|manual| form(manual.program.name)).collect()
    };
    assert_eq!(names(&target.join("man1")), expected(|name| format!("{name}.1")));
    let shells = target.join("completions");
    assert_eq!(names(&shells), ["bash", "fish", "zsh"]);
    assert_eq!(names(&shells.join("bash")), expected(|name| format!("{name}.bash")));
    assert_eq!(names(&shells.join("fish")), expected(|name| format!("{name}.fish")));
    assert_eq!(names(&shells.join("zsh")), expected(|name| format!("_{name}")));
    let page = fs::read_to_string(target.join("man1/snowflake-client.1")).unwrap();
    assert!(page.contains(" 2026-08-12 "), "{page}");
    let page = || fs::read(target.join("man1/snowflake-proxy.1")).unwrap();
    let of_that_day = page();
    assert!(run(&target, None).status.success());
    assert_ne!(page(), of_that_day, "without the variable it is of today");
}

#[test]
fn what_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for (directory, second, error) in [
        (&*file, None, format!("cannot write {}/man1: ", file.display())),
        (folder.path(), Some("today"), "invalid value \"today\" of SOURCE_DATE_EPOCH: ".to_owned()),
        (folder.path(), Some("99999999999999"), "invalid value \"99999999999999\" of".to_owned()),
    ] {
        let output = run(directory, second);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with(&format!("snowflake-manual: {error}")), "{stderr}");
        assert_eq!(output.status.code(), Some(1));
    }
    assert_eq!(names(folder.path()), ["file"], "nothing was written");
}
