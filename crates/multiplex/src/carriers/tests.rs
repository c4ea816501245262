use super::*;
use crate::config::QUIET;
use proptest::prelude::*;
use snowflake_netsim::epoch;

fn at(ms: u64) -> Instant {
    epoch() + Duration::from_millis(ms)
}

fn orders(carriers: &mut Carriers) -> Vec<Order> {
    std::iter::from_fn(|| carriers.poll_order()).collect()
}

fn client(wanted: usize) -> Carriers {
    Carriers::new(Config { wanted, ..Config::client() })
}

fn answer(delivered: usize, round_trip: u64) -> Settled {
    let round_trip = Some(Duration::from_millis(round_trip));
    Settled { delivered, answered: round_trip, round_trip, ..Settled::default() }
}

/// Advances to `until`, answering nothing, and collects the orders.
fn wait(carriers: &mut Carriers, until: u64) -> Vec<Order> {
    let mut all = orders(carriers);
    while let Some(due) = carriers.poll_timeout().filter(|due| *due <= at(until)) {
        carriers.handle_timeout(due);
        all.extend(orders(carriers));
    }
    all
}

/// Carriers 1 to `count`, all trusted.
fn working(wanted: usize, count: u32) -> Carriers {
    let mut carriers = client(wanted);
    for id in 1..=count {
        carriers.opened(at(0), id);
        carriers.settled(at(0), id, answer(0, 50));
    }
    orders(&mut carriers);
    carriers
}

#[test]
fn the_session_says_how_many_carriers_it_misses() {
    let mut carriers = client(2);
    assert_eq!(carriers.missing(), 2);
    carriers.opened(at(0), 1);
    carriers.opened(at(0), 2);
    assert_eq!(carriers.missing(), 0);
    carriers.ended(at(10), 1);
    assert_eq!(carriers.missing(), 1);
    assert_eq!(Carriers::new(Config::server()).missing(), 0);
}

#[test]
fn a_new_carrier_proves_itself_before_it_gets_data_that_another_can_take() {
    let mut carriers = working(2, 1);
    carriers.opened(at(0), 2);
    assert_eq!(orders(&mut carriers), [Order::Probe(2)]);
    assert_eq!(carriers.pick(at(0), |_| 9).map(|grant| grant.carrier), Some(1));
    carriers.settled(at(60), 2, answer(0, 40));
    assert_eq!(orders(&mut carriers), [Order::Trust(2)]);
    assert_eq!(carriers.pick(at(0), |_| 9).map(|grant| grant.carrier), Some(2), "it is quicker");
}

#[test]
fn what_a_suspect_holds_goes_to_another_at_once() {
    let mut carriers = working(2, 2);
    carriers.sent(at(0), 1, 1376);
    let orders = wait(&mut carriers, 1000);
    assert!(orders.contains(&Order::Resend(1)) && !orders.contains(&Order::Close(1)), "{orders:?}");
    assert!(orders.contains(&Order::Doubt(1)) && !orders.contains(&Order::Doubt(2)), "{orders:?}");
    assert_eq!(carriers.missing(), 1);
    assert_eq!(carriers.pick(at(0), |_| 9).map(|grant| grant.carrier), Some(2));
    assert_eq!(
        carriers.pick(at(0), |id| if id == 2 { 0 } else { 9 }),
        None,
        "a suspect gets nothing"
    );
}

#[test]
fn without_another_carrier_it_waits_for_one() {
    let mut carriers = working(1, 1);
    carriers.sent(at(0), 1, 1376);
    assert!(!wait(&mut carriers, 1000).contains(&Order::Resend(1)));
    assert_eq!((carriers.missing(), carriers.pick(at(0), |_| 9)), (1, None));
    carriers.opened(at(1500), 2);
    assert_eq!(orders(&mut carriers), [Order::Probe(2), Order::Resend(1)]);
}

#[test]
fn a_carrier_that_comes_back_is_taken_back() {
    let mut carriers = working(1, 1);
    carriers.sent(at(0), 1, 1376);
    wait(&mut carriers, 5000);
    assert_eq!(carriers.missing(), 1);
    carriers.settled(at(5000), 1, answer(0, 50));
    assert_eq!(carriers.missing(), 0);
    assert_eq!(carriers.pick(at(0), |_| 9).map(|grant| grant.carrier), Some(1));
    let orders = orders(&mut carriers);
    assert!(orders.contains(&Order::Trust(1)) && !orders.contains(&Order::Resend(1)), "{orders:?}");
}

#[test]
fn a_pause_of_the_whole_network_costs_no_carrier() {
    let mut carriers = working(2, 2);
    carriers.sent(at(0), 1, 1376);
    carriers.sent(at(0), 2, 1376);
    let orders = wait(&mut carriers, 5000);
    assert!(!orders.iter().any(|order| matches!(order, Order::Close(_))), "{orders:?}");
    carriers.settled(at(5000), 1, answer(1376, 400));
    carriers.settled(at(5001), 2, answer(1376, 400));
    let orders = wait(&mut carriers, 6000);
    assert!(!orders.iter().any(|order| matches!(order, Order::Close(_))), "{orders:?}");
}

#[test]
fn after_a_long_pause_the_first_to_come_back_does_not_end_the_others() {
    let mut carriers = working(2, 2);
    carriers.sent(at(0), 1, 1376);
    carriers.sent(at(0), 2, 1376);
    wait(&mut carriers, 9000);
    carriers.settled(at(9000), 1, answer(1376, 400));
    let end = 9000 + SUSPECT_LIFE.as_millis() as u64;
    for ms in (9000..end).step_by(50) {
        carriers.heard(at(ms), 1);
        let orders = wait(&mut carriers, ms);
        assert!(!orders.contains(&Order::Close(2)), "at {ms}: {orders:?}");
    }
    assert!(wait(&mut carriers, end).contains(&Order::Close(2)), "it had time enough");
}

#[test]
fn a_suspect_is_given_up_when_another_works_and_at_last_in_any_case() {
    for (count, life) in [(2, SUSPECT_LIFE), (1, SILENT_LIFE)] {
        let mut carriers = working(1, count);
        carriers.sent(at(0), 1, 1376);
        // Three proof times: the round trip of 50 ms, four times its half, and 60 ms.
        let suspected = 3 * 210;
        let life = life.as_millis() as u64;
        let alive = |carriers: &Carriers| carriers.states().any(|(id, ..)| id == 1);
        for ms in (0..suspected + life).step_by(10) {
            carriers.heard(at(ms), 2);
            carriers.heard(at(ms), 3);
            wait(&mut carriers, ms);
        }
        assert!(alive(&carriers), "{count}");
        assert!(wait(&mut carriers, suspected + life).contains(&Order::Close(1)));
        assert!(!alive(&carriers));
    }
}

#[test]
fn one_that_works_makes_those_suspect_that_owe_a_proof() {
    let mut carriers = Carriers::new(Config::server());
    carriers.opened(at(0), 1);
    carriers.settled(at(0), 1, answer(0, 50));
    carriers.sent(at(0), 1, 1376);
    wait(&mut carriers, 250);
    carriers.opened(at(300), 2);
    carriers.heard(at(300), 2);
    assert!(orders(&mut carriers).contains(&Order::Resend(1)));
}

#[test]
fn too_many_carriers_are_kept_for_a_while() {
    let mut carriers = working(1, 2);
    carriers.sent(at(0), 2, 50_000);
    carriers.settled(at(50), 2, answer(50_000, 50));
    let mut closed = Vec::new();
    for ms in (100..6_000).step_by(100) {
        carriers.heard(at(ms), 1);
        carriers.heard(at(ms), 2);
        let orders = wait(&mut carriers, ms);
        closed.extend(
            orders
                .into_iter()
                .filter(|order| matches!(order, Order::Close(_)))
                .map(|order| (ms, order)),
        );
    }
    assert_eq!(closed, [(5_000, Order::Close(1))], "it delivered less");
}

#[test]
fn of_too_many_the_one_that_is_not_heard_goes_first() {
    let mut carriers = working(1, 2);
    carriers.sent(at(0), 1, 50_000);
    carriers.settled(at(50), 1, answer(50_000, 50));
    let mut closed = Vec::new();
    for ms in (100..6_000).step_by(100) {
        // Over 1 the peer is reached, but all it says comes through 2.
        carriers.sent(at(ms), 1, 1376);
        carriers.settled(at(ms), 1, answer(1376, 50));
        carriers.heard(at(ms), 2);
        let orders = wait(&mut carriers, ms);
        closed.extend(orders.into_iter().filter(|order| matches!(order, Order::Close(_))));
    }
    assert_eq!(closed, [Order::Close(1)]);
}

#[test]
fn control_packets_go_over_anything_rather_than_not_at_all() {
    let mut carriers = working(1, 1);
    carriers.sent(at(0), 1, 1376);
    wait(&mut carriers, 1000);
    assert_eq!(carriers.pick_for_control(|_| 9), Some(1));
    carriers.opened(at(1000), 2);
    assert_eq!(carriers.pick_for_control(|_| 9), Some(2));
    assert_eq!(carriers.pick_for_control(|_| 0), None);
}

#[test]
fn control_packets_go_over_what_is_known_to_be_quick() {
    let mut carriers = working(2, 1);
    carriers.opened(at(0), 0);
    carriers.heard(at(0), 0);
    assert_eq!(carriers.pick_for_control(|_| 9), Some(1), "0 may be slow");
    carriers.settled(at(0), 0, answer(0, 49));
    assert_eq!(carriers.pick_for_control(|_| 9), Some(0));
}

#[test]
fn acknowledgements_do_not_go_where_nothing_comes_from_any_more() {
    let mut carriers = Carriers::new(Config::server());
    for (id, round_trip) in [(1, 50), (2, 90)] {
        carriers.opened(at(0), id);
        carriers.settled(at(0), id, answer(0, round_trip));
    }
    for ms in (0..1000).step_by(10) {
        carriers.heard(at(ms), 1);
        carriers.heard(at(ms), 2);
        assert_eq!(carriers.pick_for_control(|_| 9), Some(1), "the quicker");
    }
    for ms in (1000..2000).step_by(10) {
        carriers.heard(at(ms), 2);
        let expected = if ms <= 990 + QUIET.as_millis() as u64 { 1 } else { 2 };
        assert_eq!(carriers.pick_for_control(|_| 9), Some(expected), "{ms}");
    }
    assert_eq!(carriers.poll_timeout(), None, "it expects nothing of either");
}

proptest! {
    /// Whatever happens, nothing is granted to a suspect or beyond the window, and every deadline lies ahead.
    #[test]
    fn any_order_of_events_is_survived(events in prop::collection::vec((0u8..7, 1u32..5, 0usize..20_000), 1..300)) {
        let mut carriers = client(2);
        let mut now = epoch();
        for (event, id, n) in events {
            match event {
                0 if carriers.states().all(|(known, ..)| known != id) => carriers.opened(now, id),
                0 | 1 => carriers.ended(now, id),
                2 => carriers.heard(now, id),
                3 => carriers.sent(now, id, n),
                4 => carriers.settled(now, id, answer(n, n as u64 % 500)),
                5 => carriers.settled(now, id, Settled { withdrawn: n, ..Settled::default() }),
                _ => {
                    now += Duration::from_millis(n as u64);
                    carriers.handle_timeout(now);
                }
            }
            while let Some(order) = carriers.poll_order() {
                if let Order::Probe(id) = order {
                    carriers.probed(now, id);
                }
            }
            let grant = carriers.pick(now, |_| 1);
            let suspect = |id| carriers.states().any(|(known, state, _)| known == id && state == State::Suspect);
            prop_assert!(grant.is_none_or(|grant| grant.bytes > 0 && !suspect(grant.carrier)));
            if event > 5 {
                prop_assert!(carriers.poll_timeout().is_none_or(|due| due > now));
            }
        }
    }
}
