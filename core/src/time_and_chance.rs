//! Time and randomness of one request, captured before its write: the write's closure may run twice and must make the
//! same rows both times. Stamps whose write is not finished are tracked, so that no reader takes the present for
//! settled. It knows no noun.

use inboxops_proto::clock::{Clock, Timestamp};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A source of randomness: the system, or a test's seed.
#[derive(Clone)]
pub enum Chance {
    /// A generator seeded by the operating system.
    System,
    /// A generator with a known seed, for tests that compare whole bodies.
    Seeded(Arc<Mutex<StdRng>>),
}

impl Chance {
    /// Randomness that repeats for the same `seed`.
    pub fn seeded(seed: u64) -> Chance {
        Chance::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Fills `bytes` with random bytes fit for secrets.
    pub fn fill(&self, bytes: &mut [u8]) {
        match self {
            Chance::System => rand::rng().fill_bytes(bytes),
            Chance::Seeded(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes),
        }
    }
}

/// Makes [`Stamp`]s: the nouns' source of time and randomness.
#[derive(Clone)]
pub struct Stamps {
    clock: Clock,
    chance: Chance,
    moments: Arc<Mutex<Moments>>,
}

/// The times of open stamps.
#[derive(Default)]
struct Moments {
    /// Number of open stamps by time.
    open: BTreeMap<Timestamp, usize>,
    /// No later stamp is before this time, whatever the clock does.
    floor: Timestamp,
}

impl Stamps {
    /// Stamps from the clock and the randomness that `main` created.
    pub fn new(clock: Clock, chance: Chance) -> Stamps {
        Stamps { clock, chance, moments: Arc::default() }
    }

    /// The clock of the stamps.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Fills `bytes` with random bytes fit for secrets.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.chance.fill(bytes);
    }

    /// A stamp for one request. Its time is not settled while the stamp exists; the stamp goes with the write and ends
    /// with it.
    pub(crate) fn stamp(&self) -> Stamp {
        let mut seed = [0; 32];
        self.chance.fill(&mut seed);
        let mut moments = self.moments();
        let at = self.clock.now().max(moments.floor);
        *moments.open.entry(at).or_default() += 1;
        drop(moments);
        Stamp { at, seed, open: Arc::new(OpenStamp { at, moments: self.moments.clone() }) }
    }

    /// The time before which every stamp has ended. No later stamp is before it.
    pub(crate) fn settled(&self) -> Timestamp {
        // The present time is included: later stamps get the next one.
        self.settled_by(Timestamp::from_micros(self.clock.now().micros() + 1))
    }

    /// The same without the present time: frequent reports must not advance the stamps of a stopped clock.
    pub(crate) fn settled_before_now(&self) -> Timestamp {
        self.settled_by(self.clock.now())
    }

    fn settled_by(&self, now: Timestamp) -> Timestamp {
        let mut moments = self.moments();
        let settled =
            moments.open.keys().next().copied().unwrap_or(Timestamp::from_micros(i64::MAX)).min(now.max(moments.floor));
        moments.floor = moments.floor.max(settled);
        settled
    }

    /// Makes no stamp before `at` from now on, because others have reported earlier times as settled.
    pub(crate) fn not_before(&self, at: Timestamp) {
        let mut moments = self.moments();
        moments.floor = moments.floor.max(at);
    }

    fn moments(&self) -> MutexGuard<'_, Moments> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Time and randomness of one request. Copies make the same ids.
#[derive(Clone)]
pub(crate) struct Stamp {
    /// The time at which the request is decided.
    pub(crate) at: Timestamp,
    seed: [u8; 32],
    #[expect(dead_code, reason = "it counts by being there")]
    open: Arc<OpenStamp>,
}

/// The time of an open stamp.
struct OpenStamp {
    at: Timestamp,
    moments: Arc<Mutex<Moments>>,
}

impl Drop for OpenStamp {
    fn drop(&mut self) {
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = moments.open.get_mut(&self.at) {
            *count -= 1;
            if *count == 0 {
                moments.open.remove(&self.at);
            }
        }
    }
}

impl Stamp {
    /// The ids of this stamp, from the first one on.
    pub(crate) fn ids(&self) -> Ids {
        let mut rng = StdRng::from_seed(self.seed);
        // Half of the 12 counter bits start random, so that two stamps of one millisecond rarely interleave.
        let count = rng.next_u32() & 0x3ff;
        Ids { at: self.at, rng, count }
    }
}

/// Makes ids that ascend within one stamp: the events of a group keep their order.
pub(crate) struct Ids {
    at: Timestamp,
    rng: StdRng,
    count: u32,
}

impl Ids {
    /// The next id, of any noun: `ids.next(TicketId::new)`.
    pub(crate) fn next<T>(&mut self, make: impl FnOnce(Timestamp, u128) -> T) -> T {
        self.count += 1;
        let low = (u128::from(self.rng.next_u64()) << 64) | u128::from(self.rng.next_u64());
        // Version 7 uses four of these bits for the version, hence the counter's position.
        make(self.at, (u128::from(self.count & 0xfff) << 112) | (low >> 16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inboxops_proto::id::EventId;
    use std::time::Duration;

    #[test]
    fn what_is_stamped_and_lives_is_not_settled() {
        let at = |micros: i64| Timestamp::from_micros(1_000_000 + micros);
        let clock = Clock::manual(at(0));
        let stamps = Stamps::new(clock.clone(), Chance::seeded(7));
        assert_eq!(stamps.settled_before_now(), at(0));
        let (first, again) = (stamps.stamp(), stamps.stamp());
        clock.advance(Duration::from_micros(10));
        let second = stamps.stamp();
        assert_eq!((first.at, second.at, stamps.settled()), (at(0), at(10), at(0)));
        let copy = first.clone();
        drop((first, again));
        assert_eq!(stamps.settled(), at(0), "a copy is the same write");
        drop(copy);
        assert_eq!(stamps.settled(), at(10));
        drop(second);
        assert_eq!((stamps.settled_before_now(), stamps.settled()), (at(10), at(11)));
        assert_eq!(stamps.stamp().at, at(11), "what was told is settled stays so, though the clock stands still");
        stamps.not_before(at(50));
        assert_eq!((stamps.stamp().at, stamps.settled()), (at(50), at(50)), "or is behind another core's");
    }

    #[test]
    fn ids_of_a_stamp_rise_and_repeat() {
        let stamps = Stamps::new(Clock::manual(Timestamp::from_micros(1_795_507_200_000_000)), Chance::seeded(7));
        let stamp = stamps.stamp();
        let (mut first, mut again) = (stamp.ids(), stamp.ids());
        let made: Vec<EventId> = (0..20).map(|_| first.next(EventId::new)).collect();
        assert!(made.is_sorted(), "{made:?}");
        assert_eq!(made, (0..20).map(|_| again.next(EventId::new)).collect::<Vec<_>>());
        assert_ne!(made[0], stamps.stamp().ids().next(EventId::new));
        assert_eq!(made[0].0.get_version_num(), 7);
    }
}
