//! Webhook endpoints: the service by which a tenant says where its events go. The signing secret is shown in the
//! answer that made it and never again; the store holds it sealed.

mod samples;

use crate::{
    address::{self, Resolver},
    auth::Authority,
    caller::Caller,
    deliveries,
    dispatch::Dispatcher,
    error::{Error, Result},
    events::{Kind, subscription},
    page::Page,
    plan::Entitlement,
    secrets::{self, MasterKey},
    stamp::Stamps,
    store::{
        self, Db,
        deliveries::State,
        endpoints::{Endpoint, Sealed},
        health::Health,
    },
};
use inboxops_proto::{
    failure::{Failure, Violation},
    id::EndpointId,
    reason::{DetailCode, Reason},
    v1::{self, DeliveryStatus, EndpointStatus, webhook_service_server::WebhookService},
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Greatest number of endpoints of a tenant.
pub const ENDPOINTS_PER_TENANT_MAX: i64 = 100;

/// The service of webhook endpoints.
pub struct Webhooks {
    db: Db,
    stamps: Stamps,
    master_key: MasterKey,
    authority: Arc<Authority>,
    dispatcher: Arc<Dispatcher>,
    resolver: Resolver,
}

impl Webhooks {
    /// On the store; `dispatcher` learns what changes.
    pub fn new(
        db: Db,
        stamps: Stamps,
        master_key: MasterKey,
        authority: Arc<Authority>,
        dispatcher: Arc<Dispatcher>,
        resolver: Resolver,
    ) -> Webhooks {
        Webhooks { db, stamps, master_key, authority, dispatcher, resolver }
    }

    async fn entitled(&self, caller: &Caller) -> Result<bool> {
        let tenant = self.authority.tenant(caller.scope()?.tenant()).await?.ok_or(Reason::TenantNotFound)?;
        Ok(tenant.has(Entitlement::Webhooks))
    }

    async fn list(
        &self,
        caller: &Caller,
        request: v1::ListWebhookEndpointsRequest,
    ) -> Result<v1::ListWebhookEndpointsResponse> {
        let (page, entitled) = (Page::parse(request.page, request.per_page), self.entitled(caller).await?);
        let mut read = self.db.read(caller.scope()?).await?;
        let total = store::endpoints::count(&mut read).await?;
        let endpoints = store::endpoints::list(&mut read, page.limit(), page.offset()).await?;
        let ids: Vec<EndpointId> = endpoints.iter().map(|endpoint| endpoint.id).collect();
        let health = store::health::of(&mut read, &ids).await?;
        let of = |endpoint: &Endpoint| health.iter().find(|health| health.endpoint == endpoint.id);
        let endpoints = endpoints.iter().map(|endpoint| shown(endpoint, of(endpoint), entitled)).collect();
        Ok(v1::ListWebhookEndpointsResponse { endpoints, meta: Some(page.meta(total)) })
    }

    async fn get(
        &self,
        caller: &Caller,
        request: v1::GetWebhookEndpointRequest,
    ) -> Result<v1::GetWebhookEndpointResponse> {
        let (id, entitled) = (endpoint_id(&request.endpoint_id)?, self.entitled(caller).await?);
        let mut read = self.db.read(caller.scope()?).await?;
        let endpoint = store::endpoints::get(&mut read, id).await?.ok_or(Reason::EndpointNotFound)?;
        let health = store::health::of(&mut read, &[id]).await?;
        Ok(v1::GetWebhookEndpointResponse { endpoint: Some(shown(&endpoint, health.first(), entitled)) })
    }

    async fn create(
        &self,
        caller: &Caller,
        request: v1::CreateWebhookEndpointRequest,
    ) -> Result<v1::CreateWebhookEndpointResponse> {
        let (entitled, scope) = (self.entitled(caller).await?, caller.scope()?);
        let url = address::check(request.url.as_deref().unwrap_or_default(), &self.resolver).await?;
        let stamp = self.stamps.stamp();
        let id = stamp.ids().next(EndpointId::new);
        let secret = secrets::signing_secret(&self.stamps);
        let sealed =
            self.master_key.seal(secret.as_bytes(), &[scope.tenant().0.as_bytes(), id.0.as_bytes()], &self.stamps)?;
        let endpoint = Endpoint {
            id,
            tenant: scope.tenant(),
            url,
            description: request.description.filter(|text| !text.is_empty()),
            events: subscription::normal(&request.events),
            mask: subscription::mask(&request.events),
            inboxes: Vec::new(),
            enabled: request.enabled.unwrap_or(true),
            disabled_reason: None,
            rate_per_second: None,
            headers: None,
            secret: Sealed { bytes: sealed, key: secrets::KEY_VERSION },
            secret_hint: secret[secret.len() - 4..].to_owned(),
            other_secret: None,
            version: 1,
            created_at: stamp.at,
            updated_at: stamp.at,
        };
        let endpoint = self
            .db
            .write(scope, async move |tx| {
                if store::endpoints::count(tx).await? >= ENDPOINTS_PER_TENANT_MAX {
                    let message =
                        format!("would be one more than the {ENDPOINTS_PER_TENANT_MAX} endpoints of a workspace");
                    return Err(Failure::invalid(Violation::new("url", DetailCode::LimitExceeded, message)).into());
                }
                store::endpoints::insert(tx, &endpoint).await?;
                Ok(endpoint.clone())
            })
            .await?;
        let shown = v1::WebhookEndpoint { secret: Some(secret.to_string()), ..shown(&endpoint, None, entitled) };
        Ok(v1::CreateWebhookEndpointResponse { endpoint: Some(shown) })
    }

    async fn update(
        &self,
        caller: &Caller,
        request: v1::UpdateWebhookEndpointRequest,
    ) -> Result<v1::UpdateWebhookEndpointResponse> {
        let id = endpoint_id(&request.endpoint_id)?;
        let entitled = self.entitled(caller).await?;
        let mut change = Change::parse(request.endpoint.unwrap_or_default(), request.update_mask)?;
        if let Some(url) = &change.url {
            change.url = Some(address::check(url, &self.resolver).await?);
        }
        let (at, dispatcher) = (self.stamps.now(), self.dispatcher.clone());
        let (endpoint, health) = self
            .db
            .write(caller.scope()?, async move |tx| {
                let old = store::endpoints::lock(tx, id).await?.ok_or(Reason::EndpointNotFound)?;
                let health = store::health::of(tx, &[id]).await?.pop();
                let Some(new) = change.apply(&old, at) else { return Ok((old, health)) };
                store::endpoints::update(tx, &new).await?;
                let dispatcher = dispatcher.clone();
                tx.after(move || dispatcher.endpoint_changed(id));
                Ok((new, health))
            })
            .await?;
        Ok(v1::UpdateWebhookEndpointResponse { endpoint: Some(shown(&endpoint, health.as_ref(), entitled)) })
    }

    async fn delete(
        &self,
        caller: &Caller,
        request: v1::DeleteWebhookEndpointRequest,
    ) -> Result<v1::DeleteWebhookEndpointResponse> {
        let id = endpoint_id(&request.endpoint_id)?;
        let (at, dispatcher) = (self.stamps.now(), self.dispatcher.clone());
        self.db
            .write(caller.scope()?, async move |tx| {
                if !store::endpoints::delete(tx, id, at).await? {
                    return Err(Reason::EndpointNotFound.into());
                }
                let dispatcher = dispatcher.clone();
                tx.after(move || dispatcher.endpoint_changed(id));
                Ok(())
            })
            .await?;
        Ok(v1::DeleteWebhookEndpointResponse {})
    }

    async fn test(&self, caller: &Caller, request: v1::SendTestEventRequest) -> Result<v1::SendTestEventResponse> {
        let kind = request.event.as_deref().and_then(Kind::from_name).ok_or(Error::Broken("the gate checks events"))?;
        let id = endpoint_id(&request.endpoint_id)?;
        let (stamp, actor) = (self.stamps.stamp(), caller.actor());
        let delivery = self
            .db
            .write(caller.scope()?, async move |tx| {
                let endpoint = store::endpoints::lock(tx, id).await?.ok_or(Reason::EndpointNotFound)?;
                let tenant = tx.tenant();
                let event = samples::render(kind, tenant, stamp.at, &actor, &mut stamp.ids())?;
                let delivery = deliveries::new_test(&event, &endpoint, stamp.at);
                let row = event.row(tenant, None, stamp.at);
                tx.emit(store::NewEvent { test_of: Some((endpoint.id, endpoint.version)), ..row });
                Ok(delivery)
            })
            .await?;
        Ok(v1::SendTestEventResponse { delivery: Some(delivery) })
    }
}

/// New values of an endpoint; `None` keeps.
struct Change {
    url: Option<String>,
    events: Option<Vec<String>>,
    enabled: Option<bool>,
    description: Option<Option<String>>,
}

impl Change {
    fn parse(changes: v1::WebhookEndpointChanges, mask: Option<prost_types::FieldMask>) -> Result<Change> {
        let named =
            |name: &str, set: bool| mask.as_ref().map_or(set, |mask| mask.paths.iter().any(|path| path == name));
        let known = ["url", "events", "enabled", "description"];
        if let Some(path) = mask.iter().flat_map(|mask| &mask.paths).find(|path| !known.contains(&path.as_str())) {
            return Err(Failure::invalid(Violation::new(
                path,
                DetailCode::UnknownField,
                "is not a member that can be changed",
            ))
            .into());
        }
        let required = |name: &'static str| Error::from(Failure::invalid(Violation::required(name)));
        let mut change = Change { url: None, events: None, enabled: None, description: None };
        if named("url", changes.url.is_some()) {
            change.url = Some(changes.url.ok_or_else(|| required("url"))?);
        }
        if named("events", !changes.events.is_empty()) {
            if changes.events.is_empty() {
                return Err(required("events"));
            }
            change.events = Some(subscription::normal(&changes.events));
        }
        if named("enabled", changes.enabled.is_some()) {
            change.enabled = Some(changes.enabled.ok_or_else(|| required("enabled"))?);
        }
        if named("description", changes.description.is_some()) {
            change.description = Some(changes.description.filter(|text| !text.is_empty()));
        }
        Ok(change)
    }

    /// The endpoint after the change, or `None` when the change changes nothing.
    fn apply(&self, old: &Endpoint, at: inboxops_proto::clock::Timestamp) -> Option<Endpoint> {
        let mut new = old.clone();
        if let Some(url) = &self.url {
            new.url.clone_from(url);
        }
        if let Some(events) = &self.events {
            new.mask = subscription::mask(events);
            new.events.clone_from(events);
        }
        new.enabled = self.enabled.unwrap_or(new.enabled);
        if let Some(description) = &self.description {
            new.description.clone_from(description);
        }
        // Whoever says whether it is on has seen why it was off.
        if self.enabled.is_some() {
            new.disabled_reason = None;
        }
        if new == *old {
            return None;
        }
        new.version += 1;
        new.updated_at = new.updated_at.max(at);
        Some(new)
    }
}

/// The endpoint as its tenant sees it.
fn shown(endpoint: &Endpoint, health: Option<&Health>, entitled: bool) -> v1::WebhookEndpoint {
    let status = match (entitled, endpoint.enabled, &endpoint.disabled_reason) {
        (false, ..) => EndpointStatus::NotEntitled,
        (true, _, Some(_)) => EndpointStatus::Disabled,
        (true, false, None) => EndpointStatus::Paused,
        (true, true, _) if health.is_some_and(|health| health.failures_in_row > 0) => EndpointStatus::Failing,
        (true, true, _) => EndpointStatus::Active,
    };
    let last_delivery = health.and_then(|health| health.last.as_ref()).map(|last| v1::LastDelivery {
        id: last.delivery.to_string(),
        // It was tried, so what waits now waits for its next attempt.
        status: match last.state {
            State::Waiting | State::Leased => DeliveryStatus::Retrying,
            State::Delivered => DeliveryStatus::Delivered,
            State::Failed => DeliveryStatus::Failed,
            State::Stopped => DeliveryStatus::Canceled,
        } as i32,
        response_status: last.response_status.map(u32::from),
        at: Some(last.at.into()),
    });
    v1::WebhookEndpoint {
        id: endpoint.id.to_string(),
        url: endpoint.url.clone(),
        description: endpoint.description.clone(),
        events: endpoint.events.clone(),
        enabled: endpoint.enabled,
        inbox_ids: Vec::new(),
        rate_per_second: None,
        headers: Vec::new(),
        status: status as i32,
        disabled_reason: endpoint.disabled_reason.clone(),
        secret: None,
        secret_hint: endpoint.secret_hint.clone(),
        last_delivery,
        created_at: Some(endpoint.created_at.into()),
        updated_at: Some(endpoint.updated_at.into()),
    }
}

fn endpoint_id(text: &str) -> Result<EndpointId> {
    text.parse().map_err(|_| Reason::EndpointNotFound.into())
}

#[tonic::async_trait]
impl WebhookService for Webhooks {
    async fn list_webhook_endpoints(
        &self,
        request: Request<v1::ListWebhookEndpointsRequest>,
    ) -> Result<Response<v1::ListWebhookEndpointsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.list(&caller, request.into_inner()).await?))
    }

    async fn get_webhook_endpoint(
        &self,
        request: Request<v1::GetWebhookEndpointRequest>,
    ) -> Result<Response<v1::GetWebhookEndpointResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.get(&caller, request.into_inner()).await?))
    }

    async fn create_webhook_endpoint(
        &self,
        request: Request<v1::CreateWebhookEndpointRequest>,
    ) -> Result<Response<v1::CreateWebhookEndpointResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.create(&caller, request.into_inner()).await?))
    }

    async fn update_webhook_endpoint(
        &self,
        request: Request<v1::UpdateWebhookEndpointRequest>,
    ) -> Result<Response<v1::UpdateWebhookEndpointResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.update(&caller, request.into_inner()).await?))
    }

    async fn delete_webhook_endpoint(
        &self,
        request: Request<v1::DeleteWebhookEndpointRequest>,
    ) -> Result<Response<v1::DeleteWebhookEndpointResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.delete(&caller, request.into_inner()).await?))
    }

    async fn send_test_event(
        &self,
        request: Request<v1::SendTestEventRequest>,
    ) -> Result<Response<v1::SendTestEventResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.test(&caller, request.into_inner()).await?))
    }

    async fn list_event_types(
        &self,
        _: Request<v1::ListEventTypesRequest>,
    ) -> Result<Response<v1::ListEventTypesResponse>, Status> {
        let shown = |kind: &Kind| v1::EventType {
            name: kind.name().to_owned(),
            description: kind.doc().to_owned(),
            group: kind.group().to_owned(),
        };
        Ok(Response::new(v1::ListEventTypesResponse { event_types: Kind::ALL.iter().map(shown).collect() }))
    }
}
