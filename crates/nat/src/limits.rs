//! How often and how long a server is asked.

use std::time::Duration;

/// How often one question is sent: a packet or its answer may be lost.
pub const TRANSMISSIONS: usize = 3;

/// What is waited for an answer after each transmission: 3 s for a question.
///
/// 500 ms and its double are those of RFC 8489, section 6.2.1; its 39.5 s are too long, and so are the 10 s of Go's
/// client after its only transmission. The last wait is longer than a round trip over two satellites.
pub const WAITS: [Duration; TRANSMISSIONS] =
    [Duration::from_millis(500), Duration::from_millis(1000), Duration::from_millis(1500)];

/// The longest that a probe takes: 6 s, for the first question, then for the two others at the same time.
pub const LONGEST: Duration = {
    let [first, second, third] = WAITS;
    first.saturating_add(second).saturating_add(third).saturating_mul(2)
};
