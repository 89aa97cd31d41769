//! How those who follow hear of commits: one reader of the log in each core, rung by this core's own commits and by a
//! poll for those of others, tells all that listen. Who lags, or comes late, reads the log itself; nothing depends on
//! being told. It knows places, no delivery.

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

/// How often the log is read for what other cores committed, while anybody listens (PostgreSQL).
pub(crate) const POLL: Duration = Duration::from_millis(250);
/// Pause after a reading, so that a storm of commits becomes few messages.
const PAUSE: Duration = Duration::from_millis(25);
/// Passages that a listener may lag behind; then it reads the log.
const LAG_MAX: usize = 64;

/// A passage of the log, as it is told.
#[derive(Clone, Debug)]
pub(crate) struct CommitNews {
    /// The place that it begins behind; none when something before may be missing.
    pub(crate) from: Option<Place>,
    /// The place behind it.
    pub(crate) to: Place,
    pub(crate) changed: Arc<ChangesByTenant>,
    /// Rows that were read for those who asked.
    rows: Arc<Mutex<HashMap<TenantId, Rows>>>,
}

type Rows = Arc<OnceCell<Arc<Vec<Delivery>>>>;

impl CommitNews {
    fn new(from: Option<Place>, to: Place, changed: ChangesByTenant) -> CommitNews {
        CommitNews { from, to, changed: Arc::new(changed), rows: Arc::default() }
    }

    /// The tenant's deliveries that changed, by id, as they are or a moment ago were: read once for all who ask.
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

/// Where news are told.
pub(in crate::store) struct News {
    bell: Notify,
    told: broadcast::Sender<CommitNews>,
    /// One bell for each tenant of which somebody hears.
    bells: Mutex<Bells>,
}

/// Hears when commits may have changed something of a tenant.
pub(crate) struct Hearing {
    told: watch::Receiver<u64>,
    // After the receiver, which counts until it is gone.
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
    /// How often it was told so far: at least once.
    pub(crate) fn told(&mut self) -> u64 {
        *self.told.borrow_and_update()
    }

    /// Waits until it is told again; how often that makes. None when nobody tells any more.
    pub(crate) async fn hear(&mut self) -> Option<u64> {
        self.told.changed().await.ok()?;
        Some(self.told())
    }
}

impl News {
    pub(in crate::store) fn new() -> News {
        News { bell: Notify::new(), told: broadcast::channel(LAG_MAX).0, bells: Mutex::default() }
    }

    /// This core committed something.
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
    /// Listens to what commits change. Something may be missed before the first message and after a lag: then read
    /// the log.
    pub(crate) fn listen(&self) -> broadcast::Receiver<CommitNews> {
        let listener = self.news().told.subscribe();
        self.news().ring();
        listener
    }

    /// Hears, from now on, of commits that may have changed something of a tenant.
    pub(crate) fn hear(&self, tenant: TenantId) -> Hearing {
        let news = self.news().clone();
        let told = news.bells().entry(tenant).or_insert_with(|| watch::channel(1).0).subscribe();
        news.ring();
        Hearing { told, _leave: Leave { news, tenant } }
    }

    /// Tells those who listen, until `shutdown`.
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
                    // Nobody may commit again to ring.
                    tokio::time::sleep(POLL).await;
                    news.ring();
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Tells what stands behind the place and returns the place behind that.
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
