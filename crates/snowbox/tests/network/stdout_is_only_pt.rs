//! stdout belongs to tor: a transport prints lines of the PT protocol and nothing else, the other programs print nothing.

use crate::support::{logs, snowbox};
use snowflake_snowbox::managed::is_pt_line;

#[tokio::test]
async fn every_line_is_one_that_tor_knows() {
    let dir = tempfile::tempdir().unwrap();
    // With the most talkative logs: a library that logs to stdout would be seen.
    snowbox(&["--size", "4M", "--debug", "--logs", dir.path().to_str().unwrap()]).await;
    let stdouts: Vec<_> =
        logs(dir.path()).into_iter().filter(|(name, _)| name.ends_with(".stdout")).collect();
    let names: Vec<&str> = stdouts.iter().map(|(name, _)| name.as_str()).collect();
    // Three proxies, and two that took the places of killed ones.
    let proxies =
        ["proxy-1.stdout", "proxy-2.stdout", "proxy-3.stdout", "proxy-4.stdout", "proxy-5.stdout"];
    assert_eq!(
        names,
        [&["broker.stdout", "client.stdout"], proxies.as_slice(), &["server.stdout"]].concat()
    );
    for (name, text) in &stdouts {
        if name.starts_with("client") || name.starts_with("server") {
            assert_eq!(text.lines().next(), Some("VERSION 1"), "{name}");
            let strange: Vec<&str> = text.lines().filter(|line| !is_pt_line(line)).collect();
            assert!(strange.is_empty(), "{name}: {strange:?}");
        } else {
            assert_eq!(text, "", "{name}");
        }
    }
}
