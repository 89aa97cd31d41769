//! The audit log: the entries that a change leaves, and the services that list them. Details never contain a secret.

mod log;

use crate::{
    caller::{Caller, Who},
    error::Result,
    store::{
        self, Db, SystemTx, Tx,
        audit::{ActorKind, Entry},
    },
    time_and_chance::Ids,
};
use inboxops_proto::{
    admin::v1::{self as pb, audit_service_server::AuditService},
    clock::Timestamp,
    id::{AuditId, TenantId},
    reason::Reason,
    v1,
};
use std::net::IpAddr;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// Entries of a page when the request does not say.
const LIMIT_DEFAULT: u32 = 50;

/// Who acted, from where and when: the part that all entries of one call share.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    kind: ActorKind,
    actor: Option<Uuid>,
    name: String,
    address: Option<IpAddr>,
    at: Timestamp,
}

impl Trail {
    /// The trail of a caller.
    pub(crate) fn of(caller: &Caller, at: Timestamp) -> Trail {
        let (kind, actor, name) = match caller.who() {
            Who::ApiKey { id, name } => (ActorKind::ApiKey, Some(id.0), name.as_str()),
            Who::Agent { id, name, .. } => (ActorKind::Agent, Some(id.0), name.as_str()),
            Who::Service { id, name } => (ActorKind::Service, Some(id.0), name.as_str()),
            Who::Worker { id } => (ActorKind::Service, Some(id.0), "worker"),
            Who::Operator => (ActorKind::Operator, None, "operator"),
            Who::Anybody => (ActorKind::Nobody, None, ""),
        };
        Trail { kind, actor, name: name.to_owned(), address: caller.address(), at }
    }

    /// The trail of InboxOps itself.
    pub(crate) fn system(at: Timestamp) -> Trail {
        Trail { kind: ActorKind::System, actor: None, name: "InboxOps".to_owned(), address: None, at }
    }

    /// Replaces the actor by an agent, once the sign-in has identified one.
    pub(crate) fn by_agent(mut self, agent: Uuid, name: &str) -> Trail {
        (self.kind, self.actor, self.name) = (ActorKind::Agent, Some(agent), name.to_owned());
        self
    }

    /// Records an action in the transaction of the change. `facts` are pairs of name and value.
    pub(crate) async fn note(
        &self,
        tx: &mut Tx<'_>,
        ids: &mut Ids,
        action: &str,
        target: (&str, Option<Uuid>),
        facts: &[(&str, &str)],
    ) -> store::Result<()> {
        let entry = self.entry(ids, action, target, facts);
        store::audit::insert(tx, &entry).await
    }

    /// The same in a system transaction; `tenant` is the tenant whose log gets the entry.
    pub(crate) async fn note_of(
        &self,
        tx: &mut SystemTx<'_>,
        tenant: TenantId,
        ids: &mut Ids,
        action: &str,
        target: (&str, Option<Uuid>),
        facts: &[(&str, &str)],
    ) -> store::Result<()> {
        let entry = self.entry(ids, action, target, facts);
        store::audit::insert_of(tx, tenant, &entry).await
    }

    /// The same for an action that belongs to no tenant.
    pub(crate) async fn note_for_nobody(
        &self,
        tx: &mut SystemTx<'_>,
        ids: &mut Ids,
        action: &str,
        target: (&str, Option<Uuid>),
        facts: &[(&str, &str)],
    ) -> store::Result<()> {
        let entry = self.entry(ids, action, target, facts);
        store::audit::insert_for_nobody(tx, &entry).await
    }

    fn entry(&self, ids: &mut Ids, action: &str, target: (&str, Option<Uuid>), facts: &[(&str, &str)]) -> Entry {
        let pairs: Vec<[&str; 2]> = facts.iter().map(|(name, value)| [*name, *value]).collect();
        Entry {
            id: ids.next(AuditId::new),
            actor_kind: self.kind,
            actor: self.actor,
            actor_name: self.name.clone(),
            action: action.to_owned(),
            target_kind: target.0.to_owned(),
            target: target.1,
            detail: serde_json::to_string(&pairs).unwrap_or_default(),
            address: self.address.map(|address| address.to_string()),
            at: self.at,
        }
    }
}

pub(crate) struct Audit {
    db: Db,
}

impl Audit {
    pub(crate) fn new(db: Db) -> Audit {
        Audit { db }
    }

    async fn list(
        &self,
        caller: &Caller,
        request: pb::ListAuditEntriesRequest,
    ) -> Result<pb::ListAuditEntriesResponse> {
        let before =
            request.cursor.as_deref().map(|text| text.parse().map_err(|_| Reason::InvalidCursor)).transpose()?;
        let limit = request.limit.unwrap_or(LIMIT_DEFAULT);
        let mut read = self.db.peek(caller.scope()?).await?;
        let mut entries = store::audit::list(&mut read, before, i64::from(limit) + 1).await?;
        let has_more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        let next_cursor = entries.last().filter(|_| has_more).map(|entry| entry.id.to_string());
        Ok(pb::ListAuditEntriesResponse {
            entries: entries.iter().map(pb::AuditEntry::from).collect(),
            meta: Some(v1::CursorMeta { has_more, next_cursor }),
        })
    }
}

impl From<&Entry> for pb::AuditEntry {
    fn from(entry: &Entry) -> pb::AuditEntry {
        let pairs: Vec<(String, String)> = serde_json::from_str(&entry.detail).unwrap_or_default();
        pb::AuditEntry {
            id: entry.id.to_string(),
            created_at: Some(entry.at.into()),
            actor_kind: entry.actor_kind.code().into(),
            actor_id: entry.actor.map(|id| id.to_string()),
            actor_name: entry.actor_name.clone(),
            action: entry.action.clone(),
            target_kind: entry.target_kind.clone(),
            target_id: entry.target.map(|id| id.to_string()),
            facts: pairs.into_iter().map(|(name, value)| pb::AuditFact { name, value }).collect(),
            address: entry.address.clone(),
        }
    }
}

#[tonic::async_trait]
impl AuditService for Audit {
    async fn list_audit_entries(
        &self,
        request: Request<pb::ListAuditEntriesRequest>,
    ) -> Result<Response<pb::ListAuditEntriesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.list(&caller, request.into_inner()).await?))
    }
}
