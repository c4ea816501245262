//! Hand-over, hang-ups and time limits, on a clock that the tests turn.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use snowflake_messages::SessionDescription;
use tokio::time::advance;

use super::*;

fn room(limits: Limits) -> WaitingRoom {
    WaitingRoom::new(limits, CancellationToken::new())
}

fn poll(sid: &str) -> ProxyPollRequest {
    ProxyPollRequest {
        sid: self::sid(sid),
        proxy_type: ProxyType::Standalone,
        nat: NatType::Unrestricted,
        clients: 0,
        accepted_relay_pattern: None,
    }
}

fn sid(text: &str) -> Sid {
    Sid::parse(text.to_owned()).unwrap()
}

fn offer(sdp: &str) -> Arc<Offer> {
    Arc::new(Offer {
        text: SessionDescription::offer(sdp).to_text(),
        nat: NatType::Unknown,
        relay_url: "".into(),
    })
}

fn answer(sdp: &str) -> DescriptionText {
    SessionDescription::answer(sdp).to_text()
}

/// Lets a future run until it waits; it must not be done then.
async fn park<F: Future>(future: &mut Pin<&mut F>) {
    let done = tokio::select! {
        biased;
        _ = future => true,
        () = std::future::ready(()) => false,
    };
    assert!(!done, "it should wait");
}

fn is_empty(room: &WaitingRoom) -> bool {
    let state = room.lock();
    state.pools.len() == 0 && state.sids.is_empty() && state.clients == 0
}

#[tokio::test(start_paused = true)]
async fn offer_and_answer_change_hands() {
    let room = room(Limits::default());
    let proxy = poll("a");
    let mut proxy = pin!(room.wait_for_offer(&proxy));
    park(&mut proxy).await;
    assert_eq!(room.census(), [(ProxyType::Standalone, NatType::Unrestricted)]);
    let mut client = pin!(room.wait_for_answer(offer("o")));
    park(&mut client).await;
    assert_eq!(room.census(), []);
    assert_eq!(proxy.await.unwrap().text, offer("o").text);
    assert!(room.hand_over_answer(&sid("a"), answer("x")).is_some());
    assert!(
        room.hand_over_answer(&sid("a"), answer("y")).is_none(),
        "an answer is handed over at most once"
    );
    assert_eq!(client.await, Ok(answer("x")));
    assert!(is_empty(&room));
}

#[tokio::test(start_paused = true)]
async fn a_proxy_waits_ten_seconds() {
    let room = room(Limits::default());
    let proxy = poll("a");
    let mut proxy = pin!(room.wait_for_offer(&proxy));
    park(&mut proxy).await;
    advance(Duration::from_millis(9_990)).await;
    park(&mut proxy).await;
    advance(Duration::from_millis(20)).await;
    assert!(proxy.await.is_none());
    assert!(is_empty(&room));
}

#[tokio::test(start_paused = true)]
async fn a_client_waits_five_seconds_and_a_later_answer_is_turned_away() {
    let room = room(Limits::default());
    let proxy = poll("a");
    let mut proxy = pin!(room.wait_for_offer(&proxy));
    park(&mut proxy).await;
    let mut client = pin!(room.wait_for_answer(offer("o")));
    park(&mut client).await;
    assert!(proxy.await.is_some());
    advance(Duration::from_millis(4_990)).await;
    park(&mut client).await;
    advance(Duration::from_millis(20)).await;
    assert_eq!(client.await, Err(NoAnswer::TimedOut));
    assert!(room.hand_over_answer(&sid("a"), answer("late")).is_none());
    assert!(is_empty(&room));
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_the_last_instant_counts() {
    let room = room(Limits::default());
    let proxy = poll("a");
    let mut proxy = pin!(room.wait_for_offer(&proxy));
    park(&mut proxy).await;
    let mut client = pin!(room.wait_for_answer(offer("o")));
    park(&mut client).await;
    advance(Duration::from_secs(6)).await;
    // The client's time is up, but it has not been woken yet.
    assert!(room.hand_over_answer(&sid("a"), answer("x")).is_some());
    assert_eq!(client.await, Ok(answer("x")));
}

#[tokio::test(start_paused = true)]
async fn an_offer_in_the_last_instant_counts() {
    let room = room(Limits::default());
    let proxy = poll("a");
    let mut proxy = pin!(room.wait_for_offer(&proxy));
    park(&mut proxy).await;
    advance(Duration::from_secs(11)).await;
    let mut client = pin!(room.wait_for_answer(offer("o")));
    park(&mut client).await;
    assert!(proxy.await.is_some());
}

#[tokio::test(start_paused = true)]
async fn without_proxies_a_client_is_told_at_once() {
    let room = room(Limits::default());
    let before = Instant::now();
    assert_eq!(room.wait_for_answer(offer("o")).await, Err(NoAnswer::NoProxies));
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert!(is_empty(&room));
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_hung_up_is_not_handed_out() {
    let room = room(Limits::default());
    let poll = poll("a");
    {
        let mut proxy = pin!(room.wait_for_offer(&poll));
        park(&mut proxy).await;
    }
    assert!(is_empty(&room));
    assert_eq!(room.wait_for_answer(offer("o")).await, Err(NoAnswer::NoProxies));
}

#[tokio::test(start_paused = true)]
async fn an_offer_to_a_proxy_that_hangs_up_goes_to_the_next() {
    let room = room(Limits::default());
    let (first, second) = (poll("a"), poll("b"));
    let mut first = Box::pin(room.wait_for_offer(&first));
    park(&mut first.as_mut()).await;
    let mut second = pin!(room.wait_for_offer(&second));
    park(&mut second).await;
    let mut client = pin!(room.wait_for_answer(offer("o")));
    park(&mut client).await;
    // The first one has the offer but was never woken to read it.
    drop(first);
    park(&mut client).await;
    assert!(second.await.is_some());
    assert!(room.hand_over_answer(&sid("a"), answer("x")).is_none());
    assert!(room.hand_over_answer(&sid("b"), answer("y")).is_some());
    assert_eq!(client.await, Ok(answer("y")));
    assert!(is_empty(&room));
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_client_that_hung_up_is_turned_away() {
    let room = room(Limits::default());
    let proxy = poll("a");
    let mut proxy = pin!(room.wait_for_offer(&proxy));
    park(&mut proxy).await;
    {
        let mut client = pin!(room.wait_for_answer(offer("o")));
        park(&mut client).await;
    }
    assert!(proxy.await.is_some());
    assert!(room.hand_over_answer(&sid("a"), answer("x")).is_none());
    assert!(is_empty(&room));
}

#[tokio::test(start_paused = true)]
async fn a_session_id_in_use_can_be_neither_taken_nor_deleted() {
    let room = room(Limits::default());
    let (original, copy) = (poll("same"), poll("same"));
    let mut proxy = pin!(room.wait_for_offer(&original));
    park(&mut proxy).await;
    assert!(room.wait_for_offer(&copy).await.is_none(), "told at once");
    assert!(room.hand_over_answer(&sid("same"), answer("x")).is_none(), "nobody asked yet");
    assert_eq!(room.census().len(), 1);

    let mut client = pin!(room.wait_for_answer(offer("o")));
    park(&mut client).await;
    assert!(proxy.await.is_some());
    assert!(room.wait_for_offer(&copy).await.is_none(), "in use until the client is served");
    assert!(room.hand_over_answer(&sid("same"), answer("x")).is_some());
    assert_eq!(client.await, Ok(answer("x")));

    let mut again = pin!(room.wait_for_offer(&copy));
    park(&mut again).await;
    assert_eq!(room.census().len(), 1, "free again");
}

#[tokio::test(start_paused = true)]
async fn a_late_guard_does_not_delete_the_next_owner_of_its_session_id() {
    let room = room(Limits::default());
    let same = poll("same");
    let mut proxy = Box::pin(room.wait_for_offer(&same));
    park(&mut proxy.as_mut()).await;
    let mut client = Box::pin(room.wait_for_answer(offer("1")));
    park(&mut client.as_mut()).await;
    assert!(room.hand_over_answer(&sid("same"), answer("1")).is_some());
    // Both guards of the first exchange are still alive while the id is used anew.
    let mut next_proxy = pin!(room.wait_for_offer(&same));
    park(&mut next_proxy).await;
    let mut next_client = pin!(room.wait_for_answer(offer("2")));
    park(&mut next_client).await;
    drop((proxy, client));
    assert!(next_proxy.await.is_some());
    assert!(room.hand_over_answer(&sid("same"), answer("2")).is_some());
    assert_eq!(next_client.await, Ok(answer("2")));
    assert!(is_empty(&room));
}

#[tokio::test(start_paused = true)]
async fn a_full_room_turns_away_at_once() {
    let room = room(Limits { proxies: 2, clients: 1, ..Limits::default() });
    let polls = [poll("a"), poll("b"), poll("c")];
    let mut first = pin!(room.wait_for_offer(&polls[0]));
    let mut second = pin!(room.wait_for_offer(&polls[1]));
    park(&mut first).await;
    park(&mut second).await;
    assert!(room.wait_for_offer(&polls[2]).await.is_none());

    let mut client = pin!(room.wait_for_answer(offer("1")));
    park(&mut client).await;
    assert_eq!(room.wait_for_answer(offer("2")).await, Err(NoAnswer::NoProxies));
    assert_eq!(room.census().len(), 1, "no proxy was spent on it");
}

#[tokio::test(start_paused = true)]
async fn all_waits_end_when_the_broker_stops() {
    let room = room(Limits::default());
    let polls = [poll("a"), poll("b")];
    let mut busy = pin!(room.wait_for_offer(&polls[0]));
    let mut idle = pin!(room.wait_for_offer(&polls[1]));
    park(&mut busy).await;
    park(&mut idle).await;
    let mut client = pin!(room.wait_for_answer(offer("o")));
    park(&mut client).await;
    room.closing.cancel();
    let before = Instant::now();
    assert!(idle.await.is_none());
    assert_eq!(client.await, Err(NoAnswer::TimedOut));
    assert!(busy.await.is_some(), "what was handed over before is delivered");
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert!(is_empty(&room));
}
