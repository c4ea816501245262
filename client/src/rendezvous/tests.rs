//! What several ways make of one offer, with a paused clock.

use super::*;
use crate::ClientConfig;
use crate::nat::Nat;
use snowflake_messages::refusal::NO_PROXIES;
use snowflake_rendezvous::{Exchanging, Rendezvous, RendezvousError};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A way with a broker of this name, which answers as its name says, and writes down that it was asked.
#[derive(Debug)]
struct Scripted {
    name: &'static str,
    broker: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Rendezvous for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    fn broker(&self) -> &str {
        &self.broker
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(if self.name == "slow" { 15 } else { 6 })
    }

    fn exchange(&self, poll: Poll) -> Exchanging<'_> {
        Box::pin(async move {
            let message = poll.message().await;
            let poll = ClientPollRequest::decode(&message).unwrap();
            self.asked.lock().unwrap().push(format!("{} {}", self.name, poll.nat));
            if self.name == "slow" {
                sleep(Duration::from_secs(12)).await;
            }
            let response = match self.name {
                "fails" => return Err(RendezvousError::Method("as planned".into())),
                "refuses" => ClientPollResponse::Error(NO_PROXIES.to_owned()),
                _ => ClientPollResponse::Answer(poll.offer),
            };
            Ok(response.encode().into())
        })
    }
}

/// A way that nobody will go.
pub(super) fn way(name: &'static str, broker: &str) -> Way {
    scripted(name, broker, Arc::default())
}

fn scripted(name: &'static str, broker: &str, asked: Arc<Mutex<Vec<String>>>) -> Way {
    Way::new(Arc::new(Scripted { name, broker: broker.to_owned(), asked }), &[])
}

fn settings() -> Settings {
    let methods = vec![Method::http("http://b.example/", &[]).unwrap()];
    let config = ClientConfig { methods, ..ClientConfig::default() };
    Settings::new(&config, Winners::default()).unwrap()
}

/// What comes of these ways, and who was asked.
async fn ask(settings: &mut Settings, ways: &[(&'static str, &str)]) -> (String, Vec<String>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ways = ways.iter().map(|(name, broker)| scripted(name, broker, asked.clone()));
    settings.ways = ways.collect();
    let policy = Policy::new(Nat::default());
    let result = exchange(settings, &policy, policy.claim(), "v=0\r\n").await;
    let result = match result {
        Ok(_) => "answer".to_owned(),
        Err(error) => Chain(&error).to_string(),
    };
    let asked = asked.lock().unwrap().clone();
    (result, asked)
}

#[tokio::test(start_paused = true)]
async fn the_first_way_that_works_is_asked_first_from_then_on() {
    let mut settings = settings();
    let ways = [("fails", "a"), ("works", "b"), ("works too", "c")];
    let (result, asked) = ask(&mut settings, &ways).await;
    assert_eq!(result, "answer");
    assert_eq!(asked, ["fails unrestricted", "works unrestricted"]);
    let (_, asked) = ask(&mut settings, &ways).await;
    assert_eq!(asked, ["works unrestricted"]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_sends_us_to_other_brokers_only() {
    let mut settings = settings();
    let ways = [("refuses", "a"), ("works", "a"), ("works too", "b")];
    let (result, asked) = ask(&mut settings, &ways).await;
    assert_eq!(result, "answer");
    assert_eq!(asked, ["refuses unrestricted", "works too unrestricted"]);
    let (result, asked) = ask(&mut settings, &[("refuses", "c"), ("works", "c")]).await;
    assert_eq!((result.as_str(), asked.len()), (NO_PROXIES, 1));
}

#[tokio::test(start_paused = true)]
async fn when_nobody_works_the_last_error_is_told() {
    let mut settings = settings();
    let (result, asked) = ask(&mut settings, &[("fails", "a"), ("fails", "b")]).await;
    assert_eq!((result.as_str(), asked.len()), ("asking the rendezvous by fails: as planned", 2));
    let (result, _) = ask(&mut settings, &[]).await;
    assert_eq!(result, "no rendezvous method");
}

/// As long as a queue takes, which is longer than a broker that is asked directly.
#[tokio::test(start_paused = true)]
async fn a_way_that_is_slow_by_nature_is_asked_alone() {
    let start = Instant::now();
    let (result, asked) = ask(&mut settings(), &[("slow", "a"), ("works", "b")]).await;
    assert_eq!((result.as_str(), start.elapsed().as_secs()), ("answer", 12));
    assert_eq!(asked, ["slow unrestricted"], "the offer is answered once");
}
