//! Deliveries: the service that shows, resends and cancels them. Jobs over many deliveries are in `recoveries`.

mod search;
mod stats;
mod watch;

use crate::{
    audit::Trail,
    auth::Scope,
    caller::Caller,
    dispatch::Dispatcher,
    error::{Error, Result},
    events::{Kind, RenderedEvent},
    listing::{Binding, Key, Paging},
    recoveries::{self, Recoveries},
    store::{
        self, Db,
        deliveries::{Attempt, Delivery, Page, Range, Shown, State},
        endpoints::Endpoint,
    },
    time_and_chance::Stamps,
};
use inboxops_proto::{
    clock::Timestamp,
    failure::Failure,
    gate::BoxStream,
    id::{self, DeliveryId, EndpointId, EventId},
    limits::{ATTEMPTS_MAX, DEAD_AFTER},
    reason::Reason,
    v1::{self, DeliveryStatus, DeliveryWait, delivery_service_server::DeliveryService},
};
use std::{sync::Arc, time::Duration};
use tonic::{Request, Response, Status};

pub(crate) struct Deliveries {
    db: Db,
    stamps: Stamps,
    dispatcher: Arc<Dispatcher>,
    recoveries: Arc<Recoveries>,
}

impl Deliveries {
    /// A service on the store. It wakes `dispatcher` for due deliveries; `recoveries` runs jobs over many.
    pub(crate) fn new(db: Db, stamps: Stamps, dispatcher: Arc<Dispatcher>, recoveries: Arc<Recoveries>) -> Deliveries {
        Deliveries { db, stamps, dispatcher, recoveries }
    }

    async fn list(
        &self,
        caller: &Caller,
        mut request: v1::ListDeliveriesRequest,
    ) -> Result<v1::ListDeliveriesResponse> {
        let cursor = request.cursor.take();
        let paging = Paging::by_cursor(request.per_page.take(), cursor.as_deref())?;
        let scope = caller.scope()?;
        let binding = Binding::of("deliveries of an endpoint", scope.tenant(), &request);
        let only = (!request.endpoint_id.is_empty())
            .then(|| request.endpoint_id.parse().map_err(|_| Reason::EndpointNotFound))
            .transpose()?;
        let since = request.created_since.as_ref();
        let until = request.created_until.as_ref();
        let mut page = Page {
            shown: recoveries::shown(&request.status)?,
            kinds: recoveries::kinds(&request.event)?,
            ids: None,
            // A range includes both ends; the call's excludes its last.
            range: Range {
                since: since.map(Timestamp::from),
                until: until.map(|at| Timestamp::from(at).minus(Duration::from_micros(1))),
            },
            before: None,
        };
        let now = self.stamps.now();
        let mut read = self.db.read(scope).await?;
        let listing = paging.open(&mut read, binding, now).await?;
        page.before = listing.after().map(Key::as_id).transpose()?.map(DeliveryId);
        let endpoints: Vec<EndpointId> = match only {
            Some(id) => vec![store::endpoints::get(&mut read, id).await?.ok_or(Reason::EndpointNotFound)?.id],
            None => store::endpoints::list(&mut read, i64::MAX, 0).await?.into_iter().map(|it| it.id).collect(),
        };
        if let Some(id) = &request.id {
            let id = id::parse(id).map_err(|_| Error::Broken("the gate checks ids"))?;
            // The id of a delivery follows from the ids of its event and its endpoint.
            let of_event = endpoints.iter().map(|endpoint| store::events::delivery_id(EventId(id), *endpoint));
            page.ids = Some(of_event.chain([DeliveryId(id)]).collect());
        }
        let listed = store::deliveries::list(&mut read, &endpoints, &page, listing.per_page()).await?;
        Ok(v1::ListDeliveriesResponse {
            deliveries: listed.deliveries.iter().map(|row| shown(row, now)).collect(),
            meta: Some(v1::CursorMeta {
                has_more: listed.next.is_some(),
                next_cursor: listed.next.map(|next| listing.cursor(Key::id(next.0))),
            }),
        })
    }

    async fn get(&self, caller: &Caller, request: v1::GetDeliveryRequest) -> Result<v1::GetDeliveryResponse> {
        let id = delivery_id(&request.delivery_id)?;
        let mut read = self.db.read(caller.scope()?).await?;
        let delivery = store::deliveries::get(&mut read, id).await?.ok_or(Reason::DeliveryNotFound)?;
        let attempts = store::deliveries::attempts(&mut read, id).await?;
        let body =
            store::events::body(&mut read, delivery.event).await?.ok_or(Error::Broken("a delivery has its event"))?;
        // Both may quote messages of customers.
        let quotes = caller.has_any(&[Scope::WebhooksManage, Scope::MessagesRead]);
        let payload = match delivery.thin {
            _ if !quotes => String::new(),
            true => self.dispatcher.thin().of(&body)?,
            false => body,
        };
        let attempt = |attempt: Attempt| v1::Attempt {
            response_body: attempt.response_body.clone().filter(|_| quotes),
            ..v1::Attempt::from(attempt)
        };
        let brief = shown(&delivery, self.stamps.now());
        let detail = v1::DeliveryDetail {
            id: brief.id,
            endpoint_id: brief.endpoint_id,
            event: brief.event,
            event_id: brief.event_id,
            status: brief.status,
            attempt_count: brief.attempt_count,
            max_attempts: brief.max_attempts,
            next_attempt_at: brief.next_attempt_at,
            response_status: brief.response_status,
            error_code: brief.error_code,
            test: brief.test,
            created_at: brief.created_at,
            delivered_at: brief.delivered_at,
            payload,
            attempts: attempts.into_iter().map(attempt).collect(),
            ticket_id: brief.ticket_id,
            ticket_number: brief.ticket_number,
            subject: brief.subject,
            waits_for: brief.waits_for,
        };
        Ok(v1::GetDeliveryResponse { delivery: Some(detail) })
    }

    async fn resend(&self, caller: &Caller, request: v1::ResendDeliveryRequest) -> Result<v1::ResendDeliveryResponse> {
        let id = delivery_id(&request.delivery_id)?;
        let stamp = self.stamps.stamp();
        let at = stamp.at;
        let dispatcher = self.dispatcher.clone();
        let trail = Trail::of(caller, at);
        let write = caller.write(&self.db, async move |tx| {
            let old = store::deliveries::lock(tx, id).await?.ok_or(Reason::DeliveryNotFound)?;
            if !store::deliveries::rearm(tx, &old, at).await? {
                let busy = Failure::new(Reason::Conflict).message("A request of this delivery is on its way.");
                return Err(busy.retry_after(1).into());
            }
            let endpoint = old.endpoint.to_string();
            let facts = [("endpoint_id", endpoint.as_str())];
            trail.note(tx, &mut stamp.ids(), "delivery.resent", ("delivery", Some(id.0)), &facts).await?;
            let dispatcher = dispatcher.clone();
            tx.after(move || dispatcher.wake());
            let delivery = store::deliveries::get(tx, id).await?.ok_or(Reason::DeliveryNotFound)?;
            Ok(v1::ResendDeliveryResponse { delivery: Some(shown(&delivery, at)) })
        });
        write.await
    }

    async fn cancel(&self, caller: &Caller, request: v1::CancelDeliveryRequest) -> Result<v1::CancelDeliveryResponse> {
        let id = delivery_id(&request.delivery_id)?;
        let stamp = self.stamps.stamp();
        let at = stamp.at;
        let trail = Trail::of(caller, at);
        let write = caller.write(&self.db, async move |tx| {
            let old = store::deliveries::lock(tx, id).await?.ok_or(Reason::DeliveryNotFound)?;
            if !old.can_stop() {
                return Err(Failure::new(Reason::Conflict).message("The delivery has ended already.").into());
            }
            store::deliveries::stop(tx, &old, at).await?;
            let endpoint = old.endpoint.to_string();
            let facts = [("endpoint_id", endpoint.as_str())];
            trail.note(tx, &mut stamp.ids(), "delivery.canceled", ("delivery", Some(id.0)), &facts).await?;
            let delivery = store::deliveries::get(tx, id).await?.ok_or(Reason::DeliveryNotFound)?;
            Ok(v1::CancelDeliveryResponse { delivery: Some(shown(&delivery, at)) })
        });
        write.await
    }
}

fn delivery_id(text: &str) -> Result<DeliveryId> {
    text.parse().map_err(|_| Reason::DeliveryNotFound.into())
}

/// What a delivery waits for.
fn waits_for(delivery: &Delivery, now: Timestamp) -> Option<DeliveryWait> {
    if delivery.state != State::Waiting {
        return None;
    }
    Some(match delivery.shown() {
        Shown::Paused => DeliveryWait::Paused,
        // The health and the rate of its endpoint do not apply to a test.
        _ if delivery.test => DeliveryWait::Queue,
        Shown::Retrying if delivery.due_at > now => DeliveryWait::Retry,
        _ if delivery.endpoint_failures.is_some_and(|row| row >= i64::from(DEAD_AFTER)) => DeliveryWait::Probe,
        _ if delivery.endpoint_rate.is_some() => DeliveryWait::RateLimit,
        _ => DeliveryWait::Queue,
    })
}

/// The delivery as its tenant sees it.
fn shown(delivery: &Delivery, now: Timestamp) -> v1::Delivery {
    let waits = delivery.state == State::Waiting && delivery.shown() != Shown::Paused;
    v1::Delivery {
        id: delivery.id.to_string(),
        endpoint_id: delivery.endpoint.to_string(),
        event: Kind::from_code(delivery.kind).map_or("", Kind::name).to_owned(),
        event_id: delivery.event.to_string(),
        status: delivery.shown().code().into(),
        attempt_count: delivery.attempts_counted(),
        max_attempts: if delivery.test { 1 } else { ATTEMPTS_MAX },
        next_attempt_at: waits.then(|| delivery.due_at.into()),
        response_status: delivery.response_status.map(u32::from),
        error_code: delivery.error_code.clone(),
        test: delivery.test,
        created_at: Some(delivery.created_at.into()),
        delivered_at: delivery.settled_at.filter(|_| delivery.state == State::Delivered).map(Into::into),
        revision: delivery.revision(),
        duration_ms: delivery.duration_ms,
        ticket_id: delivery.ticket.map(|ticket| ticket.to_string()),
        ticket_number: delivery.ticket_number,
        subject: delivery.subject.clone(),
        waits_for: waits_for(delivery, now).map(Into::into),
    }
}

/// A new test delivery.
pub(crate) fn new_test(event: &RenderedEvent, endpoint: &Endpoint, at: Timestamp) -> v1::Delivery {
    v1::Delivery {
        id: store::events::delivery_id(event.id, endpoint.id).to_string(),
        endpoint_id: endpoint.id.to_string(),
        event: event.kind.name().to_owned(),
        event_id: event.id.to_string(),
        status: DeliveryStatus::Pending as i32,
        attempt_count: 0,
        max_attempts: 1,
        next_attempt_at: None,
        response_status: None,
        error_code: None,
        test: true,
        created_at: Some(at.into()),
        delivered_at: None,
        // Fan-out leases it at once.
        revision: store::deliveries::revision(State::Leased, store::FIRST_TOKEN, false),
        duration_ms: None,
        ticket_id: None,
        ticket_number: None,
        subject: None,
        waits_for: None,
    }
}

impl From<Attempt> for v1::Attempt {
    fn from(attempt: Attempt) -> v1::Attempt {
        v1::Attempt {
            number: attempt.n,
            started_at: Some(attempt.started_at.into()),
            duration_ms: attempt.duration_ms,
            response_status: attempt.response_status.map(u32::from),
            response_body: attempt.response_body,
            response_headers: headers(&attempt.response_headers),
            request_headers: headers(&attempt.request_headers),
            error_code: attempt.error_code,
            error: attempt.error,
            succeeded: attempt.succeeded,
        }
    }
}

/// Headers from the JSON of an attempt's row: a list of pairs.
fn headers(text: &str) -> Vec<v1::HttpHeader> {
    let pairs: Vec<(String, String)> = serde_json::from_str(text).unwrap_or_default();
    pairs.into_iter().map(|(name, value)| v1::HttpHeader { name, value }).collect()
}

#[tonic::async_trait]
impl DeliveryService for Deliveries {
    type WatchDeliveriesStream = BoxStream<v1::WatchDeliveriesResponse>;

    async fn watch_deliveries(
        &self,
        request: Request<v1::WatchDeliveriesRequest>,
    ) -> Result<Response<Self::WatchDeliveriesStream>, Status> {
        let scope = Caller::of(&request)?.scope()?;
        Ok(Response::new(watch::watch(&self.db, &self.stamps, scope, request.into_inner()).await?))
    }

    async fn list_deliveries(
        &self,
        request: Request<v1::ListDeliveriesRequest>,
    ) -> Result<Response<v1::ListDeliveriesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.list(&caller, request.into_inner()).await?))
    }

    async fn search_deliveries(
        &self,
        request: Request<v1::SearchDeliveriesRequest>,
    ) -> Result<Response<v1::SearchDeliveriesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.search(&caller, request.into_inner()).await?))
    }

    async fn get_delivery(
        &self,
        request: Request<v1::GetDeliveryRequest>,
    ) -> Result<Response<v1::GetDeliveryResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.get(&caller, request.into_inner()).await?))
    }

    async fn resend_delivery(
        &self,
        request: Request<v1::ResendDeliveryRequest>,
    ) -> Result<Response<v1::ResendDeliveryResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.resend(&caller, request.into_inner()).await?))
    }

    async fn cancel_delivery(
        &self,
        request: Request<v1::CancelDeliveryRequest>,
    ) -> Result<Response<v1::CancelDeliveryResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.cancel(&caller, request.into_inner()).await?))
    }

    async fn resend_deliveries(
        &self,
        request: Request<v1::ResendDeliveriesRequest>,
    ) -> Result<Response<v1::ResendDeliveriesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.recoveries.resend(&caller, request.into_inner()).await?))
    }

    async fn get_resend(
        &self,
        request: Request<v1::GetResendRequest>,
    ) -> Result<Response<v1::GetResendResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.recoveries.get_resend(&caller, request.into_inner()).await?))
    }

    async fn list_undelivered(
        &self,
        request: Request<v1::ListUndeliveredRequest>,
    ) -> Result<Response<v1::ListUndeliveredResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.recoveries.undelivered(&caller, request.into_inner()).await?))
    }

    async fn get_delivery_stats(
        &self,
        request: Request<v1::GetDeliveryStatsRequest>,
    ) -> Result<Response<v1::GetDeliveryStatsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.stats(&caller, request.into_inner()).await?))
    }

    async fn get_endpoint_stats(
        &self,
        request: Request<v1::GetEndpointStatsRequest>,
    ) -> Result<Response<v1::GetEndpointStatsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.stats_of_endpoint(&caller, request.into_inner()).await?))
    }
}
