//! Streams of one session share it, and a small one does not wait for the large ones.

use snowflake_simulation::scenario::quantile;
use snowflake_simulation::{Check, ENDLESS, Line, Offer, Purpose, World, for_seeds};
use std::time::Duration;
use tokio::time::sleep;

const STREAMS: usize = 4;
const TIME: Duration = Duration::from_secs(20);

/// How far a stream may be below its share.
const SHARE: f64 = 0.8;

/// What an answer may take beside downloads: the round trip, and what stands in the queue of the carrier.
const ANSWER: Duration = Duration::from_millis(250);

#[test]
fn streams_share_a_session() {
    for_seeds(3, async |world: &World| {
        let line = Line::mbit(8.0).round_trip(Duration::from_millis(20 + world.rng().below(60)));
        let client = world.client(1, move |_, _| Offer::new(line));
        let downloads: Result<Vec<_>, _> =
            (0..STREAMS).map(|_| client.transfer(0, ENDLESS)).collect();
        let downloads = downloads?;
        let questions = client.start(Purpose::Questions { pause: Duration::from_millis(100) })?;
        sleep(Duration::from_secs(5)).await;
        let (early, before) = (
            questions.answers().len(),
            downloads.iter().map(|d| d.down.bytes()).collect::<Vec<_>>(),
        );
        sleep(TIME).await;
        let brought =
            downloads.iter().zip(before).map(|(d, before)| (d.down.bytes() - before) as f64);
        let brought: Vec<_> = brought.collect();
        let mean = brought.iter().sum::<f64>() / STREAMS as f64;
        let least = brought.iter().copied().fold(f64::INFINITY, f64::min) / mean;
        let answer = quantile(&questions.answers()[early..], 0.95);
        println!("least share {least:.3}, answers beside the downloads within {answer:?}");
        world.expect(Check::Fairness, least >= SHARE, || format!("{brought:?}"))?;
        world.expect(Check::Fairness, answer <= ANSWER, || format!("answers take {answer:?}"))
    });
}
