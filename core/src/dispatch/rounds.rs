//! What dispatch does again and again while it runs: gives leases back, takes back leases that ended, and tells the other
//! cores that it lives. A database that is away is asked again, for ever.

use super::{
    Dispatcher,
    hub::{Hub, Item},
};
use crate::{
    error::{Result, chain},
    store::{
        self, Lane,
        cores::SILENCE,
        dispatch::{Lease, Which},
    },
};
use inboxops_proto::clock::Timestamp;
use std::{
    sync::{Arc, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How often the hub is told the time while something waits in it.
pub const TICK: Duration = Duration::from_millis(250);
/// Shortest time between two looks at endpoints that wait for their rates.
pub const PACE_MIN: Duration = Duration::from_millis(5);
/// How often leases that ended are looked for.
pub const REAP: Duration = Duration::from_secs(1);
/// How often this core tells the others that it lives.
pub const BEAT: Duration = Duration::from_secs(2);

/// What a core knows of its own beats, to judge by the silence of others: after the database was away, all are silent,
/// and one that could not tell that it lives must not be taken for dead.
#[derive(Debug, Default)]
pub(super) struct Beats {
    since: Option<Timestamp>,
}

impl Beats {
    /// A beat is on record.
    pub(super) fn succeeded(&mut self, now: Timestamp) {
        self.since.get_or_insert(now);
    }

    /// A beat could not be recorded.
    pub(super) fn failed(&mut self) {
        self.since = None;
    }

    /// Whether all cores that live could tell so since.
    pub(super) fn may_judge(&self, now: Timestamp) -> bool {
        self.since.is_some_and(|since| now.since(since) >= SILENCE)
    }
}

impl Dispatcher {
    /// Runs until `shutdown`: claims, parks, reaps. Then gives back what waits in memory.
    pub async fn run(self: Arc<Self>, mut to_park: mpsc::UnboundedReceiver<Vec<Item>>, shutdown: CancellationToken) {
        tokio::join!(self.claim_what_waits(&shutdown), self.look_after_leases(&mut to_park, &shutdown));
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let actions = self.hub().park_all();
        self.act(actions);
        while let Ok(items) = to_park.try_recv() {
            self.park(items, &mut to_park).await;
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn look_after_leases(
        self: &Arc<Self>,
        to_park: &mut mpsc::UnboundedReceiver<Vec<Item>>,
        shutdown: &CancellationToken,
    ) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut reaped, mut beaten) = (tokio::time::Instant::now(), tokio::time::Instant::now());
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(items) = to_park.recv() => self.park(items, to_park).await,
                () = self.pace() => self.drive(Hub::pump),
                () = self.paced.notified() => {}
                _ = tick.tick() => {
                    let now = self.stamps.now();
                    if !self.hub().is_idle() {
                        self.drive(|hub| hub.tick(now));
                    }
                    if reaped.elapsed() >= REAP {
                        self.attempt("reap", self.reap()).await;
                        self.attempt("claim tests", self.claim_tests()).await;
                        reaped = tokio::time::Instant::now();
                    }
                    if beaten.elapsed() >= BEAT {
                        self.attempt("beat", self.beat()).await;
                        beaten = tokio::time::Instant::now();
                    }
                }
            }
        }
    }

    pub(super) async fn attempt(&self, what: &'static str, doing: impl Future<Output = Result<()>>) {
        // The database may be away for minutes: the next turn tries again, for ever.
        if let Err(error) = doing.await {
            tracing::warn!(what, error = chain(&error), "dispatch could not use the database");
        }
    }

    async fn park(self: &Arc<Self>, mut items: Vec<Item>, more: &mut mpsc::UnboundedReceiver<Vec<Item>>) {
        while let Ok(next) = more.try_recv() {
            items.extend(next);
        }
        let leases: Vec<Lease> =
            items.iter().map(|item| Lease { delivery: item.delivery, token: item.token }).collect();
        let now = self.stamps.now();
        let park = self.db.system(Lane::Claims, async move |tx| store::dispatch::park(tx, &leases, now).await);
        self.attempt("park", async { Ok(park.await.map(drop)?) }).await;
        self.drive(|hub| {
            hub.parked(&items);
            Vec::new()
        });
    }

    /// Takes back the leases of a predecessor that died: where this is the only process, all that there are. Call it
    /// once, before anything can be leased.
    pub async fn void(&self) -> Result<()> {
        if self.db.is_shared() { Ok(()) } else { self.take_back(Which::All).await }
    }

    async fn reap(&self) -> Result<()> {
        self.take_back(Which::Ended).await?;
        // After silence, as when the database was away, this core would find itself among the dead.
        self.beat().await?;
        if self.beats().may_judge(self.stamps.now()) {
            self.take_back(Which::OfDeadCores).await?;
        }
        Ok(())
    }

    async fn beat(&self) -> Result<()> {
        let beaten = store::cores::beat(&self.db).await;
        match &beaten {
            Ok(_) => self.beats().succeeded(self.stamps.now()),
            Err(_) => self.beats().failed(),
        }
        self.live_cores.store(beaten?, Ordering::Relaxed);
        Ok(())
    }

    fn beats(&self) -> MutexGuard<'_, Beats> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take_back(&self, which: Which) -> Result<()> {
        let mut all = 0;
        loop {
            let now = self.stamps.now();
            let taken =
                self.db.system(Lane::Claims, async move |tx| store::dispatch::reap(tx, which, now).await).await?;
            all += taken;
            if i64::try_from(taken).is_ok_and(|taken| taken < store::dispatch::REAP_MAX) {
                break;
            }
        }
        if all > 0 {
            self.metrics.leases_ended(all);
            tracing::warn!(leases = all, ?which, "leases ended without a report");
            self.wake();
        }
        Ok(())
    }

    /// Ends when an endpoint that waits for its rate alone has waited enough.
    async fn pace(&self) {
        let Some(until) = self.hub().paced_until() else { return std::future::pending().await };
        tokio::time::sleep(until.since(self.stamps.now()).max(PACE_MIN)).await;
    }
}
