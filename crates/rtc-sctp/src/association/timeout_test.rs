//! When the timer of repetitions runs out, and what that changes.

use super::recovery_fixture::*;
use super::*;

const TIMEOUT: Duration = Duration::from_secs(1);

#[test]
fn repeating_the_earliest_chunk_restarts_the_timer_and_repeating_another_does_not() -> Result<()> {
    let now = Instant::now();
    let mut a = window(20, now)?;
    assert_eq!(a.timers.get(Timer::T3RTX), Some(now + TIMEOUT));
    let at = now + ROUND_TRIP;
    let first: [&[_]; 3] = [&[(2, 2)], &[(2, 3)], &[(2, 4)]];
    assert_eq!(report(&mut a, at, &first)?.concat(), [1]);
    assert_eq!(a.timers.get(Timer::T3RTX), Some(at + TIMEOUT));
    let second: [&[_]; 3] = [&[(2, 4), (6, 6)], &[(2, 4), (6, 7)], &[(2, 4), (6, 8)]];
    let later = at + Duration::from_millis(5);
    assert_eq!(report(&mut a, later, &second)?.concat(), [5]);
    assert_eq!(a.timers.get(Timer::T3RTX), Some(at + TIMEOUT));
    Ok(())
}

#[test]
fn a_second_timeout_in_a_row_says_nothing_more_about_the_path() -> Result<()> {
    let mut a = window(40, Instant::now())?;
    let threshold = a.cwnd / 2;
    for _ in 0..3 {
        let at = a.timers.get(Timer::T3RTX).unwrap();
        a.handle_timeout(at);
        assert_eq!((a.cwnd, a.ssthresh), (a.mtu, threshold));
    }
    Ok(())
}

#[test]
fn a_timeout_after_an_acknowledgment_is_the_first_in_its_row() -> Result<()> {
    let now = Instant::now();
    let mut a = window(40, now)?;
    a.handle_timeout(now + TIMEOUT);
    a.handle_sack(&sack(1, &[]), now + TIMEOUT)?;
    a.cwnd = 10 * a.mtu;
    a.handle_timeout(now + 3 * TIMEOUT);
    assert_eq!(a.ssthresh, 5 * a.mtu);
    Ok(())
}

#[test]
fn a_timeout_ends_fast_recovery() -> Result<()> {
    let now = Instant::now();
    let mut a = window(20, now)?;
    let at = now + ROUND_TRIP;
    report(&mut a, at, &[&[(2, 2)], &[(2, 3)], &[(2, 4)]])?;
    assert!(a.in_fast_recovery);
    a.handle_timeout(at + TIMEOUT);
    assert!(!a.in_fast_recovery);
    Ok(())
}
