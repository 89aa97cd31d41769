//! What is due by time alone: expired leases, tests that wait outside the lanes and, on PostgreSQL, the beat, by which
//! this core reports that it lives and learns what other cores may have left. The next time is known, so nothing is
//! polled while nothing happens.

use super::Dispatcher;
use crate::{
    error::{Result, chain},
    store::{
        self, Queue,
        cores::SILENCE,
        dispatch::{Due, Which},
    },
};
use inboxops_proto::clock::Timestamp;
use std::{
    collections::BTreeSet,
    sync::{Arc, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

/// Shortest time between two looks for what is due.
pub(crate) const REAP: Duration = Duration::from_secs(1);
/// How often this core reports that it lives.
pub(crate) const BEAT: Duration = Duration::from_secs(2);

/// What a core knows of its own and other cores' beats, to judge which cores are dead. After an outage all cores are
/// silent, and one that could not write its beat must not count as dead.
#[derive(Debug)]
pub(super) struct Beats {
    since: Option<Timestamp>,
    others: BTreeSet<i64>,
    /// Whether a core may have died whose leases nobody has taken back.
    missed: bool,
}

impl Default for Beats {
    /// Nothing is known of earlier beats.
    fn default() -> Beats {
        Beats { since: None, others: BTreeSet::new(), missed: true }
    }
}

impl Beats {
    /// A beat was recorded.
    pub(super) fn succeeded(&mut self, now: Timestamp) {
        self.since.get_or_insert(now);
    }

    /// A beat could not be recorded.
    pub(super) fn failed(&mut self) {
        self.since = None;
    }

    /// These cores live besides this one.
    fn heard(&mut self, others: Vec<i64>) {
        let others = BTreeSet::from_iter(others);
        self.missed |= !self.others.is_subset(&others);
        self.others = others;
    }

    /// Whether the database has been reachable long enough for every live core to write its beat.
    pub(super) fn may_judge(&self, now: Timestamp) -> bool {
        self.since.is_some_and(|since| now.since(since) >= SILENCE)
    }
}

impl Dispatcher {
    /// Something was leased or waits: look up again when the next thing is due.
    pub(super) fn look_again(&self) {
        self.changed.notify_one();
    }

    /// Runs until `shutdown`.
    pub(super) async fn upkeep(self: &Arc<Self>, shutdown: &CancellationToken) {
        let clock = self.stamps.clock();
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // No look since `rest`; a look is requested, or the next one is due at `next`.
        let mut rest = Instant::now();
        let mut wanted = true;
        let mut next = None;
        loop {
            let at_next = async {
                match next {
                    Some(at) => clock.until(at).await,
                    None => std::future::pending().await,
                }
            };
            let due = tokio::select! {
                () = shutdown.cancelled() => return,
                _ = beat.tick(), if self.db.is_shared() => self.beat().await,
                () = sleep_until(rest), if wanted => self.look().await,
                () = self.changed.notified(), if !wanted => {
                    wanted = true;
                    continue;
                }
                () = at_next, if !wanted => {
                    wanted = true;
                    continue;
                }
            };
            (wanted, next) = match due {
                Ok(due) => self.see_to(due).await,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "reading due leases and tests failed, will retry");
                    (true, None)
                }
            };
            rest = Instant::now() + REAP;
        }
    }

    async fn look(&self) -> Result<Due> {
        Ok(store::dispatch::due(&self.db).await?)
    }

    /// Records that this core lives, and takes back the leases of dead cores.
    async fn beat(&self) -> Result<Due> {
        let beaten = store::dispatch::beat(&self.db, self.stamps.settled_before_now()).await;
        let now = self.stamps.now();
        let beat = match beaten {
            Ok(beat) => beat,
            Err(error) => {
                self.beats().failed();
                return Err(error.into());
            }
        };
        self.live_cores
            .store(u32::try_from(beat.others.len()).unwrap_or(u32::MAX).saturating_add(1), Ordering::Relaxed);
        if beat.jobs {
            self.jobs.notify_one();
        }
        let judges = {
            let mut beats = self.beats();
            beats.succeeded(now);
            beats.heard(beat.others);
            beats.missed && beats.may_judge(now)
        };
        if judges {
            self.take_back(Which::OfDeadCores).await?;
            self.beats().missed = false;
        }
        Ok(beat.due)
    }

    fn beats(&self) -> MutexGuard<'_, Beats> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Handles what is due. Returns whether to look again soon, and otherwise when the next thing is due.
    async fn see_to(self: &Arc<Self>, due: Due) -> (bool, Option<Timestamp>) {
        let now = self.stamps.now();
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let mut again = false;
        if is_due(due.lease) {
            self.attempt("end leases that are over", self.take_back(Which::Ended)).await;
            again = true;
        }
        // Nothing can be sent without a worker; when one joins, this is called again.
        if is_due(due.test) && self.hub().has_workers() {
            self.attempt("claim tests", self.claim_tests()).await;
            again = true;
        }
        (again, [due.lease, due.test].into_iter().flatten().filter(|at| *at > now).min())
    }

    /// Takes back the leases of a dead predecessor: all leases, if this is the only process. Call it once, before
    /// anything can be leased.
    pub(crate) async fn void(&self) -> Result<()> {
        if self.db.is_shared() { Ok(()) } else { self.take_back(Which::All).await }
    }

    async fn take_back(&self, which: Which) -> Result<()> {
        let mut all = 0;
        loop {
            let now = self.stamps.now();
            let taken =
                self.db.system(Queue::Claims, async move |tx| store::dispatch::reap(tx, which, now).await).await?;
            all += taken;
            if i64::try_from(taken).is_ok_and(|taken| taken < store::dispatch::REAP_MAX) {
                break;
            }
        }
        if all > 0 {
            self.metrics.leases_ended(all);
            tracing::warn!(leases = all, ?which, "{all} leases ended without a report; their deliveries are due again");
            self.wake();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_795_521_600_000_000);

    #[test]
    fn a_core_that_is_not_heard_any_more_is_noticed_once() {
        let mut beats = Beats::default();
        assert!(std::mem::take(&mut beats.missed), "of those before, nothing is known");
        for (others, missed) in
            [(vec![], false), (vec![2, 3], false), (vec![3, 2, 4], false), (vec![3, 4], true), (vec![5], true)]
        {
            beats.heard(others.clone());
            assert_eq!(std::mem::take(&mut beats.missed), missed, "{others:?}");
        }
        beats.heard(vec![5]);
        assert!(!beats.missed);
    }

    #[test]
    fn only_a_core_that_could_tell_of_itself_judges() {
        let mut beats = Beats::default();
        beats.succeeded(NOON);
        assert!(!beats.may_judge(NOON.plus(SILENCE - Duration::from_micros(1))));
        assert!(beats.may_judge(NOON.plus(SILENCE)));
        beats.failed();
        beats.succeeded(NOON.plus(SILENCE));
        assert!(!beats.may_judge(NOON.plus(SILENCE + Duration::from_secs(9))));
    }
}
