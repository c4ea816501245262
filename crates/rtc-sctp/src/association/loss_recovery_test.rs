//! How losses are found and repeated without a timeout.

use super::recovery_fixture::*;
use super::*;

const MS: Duration = Duration::from_millis(1);

#[test]
fn several_losses_of_one_round_trip_are_repeated_within_it() -> Result<()> {
    let now = Instant::now();
    let mut a = window(20, now)?;
    let acks: [&[_]; 6] = [
        &[(2, 2)],
        &[(2, 4)],
        &[(2, 4), (6, 6)],
        &[(2, 4), (6, 8)],
        &[(2, 4), (6, 8), (10, 10)],
        &[(2, 4), (6, 8), (10, 12)],
    ];
    let sent = report(&mut a, now + ROUND_TRIP, &acks)?;
    let none: Vec<u32> = vec![];
    assert_eq!(sent[..2], [none.clone(), none.clone()]);
    assert_eq!(sent[2..], [vec![1], none.clone(), vec![5], none]);
    Ok(())
}

#[test]
fn what_is_repeated_leaves_no_faster_than_data_arrives() -> Result<()> {
    let now = Instant::now();
    let mut a = window(20, now)?;
    let acks: [&[_]; 5] = [
        &[(11, 11)],
        &[(11, 12)],
        // Ten are known to be lost: a packet, and one for that which has arrived.
        &[(11, 13)],
        &[(11, 14)],
        // Nothing new has arrived.
        &[(11, 14)],
    ];
    let sent = report(&mut a, now + ROUND_TRIP, &acks)?;
    assert_eq!(sent[2..], [vec![1, 2], vec![3, 4], vec![5]]);
    Ok(())
}

#[test]
fn a_lost_repetition_is_repeated_without_a_timeout() -> Result<()> {
    // Something sent 10 ms after the repetition proves that it is lost, something sent at about the same time does not.
    for (later, is_proof) in [(5 * MS, false), (20 * MS, true)] {
        let mut now = Instant::now();
        let mut a = window(8, now)?;
        now += ROUND_TRIP;
        let sent = report(&mut a, now, &[&[(2, 4)], &[(2, 5)], &[(2, 6)]])?;
        assert_eq!(sent[2], [1]);
        now += later;
        assert_eq!(write(&mut a, 2, now)?, [9, 10]);
        now += ROUND_TRIP;
        let sent = report(&mut a, now, &[&[(2, 9)], &[(2, 10)]])?;
        assert_eq!(sent.concat(), if is_proof { vec![1] } else { vec![] });
        assert_eq!(a.stats.get_num_t3timeouts(), 0);
    }
    Ok(())
}

#[test]
fn a_repetition_that_arrives_is_not_repeated_again() -> Result<()> {
    let mut now = Instant::now();
    let mut a = window(8, now)?;
    now += ROUND_TRIP;
    report(&mut a, now, &[&[(2, 4)], &[(2, 5)], &[(2, 6)]])?;
    now += 20 * MS;
    write(&mut a, 2, now)?;
    now += ROUND_TRIP;
    a.handle_sack(&sack(10, &[]), now)?;
    assert_eq!(transmit(&mut a, now), [] as [u32; 0]);
    assert!(a.repeated.is_empty() && a.to_repeat.is_empty());
    Ok(())
}

#[test]
fn only_what_is_reported_missing_counts_as_missing() -> Result<()> {
    let now = Instant::now();
    let mut a = window(12, now)?;
    let at = now + ROUND_TRIP;
    report(&mut a, at, &[&[(2, 4)], &[(2, 5)], &[(2, 5), (7, 8)]])?;
    assert!(a.in_fast_recovery);
    // The first has arrived; about those above 8 nothing is said.
    a.handle_sack(&sack(5, &[(7, 8)]), at)?;
    assert!(a.in_fast_recovery);
    let missed = |tsn| a.inflight_queue.get(tsn).unwrap().miss_indicator;
    assert_eq!([6, 9, 10, 11, 12].map(missed), [2, 0, 0, 0, 0]);
    Ok(())
}
