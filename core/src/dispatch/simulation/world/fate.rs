//! The faults of the simulation, their healing, and the checks at the end.

use super::*;

impl World {
    pub(super) fn trouble(&mut self) {
        if !self.troubled() {
            return;
        }
        let wait = self.dice.millis(500, 90_000);
        self.later(wait, Step::Trouble);
        let worker = usize::try_from(self.dice.below(WORKERS as u64)).expect("it is small");
        let slot = usize::try_from(self.dice.below(self.cores.len() as u64)).expect("it is small");
        let receiver = usize::try_from(self.dice.below(ENDPOINTS)).expect("it is small");
        match self.dice.below(10) {
            0 => self.core_dies(slot),
            1 => self.worker_dies(worker),
            2 if self.workers[worker].life != 0 && !self.workers[worker].frozen => {
                self.workers[worker].frozen = true;
                let wait = self.dice.millis(1000, 150_000);
                self.later(wait, Step::Thaw { worker });
            }
            3 if self.database => {
                self.database = false;
                let wait = self.dice.millis(100, 150_000);
                self.later(wait, Step::DatabaseBack);
            }
            4 => {
                let endpoint = self.receivers[receiver].id;
                let disabled = self.receivers[receiver].disabled;
                self.disable(endpoint, !disabled);
            }
            _ => {
                let moods = [Mood::Good, Mood::Good, Mood::Slow, Mood::Failing, Mood::Mute, Mood::Flaky, Mood::Gone];
                let mood = usize::try_from(self.dice.below(moods.len() as u64)).expect("it is small");
                self.receivers[receiver].mood = moods[mood];
            }
        }
    }

    /// Heals everything. One receiver goes on failing, so that something fails for good.
    pub(super) fn heal(&mut self) {
        self.database = true;
        for worker in 0..WORKERS {
            if self.workers[worker].frozen {
                self.happen(Step::Thaw { worker });
            }
            self.worker_starts(worker);
        }
        (0..self.cores.len()).for_each(|slot| self.core_starts(slot));
        for n in 0..self.receivers.len() {
            self.receivers[n].mood = if n == 0 { Mood::Failing } else { Mood::Good };
            let endpoint = self.receivers[n].id;
            self.disable(endpoint, false);
        }
    }

    /// Checks everything that must hold at the end.
    pub(super) fn account(&self) -> String {
        let mut delivered = 0;
        let mut failed = 0;
        let mut twice = 0;
        for (id, row) in &self.memory.rows {
            let recorded = row.attempts.values().filter(|it| **it == Some(true)).count();
            let got: Vec<bool> = (1..=row.attempt).filter_map(|n| self.received.get(&(*id, n)).copied()).collect();
            match row.state {
                State::Delivered => {
                    delivered += 1;
                    assert_eq!(recorded, 1, "delivered, and {recorded} successes on record");
                    assert!(got.contains(&true), "on record as delivered and never received");
                }
                State::Failed => {
                    failed += 1;
                    assert_eq!(recorded, 0, "failed, and a success is on record");
                    let gone = row.failures < ATTEMPTS_MAX;
                    assert!(gone || row.failures == ATTEMPTS_MAX, "{} failures", row.failures);
                }
                State::Waiting | State::Leased => panic!("it was to be quiet"),
            }
            twice += got.iter().filter(|it| **it).count().saturating_sub(1);
        }
        for (id, n) in self.received.keys() {
            assert!(self.memory.rows[id].attempts.contains_key(n), "a request that is not on record");
        }
        let hours = self.now.since(START).as_secs() / 3600;
        format!(
            "{hours} h, {} steps, {} crashes, {delivered} delivered, {failed} failed, {} leases lost, {twice} twice, {} stale, \
             {} at once again",
            self.steps, self.crashes, self.memory.lost, self.stale, self.again
        )
    }
}
