//! Facts about tenants, keys, sessions and tokens that the gate caches for a few seconds. This file decides nothing and
//! knows no caller.

use super::scope::Scope;
use crate::{
    limits::Allowance,
    plan::Entitlement,
    store::{agents::Role, tenants::Plan},
};
use inboxops_proto::{
    clock::Timestamp,
    id::{AgentId, ApiKeyId, ServiceTokenId, TenantId},
};
use std::{sync::Arc, time::Duration};

/// Time without a call after which a session ends.
pub(crate) const SESSION_IDLE: Duration = Duration::from_secs(12 * 3600);
/// Time after its start at which a session ends in any case.
pub(crate) const SESSION_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Facts about a tenant.
#[derive(Clone, Debug)]
pub(crate) struct TenantFacts {
    pub(crate) id: TenantId,
    pub(crate) name: String,
    pub(crate) plan: Plan,
    pub(crate) webhooks: bool,
    pub(crate) public_api: bool,
    /// Whether the operator has suspended it.
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

/// Facts about an API key.
#[derive(Clone, Debug)]
pub(crate) struct KeyFacts {
    pub(crate) id: ApiKeyId,
    pub(crate) name: String,
    /// Its first characters, for display.
    pub(crate) prefix: String,
    /// Its scopes.
    pub(crate) scopes: Vec<Scope>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) revoked_at: Option<Timestamp>,
    /// Its own share of the tenant's rate limit.
    pub(super) requests_per_minute: Option<u32>,
    pub(crate) tenant: Arc<TenantFacts>,
}

impl KeyFacts {
    /// What its calls are counted against.
    pub(crate) fn allowance(&self) -> Allowance {
        let share = self.requests_per_minute.map(|share| (self.id, share));
        Allowance::new(self.tenant.id, self.tenant.requests_per_minute, share)
    }
}

/// Facts about a service token.
#[derive(Clone, Debug)]
pub(crate) struct TokenFacts {
    pub(crate) id: ServiceTokenId,
    pub(crate) name: String,
    /// Whether it is a worker's token, which may only dispatch.
    pub(crate) dispatch_only: bool,
}

/// Facts about a session.
#[derive(Clone, Debug)]
pub(crate) struct SessionFacts {
    /// SHA-256 of the session's secret, which only the browser has.
    pub(crate) hash: [u8; 32],
    pub(crate) agent: AgentId,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) tenant: Arc<TenantFacts>,
    pub(crate) created_at: Timestamp,
    pub(super) last_seen_at: Timestamp,
}

impl SessionFacts {
    /// When the session ends if its last call was at `seen`.
    pub(crate) fn ends(&self, seen: Timestamp) -> Timestamp {
        session_ends(self.created_at, seen)
    }
}

/// When a session ends that began at `created` and had its last call at `seen`.
pub(crate) fn session_ends(created: Timestamp, seen: Timestamp) -> Timestamp {
    seen.plus(SESSION_IDLE).min(created.plus(SESSION_LIFE))
}
