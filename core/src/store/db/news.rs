//! News of commits: one reader of the log in each core notifies all listeners. This core's commits wake it, and a poll
//! finds the commits of other cores. A listener that lags, or comes late, reads the log itself; nothing depends on a
//! notification. It knows places, no delivery.

use super::{Db, error::Result, tx::TenantScope};
use crate::store::{
    changes::{self, ChangesByTenant, Place},
    deliveries::{self, Delivery},
};
use inboxops_proto::id::TenantId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, OnceCell, broadcast, watch};
use tokio_util::sync::CancellationToken;

/// How often to read the log for commits of other cores, while anybody listens (PostgreSQL).
pub(crate) const POLL: Duration = Duration::from_millis(250);
/// Pause after a read, so that many commits become few messages.
const PAUSE: Duration = Duration::from_millis(25);
/// Messages that a listener may lag behind before it has to read the log.
const LAG_MAX: usize = 64;

/// The news of a part of the log.
#[derive(Clone, Debug)]
pub(crate) struct CommitNews {
    /// The place before the part; `None` if something before it may be missing.
    pub(crate) from: Option<Place>,
    /// The place after the part.
    pub(crate) to: Place,
    pub(crate) changed: Arc<ChangesByTenant>,
    /// Rows that were read for listeners.
    rows: Arc<Mutex<HashMap<TenantId, Rows>>>,
}

type Rows = Arc<OnceCell<Arc<Vec<Delivery>>>>;

impl CommitNews {
    fn new(from: Option<Place>, to: Place, changed: ChangesByTenant) -> CommitNews {
        CommitNews { from, to, changed: Arc::new(changed), rows: Arc::default() }
    }

    /// The tenant's changed deliveries by id, as they are now or were a moment ago: read once for all listeners.
    pub(crate) async fn deliveries(&self, db: &Db, scope: &TenantScope) -> Result<Arc<Vec<Delivery>>> {
        let tenant = scope.tenant();
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_default().clone();
        let read = async || {
            let ids = self.changed.get(&tenant).map(Vec::as_slice).unwrap_or_default();
            let mut rows = deliveries::these(&mut db.read(scope.clone()).await?, ids).await?;
            rows.sort_unstable_by_key(|row| row.id);
            Ok(Arc::new(rows))
        };
        rows.get_or_try_init(read).await.cloned()
    }
}

type Bells = HashMap<TenantId, watch::Sender<u64>>;

/// Where listeners subscribe.
pub(in crate::store) struct News {
    bell: Notify,
    told: broadcast::Sender<CommitNews>,
    /// One bell for each tenant that somebody listens to.
    bells: Mutex<Bells>,
}

/// Notifies when commits may have changed something of a tenant.
pub(crate) struct Hearing {
    told: watch::Receiver<u64>,
    // After the receiver, which is counted until it is dropped.
    _leave: Leave,
}

struct Leave {
    news: Arc<News>,
    tenant: TenantId,
}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut bells = self.news.bells();
        if bells.get(&self.tenant).is_some_and(|bell| bell.receiver_count() == 0) {
            bells.remove(&self.tenant);
        }
    }
}

impl Hearing {
    /// Number of notifications so far, at least one.
    pub(crate) fn told(&mut self) -> u64 {
        *self.told.borrow_and_update()
    }

    /// Waits for the next notification and returns their number; `None` if there will be no more.
    pub(crate) async fn hear(&mut self) -> Option<u64> {
        self.told.changed().await.ok()?;
        Some(self.told())
    }
}

impl News {
    pub(in crate::store) fn new() -> News {
        News { bell: Notify::new(), told: broadcast::channel(LAG_MAX).0, bells: Mutex::default() }
    }

    /// This core has committed something.
    pub(in crate::store) fn ring(&self) {
        self.bell.notify_one();
    }

    fn bells(&self) -> MutexGuard<'_, Bells> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_heard(&self) -> bool {
        self.told.receiver_count() > 0 || !self.bells().is_empty()
    }

    fn tell(&self, told: CommitNews) {
        let ring = |bell: &watch::Sender<u64>| bell.send_modify(|count| *count += 1);
        {
            let bells = self.bells();
            match told.from {
                None => bells.values().for_each(ring),
                Some(_) if bells.is_empty() => {}
                Some(_) => told.changed.keys().filter_map(|tenant| bells.get(tenant)).for_each(ring),
            }
        }
        let _ = self.told.send(told);
    }
}

impl Db {
    /// Subscribes to the changes of commits. Something may be missed before the first message and after a lag; read the
    /// log then.
    pub(crate) fn listen(&self) -> broadcast::Receiver<CommitNews> {
        let listener = self.news().told.subscribe();
        self.news().ring();
        listener
    }

    /// Subscribes to commits that may have changed something of a tenant.
    pub(crate) fn hear(&self, tenant: TenantId) -> Hearing {
        let news = self.news().clone();
        let told = news.bells().entry(tenant).or_insert_with(|| watch::channel(1).0).subscribe();
        news.ring();
        Hearing { told, _leave: Leave { news, tenant } }
    }

    /// Notifies the listeners until `shutdown`.
    pub(crate) async fn tell(&self, shutdown: &CancellationToken) {
        let news = self.news();
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut place = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = news.bell.notified() => {}
                _ = poll.tick(), if self.is_shared() && news.is_heard() => {}
            }
            if !news.is_heard() {
                place = None;
                continue;
            }
            match self.tell_from(place).await {
                Ok(end) => place = Some(end),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "cannot read the log of commits");
                    place = None;
                    // There may be no further commit that would wake it.
                    tokio::time::sleep(POLL).await;
                    news.ring();
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends the news after a place and returns the place after them.
    async fn tell_from(&self, place: Option<Place>) -> Result<Place> {
        let news = self.news();
        let Some(mut place) = place else {
            let to = changes::end(self).await?;
            news.tell(CommitNews::new(None, to, ChangesByTenant::new()));
            return Ok(to);
        };
        loop {
            let passage = changes::since(self, place).await?;
            if passage.end != place {
                news.tell(CommitNews::new(Some(place), passage.end, passage.changed));
                place = passage.end;
            }
            if !passage.more {
                return Ok(place);
            }
        }
    }
}
