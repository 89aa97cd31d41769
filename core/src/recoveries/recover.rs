//! Recovery: makes deliveries for every event of an endpoint's subscription that was never delivered to it and does not
//! wait now.

use super::{DISORDER_MAX, Recoveries, STEP_MAX, Step, busy, span};
use crate::{
    audit::Trail,
    caller::Caller,
    error::Result,
    store::{
        self, ReadTx, Scoped, Tx,
        deliveries::{DeliveryState, NewDelivery, State},
        endpoints::Endpoint,
        events::delivery_id,
        recoveries::{PastEvent, Recovery, What},
    },
    time_and_chance::Ids,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, RecoveryId},
    limits::EVENTS_KEPT,
    reason::Reason,
    v1,
};
use std::time::{Duration, Instant};

/// Events that one statement reads when counting.
const COUNT_STEP: i64 = 1_000;
/// Longest time for counting. If it is not enough, the count is a lower bound.
const COUNT_TIME_MAX: Duration = Duration::from_secs(4);
/// Events that expire within this time are skipped, so that none is deleted under a new delivery.
const MARGIN: Duration = Duration::from_secs(3600);

impl Recoveries {
    /// Starts a recovery, or returns what it would do.
    pub(crate) async fn recover(
        &self,
        caller: &Caller,
        request: v1::RecoverDeliveriesRequest,
    ) -> Result<v1::RecoverDeliveriesResponse> {
        let id: EndpointId = request.endpoint_id.parse().map_err(|_| Reason::EndpointNotFound)?;
        let stamp = self.stamps.stamp();
        let scope = caller.scope()?;
        let (since, until) = span(
            request.since.as_ref(),
            request.until.as_ref(),
            ["since", "until"],
            stamp.at,
            Reason::ValidationFailed,
        )?;
        let mut read = self.db.read(scope.clone()).await?;
        let endpoint = store::endpoints::get(&mut read, id).await?.ok_or(Reason::EndpointNotFound)?;
        let job_id = stamp.ids().next(RecoveryId::new);
        let mut job = Recovery {
            id: job_id,
            tenant: scope.tenant(),
            endpoint: id,
            what: What::Recover,
            batch: job_id,
            filter: String::new(),
            since,
            until,
            after_event: store::recoveries::place_before(&mut read, since.minus(DISORDER_MAX)).await?,
            after: None,
            matched: 0,
            created: 0,
            done: false,
            fence: 0,
            created_at: stamp.at,
        };
        job.matched = count(&mut read, &endpoint, &job, stamp.at).await?;
        drop(read);
        let made = self.made.clone();
        let dry = request.dry_run == Some(true);
        let trail = Trail::of(caller, stamp.at);
        let write = caller.write(&self.db, async move |tx| {
            if dry {
                let recovery = Some(v1::Recovery { id: None, done: true, ..shown(&job) });
                return Ok(v1::RecoverDeliveriesResponse { recovery, started: false });
            }
            store::endpoints::lock(tx, id).await?.ok_or(Reason::EndpointNotFound)?;
            if store::recoveries::open_of(tx, id).await?.is_some() {
                return Err(busy());
            }
            store::recoveries::insert(tx, &job).await?;
            started(tx, &trail, &mut stamp.ids(), &job).await?;
            let made = made.clone();
            tx.after(move || made.notify_one());
            Ok(v1::RecoverDeliveriesResponse { recovery: Some(shown(&job)), started: true })
        });
        write.await
    }

    /// The progress of a recovery.
    pub(crate) async fn get(
        &self,
        caller: &Caller,
        request: v1::GetRecoveryRequest,
    ) -> Result<v1::GetRecoveryResponse> {
        let endpoint: EndpointId = request.endpoint_id.parse().map_err(|_| Reason::EndpointNotFound)?;
        let mut read = self.db.read(caller.scope()?).await?;
        store::endpoints::get(&mut read, endpoint).await?.ok_or(Reason::EndpointNotFound)?;
        let id: RecoveryId = request.recovery_id.parse().map_err(|_| Reason::RecoveryNotFound)?;
        let job = store::recoveries::get(&mut read, id).await?;
        let job = job.filter(|job| job.endpoint == endpoint);
        Ok(v1::GetRecoveryResponse { recovery: Some(shown(&job.ok_or(Reason::RecoveryNotFound)?)) })
    }
}

/// Records who started a job.
pub(super) async fn started(tx: &mut Tx<'_>, trail: &Trail, ids: &mut Ids, job: &Recovery) -> store::Result<()> {
    let action = match job.what {
        What::Recover => "endpoint.recovery_started",
        What::Resend => "endpoint.resend_started",
    };
    let matched = job.matched.to_string();
    trail.note(tx, ids, action, ("endpoint", Some(job.endpoint.0)), &[("matched", matched.as_str())]).await
}

pub(super) fn shown(job: &Recovery) -> v1::Recovery {
    v1::Recovery {
        id: Some(job.id.to_string()),
        endpoint_id: job.endpoint.to_string(),
        since: Some(job.since.into()),
        until: Some(job.until.into()),
        matched: job.matched,
        created: job.created,
        done: job.done,
    }
}

pub(super) struct MissedEvent {
    pub(super) event: PastEvent,
    pub(super) delivery: DeliveryId,
    /// State of its delivery; `None` if there is none.
    pub(super) standing: Option<DeliveryState>,
}

/// Those events of `past` that the endpoint subscribes to, that lie in the period, and that were never delivered to it.
pub(super) async fn missed(
    tx: &mut impl Scoped,
    endpoint: &Endpoint,
    past: &[PastEvent],
    since: Timestamp,
    until: Timestamp,
) -> Result<Vec<MissedEvent>, store::Error> {
    let wanted = |event: &&PastEvent| {
        !event.test && event.at >= since && event.at <= until && endpoint.wants(event.kind, [event.inbox, event.left])
    };
    let wanted: Vec<(&PastEvent, DeliveryId)> =
        past.iter().filter(wanted).map(|event| (event, delivery_id(event.id, endpoint.id))).collect();
    let ids: Vec<DeliveryId> = wanted.iter().map(|(_, id)| *id).collect();
    let states = store::deliveries::states(tx, &ids).await?;
    let missed = wanted.into_iter().map(|(event, delivery)| MissedEvent {
        event: *event,
        delivery,
        standing: states.get(&delivery).copied(),
    });
    Ok(missed.filter(|it| it.standing.is_none_or(|standing| !standing.succeeded)).collect())
}

impl MissedEvent {
    /// Whether the job is done.
    fn is_over(&self) -> bool {
        self.standing.is_none_or(|it| matches!(it.state, State::Failed | State::Stopped))
    }
}

/// The time from which on events are safe from retention while the job runs.
fn oldest(job: &Recovery, now: Timestamp) -> Timestamp {
    job.since.max(now.minus(EVENTS_KEPT).plus(MARGIN))
}

fn is_past(last: Option<&PastEvent>, job: &Recovery) -> bool {
    last.is_some_and(|last| last.at > job.last().plus(DISORDER_MAX))
}

async fn count(read: &mut ReadTx, endpoint: &Endpoint, job: &Recovery, now: Timestamp) -> Result<u32> {
    let began = Instant::now();
    let mut place = job.after_event;
    let mut count = 0;
    loop {
        let past = store::recoveries::events_after(read, place, COUNT_STEP).await?;
        let missed = missed(read, endpoint, &past, oldest(job, now), job.last()).await?;
        count += missed.iter().filter(|it| it.is_over()).count();
        let whole = i64::try_from(past.len()).is_ok_and(|read| read == COUNT_STEP);
        if !whole || is_past(past.last(), job) || began.elapsed() > COUNT_TIME_MAX {
            return Ok(u32::try_from(count).unwrap_or(u32::MAX));
        }
        place = past.last().map_or(place, |last| last.place);
    }
}

/// Reads the next events and makes the missing deliveries; failed ones get a new schedule.
pub(super) async fn step(
    tx: &mut Tx<'_>,
    endpoint: &Endpoint,
    job: &mut Recovery,
    now: Timestamp,
) -> Result<Step, store::Error> {
    // Asked first: whatever ends between the two statements is then found by the second, or by a later step.
    let end = store::horizon::end_for_writer(tx).await?;
    let past = store::recoveries::settled_events_after(tx, job.after_event, end, STEP_MAX).await?;
    let missed = missed(tx, endpoint, &past, oldest(job, now), job.last()).await?;
    let mut missing = Vec::new();
    let mut ended = Vec::new();
    for it in missed.iter().filter(|it| it.is_over()) {
        match it.standing {
            None => missing.push(NewDelivery { id: it.delivery, event: it.event.id, kind: it.event.kind }),
            Some(standing) => ended.push((it.delivery, standing.state)),
        }
    }
    job.created += store::deliveries::make(tx, endpoint.id, endpoint.thin, &missing, now).await?;
    job.created += store::deliveries::rearm_all(tx, endpoint.id, &ended, now).await?;
    job.after_event = past.last().map_or(job.after_event, |last| last.place);
    let whole = i64::try_from(past.len()).is_ok_and(|read| read == STEP_MAX);
    match whole {
        _ if is_past(past.last(), job) => Ok(Step::Over),
        true => Ok(Step::More),
        // Events that were being written when the job was made may not be visible yet.
        false if job.is_settled(end) => Ok(Step::Over),
        false => Ok(Step::Waits),
    }
}
