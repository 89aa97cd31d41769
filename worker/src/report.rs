//! Reports outcomes to the core in batches, until it accepts them or their leases have ended. It never judges an
//! outcome.

use crate::{Shared, backoff::Backoff};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use inboxops_proto::{
    clock::Timestamp,
    internal::v1::{Outcome, ReportRequest},
    services::DynDispatchService,
};
use prost::Message as _;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tonic::{Code, Request, Status};
use uuid::Uuid;

/// Greatest number of outcomes in one call.
pub(crate) const BATCH_MAX: usize = 256;
/// Longest time that an outcome waits for others while calls are under way. The core sends an endpoint its next request
/// when it learns that one has ended, and records the results of several calls in one transaction: hence small batches.
pub(crate) const GATHER_MAX: Duration = Duration::from_millis(3);
/// Greatest number of calls under way; each lasts until its results are recorded.
pub(crate) const CALLS_MAX: usize = 16;
/// Greatest number of outcomes in the queue.
pub(crate) const QUEUE_MAX: usize = 1024;
/// Longest time for one call.
const CALL_MAX: Duration = Duration::from_secs(10);
/// First and longest pause before a call is retried.
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// An outcome, with the end of its lease, after which it is worthless.
pub(crate) struct Report {
    pub outcome: Outcome,
    pub until: Timestamp,
}

/// Reports until the queue is closed and empty.
pub(crate) async fn run(shared: Arc<Shared>, dispatch: Arc<DynDispatchService>, mut queue: mpsc::Receiver<Report>) {
    let mut calls = FuturesUnordered::new();
    let mut gathered: Vec<Report> = Vec::new();
    let mut due = Instant::now();
    let mut open = true;
    while open || !gathered.is_empty() || !calls.is_empty() {
        // At once if no call is under way; otherwise a full batch, or what arrived within [`GATHER_MAX`].
        let ready = calls.is_empty() || !open || gathered.len() >= BATCH_MAX || Instant::now() >= due;
        if !gathered.is_empty() && ready && calls.len() < CALLS_MAX {
            let batch = gathered.drain(..gathered.len().min(BATCH_MAX)).collect();
            calls.push(deliver(&shared, &*dispatch, batch));
            due = Instant::now() + GATHER_MAX;
        }
        let room = open && gathered.len() < BATCH_MAX;
        let wait = !gathered.is_empty() && calls.len() < CALLS_MAX;
        tokio::select! {
            biased;
            Some(()) = calls.next() => {}
            count = queue.recv_many(&mut gathered, BATCH_MAX), if room => {
                open = count > 0;
                if gathered.len() == count {
                    due = Instant::now() + GATHER_MAX;
                }
            }
            () = sleep_until(due), if wait => {}
        }
    }
}

/// Reports one batch. A batch whose content the core refuses is split in halves and finally stripped, so that one
/// outcome never blocks another.
async fn deliver(shared: &Shared, dispatch: &DynDispatchService, batch: Vec<Report>) {
    let mut work = vec![batch];
    while let Some(batch) = work.pop() {
        if let Err(mut batch) = deliver_whole(shared, dispatch, batch).await {
            match &mut batch[..] {
                [] => {}
                [one] if one.outcome.response_body.is_none() && one.outcome.response_headers.is_empty() => {
                    let delivery = Uuid::from_slice(&one.outcome.delivery_id).unwrap_or_default();
                    tracing::error!(
                        %delivery, token = one.outcome.token,
                        "the core refused the outcome of delivery {delivery}; its lease will end"
                    );
                }
                [one] => {
                    one.outcome.response_body = None;
                    one.outcome.response_headers.clear();
                    work.push(batch);
                }
                _ => {
                    let rest = batch.split_off(batch.len() / 2);
                    work.push(rest);
                    work.push(batch);
                }
            }
        }
    }
}

/// Retries until the core accepts the batch or all its leases have ended; returns the batch if the core refuses its
/// content.
async fn deliver_whole(shared: &Shared, dispatch: &DynDispatchService, batch: Vec<Report>) -> Result<(), Vec<Report>> {
    let ends: Vec<Timestamp> = batch.iter().map(|report| report.until).collect();
    let request = ReportRequest {
        worker_id: shared.worker_id.clone(),
        outcomes: batch.into_iter().map(|report| report.outcome).collect(),
    };
    // A copy for a retry, at the price of one allocation.
    let copy = request.encode_to_vec();
    let mut request = Some(request);
    let mut backoff = Backoff::new(AGAIN.0, AGAIN.1);
    loop {
        let Some(call) = request.take().or_else(|| ReportRequest::decode(&copy[..]).ok()) else { return Ok(()) };
        let worker = &shared.worker_id;
        let sent = call.outcomes.len();
        match timeout(CALL_MAX, dispatch.report(Request::new(call))).await {
            Ok(Ok(response)) => {
                let refused = response.get_ref().refused;
                if refused > 0 {
                    tracing::debug!(worker, refused, sent, "the core refused outcomes whose leases had ended");
                }
                return Ok(());
            }
            Ok(Err(status)) if objects(&status) => {
                tracing::warn!(
                    worker, code = ?status.code(), why = status.message(), sent,
                    "the core refused a report, will retry in parts"
                );
                let outcomes = ReportRequest::decode(&copy[..]).map(|request| request.outcomes).unwrap_or_default();
                let reports = outcomes.into_iter().zip(ends);
                return Err(reports.map(|(outcome, until)| Report { outcome, until }).collect());
            }
            Ok(Err(status)) => {
                tracing::warn!(
                    worker, code = ?status.code(), why = status.message(), sent,
                    "reporting outcomes failed, will retry"
                );
            }
            Err(_) => tracing::warn!(worker, sent, "reporting outcomes timed out, will retry"),
        }
        tokio::time::sleep(backoff.pause()).await;
        let now = shared.clock.now();
        if ends.iter().all(|until| *until <= now) {
            tracing::error!(worker, lost = sent, "{sent} outcomes are lost: their leases ended unreported");
            return Ok(());
        }
    }
}

/// Whether a retry with the same content is useless.
fn objects(status: &Status) -> bool {
    matches!(status.code(), Code::InvalidArgument | Code::OutOfRange | Code::ResourceExhausted)
}
