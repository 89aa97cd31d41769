//! Webhook endpoints: the service by which a tenant configures where its events are sent. The signing secret is shown
//! once, in the answer that created it; the store has it sealed, as it has custom headers.

pub(crate) mod failing;
pub(crate) mod headers;
pub(crate) mod rotation;

mod change;
mod preview;
mod samples;
pub(crate) mod secret;
mod shown;
mod test_event;

use crate::{
    address::{self, Resolver},
    audit::Trail,
    auth::Authority,
    caller::Caller,
    dispatch::Dispatcher,
    error::Result,
    events::{Kind, subscription},
    idempotency::AnswerStorage,
    listing::{Binding, Key, Paging},
    plan::Entitlement,
    recoveries::Recoveries,
    secrets::MasterKey,
    store::{self, Db, Tx, endpoints::Endpoint, health::Health},
    time_and_chance::Stamps,
};
use change::{Change, inbox_ids, refusal};
use inboxops_proto::{
    clock::Timestamp,
    failure::{Failure, Violation},
    id::{EndpointId, InboxId},
    reason::{DetailCode, Reason},
    v1::{self, webhook_service_server::WebhookService},
};
use shown::EndpointView;
use std::{sync::Arc, time::Duration};
use tonic::{Request, Response, Status};

/// Greatest number of endpoints of a tenant.
pub(crate) const ENDPOINTS_PER_TENANT_MAX: i64 = 100;

/// The operator's rules for endpoints.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// Which addresses are allowed.
    pub(crate) resolver: Resolver,
    /// An endpoint is behind when its oldest due delivery has waited this long.
    pub(crate) behind_after: Duration,
}

pub(crate) struct Webhooks {
    db: Db,
    stamps: Stamps,
    master_key: MasterKey,
    authority: Arc<Authority>,
    dispatcher: Arc<Dispatcher>,
    recoveries: Arc<Recoveries>,
    rules: Rules,
}

impl Webhooks {
    /// A service on the store. It tells `dispatcher` what changes.
    pub(crate) fn new(
        db: Db,
        stamps: Stamps,
        master_key: MasterKey,
        authority: Arc<Authority>,
        dispatcher: Arc<Dispatcher>,
        recoveries: Arc<Recoveries>,
        rules: Rules,
    ) -> Webhooks {
        Webhooks { db, stamps, master_key, authority, dispatcher, recoveries, rules }
    }

    /// What the caller's view of endpoints depends on.
    async fn sight(&self, caller: &Caller) -> Result<EndpointView> {
        let tenant = self.authority.tenant(caller.scope()?.tenant()).await?.ok_or(Reason::TenantNotFound)?;
        let entitled = tenant.has(Entitlement::Webhooks);
        let now = self.stamps.now();
        let behind_after = self.rules.behind_after;
        Ok(EndpointView { entitled, now, behind_after, master_key: self.master_key.clone() })
    }

    /// The normal form of a URL, if there is one and no rule is violated so far.
    async fn address(&self, url: Option<&str>, mut broken: Vec<Violation>) -> Result<Option<String>> {
        let checked = match url {
            Some(url) => address::check(url, &self.rules.resolver).await.map(Some),
            None => Ok(None),
        };
        let url = checked.unwrap_or_else(|violation| {
            broken.insert(0, violation);
            None
        });
        refusal(broken).map(|()| url)
    }

    async fn list(
        &self,
        caller: &Caller,
        request: v1::ListWebhookEndpointsRequest,
    ) -> Result<v1::ListWebhookEndpointsResponse> {
        let paging = Paging::parse(request.page, request.per_page, request.cursor.as_deref())?;
        let sight = self.sight(caller).await?;
        let mut read = self.db.read(caller.scope()?).await?;
        let binding = Binding::of("webhooks", read.tenant(), &());
        let listing = paging.open(&mut read, binding, self.db.clock().now()).await?;
        let total = store::endpoints::count(&mut read).await?;
        let mut endpoints = match listing.after() {
            None => store::endpoints::list(&mut read, listing.limit(), listing.offset()).await?,
            Some(key) => store::endpoints::list_after(&mut read, EndpointId(key.as_id()?), listing.limit()).await?,
        };
        let meta = listing.meta(&mut endpoints, total, |it| Key::id(it.id.0));
        let ids: Vec<EndpointId> = endpoints.iter().map(|endpoint| endpoint.id).collect();
        let health = store::health::of(&mut read, &ids).await?;
        let backlog = store::backlog::of(&mut read, &ids).await?;
        let of = |endpoint: &Endpoint| health.iter().find(|health| health.endpoint == endpoint.id);
        let shown = |endpoint: &Endpoint| sight.of(endpoint, of(endpoint), backlog.get(&endpoint.id));
        let endpoints = endpoints.iter().map(shown).collect::<Result<_>>()?;
        Ok(v1::ListWebhookEndpointsResponse { endpoints, meta: Some(meta) })
    }

    async fn get(
        &self,
        caller: &Caller,
        request: v1::GetWebhookEndpointRequest,
    ) -> Result<v1::GetWebhookEndpointResponse> {
        let id = endpoint_id(&request.endpoint_id)?;
        let sight = self.sight(caller).await?;
        let mut read = self.db.read(caller.scope()?).await?;
        let endpoint = store::endpoints::get(&mut read, id).await?.ok_or(Reason::EndpointNotFound)?;
        let health = store::health::of(&mut read, &[id]).await?;
        let backlog = store::backlog::of(&mut read, &[id]).await?;
        let shown = sight.of(&endpoint, health.first(), backlog.get(&id))?;
        Ok(v1::GetWebhookEndpointResponse { endpoint: Some(shown) })
    }

    async fn create(
        &self,
        caller: &Caller,
        request: v1::CreateWebhookEndpointRequest,
    ) -> Result<v1::CreateWebhookEndpointResponse> {
        let sight = self.sight(caller).await?;
        let scope = caller.scope()?;
        let thin = request.payload() == v1::EndpointPayload::Thin;
        let mut broken = Vec::new();
        let headers = headers::parse(request.headers, &mut broken);
        let url = self.address(request.url.as_deref(), broken).await?.unwrap_or_default();
        let stamp = self.stamps.stamp();
        let id = stamp.ids().next(EndpointId::new);
        let owner = (scope.tenant(), id);
        let (secret, new) = self.new_secret(owner)?;
        let endpoint = Endpoint {
            id,
            tenant: scope.tenant(),
            url,
            description: request.description.filter(|text| !text.is_empty()),
            events: subscription::normal(&request.events),
            mask: subscription::mask(&request.events),
            inboxes: inbox_ids(&request.inbox_ids)?,
            enabled: request.enabled.unwrap_or(true),
            disabled_reason: None,
            rate_per_second: request.rate_per_second,
            thin,
            headers: headers::seal(&headers, owner, &self.master_key, &self.stamps)?,
            secret: new.sealed,
            secret_hint: new.hint,
            other_secret: None,
            version: 1,
            created_at: stamp.at,
            updated_at: stamp.at,
        };
        let trail = Trail::of(caller, stamp.at);
        let shown = v1::WebhookEndpoint { secret: Some(secret.to_string()), ..sight.of(&endpoint, None, None)? };
        let write = caller.write_and_keep(&self.db, AnswerStorage::Sealed, async move |tx| {
            known(tx, &endpoint.inboxes).await?;
            if store::endpoints::count(tx).await? >= ENDPOINTS_PER_TENANT_MAX {
                let message = format!("would be one more than the {ENDPOINTS_PER_TENANT_MAX} endpoints of a workspace");
                return Err(Failure::invalid(Violation::new("url", DetailCode::LimitExceeded, message)).into());
            }
            store::endpoints::insert(tx, &endpoint).await?;
            let facts = [("host", host(&endpoint.url))];
            trail.note(tx, &mut stamp.ids(), "endpoint.created", ("endpoint", Some(id.0)), &facts).await?;
            Ok(v1::CreateWebhookEndpointResponse { endpoint: Some(shown.clone()) })
        });
        write.await
    }

    async fn update(
        &self,
        caller: &Caller,
        request: v1::UpdateWebhookEndpointRequest,
    ) -> Result<v1::UpdateWebhookEndpointResponse> {
        let id = endpoint_id(&request.endpoint_id)?;
        let sight = self.sight(caller).await?;
        let scope = caller.scope()?;
        let mut broken = Vec::new();
        let mut change = Change::parse(request.endpoint.unwrap_or_default(), request.update_mask, &mut broken)?;
        change.url = self.address(change.url.as_deref(), broken).await?;
        let sealed = match &change.headers {
            Some(headers) => Some(headers::seal(headers, (scope.tenant(), id), &self.master_key, &self.stamps)?),
            None => None,
        };
        let stamp = self.stamps.stamp();
        let dispatcher = self.dispatcher.clone();
        let (at, trail) = (stamp.at, Trail::of(caller, stamp.at));
        let write = caller.write(&self.db, async move |tx| {
            let old = lock(tx, id, at).await?;
            known(tx, change.inboxes.as_deref().unwrap_or_default()).await?;
            let health = store::health::of(tx, &[id]).await?.pop();
            let Some(new) = change.apply(&old, sealed.as_ref(), at) else {
                let endpoint = Some(seen(tx, &sight, &old, health.as_ref()).await?);
                return Ok(v1::UpdateWebhookEndpointResponse { endpoint });
            };
            store::endpoints::update(tx, &new).await?;
            let action = match (old.enabled, new.enabled) {
                (false, true) => "endpoint.enabled",
                (true, false) => "endpoint.disabled",
                _ => "endpoint.updated",
            };
            let facts = [("host", host(&new.url))];
            trail.note(tx, &mut stamp.ids(), action, ("endpoint", Some(id.0)), &facts).await?;
            let health = if change.revives(&old) { store::health::forgive(tx, id).await? } else { health };
            let dispatcher = dispatcher.clone();
            tx.after(move || dispatcher.endpoint_changed(id));
            let endpoint = Some(seen(tx, &sight, &new, health.as_ref()).await?);
            Ok(v1::UpdateWebhookEndpointResponse { endpoint })
        });
        write.await
    }

    async fn delete(
        &self,
        caller: &Caller,
        request: v1::DeleteWebhookEndpointRequest,
    ) -> Result<v1::DeleteWebhookEndpointResponse> {
        let id = endpoint_id(&request.endpoint_id)?;
        let stamp = self.stamps.stamp();
        let dispatcher = self.dispatcher.clone();
        let trail = Trail::of(caller, stamp.at);
        let write = caller.write(&self.db, async move |tx| {
            if !store::endpoints::delete(tx, id, stamp.at).await? {
                return Err(Reason::EndpointNotFound.into());
            }
            trail.note(tx, &mut stamp.ids(), "endpoint.deleted", ("endpoint", Some(id.0)), &[]).await?;
            let dispatcher = dispatcher.clone();
            tx.after(move || dispatcher.endpoint_changed(id));
            Ok(v1::DeleteWebhookEndpointResponse {})
        });
        write.await
    }
}

/// The part of a URL for the audit log: path and query may contain a secret.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

fn endpoint_id(text: &str) -> Result<EndpointId> {
    text.parse().map_err(|_| Reason::EndpointNotFound.into())
}

/// Locks the endpoint until the end of the transaction; its secrets are as of `now`.
async fn lock(tx: &mut Tx<'_>, id: EndpointId, now: Timestamp) -> Result<Endpoint, store::Error> {
    let mut endpoint = store::endpoints::lock(tx, id).await?.ok_or(Reason::EndpointNotFound)?;
    endpoint.pass_time(now);
    Ok(endpoint)
}

/// The endpoint as its tenant sees it after a change.
async fn seen(
    tx: &mut Tx<'_>,
    sight: &EndpointView,
    endpoint: &Endpoint,
    health: Option<&Health>,
) -> Result<v1::WebhookEndpoint> {
    let backlog = store::backlog::of(tx, &[endpoint.id]).await?;
    sight.of(endpoint, health, backlog.get(&endpoint.id))
}

/// Refuses inboxes that the tenant does not have.
async fn known(tx: &mut Tx<'_>, inboxes: &[InboxId]) -> Result<()> {
    let mut dangling = Vec::new();
    for (index, inbox) in inboxes.iter().enumerate() {
        if store::inboxes::state(tx, *inbox).await?.is_none() {
            dangling.push(Violation::dangling(format!("inbox_ids[{index}]")));
        }
    }
    refusal(dangling)
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

    async fn rotate_secret(
        &self,
        request: Request<v1::RotateSecretRequest>,
    ) -> Result<Response<v1::RotateSecretResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.rotate(&caller, request.into_inner()).await?))
    }

    async fn promote_secret(
        &self,
        request: Request<v1::PromoteSecretRequest>,
    ) -> Result<Response<v1::PromoteSecretResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.promote(&caller, request.into_inner()).await?))
    }

    async fn preview_event(
        &self,
        request: Request<v1::PreviewEventRequest>,
    ) -> Result<Response<v1::PreviewEventResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.preview(&caller, request.into_inner()).await?))
    }

    async fn recover_deliveries(
        &self,
        request: Request<v1::RecoverDeliveriesRequest>,
    ) -> Result<Response<v1::RecoverDeliveriesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.recoveries.recover(&caller, request.into_inner()).await?))
    }

    async fn resend_endpoint_deliveries(
        &self,
        request: Request<v1::ResendEndpointDeliveriesRequest>,
    ) -> Result<Response<v1::ResendEndpointDeliveriesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.recoveries.resend_of_endpoint(&caller, request.into_inner()).await?))
    }

    async fn get_recovery(
        &self,
        request: Request<v1::GetRecoveryRequest>,
    ) -> Result<Response<v1::GetRecoveryResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.recoveries.get(&caller, request.into_inner()).await?))
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
