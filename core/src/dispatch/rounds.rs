//! What dispatch does again and again while it runs: gives leases back, asks for what is due, takes back leases that
//! ended, and tells the other cores that it lives. A database that is away is asked again, for ever.

use super::{Dispatcher, hub::Item, item};
use crate::{
    error::{Error, Result, chain},
    store::{
        self, LEASE, Lane,
        dispatch::{Claim, Lease, Which},
    },
};
use inboxops_proto::failpoint;
use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How often the database is asked for due deliveries.
pub const POLL: Duration = Duration::from_millis(250);
/// How often leases that ended are looked for.
pub const REAP: Duration = Duration::from_secs(1);
/// How often this core tells the others that it lives.
pub const BEAT: Duration = Duration::from_secs(2);
/// Greatest number of deliveries that one claim takes.
pub const CLAIM_MAX: usize = 256;

impl Dispatcher {
    /// Runs until `shutdown`: parks, polls, reaps. Then gives back what waits in memory.
    pub async fn run(self: Arc<Self>, mut to_park: mpsc::UnboundedReceiver<Vec<Item>>, shutdown: CancellationToken) {
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut reaped, mut beaten) = (tokio::time::Instant::now(), tokio::time::Instant::now());
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(items) = to_park.recv() => self.park(items, &mut to_park).await,
                _ = poll.tick() => {
                    let actions = self.hub().tick(self.stamps.now());
                    self.act(actions);
                    if reaped.elapsed() >= REAP {
                        self.attempt("reap", self.reap()).await;
                        reaped = tokio::time::Instant::now();
                    }
                    if beaten.elapsed() >= BEAT {
                        self.attempt("beat", self.beat()).await;
                        beaten = tokio::time::Instant::now();
                    }
                    self.claim_all().await;
                }
                () = self.wake.notified() => self.claim_all().await,
            }
        }
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let actions = self.hub().park_all();
        self.act(actions);
        while let Ok(items) = to_park.try_recv() {
            self.park(items, &mut to_park).await;
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(super) async fn attempt(&self, what: &'static str, doing: impl Future<Output = Result<()>>) {
        // The database may be away for minutes: the next turn tries again, for ever.
        if let Err(error) = doing.await {
            tracing::warn!(what, error = chain(&error), "dispatch could not use the database");
        }
    }

    async fn park(&self, mut items: Vec<Item>, more: &mut mpsc::UnboundedReceiver<Vec<Item>>) {
        while let Ok(next) = more.try_recv() {
            items.extend(next);
        }
        let leases: Vec<Lease> =
            items.iter().map(|item| Lease { delivery: item.delivery, token: item.token }).collect();
        let now = self.stamps.now();
        let park = self.db.system(Lane::Claims, async move |tx| store::dispatch::park(tx, &leases, now).await);
        self.attempt("park", async { Ok(park.await.map(drop)?) }).await;
        self.backlog.store(true, Ordering::Relaxed);
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
        self.take_back(Which::OfDeadCores).await
    }

    async fn beat(&self) -> Result<()> {
        self.live_cores.store(store::cores::beat(&self.db).await?, Ordering::Relaxed);
        Ok(())
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
            tracing::warn!(leases = all, ?which, "leases ended without a report");
        }
        Ok(())
    }

    /// Claims until nothing is due or no worker has room.
    async fn claim_all(self: &Arc<Self>) {
        loop {
            let shares = self.hub().shares(CLAIM_MAX);
            if shares.is_empty() {
                return;
            }
            let now = self.stamps.now();
            let claim = Claim { now, lease_until: now.plus(LEASE), lanes: store::dispatch::CLAIM_LANES_MAX };
            let claimed = self.db.system(Lane::Claims, async move |tx| {
                let mut shares = shares.clone();
                store::dispatch::claim(tx, claim, |turn| shares.take(turn.endpoint)).await
            });
            let claimed = match claimed.await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::warn!(error = chain(&Error::from(error)), "dispatch could not claim");
                    return;
                }
            };
            self.backlog.store(!claimed.is_empty(), Ordering::Relaxed);
            if claimed.is_empty() {
                return;
            }
            failpoint::fails("after_claim");
            let items = claimed.into_iter().map(|handed| item(handed, now)).collect();
            let actions = self.hub().offer(items);
            self.act(actions);
        }
    }
}
