//! What workers report: each outcome becomes what its delivery is from now on, behind the fence of its lease, and is
//! held until that is on record.

use super::{
    Dispatcher,
    hub::Hub,
    settle::{GONE, settle},
};
use crate::{
    error::Result,
    metrics::Seen,
    store::{
        self, Lane,
        dispatch::{Open, Report},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    failpoint,
    id::{DeliveryId, EndpointId},
    internal::v1 as pb,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use uuid::Uuid;

/// What a batch of outcomes makes of their deliveries.
#[derive(Debug, Default)]
pub(super) struct Answered {
    /// What is to be recorded.
    pub(super) reports: Vec<Report>,
    /// Deliveries whose receiver says that it is gone for good, with their endpoints and the versions of those that the
    /// requests were made from.
    pub(super) gone: BTreeMap<DeliveryId, (EndpointId, u32)>,
    /// Outcomes of leases that this core does not hold.
    pub(super) strange: Vec<pb::Outcome>,
}

/// Takes outcomes for the leases that they carry the token of; others are set aside. `chance` spreads retries.
pub(super) fn answers(
    hub: &mut Hub,
    outcomes: Vec<pb::Outcome>,
    now: Timestamp,
    mut chance: impl FnMut() -> u16,
) -> Answered {
    let mut answered = Answered::default();
    for outcome in outcomes {
        let Ok(id) = Uuid::from_slice(&outcome.delivery_id) else { continue };
        let ended = (!outcome.not_sent)
            .then(|| (outcome.error_code.is_empty(), Duration::from_millis(outcome.duration_ms.into())));
        match hub.answer(DeliveryId(id), outcome.token, ended) {
            Some(item) => {
                if outcome.response_status == GONE && !item.once {
                    answered.gone.insert(item.delivery, (item.endpoint, item.endpoint_version));
                }
                answered.reports.push(settle(Open::from(&item), outcome, now, chance()));
            }
            None => answered.strange.push(outcome),
        }
    }
    answered
}

impl Dispatcher {
    pub(super) async fn report(self: &Arc<Self>, request: pb::ReportRequest) -> Result<pb::ReportResponse> {
        let (all, now) = (request.outcomes.len(), self.stamps.now());
        let mut answered = answers(&mut self.hub(), request.outcomes, now, || self.chance());
        self.drive(Hub::pump);
        self.recall(&mut answered, now).await?;
        let Answered { reports, gone, .. } = answered;
        let accepted = if reports.is_empty() { 0 } else { self.record(reports, gone, now).await? };
        if self.backlog.load(Ordering::Relaxed) {
            self.wake();
        }
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(pb::ReportResponse { accepted: count(accepted), refused: count(all - accepted) })
    }

    /// Takes the outcomes of leases that are open in the database though not held here: a core that comes back soon
    /// finds its worker with the results of its former life. The token fences them as it does the others. What they were
    /// made from is not known any more, so that a 410 among them waits for the next one.
    async fn recall(&self, answered: &mut Answered, now: Timestamp) -> Result<()> {
        let strange = std::mem::take(&mut answered.strange);
        // Where there is one process, it has taken all back at its start.
        if strange.is_empty() || !self.db.is_shared() {
            return Ok(());
        }
        let ids: Vec<DeliveryId> =
            strange.iter().filter_map(|it| Uuid::from_slice(&it.delivery_id).ok()).map(DeliveryId).collect();
        let open = store::dispatch::open(&self.db, &ids).await?;
        for outcome in strange {
            let of_it = |open: &&Open| {
                open.lease.token == outcome.token && open.lease.delivery.0.as_bytes()[..] == outcome.delivery_id[..]
            };
            if let Some(open) = open.iter().find(of_it) {
                answered.reports.push(settle(*open, outcome, now, self.chance()));
            }
        }
        Ok(())
    }

    /// Writes what came of the reports. On failure nothing is forgotten: the worker repeats the report.
    async fn record(
        self: &Arc<Self>,
        reports: Vec<Report>,
        mut gone: BTreeMap<DeliveryId, (EndpointId, u32)>,
        now: Timestamp,
    ) -> Result<usize> {
        let reported: Vec<DeliveryId> = reports.iter().map(|report| report.lease.delivery).collect();
        let seen: Vec<Seen> = reports.iter().filter_map(Seen::of).collect();
        if failpoint::fails("record_result") {
            return Err(store::Error::Unavailable.into());
        }
        let recorded = self.db.system(Lane::Outcomes, async move |tx| store::dispatch::report(tx, &reports, now).await);
        let store::dispatch::Recorded { accepted, health } = recorded.await?;
        self.hub().close(reported);
        self.metrics.recorded(&seen, &accepted);
        gone.retain(|delivery, _| accepted.contains(delivery));
        if !gone.is_empty() {
            self.disable_gone(gone.into_values().collect(), now).await;
        }
        self.judge(&health, now).await;
        Ok(accepted.len())
    }

    fn chance(&self) -> u16 {
        let mut bytes = [0; 2];
        self.stamps.fill(&mut bytes);
        u16::from_be_bytes(bytes)
    }
}
