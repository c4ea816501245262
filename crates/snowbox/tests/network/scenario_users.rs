//! A few users of one server: idle, all at once, and more of them than there are source ports.

use std::process::Command;

use crate::support::ONE_AT_A_TIME;
use snowflake_snowbox::Sheet;

fn snowbox(args: &[&str]) -> Result<Sheet, String> {
    let _turn = ONE_AT_A_TIME.blocking_lock();
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbox"));
    let output = command.arg("users").args(args).arg("--json").output();
    let output = output.expect("snowbox can be run");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(stderr);
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {stderr}")))
}

fn value(sheet: &Sheet, label: &str, name: &str) -> f64 {
    let figure = sheet.figure(label, name);
    figure.unwrap_or_else(|| panic!("no {name} of {label}: {sheet}")).median
}

#[test]
fn idle_users_are_counted_and_still_there_at_the_end() {
    let sheet = snowbox(&["idle", "--sessions", "40", "--seconds", "1"]).unwrap();
    let value = |name| value(&sheet, "idle for 1 s", name);
    assert_eq!((value("users"), value("failures"), value("lost")), (40.0, 0.0, 0.0), "{sheet}");
    assert!((1.0..1000.0).contains(&value("KiB/user")), "{sheet}");
    assert!(value("threads") >= 2.0, "{sheet}");
}

#[test]
fn every_user_gets_every_byte() {
    let sheet = snowbox(&["transfer", "--sessions", "8", "--size", "1M"]).unwrap();
    for direction in ["download", "upload"] {
        let value = |name| value(&sheet, direction, name);
        assert_eq!((value("users"), value("failures")), (8.0, 0.0), "{sheet}");
        assert!((0.5..=1.0).contains(&value("fairness")), "{sheet}");
        assert!(value("MiB/s") > 1.0, "{sheet}");
    }
}

#[test]
fn source_addresses_make_up_for_source_ports() {
    let few_ports = ["orport", "--connections", "300", "--ports", "100", "--sources"];
    let asked = |sources| snowbox(&[&few_ports[..], &[sources]].concat()).unwrap();
    let sheet = asked("127.0.0.0/16");
    let label = "100 ports, 127.0.0.0/16";
    assert_eq!(value(&sheet, label, "failures"), 0.0, "{sheet}");
    assert!(value(&sheet, label, "source addresses") > 250.0, "{sheet}");
    // And the ports really are few.
    let sheet = asked("127.0.0.1");
    let connections = value(&sheet, "100 ports, 127.0.0.1", "connections");
    assert!((1.0..=100.0).contains(&connections), "{sheet}");
}
