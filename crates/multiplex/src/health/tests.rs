use super::*;
use snowflake_netsim::epoch;

fn at(ms: u64) -> Instant {
    epoch() + Duration::from_millis(ms)
}

/// All verdicts but [`Verdict::Alive`] until `until`, with their times.
fn verdicts(health: &mut Health, until: u64) -> Vec<(u64, Verdict)> {
    let mut verdicts = Vec::new();
    while let Some(due) = health.deadline().filter(|due| *due <= at(until)) {
        let verdict = health.handle_deadline(due);
        if verdict != Verdict::Alive {
            verdicts.push(((due - epoch()).as_millis() as u64, verdict));
        }
    }
    verdicts
}

fn trusted(round_trip: u64) -> Health {
    let mut health = Health::new(epoch(), false);
    for _ in 0..50 {
        let round_trip = Duration::from_millis(round_trip);
        health.answered(epoch(), round_trip, Some(round_trip));
    }
    health
}

/// An answer to what was sent so many milliseconds before.
fn answered(health: &mut Health, ms: u64, age: u64) -> bool {
    let age = Duration::from_millis(age);
    health.answered(at(ms), age, Some(age))
}

#[test]
fn three_proof_times_without_an_answer_make_it_suspect() {
    let mut health = trusted(20);
    assert_eq!((health.state(), health.proof_time()), (State::Trusted, MIN_PROOF));
    health.sent(at(1000));
    assert_eq!(
        verdicts(&mut health, 1700),
        [(1200, Verdict::Probe), (1400, Verdict::Probe), (1600, Verdict::Suspect)]
    );
    assert_eq!(health.state(), State::Suspect);
}

#[test]
fn on_a_long_path_proofs_may_take_longer() {
    let mut health = trusted(800);
    health.sent(at(0));
    let proof = health.proof_time().as_millis() as u64;
    assert!((800..1000).contains(&proof));
    assert_eq!(verdicts(&mut health, 3 * proof + 3).last().unwrap().1, Verdict::Suspect);
}

#[test]
fn a_sign_of_life_starts_the_count_anew() {
    let mut health = trusted(20);
    for ms in (0..5000).step_by(150) {
        health.sent(at(ms));
        assert_eq!(verdicts(&mut health, ms + 149), []);
        answered(&mut health, ms + 149, 149);
    }
    assert_eq!(verdicts(&mut health, 5100).len(), 0);
}

#[test]
fn a_suspect_is_asked_every_second_and_trusted_when_it_answers() {
    let mut health = trusted(20);
    health.sent(at(0));
    let asked: Vec<u64> = verdicts(&mut health, 4000).into_iter().map(|(ms, _)| ms).collect();
    assert_eq!(asked, [200, 400, 600, 800, 1800, 2800, 3800]);
    assert!(!health.heard(at(3900)), "one direction is not enough");
    assert!(answered(&mut health, 4000, 200), "that is news");
    assert_eq!((health.state(), health.is_doubtful()), (State::Trusted, false));
    assert!(!health.heard(at(4000)));
}

#[test]
fn silence_is_asked_about_at_growing_intervals() {
    let mut health = Health::new(epoch(), true);
    let mut asked = Vec::new();
    answered(&mut health, 0, 10);
    for _ in 0..100 {
        health.heard(at(0));
    }
    while let Some(due) = health.deadline().filter(|due| *due < at(60_000)) {
        if health.handle_deadline(due) == Verdict::Probe {
            asked.push((due - epoch()).as_millis());
            health.answered(due, Duration::ZERO, None);
            health.settled();
        }
    }
    assert_eq!(asked, [200, 600, 1400, 3000, 6200, 12600, 25400, 40400, 55400]);
}

#[test]
fn at_the_server_silence_is_no_matter() {
    let mut health = trusted(20);
    health.heard(at(0));
    assert_eq!(health.deadline(), None);
}

#[test]
fn a_suspect_that_holds_nothing_is_asked_at_the_server_too() {
    let mut health = trusted(20);
    health.suspect(at(0));
    let asked: Vec<u64> = verdicts(&mut health, 3000).into_iter().map(|(ms, _)| ms).collect();
    assert_eq!(asked, [1000, 2000, 3000]);
    assert!(answered(&mut health, 3000, 0));
}

#[test]
fn who_owes_a_proof_and_loses_what_it_held_still_owes_it() {
    let mut health = trusted(20);
    health.sent(at(0));
    assert_eq!(verdicts(&mut health, 250), [(200, Verdict::Probe)]);
    health.settled();
    assert!(health.is_doubtful());
    let mut silent = verdicts(&mut health, 600);
    assert_eq!(silent.pop(), Some((600, Verdict::Suspect)), "nothing came");

    let mut health = trusted(20);
    health.sent(at(0));
    verdicts(&mut health, 250);
    health.settled();
    health.heard(at(300));
    assert!(!health.is_doubtful(), "it holds no data, so what is heard is proof enough");
    health.settled();
    health.sent(at(1000));
    let due = verdicts(&mut health, 1600);
    assert_eq!(due.last(), Some(&(1600, Verdict::Suspect)), "the count begins anew: {due:?}");
}

#[test]
fn only_what_a_suspect_was_given_as_a_suspect_clears_it() {
    let mut health = trusted(20);
    health.sent(at(0));
    verdicts(&mut health, 600);
    assert_eq!(verdicts(&mut health, 850), [(800, Verdict::Probe)]);
    let before = "that left before the silence, or was repeated in it";
    assert!(!answered(&mut health, 850, 840), "{before}");
    assert_eq!(verdicts(&mut health, 1050), [(1050, Verdict::Probe)], "something moves");
    assert!(answered(&mut health, 1060, 450), "the question at 600");
}

#[test]
fn an_answer_from_before_the_silence_does_not_put_suspicion_off() {
    let mut health = trusted(20);
    health.sent(at(10_000));
    for (ms, age) in [(10_100, 6000), (10_300, 5000), (10_500, 6000)] {
        verdicts(&mut health, ms);
        answered(&mut health, ms, age);
    }
    assert_eq!(health.proof_time(), MIN_PROOF, "nor is it a round trip");
    assert_eq!(verdicts(&mut health, 10_600), [(10_600, Verdict::Suspect)]);
}

#[test]
fn a_silence_is_no_round_trip() {
    let mut health = trusted(20);
    health.sent(at(0));
    verdicts(&mut health, 5000);
    assert!(answered(&mut health, 5000, 4400));
    assert!(health.proof_time() < 3 * MIN_PROOF, "{:?}", health.proof_time());
}

#[test]
fn a_path_that_has_become_long_is_learned_in_a_few_suspicions() {
    let mut health = trusted(20);
    let (mut now, mut suspicions) = (0, 0);
    while health.proof_time() < MAX_PROOF {
        health.sent(at(now));
        let suspected = verdicts(&mut health, now + 10_000)
            .into_iter()
            .find(|(_, verdict)| *verdict == Verdict::Suspect);
        let (since, _) = suspected.expect("each answer takes 3 s");
        suspicions += 1;
        now = since + 3000;
        assert!(answered(&mut health, now, 3000));
        health.settled();
    }
    assert!(suspicions <= 4, "{suspicions}");
}

#[test]
fn the_first_answer_counts_however_late() {
    let mut health = Health::new(at(0), true);
    health.probed(at(0));
    verdicts(&mut health, 1900);
    assert_eq!(health.state(), State::Suspect);
    assert!(answered(&mut health, 2000, 2000), "it may be a long path");
    assert!(health.proof_time() >= Duration::from_secs(2));
}

#[test]
fn an_old_answer_beside_a_new_one_is_no_round_trip() {
    let mut health = trusted(20);
    let (age, old) = (Duration::from_millis(100), Duration::from_secs(5));
    health.answered(at(6000), age, Some(old));
    assert_eq!(health.proof_time(), MIN_PROOF);
}
