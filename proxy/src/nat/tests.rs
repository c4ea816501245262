//! On a paused clock, with checks and addresses of our own.

use std::sync::Mutex;

use clap::Parser;
use snowflake_rendezvous::{Exchange, limits, tls};

use super::*;
use crate::{Args, Config};

const HOUR: Duration = Duration::from_secs(3600);

fn nat() -> Nat {
    let config = Config::try_from(&Args::parse_from(["snowflake-proxy"])).unwrap();
    let tls = tls::client_config().unwrap();
    let exchange =
        |url: &url::Url| Exchange::new(url.clone(), [""; 0], tls.clone(), limits::PROXY_HEADERS);
    Nat::new(Probe::new(&config, exchange).unwrap(), Arc::new(Events::new(true)))
}

fn address(last: u8) -> Option<Vec<IpAddr>> {
    Some(vec![[192, 0, 2, last].into()])
}

/// When checks were made within `time`, in seconds, if they end like this and we have these addresses.
async fn checks(
    interval: Option<Duration>,
    time: Duration,
    result: impl Fn(usize) -> Result<NatType, ProbeError>,
    addresses: impl Fn(Duration) -> Option<Vec<IpAddr>>,
) -> (Vec<u64>, NatType) {
    let (nat, start, made) = (nat(), Instant::now(), Mutex::new(Vec::new()));
    let check = || {
        let mut made = made.lock().unwrap();
        made.push(start.elapsed().as_secs());
        std::future::ready(result(made.len()))
    };
    let watching = nat.watch_with(interval, check, || addresses(start.elapsed()));
    timeout(time, watching).await.unwrap_err();
    let nat_type = nat.nat_type().await;
    (made.into_inner().unwrap(), nat_type)
}

#[tokio::test(start_paused = true)]
async fn a_check_that_fails_is_soon_repeated_and_keeps_what_is_known() {
    let result = |number| match number {
        1 | 2 => Err(ProbeError::TimedOut),
        3 => Ok(NatType::Moderate),
        _ => Err(ProbeError::TimedOut),
    };
    let (made, known) = checks(Some(HOUR), Duration::from_secs(3950), result, |_| address(1)).await;
    assert_eq!(made, [0, 60, 180, 3780, 3840]);
    assert_eq!(known, NatType::Moderate);
    let (_, unknown) =
        checks(Some(HOUR), HOUR, |_| Err(ProbeError::TimedOut), |_| address(1)).await;
    assert_eq!(unknown, NatType::Unknown);
}

#[tokio::test(start_paused = true)]
async fn other_addresses_have_the_nat_checked() {
    let moves = |at: Duration| match at.as_secs() {
        0..100 => address(1),
        100..200 => None,
        _ => address(2),
    };
    let good = |_| Ok(NatType::Open);
    let (made, _) = checks(Some(HOUR), Duration::from_secs(3800), good, moves).await;
    assert_eq!(made, [0, 210], "at the first look after the change, and then in an hour");
    let (made, _) = checks(None, 3 * HOUR, good, moves).await;
    assert_eq!(made, [0], "the operator wants one check");
}

#[tokio::test(start_paused = true)]
async fn addresses_that_change_all_the_time_cause_a_check_in_five_minutes() {
    let moves = |at: Duration| address((at.as_secs() / 10) as u8);
    let (made, _) =
        checks(Some(HOUR), Duration::from_secs(1000), |_| Ok(NatType::Open), moves).await;
    assert_eq!(made, [0, 30, 360, 690]);
}

#[tokio::test(start_paused = true)]
async fn another_network_begins_with_short_pauses_again() {
    let moves = |at: Duration| address(1 + u8::from(at.as_secs() >= 500));
    let fails = |_| Err(ProbeError::TimedOut);
    let (made, _) = checks(Some(HOUR), Duration::from_secs(600), fails, moves).await;
    assert_eq!(made, [0, 60, 180, 420, 510, 570]);
}
