//! Workers' reports: turns each outcome into the next state of its delivery, fenced by the token of its lease, and
//! keeps it in memory until that is recorded.

use super::{
    Dispatcher,
    hub::Hub,
    settle::{GONE, settle},
};
use crate::{
    error::Result,
    metrics::ReportCounts,
    store::{
        self, Leased, Queue,
        dispatch::{BatchResult, Next, OpenLease, Report, STALE_CONNECTION, SentRequest, Use},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    failpoint,
    id::{DeliveryId, EndpointId},
    internal::v1 as pb,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::oneshot::{self, error::TryRecvError};
use uuid::Uuid;

/// Greatest number of results that one transaction records, unless one call brings more.
const RECORD_MAX: usize = 512;
/// The same while tenants' writes come in one by one between the system's.
const RECORD_BETWEEN_WRITES_MAX: usize = 48;

/// What the outcomes of a batch mean for their deliveries.
#[derive(Debug, Default)]
pub(super) struct SettledBatch {
    pub(super) reports: Vec<Report>,
    /// Deliveries whose receivers answered 410 Gone, with their endpoints and the endpoint versions that the requests
    /// were made from.
    pub(super) gone: BTreeMap<DeliveryId, (EndpointId, u32)>,
    /// Outcomes of leases that this core does not hold.
    pub(super) strange: Vec<pb::Outcome>,
}

/// Takes the outcomes whose tokens fit their leases, and sets others aside. `chance` spreads retries.
pub(super) fn answers(
    hub: &mut Hub,
    outcomes: Vec<pb::Outcome>,
    now: Timestamp,
    mut chance: impl FnMut() -> u16,
) -> SettledBatch {
    let mut answered = SettledBatch::default();
    for outcome in outcomes {
        let Ok(id) = Uuid::from_slice(&outcome.delivery_id) else { continue };
        // A stale connection says nothing about the endpoint's health.
        let ended = (!outcome.not_sent && outcome.error_code != STALE_CONNECTION)
            .then(|| (outcome.error_code.is_empty(), Duration::from_millis(outcome.duration_ms.into())));
        match hub.answer(DeliveryId(id), outcome.token, ended) {
            Some(leased) => {
                if outcome.response_status == GONE && !leased.test {
                    answered.gone.insert(leased.delivery, (leased.endpoint, leased.endpoint_version));
                }
                answered.reports.push(settle(OpenLease::from(&leased), outcome, true, now, chance()));
            }
            None => answered.strange.push(outcome),
        }
    }
    answered
}

/// Results that wait to be recorded. One transaction at a time records all that arrived meanwhile: so workers may
/// report in small pieces, which frees slots soon, and the database gets large batches.
#[derive(Debug, Default)]
pub(super) struct ReportQueue {
    waiting: Mutex<VecDeque<Batch>>,
    turn: tokio::sync::Mutex<()>,
}

/// The results of one call.
#[derive(Debug)]
struct Batch {
    reports: Vec<Report>,
    count: usize,
    gone: BTreeMap<DeliveryId, (EndpointId, u32)>,
    /// Receives how many were recorded.
    done: oneshot::Sender<Result<usize, store::Error>>,
}

impl ReportQueue {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Batch>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The batches for the next transaction: at least one.
    fn take(&self, most: usize) -> Vec<Batch> {
        let mut waiting = self.waiting();
        let mut taken = Vec::new();
        let mut reports = 0;
        while let Some(next) = waiting.front() {
            reports += next.reports.len();
            if reports > most && !taken.is_empty() {
                break;
            }
            taken.extend(waiting.pop_front());
        }
        taken
    }
}

impl Dispatcher {
    pub(super) async fn report(self: &Arc<Self>, request: pb::ReportRequest) -> Result<pb::ReportResponse> {
        let all = request.outcomes.len();
        let now = self.stamps.now();
        let mut answered = SettledBatch::default();
        self.drive(|hub| {
            answered = answers(hub, request.outcomes, now, || self.chance());
            hub.pump()
        });
        self.recall(&mut answered, now).await?;
        let SettledBatch { reports, gone, .. } = answered;
        let accepted = if reports.is_empty() { 0 } else { self.record(reports, gone).await? };
        self.look_again();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(pb::ReportResponse { accepted: count(accepted), refused: count(all - accepted) })
    }

    /// Finds the leases of outcomes that are open in the database but unknown here: after a quick restart, a core's
    /// worker has results from its former run. The token fences them as it does all others. Which endpoint version they
    /// were made from is no longer known, so a 410 among them waits for the next one.
    async fn recall(&self, answered: &mut SettledBatch, now: Timestamp) -> Result<()> {
        let strange = std::mem::take(&mut answered.strange);
        // A single process has taken all leases back at its start.
        if strange.is_empty() || !self.db.is_shared() {
            return Ok(());
        }
        let ids: Vec<DeliveryId> =
            strange.iter().filter_map(|it| Uuid::from_slice(&it.delivery_id).ok()).map(DeliveryId).collect();
        let open = store::dispatch::open(&self.db, &ids).await?;
        for outcome in strange {
            let of_it = |open: &&OpenLease| {
                open.lease.token == outcome.token && open.lease.delivery.0.as_bytes()[..] == outcome.delivery_id[..]
            };
            if let Some(open) = open.iter().find(of_it) {
                answered.reports.push(settle(*open, outcome, false, now, self.chance()));
            }
        }
        Ok(())
    }

    /// Records reports, alone or together with others, and returns how many were recorded. After a failure nothing is
    /// forgotten: the worker repeats the report.
    async fn record(
        self: &Arc<Self>,
        reports: Vec<Report>,
        gone: BTreeMap<DeliveryId, (EndpointId, u32)>,
    ) -> Result<usize> {
        let (done, mut recorded) = oneshot::channel();
        self.recording.waiting().push_back(Batch { count: reports.len(), reports, gone, done });
        loop {
            let _turn = self.recording.turn.lock().await;
            match recorded.try_recv() {
                Ok(recorded) => return Ok(recorded?),
                Err(TryRecvError::Closed) => return Err(store::Error::Unavailable.into()),
                Err(TryRecvError::Empty) => {}
            }
            // A caller that goes away does not lose the results of others.
            let most = if self.db.writes_trickle() { RECORD_BETWEEN_WRITES_MAX } else { RECORD_MAX };
            let this = self.clone();
            let batches = self.recording.take(most);
            let _ = self.tasks.spawn(async move { this.record_all(batches).await }).await;
        }
    }

    /// Records batches in one transaction; if that fails, each on its own, so that none fails because of another.
    async fn record_all(self: &Arc<Self>, mut batches: Vec<Batch>) {
        let together: Arc<Vec<Report>> =
            Arc::new(batches.iter_mut().flat_map(|batch| batch.reports.drain(..)).collect());
        match self.record_once(together.clone()).await {
            Ok(recorded) => self.recorded(batches, &together, recorded).await,
            Err(error) if batches.len() == 1 => drop(batches.pop().map(|batch| batch.done.send(Err(error)))),
            Err(_) => {
                let mut rest = &together[..];
                for batch in batches {
                    let (its, others) = rest.split_at(batch.count);
                    rest = others;
                    let its = Arc::new(its.to_vec());
                    match self.record_once(its.clone()).await {
                        Ok(recorded) => self.recorded(vec![batch], &its, recorded).await,
                        Err(error) => drop(batch.done.send(Err(error))),
                    }
                }
            }
        }
    }

    async fn record_once(&self, reports: Arc<Vec<Report>>) -> Result<BatchResult, store::Error> {
        if failpoint::fails("record_result") {
            return Err(store::Error::Unavailable);
        }
        let now = self.stamps.now();
        self.db.system(Queue::Outcomes, async move |tx| store::dispatch::report(tx, &reports, now).await).await
    }

    /// Handles the consequences of recorded results; `reports` are those of the batches, in their order.
    async fn recorded(self: &Arc<Self>, batches: Vec<Batch>, reports: &[Report], recorded: BatchResult) {
        let BatchResult { accepted, again, health } = recorded;
        let held = self.hub().close(reports.iter().map(|report| report.lease.delivery));
        self.send_again(held, &again, reports);
        let seen: Vec<ReportCounts> = reports.iter().filter_map(ReportCounts::of).collect();
        self.metrics.recorded(&seen, &accepted);
        // The retry is found as due at its time; a test that could not be sent is looked for separately.
        if let Some(at) = reports.iter().filter_map(Report::due_again).min() {
            self.due.at(at);
        }
        let mut gone = BTreeSet::new();
        let mut rest = reports;
        for Batch { count, gone: of_it, done, .. } in batches {
            let (its, others) = rest.split_at(count);
            rest = others;
            gone.extend(of_it.into_iter().filter(|(delivery, _)| accepted.contains(delivery)).map(|(_, of)| of));
            let _ = done.send(Ok(its.iter().filter(|report| accepted.contains(&report.lease.delivery)).count()));
        }
        let now = self.stamps.now();
        if !gone.is_empty() {
            self.disable_gone(gone, now).await;
        }
        self.judge(&health, now).await;
    }

    /// Sends the deliveries whose leases were extended.
    fn send_again(self: &Arc<Self>, held: Vec<Leased>, again: &HashSet<DeliveryId>, reports: &[Report]) {
        if again.is_empty() {
            return;
        }
        let until: HashMap<DeliveryId, Timestamp> = reports
            .iter()
            .filter_map(|report| match &report.used {
                Use::Sent(SentRequest { next: Next::Again { lease_until }, .. }) => {
                    Some((report.lease.delivery, *lease_until))
                }
                _ => None,
            })
            .collect();
        let now = self.stamps.now();
        let lease_until =
            |leased: &Leased| until.get(&leased.delivery).copied().filter(|_| again.contains(&leased.delivery));
        let deliveries =
            held.into_iter().filter_map(|leased| lease_until(&leased).map(|until| leased.again(until, now))).collect();
        self.drive(|hub| hub.again(deliveries));
        self.look_again();
    }

    fn chance(&self) -> u16 {
        let mut bytes = [0; 2];
        self.stamps.fill(&mut bytes);
        u16::from_be_bytes(bytes)
    }
}
