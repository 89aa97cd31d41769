//! Identity: the service that shows a caller its own identity.

use crate::{
    auth::{Authority, TenantFacts},
    caller::Caller,
    error::Result,
    limits::WINDOW,
    plan::Entitlement,
};
use inboxops_proto::{
    reason::Reason,
    v1::{self, identity_service_server::IdentityService},
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(crate) struct Identity {
    authority: Arc<Authority>,
}

impl Identity {
    pub(crate) fn new(authority: Arc<Authority>) -> Identity {
        Identity { authority }
    }

    async fn who_am_i(&self, caller: &Caller) -> Result<v1::WhoAmIResponse> {
        let tenant = self.authority.tenant(caller.scope()?.tenant()).await?.ok_or(Reason::TenantNotFound)?;
        let key = caller.key().map(|key| v1::IdentityKey {
            id: key.id.to_string(),
            name: key.name.clone(),
            key_prefix: key.prefix.clone(),
            scopes: key.scopes.iter().map(|scope| scope.name().to_owned()).collect(),
            limit: key.allowance().share.map(|(_, share)| per_window(share)),
        });
        let identity = v1::Identity {
            key,
            tenant: Some(self::tenant(&tenant)),
            plan: tenant.plan.code().into(),
            entitlements: entitlements(&tenant),
            limit: Some(limit(&tenant)),
        };
        Ok(v1::WhoAmIResponse { identity: Some(identity) })
    }

    fn scopes(caller: &Caller) -> Vec<String> {
        let scopes = caller.key().into_iter().flat_map(|key| key.scopes.iter());
        scopes.map(|scope| scope.name().to_owned()).collect()
    }
}

/// The tenant as its own callers see it.
pub(crate) fn tenant(tenant: &TenantFacts) -> v1::IdentityTenant {
    v1::IdentityTenant { id: tenant.id.to_string(), name: tenant.name.clone() }
}

/// Names of the entitlements that the tenant has.
pub(crate) fn entitlements(tenant: &TenantFacts) -> Vec<String> {
    Entitlement::ALL.into_iter().filter(|it| tenant.has(*it)).map(|it| it.name().to_owned()).collect()
}

/// The rate limit of its keys.
pub(crate) fn limit(tenant: &TenantFacts) -> v1::RateLimit {
    per_window(tenant.requests_per_minute)
}

fn per_window(requests: u32) -> v1::RateLimit {
    v1::RateLimit { requests, window_seconds: u32::try_from(WINDOW.as_secs()).unwrap_or(u32::MAX) }
}

#[tonic::async_trait]
impl IdentityService for Identity {
    async fn who_am_i(&self, request: Request<v1::WhoAmIRequest>) -> Result<Response<v1::WhoAmIResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.who_am_i(&caller).await?))
    }

    async fn get_key_scopes(
        &self,
        request: Request<v1::GetKeyScopesRequest>,
    ) -> Result<Response<v1::GetKeyScopesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(v1::GetKeyScopesResponse { scopes: Identity::scopes(&caller) }))
    }
}
