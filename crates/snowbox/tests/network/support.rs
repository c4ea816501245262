//! Running the local network inside a test, one at a time.

use std::path::Path;

use clap::Parser;
use snowflake_snowbox::{Args, Report, run};
use tokio::sync::Mutex;

/// Each network is four programs or more on a machine that may have two processors.
pub(crate) static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Runs the local network with these arguments and returns what it measured.
pub(crate) async fn snowbox(args: &[&str]) -> Report {
    let _turn = ONE_AT_A_TIME.lock().await;
    let args = Args::parse_from(["snowbox"].iter().chain(args));
    match run(args).await {
        Ok(report) => report,
        Err(error) => panic!("{error}"),
    }
}

/// The files in a directory of logs, sorted, each with its text.
pub(crate) fn logs(dir: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(dir).expect("the directory of logs can be read");
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, String::from_utf8_lossy(&std::fs::read(&path)?).into_owned()))
    };
    let logs: std::io::Result<Vec<_>> = entries.map(read).collect();
    let mut logs = logs.expect("every log can be read");
    logs.sort();
    logs
}
