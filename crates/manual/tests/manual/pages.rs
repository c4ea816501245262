//! Man pages through mandoc.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use snowflake_manual::{Manual, programs};
use time::Date;

use crate::flags;

/// What every page has; which others follow depends on the program.
const FIRST: [&str; 5] = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS"];
const OTHERS: [&str; 7] = [
    "BRIDGE LINES",
    "TRANSPORT OPTIONS",
    "SIGNALS",
    "ENVIRONMENT",
    "FILES",
    "EXAMPLES",
    "SEE ALSO",
];

fn page(manual: &Manual) -> String {
    manual.page(Date::from_ordinal_date(2026, 224).unwrap()).unwrap()
}

fn mandoc(arguments: &[&str], page: &str) -> Output {
    let mut mandoc = Command::new("mandoc")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("mandoc, of Debian's package of that name");
    mandoc.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    mandoc.wait_with_output().unwrap()
}

/// The page as it is read, without bold and underlined letters.
fn read(manual: &Manual) -> String {
    let output = mandoc(&["-Tascii", "-Owidth=200"], &page(manual));
    let mut text = String::new();
    for character in String::from_utf8(output.stdout).unwrap().chars() {
        match character {
            '\u{8}' => drop(text.pop()),
            other => text.push(other),
        }
    }
    text
}

#[test]
fn mandoc_has_nothing_against_them() {
    for manual in programs() {
        let output = mandoc(&["-Tlint", "-Wwarning"], &page(&manual));
        let complaints = String::from_utf8(output.stdout).unwrap();
        assert_eq!((output.status.code(), &*complaints), (Some(0), ""), "{}", manual.program.name);
    }
}

#[test]
fn each_has_its_sections_in_the_usual_order() {
    for manual in programs() {
        let (name, text) = (manual.program.name, read(&manual));
        let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
        let [first, middle @ .., last] = &lines[..] else { panic!("{text}") };
        let title = format!("{}(1)", name.to_uppercase());
        assert!(first.starts_with(&title) && first.contains("Snowflake"), "{first}");
        let release = manual.program.to_string();
        assert!(last.starts_with(&release) && last.contains("2026-08-12"), "{last}");
        let headings = middle.iter().filter(|line| !line.starts_with(' '));
        let headings: Vec<_> = headings.copied().collect();
        assert_eq!(headings[..FIRST.len()], FIRST, "{name}");
        let others = OTHERS.iter().filter(|heading| headings.contains(heading));
        assert!(headings[FIRST.len()..].iter().eq(others), "{name}: {headings:?}");
        assert!(headings.ends_with(&["EXAMPLES", "SEE ALSO"]), "{name}: {headings:?}");
    }
}

#[test]
fn each_flag_is_explained_in_its_group() {
    for manual in programs() {
        let text = read(&manual);
        let options = text.split("\nOPTIONS\n").nth(1).unwrap();
        let options = options.split("\nEXIT STATUS\n").next().unwrap();
        assert!(options.contains("one dash or two are the same"), "{options}");
        for flag in manual.command.get_arguments() {
            let group = group(options, flag.get_help_heading());
            let line = format!("--{}", flag.get_long().unwrap());
            let mut lines = group.lines().map(str::trim_start);
            let found = lines.find(|other| {
                other.trim_start_matches("-h, ").split(' ').next() == Some(line.as_str())
            });
            assert!(found.is_some(), "{line} in {group}");
            let help = flag.get_help().unwrap().to_string();
            let first_word = help.split(' ').next().unwrap();
            assert!(lines.next().unwrap().starts_with(first_word), "{line} in {group}");
        }
    }
}

/// The text under a heading of the options, up to the next one; without a heading, before the first.
fn group<'a>(options: &'a str, heading: Option<&str>) -> &'a str {
    let begin = match heading.map(|heading| format!("\n   {heading}\n")) {
        Some(heading) => options.find(&heading).expect(&heading) + heading.len(),
        None => 0,
    };
    let is_heading = |line: &str| line.starts_with("   ") && !line.starts_with("    ");
    let text = &options[begin..];
    let end: usize =
        text.split_inclusive('\n').take_while(|line| !is_heading(line)).map(str::len).sum();
    &text[..end]
}

#[test]
fn flags_of_examples_exist() {
    let manuals = programs();
    let mut found = 0;
    for manual in &manuals {
        let text = read(manual);
        let examples = text.split("\nEXAMPLES\n").nth(1).unwrap().replace("\\\n", " ");
        for line in examples.lines() {
            let mut words = line.split_whitespace();
            let of = |name: &str| manuals.iter().find(|other| other.program.name == name);
            let Some(program) = words.find_map(|word| of(word.trim_start_matches("/usr/bin/")))
            else {
                continue;
            };
            let flags = flags(program);
            for flag in words.filter_map(|word| word.strip_prefix('-')) {
                assert!(flags.contains(&flag), "{}: {line}", manual.program.name);
                found += 1;
            }
        }
    }
    assert!(found > 20, "{found} flags in examples");
}

#[test]
fn other_pages_exist() {
    let manuals = programs();
    for manual in &manuals {
        let text = read(manual);
        let others = text.split("\nSEE ALSO\n").nth(1).unwrap().lines().next().unwrap();
        for other in others.trim().split(", ").map(|other| other.strip_suffix("(1)").unwrap()) {
            let is_ours = manuals.iter().any(|manual| manual.program.name == other);
            assert!((is_ours || other == "tor") && other != manual.program.name, "{other}");
        }
    }
}
