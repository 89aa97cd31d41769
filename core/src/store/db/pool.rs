//! Read-only connections: a few that stay open, without a hidden round trip at each use, and a few for reads that take
//! minutes. It knows no table.

use super::{
    conn::{Link, Purpose, Target},
    error::{Error, Result},
    tx::{Scoped, TenantScope},
};
use crate::store::{histories::Histories, tickets::StatementRun};
use inboxops_proto::id::TenantId;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

/// Connections that read SQLite.
pub(crate) const READERS_SQLITE: usize = 4;
/// Connections that read PostgreSQL.
pub(crate) const READERS_PG: usize = 8;
/// Reads that may take minutes at once, each on a connection of its own.
pub(crate) const LONG_READS: usize = 4;
/// Longest wait for a free reader.
const WAIT: Duration = Duration::from_secs(5);

pub(in crate::store) struct Pool {
    target: Target,
    permits: Arc<Semaphore>,
    long: Arc<Semaphore>,
    idle: Mutex<Vec<Link>>,
    /// Rollbacks of snapshots that are on their way to PostgreSQL.
    ending: TaskTracker,
}

impl Pool {
    pub(in crate::store) fn new(target: Target) -> Arc<Pool> {
        let size = if target.is_pg() { READERS_PG } else { READERS_SQLITE };
        let permits = Arc::new(Semaphore::new(size));
        let long = Arc::new(Semaphore::new(LONG_READS));
        let idle = Mutex::default();
        Arc::new(Pool { target, permits, long, idle, ending: TaskTracker::new() })
    }

    /// A connection outside a transaction.
    pub(in crate::store) async fn take(self: &Arc<Pool>) -> Result<Reader> {
        let waiting = tokio::time::timeout(WAIT, self.permits.clone().acquire_owned());
        let permit = waiting.await.map_err(|_| Error::Unavailable)?.map_err(|_| Error::Closed)?;
        let idle = self.idle().pop();
        let link = match idle {
            Some(link) => link,
            None => self.target.connect(Purpose::Read).await?,
        };
        Ok(Reader { held: Some((link, permit)), pool: self.clone(), snapshot: false, own: false })
    }

    /// A snapshot on a connection of its own, for a read that takes minutes; `None` when there are [`LONG_READS`].
    pub(in crate::store) async fn long_snapshot(self: &Arc<Pool>) -> Result<Option<Reader>> {
        let Ok(permit) = self.long.clone().try_acquire_owned() else { return Ok(None) };
        let link = self.target.connect(Purpose::LongRead).await?;
        let mut reader = Reader { held: Some((link, permit)), pool: self.clone(), snapshot: false, own: true };
        reader.begin().await?;
        Ok(Some(reader))
    }

    /// A connection in a snapshot: all statements see one moment.
    pub(in crate::store) async fn snapshot(self: &Arc<Pool>) -> Result<Reader> {
        let mut reader = self.take().await?;
        if reader.begin().await.is_err() {
            // An idle connection may have been lost unnoticed; then the others have, too.
            drop(reader);
            reader = self.take().await?;
            reader.begin().await?;
        }
        Ok(reader)
    }

    pub(in crate::store) async fn close(&self) {
        self.permits.close();
        self.ending.close();
        self.ending.wait().await;
        let idle = std::mem::take(&mut *self.idle());
        for link in idle {
            super::conn::close(link).await;
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Link>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, mut link: Link) {
        if link.lost {
            self.idle().clear();
        } else if !link.busy && !self.permits.is_closed() {
            link.clear();
            self.idle().push(link);
        }
    }
}

/// A borrowed connection; it returns to its pool when dropped.
pub(in crate::store) struct Reader {
    held: Option<(Link, OwnedSemaphorePermit)>,
    pool: Arc<Pool>,
    snapshot: bool,
    /// Not of the pool: the connection is closed when it is dropped.
    own: bool,
}

impl Reader {
    pub(in crate::store) fn link(&mut self) -> &mut Link {
        &mut self.held.as_mut().expect("a reader holds its connection until it is dropped").0
    }

    async fn begin(&mut self) -> Result<()> {
        let link = self.link();
        let sql = if link.is_pg() { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" } else { "BEGIN" };
        link.run(sql).await?;
        self.snapshot = true;
        Ok(())
    }

    /// Exchanges the snapshot for a newer one.
    async fn renew(&mut self) -> Result<()> {
        self.link().run("ROLLBACK").await?;
        self.begin().await
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some((mut link, permit)) = self.held.take() else { return };
        if self.own {
            return;
        }
        if !self.snapshot || link.lost || link.busy {
            return self.pool.give_back(link);
        }
        // Without a runtime nothing can be sent; then closing the connection ends its snapshot.
        if tokio::runtime::Handle::try_current().is_ok() {
            let pool = self.pool.clone();
            self.pool.ending.spawn(async move {
                if link.run("ROLLBACK").await.is_ok() || link.lost {
                    pool.give_back(link);
                }
                drop(permit);
            });
        }
    }
}

/// A tenant's reads: a snapshot from [`super::Db::read`] or [`super::Db::long_read`], or a single statement from
/// [`super::Db::peek`].
pub(crate) struct ReadTx {
    pub(in crate::store) reader: Reader,
    pub(in crate::store) scope: TenantScope,
    pub(in crate::store) histories: Arc<Histories>,
    pub(in crate::store) adds_up: bool,
    /// The statements of lists, recorded for tests.
    pub(in crate::store) asked: Option<Vec<StatementRun>>,
}

impl ReadTx {
    /// Whether the counts behind lists add up.
    pub(in crate::store) fn counts_add_up(&self) -> bool {
        self.adds_up
    }

    /// The histories of the database.
    pub(crate) fn histories(&self) -> &Histories {
        &self.histories
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.scope.tenant()
    }

    /// Exchanges the snapshot for a newer one.
    pub(in crate::store) async fn renew(&mut self) -> Result<()> {
        self.reader.renew().await
    }

    /// Ends a long read; its locks are free when this returns, and not a moment later as when it is dropped.
    pub(crate) async fn end(mut self) {
        if let Err(error) = self.reader.link().run("ROLLBACK").await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a long read ended with its connection");
        }
    }
}

impl Scoped for ReadTx {
    fn tenant(&self) -> TenantId {
        self.scope.tenant()
    }

    fn link(&mut self) -> &mut Link {
        self.reader.link()
    }
}
