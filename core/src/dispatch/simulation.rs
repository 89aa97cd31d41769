//! Simulates dispatch through hours of virtual time: a seeded scheduler drives the real hub, the real settling and the
//! real schedule with a store in memory, and breaks cores, workers, receivers and the database meanwhile. Invariants
//! are checked at every step; the final state is checked after everything has healed. A failure prints its seed;
//! `INBOXOPS_SIMULATION_SEED` runs that seed alone, `INBOXOPS_SIMULATION_SEEDS` sets the number of seeds.

mod memory;
mod world;

use std::time::Duration;
use world::World;

/// Seeds that every test run tries.
const SEEDS: u64 = 8;
/// Virtual time during which things break.
const TROUBLE: Duration = Duration::from_secs(2 * 3600);

/// Chance from a seed: SplitMix64.
#[derive(Clone, Debug)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(low + self.below(high - low + 1))
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn nothing_is_lost_or_sent_unseen_in_hours_of_trouble() {
    let seeds = match number("INBOXOPS_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..1 + number("INBOXOPS_SIMULATION_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let run = std::panic::catch_unwind(|| World::new(seed).run(TROUBLE));
        match run {
            Ok(told) => println!("seed {seed}: {told}"),
            Err(panic) => {
                eprintln!("the simulation failed with INBOXOPS_SIMULATION_SEED={seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
}
