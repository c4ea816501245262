//! A private Tor network with our transports: real tor starts them, and its circuits go through our proxies.

use crate::support::snowbox;

#[tokio::test]
async fn tor_bootstraps_and_a_file_survives_a_killed_proxy() {
    let report = snowbox(&["--tor", "--size", "8M"]).await;
    assert!(report.transfers.iter().all(|transfer| transfer.killed.is_some()), "{report:?}");
    for name in ["broker", "client", "proxies", "server", "tor bridge", "tor client"] {
        assert!(report.programs.iter().any(|program| program.name == name), "no figures of {name}");
    }
}
