//! A writer: a thread with a connection of its own that runs repeatable jobs in groups, one transaction and one commit
//! for each group. It knows jobs, no table.

use super::{
    Shared,
    conn::{Purpose, Target},
    error::{Error, Result, WriteError},
    group::{Effect, Writing},
    tx::{SystemTx, TenantScope, Tx, begin},
};
use crate::store::Leased;
use futures_util::{FutureExt as _, future::LocalBoxFuture};
use inboxops_proto::{failpoint, id::TenantId, trace::SpanContext};
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Greatest number of jobs in one transaction on SQLite.
pub(crate) const GROUP_MAX_SQLITE: usize = 256;
/// Greatest number of jobs in one transaction on PostgreSQL.
pub(crate) const GROUP_MAX_PG: usize = 64;
/// Greatest number of jobs in one queue of a writer; further callers wait.
pub(crate) const QUEUE_MAX: usize = 1024;
/// A group of at most this many tenants' writes is a trickle: their callers wait for latency, not for throughput.
const TRICKLE_MAX: usize = 16;
/// Number of the system's groups after which a trickle is over.
const TRICKLE_KEPT: u8 = 32;
/// Longest time that a group may take before its connection counts as dead.
const GROUP_TIMEOUT: Duration = Duration::from_secs(60);
/// Runs of a job that PostgreSQL asks to repeat before its caller gets the error.
const CONFLICT_RUNS_MAX: u32 = 5;
/// Time after a failed connection during which jobs are refused without a new attempt.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);

/// How a job ended, as its group sees it.
pub(in crate::store) enum JobOutcome {
    Done,
    /// Refused, and the transaction is intact.
    Refused,
    /// The transaction may be broken.
    Failed,
}

/// One write.
pub(in crate::store) trait Job: Send {
    /// Runs the closure and stores its result in the job.
    fn run<'a>(&'a mut self, writing: &'a mut Writing) -> LocalBoxFuture<'a, JobOutcome>;
    /// The tenant and idempotency key of the write, if it has one.
    fn named(&self) -> Option<(TenantId, String)>;
    /// Whether the stored result is a conflict that another run may solve.
    fn conflicts(&self) -> bool;
    /// Answers the caller with the stored result, or with `instead`.
    fn answer(self: Box<Self>, instead: Option<Error>);
}

/// A closure and its caller.
pub(in crate::store) struct Call<F, T, E> {
    pub(in crate::store) decide: F,
    pub(in crate::store) scope: Option<TenantScope>,
    /// The idempotency key.
    pub(in crate::store) name: Option<String>,
    /// The caller's place in a trace: the writer's thread answers no call itself.
    pub(in crate::store) trace: Option<SpanContext>,
    pub(in crate::store) result: Option<Result<T, E>>,
    pub(in crate::store) reply: oneshot::Sender<Result<T, E>>,
}

/// How a closure is called: with a tenant's transaction or with the system's.
pub(in crate::store) trait Decide<T, E>: Send {
    fn call<'a>(&'a self, writing: &'a mut Writing, scope: Option<TenantScope>) -> LocalBoxFuture<'a, Result<T, E>>;
}

pub(in crate::store) struct ForTenant<F>(pub(in crate::store) F);
pub(in crate::store) struct ForSystem<F>(pub(in crate::store) F);

impl<T: 'static, E: WriteError, F: AsyncFn(&mut Tx<'_>) -> Result<T, E> + Send> Decide<T, E> for ForTenant<F> {
    fn call<'a>(&'a self, writing: &'a mut Writing, scope: Option<TenantScope>) -> LocalBoxFuture<'a, Result<T, E>> {
        Box::pin(async move {
            let scope = scope.ok_or(Error::Closed)?;
            (self.0)(&mut Tx { writing, scope }).await
        })
    }
}

impl<T: 'static, E: WriteError, F: AsyncFn(&mut SystemTx<'_>) -> Result<T, E> + Send> Decide<T, E> for ForSystem<F> {
    fn call<'a>(&'a self, writing: &'a mut Writing, _: Option<TenantScope>) -> LocalBoxFuture<'a, Result<T, E>> {
        Box::pin(async move { (self.0)(&mut SystemTx { writing }).await })
    }
}

impl<T: Send + 'static, E: WriteError, F: Decide<T, E>> Job for Call<F, T, E> {
    fn run<'a>(&'a mut self, writing: &'a mut Writing) -> LocalBoxFuture<'a, JobOutcome> {
        Box::pin(async move {
            writing.wrote = false;
            writing.trace = self.trace;
            let call = AssertUnwindSafe(self.decide.call(writing, self.scope.clone())).catch_unwind();
            let result = call.await.unwrap_or_else(|_| Err(Error::Panic.into()));
            let ran = match &result {
                Ok(_) => JobOutcome::Done,
                // After a failed statement PostgreSQL's transaction is aborted; a panic may have left a result half
                // read.
                Err(error) => match error.of_store() {
                    Some(Error::Db(_) | Error::Unavailable | Error::ReadOnly | Error::Closed) => JobOutcome::Failed,
                    _ if writing.wrote || writing.link.busy || writing.link.failed() => JobOutcome::Failed,
                    _ => JobOutcome::Refused,
                },
            };
            self.result = Some(result);
            ran
        })
    }

    fn named(&self) -> Option<(TenantId, String)> {
        Some((self.scope.as_ref()?.tenant(), self.name.clone()?))
    }

    fn conflicts(&self) -> bool {
        let error = self.result.as_ref().and_then(|result| result.as_ref().err()).and_then(WriteError::of_store);
        matches!(error, Some(Error::Db(error)) if super::conn::is_conflict(error))
    }

    fn answer(self: Box<Self>, instead: Option<Error>) {
        let Call { decide, result, reply, .. } = *self;
        let result = instead.map(|error| Err(error.into())).or(result).unwrap_or_else(|| Err(Error::Closed.into()));
        // Drop the closure first: once the caller has its answer, the write, and the stamp that the closure holds, must
        // be over.
        drop(decide);
        // A caller that has gone away does not undo its write.
        let _ = reply.send(result);
    }
}

/// The two queues of a writer, which take turns, so that neither starves the other.
pub(in crate::store) struct Queues {
    pub(in crate::store) writes: mpsc::Receiver<Box<dyn Job>>,
    pub(in crate::store) system: mpsc::Receiver<Box<dyn Job>>,
    /// Ends the writer once its queues are empty.
    pub(in crate::store) closing: CancellationToken,
}

impl Queues {
    /// Takes the next group: at most `max` jobs, all of one queue. Returns whether they are the system's; `None` if
    /// both queues are closed and empty.
    async fn next(&mut self, system_first: bool, jobs: &mut Vec<Box<dyn Job>>, max: usize) -> bool {
        let Queues { writes, system, closing } = self;
        let (first, second) = if system_first { (system, writes) } else { (writes, system) };
        let mut closed = false;
        let (of_system, queue, job) = loop {
            if !closed && closing.is_cancelled() {
                closed = true;
                first.close();
                second.close();
            }
            tokio::select! {
                biased;
                Some(job) = first.recv() => break (system_first, first, job),
                Some(job) = second.recv() => break (!system_first, second, job),
                () = closing.cancelled(), if !closed => {}
                else => return false,
            }
        };
        jobs.push(job);
        while jobs.len() < max
            && let Ok(job) = queue.try_recv()
        {
            jobs.push(job);
        }
        of_system
    }
}

/// Whether tenants' writes come one by one between the system's; then the system's groups are kept small, so that none
/// waits long.
#[derive(Debug, Default)]
pub(in crate::store) struct Trickle(AtomicU8);

impl Trickle {
    /// Records a group: the number of tenants' writes that waited for the system, or `None` for one of the system's.
    fn see(&self, writes: Option<usize>) {
        let left = match writes {
            Some(count) if count <= TRICKLE_MAX => TRICKLE_KEPT,
            Some(_) => 0,
            None => self.0.load(Ordering::Relaxed).saturating_sub(1),
        };
        self.0.store(left, Ordering::Relaxed);
    }

    pub(in crate::store) fn runs(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

pub(in crate::store) struct Writer {
    pub(in crate::store) name: &'static str,
    pub(in crate::store) target: Target,
    pub(in crate::store) shared: Arc<Shared>,
    pub(in crate::store) queues: Queues,
    pub(in crate::store) group_max: usize,
}

impl Writer {
    /// Runs until both queues are closed and empty. A lost database is reconnected for ever.
    pub(in crate::store) async fn run(mut self) {
        let mut writing = None;
        let mut jobs = Vec::with_capacity(self.group_max);
        let mut system_first = false;
        let mut failed_at: Option<Instant> = None;
        let mut after_system = false;
        loop {
            let of_system = self.queues.next(system_first, &mut jobs, self.group_max).await;
            system_first = !system_first;
            if jobs.is_empty() {
                break;
            }
            if of_system || after_system {
                self.shared.trickle.see((!of_system).then_some(jobs.len()));
            }
            after_system = of_system;
            if writing.is_none() && failed_at.is_none_or(|at| at.elapsed() >= RECONNECT_PAUSE) {
                writing = self.connect().await;
                failed_at = writing.is_none().then(Instant::now);
            }
            let Some(open) = &mut writing else {
                jobs.drain(..).for_each(|job| job.answer(Some(Error::Unavailable)));
                continue;
            };
            if let Some(see) = self.shared.grouped.get() {
                see(self.name, jobs.len());
            }
            let work = self.group(open, &mut jobs);
            if tokio::time::timeout(GROUP_TIMEOUT, work).await.is_err() {
                tracing::error!(writer = self.name, "a group of writes took too long; its connection is given up");
                open.link.lost = true;
            }
            // Jobs without an answer were in a group that timed out.
            jobs.drain(..).for_each(|job| job.answer(Some(Error::Unavailable)));
            if open.link.lost {
                writing = None;
            }
        }
        if let Some(writing) = writing {
            super::conn::close(writing.link).await;
        }
    }

    async fn connect(&self) -> Option<Writing> {
        match self.target.connect(Purpose::Write).await {
            Ok(link) => Some(self.shared.writing(link)),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(writer = self.name, error, "writer {:?} cannot connect, will retry", self.name);
                None
            }
        }
    }

    /// Runs the jobs in one transaction or, if that fails, one by one. Jobs without an answer stay in `jobs`.
    async fn group(&self, writing: &mut Writing, jobs: &mut Vec<Box<dyn Job>>) {
        if jobs.len() > 1 {
            if self.transaction(writing, jobs).await.is_ok() {
                jobs.drain(..).for_each(|job| job.answer(None));
                return;
            }
            tracing::debug!(writer = self.name, jobs = jobs.len(), "a group of writes runs again, one by one");
        }
        while !writing.link.lost && !jobs.is_empty() {
            let mut runs = 1;
            let failed = loop {
                let failed = self.transaction(writing, &mut jobs[..1]).await.err();
                let again =
                    jobs[0].conflicts() || matches!(&failed, Some(Some(Error::Db(e))) if super::conn::is_conflict(e));
                if failed.is_none() || writing.link.lost || !again || runs == CONFLICT_RUNS_MAX {
                    break failed;
                }
                runs += 1;
            };
            let job = jobs.remove(0);
            match failed {
                _ if writing.link.lost => job.answer(Some(Error::Unavailable)),
                None => job.answer(None),
                Some(instead) => job.answer(instead),
            }
        }
    }

    /// Runs jobs in one transaction; after a failure nothing of them is kept. The error is `None` if a job's stored
    /// result has it.
    async fn transaction(&self, writing: &mut Writing, jobs: &mut [Box<dyn Job>]) -> Result<(), Option<Error>> {
        writing.reset();
        if begin(&mut writing.link).await.is_err() {
            // Another process has locked the file, or the server is down: if each job tried again, their waits would
            // add up.
            writing.link.lost = true;
            return Err(Some(Error::Unavailable));
        }
        let names: Vec<_> = jobs.iter().filter_map(|job| job.named()).collect();
        let outcome = async {
            writing.look_for_answers(&names).await?;
            for job in jobs.iter_mut() {
                match job.run(writing).await {
                    JobOutcome::Done => writing.group.absorb(&mut writing.job),
                    JobOutcome::Refused => writing.job = Default::default(),
                    JobOutcome::Failed => return Err(None),
                }
            }
            let flushed = writing.flush().await?;
            failpoint::fails("before_commit");
            writing.link.run("COMMIT").await?;
            failpoint::fails("after_commit");
            Ok(flushed)
        }
        .await;
        match outcome {
            Ok((leased, after)) => {
                self.after_commit(leased, after);
                Ok(())
            }
            Err(error) => {
                writing.reset();
                if !writing.link.lost && writing.link.run("ROLLBACK").await.is_err() {
                    writing.link.lost = true;
                }
                writing.link.clear();
                Err(error)
            }
        }
    }

    fn after_commit(&self, leased: Vec<Leased>, after: Vec<Effect>) {
        self.shared.committed.send_replace(());
        if !leased.is_empty()
            && let Some(take) = self.shared.take_leased.get()
        {
            take(leased);
        }
        for effect in after {
            if std::panic::catch_unwind(AssertUnwindSafe(effect)).is_err() {
                tracing::error!(writer = self.name, "a post-commit callback of writer {:?} panicked", self.name);
            }
        }
    }
}
