//! `docs/parity.md` is true: the tests that it names are there, and no flag and no figure is left out.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
};

/// The sections about programs, and the tests that say which flags those have.
const PROGRAMS: [(&str, &str); 7] = [
    ("Client", "client/tests/flags.rs"),
    ("Proxy", "proxy/tests/proxy/flags.rs"),
    ("Broker", "broker/tests/broker/flags.rs"),
    ("Server", "server/tests/server/flags.rs"),
    ("snowflake-probetest", "crates/probetest/tests/flags.rs"),
    ("snowflake-distinctcounter", "crates/distinctcounter/tests/flags.rs"),
    ("snowflake-sqscreds", "crates/sqscreds/tests/flags.rs"),
];

/// Flags that have rows though they are not in those lists: of every program, and the client's older names.
const OTHER_FLAGS: [&str; 3] = ["-version", "-logToStateDir", "-keepLocalAddresses"];

/// The sections about programs with figures, the tests that hold whole pages or blocks of them, and how their names
/// begin beyond what stands there.
const FIGURES: [(&str, &str, &str); 3] = [
    ("Broker", "broker/src/metrics/tests.rs", ""),
    ("Proxy", "proxy/src/figures.rs", ""),
    ("Proxy", "proxy/src/metrics/process.rs", "process_"),
];

/// One row of a table.
#[derive(Debug)]
struct Row {
    /// Its line in the document, from 1 on.
    number: usize,
    /// The heading of the second level before it.
    section: String,
    /// What Go has, what is here, the tests.
    cells: Vec<String>,
}

impl Row {
    /// What stands in backquotes in what Go has and in what is here: flags, figures and whatever else.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().take(2).flat_map(|cell| cell.split('`').skip(1).step_by(2))
    }

    fn tests(&self) -> Vec<&str> {
        self.cells[2].split(", ").collect()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The rows of all tables, without their heads.
fn rows(document: &str) -> Vec<Row> {
    let is_rule = |line: &str| line.starts_with("|--");
    let lines: Vec<&str> = document.lines().collect();
    let mut section = String::new();
    let mut rows = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.to_owned();
        }
        let is_head = lines.get(at + 1).is_some_and(|next| is_rule(next));
        if line.starts_with('|') && !is_rule(line) && !is_head {
            let inner = line.trim_start_matches("| ").trim_end_matches(" |");
            let cells = inner.split(" | ").map(str::to_owned).collect();
            rows.push(Row { number: at + 1, section: section.clone(), cells });
        }
    }
    rows
}

/// Whether the source has a test of this name that is run.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_it = |line: &str| {
        let rest = line.strip_prefix("async ").unwrap_or(line);
        let rest = rest.strip_prefix("fn ").and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with('('))
    };
    let is_test = |at: usize| {
        // Attributes and comments, up to whatever stands before them.
        let before = lines[..at].iter().rev();
        let own = || {
            before.clone().take_while(|line| !line.is_empty() && !line.ends_with(['{', '}', ';']))
        };
        own().any(|line| *line == "#[test]" || line.starts_with("#[tokio::test"))
            && !own().any(|line| line.starts_with("#[ignore"))
    };
    (0..lines.len()).any(|at| is_it(lines[at]) && is_test(at))
}

/// What is wrong with a reference such as `` `path/to/file.rs::test_function` ``.
fn fault(reference: &str) -> Option<&'static str> {
    let inner = reference.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    let Some((path, name)) = inner.and_then(|inner| inner.rsplit_once("::")) else {
        return Some("is no `file::function`");
    };
    let is_inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    match fs::read_to_string(root().join(path)) {
        Ok(source) if is_inside && has_test(&source, name) => None,
        Ok(_) => Some("is no test there"),
        Err(_) => Some("names a file that is not there"),
    }
}

/// The flags in the list `GROUPS` of a test, with Go's dash, without the two that every program has.
fn flags(source: &str) -> BTreeSet<String> {
    let (_, groups) = source.split_once("const GROUPS").expect("a list of groups");
    let (groups, _) = groups.split_once("];").expect("the list's end");
    let (_, groups) = groups.split_once("= &[").expect("the list's beginning");
    let lists = groups.split("&[").skip(1).filter_map(|list| list.split(']').next());
    let flags = lists.flat_map(|list| list.split('"').skip(1).step_by(2));
    let own = flags.filter(|flag| !matches!(*flag, "help" | "version"));
    own.map(|flag| format!("-{flag}")).collect()
}

/// The figure at the beginning of a line of a test: a family before its kind (`# TYPE x_total counter`), or a key of the
/// metrics log (`client-denied-count 8`).
fn figure(line: &str) -> Option<&str> {
    let text = line.trim_start_matches([' ', '"', '#']).trim_start_matches("TYPE ");
    let (name, rest) = text.split_once(' ')?;
    let kind = rest.trim_end_matches(['"', ',', '\\']).trim_end_matches("\\n");
    let is_family = matches!(kind, "counter" | "gauge");
    let is_key = name.starts_with("snowflake-") || name.starts_with("client-");
    (is_family || is_key).then_some(name)
}

#[test]
fn every_row_has_tests_that_are_there() {
    let rows = rows(&read("docs/parity.md"));
    assert!(rows.len() > 300, "only {} rows are found", rows.len());
    let mut faults = Vec::new();
    for row in &rows {
        let number = row.number;
        if row.cells.len() != 3 {
            faults.push(format!("line {number}: {} cells instead of 3", row.cells.len()));
            continue;
        }
        let tests = row.tests();
        if tests.iter().collect::<BTreeSet<_>>().len() < tests.len() {
            faults.push(format!("line {number}: a test is named twice"));
        }
        for test in tests {
            faults.extend(fault(test).map(|fault| format!("line {number}: {test} {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_flag_has_a_row_and_no_row_is_about_another() {
    let rows = rows(&read("docs/parity.md"));
    for (section, file) in PROGRAMS {
        let flags = flags(&read(file));
        let rows = rows.iter().filter(|row| row.section == section);
        let named =
            rows.flat_map(Row::names).filter(|name| name.starts_with('-') && !name.contains(' '));
        let mut named: BTreeSet<String> = named.map(str::to_owned).collect();
        for other in OTHER_FLAGS {
            named.remove(other);
        }
        assert_eq!(named, flags, "{section}: the rows on the left, {file} on the right");
    }
}

#[test]
fn every_figure_has_a_row() {
    let rows = rows(&read("docs/parity.md"));
    for (section, file, prefix) in FIGURES {
        let source = read(file);
        let figures: BTreeSet<_> = source.lines().filter_map(figure).collect();
        assert!(figures.len() > 5, "{file}: only {figures:?}");
        let rows = || rows.iter().filter(|row| row.section == section);
        for figure in figures {
            let figure = format!("{prefix}{figure}");
            let has_row = rows().flat_map(Row::names).any(|name| name == figure);
            assert!(has_row, "{figure} of {file} has no row in the section {section:?}");
        }
    }
}

#[test]
fn only_tests_that_run_count() {
    let source = "\
        #[test]\n\
        fn plain() {}\n\
        /// Words.\n\
        #[tokio::test(start_paused = true)]\n\
        #[expect(\n\
            clippy::x, reason = \"y\"\n\
        )]\n\
        async fn with_attributes() {}\n\
        fn helper() {}\n\
        #[test]\n\
        #[ignore = \"slow\"]\n\
        fn ignored() {}\n\
        // fn commented() {}\n\
        proptest! {\n\
            #[test]\n\
            fn with_any(value: u8) {}\n\
        }\n";
    for name in ["plain", "with_attributes", "with_any"] {
        assert!(has_test(source, name), "{name}");
    }
    for name in ["helper", "ignored", "commented", "plai", "absent"] {
        assert!(!has_test(source, name), "{name}");
    }
    assert_eq!(fault("words"), Some("is no `file::function`"));
    assert_eq!(fault("`no/such.rs::test`"), Some("names a file that is not there"));
    assert_eq!(fault("`crates/snowbox/tests/parity.rs::read`"), Some("is no test there"));
    assert_eq!(fault("`crates/snowbox/tests/parity.rs::only_tests_that_run_count`"), None);
}
