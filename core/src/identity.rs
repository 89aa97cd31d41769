//! Identity: the service that tells a caller who it is.

use crate::{
    auth::Authority,
    caller::Caller,
    error::{Error, Result},
    limits::WINDOW,
    plan::Entitlement,
};
use inboxops_proto::{
    reason::Reason,
    v1::{self, identity_service_server::IdentityService},
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The service of identity.
pub struct Identity {
    authority: Arc<Authority>,
}

impl Identity {
    /// On what the gate knows.
    pub fn new(authority: Arc<Authority>) -> Identity {
        Identity { authority }
    }

    async fn who_am_i(&self, caller: &Caller) -> Result<v1::WhoAmIResponse> {
        let tenant = self.authority.tenant(caller.scope()?.tenant()).await?.ok_or(Reason::TenantNotFound)?;
        let key = caller.key().map(|key| v1::IdentityKey {
            id: key.id.to_string(),
            name: key.name.clone(),
            key_prefix: key.prefix.clone(),
            scopes: key.scopes.iter().map(|scope| scope.name().to_owned()).collect(),
        });
        let entitlements = Entitlement::ALL.into_iter().filter(|it| tenant.has(*it)).map(|it| it.name().to_owned());
        let window = u32::try_from(WINDOW.as_secs()).map_err(|_| Error::Broken("a window is short"))?;
        let identity = v1::Identity {
            key,
            tenant: Some(v1::IdentityTenant { id: tenant.id.to_string(), name: tenant.name.clone() }),
            plan: tenant.plan.code().into(),
            entitlements: entitlements.collect(),
            limit: Some(v1::RateLimit { requests: tenant.requests_per_minute, window_seconds: window }),
        };
        Ok(v1::WhoAmIResponse { identity: Some(identity) })
    }
}

#[tonic::async_trait]
impl IdentityService for Identity {
    async fn who_am_i(&self, request: Request<v1::WhoAmIRequest>) -> Result<Response<v1::WhoAmIResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.who_am_i(&caller).await?))
    }
}
