//! Time and chance of one request, captured before its write: the write's closure may run twice and must then make
//! the same rows. It knows no noun.

use inboxops_proto::clock::{Clock, Timestamp};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::sync::{Arc, Mutex, PoisonError};

/// Where chance comes from: the system, or a test's seed.
#[derive(Clone)]
pub enum Chance {
    /// A generator that the operating system seeded.
    System,
    /// A generator with a known seed, for tests that compare whole bodies.
    Seeded(Arc<Mutex<StdRng>>),
}

impl Chance {
    /// Chance that repeats for the same `seed`.
    pub fn seeded(seed: u64) -> Chance {
        Chance::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Fills `bytes` with chance fit for secrets.
    pub fn fill(&self, bytes: &mut [u8]) {
        match self {
            Chance::System => rand::rng().fill_bytes(bytes),
            Chance::Seeded(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes),
        }
    }
}

/// Makes [`Stamp`]s: what the nouns hold of time and chance.
#[derive(Clone)]
pub struct Stamps {
    clock: Clock,
    chance: Chance,
}

impl Stamps {
    /// From the clock and the chance that `main` built.
    pub fn new(clock: Clock, chance: Chance) -> Stamps {
        Stamps { clock, chance }
    }

    /// The clock that stamps are made by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Fills `bytes` with chance fit for secrets.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.chance.fill(bytes);
    }

    /// Time and chance for one request.
    pub fn stamp(&self) -> Stamp {
        let mut seed = [0; 32];
        self.chance.fill(&mut seed);
        Stamp { at: self.clock.now(), seed }
    }
}

/// Time and chance of one request. Copies give the same ids.
#[derive(Clone, Copy)]
pub struct Stamp {
    /// The moment at which the request is decided.
    pub at: Timestamp,
    seed: [u8; 32],
}

impl Stamp {
    /// The ids of this stamp, from the first on.
    pub fn ids(&self) -> Ids {
        let mut rng = StdRng::from_seed(self.seed);
        // Half of the 12 counter bits start random, so that two stamps of one millisecond rarely interleave.
        let count = rng.next_u32() & 0x3ff;
        Ids { at: self.at, rng, count }
    }
}

/// Makes ids that rise within one stamp: the events of a group keep their order.
pub struct Ids {
    at: Timestamp,
    rng: StdRng,
    count: u32,
}

impl Ids {
    /// The next id, of any noun: `ids.next(TicketId::new)`.
    pub fn next<T>(&mut self, make: impl FnOnce(Timestamp, u128) -> T) -> T {
        self.count += 1;
        let low = (u128::from(self.rng.next_u64()) << 64) | u128::from(self.rng.next_u64());
        // The layout of version 7 spends four of these bits on the version, hence the counter's place.
        make(self.at, (u128::from(self.count & 0xfff) << 112) | (low >> 16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inboxops_proto::id::EventId;

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
