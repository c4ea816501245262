//! Many clients on one server.

use super::quantile;
use crate::{Check, Client, ENDLESS, Failure, Line, Offer, Purpose, World};
use futures_util::future::{select_all, try_join_all};
use snowflake_netsim::Rng;
use std::time::Duration;
use tokio::time::sleep;

/// Clients whose carriers come and go.
const CLIENTS: usize = 12;

/// How long it lasts.
const TIME: Duration = Duration::from_secs(60);

/// How long nearly all answers to somebody who asks little may take, however much others send: the round trip of 50 ms,
/// the 20 ms for which each end may collect acknowledgements, and some computing.
const ANSWER: Duration = Duration::from_millis(150);

/// Twelve clients whose carriers die all the time, one that uploads as fast as a line of 40 Mbit/s lets it, and one that
/// asks a question now and then: nobody gets what is another's, and the questions are answered soon.
///
/// Returns how long 95 of 100 answers took at the most.
///
/// # Errors
///
/// [`Check::Fairness`] and whatever is checked all the time.
pub async fn crowd(world: &World) -> Result<Duration, Failure> {
    let line = Line::mbit(40.0).round_trip(Duration::from_millis(50));
    let (uploader, asker) = (
        world.client(1, move |_, _| Offer::new(line)),
        world.client(1, move |_, _| Offer::new(line)),
    );
    let _upload = uploader.transfer(ENDLESS, 0)?;
    let questions = asker.start(Purpose::Questions { pause: Duration::from_millis(200) })?;
    let clients: Vec<_> = (0..CLIENTS).map(|number| member(world, number)).collect();
    let churning = clients.iter().map(|(client, rng)| Box::pin(churn(client, rng.clone())));
    let working = try_join_all(clients.iter().map(|(client, rng)| work(client, rng.clone())));
    tokio::select! {
        _ = select_all(churning) => {}
        worked = working => { worked?; }
        () = sleep(TIME) => {}
    }
    let answers = questions.answers();
    let most = quantile(&answers, 0.95);
    world.expect(Check::Fairness, answers.len() > 100 && most <= ANSWER, || {
        format!(
            "{} answers, 95 % within {most:?}, to one client while another sends",
            answers.len()
        )
    })?;
    Ok(most)
}

fn member(world: &World, number: usize) -> (Client, Rng) {
    let client = world.client(1 + number % 2, |_, rng| {
        let round_trip = Duration::from_millis(10 + rng.below(150));
        let line = Line::mbit(1.0 + rng.below(30) as f64 / 10.0).round_trip(round_trip);
        Offer::new(line).takes(Duration::from_millis(100 + rng.below(400)))
    });
    (client, world.rng())
}

/// Transfers of some hundred kilobytes, one after another.
async fn work(client: &Client, mut rng: Rng) -> Result<(), Failure> {
    loop {
        client.transfer(rng.below(200_000), rng.below(400_000))?.finished().await;
    }
}

/// Ends some carrier every few seconds.
async fn churn(client: &Client, mut rng: Rng) {
    loop {
        sleep(Duration::from_millis(3_000 + rng.below(9_000))).await;
        let links = client.volunteers().links();
        if let Some(link) = links.get(rng.below(links.len() as u64) as usize) {
            link.kill(rng.chance(0.5));
        }
    }
}
