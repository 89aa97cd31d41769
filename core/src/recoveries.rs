//! Recovery and resend jobs: they make deliveries for missed events and send deliveries again. A job advances in small
//! steps. Each step is one transaction that also records the job's progress, so that after a crash any core continues
//! it. A job waits while many deliveries of its endpoint are due.

mod recover;
mod resend;
mod undelivered;

pub(crate) use resend::{kinds, shown};

use crate::{
    dispatch::Dispatcher,
    error::{Error, Result, chain},
    store::{self, Db, Queue, recoveries::What},
    time_and_chance::Stamps,
};
use inboxops_proto::{
    clock::Timestamp,
    failure::{Failure, Violation},
    id::RecoveryId,
    reason::{DetailCode, Reason},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Greatest number of events, or deliveries, that one step reads.
pub(crate) const STEP_MAX: i64 = 256;
/// A job waits while this many deliveries of its endpoint are due.
pub(crate) const DUE_MAX: i64 = 1_000;
/// Greatest number of open jobs that take turns.
const OPEN_MAX: i64 = 1_000;
/// How often a waiting job is tried again.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Pause after a database error.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Greatest time difference between two events that are in the opposite order in the log. A transaction gets its place
/// when it begins to write; an event's time is at most a request's deadline before that, or a minute after it, while
/// the transaction runs. The rest allows for clocks that differ.
const DISORDER_MAX: Duration = Duration::from_secs(600);

/// The jobs of one core.
pub(crate) struct Recoveries {
    db: Db,
    stamps: Stamps,
    dispatcher: Arc<Dispatcher>,
    made: Arc<Notify>,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The job has more to do now.
    More,
    /// The job waits.
    Waits,
    /// The job is done, or another core runs it.
    Over,
}

impl Recoveries {
    /// A service on the store. It wakes `dispatcher` for due deliveries.
    pub(crate) fn new(db: Db, stamps: Stamps, dispatcher: Arc<Dispatcher>) -> Recoveries {
        Recoveries { db, stamps, dispatcher, made: Arc::default() }
    }

    /// Runs open jobs until `shutdown`: those of this core, and those that another core left, which the beat finds.
    pub(crate) async fn run(&self, shutdown: &CancellationToken) {
        loop {
            let mut job = None;
            let pause = match self.round(&mut job, shutdown).await {
                Ok(waits) => waits.then_some(LOOK_EVERY),
                Err(error) => {
                    let job = job.map(tracing::field::display);
                    tracing::warn!(job, error = chain(&error), "a step of a recovery job failed, will retry");
                    Some(AGAIN_AFTER)
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.made.notified() => {}
                () = self.dispatcher.jobs_are_open() => {}
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            }
        }
    }

    /// Advances every open job in turn until each is done or waits; returns whether one waits. `job` is the one that is
    /// running.
    async fn round(&self, job: &mut Option<RecoveryId>, shutdown: &CancellationToken) -> Result<bool> {
        let mut open = store::recoveries::open(&self.db, OPEN_MAX).await?;
        let mut waits = false;
        while !open.is_empty() {
            let mut more = Vec::with_capacity(open.len());
            for id in open {
                if shutdown.is_cancelled() {
                    return Ok(waits);
                }
                *job = Some(id);
                match self.step(id).await? {
                    Step::More => more.push(id),
                    Step::Waits => waits = true,
                    Step::Over => {}
                }
            }
            open = more;
        }
        Ok(waits)
    }

    async fn step(&self, id: RecoveryId) -> Result<Step> {
        let now = self.stamps.now();
        let dispatcher = self.dispatcher.clone();
        let step = self.db.decide(Queue::Claims, async move |tx| -> Result<_> {
            let Some(mut job) = store::recoveries::take(tx, id).await? else { return Ok(Step::Over) };
            let before = job.created;
            let mut tx = tx.enter(job.tenant);
            // Locked, so that the endpoint is not deleted during the step.
            let Some(endpoint) = store::endpoints::lock(&mut tx, job.endpoint).await? else {
                job.done = true;
                store::recoveries::save(&mut tx, &job, now).await?;
                return Ok(Step::Over);
            };
            if store::deliveries::due(&mut tx, endpoint.id, now, DUE_MAX).await? >= DUE_MAX {
                return Ok(Step::Waits);
            }
            let step = match job.what {
                What::Recover => recover::step(&mut tx, &endpoint, &mut job, now).await?,
                What::Resend => resend::step(&mut tx, &endpoint, &mut job, now).await?,
            };
            job.done = step == Step::Over;
            job.matched = job.matched.max(job.created);
            store::recoveries::save(&mut tx, &job, now).await?;
            if job.created > before {
                let dispatcher = dispatcher.clone();
                tx.after(move || dispatcher.wake());
            }
            Ok(step)
        });
        step.await
    }
}

/// The refusal of a second job.
fn busy() -> Error {
    Failure::new(Reason::Conflict).message("Another job of this endpoint is open.").into()
}

/// The period that a request names; its end is not in the future. `reason` is that of a refusal: whether the request
/// has a body.
fn span(
    since: Option<&prost_types::Timestamp>,
    until: Option<&prost_types::Timestamp>,
    names: [&'static str; 2],
    now: Timestamp,
    reason: Reason,
) -> Result<(Timestamp, Timestamp)> {
    let since = since.map_or(Timestamp::from_micros(0), Timestamp::from);
    let until = until.map_or(now, Timestamp::from);
    let refuse = |name, message: &'static str| -> Result<_> {
        Err(Failure::violations(reason, vec![Violation::new(name, DetailCode::OutOfRange, message)]).into())
    };
    if since > now {
        return refuse(names[0], "must not lie in the future");
    }
    if until < since {
        return refuse(names[1], "must not be before the time from which events are wanted");
    }
    Ok((since, until.min(now)))
}
