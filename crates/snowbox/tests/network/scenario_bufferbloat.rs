//! A short scenario with all four programs: a download and an upload over one slow link, and what an echo waits meanwhile.
//!
//! It makes network namespaces and TUN devices, so it needs root. Without root it checks that snowbox says so.

use std::process::{Command, Output};

use crate::support::ONE_AT_A_TIME;
use snowflake_snowbox::{Error, Sheet, scenario::check_rights};

/// 8 Mbit/s, 20 ms, 3 s behind the first five.
fn snowbox() -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbox"));
    command.args(["bufferbloat", "--rate", "8", "--rtt", "20", "--seconds", "3", "--json"]);
    command.output().expect("snowbox can be run")
}

#[test]
fn a_slow_link_is_measured_both_ways() {
    let _turn = ONE_AT_A_TIME.blocking_lock();
    let rights = check_rights();
    let output = snowbox();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if let Err(error @ (Error::NeedsRoot | Error::NoTun)) = rights {
        assert!(!output.status.success());
        return assert!(stderr.contains(&error.to_string()), "{stderr}");
    }
    assert!(output.status.success(), "{stderr}");
    let sheet: Sheet = serde_json::from_slice(&output.stdout).expect("snowbox prints JSON");
    for direction in ["download", "upload"] {
        let value = |name| {
            let figure = sheet.figure(&format!("8 Mbit/s 20 ms {direction}"), name);
            figure.unwrap_or_else(|| panic!("no {name} of the {direction}: {sheet}")).median
        };
        // The link's own 20 ms, and its rate, which headers and repetitions share with the bytes.
        let idle = value("idle ms");
        assert!((20.0..500.0).contains(&idle), "{direction}: {sheet}");
        let rate = value("then Mbit/s");
        assert!((0.8..8.0).contains(&rate), "{direction}: {sheet}");
        assert!(value("wire x") > 1.0, "{direction}: {sheet}");
        assert!(value("proxy CPU ms/MiB") > 0.0, "{direction}: {sheet}");
    }
}
