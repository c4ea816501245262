//! Logging is set up once per process, so this file holds one test.

use std::{fs, os::unix::fs::PermissionsExt};

use snowflake_cli::logging::{LogConfig, LogError, Target, init};

#[test]
fn a_log_file_is_private_appended_to_and_scrubbed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("snowflake.log");
    let target = Target::File(path.clone());
    let config = LogConfig { target, local_time: true, ..LogConfig::default() };
    init(&config).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    tracing::warn!("first from 192.0.2.7");
    // As libraries do that know nothing of tracing.
    log::warn!(target: "hyper::proto", "third from 192.0.2.7");
    log::error!(target: "rtc_ice::agent", "found a candidate");
    log::error!(target: "webrtc::peer_connection", "got a description");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("first", "kept")).unwrap();
    std::thread::spawn(|| panic!("second from 192.0.2.7")).join().unwrap_err();

    let log = fs::read_to_string(&path).unwrap();
    let hint = "Local time is being used for logging. If you want to share your log, \
                consider to modify the date/time for more anonymity.";
    assert!(log.lines().next().unwrap().ends_with(hint), "{log}");
    assert!(log.contains("kept from [scrubbed]\n"), "{log}");
    assert!(log.contains("second from [scrubbed]\n"), "{log}");
    assert!(log.contains(" warning: hyper::proto: third from [scrubbed]\n"), "{log}");
    assert!(!log.contains("candidate") && !log.contains("description"), "{log}");
    assert!(matches!(init(&config), Err(LogError::Twice(_))));
}
