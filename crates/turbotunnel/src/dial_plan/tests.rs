use super::*;
use proptest::prelude::*;

const HOUR: Duration = Duration::from_secs(3600);
/// Go's client polls the broker every 10 s while it finds no proxy.
const GO_POLLS_PER_HOUR: usize = 360;
/// In the middle: pauses as they are without jitter.
const NO_JITTER: u32 = u32::MAX / 2;

#[expect(clippy::disallowed_methods, reason = "the base of the virtual clock")]
fn start() -> Instant {
    Instant::now()
}

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn millis(a: Instant, b: Instant) -> u128 {
    (b - a).as_millis()
}

fn missing(carriers: usize) -> DialPlan {
    let mut plan = DialPlan::new();
    plan.set_missing(carriers);
    plan
}

/// The dial that begins at `now`.
#[track_caller]
fn dial(plan: &mut DialPlan, now: Instant) -> DialId {
    match plan.poll(now) {
        Step::Dial(id) => id,
        other => panic!("a dial and not {other:?}"),
    }
}

/// How long the plan waits, in milliseconds.
#[track_caller]
fn wait(plan: &mut DialPlan, now: Instant) -> Option<u128> {
    match plan.poll(now) {
        Step::Wait(until) => until.map(|until| millis(now, until)),
        other => panic!("a pause and not {other:?}"),
    }
}

#[test]
fn nothing_is_dialed_unless_something_is_missing_and_then_at_once() {
    let (mut plan, now) = (missing(0), start());
    assert_eq!(wait(&mut plan, now), None);
    plan.set_missing(1);
    let id = dial(&mut plan, now);
    assert!(plan.opened(id, now));
    assert_eq!(wait(&mut plan, now), None);
}

#[test]
fn as_many_are_dialed_at_once_as_are_missing_and_no_more_than_three() {
    for (carriers, at_once) in [(1, 1), (2, 2), (3, 3), (4, 3)] {
        let (mut plan, now) = (missing(carriers), start());
        let ids: Vec<_> = (0..at_once).map(|_| dial(&mut plan, now)).collect();
        assert!(!matches!(plan.poll(now), Step::Dial(_)), "{carriers} missing");
        ids.into_iter().for_each(|id| assert!(plan.opened(id, now)));
        assert_eq!(plan.missing, carriers - at_once);
    }
}

#[test]
fn after_a_failure_even_what_is_missing_is_dialed_one_by_one() {
    let (mut plan, now) = (missing(2), start());
    let both = [dial(&mut plan, now), dial(&mut plan, now)];
    both.into_iter().for_each(|id| plan.failed(id, NO_JITTER));
    let pause = wait(&mut plan, now).expect("a pause");
    let later = now + Duration::from_millis(pause as u64 + 1);
    dial(&mut plan, later);
    assert_eq!(wait(&mut plan, later), Some(pause));
}

#[test]
fn dials_that_were_under_way_together_fail_as_one() {
    let (mut plan, now) = (missing(3), start());
    let all = [0; 3].map(|_| dial(&mut plan, now));
    all.into_iter().for_each(|id| plan.failed(id, NO_JITTER));
    assert_eq!(wait(&mut plan, now), Some(1000));
    let later = now + secs(1.001);
    let next = dial(&mut plan, later);
    plan.failed(next, NO_JITTER);
    assert_eq!(wait(&mut plan, later), Some(2000), "a later one is another failure");
}

#[test]
fn a_slow_dial_gets_company_and_so_does_that() {
    let (mut plan, zero) = (missing(1), start());
    let first = dial(&mut plan, zero);
    assert_eq!(wait(&mut plan, zero), Some(1500));
    let second = dial(&mut plan, zero + secs(1.5));
    assert_ne!(first, second);
    assert_eq!(wait(&mut plan, zero + secs(1.5)), Some(1500));
    dial(&mut plan, zero + secs(3.0));
    assert_eq!(wait(&mut plan, zero + secs(60.0)), None);
}

#[test]
fn the_race_begins_at_three_times_what_the_last_success_took_within_limits() {
    for (took, expected) in [(0.1, 500), (0.4, 1200), (2.0, 3000)] {
        let (mut plan, zero) = (missing(1), start());
        let first = dial(&mut plan, zero);
        let now = zero + secs(took);
        assert!(plan.opened(first, now));
        plan.set_missing(1);
        dial(&mut plan, now);
        assert_eq!(wait(&mut plan, now), Some(expected), "after {took} s");
    }
}

#[test]
fn the_first_to_open_wins_and_the_other_is_cancelled() {
    let (mut plan, zero) = (missing(1), start());
    let slow = dial(&mut plan, zero);
    let quick = dial(&mut plan, zero + secs(1.5));
    let now = zero + secs(2.0);
    assert!(plan.opened(quick, now));
    assert_eq!(plan.poll(now), Step::Cancel(slow));
    assert_eq!(wait(&mut plan, now), None);
    assert!(!plan.opened(slow, now), "it came too late to be cancelled: not needed");
}

#[test]
fn the_other_goes_on_if_another_carrier_is_missing() {
    let (mut plan, zero) = (missing(2), start());
    let slow = dial(&mut plan, zero);
    let quick = dial(&mut plan, zero);
    let now = zero + secs(2.0);
    assert!(plan.opened(quick, now));
    assert!(matches!(plan.poll(now), Step::Wait(_) | Step::Dial(_)));
    assert!(plan.opened(slow, now));
}

#[test]
fn both_of_a_race_open_at_once_and_one_is_needed() {
    let (mut plan, zero) = (missing(1), start());
    let slow = dial(&mut plan, zero);
    let quick = dial(&mut plan, zero + secs(1.5));
    assert!(plan.opened(slow, zero + secs(2.0)));
    assert!(!plan.opened(quick, zero + secs(2.0)));
}

#[test]
fn failures_are_followed_by_growing_pauses_counted_from_the_start() {
    let (mut plan, mut now) = (missing(1), start());
    for expected in [1000, 2000, 4000, 8000, 10_000, 10_000] {
        let id = dial(&mut plan, now);
        plan.failed(id, NO_JITTER);
        let pause = wait(&mut plan, now).expect("a pause");
        assert!(pause.abs_diff(expected) <= 1, "{pause}");
        now += Duration::from_millis(expected as u64 + 1);
    }
    let id = dial(&mut plan, now);
    now += secs(12.0);
    plan.failed(id, NO_JITTER);
    dial(&mut plan, now);
}

#[test]
fn pauses_are_moved_by_a_fifth_at_most() {
    for (random, expected) in [(0, 800), (u32::MAX, 1200)] {
        let (mut plan, now) = (missing(1), start());
        let id = dial(&mut plan, now);
        plan.failed(id, random);
        assert_eq!(wait(&mut plan, now), Some(expected));
    }
}

#[test]
fn a_carrier_that_brought_nothing_is_a_failure_and_one_that_did_ends_them() {
    let (mut plan, mut now) = (missing(1), start());
    for expected in [1000, 2000, 4000] {
        let id = dial(&mut plan, now);
        assert!(plan.opened(id, now));
        plan.was_barren(NO_JITTER);
        plan.set_missing(1);
        let pause = wait(&mut plan, now).expect("a pause");
        assert!(pause.abs_diff(expected) <= 1, "{pause}");
        now += secs(5.0);
    }
    let id = dial(&mut plan, now);
    assert!(plan.opened(id, now));
    plan.was_fruitful();
    plan.set_missing(1);
    let id = dial(&mut plan, now);
    plan.failed(id, NO_JITTER);
    assert!(wait(&mut plan, now).is_some_and(|pause| pause <= 1001));
}

#[test]
fn what_was_cancelled_does_not_count_as_failed() {
    let (mut plan, now) = (missing(1), start());
    let id = dial(&mut plan, now);
    plan.set_missing(0);
    assert_eq!(plan.poll(now), Step::Cancel(id));
    plan.failed(id, NO_JITTER);
    plan.set_missing(1);
    dial(&mut plan, now);
}

/// What becomes of every dial of a simulated hour.
#[derive(Clone, Copy, Debug)]
enum World {
    /// It fails after so many seconds.
    Fails(f64),
    /// It opens after so many seconds, and the carrier lives so long and brings nothing.
    Barren(f64, f64),
    /// The same, but the carrier is of use while it lives.
    Fruitful(f64, f64),
}

/// How many dials begin in an hour of a session that would like to have `wanted` carriers.
fn dials_in_an_hour(world: World, wanted: usize, random: impl Fn(usize) -> u32) -> usize {
    let (zero, mut plan, mut dials) = (start(), missing(wanted), 0);
    let (mut now, mut under_way, mut alive) = (zero, Vec::new(), Vec::new());
    while now < zero + HOUR {
        let until = loop {
            match plan.poll(now) {
                Step::Dial(id) => {
                    dials += 1;
                    under_way.push((now, id));
                }
                Step::Cancel(id) => under_way.retain(|(_, known)| *known != id),
                Step::Wait(until) => break until,
            }
        };
        let (takes, lives) = match world {
            World::Fails(takes) => (takes, f64::INFINITY),
            World::Barren(takes, lives) | World::Fruitful(takes, lives) => (takes, lives),
        };
        let (takes, lives) = (secs(takes), secs(lives.min(1e6)));
        let done = under_way.iter().map(|(begun, _)| *begun + takes).min();
        let dead = alive.iter().map(|opened| *opened + lives).min();
        now = until.into_iter().chain(done).chain(dead).min().expect("something happens").max(now);
        if done.is_some_and(|done| done <= now) {
            let (_, id) = under_way.remove(0);
            match world {
                World::Fails(_) => plan.failed(id, random(dials)),
                _ if plan.opened(id, now) => alive.push(now),
                _ => {}
            }
        } else if dead.is_some_and(|dead| dead <= now) {
            alive.remove(0);
            match world {
                World::Fruitful(..) => plan.was_fruitful(),
                _ => plan.was_barren(random(dials)),
            }
            plan.set_missing(wanted - alive.len());
        }
    }
    dials
}

#[test]
fn the_broker_is_polled_hardly_more_often_than_by_gos_client() {
    let bound = GO_POLLS_PER_HOUR * 13 / 10;
    let mut worlds: Vec<_> = [0.0, 0.1, 1.0, 3.0, 9.9, 12.0, 40.0].map(World::Fails).into();
    for (takes, lives) in [(0.0, 0.0), (0.3, 0.1), (0.5, 3.0), (2.0, 1.0), (5.0, 9.0), (0.1, 20.0)]
    {
        worlds.extend([World::Barren(takes, lives), World::Fruitful(takes, lives)]);
    }
    for world in worlds {
        for wanted in [1, 2, 5] {
            for (name, random) in [
                ("shortest", (|_| 0) as fn(usize) -> u32),
                ("longest", |_| u32::MAX),
                ("mixed", |n| (n as u32).wrapping_mul(0x9e37_79b9)),
            ] {
                let dials = dials_in_an_hour(world, wanted, random);
                assert!(dials <= bound, "{dials} dials: {world:?}, {wanted} wanted, {name} pauses");
                assert!(dials >= 80, "{dials} dials: {world:?}: it goes on trying");
            }
        }
    }
}

#[test]
fn failures_alone_cost_the_broker_as_much_as_gos_client() {
    for takes in [0.0, 1.0, 9.0, 12.0] {
        let dials =
            dials_in_an_hour(World::Fails(takes), 1, |n| (n as u32).wrapping_mul(0x9e37_79b9));
        assert!((330..=390).contains(&dials), "{dials} dials that fail after {takes} s");
    }
}

/// What may happen to a plan.
#[derive(Clone, Copy, Debug)]
enum Op {
    Pass(u64),
    Missing(usize),
    Open(usize),
    Fail(usize, u32),
    Barren(u32),
    Fruitful,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0..20_000u64).prop_map(Op::Pass),
        (0..2 * DIALS).prop_map(Op::Missing),
        (0..DIALS).prop_map(Op::Open),
        (0..DIALS, any::<u32>()).prop_map(|(index, random)| Op::Fail(index, random)),
        any::<u32>().prop_map(Op::Barren),
        Just(Op::Fruitful),
    ]
}

proptest! {
    /// Whatever happens: never more than three at once, never for nothing, never too many, and never a standstill.
    #[test]
    fn it_keeps_its_bounds(ops in prop::collection::vec(op(), 0..300)) {
        let (zero, mut plan) = (start(), DialPlan::new());
        let (mut now, mut under_way, mut begun) = (zero, Vec::new(), Vec::new());
        for op in ops {
            match op {
                Op::Pass(millis) => now += Duration::from_millis(millis),
                Op::Missing(carriers) => plan.set_missing(carriers),
                Op::Open(index) if index < under_way.len() => {
                    let had = plan.missing;
                    prop_assert_eq!(plan.opened(under_way.remove(index), now), had > 0);
                }
                Op::Fail(index, random) if index < under_way.len() => {
                    plan.failed(under_way.remove(index), random);
                }
                Op::Open(_) | Op::Fail(..) => {}
                Op::Barren(random) => plan.was_barren(random),
                Op::Fruitful => plan.was_fruitful(),
            }
            let until = loop {
                match plan.poll(now) {
                    Step::Dial(id) => {
                        prop_assert!(plan.missing > 0);
                        under_way.push(id);
                        begun.push(now);
                    }
                    Step::Cancel(id) => {
                        prop_assert_eq!(plan.missing, 0);
                        under_way.retain(|known| *known != id);
                    }
                    Step::Wait(until) => break until,
                }
            };
            prop_assert!(under_way.len() <= DIALS);
            prop_assert!(plan.missing > 0 || under_way.is_empty());
            let hour = begun.iter().filter(|begun| now.duration_since(**begun) < HOUR).count();
            prop_assert!(hour <= GO_POLLS_PER_HOUR * 13 / 10, "{} dials in an hour", hour);
            let minute = begun.iter().filter(|begun| now.duration_since(**begun).as_secs() < 60).count();
            let earned = 60 / EARN_DIAL.as_secs() as usize + 1;
            prop_assert!(minute <= SAVED_DIALS as usize + earned, "{} dials in a minute", minute);
            if plan.missing > 0 && under_way.is_empty() {
                let until = until.expect("it looks again");
                prop_assert!(until > now && until - now <= secs(12.0), "{:?}", until - now);
            }
        }
    }
}
