use super::*;
use crate::{Closed, PacketConn};
use bytes::Bytes;
use futures_util::task::noop_waker_ref;
use proptest::prelude::*;
use std::sync::atomic::AtomicUsize;
use std::task::{Poll, Wake};

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counter {
    fn new() -> (Arc<Self>, Waker) {
        let counter = Arc::new(Self::default());
        (counter.clone(), counter.into())
    }

    /// How often since the last time.
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

const LIMITS: Limits = Limits { outgoing: 4, incoming: 4, carriers: 2 };

fn cx() -> Context<'static> {
    Context::from_waker(noop_waker_ref())
}

fn packets(count: u8) -> Vec<Bytes> {
    (0..count).map(|n| Bytes::from(vec![n; 10])).collect()
}

fn pop(lane: &Lane, budget: usize) -> (Poll<Result<(), Over>>, usize) {
    let mut got = Vec::new();
    let popped = lane.poll_pop(&cx(), &mut got, budget, |len| len);
    (popped, got.len())
}

/// How many packets are taken out.
fn popped(lane: &Lane, budget: usize) -> usize {
    pop(lane, budget).1
}

/// All events that there are.
fn events(trunk: &mut Trunk) -> Vec<Event> {
    let mut events = Vec::new();
    assert_eq!(trunk.poll_recv(&mut cx(), &mut events).is_pending(), events.is_empty());
    events
}

fn is_empty(lanes: &Lanes) -> bool {
    let inner = lanes.lock();
    inner.events.capacity() == 0
        && inner.incoming == 0
        && inner.places.iter().all(|place| place.outgoing.capacity() == 0)
}

#[test]
fn a_full_queue_drops_and_says_that_it_has_no_room() {
    let (lanes, mut trunk) = Lanes::with_trunk(LIMITS);
    let lane = lanes.open();
    let mut many = packets(9);
    trunk.send(lane.id(), &mut many);
    assert!(many.is_empty());
    assert!(trunk.poll_room(&mut cx(), lane.id()).is_pending());
    assert_eq!(pop(&lane, 25), (Poll::Ready(Ok(())), 2));
    assert_eq!(trunk.poll_room(&mut cx(), lane.id()), Poll::Ready(2));
    assert_eq!(pop(&lane, 5), (Poll::Ready(Ok(())), 1), "at least one, whatever the budget");
    assert_eq!(pop(&lane, 20), (Poll::Ready(Ok(())), 1));
    assert_eq!(pop(&lane, 20).0, Poll::Pending);
}

#[test]
fn each_carrier_has_its_own_packets_and_its_own_room() {
    let (lanes, mut trunk) = Lanes::with_trunk(LIMITS);
    let (a, b) = (lanes.open(), lanes.open());
    trunk.send(a.id(), &mut packets(4));
    assert!(trunk.poll_room(&mut cx(), a.id()).is_pending());
    assert_eq!(trunk.poll_room(&mut cx(), b.id()), Poll::Ready(4));
    assert_eq!(pop(&b, 100).0, Poll::Pending);
    assert_eq!(popped(&a, 100), 4);
}

#[test]
fn one_wake_up_for_a_batch_and_none_for_who_did_not_ask() {
    let (lanes, mut trunk) = Lanes::with_trunk(LIMITS);
    let (a, b) = (lanes.open(), lanes.open());
    events(&mut trunk);
    let ((session, session_waker), (task, task_waker)) = (Counter::new(), Counter::new());
    let session_cx = &mut Context::from_waker(&session_waker);
    assert!(trunk.poll_recv(session_cx, &mut Vec::new()).is_pending());
    assert!(a.poll_push(&cx(), &mut packets(2)).is_ready());
    assert!(a.poll_push(&cx(), &mut packets(2)).is_ready());
    assert_eq!(session.take(), 1, "for events");

    let task_cx = &Context::from_waker(&task_waker);
    assert!(a.poll_pop(task_cx, &mut Vec::new(), 100, |len| len).is_pending());
    trunk.send(b.id(), &mut packets(2));
    assert_eq!(task.take(), 0, "those are another carrier's");
    trunk.send(a.id(), &mut packets(2));
    trunk.send(a.id(), &mut packets(2));
    assert_eq!(task.take(), 1, "for packets");

    assert_eq!(popped(&a, 10), 1);
    assert_eq!(session.take(), 0, "it did not ask for room");
    trunk.send(a.id(), &mut packets(1));
    assert!(trunk.poll_room(session_cx, a.id()).is_pending());
    assert_eq!(popped(&b, 100), 2);
    assert_eq!(session.take(), 0, "it did not ask for room there");
    assert_eq!(popped(&a, 10) + popped(&a, 10), 2);
    assert_eq!(session.take(), 1, "for room");

    assert!(a.poll_over(task_cx).is_pending());
    trunk.send(a.id(), &mut packets(1));
    assert_eq!(task.take(), 0, "it takes nothing now");
}

#[test]
fn a_session_that_takes_nothing_stops_its_carriers_until_it_does() {
    let (lanes, mut trunk) = Lanes::with_trunk(LIMITS);
    let (a, b) = (lanes.open(), lanes.open());
    let (task, waker) = Counter::new();
    let mut many = packets(6);
    assert!(a.poll_push(&Context::from_waker(&waker), &mut many).is_pending());
    assert_eq!(many.len(), 2, "the rest waits in the carrier's hands");
    assert!(b.poll_push(&cx(), &mut packets(1)).is_pending());
    assert_eq!(events(&mut trunk).len(), 2 + 4);
    assert_eq!(task.take(), 1);
    assert!(a.poll_push(&cx(), &mut many).is_ready());
    assert!(lanes.has_delivered(a.id()) && !lanes.has_delivered(b.id()));
}

#[test]
fn one_carrier_too_many_displaces_the_oldest_and_tells_it() {
    let (lanes, mut trunk) = Lanes::with_trunk(LIMITS);
    let (task, waker) = Counter::new();
    let oldest = lanes.open();
    trunk.send(oldest.id(), &mut packets(1));
    assert!(oldest.poll_over(&Context::from_waker(&waker)).is_pending());
    let others = [lanes.open(), lanes.open()];
    assert_eq!(task.take(), 1);
    assert_eq!(pop(&oldest, 10), (Poll::Ready(Err(Over::Displaced)), 0));
    assert_eq!(trunk.poll_room(&mut cx(), oldest.id()), Poll::Ready(0));
    assert!(others.iter().all(|lane| pop(lane, 10).0.is_pending()));
    events(&mut trunk);
    let id = oldest.id();
    drop(oldest);
    assert_eq!(events(&mut trunk), [Event::Ended(id)]);
}

#[test]
fn who_has_not_proven_itself_makes_way() {
    let (lanes, mut trunk) = Lanes::with_trunk(LIMITS);
    let proven = lanes.open();
    trunk.set_proven(proven.id(), true);
    let [stranger, newer] = [lanes.open(), lanes.open()];
    assert_eq!(stranger.poll_over(&cx()), Poll::Ready(Over::Displaced));
    assert!(newer.poll_over(&cx()).is_pending() && proven.poll_over(&cx()).is_pending());
    trunk.set_proven(newer.id(), true);
    let refused = lanes.open();
    assert_eq!(refused.poll_over(&cx()), Poll::Ready(Over::Displaced), "all others are proven");
    assert!(newer.poll_over(&cx()).is_pending() && proven.poll_over(&cx()).is_pending());
    trunk.set_proven(proven.id(), false);
    let taken = lanes.open();
    assert!(taken.poll_over(&cx()).is_pending() && newer.poll_over(&cx()).is_pending());
    assert_eq!(proven.poll_over(&cx()), Poll::Ready(Over::Displaced), "it is in doubt");
}

#[test]
fn a_new_session_has_proof_of_nothing() {
    let (lanes, mut trunk) = Lanes::with_trunk(LIMITS);
    let known = [lanes.open(), lanes.open()];
    known.iter().for_each(|lane| trunk.set_proven(lane.id(), true));
    drop(trunk);
    let _trunk = lanes.begin().expect("the other has ended");
    assert!(lanes.open().poll_over(&cx()).is_pending());
    assert_eq!(known[0].poll_over(&cx()), Poll::Ready(Over::Displaced));
}

fn address(n: u8) -> Option<IpAddr> {
    Some([192, 0, 2, n].into())
}

#[test]
fn a_client_is_where_the_newest_proven_carrier_says() {
    let (lanes, mut trunk) = Lanes::with_trunk(Limits { carriers: 8, ..LIMITS });
    let first = lanes.open_at(address(1));
    assert_eq!(lanes.address(), None, "anybody can say anything");
    trunk.set_proven(first.id(), true);
    assert_eq!(lanes.address(), address(1));
    let [stranger, second, silent] = [address(9), address(2), None].map(|a| lanes.open_at(a));
    trunk.set_proven(first.id(), true);
    assert_eq!(lanes.address(), address(1), "the newer ones have proven nothing");
    trunk.set_proven(second.id(), true);
    assert_eq!(lanes.address(), address(2));
    trunk.set_proven(first.id(), false);
    trunk.set_proven(first.id(), true);
    assert_eq!(lanes.address(), address(2), "it is the older one");
    trunk.set_proven(silent.id(), true);
    assert_eq!(lanes.address(), address(2), "the newest says nothing");
    trunk.set_proven(second.id(), false);
    assert_eq!(lanes.address(), address(1), "the other is in doubt");
    drop((first, second, silent));
    trunk.set_proven(stranger.id(), false);
    assert_eq!(lanes.address(), address(1), "until there is news");
    trunk.close(stranger.id());
    trunk.set_proven(stranger.id(), true);
    assert_eq!(lanes.address(), address(1), "it was over");
}

#[test]
fn a_carrier_that_was_given_up_brings_nothing_more() {
    let (lanes, mut trunk) = Lanes::with_trunk(LIMITS);
    let lane = lanes.open();
    let id = lane.id();
    assert!(lane.poll_push(&cx(), &mut packets(1)).is_ready());
    trunk.close(id);
    assert_eq!(lane.poll_push(&cx(), &mut packets(1)), Poll::Ready(Err(Over::GivenUp)));
    drop(lane);
    let packet = packets(1).remove(0);
    assert_eq!(
        events(&mut trunk),
        [Event::Opened(id), Event::Packet(id, packet), Event::Ended(id)]
    );
}

#[test]
fn who_waits_for_room_is_woken_when_the_carrier_ends() {
    let (lanes, mut trunk) = Lanes::with_trunk(LIMITS);
    let lane = lanes.open();
    let (session, waker) = Counter::new();
    trunk.send(lane.id(), &mut packets(4));
    assert!(trunk.poll_room(&mut Context::from_waker(&waker), lane.id()).is_pending());
    let id = lane.id();
    drop(lane);
    assert_eq!(session.take(), 1);
    assert_eq!(trunk.poll_room(&mut cx(), id), Poll::Ready(0));
    let mut late = packets(1);
    trunk.send(id, &mut late);
    assert!(late.is_empty(), "dropped");
}

#[test]
fn a_new_session_hears_of_the_carriers_that_there_are_and_of_nothing_else() {
    let lanes = Lanes::new(LIMITS);
    let (a, b) = (lanes.open(), lanes.open());
    let mut unheard = packets(3);
    assert!(a.poll_push(&cx(), &mut unheard).is_ready());
    assert!(unheard.is_empty() && is_empty(&lanes), "without a session they are dropped");
    let mut trunk = lanes.begin().expect("there is no session");
    assert!(lanes.begin().is_none(), "it is taken");
    assert_eq!(events(&mut trunk), [Event::Opened(a.id()), Event::Opened(b.id())]);
    let (id, gone) = (a.id(), b.id());
    trunk.close(gone);
    trunk.send(id, &mut packets(2));
    assert!(a.poll_push(&cx(), &mut packets(3)).is_ready());
    drop(trunk);
    assert!(is_empty(&lanes), "what waited is dropped");
    let mut trunk = lanes.begin().expect("it has ended");
    drop(b);
    assert_eq!(events(&mut trunk), [Event::Opened(id)]);
}

#[test]
fn closing_tells_everybody() {
    let (lanes, mut trunk) = Lanes::with_trunk(LIMITS);
    let lane = lanes.open();
    events(&mut trunk);
    let ((session, session_waker), (task, task_waker)) = (Counter::new(), Counter::new());
    assert!(
        trunk.poll_recv(&mut Context::from_waker(&session_waker), &mut Vec::new()).is_pending()
    );
    assert!(lane.poll_over(&Context::from_waker(&task_waker)).is_pending());
    lanes.close();
    assert_eq!((session.take(), task.take()), (1, 1));
    assert_eq!(trunk.poll_recv(&mut cx(), &mut Vec::new()), Poll::Ready(Err(Closed)));
    assert_eq!(pop(&lane, 10), (Poll::Ready(Err(Over::Closed)), 0));
    assert_eq!(lanes.open().poll_over(&cx()), Poll::Ready(Over::Closed));
    assert_eq!(trunk.poll_room(&mut cx(), lane.id()), Poll::Ready(0));
}

#[test]
fn empty_queues_hold_no_memory() {
    let (lanes, mut trunk) = Lanes::with_trunk(LIMITS);
    let lane = lanes.open();
    trunk.send(lane.id(), &mut packets(4));
    assert!(lane.poll_push(&cx(), &mut packets(4)).is_ready());
    assert!(!is_empty(&lanes));
    assert_eq!(popped(&lane, 100), 4);
    events(&mut trunk);
    assert!(is_empty(&lanes));
}

/// What may happen to the lanes of a session.
#[derive(Clone, Copy, Debug)]
enum Op {
    Open,
    Push(usize, u8),
    End(usize),
    GiveUp(usize),
    Take,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        Just(Op::Open),
        (0..8usize, 1..4u8).prop_map(|(carrier, count)| Op::Push(carrier, count)),
        (0..8usize).prop_map(Op::End),
        (0..8usize).prop_map(Op::GiveUp),
        Just(Op::Take),
    ]
}

/// Each carrier's events in the order opened, packets, ended; returns whether each is open at the end.
fn check_order(all: &[Event]) -> std::collections::BTreeMap<CarrierId, bool> {
    let mut carriers = std::collections::BTreeMap::new();
    for event in all {
        match event {
            Event::Opened(id) => assert_eq!(carriers.insert(*id, true), None, "opened once"),
            Event::Packet(id, _) => assert_eq!(carriers.get(id), Some(&true), "while it is open"),
            Event::Ended(id) => assert_eq!(carriers.insert(*id, false), Some(true), "ended once"),
        }
    }
    carriers
}

proptest! {
    /// Whatever happens, the session's view is right, and what waits for it is bounded.
    #[test]
    fn events_are_in_order_complete_and_bounded(ops in prop::collection::vec(op(), 0..200)) {
        let (lanes, mut trunk) = Lanes::with_trunk(LIMITS);
        let (mut open, mut all) = (Vec::<Lane>::new(), Vec::new());
        for op in ops {
            let pick = |index: usize, open: &[Lane]| (!open.is_empty()).then(|| index % open.len());
            match op {
                Op::Open if open.len() < 8 => open.push(lanes.open()),
                Op::Open => {}
                Op::Push(index, count) => if let Some(index) = pick(index, &open) {
                    let _ = open[index].poll_push(&cx(), &mut packets(count));
                },
                Op::End(index) => if let Some(index) = pick(index, &open) {
                    drop(open.remove(index));
                },
                Op::GiveUp(index) => if let Some(index) = pick(index, &open) {
                    trunk.close(open[index].id());
                },
                Op::Take => all.extend(events(&mut trunk)),
            }
            let waiting = lanes.lock().events.len();
            prop_assert!(waiting <= 3 * LIMITS.incoming + 2 * 8, "{}", waiting);
        }
        let ids: Vec<_> = open.iter().map(Lane::id).collect();
        all.extend(events(&mut trunk));
        let seen = check_order(&all);
        let still_open: Vec<_> = seen.iter().filter(|(_, open)| **open).map(|(id, _)| *id).collect();
        prop_assert_eq!(still_open, ids, "the session knows exactly those that there are");
        drop(open);
        all.extend(events(&mut trunk));
        prop_assert!(check_order(&all).values().all(|open| !open));
    }
}
