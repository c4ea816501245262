//! A few sessions of one client at once, over real proxies.

use std::process::Command;

use crate::support::ONE_AT_A_TIME;
use snowflake_snowbox::Sheet;

#[test]
fn every_session_gets_every_byte() {
    let _turn = ONE_AT_A_TIME.blocking_lock();
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbox"));
    command.args(["sessions", "transfer", "--sessions", "4", "--proxies", "2", "--json"]);
    let output = command.output().expect("snowbox can be run");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let sheet: Sheet = serde_json::from_slice(&output.stdout).expect("snowbox prints JSON");
    for direction in ["download", "upload"] {
        let value = |name| {
            let figure = sheet.figure(direction, name);
            figure.unwrap_or_else(|| panic!("no {name} of the {direction}: {sheet}")).median
        };
        assert_eq!((value("users"), value("failures")), (4.0, 0.0), "{sheet}");
        assert!(value("fairness") > 0.5, "{sheet}");
        assert!(value("client CPU ms/MiB") > 0.0, "{sheet}");
        assert!(value("fastest s") > 0.0, "{sheet}");
    }
}
