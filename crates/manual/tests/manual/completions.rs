//! Completions: bash runs them; what is for other shells is read.

use std::path::Path;
use std::process::Command;

use snowflake_manual::{SHELLS, programs};

use crate::flags;

fn bash(arguments: &[&str], script: &Path) -> String {
    let output = Command::new("bash").args(arguments).arg(script).output().unwrap();
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), &*complaints), (Some(0), ""), "{}", script.display());
    String::from_utf8(output.stdout).unwrap()
}

/// What bash offers for a word, one completion a line: as after pressing Tab, without a terminal.
const TAB: &str = r#"
    source "$2"
    [[ $(complete -p "$0") =~ -F\ ([^ ]+) ]]
    COMP_WORDS=("$0" "$1") COMP_CWORD=1
    "${BASH_REMATCH[1]}" "$0" "$1" "$0"
    printf '%s\n' "${COMPREPLY[@]}"
"#;

#[test]
fn bash_completes_each_flag() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script");
    for manual in programs() {
        let name = manual.program.name;
        std::fs::write(&path, manual.completions(SHELLS[0])).unwrap();
        assert_eq!(bash(&["-n"], &path), "");
        let offered = |word: &str| bash(&["--norc", "-c", TAB, name, word], &path);
        let mut all: Vec<_> = flags(&manual).iter().map(|flag| format!("--{flag}")).collect();
        let complete = offered("--");
        let mut complete: Vec<_> = complete.lines().collect();
        all.sort();
        complete.sort();
        assert_eq!(complete, all, "{name}");
        assert_eq!(offered("--vers"), "--version\n");
    }
}

#[test]
fn fish_and_zsh_are_told_each_flag() {
    for manual in programs() {
        let script = |shell: usize| String::from_utf8(manual.completions(SHELLS[shell])).unwrap();
        let (fish, zsh) = (script(1), script(2));
        let name = manual.program.name;
        assert!(zsh.starts_with(&format!("#compdef {name}\n")), "{zsh}");
        for flag in flags(&manual) {
            let in_fish = |line: &str| {
                line.starts_with(&format!("complete -c {name} "))
                    && format!("{line} ").contains(&format!(" -l {flag} "))
            };
            assert!(fish.lines().any(in_fish), "{flag} in {fish}");
            let in_zsh = [format!("'--{flag}["), format!("'--{flag}=[")];
            assert!(in_zsh.iter().any(|text| zsh.contains(text)), "{flag} in {zsh}");
        }
    }
}
