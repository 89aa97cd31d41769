//! Tenants: the service by which the operator creates workspaces with their agents and inboxes, and changes them.

mod inboxes;
mod owners;

use crate::{
    audit::Trail,
    auth::Authority,
    caller::{Caller, named_tenant},
    dispatch::Dispatcher,
    error::{Error, Result},
    page::Page,
    plan::{self, Entitlement},
    public_site::PublicSite,
    secrets, sessions,
    store::{
        self, Db, Queue,
        agents::{Agent, Role},
        tenants::{Plan, Tenant},
    },
    time_and_chance::Stamps,
};
use inboxops_proto::{
    failure::{Failure, Violation},
    id::{AgentId, TenantId},
    internal::v1::{self as pb, EntitlementOverride, tenant_service_server::TenantService},
    reason::{DetailCode, Reason},
    v1,
};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tonic::{Request, Response, Status};

/// Validity of a login link.
const LOGIN_LINK_LIFE: Duration = Duration::from_secs(30 * 60);

pub(crate) struct Tenants {
    db: Db,
    stamps: Stamps,
    authority: Arc<Authority>,
    dispatcher: Arc<Dispatcher>,
    site: Arc<OnceLock<PublicSite>>,
}

impl Tenants {
    /// A service on the store. It tells `authority` to drop cached facts, and `dispatcher` to look for deliveries that
    /// a new plan releases.
    pub(crate) fn new(
        db: Db,
        stamps: Stamps,
        authority: Arc<Authority>,
        dispatcher: Arc<Dispatcher>,
        site: Arc<OnceLock<PublicSite>>,
    ) -> Tenants {
        Tenants { db, stamps, authority, dispatcher, site }
    }

    async fn create(&self, caller: &Caller, request: pb::CreateTenantRequest) -> Result<Tenant> {
        let stamp = self.stamps.stamp();
        let trail = Trail::of(caller, stamp.at);
        let tenant = Tenant {
            id: stamp.ids().next(TenantId::new),
            name: request.name.unwrap_or_default(),
            plan: request.plan.map_or(Ok(Plan::Free), plan_of)?,
            webhooks: None,
            public_api: None,
            suspended: false,
            requests_per_minute: None,
            created_at: stamp.at,
            updated_at: stamp.at,
        };
        let inserted = tenant.clone();
        let write = async move |tx: &mut store::SystemTx<'_>| {
            store::tenants::insert(tx, &inserted).await?;
            let id = inserted.id;
            let facts = [("name", inserted.name.as_str()), ("plan", inserted.plan.name())];
            trail.note(&mut tx.enter(id), &mut stamp.ids(), "tenant.created", ("tenant", Some(id.0)), &facts).await
        };
        self.db.system(Queue::Tenant(tenant.id), write).await?;
        Ok(tenant)
    }

    async fn list(&self, request: pb::ListTenantsRequest) -> Result<pb::ListTenantsResponse> {
        let page = Page::parse(request.page, request.per_page);
        let (tenants, total) = store::tenants::list(&self.db, page.limit(), page.offset()).await?;
        Ok(pb::ListTenantsResponse {
            tenants: tenants.iter().map(pb::Tenant::from).collect(),
            meta: Some(page.meta(total)),
        })
    }

    /// Changes a tenant's row; the change takes effect at once. `action` and the value go into the audit log.
    async fn change(
        &self,
        caller: &Caller,
        tenant: &str,
        (action, value): (&'static str, String),
        change: impl Fn(&mut Tenant) + Send + Sync + 'static,
    ) -> Result<pb::Tenant> {
        let id = named_tenant(tenant)?;
        let stamp = self.stamps.stamp();
        let (at, trail) = (stamp.at, Trail::of(caller, stamp.at));
        let authority = self.authority.clone();
        let dispatcher = self.dispatcher.clone();
        let tenant = self
            .db
            .system(Queue::Tenant(id), async move |tx| {
                let mut tenant = store::tenants::lock(tx, id).await?.ok_or(Reason::TenantNotFound)?;
                change(&mut tenant);
                tenant.updated_at = tenant.updated_at.max(at);
                store::tenants::update(tx, &tenant).await?;
                let target = ("tenant", Some(id.0));
                let facts = [("to", value.as_str())];
                trail.note(&mut tx.enter(id), &mut stamp.ids(), action, target, &facts).await?;
                let authority = authority.clone();
                let dispatcher = dispatcher.clone();
                tx.after(move || {
                    authority.forget();
                    dispatcher.tenant_changed(id);
                });
                Ok(tenant)
            })
            .await?;
        Ok(pb::Tenant::from(&tenant))
    }

    async fn create_agent(&self, caller: &Caller, request: pb::CreateAgentRequest) -> Result<v1::Agent> {
        let tenant = named_tenant(&request.tenant_id)?;
        let role = if request.role() == v1::Role::Admin { Role::Admin } else { Role::Agent };
        let stamp = self.stamps.stamp();
        let email = request.email.unwrap_or_default();
        let trail = Trail::of(caller, stamp.at);
        let agent = Agent {
            id: stamp.ids().next(AgentId::new),
            name: request.name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned()),
            email,
            role,
            disabled_at: None,
            created_at: stamp.at,
        };
        let agent = self
            .db
            .system(Queue::Tenant(tenant), async move |tx| {
                store::tenants::lock(tx, tenant).await?.ok_or(Reason::TenantNotFound)?;
                let mut tx = tx.enter(tenant);
                if !store::agents::insert(&mut tx, &agent).await? {
                    let taken =
                        Violation::new("email", DetailCode::InvalidFormat, "belongs to another agent of the tenant");
                    return Err(Failure::invalid(taken).into());
                }
                let facts = [("email", agent.email.as_str()), ("role", agent.role.name())];
                let target = ("agent", Some(agent.id.0));
                trail.note(&mut tx, &mut stamp.ids(), "agent.created", target, &facts).await?;
                Ok(agent.clone())
            })
            .await?;
        Ok(v1::Agent::from(&agent))
    }

    async fn update_agent(&self, caller: &Caller, request: pb::UpdateAgentRequest) -> Result<Agent> {
        let (id, tenant) = self.named_agent(&request.agent_id).await?;
        let role = request.role.map(|_| if request.role() == v1::Role::Admin { Role::Admin } else { Role::Agent });
        let stamp = self.stamps.stamp();
        let authority = self.authority.clone();
        let trail = Trail::of(caller, stamp.at);
        let write = async move |tx: &mut store::SystemTx<'_>| {
            let mut tx = tx.enter(tenant);
            let old = store::agents::get(&mut tx, id).await?.ok_or(Reason::AgentNotFound)?;
            let new = Agent {
                name: request.name.clone().unwrap_or_else(|| old.name.clone()),
                role: role.unwrap_or(old.role),
                disabled_at: match request.disabled {
                    Some(true) => old.disabled_at.or(Some(stamp.at)),
                    Some(false) => None,
                    None => old.disabled_at,
                },
                ..old.clone()
            };
            if new == old {
                return Ok(old);
            }
            store::agents::update(&mut tx, &new, stamp.at).await?;
            let facts = [
                ("name", new.name.as_str()),
                ("role", new.role.name()),
                ("disabled", if new.disabled_at.is_some() { "true" } else { "false" }),
            ];
            trail.note(&mut tx, &mut stamp.ids(), "agent.updated", ("agent", Some(id.0)), &facts).await?;
            let authority = authority.clone();
            tx.after(move || authority.forget());
            Ok(new)
        };
        Ok(self.db.system(Queue::Tenant(tenant), write).await?)
    }

    /// An agent that the operator names without its tenant, and the tenant.
    async fn named_agent(&self, text: &str) -> Result<(AgentId, TenantId)> {
        let id: AgentId = text.parse().map_err(|_| Reason::AgentNotFound)?;
        Ok((id, store::agents::owner(&self.db, id).await?.ok_or(Reason::AgentNotFound)?))
    }

    async fn create_login_link(
        &self,
        caller: &Caller,
        request: pb::CreateLoginLinkRequest,
    ) -> Result<pb::CreateLoginLinkResponse> {
        let (id, tenant) = self.named_agent(&request.agent_id).await?;
        let code = sessions::secret(&self.stamps);
        let stamp = self.stamps.stamp();
        let hash = secrets::hash(&code);
        let ends = stamp.at.plus(LOGIN_LINK_LIFE);
        let trail = Trail::of(caller, stamp.at);
        let write = async move |tx: &mut store::SystemTx<'_>| {
            let mut tx = tx.enter(tenant);
            if !store::agents::exists(&mut tx, id).await? {
                return Err(Failure::new(Reason::Conflict).message("The agent is disabled.").into());
            }
            store::sessions::insert_code(&mut tx, hash, id, stamp.at, ends).await?;
            trail.note(&mut tx, &mut stamp.ids(), "login_link.created", ("agent", Some(id.0)), &[]).await
        };
        self.db.system(Queue::Tenant(tenant), write).await?;
        let login_url = self.site.get().and_then(|site| site.login_url(&code));
        Ok(pb::CreateLoginLinkResponse { code: code.to_string(), login_url, expires_at: Some(ends.into()) })
    }
}

fn plan_of(code: i32) -> Result<Plan> {
    Plan::from_code(code).ok_or(Error::Broken("the gate checks enums"))
}

impl From<&Tenant> for pb::Tenant {
    fn from(tenant: &Tenant) -> pb::Tenant {
        let overridden = |entitlement| match entitlement {
            Entitlement::Webhooks => tenant.webhooks,
            Entitlement::PublicApi => tenant.public_api,
        };
        let on =
            Entitlement::ALL.into_iter().filter(|entitlement| plan::entitled(tenant.plan, overridden(*entitlement)));
        pb::Tenant {
            id: tenant.id.to_string(),
            name: tenant.name.clone(),
            plan: tenant.plan.code().into(),
            entitlements: on.map(|entitlement| entitlement.name().to_owned()).collect(),
            suspended: tenant.suspended,
            requests_per_minute: tenant.requests_per_minute,
            created_at: Some(tenant.created_at.into()),
        }
    }
}

#[tonic::async_trait]
impl TenantService for Tenants {
    async fn create_tenant(
        &self,
        request: Request<pb::CreateTenantRequest>,
    ) -> Result<Response<pb::CreateTenantResponse>, Status> {
        let caller = Caller::of(&request)?;
        let tenant = self.create(&caller, request.into_inner()).await?;
        Ok(Response::new(pb::CreateTenantResponse { tenant: Some(pb::Tenant::from(&tenant)) }))
    }

    async fn list_tenants(
        &self,
        request: Request<pb::ListTenantsRequest>,
    ) -> Result<Response<pb::ListTenantsResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn set_plan(&self, request: Request<pb::SetPlanRequest>) -> Result<Response<pb::SetPlanResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let plan = plan_of(request.plan.unwrap_or_default())?;
        let action = ("tenant.plan_changed", plan.name().to_owned());
        let tenant = self.change(&caller, &request.tenant_id, action, move |tenant| tenant.plan = plan).await?;
        Ok(Response::new(pb::SetPlanResponse { tenant: Some(tenant) }))
    }

    async fn set_entitlement(
        &self,
        request: Request<pb::SetEntitlementRequest>,
    ) -> Result<Response<pb::SetEntitlementResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let entitlement = request.entitlement.as_deref().and_then(Entitlement::from_name);
        let entitlement = entitlement.ok_or(Error::Broken("the gate checks entitlements"))?;
        let on = match request.r#override() {
            EntitlementOverride::Enabled => Some(true),
            EntitlementOverride::Disabled => Some(false),
            EntitlementOverride::Default | EntitlementOverride::Unspecified => None,
        };
        let change = move |tenant: &mut Tenant| match entitlement {
            Entitlement::Webhooks => tenant.webhooks = on,
            Entitlement::PublicApi => tenant.public_api = on,
        };
        let says = match on {
            Some(true) => "on",
            Some(false) => "off",
            None => "as the plan says",
        };
        let action = ("tenant.entitlement_changed", format!("{} {says}", entitlement.name()));
        let tenant = self.change(&caller, &request.tenant_id, action, change).await?;
        Ok(Response::new(pb::SetEntitlementResponse { tenant: Some(tenant) }))
    }

    async fn set_suspended(
        &self,
        request: Request<pb::SetSuspendedRequest>,
    ) -> Result<Response<pb::SetSuspendedResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let action = ("tenant.suspension_changed", request.suspended.to_string());
        let change = move |tenant: &mut Tenant| tenant.suspended = request.suspended;
        let tenant = self.change(&caller, &request.tenant_id, action, change).await?;
        Ok(Response::new(pb::SetSuspendedResponse { tenant: Some(tenant) }))
    }

    async fn set_rate_limit(
        &self,
        request: Request<pb::SetRateLimitRequest>,
    ) -> Result<Response<pb::SetRateLimitResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let value = request.requests_per_minute.map_or("the default".to_owned(), |limit| limit.to_string());
        let change = move |tenant: &mut Tenant| tenant.requests_per_minute = request.requests_per_minute;
        let action = ("tenant.rate_limit_changed", value);
        let tenant = self.change(&caller, &request.tenant_id, action, change).await?;
        Ok(Response::new(pb::SetRateLimitResponse { tenant: Some(tenant) }))
    }

    async fn create_agent(
        &self,
        request: Request<pb::CreateAgentRequest>,
    ) -> Result<Response<pb::CreateAgentResponse>, Status> {
        let caller = Caller::of(&request)?;
        let agent = self.create_agent(&caller, request.into_inner()).await?;
        Ok(Response::new(pb::CreateAgentResponse { agent: Some(agent) }))
    }

    async fn update_agent(
        &self,
        request: Request<pb::UpdateAgentRequest>,
    ) -> Result<Response<pb::UpdateAgentResponse>, Status> {
        let caller = Caller::of(&request)?;
        let agent = self.update_agent(&caller, request.into_inner()).await?;
        let disabled = agent.disabled_at.is_some();
        Ok(Response::new(pb::UpdateAgentResponse { agent: Some(v1::Agent::from(&agent)), disabled }))
    }

    async fn create_login_link(
        &self,
        request: Request<pb::CreateLoginLinkRequest>,
    ) -> Result<Response<pb::CreateLoginLinkResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.create_login_link(&caller, request.into_inner()).await?))
    }

    async fn create_inbox(
        &self,
        request: Request<pb::CreateInboxRequest>,
    ) -> Result<Response<pb::CreateInboxResponse>, Status> {
        let caller = Caller::of(&request)?;
        let inbox = self.create_inbox(&caller, request.into_inner()).await?;
        Ok(Response::new(pb::CreateInboxResponse { inbox: Some(inbox) }))
    }

    async fn update_inbox(
        &self,
        request: Request<pb::UpdateInboxRequest>,
    ) -> Result<Response<pb::UpdateInboxResponse>, Status> {
        let caller = Caller::of(&request)?;
        let inbox = self.update_inbox(&caller, request.into_inner()).await?;
        Ok(Response::new(pb::UpdateInboxResponse { inbox: Some(inbox) }))
    }

    async fn find_owner(
        &self,
        request: Request<pb::FindOwnerRequest>,
    ) -> Result<Response<pb::FindOwnerResponse>, Status> {
        Ok(Response::new(self.find_owner(request.into_inner()).await?))
    }
}
