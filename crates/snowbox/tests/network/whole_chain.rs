//! All programs together on loopback: bytes both ways, and the proxy that carries them killed on the way.

use crate::support::snowbox;
use snowflake_snowbox::Report;

fn directions(report: &Report) -> Vec<&str> {
    report.transfers.iter().map(|transfer| transfer.direction.as_str()).collect()
}

#[tokio::test]
async fn a_killed_proxy_costs_time_and_no_byte() {
    let report = snowbox(&["--size", "16M"]).await;
    assert_eq!(directions(&report), ["download", "upload"]);
    for transfer in &report.transfers {
        assert_eq!(transfer.bytes, 16 << 20);
        assert!(transfer.killed.is_some() && transfer.stall_ms > Some(0.0), "{transfer:?}");
    }
    let names: Vec<&str> = report.programs.iter().map(|program| program.name.as_str()).collect();
    assert_eq!(names, ["broker", "client", "proxies", "server"]);
}

#[tokio::test]
async fn a_client_may_use_several_proxies() {
    let report = snowbox(&["--size", "8M", "--max", "2"]).await;
    assert_eq!(directions(&report), ["download", "upload"]);
}

#[tokio::test]
async fn one_proxy_is_enough_while_it_lives() {
    let report = snowbox(&["--size", "4M", "--proxies", "1", "--no-kill"]).await;
    assert!(
        report
            .transfers
            .iter()
            .all(|transfer| transfer.killed.is_none() && transfer.stall_ms.is_none())
    );
}
