//! Running the local network inside a test.

use std::path::Path;

use clap::Parser;
use snowflake_snowbox::{Args, Report, run};
use tokio::sync::Mutex;

/// Each network is four programs or more on a machine that may have two processors.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Runs the local network with these arguments and returns what it measured.
pub async fn snowbox(args: &[&str]) -> Report {
    let _turn = ONE_AT_A_TIME.lock().await;
    let args = Args::parse_from(["snowbox"].iter().chain(args));
    match run(args).await {
        Ok(report) => report,
        Err(error) => panic!("{error}"),
    }
}

/// The files in a directory of logs, sorted, each with its text.
#[allow(dead_code, reason = "not every test reads logs")]
pub fn logs(dir: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
        (path.file_name().unwrap().to_string_lossy().into_owned(), text)
    };
    let mut logs: Vec<_> = entries.map(read).collect();
    logs.sort();
    logs
}
