//! A writer: a thread with a connection of its own that runs re-runnable jobs in groups, one transaction and one commit
//! a group. It knows jobs, no table.

use super::{
    Shared,
    conn::{Purpose, Target},
    error::{Error, Result, WriteError},
    group::{Effect, Writing},
    tx::{SystemTx, TenantScope, Tx, begin},
};
use crate::store::Leased;
use futures_util::{FutureExt as _, future::LocalBoxFuture};
use inboxops_proto::{failpoint, id::TenantId};
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
/// Jobs that may wait in one queue of a writer; further callers wait for room.
pub(crate) const QUEUE_MAX: usize = 1024;
/// A group of at most so many tenants' writes is a trickle: each of them waits for its own sake, not for throughput.
const TRICKLE_MAX: usize = 16;
/// Groups of the system's jobs after which a trickle is forgotten.
const TRICKLE_KEPT: u8 = 32;
/// Longest time that a group may take before its connection counts as dead.
const GROUP_TIMEOUT: Duration = Duration::from_secs(60);
/// Runs of a job that PostgreSQL asks to run again before its caller is told.
const CONFLICT_RUNS_MAX: u32 = 5;
/// Time after a failed connection during which jobs are refused without another try.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);

/// How a job ended, seen by its group.
pub(in crate::store) enum JobOutcome {
    Done,
    /// Refused, and nothing tells that the transaction is spoilt.
    Refused,
    /// The transaction may be spoilt.
    Failed,
}

/// One write, as a writer sees it.
pub(in crate::store) trait Job: Send {
    /// Runs the closure and keeps its result.
    fn run<'a>(&'a mut self, writing: &'a mut Writing) -> LocalBoxFuture<'a, JobOutcome>;
    /// Whose write it is and how its caller has named it.
    fn named(&self) -> Option<(TenantId, String)>;
    /// Whether the kept result is a conflict that a further run may solve.
    fn conflicts(&self) -> bool;
    /// Answers the caller: the kept result, or `instead`.
    fn answer(self: Box<Self>, instead: Option<Error>);
}

/// A closure with its caller.
pub(in crate::store) struct Call<F, T, E> {
    pub(in crate::store) decide: F,
    pub(in crate::store) scope: Option<TenantScope>,
    /// How its caller has named the write.
    pub(in crate::store) name: Option<String>,
    pub(in crate::store) result: Option<Result<T, E>>,
    pub(in crate::store) reply: oneshot::Sender<Result<T, E>>,
}

/// How a closure is called on a writing: for a tenant or for the system.
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
            let call = AssertUnwindSafe(self.decide.call(writing, self.scope.clone())).catch_unwind();
            let result = call.await.unwrap_or_else(|_| Err(Error::Panic.into()));
            let ran = match &result {
                Ok(_) => JobOutcome::Done,
                // After a failed statement PostgreSQL's transaction is dead; a panic may have left one half read.
                Err(error) => match error.of_store() {
                    Some(Error::Db(_) | Error::Unavailable | Error::Closed) => JobOutcome::Failed,
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
        // First what the closure holds: who has an answer may take the write for over, and what counts it as open, too.
        drop(decide);
        // A caller that has gone away does not undo its write.
        let _ = reply.send(result);
    }
}

/// The two queues of a writer; it takes from them in turns, so that neither starves the other.
pub(in crate::store) struct Queues {
    pub(in crate::store) writes: mpsc::Receiver<Box<dyn Job>>,
    pub(in crate::store) system: mpsc::Receiver<Box<dyn Job>>,
    /// Ends the writer once what waits is done.
    pub(in crate::store) closing: CancellationToken,
}

impl Queues {
    /// The next group of at most `max` jobs, all of one queue; none when both queues are closed and empty. Whether they
    /// are the system's.
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

/// Whether tenants' writes come one by one between the system's: then those are made small, so that none waits long.
#[derive(Debug, Default)]
pub(in crate::store) struct Trickle(AtomicU8);

impl Trickle {
    /// A group: so many writes of tenants, which waited for one of the system's, or the system's.
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
    /// Runs until both queues are closed and empty. Never gives up: a lost database is looked for again.
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
            // Whoever has no answer by now was in a group that was cut off.
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

    /// Runs the jobs as one transaction, or, when that fails, one by one. Leaves in `jobs` those without an answer.
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

    /// Runs jobs in one transaction; on failure nothing of them is kept. The error is `None` when the result that a
    /// job keeps tells what failed.
    async fn transaction(&self, writing: &mut Writing, jobs: &mut [Box<dyn Job>]) -> Result<(), Option<Error>> {
        writing.reset();
        if begin(&mut writing.link).await.is_err() {
            // Another process holds the file, or the server is away: each job trying again for itself would add up
            // the waits.
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
