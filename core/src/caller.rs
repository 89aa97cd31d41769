//! The caller, as the gate has identified it and the nouns use it. Only the gate makes callers of customers; the
//! operator's callers come from the local socket or from the operator's own process.

use crate::{
    auth::{
        Scope,
        facts::{KeyFacts, SessionFacts, TokenFacts},
    },
    error::{Error, Result},
    idempotency::Repeatable,
    store::{TenantScope, agents},
};
use inboxops_proto::{
    entity_tag::Condition,
    failure::Failure,
    id::{AgentId, ApiKeyId, ServiceTokenId, TenantId},
    reason::Reason,
    v1::Role,
    wire::Origin,
};
use serde::Serialize;
use std::{net::IpAddr, sync::Arc};
use tonic::Request;

/// The caller, and the tenant that the call is for.
#[derive(Clone, Debug)]
pub struct Caller {
    who: Who,
    tenant: Option<TenantScope>,
    key: Option<Arc<KeyFacts>>,
    session: Option<Arc<SessionFacts>>,
    address: Option<IpAddr>,
    repeatable: Option<Arc<Repeatable>>,
    expected: Option<Condition>,
}

/// Kind and identity of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// A customer's program.
    ApiKey {
        id: ApiKeyId,
        name: String,
    },
    /// A person of the tenant, in a browser.
    Agent {
        id: AgentId,
        name: String,
        role: Role,
    },
    /// A program of the operator.
    Service {
        id: ServiceTokenId,
        name: String,
    },
    /// A worker: it may dispatch and nothing else.
    Worker {
        id: ServiceTokenId,
    },
    Operator,
    /// Anybody: the RPC needs no credential.
    Anybody,
}

impl From<&TokenFacts> for Who {
    fn from(token: &TokenFacts) -> Who {
        if token.dispatch_only {
            Who::Worker { id: token.id }
        } else {
            Who::Service { id: token.id, name: token.name.clone() }
        }
    }
}

impl From<&SessionFacts> for Who {
    fn from(session: &SessionFacts) -> Who {
        Who::Agent { id: session.agent, name: session.name.clone(), role: session.role.into() }
    }
}

/// The contract's role of a stored one; their numbers differ.
impl From<agents::Role> for Role {
    fn from(role: agents::Role) -> Role {
        match role {
            agents::Role::Admin => Role::Admin,
            agents::Role::Agent => Role::Agent,
        }
    }
}

/// The versions of a resource that the caller's change is meant for (`If-Match`).
pub(crate) struct Expected(Option<Condition>);

impl Expected {
    /// Refuses the change when the resource has another version.
    pub(crate) fn check(&self, version: u32) -> Result<()> {
        match &self.0 {
            Some(condition) if !condition.names(format!("\"{version}\"").as_bytes()) => {
                Err(Failure::new(Reason::PreconditionFailed).fact("etag", version.to_string()).into())
            }
            _ => Ok(()),
        }
    }
}

/// Who acted, as events show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Actor {
    /// `agent`, `customer`, `api_key`, `service` or `system`.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// Id of the agent, key or token.
    pub(crate) id: Option<String>,
    pub(crate) name: String,
}

impl Caller {
    pub(crate) fn new(who: Who, tenant: Option<TenantScope>) -> Caller {
        Caller { who, tenant, key: None, session: None, address: None, repeatable: None, expected: None }
    }

    /// The operator at the machine itself. Put it into the extensions of a request that is made in the operator's own
    /// process; extensions never arrive over a connection.
    pub fn operator() -> Caller {
        Caller::new(Who::Operator, None)
    }

    pub(crate) fn with_key(mut self, key: Arc<KeyFacts>) -> Caller {
        self.key = Some(key);
        self
    }

    /// The caller of an agent's session.
    pub(crate) fn of_session(session: Arc<SessionFacts>) -> Caller {
        let mut caller = Caller::new(Who::from(&*session), Some(TenantScope::new(session.tenant.id)));
        caller.session = Some(session);
        caller
    }

    /// The session, for agents.
    pub(crate) fn session(&self) -> Option<&Arc<SessionFacts>> {
        self.session.as_ref()
    }

    /// The client's address; `None` for calls from the machine itself.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The API key, for programs of customers.
    pub(crate) fn key(&self) -> Option<&Arc<KeyFacts>> {
        self.key.as_ref()
    }

    /// Whether the caller is a key with any of these scopes, or no key at all: scopes limit keys alone.
    pub(crate) fn has_any(&self, scopes: &[Scope]) -> bool {
        self.key.as_ref().is_none_or(|key| scopes.iter().any(|scope| key.scopes.contains(scope)))
    }

    /// The caller that the gate has put into a request.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Caller> {
        let caller = request.extensions().get::<Caller>().cloned();
        let mut caller = caller.ok_or(Error::Broken("a request reached its service past the gate"))?;
        caller.address = request.extensions().get::<Origin>().and_then(|origin| origin.peer);
        caller.repeatable = request.extensions().get::<Arc<Repeatable>>().cloned();
        caller.expected = request.extensions().get::<Condition>().cloned();
        Ok(caller)
    }

    /// The record of a write for which the caller sent an idempotency key.
    pub(crate) fn repeatable(&self) -> Option<&Arc<Repeatable>> {
        self.repeatable.as_ref()
    }

    /// The versions of a resource that the change is meant for; none means any.
    pub(crate) fn expected(&self) -> Expected {
        Expected(self.expected.clone())
    }

    pub(crate) fn who(&self) -> &Who {
        &self.who
    }

    /// The tenant of the call: of the key, of the session, or the one that the operator's program names.
    pub(crate) fn scope(&self) -> Result<TenantScope> {
        self.tenant.clone().ok_or_else(|| Reason::TenantNotFound.into())
    }

    /// Whether the call comes from the tenant itself and not from the operator.
    pub(crate) fn is_tenants_own(&self) -> bool {
        matches!(self.who, Who::ApiKey { .. } | Who::Agent { .. })
    }

    /// Who acted, for events.
    pub(crate) fn actor(&self) -> Actor {
        let actor = |kind, id: Option<String>, name: &str| Actor { kind, id, name: name.to_owned() };
        match &self.who {
            Who::ApiKey { id, name } => actor("api_key", Some(id.to_string()), name),
            Who::Agent { id, name, .. } => actor("agent", Some(id.to_string()), name),
            Who::Service { id, name } => actor("service", Some(id.to_string()), name),
            Who::Worker { id } => actor("service", Some(id.to_string()), "worker"),
            Who::Operator | Who::Anybody => actor("system", None, "InboxOps"),
        }
    }
}

/// The tenant that a request of an internal service names.
pub(crate) fn named_tenant(text: &str) -> Result<TenantId> {
    text.parse().map_err(|_| Reason::TenantNotFound.into())
}
