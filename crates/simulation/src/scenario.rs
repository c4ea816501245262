//! What is played more than once: by a test of its own, and again with each bug that it should find.

mod chaos;
mod crowd;
mod failover;
mod succession;

pub use chaos::{Chaos, chaos};
pub use crowd::crowd;
pub use failover::{Fault, failover};
pub use succession::{Growth, succession};

use std::time::Duration;

/// The answer time that so large a part of all answers did not exceed; zero if there were none.
pub fn quantile(answers: &[Duration], part: f64) -> Duration {
    let mut answers = answers.to_vec();
    answers.sort_unstable();
    let index = (answers.len() as f64 * part) as usize;
    answers.get(index.min(answers.len().saturating_sub(1))).copied().unwrap_or_default()
}
