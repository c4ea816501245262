//! How often one address may poll. Pure: time is an argument.
//!
//! An address has a turn in each pool once per interval, however many proxies share it: an address
//! is all that the broker knows for sure. The volunteers behind one NAT therefore share the turns
//! of one.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use snowflake_messages::Pool;

/// Stands for an interval that ends after the end of time.
const FOR_EVER: Duration = Duration::from_secs(366 * 86_400);

/// A poll that came before its address's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooSoon {
    /// When the next turn is.
    pub(crate) turn: Instant,
}

/// Whose turn is when.
///
/// Addresses are kept as hashes (SipHash) under a key that is drawn at the start and never leaves
/// this process, each until its turn comes.
#[derive(Debug)]
pub(crate) struct RateLimit {
    key: RandomState,
    capacity: usize,
    open: Mutex<Turns>,
    moderate: Mutex<Turns>,
    strict: Mutex<Turns>,
}

/// The turns of one pool's addresses, all in the future.
#[derive(Debug, Default)]
struct Turns {
    of: HashMap<u64, Instant>,
    in_order: BTreeSet<(Instant, u64)>,
}

impl RateLimit {
    /// Remembers at most `capacity` addresses in each pool. When a pool is full, further addresses
    /// poll without limit until others are forgotten: better that than to turn away honest proxies.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            key: RandomState::new(),
            capacity,
            open: Mutex::default(),
            moderate: Mutex::default(),
            strict: Mutex::default(),
        }
    }

    /// Takes the turn of an address and returns when its next one is. An interval of 0 means no
    /// limit: the next turn is now.
    pub(crate) fn take_turn(
        &self,
        pool: Pool,
        address: IpAddr,
        interval: Duration,
        now: Instant,
    ) -> Result<Instant, TooSoon> {
        if interval.is_zero() {
            return Ok(now);
        }
        let hash = self.key.hash_one(address);
        let mut turns = self.pool(pool).lock().unwrap_or_else(PoisonError::into_inner);
        turns.forget_until(now);
        if let Some(&turn) = turns.of.get(&hash) {
            return Err(TooSoon { turn });
        }
        let next = now.checked_add(interval).unwrap_or_else(|| now + FOR_EVER);
        if turns.of.len() < self.capacity {
            turns.of.insert(hash, next);
            turns.in_order.insert((next, hash));
        }
        Ok(next)
    }

    fn pool(&self, pool: Pool) -> &Mutex<Turns> {
        match pool {
            Pool::Open => &self.open,
            Pool::Moderate => &self.moderate,
            Pool::Strict => &self.strict,
        }
    }
}

impl Turns {
    /// Forgets the addresses whose turn has come: some at each poll, so that nothing has to be swept
    /// and no more is kept than the polls of one interval.
    fn forget_until(&mut self, now: Instant) {
        while let Some(&(turn, hash)) = self.in_order.first()
            && turn <= now
        {
            self.in_order.pop_first();
            self.of.remove(&hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(20);

    #[expect(clippy::disallowed_methods, reason = "where a test's time begins does not matter")]
    fn start() -> Instant {
        Instant::now()
    }

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    fn remembered(limit: &RateLimit, pool: Pool) -> usize {
        let turns = limit.pool(pool).lock().unwrap();
        assert_eq!(turns.of.len(), turns.in_order.len());
        turns.of.len()
    }

    #[test]
    fn an_address_has_one_turn_in_an_interval() {
        let (limit, start) = (RateLimit::new(8), start());
        let take = |seconds: u64| {
            limit.take_turn(Pool::Open, address(1), INTERVAL, start + Duration::from_secs(seconds))
        };
        let turn = start + INTERVAL;
        assert_eq!(take(0), Ok(turn));
        for too_soon in [0, 1, 19] {
            assert_eq!(take(too_soon), Err(TooSoon { turn }), "after {too_soon} s");
        }
        assert_eq!(take(20), Ok(turn + INTERVAL), "polls that came too soon cost nothing");
        assert_eq!(take(39), Err(TooSoon { turn: turn + INTERVAL }));
    }

    #[test]
    fn addresses_and_pools_have_turns_of_their_own() {
        let (limit, start) = (RateLimit::new(8), start());
        for pool in Pool::ALL {
            for number in 1..4 {
                assert!(limit.take_turn(pool, address(number), INTERVAL, start).is_ok());
                assert!(limit.take_turn(pool, address(number), INTERVAL, start).is_err());
            }
        }
    }

    #[test]
    fn an_interval_of_0_is_no_limit() {
        let (limit, start) = (RateLimit::new(8), start());
        for _ in 0..100 {
            assert_eq!(limit.take_turn(Pool::Open, address(1), Duration::ZERO, start), Ok(start));
        }
        assert_eq!(remembered(&limit, Pool::Open), 0);
        // Also for whom an interval was counted before.
        assert!(limit.take_turn(Pool::Open, address(1), INTERVAL, start).is_ok());
        assert!(limit.take_turn(Pool::Open, address(1), Duration::ZERO, start).is_ok());
    }

    #[test]
    fn a_new_interval_counts_from_the_next_turn_on() {
        let (limit, start) = (RateLimit::new(8), start());
        let hour = Duration::from_secs(3600);
        assert!(limit.take_turn(Pool::Open, address(1), hour, start).is_ok());
        assert!(limit.take_turn(Pool::Open, address(2), INTERVAL, start).is_ok());
        let later = start + INTERVAL;
        assert_eq!(
            limit.take_turn(Pool::Open, address(1), INTERVAL, later),
            Err(TooSoon { turn: start + hour })
        );
        assert!(limit.take_turn(Pool::Open, address(2), INTERVAL, later).is_ok());
        assert_eq!(remembered(&limit, Pool::Open), 2, "the long one does not keep the short one");
    }

    #[test]
    fn an_absurd_interval_harms_nobody() {
        let (limit, start) = (RateLimit::new(8), start());
        assert!(limit.take_turn(Pool::Open, address(1), Duration::MAX, start).is_ok());
        assert!(limit.take_turn(Pool::Open, address(1), Duration::MAX, start).is_err());
    }

    #[test]
    fn a_flood_of_addresses_fills_no_memory_and_shuts_nobody_out() {
        let (limit, start) = (RateLimit::new(100), start());
        for number in 0..10_000 {
            assert!(limit.take_turn(Pool::Open, address(number), INTERVAL, start).is_ok());
        }
        assert_eq!(remembered(&limit, Pool::Open), 100);
        assert!(limit.take_turn(Pool::Open, address(0), INTERVAL, start).is_err());
        // The flood is over: everybody has a limit again.
        let later = start + INTERVAL;
        assert!(limit.take_turn(Pool::Open, address(20_000), INTERVAL, later).is_ok());
        assert_eq!(remembered(&limit, Pool::Open), 1);
    }

    #[test]
    fn addresses_are_not_kept() {
        let limit = RateLimit::new(8);
        let secret = address(0xCB00_7107);
        limit.take_turn(Pool::Open, secret, INTERVAL, start()).unwrap();
        let kept = format!("{limit:?}");
        let number = 0xCB00_7107_u32.to_string();
        assert!(!kept.contains("203.0.113.7") && !kept.contains(&number), "{kept}");
        let other = RateLimit::new(8);
        assert_ne!(limit.key.hash_one(secret), other.key.hash_one(secret), "the key is new");
    }
}
