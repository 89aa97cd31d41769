//! What the gate knows of tenants, keys and tokens, and keeps for a moment. It decides nothing.

use crate::{api_keys::Scope, caller::Who, plan::Entitlement, store::tenants::Plan};
use inboxops_proto::{
    clock::Timestamp,
    id::{ApiKeyId, ServiceTokenId, TenantId},
};
use std::sync::Arc;

/// What the gate knows of a tenant.
#[derive(Clone, Debug)]
pub(crate) struct TenantFacts {
    pub(crate) id: TenantId,
    pub(crate) name: String,
    pub(crate) plan: Plan,
    pub(crate) webhooks: bool,
    pub(crate) public_api: bool,
    /// Whether the operator suspended it.
    pub(crate) suspended: bool,
    pub(crate) requests_per_minute: u32,
}

impl TenantFacts {
    pub(crate) fn has(&self, entitlement: Entitlement) -> bool {
        match entitlement {
            Entitlement::Webhooks => self.webhooks,
            Entitlement::PublicApi => self.public_api,
        }
    }
}

/// What the gate knows of an API key.
#[derive(Clone, Debug)]
pub(crate) struct KeyFacts {
    pub(crate) id: ApiKeyId,
    pub(crate) name: String,
    /// Its first characters.
    pub(crate) prefix: String,
    /// What it may do.
    pub(crate) scopes: Vec<Scope>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) revoked_at: Option<Timestamp>,
    pub(crate) tenant: Arc<TenantFacts>,
}

/// What the gate knows of a service token.
#[derive(Clone, Debug)]
pub(super) struct TokenFacts {
    pub(super) id: ServiceTokenId,
    pub(super) name: String,
    pub(super) dispatch_only: bool,
}

impl TokenFacts {
    pub(super) fn who(&self) -> Who {
        match self.dispatch_only {
            true => Who::Worker { id: self.id },
            false => Who::Service { id: self.id, name: self.name.clone() },
        }
    }
}
