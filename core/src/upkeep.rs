//! Periodic duties of a core for its database: deletes the rows of deleted endpoints, old commits, expired secrets and
//! ended sessions, records when keys were used, and recounts lanes and names the tickets of events after cores of an
//! earlier release. Each duty has its time, so that nothing runs while nothing happens.

use crate::{
    auth::Authority,
    error::{Result, chain},
    sessions::Sessions,
    store::{
        self, Db, Queue,
        chores::{self, Chores},
        recount,
    },
    time_and_chance::Stamps,
};
use inboxops_proto::clock::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often the last uses of keys are written.
const LAST_USED_EVERY: Duration = Duration::from_secs(20);
/// How often limiters drop old entries from memory, and a core that shares its database checks for cores of an earlier
/// release.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// Shortest time between two cleanups: a commit's leftovers wait no longer than this.
const TURN_EVERY: Duration = Duration::from_secs(60);
/// Longest time between two cleanups: another core may have left something.
const TURN_LATEST: Duration = Duration::from_secs(3600);
/// Greatest number of deliveries of a deleted endpoint that one transaction deletes.
const DELETE_MAX: usize = 500;

/// The periodic duties of one core.
pub(crate) struct Upkeep {
    pub(crate) db: Db,
    pub(crate) stamps: Stamps,
    pub(crate) authority: Arc<Authority>,
    pub(crate) sessions: Arc<Sessions>,
}

impl Upkeep {
    /// Runs until `shutdown`; then writes what is only in memory.
    pub(crate) async fn keep(&self, shutdown: &CancellationToken) {
        let clock = self.stamps.clock();
        let mut committed = self.db.committed();
        let begin = self.stamps.now();
        let mut last_used = begin.plus(LAST_USED_EVERY);
        let mut forget = begin.plus(FORGET_EVERY);
        let mut unnamed = true;
        // When the next cleanup is due, and the earliest time for one.
        let mut next = begin;
        let mut soonest = begin;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = clock.until(last_used) => {
                    self.flush_last_used().await;
                    last_used = self.stamps.now().plus(LAST_USED_EVERY);
                }
                () = clock.until(forget) => {
                    self.authority.forget_old();
                    self.sessions.forget_old();
                    self.warn("recount lanes", self.recount().await);
                    if unnamed {
                        let named = self.name_tickets(shutdown).await;
                        // Cores of an earlier release may write more of them, but not into SQLite.
                        unnamed = named.is_err() || self.db.is_shared();
                        self.warn("name the tickets of older events", named);
                    }
                    forget = self.stamps.now().plus(FORGET_EVERY);
                }
                () = clock.until(next) => {
                    let due = self.turn(shutdown).await;
                    let now = self.stamps.now();
                    soonest = now.plus(TURN_EVERY);
                    next = due.unwrap_or(soonest).clamp(soonest, now.plus(TURN_LATEST));
                }
                () = committed.wait(), if next > soonest => next = soonest,
            }
        }
        self.flush_last_used().await;
    }

    /// Cleans up what is due; returns when the next row is due, or `None` to look again.
    async fn turn(&self, shutdown: &CancellationToken) -> Option<Timestamp> {
        let chores = match chores::due(&self.db).await {
            Ok(chores) => chores,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "upkeep cannot read what is due, will retry");
                return None;
            }
        };
        let now = self.stamps.now();
        if chores.first().is_none_or(|at| at > now) {
            return Some(chores.first().unwrap_or(now.plus(TURN_LATEST)));
        }
        let Chores { endpoints, changes, secrets, sessions } = chores;
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_due(secrets) {
            let pass = async move |tx: &mut store::SystemTx<'_>| store::endpoints::pass_time(tx, now).await;
            self.warn("delete expired signing secrets", self.db.system(Queue::Claims, pass).await.map_err(Into::into));
        }
        if is_due(sessions) {
            self.warn("delete the rows of ended sessions", self.authority.delete_old_sessions().await);
        }
        if is_due(endpoints) {
            let delete =
                async move |tx: &mut store::SystemTx<'_>| store::endpoints::delete_rows(tx, now, DELETE_MAX).await;
            self.warn("delete the rows of deleted endpoints", self.all(delete, shutdown).await);
        }
        if is_due(changes) {
            let delete = async move |tx: &mut store::SystemTx<'_>| store::changes::delete_old(tx, now).await;
            self.warn("delete the rows of old commits", self.all(delete, shutdown).await);
        }
        None
    }

    /// Recounts lanes once no core of a release runs that does not count.
    async fn recount(&self) -> Result<()> {
        if !self.db.is_shared() {
            return Ok(());
        }
        match recount::look(&self.db, self.stamps.now()).await? {
            recount::RecountStep::Nothing | recount::RecountStep::Wait => return Ok(()),
            recount::RecountStep::Note => return Ok(self.db.system(Queue::Claims, recount::note).await?),
            recount::RecountStep::Count => {}
        }
        let mut after = None;
        loop {
            let endpoints = store::retention::endpoints(&self.db, after).await?;
            let Some((last, _)) = endpoints.last() else { break };
            after = Some(*last);
            for (endpoint, _) in endpoints {
                self.db.system(Queue::Claims, async move |tx| recount::count(tx, endpoint).await).await?;
            }
        }
        self.db.system(Queue::Claims, recount::done).await?;
        tracing::info!("lanes are recounted: no core of an earlier release runs any more");
        Ok(())
    }

    /// Names the tickets of events that an earlier release wrote.
    async fn name_tickets(&self, shutdown: &CancellationToken) -> Result<()> {
        if !store::unnamed::any(&self.db).await? {
            return Ok(());
        }
        let name = async move |tx: &mut store::SystemTx<'_>| store::unnamed::name(tx).await;
        self.all(name, shutdown).await
    }

    /// Repeats a step in small batches, so that nothing else waits long, until nothing is left.
    async fn all(
        &self,
        batch: impl AsyncFn(&mut store::SystemTx<'_>) -> store::Result<bool> + Send + Copy + 'static,
        shutdown: &CancellationToken,
    ) -> Result<()> {
        while !shutdown.is_cancelled() && self.db.system(Queue::Claims, batch).await? {}
        Ok(())
    }

    fn warn(&self, what: &'static str, done: Result<()>) {
        if let Err(error) = done {
            tracing::warn!(error = chain(&error), "upkeep cannot {what}, will retry");
        }
    }

    async fn flush_last_used(&self) {
        self.warn("record when keys and sessions were last used", self.authority.flush_last_used().await);
    }
}
