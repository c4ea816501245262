//! A signal is for the whole process, so this file holds one test.

use std::process::Command;

use snowflake_pt::ExitWatch;

#[tokio::test]
async fn sigterm_cancels_the_token() {
    let exit = ExitWatch::new(false).unwrap();
    let token = exit.token();
    assert!(!token.is_cancelled());
    let kill = Command::new("kill").args(["-TERM", &std::process::id().to_string()]).status();
    assert!(kill.unwrap().success());
    token.cancelled().await;
}
