//! Maintains the data behind lists: the index of subjects follows the writes; the counts are checked at the start and
//! recounted when they do not add up; needless rows are deleted. Several cores may do this at the same time.

use crate::{
    error::{Result, chain},
    store::{
        self, Db, Queue,
        relist::{self, RecountStep},
        spans::{self, Kind},
        subjects,
    },
    time_and_chance::Stamps,
};
use inboxops_proto::{clock::Timestamp, id::TenantId};
use std::{ops::ControlFlow, time::Duration};
use tokio_util::sync::CancellationToken;

/// Time to wait after a commit that changes subjects, so that the index follows several commits at once.
const GATHER: Duration = Duration::from_secs(1);
/// How often to check whether cores of an earlier release still run, and the pause after a database error.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How often to look for spans whose seconds are no longer needed.
const DELETE_EVERY: Duration = Duration::from_secs(3600);
/// The first look goes this far back. Older spans, left by a server that was stopped, only take space.
const DELETE_BACK: Duration = Duration::from_secs(31 * 24 * 3600);
/// Spans whose seconds one transaction deletes.
const SPANS_MAX: usize = 64;

/// The maintenance of one core's lists.
pub(crate) struct ListIndex {
    db: Db,
    stamps: Stamps,
}

impl ListIndex {
    pub(crate) fn new(db: Db, stamps: Stamps) -> ListIndex {
        ListIndex { db, stamps }
    }

    /// Runs until `shutdown`.
    pub(crate) async fn run(&self, shutdown: &CancellationToken) {
        loop {
            match self.settle().await {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(error = chain(&error), "recounting tickets and tags for lists failed, will retry");
                }
            }
            if self.pause(ASK_EVERY, shutdown).await.is_break() {
                return;
            }
        }
        tokio::join!(self.follow(shutdown), self.delete_seconds_often(shutdown));
    }

    async fn pause(&self, length: Duration, shutdown: &CancellationToken) -> ControlFlow<()> {
        tokio::select! {
            () = shutdown.cancelled() => ControlFlow::Break(()),
            () = self.stamps.clock().until(self.stamps.now().plus(length)) => ControlFlow::Continue(()),
        }
    }

    /// Checks that the counts add up, and recounts those that do not once no core of an earlier release runs. Returns
    /// whether the counts are right.
    pub(crate) async fn settle(&self) -> Result<bool> {
        loop {
            match relist::look(&self.db, self.stamps.now()).await? {
                RecountStep::Nothing => {
                    self.db.set_counts_add_up(true);
                    return Ok(true);
                }
                RecountStep::Note => self.db.system(Queue::Claims, relist::note).await?,
                RecountStep::Wait => return Ok(false),
                RecountStep::Count => self.count().await?,
            }
        }
    }

    async fn count(&self) -> Result<()> {
        let mut after = None;
        loop {
            let tenants = relist::tenants(&self.db, after).await?;
            let Some(last) = tenants.last() else { break };
            after = Some(*last);
            for tenant in tenants {
                let now = self.stamps.now();
                for step in relist::steps() {
                    let count = async move |tx: &mut store::SystemTx<'_>| relist::count(tx, tenant, step, now).await;
                    self.db.system(Queue::Tenant(tenant), count).await?;
                }
                let refold =
                    async move |tx: &mut store::SystemTx<'_>| subjects::refold_rest(&mut tx.enter(tenant)).await;
                self.db.system(Queue::Tenant(tenant), refold).await?;
            }
        }
        self.db.system(Queue::Claims, relist::done).await?;
        tracing::info!("tickets and tags are recounted for lists");
        Ok(())
    }

    async fn follow(&self, shutdown: &CancellationToken) {
        // Nothing reports what earlier processes left.
        let mut all = true;
        loop {
            if let Err(error) = self.pass(all, shutdown).await {
                tracing::warn!(error = chain(&error), "indexing subjects failed, will retry");
                all = true;
                if self.pause(ASK_EVERY, shutdown).await.is_break() {
                    return;
                }
                continue;
            }
            all = false;
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.db.behind().rung() => {}
            }
            if self.pause(GATHER, shutdown).await.is_break() {
                return;
            }
        }
    }

    /// Brings the index of subjects up to date: for the tenants of recent commits, or for all.
    pub(crate) async fn pass(&self, all: bool, shutdown: &CancellationToken) -> Result<()> {
        let mut tenants = self.db.behind().take();
        if all {
            tenants.extend(subjects::lag(&self.db).await?);
        }
        for tenant in tenants {
            while !shutdown.is_cancelled() && self.step(tenant).await? {}
        }
        Ok(())
    }

    /// Indexes one batch; returns whether there is more to do now.
    async fn step(&self, tenant: TenantId) -> Result<bool> {
        let queue = Queue::Tenant(tenant);
        let changes = self.db.system(queue, async move |tx| subjects::changes(&mut tx.enter(tenant)).await).await?;
        let packed = self.db.system(queue, async move |tx| subjects::pack(&mut tx.enter(tenant)).await).await?;
        Ok(self.seal(tenant).await? || changes || packed)
    }

    /// Builds the lists of a full segment; returns whether there was one.
    async fn seal(&self, tenant: TenantId) -> Result<bool> {
        let Some(full) = subjects::full(&self.db, tenant).await? else { return Ok(false) };
        let full = std::sync::Arc::new(full);
        let of = full.clone();
        let Ok(lists) = tokio::task::spawn_blocking(move || of.lists()).await else { return Ok(false) };
        let mut rest = lists;
        loop {
            let now = rest.split_off(rest.len() - rest.len().min(subjects::LISTS_MAX));
            let full = full.clone();
            let last = rest.is_empty();
            let write = async move |tx: &mut store::SystemTx<'_>| {
                subjects::seal(&mut tx.enter(tenant), &full, &now, last).await
            };
            // Another core has done it, or something changed meanwhile: look again.
            if !self.db.system(Queue::Tenant(tenant), write).await? || last {
                return Ok(true);
            }
        }
    }

    async fn delete_seconds_often(&self, shutdown: &CancellationToken) {
        let mut from = self.stamps.now().minus(DELETE_BACK);
        loop {
            let now = self.stamps.now();
            match self.delete_seconds(from, now).await {
                // The next run starts a day earlier, so that it also sees what has ended meanwhile.
                Ok(()) => from = now.minus(DELETE_EVERY * 24),
                Err(error) => {
                    tracing::warn!(error = chain(&error), "deleting needless seconds of spans failed, will retry");
                }
            }
            if self.pause(DELETE_EVERY, shutdown).await.is_break() {
                return;
            }
        }
    }

    /// Deletes the seconds of spans with few tickets that began at `from` or later and ended a while before `now`.
    /// Several cores may do so at the same time.
    pub(crate) async fn delete_seconds(&self, from: Timestamp, now: Timestamp) -> Result<()> {
        let mut after = None;
        loop {
            let tenants = relist::tenants(&self.db, after).await?;
            let Some(last) = tenants.last() else { return Ok(()) };
            after = Some(*last);
            for (tenant, kind) in tenants.into_iter().flat_map(|it| [(it, Kind::Created), (it, Kind::Updated)]) {
                let spans = spans::needless(&self.db, tenant, kind, from, now).await?;
                for some in spans.chunks(SPANS_MAX) {
                    let some = some.to_vec();
                    let delete =
                        async move |tx: &mut store::SystemTx<'_>| spans::delete_seconds(tx, tenant, kind, &some).await;
                    self.db.system(Queue::Tenant(tenant), delete).await?;
                }
            }
        }
    }
}
