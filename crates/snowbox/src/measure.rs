//! The main job: move, kill, check, count.

use std::sync::Arc;

use crate::{
    error::{Doing, Error},
    meter::Meter,
    network::{Network, UsageTable},
    place::Place,
    progress,
    report::{Report, Transfer},
    transfer::Direction,
};

/// Makes every transfer that the network allows.
///
/// # Errors
/// The first thing that went wrong.
pub async fn run(network: &mut Network, place: &Place) -> Result<Report, Error> {
    let mut report = Report::default();
    for direction in network.directions {
        network.backbone.proxies_ready().await?;
        let before = network.usage();
        report.transfers.push(transfer(network, place, *direction).await?);
        add_usage(&mut report, &before, &network.usage());
    }
    let address = network.orport.as_ref().and_then(|orport| orport.client_address());
    report.client_address_at_bridge = address.map(|address| address.to_string());
    Ok(report)
}

async fn transfer(
    network: &mut Network,
    place: &Place,
    direction: Direction,
) -> Result<Transfer, Error> {
    let seed = getrandom::u64().map_err(std::io::Error::other).doing("asking for random bytes")?;
    let meter = Arc::new(Meter::start(place.args.size));
    if direction == Direction::Upload {
        network.origin.measure_upload(seed, meter.clone());
    }
    let limit = network.patience;
    let work = async {
        let moving = direction.run(&network.route, seed, &meter);
        let killing = kill_in_the_middle(&mut network.backbone.proxies, place, &meter, direction);
        tokio::try_join!(moving, killing).map(|((), killed)| killed)
    };
    let outcome = tokio::select! {
        killed = work => killed,
        () = meter.stuck(limit) => Err(Error::Stalled { direction: direction.name(), bytes: meter.total(), limit }),
        () = progress::show(direction.name(), &meter) => unreachable!("progress is shown for ever"),
    };
    progress::finish(direction.name(), &meter);
    Ok(Transfer::of(direction.name(), &meter, outcome?))
}

/// Kills the proxy that carried the first half, once that half is there.
async fn kill_in_the_middle(
    proxies: &mut crate::proxies::Proxies,
    place: &Place,
    meter: &Meter,
    direction: Direction,
) -> Result<Option<String>, Error> {
    if place.args.no_kill {
        return Ok(None);
    }
    meter.reached(1).await;
    let before = proxies.cpu();
    meter.reached(meter.size() / 2).await;
    meter.mark_kill();
    proxies.kill_busiest(place, &before, direction).await.map(Some)
}

fn add_usage(report: &mut Report, before: &UsageTable, after: &UsageTable) {
    for (name, usage) in after {
        let earlier = before.get(name).copied().unwrap_or_default();
        report.add_usage(name, usage.cpu.saturating_sub(earlier.cpu), usage.peak_memory);
    }
}
