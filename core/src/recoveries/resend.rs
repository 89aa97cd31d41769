//! Resend: sends the deliveries that a filter selects again, but no tests. They are counted first; each endpoint gets its
//! own job.

use super::{Recoveries, STEP_MAX, Step, busy, recover, span};
use crate::{
    audit::Trail,
    caller::Caller,
    error::{Error, Result},
    events::Kind,
    store::{
        self, Tx,
        changes::Place,
        deliveries::{Page, Range, Shown, State},
        endpoints::Endpoint,
        recoveries::{Recovery, What},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, RecoveryId},
    reason::Reason,
    v1,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Greatest number of deliveries that one call sends again.
pub(crate) const RESEND_MAX: i64 = 10_000;

/// The filter of a job, as its row stores it: codes of states and kinds of events.
#[derive(Serialize, Deserialize)]
struct Filter {
    shown: Vec<i16>,
    kinds: Vec<i16>,
}

impl Filter {
    fn text(shown: &[Shown], kinds: &[i16]) -> Result<String> {
        let filter = Filter { shown: shown.iter().map(|it| it.code()).collect(), kinds: kinds.to_vec() };
        serde_json::to_string(&filter).map_err(|_| Error::Broken("numbers are always JSON"))
    }
}

impl Recoveries {
    /// Starts a resend job of one endpoint, or returns what it would do.
    pub(crate) async fn resend_of_endpoint(
        &self,
        caller: &Caller,
        request: v1::ResendEndpointDeliveriesRequest,
    ) -> Result<v1::ResendEndpointDeliveriesResponse> {
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
        let shown = shown(&request.status)?;
        let job_id = stamp.ids().next(RecoveryId::new);
        let mut job = Recovery {
            id: job_id,
            tenant: scope.tenant(),
            endpoint: id,
            what: What::Resend,
            batch: job_id,
            filter: Filter::text(&shown, &[])?,
            since,
            until,
            after_event: Place::default(),
            after: Some(DeliveryId::new(since, 0)),
            matched: 0,
            created: 0,
            done: false,
            fence: 0,
            created_at: stamp.at,
        };
        let mut read = self.db.read(scope).await?;
        store::endpoints::get(&mut read, id).await?.ok_or(Reason::EndpointNotFound)?;
        let range = Range { since: Some(since), until: Some(job.last()) };
        let page = Page { shown, range, ..Page::default() };
        let (count, _) = store::deliveries::count(&mut read, id, &page, RESEND_MAX).await?;
        job.matched = u32::try_from(count).unwrap_or(u32::MAX);
        drop(read);
        let made = self.made.clone();
        let dry = request.dry_run == Some(true);
        let trail = Trail::of(caller, stamp.at);
        let write = caller.write(&self.db, async move |tx| {
            if dry {
                let recovery = Some(v1::Recovery { id: None, done: true, ..recover::shown(&job) });
                return Ok(v1::ResendEndpointDeliveriesResponse { recovery, started: false });
            }
            store::endpoints::lock(tx, id).await?.ok_or(Reason::EndpointNotFound)?;
            if store::recoveries::open_of(tx, id).await?.is_some() {
                return Err(busy());
            }
            store::recoveries::insert(tx, &job).await?;
            recover::started(tx, &trail, &mut stamp.ids(), &job).await?;
            let made = made.clone();
            tx.after(move || made.notify_one());
            Ok(v1::ResendEndpointDeliveriesResponse { recovery: Some(recover::shown(&job)), started: true })
        });
        write.await
    }

    /// Starts the resend jobs, or returns what they would do.
    pub(crate) async fn resend(
        &self,
        caller: &Caller,
        request: v1::ResendDeliveriesRequest,
    ) -> Result<v1::ResendDeliveriesResponse> {
        let stamp = self.stamps.stamp();
        let scope = caller.scope()?;
        let names = ["created_since", "created_until"];
        let (since, until) = span(
            request.created_since.as_ref(),
            request.created_until.as_ref(),
            names,
            stamp.at,
            Reason::ValidationFailed,
        )?;
        let mut shown = shown(&request.status)?;
        if shown.is_empty() {
            shown = vec![Shown::Failed, Shown::Canceled];
        }
        let kinds = kinds(&request.event)?;
        let only = request.endpoint_id.as_deref().map(|id| id.parse().map_err(|_| Reason::EndpointNotFound));
        let mut read = self.db.read(scope.clone()).await?;
        let endpoints = match only.transpose()? {
            Some(id) => vec![store::endpoints::get(&mut read, id).await?.ok_or(Reason::EndpointNotFound)?],
            None => store::endpoints::list(&mut read, i64::MAX, 0).await?,
        };
        let filter = Filter::text(&shown, &kinds)?;
        // The end is excluded, unless it is now.
        let last = if until < stamp.at { until.minus(Duration::from_micros(1)) } else { until };
        let range = Range { since: Some(since), until: Some(last) };
        let page = Page { shown, kinds, range, ..Page::default() };
        let mut ids = stamp.ids();
        let mut left = RESEND_MAX;
        let mut more = false;
        let mut jobs = Vec::new();
        let batch = ids.next(RecoveryId::new);
        for endpoint in &endpoints {
            let (count, beyond) = store::deliveries::count(&mut read, endpoint.id, &page, left).await?;
            left -= count;
            more |= beyond;
            if count > 0 {
                jobs.push(Recovery {
                    id: ids.next(RecoveryId::new),
                    tenant: scope.tenant(),
                    endpoint: endpoint.id,
                    what: What::Resend,
                    batch,
                    filter: filter.clone(),
                    since,
                    until,
                    after_event: Place::default(),
                    after: Some(DeliveryId::new(since, 0)),
                    matched: u32::try_from(count).unwrap_or(u32::MAX),
                    created: 0,
                    done: false,
                    fence: 0,
                    created_at: stamp.at,
                });
            }
        }
        drop(read);
        let told = v1::Resend { id: None, more, ..sum(&jobs) };
        if request.dry_run == Some(true) || jobs.is_empty() {
            let resend = Some(v1::Resend { done: true, ..told });
            return Ok(v1::ResendDeliveriesResponse { resend });
        }
        // In one order, so that two calls do not deadlock.
        jobs.sort_unstable_by_key(|job| job.endpoint);
        let made = self.made.clone();
        let trail = Trail::of(caller, stamp.at);
        self.db
            .write(scope, async move |tx| -> Result<_> {
                for job in &jobs {
                    store::endpoints::lock(tx, job.endpoint).await?.ok_or(Reason::EndpointNotFound)?;
                    if store::recoveries::open_of(tx, job.endpoint).await?.is_some() {
                        return Err(busy());
                    }
                }
                let mut ids = stamp.ids();
                for job in &jobs {
                    store::recoveries::insert(tx, job).await?;
                    recover::started(tx, &trail, &mut ids, job).await?;
                }
                let made = made.clone();
                tx.after(move || made.notify_one());
                Ok(())
            })
            .await?;
        Ok(v1::ResendDeliveriesResponse { resend: Some(v1::Resend { id: Some(batch.to_string()), ..told }) })
    }

    /// The progress of the jobs of a call.
    pub(crate) async fn get_resend(
        &self,
        caller: &Caller,
        request: v1::GetResendRequest,
    ) -> Result<v1::GetResendResponse> {
        let batch: RecoveryId = request.resend_id.parse().map_err(|_| Reason::RecoveryNotFound)?;
        let mut read = self.db.peek(caller.scope()?).await?;
        let mut jobs = store::recoveries::of_batch(&mut read, batch).await?;
        jobs.retain(|job| job.what == What::Resend);
        if jobs.is_empty() {
            return Err(Reason::RecoveryNotFound.into());
        }
        Ok(v1::GetResendResponse { resend: Some(v1::Resend { id: Some(batch.to_string()), ..sum(&jobs) }) })
    }
}

/// The states that a request names.
pub(crate) fn shown(status: &[i32]) -> Result<Vec<Shown>> {
    status.iter().map(|code| Shown::from_code(*code).ok_or(Error::Broken("the gate checks enums"))).collect()
}

/// The kinds of events that a request names.
pub(crate) fn kinds(events: &[String]) -> Result<Vec<i16>> {
    let kind = |name: &String| Kind::from_name(name).map(Kind::code).ok_or(Error::Broken("the gate checks events"));
    events.iter().map(kind).collect()
}

fn sum(jobs: &[Recovery]) -> v1::Resend {
    let sum = |of: fn(&Recovery) -> u32| jobs.iter().map(of).fold(0, u32::saturating_add);
    v1::Resend {
        id: None,
        matched: sum(|job| job.matched),
        more: false,
        resent: sum(|job| job.created),
        done: jobs.iter().all(|job| job.done),
    }
}

/// Reads the next deliveries and gives those that the filter selects a new schedule, never more than were counted.
pub(super) async fn step(tx: &mut Tx<'_>, endpoint: &Endpoint, job: &mut Recovery, now: Timestamp) -> Result<Step> {
    let filter: Filter = serde_json::from_str(&job.filter).map_err(|_| Error::Broken("a job's filter is ours"))?;
    let shown: Vec<Shown> = filter.shown.iter().filter_map(|code| Shown::from_code((*code).into())).collect();
    let left = i64::from(job.matched.saturating_sub(job.created)).min(STEP_MAX);
    let left = usize::try_from(left).unwrap_or_default();
    let keeps = (shown.as_slice(), filter.kinds.as_slice());
    let stretch = store::deliveries::stretch(tx, endpoint.id, keeps, job.after, job.last(), left).await?;
    let states = store::deliveries::states(tx, &stretch).await?;
    let real = |id: &DeliveryId| states.get(id).filter(|it| !it.test).map(|it| (*id, it.state));
    let kept: Vec<(DeliveryId, State)> = stretch.iter().filter_map(real).collect();
    job.created += store::deliveries::rearm_all(tx, endpoint.id, &kept, now).await?;
    job.after = stretch.last().copied().or(job.after);
    Ok(if stretch.len() == left && job.created < job.matched { Step::More } else { Step::Over })
}
