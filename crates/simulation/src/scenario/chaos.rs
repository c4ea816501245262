//! All faults, in any order.

use super::Fault;
use crate::{Check, Client, ENDLESS, Failure, Line, Offer, Transfer, Ways, World};
use snowflake_netsim::Rng;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Bytes that a session and its peer may hold together, the simulated carriers included.
const BYTES: usize = 12 * 1024 * 1024;

/// Ends of carriers that may be held at one time: the wanted three, as many under suspicion, surplus, on their way out.
const ENDS: usize = 32;

/// What there was in one run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chaos {
    /// Faults.
    pub faults: usize,
    /// The longest time until data moved again in both directions.
    pub longest: Duration,
    /// The mean of these times.
    pub mean: Duration,
    /// The most bytes that were allocated, less those at the start.
    pub bytes: usize,
    /// Bytes that arrived.
    pub moved: u64,
    /// The part of received data segments that was repeated.
    pub repeated: f64,
}

/// Faults of all kinds at random times in a session with one to three carriers of any kind, for `time`.
///
/// `silences` are the directions of carriers that fall silent; `memory` says how many bytes are allocated.
///
/// # Errors
///
/// [`Check::Stall`] if after some fault nothing moves in one direction for `bound`; [`Check::Memory`] and
/// [`Check::Carriers`] if too much is held; and whatever is checked all the time.
pub async fn chaos(
    world: &World,
    time: Duration,
    bound: Duration,
    silences: &'static [Ways],
    memory: impl Fn() -> usize,
) -> Result<Chaos, Failure> {
    let (mut rng, began, before) = (world.rng(), Instant::now(), memory());
    let client = world.client(1 + rng.below(3) as usize, move |_, rng| any_offer(rng, silences));
    let transfer = client.transfer(ENDLESS, ENDLESS)?;
    let (mut seen, mut all) = (Chaos::default(), Duration::ZERO);
    while began.elapsed() < time {
        sleep(Duration::from_millis(rng.below(20_000))).await;
        strike(&client, &mut rng, silences);
        let took = progress(world, &transfer, bound).await?;
        seen.faults += 1;
        all += took;
        seen.longest = seen.longest.max(took);
        seen.bytes = seen.bytes.max(memory().saturating_sub(before));
        world.expect(Check::Memory, seen.bytes <= BYTES, || format!("{seen:?}"))?;
        let ends = client.volunteers().ends_held();
        world.expect(Check::Carriers, ends <= ENDS, || format!("{ends} ends are held"))?;
    }
    seen.mean = all / seen.faults as u32;
    seen.moved = transfer.up.bytes() + transfer.down.bytes();
    seen.repeated = client.received().repeated_part();
    Ok(seen)
}

/// Three of ten dials fail, one in twenty gives a carrier that is silent from the start.
fn any_offer(rng: &mut Rng, silences: &[Ways]) -> Offer {
    let round_trip = Duration::from_millis(10 + rng.below(300));
    let line = Line::mbit(0.5 + rng.below(80) as f64 / 10.0).round_trip(round_trip);
    let line = if rng.chance(0.5) { line.fits(Duration::from_secs(2)) } else { line };
    let offer = Offer::new(line).takes(Duration::from_millis(100 + rng.below(2_000)));
    if rng.chance(0.3) {
        offer.fails()
    } else if rng.chance(0.07) {
        offer.silent(any(silences, rng))
    } else {
        offer
    }
}

fn any(silences: &[Ways], rng: &mut Rng) -> Ways {
    silences[rng.below(silences.len() as u64) as usize]
}

/// One fault in some carrier, in all, or in the whole network.
fn strike(client: &Client, rng: &mut Rng, silences: &[Ways]) {
    let links = client.volunteers().links();
    let time = Duration::from_millis(rng.below(15_000));
    let fault = match rng.below(5) {
        0 => Fault::Closed,
        1 => Fault::Broken,
        2 => Fault::Silent(any(silences, rng)),
        3 => Fault::Frozen(time),
        _ => return client.volunteers().pause(time / 2),
    };
    let strikes_all = rng.chance(0.2);
    let chosen = rng.below(links.len() as u64) as usize;
    for (number, link) in links.iter().enumerate() {
        if strikes_all || number == chosen {
            fault.strike(link);
        }
    }
    if rng.chance(0.2) {
        links.iter().for_each(|link| link.scale_rate(0.3 + rng.below(20) as f64 / 10.0));
    }
}

/// Waits until data has moved in both directions; returns how long that took.
async fn progress(
    world: &World,
    transfer: &Transfer,
    bound: Duration,
) -> Result<Duration, Failure> {
    let (began, up, down) = (Instant::now(), transfer.up.bytes(), transfer.down.bytes());
    let marks = [(&transfer.up, up), (&transfer.down, down)];
    while marks.iter().any(|(meter, before)| meter.bytes() == *before) {
        world.expect(Check::Stall, began.elapsed() < bound, || {
            format!(
                "up {} after {up} bytes, down {} after {down}",
                transfer.up.bytes(),
                transfer.down.bytes()
            )
        })?;
        sleep(Duration::from_millis(100)).await;
    }
    Ok(began.elapsed())
}
