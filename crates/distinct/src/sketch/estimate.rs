//! How many there were, from what is left of them. The figures are those of *HyperLogLog in Practice* (Heule, Nunkesser,
//! Hall 2013), applied as Go's counter does.

use super::REGISTERS;
use super::bias::BIAS;

/// Places that a list is taken to have. Go's counter halves them, so that it counts a little more than there were: 0.1 %
/// at 30,000; all who compare files count on it.
const PLACES: f64 = (1 << 24) as f64;

/// Up to here, empty registers tell more than full ones.
const THRESHOLD: f64 = 350_000.0;

/// Of a list with so many different entries.
pub(super) fn of_list(entries: usize) -> u64 {
    by_empty(PLACES, PLACES - entries as f64) as u64
}

/// Of registers.
pub(super) fn of_registers(registers: &[u8]) -> u64 {
    let all = REGISTERS as f64;
    let empty = registers.iter().filter(|register| **register == 0).count();
    let by_empty = (empty > 0).then(|| by_empty(all, empty as f64));
    if let Some(estimate) = by_empty.filter(|estimate| *estimate <= THRESHOLD) {
        return estimate as u64;
    }
    let alpha = 0.7213 / (1.0 + 1.079 / all);
    let sum: f64 = registers.iter().map(|register| (-f64::from(*register)).exp2()).sum();
    let raw = alpha * all * all / sum;
    let estimate = if raw <= all * 5.0 { raw - bias(raw) } else { raw };
    estimate as u64
}

/// Linear counting.
fn by_empty(all: f64, empty: f64) -> f64 {
    all * (all / empty).ln()
}

/// By how much a raw estimate is too high: between two that were tried out, on the line through them.
fn bias(raw: f64) -> f64 {
    let next = BIAS.partition_point(|(estimate, _)| *estimate < raw);
    match (next.checked_sub(1).map(|last| BIAS[last]), BIAS.get(next).copied()) {
        (Some((low, below)), Some((high, above))) => {
            let share = (raw - low) / (high - low);
            below * (1.0 - share) + above * share
        }
        (Some((_, only)), None) | (None, Some((_, only))) => only,
        (None, None) => 0.0,
    }
}
