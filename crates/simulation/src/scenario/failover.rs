//! Faults in the carrier that carries.

use crate::{Check, ENDLESS, Failure, Line, Link, Offer, Ways, World};
use std::time::Duration;
use tokio::time::sleep;

/// What happens to a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is closed.
    Closed,
    /// It breaks with an error.
    Broken,
    /// Nothing arrives any more.
    Silent(Ways),
    /// Nothing moves for so long.
    Frozen(Duration),
}

impl Fault {
    /// Lets it happen.
    pub fn strike(self, link: &Link) {
        match self {
            Self::Closed => link.kill(false),
            Self::Broken => link.kill(true),
            Self::Silent(ways) => link.silence(ways),
            Self::Frozen(time) => link.freeze(Ways::Both, time),
        }
    }
}

/// From one fault to the next: new carriers have to be earned.
const INTERVAL: Duration = Duration::from_secs(30);

/// Lets faults happen, one after another, to whichever carrier carries most of a transfer in one direction.
///
/// Returns the longest time in which nothing arrived after each.
///
/// # Errors
///
/// [`Check::Stall`] if such a time exceeds `bound`.
pub async fn failover(
    world: &World,
    wanted: usize,
    faults: &[Fault],
    way: Ways,
    bound: Duration,
) -> Result<Vec<Duration>, Failure> {
    let mut rng = world.rng();
    let round_trip = Duration::from_millis(20 + rng.below(80));
    let line = Line::mbit(4.0).round_trip(round_trip);
    let client = world.client(wanted, move |_, _| Offer::new(line));
    let transfer = match way {
        Ways::Up => client.transfer(ENDLESS, 0)?,
        _ => client.transfer(0, ENDLESS)?,
    };
    let meter = if way == Ways::Up { &transfer.up } else { &transfer.down };
    client.until_carriers(wanted).await;
    sleep(Duration::from_secs(5)).await;
    let mut stalls = Vec::new();
    for fault in faults {
        sleep(Duration::from_millis(rng.below(1000))).await;
        let carrying = client.volunteers().carrying().await;
        let carrying =
            carrying.ok_or_else(|| world.verdict().failure(Check::Stall, "no carrier"))?;
        meter.reset_gap();
        fault.strike(&carrying);
        sleep(INTERVAL).await;
        let stall = meter.longest_gap();
        world.expect(Check::Stall, stall <= bound, || {
            format!("{fault:?} of the carrier that carries, number {}: {stall:?}", stalls.len())
        })?;
        stalls.push(stall);
    }
    Ok(stalls)
}
