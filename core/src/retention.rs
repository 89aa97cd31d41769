//! Retention: deletes what is old in small batches, and never anything that waits. A finished delivery is deleted with
//! its attempts when it is older than 30 days and not among the newest 100 of its endpoint; an event after 30 days,
//! unless a delivery refers to it. When several cores share a database, one of them does it.

use crate::{
    error::{Error, Result, chain},
    store::{self, Db, Queue, retention as rows, tallies},
    time_and_chance::Stamps,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, TenantId},
    limits::EVENTS_KEPT,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long hourly counts of attempts are kept; statistics show 7 days.
pub(crate) const KEEP_HOURS: Duration = Duration::from_secs(8 * DAY_SECS);
/// How long the answer to a write with an idempotency key is kept.
pub(crate) const KEEP_ANSWERS: Duration = Duration::from_secs(DAY_SECS);
/// How often old rows are looked for.
pub(crate) const EVERY: Duration = Duration::from_secs(3600);
/// How often to check whether a pass is due; a little longer than [`EVERY`], so that the hour has passed.
const LOOK_EVERY: Duration = EVERY.saturating_add(Duration::from_secs(1));
/// Pause after a database error.
const AGAIN_AFTER: Duration = Duration::from_secs(300);
/// Events of one batch. Each is checked against all endpoints of its tenant.
const EVENTS_MAX: i64 = 64;
/// Time between two batches, so that they never fill a writer's queue.
const PAUSE: Duration = Duration::from_millis(10);
/// The name under which the database stores the time of the last pass.
const DONE: &str = "retention";
const DAY_SECS: u64 = 24 * 3600;

/// The retention task of a core.
pub(crate) struct Retention {
    db: Db,
    stamps: Stamps,
}

/// The counts of one pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeletedCounts {
    pub(crate) deliveries: usize,
    pub(crate) events: usize,
    /// Greatest number of rows of either kind that one transaction deleted.
    pub(crate) at_once: usize,
}

impl Retention {
    pub(crate) fn new(db: Db, stamps: Stamps) -> Retention {
        Retention { db, stamps }
    }

    /// Runs a pass at the start and then every hour, until `shutdown`, unless another core has done so.
    pub(crate) async fn run(&self, shutdown: &CancellationToken) {
        let mut next = self.stamps.now();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.stamps.clock().until(next) => {}
            }
            let again = match self.pass(shutdown).await {
                Ok(None) => LOOK_EVERY,
                Ok(Some(DeletedCounts { deliveries, events, .. })) => {
                    tracing::info!(deliveries, events, "retention deleted old rows");
                    LOOK_EVERY
                }
                Err(error) => {
                    tracing::warn!(error = chain(&error), "retention failed, will retry");
                    AGAIN_AFTER
                }
            };
            next = self.stamps.now().plus(again);
        }
    }

    /// Runs one pass, unless there was one within the hour.
    pub(crate) async fn pass(&self, shutdown: &CancellationToken) -> Result<Option<DeletedCounts>> {
        let now = self.stamps.now();
        let claim = async move |tx: &mut store::SystemTx<'_>| rows::claim(tx, DONE, now, now.minus(EVERY)).await;
        if self.db.is_shared() {
            if !self.db.system(Queue::Claims, claim).await? {
                return Ok(None);
            }
        } else if rows::claimed(&self.db, DONE, now.minus(EVERY)).await? {
            return Ok(None);
        }
        let gone = self.everything(now, shutdown).await?;
        // If no other core needs to know, an idle server writes nothing.
        if !self.db.is_shared() && gone != DeletedCounts::default() {
            self.db.system(Queue::Claims, claim).await?;
        }
        Ok(Some(gone))
    }

    async fn everything(&self, now: Timestamp, shutdown: &CancellationToken) -> Result<DeletedCounts> {
        let mut gone = DeletedCounts::default();
        let mut after = None;
        loop {
            let endpoints = rows::endpoints(&self.db, after).await?;
            let Some((last, _)) = endpoints.last() else { break };
            after = Some(*last);
            for (endpoint, tenant) in endpoints {
                if shutdown.is_cancelled() {
                    return Ok(gone);
                }
                self.deliveries(tenant, endpoint, now, shutdown, &mut gone).await?;
                let hours = tallies::hour(now.minus(KEEP_HOURS));
                if rows::has_old_hours(&self.db, endpoint, hours).await? {
                    let delete =
                        async move |tx: &mut store::SystemTx<'_>| rows::delete_hours(tx, endpoint, hours).await;
                    self.db.system(Queue::Claims, delete).await?;
                }
            }
        }
        self.events(now, shutdown, &mut gone).await?;
        self.expired(now, shutdown).await?;
        Ok(gone)
    }

    async fn deliveries(
        &self,
        tenant: TenantId,
        endpoint: EndpointId,
        now: Timestamp,
        shutdown: &CancellationToken,
        gone: &mut DeletedCounts,
    ) -> Result<()> {
        let Some(kept) = rows::oldest_kept(&self.db, endpoint).await? else { return Ok(()) };
        let old = now.minus(EVENTS_KEPT);
        // An id begins with the time of the event, which is never later than the delivery.
        let before = kept.min(DeliveryId::new(old, 0));
        let mut after = None;
        while !shutdown.is_cancelled() {
            let passed = rows::deliveries(&self.db, endpoint, after, before).await?;
            let Some(last) = passed.last() else { return Ok(()) };
            after = Some(last.id);
            let ids: Vec<DeliveryId> = passed.iter().filter(|it| it.at < old).map(|it| it.id).collect();
            if !ids.is_empty() {
                let delete =
                    async move |tx: &mut store::SystemTx<'_>| rows::delete_deliveries(tx, tenant, endpoint, &ids).await;
                let deleted = self.db.system(Queue::Claims, delete).await?;
                gone.deliveries += deleted;
                gone.at_once = gone.at_once.max(deleted);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn events(&self, now: Timestamp, shutdown: &CancellationToken, gone: &mut DeletedCounts) -> Result<()> {
        let old = now.minus(EVENTS_KEPT);
        let mut after = 0;
        while !shutdown.is_cancelled() {
            let mut passed = rows::events(&self.db, after, EVENTS_MAX).await?;
            let Some(last) = passed.last() else { return Ok(()) };
            after = last.seq;
            passed.retain(|event| event.at < old);
            if passed.is_empty() {
                // Numbers follow the time within some minutes; the next pass deletes the rest.
                return Ok(());
            }
            let referred = rows::referred(&self.db, &passed).await?;
            let seqs: Vec<i64> = passed.iter().filter(|it| !referred.contains(&it.id)).map(|it| it.seq).collect();
            if !seqs.is_empty() {
                gone.events += seqs.len();
                gone.at_once = gone.at_once.max(seqs.len());
                let delete = async move |tx: &mut store::SystemTx<'_>| rows::delete_events(tx, &seqs).await;
                self.db.system(Queue::Claims, delete).await?;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn expired(&self, now: Timestamp, shutdown: &CancellationToken) -> Result<(), Error> {
        let times = [now.minus(KEEP_ANSWERS), now.minus(EVENTS_KEPT)];
        for table in 0..rows::EXPIRING {
            let delete = async move |tx: &mut store::SystemTx<'_>| rows::delete_expired(tx, table, times).await;
            while !shutdown.is_cancelled() && self.db.system(Queue::Claims, delete).await? {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }
}
