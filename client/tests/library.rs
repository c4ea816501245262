//! The client as a library, with a rendezvous that has no proxy: what a program is told, and what it leaves behind.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use snowflake_client::{
    AttemptError, Client, ClientConfig, DialError, Event, EventStream, Exchanging, Imitation,
    Method, Poll, Rendezvous, Shared,
};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Generous: nothing here takes more than some seconds on an idle machine.
const LIMIT: Duration = Duration::from_secs(60);

const NO_PROXIES: &str = "no snowflake proxies currently available";

/// Says that there is no proxy, and how often it was asked.
#[derive(Clone, Debug, Default)]
struct Refuses(Arc<AtomicUsize>);

impl Rendezvous for Refuses {
    fn name(&self) -> &str {
        "refuses"
    }

    fn broker(&self) -> &str {
        "nobody"
    }

    fn exchange(&self, poll: Poll) -> Exchanging<'_> {
        Box::pin(async move {
            poll.message().await;
            self.0.fetch_add(1, SeqCst);
            Ok(format!("{{\"error\":\"{NO_PROXIES}\"}}").into())
        })
    }
}

/// Never answers.
#[derive(Debug)]
struct Silent;

impl Rendezvous for Silent {
    fn name(&self) -> &str {
        "silent"
    }

    fn broker(&self) -> &str {
        "nobody"
    }

    fn exchange(&self, poll: Poll) -> Exchanging<'_> {
        Box::pin(async move {
            poll.message().await;
            std::future::pending().await
        })
    }
}

fn config(rendezvous: impl Rendezvous + 'static) -> ClientConfig {
    let methods = vec![Method::own(rendezvous)];
    ClientConfig { methods, keep_local_addresses: true, ..ClientConfig::default() }
}

async fn next(events: &mut EventStream) -> Option<Event> {
    timeout(LIMIT, events.next()).await.unwrap()
}

async fn text(events: &mut EventStream) -> String {
    next(events).await.unwrap().to_string()
}

/// Waits until nothing runs beside the test.
async fn nothing_is_left() {
    let alone = async {
        while Handle::current().metrics().num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, alone).await.unwrap();
}

#[tokio::test]
async fn a_dial_that_finds_nobody_says_why_and_leaves_nothing() {
    let rendezvous = Refuses::default();
    let limit = Duration::from_secs(3);
    let client =
        Client::new(ClientConfig { dial_limit: limit, ..config(rendezvous.clone()) }).unwrap();
    let mut events = client.events();
    let error = timeout(LIMIT, client.dial()).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "no proxy within 3s");
    assert_eq!(error.source().unwrap().to_string(), NO_PROXIES);
    let DialError::NoProxy { last: Some(last), .. } = error else { panic!("{error:?}") };
    assert!(matches!(&*last, AttemptError::Refused(why) if why == NO_PROXIES), "{last:?}");
    assert!(rendezvous.0.load(SeqCst) >= 2, "it has tried again");

    let refused = format!("broker failure {NO_PROXIES}");
    let connecting = "WebRTC: Collecting a new Snowflake. Currently at [0/1]";
    for expected in [connecting, "offer created", &refused] {
        assert_eq!(text(&mut events).await, expected);
    }
    drop((client, last));
    while next(&mut events).await.is_some() {}
    nothing_is_left().await;
}

/// Wherever it stands: before the offer, and while a broker is asked.
#[tokio::test]
async fn a_connection_that_is_dropped_leaves_nothing() {
    let client = Client::new(config(Silent)).unwrap();
    let mut events = client.events();
    drop(client.open().unwrap());
    nothing_is_left().await;
    let connection = client.open().unwrap();
    while !matches!(next(&mut events).await, Some(Event::OfferCreated)) {}
    assert_eq!((connection.proxies(), connection.last_failure().is_some()), (0, false));
    drop(connection);
    nothing_is_left().await;
    let closed = client.open().unwrap();
    timeout(LIMIT, closed.close()).await.unwrap();
    drop(client);
    while next(&mut events).await.is_some() {}
    nothing_is_left().await;
}

#[tokio::test]
async fn clients_that_share_tell_the_same_readers_and_say_once_what_is_said_once() {
    let shared = Shared::default();
    let mut events = shared.events();
    let imitation = Imitation { tls: Some("hellofirefox_auto".to_owned()), dtls: None };
    let clients = [(); 2].map(|()| {
        let config = ClientConfig { imitation: imitation.clone(), ..config(Refuses::default()) };
        Client::sharing(config, &shared).unwrap()
    });
    assert!(events.next().now_or_never().is_none(), "nothing happens before somebody dials");
    let _connections = clients.map(|client| client.open().unwrap());
    let (mut offers, mut said) = (0, 0);
    while offers < 2 {
        match next(&mut events).await.unwrap() {
            Event::OfferCreated => offers += 1,
            Event::NoEffect(what) => {
                assert!(what.starts_with("utls-imitate=hellofirefox_auto has no effect"), "{what}");
                said += 1;
            }
            _ => {}
        }
    }
    assert_eq!(said, 1);
}
