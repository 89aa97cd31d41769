//! The store's engine: writers, readers, and their parts. The only tables that it knows are `cores`, where it signs in,
//! `histories` and `copying`, which it looks at when it opens, and those whose rows a group leaves (`group`).

pub(super) mod checkpoint;
pub(super) mod conn;
pub(crate) mod cores;
pub(super) mod error;
pub(super) mod group;
pub(crate) mod migrate;
pub(super) mod news;
pub(super) mod pool;
mod pooling;
pub(super) mod row;
mod servers;
pub(crate) mod sql;
pub(super) mod tx;
pub(super) mod writer;

use super::{
    events::Leased,
    histories::{self, Histories},
    horizon::HorizonAge,
    moving,
    subjects::LaggingTenants,
};
use conn::{Link, Purpose, Target};
use error::{Error, Result, WriteError};
use group::Writing;
use inboxops_proto::{clock::Clock, gate, id::TenantId};
use news::News;
use pool::{Pool, ReadTx, Reader};
use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tx::{SystemTx, TenantScope, Tx};
use writer::{
    Call, Decide, ForSystem, ForTenant, GROUP_MAX_PG, GROUP_MAX_SQLITE, Job, QUEUE_MAX, Queues, Trickle, Writer,
};

/// Writers of tenants' changes on PostgreSQL; SQLite has one writer for everything.
const TENANT_WRITERS_PG: usize = 4;

/// How a database is opened.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// `sqlite:PATH` or `postgres://…`.
    pub(crate) url: String,
    /// The clock for leases.
    pub(crate) clock: Clock,
    /// Greatest number of jobs in a transaction; [`GROUP_MAX_SQLITE`] or [`GROUP_MAX_PG`] when unset.
    pub(crate) group_max: Option<usize>,
}

impl Options {
    pub(crate) fn new(url: impl Into<String>, clock: Clock) -> Options {
        Options { url: url.into(), clock, group_max: None }
    }
}

/// The queue in which a system job waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    /// Jobs that take work: claim, park, reap.
    Claims,
    /// Jobs that record results of attempts.
    Outcomes,
    /// The writes of this tenant, in their order.
    Tenant(TenantId),
}

/// The identity of this process among those that share the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Core {
    /// Identifies the leases of this run of this process; 0 on SQLite.
    pub(crate) incarnation: i64,
    /// Its slot in the counts; 0 on SQLite.
    pub(crate) slot: i16,
}

type TakeLeased = Box<dyn Fn(Vec<Leased>) + Send + Sync>;
type SeeGroup = Box<dyn Fn(&'static str, usize) + Send + Sync>;

pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) core: Core,
    histories: Arc<Histories>,
    pub(super) news: Arc<News>,
    pub(super) behind: Arc<LaggingTenants>,
    /// Whether the counts behind lists add up.
    adds_up: Arc<AtomicBool>,
    pub(super) take_leased: OnceLock<TakeLeased>,
    pub(super) grouped: OnceLock<SeeGroup>,
    /// Every commit notifies it.
    pub(super) committed: watch::Sender<()>,
    pub(super) trickle: Trickle,
}

/// Notifies of this process's own commits.
pub(crate) struct CommitBell(watch::Receiver<()>);

impl CommitBell {
    /// Waits for a commit since the last call.
    pub(crate) async fn wait(&mut self) {
        if self.0.changed().await.is_err() {
            // The database is closed: nothing commits any more.
            std::future::pending().await
        }
    }
}

impl Shared {
    fn committed(&self) -> CommitBell {
        CommitBell(self.committed.subscribe())
    }

    pub(super) fn writing(&self, link: Link) -> Writing {
        Writing::new(link, self.clock.clone(), self.core, self.news.clone(), self.behind.clone())
    }
}

struct Senders {
    writes: mpsc::Sender<Box<dyn Job>>,
    system: mpsc::Sender<Box<dyn Job>>,
}

struct Inner {
    pg: bool,
    shared: Arc<Shared>,
    writers: Vec<Senders>,
    pool: Arc<Pool>,
    horizon_age: Mutex<HorizonAge>,
    closing: CancellationToken,
    /// Each writer holds one sender until it has ended.
    ended: tokio::sync::Mutex<mpsc::Receiver<()>>,
}

impl Drop for Inner {
    /// Writers hold the token, so closing their queues alone does not end them.
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

/// The database. Clones share it.
#[derive(Clone)]
pub(crate) struct Db(Arc<Inner>);

impl Db {
    /// Opens the database, brings its schema up to date, and starts the writers. Needs a Tokio runtime.
    pub(crate) async fn open(options: Options) -> Result<Db> {
        let target = Target::parse(&options.url)?;
        let mut link = target.connect(Purpose::Write).await?;
        pooling::check(&mut link, &target).await?;
        moving::refuse_half(&mut link).await?;
        migrate::run(&mut link).await?;
        let histories = histories::open(&mut link, &target, options.clock.now()).await?;
        let core = if target.is_pg() { cores::sign_in(&mut link, options.clock.now()).await? } else { Core::default() };
        conn::close(link).await;

        let shared = Arc::new(Shared {
            clock: options.clock,
            core,
            histories: Arc::new(histories),
            news: Arc::new(News::new()),
            behind: Arc::default(),
            adds_up: Arc::default(),
            take_leased: OnceLock::new(),
            grouped: OnceLock::new(),
            committed: watch::Sender::default(),
            trickle: Trickle::default(),
        });
        let closing = CancellationToken::new();
        let (ending, ended) = mpsc::channel(1);
        // On PostgreSQL claims and outcomes have a writer each, besides those of the tenants.
        let (count, group_max) =
            if target.is_pg() { (TENANT_WRITERS_PG + 2, GROUP_MAX_PG) } else { (1, GROUP_MAX_SQLITE) };
        let mut writers = Vec::with_capacity(count);
        for number in 0..count {
            let (writes, writes_out) = mpsc::channel(QUEUE_MAX);
            let (system, system_out) = mpsc::channel(QUEUE_MAX);
            writers.push(Senders { writes, system });
            let writer = Writer {
                name: match (target.is_pg(), number) {
                    (false, _) => "all",
                    (true, TENANT_WRITERS_PG) => "claims",
                    (true, number) if number > TENANT_WRITERS_PG => "outcomes",
                    (true, _) => "tenants",
                },
                target: target.clone(),
                shared: shared.clone(),
                queues: Queues { writes: writes_out, system: system_out, closing: closing.clone() },
                group_max: options.group_max.unwrap_or(group_max).max(1),
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let ending = ending.clone();
            let runtime = runtime.map_err(|error| Error::Db(sqlx::Error::Io(error)))?;
            std::thread::Builder::new()
                .name(format!("inboxops-writer-{number}"))
                .spawn(move || {
                    runtime.block_on(writer.run());
                    drop(ending);
                })
                .map_err(|error| Error::Db(sqlx::Error::Io(error)))?;
        }
        if !target.is_pg() {
            checkpoint::start(target.clone(), shared.committed(), closing.clone(), ending)?;
        }
        let pg = target.is_pg();
        let pool = Pool::new(target);
        let ended = tokio::sync::Mutex::new(ended);
        Ok(Db(Arc::new(Inner { pg, shared, writers, pool, horizon_age: Mutex::default(), closing, ended })))
    }

    /// Whether other processes may share this database.
    pub(crate) fn is_shared(&self) -> bool {
        self.0.pg
    }

    /// Whether tenants' writes came one by one between the system's lately: then the system's groups should be small.
    pub(crate) fn writes_trickle(&self) -> bool {
        self.0.shared.trickle.runs()
    }

    pub(super) fn news(&self) -> &Arc<News> {
        &self.0.shared.news
    }

    /// Notifies of this process's commits from now on.
    pub(crate) fn committed(&self) -> CommitBell {
        self.0.shared.committed()
    }

    /// Tenants whose subjects the index has yet to follow.
    pub(crate) fn behind(&self) -> &LaggingTenants {
        &self.0.shared.behind
    }

    /// Sets whether the counts behind lists add up. Until they do, lists count tickets one by one.
    pub(crate) fn set_counts_add_up(&self, yes: bool) {
        self.0.shared.adds_up.store(yes, Ordering::Release);
    }

    pub(crate) fn core(&self) -> Core {
        self.0.shared.core
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.shared.clock
    }

    /// Registers the callback that receives the leased deliveries after each commit. It runs on the writer's thread and
    /// must not block. Without a callback such leases expire. Only the first call counts.
    pub(crate) fn hand_to(&self, take: impl Fn(Vec<Leased>) + Send + Sync + 'static) {
        let _ = self.0.shared.take_leased.set(Box::new(take));
    }

    /// Registers the callback that counts the writes of each group, by writer. The rules of [`Db::hand_to`] apply.
    pub(crate) fn count_groups(&self, see: impl Fn(&'static str, usize) + Send + Sync + 'static) {
        let _ = self.0.shared.grouped.set(Box::new(see));
    }

    /// Writes for a tenant: `decide` runs on the tenant's writer in a transaction with the other writes of its group;
    /// the result is returned after the commit.
    ///
    /// `decide` may run again after a rollback, so ids and time are captured before it, only SQL is awaited in it, and
    /// effects go to [`Tx::after`]. A refusal before its first change costs the group nothing. Dropping the returned
    /// future does not undo the write.
    pub(crate) async fn write<T: Send + 'static, E: WriteError>(
        &self,
        scope: TenantScope,
        decide: impl AsyncFn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let writer = self.writer_of(scope.tenant());
        self.call(&self.0.writers[writer].writes, ForTenant(decide), Some(scope), None).await
    }

    /// The same for a write with an idempotency key: `decide` finds the answer to an earlier write with this key in
    /// [`super::answers::before`].
    pub(crate) async fn write_named<T: Send + 'static, E: WriteError>(
        &self,
        scope: TenantScope,
        name: String,
        decide: impl AsyncFn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let writer = self.writer_of(scope.tenant());
        self.call(&self.0.writers[writer].writes, ForTenant(decide), Some(scope), Some(name)).await
    }

    /// Writes for no single tenant; `decide` may run again, as in [`Db::write`].
    pub(crate) async fn system<T: Send + 'static>(
        &self,
        queue: Queue,
        decide: impl AsyncFn(&mut SystemTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.decide(queue, decide).await
    }

    /// The same with the closure's own type of error.
    pub(crate) async fn decide<T: Send + 'static, E: WriteError>(
        &self,
        queue: Queue,
        decide: impl AsyncFn(&mut SystemTx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let writers = &self.0.writers;
        let queue = match (queue, self.0.pg) {
            (Queue::Tenant(tenant), _) => &writers[self.writer_of(tenant)].writes,
            (_, false) => &writers[0].system,
            (Queue::Claims, true) => &writers[TENANT_WRITERS_PG].system,
            (Queue::Outcomes, true) => &writers[TENANT_WRITERS_PG + 1].system,
        };
        self.call(queue, ForSystem(decide), None, None).await
    }

    async fn call<T: Send + 'static, E: WriteError, F: Decide<T, E> + 'static>(
        &self,
        queue: &mpsc::Sender<Box<dyn Job>>,
        decide: F,
        scope: Option<TenantScope>,
        name: Option<String>,
    ) -> Result<T, E> {
        let (reply, answer) = oneshot::channel();
        let job = Call { decide, scope, name, trace: gate::current_trace(), result: None, reply };
        queue.send(Box::new(job)).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    fn writer_of(&self, tenant: TenantId) -> usize {
        if !self.0.pg {
            return 0;
        }
        // The last byte of an id is random in every version in use.
        usize::from(tenant.0.as_bytes()[15]) % TENANT_WRITERS_PG
    }

    /// A snapshot for several reads: a page and its total agree.
    pub(crate) async fn read(&self, scope: TenantScope) -> Result<ReadTx> {
        Ok(self.read_by(self.0.pool.snapshot().await?, scope))
    }

    /// A snapshot for a read that takes minutes, on a connection of its own that is closed when it is dropped; `None`
    /// when there are too many of them.
    pub(crate) async fn long_read(&self, scope: TenantScope) -> Result<Option<ReadTx>> {
        Ok(self.0.pool.long_snapshot().await?.map(|reader| self.read_by(reader, scope)))
    }

    /// Is canceled when the database is closed.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    /// A connection for a single read, outside a transaction.
    pub(crate) async fn peek(&self, scope: TenantScope) -> Result<ReadTx> {
        Ok(self.read_by(self.0.pool.take().await?, scope))
    }

    fn read_by(&self, reader: Reader, scope: TenantScope) -> ReadTx {
        let shared = &self.0.shared;
        ReadTx {
            reader,
            scope,
            histories: shared.histories.clone(),
            adds_up: shared.adds_up.load(Ordering::Acquire),
            asked: None,
        }
    }

    /// A connection for look-ups that have no tenant yet: keys, tokens, tenants.
    pub(super) async fn lookup(&self) -> Result<Reader> {
        self.0.pool.take().await
    }

    /// The same as one snapshot for several statements.
    pub(super) async fn snapshot(&self) -> Result<Reader> {
        self.0.pool.snapshot().await
    }

    pub(super) fn horizon_age(&self) -> MutexGuard<'_, HorizonAge> {
        self.0.horizon_age.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the writers once their queues are empty, and closes all connections. Later calls are refused.
    pub(crate) async fn close(&self) {
        if self.0.pg {
            let incarnation = self.core().incarnation;
            let left = self.system(Queue::Claims, async move |tx| cores::sign_out(tx, incarnation).await).await;
            if let Err(error) = left {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(core = incarnation, error, "core {incarnation} did not sign out");
            }
        }
        self.0.closing.cancel();
        self.0.ended.lock().await.recv().await;
        self.0.pool.close().await;
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("pg", &self.0.pg).finish_non_exhaustive()
    }
}
