//! Every time and size, with its reason.

use std::time::Duration;

/// What differs between the two ends of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Carriers wanted at one time; 0 for an end that cannot find any. Go's `-max`, default 1.
    pub wanted: usize,
    /// Whether to ask a carrier for proof of life when nothing was sent but nothing comes any more either.
    ///
    /// True at the client, who alone can find another: a download whose proxy dies is silence and nothing else.
    pub probes_silence: bool,
}

impl Config {
    /// The client's end: one carrier unless it is told otherwise.
    pub fn client() -> Self {
        Self { wanted: 1, probes_silence: true }
    }

    /// The server's end, which takes what carriers there are.
    pub fn server() -> Self {
        Self { wanted: 0, probes_silence: false }
    }
}

/// What may wait ahead of the carriers, in each stream, at the rate of all: 50 ms, too short for a person to notice.
///
/// With several streams at work it is as much for each; they take turns, so that none waits for what another has
/// queued.
pub const QUEUE: Duration = Duration::from_millis(50);

/// How long a peer collects acknowledgements of much data: ours 20 ms, kcp-go 10 ms.
pub(crate) const ACK_DELAY: Duration = Duration::from_millis(20);

/// How long a peer of ours may keep the acknowledgement of little data, to let data of its own say as much: 60 ms, the
/// `ACK_PATIENCE` of `snowflake-kcp`.
pub(crate) const ANSWER_DELAY: Duration = Duration::from_millis(60);

/// What a new carrier may hold: twelve packets. At 1 Mbit/s they take 130 ms; at more, the first round trip doubles
/// them.
pub(crate) const INITIAL_WINDOW: usize = 16 * 1024;

/// What a carrier may hold beyond what was measured: a packet, because what fits is rounded down to whole ones.
pub(crate) const ROUNDING: usize = 1400;

/// Longest data of one segment, rounded: 4 KiB. It takes its own time on the way, 32 ms at 1 Mbit/s.
pub(crate) const LONGEST_SEGMENT: usize = 4096;

/// What any carrier may hold: four packets, so that the next answer always finds something to answer.
pub(crate) const MIN_WINDOW: usize = 4 * 1400;

/// What a carrier may hold at the most: 4 MiB, what 100 Mbit/s deliver in a third of a second.
///
/// KCP keeps a copy of all that is under way, so this bounds the memory that a carrier costs, and what a rate that was
/// measured wrong can do. A path that would hold more is not filled: it brings 4 MiB in each round trip.
pub(crate) const MAX_WINDOW: usize = 4 * 1024 * 1024;

/// How long the last byte of a carrier may wait for those before it, beyond what the round trip and [`ACK_DELAY`]
/// explain.
///
/// 15 ms: together 35 ms beyond the round trip, which keep a path busy and leave room for bursts in a queue of
/// 100 ms. When that overflows, the data channel stands still for a round trip at the least.
pub(crate) const STANDING: Duration = Duration::from_millis(15);

/// What may be given to a carrier at once: 40 ms of its pace, two intervals of acknowledgements.
///
/// After a hold-up the whole window is answered at once. Given away at once, it would overflow a queue of 100 ms, what
/// is lost would hold up the next window, and so on.
pub(crate) const BURST: Duration = Duration::from_millis(40);

/// What leaves beyond that leaves at this multiple of the rate; a quarter more, so that the rate can grow.
pub(crate) const PACE: f64 = 1.25;

/// How much of its pace has to be there before a carrier that was held back gets something: 2 ms, not to wake up for
/// each packet.
pub(crate) const TICK: Duration = Duration::from_millis(2);

/// While the rate still grows, the window may be twice what was delivered in one round trip, but no more than the rate
/// of this time, or on a long path half a round trip, on top of it: so much stands in the path's queue when its end is
/// reached, and many a queue holds 100 ms.
pub(crate) const START_QUEUE: Duration = Duration::from_millis(50);

/// A rate grows while each epoch brings a quarter more than the last.
pub(crate) const GROWTH: f64 = 1.25;

/// Epochs without growth that end the start.
pub(crate) const STEADY_AFTER: u32 = 3;

/// How long a rate counts if none was higher since. Only rates that the window allowed for make it forgotten: what an
/// idle session sends says nothing about its carriers.
pub(crate) const RATE_LIFE: Duration = Duration::from_secs(10);

/// An answer that comes so much later than the queue explains: the path has become slower than its rate of late.
pub(crate) const LATE: Duration = Duration::from_millis(200);

/// Epochs in a row with nothing but late answers that make the rates of late forgotten. One may be a lost SCTP packet.
pub(crate) const LATE_EPOCHS: u32 = 2;

/// Epochs of which what happens in most is usual: 8, a second or two.
pub(crate) const USUAL: usize = 8;

/// The longest hold-up that is made up for: 300 ms, a packet lost twice on a path of 150 ms.
pub(crate) const LONGEST_HOLD_UP: Duration = Duration::from_millis(300);

/// Shortest epoch: two intervals of acknowledgements, or the rate of a short path would be guessed from one.
pub(crate) const MIN_EPOCH: Duration = Duration::from_millis(40);

/// A carrier that had nothing under way for so long begins a new epoch. One answer may cover all that was under way: where
/// the round trip is shorter than the interval of acknowledgements each does, and what follows at once is the same epoch.
pub(crate) const PAUSE: Duration = Duration::from_millis(5);

/// How long the shortest round trip is believed.
pub(crate) const ROUND_TRIP_LIFE: Duration = Duration::from_secs(10);

/// A round trip within so much of the shortest confirms it.
pub(crate) const ROUND_TRIP_SLACK: Duration = Duration::from_millis(5);

/// How long the queue is drained to measure the shortest round trip, beyond one round trip and the queue itself.
pub(crate) const DRAIN: Duration = Duration::from_millis(50);

/// Shortest proof time: on a short path, SCTP's own retransmissions and a busy machine may take as long.
pub(crate) const MIN_PROOF: Duration = Duration::from_millis(200);

/// Proof time before any round trip is known.
pub(crate) const FIRST_PROOF: Duration = Duration::from_millis(500);

/// Longest proof time: with a longer one nobody would wait for the suspicion.
pub(crate) const MAX_PROOF: Duration = Duration::from_secs(3);

/// How much longer than another a carrier may bring nothing and still get acknowledgements.
///
/// 60 ms: a peer that sends or receives says something every 20 ms, to all carriers that it uses. Where it is wrong,
/// acknowledgements take another way for a moment, and that is all; where it comes late, they vanish until it does, and
/// the peer doubts carriers that work.
pub(crate) const QUIET: Duration = Duration::from_millis(60);

/// What the age of an answer is rounded to: KCP's clock counts milliseconds.
pub(crate) const CLOCK_TICK: Duration = Duration::from_millis(1);

/// Proof times without a sign of life that make a carrier suspect.
pub(crate) const PROOFS: u32 = 3;

/// Shortest time between two probes of a suspect.
pub(crate) const SUSPECT_PROBE: Duration = Duration::from_secs(1);

/// Packets heard that make a carrier busy again: its silence is then worth a question after one proof time.
pub(crate) const BUSY: u32 = 16;

/// Longest silence of an idle carrier before it is asked for proof, each question doubling the time to the next.
///
/// 15 s: longer than the 10 s of smux's keep-alive, so that an idle session has no traffic but that.
pub(crate) const MAX_SILENCE: Duration = Duration::from_secs(15);

/// How long a suspect is kept while another carrier works without a doubt.
pub(crate) const SUSPECT_LIFE: Duration = Duration::from_secs(6);

/// How long a suspect is kept in any case: 20 s, Go's `SnowflakeTimeout`.
pub(crate) const SILENT_LIFE: Duration = Duration::from_secs(20);

/// How long more carriers than wanted are kept: one that came back may go again.
pub(crate) const SURPLUS_LIFE: Duration = Duration::from_secs(5);
