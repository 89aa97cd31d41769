//! What the gate knows of tenants, keys, sessions and tokens, and keeps for a moment. It decides nothing and knows no
//! caller.

use super::scope::Scope;
use crate::{
    plan::Entitlement,
    store::{agents::Role, tenants::Plan},
};
use inboxops_proto::{
    clock::Timestamp,
    id::{AgentId, ApiKeyId, ServiceTokenId, TenantId},
};
use std::{sync::Arc, time::Duration};

/// Time after its last call at which a session ends.
pub(crate) const SESSION_IDLE: Duration = Duration::from_secs(12 * 3600);
/// Time after its begin at which it ends whatever happens.
pub(crate) const SESSION_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
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
pub(crate) struct TokenFacts {
    pub(crate) id: ServiceTokenId,
    pub(crate) name: String,
    /// Whether it may dispatch and nothing else.
    pub(crate) dispatch_only: bool,
}

/// What the gate knows of a session.
#[derive(Clone, Debug)]
pub(crate) struct SessionFacts {
    /// SHA-256 of what the browser holds.
    pub(crate) hash: [u8; 32],
    /// The agent.
    pub(crate) agent: AgentId,
    /// The agent's name.
    pub(crate) name: String,
    /// The agent's mail address.
    pub(crate) email: String,
    /// The agent's role.
    pub(crate) role: Role,
    /// The tenant.
    pub(crate) tenant: Arc<TenantFacts>,
    /// Time at which it began.
    pub(crate) created_at: Timestamp,
    pub(super) last_seen_at: Timestamp,
}

impl SessionFacts {
    /// Time at which a session that was seen now ends.
    pub(crate) fn ends(&self, seen: Timestamp) -> Timestamp {
        session_ends(self.created_at, seen)
    }
}

/// Time at which a session ends that began and was last seen then.
pub(crate) fn session_ends(created: Timestamp, seen: Timestamp) -> Timestamp {
    seen.plus(SESSION_IDLE).min(created.plus(SESSION_LIFE))
}
