//! The public service that lists the audit log, by time, actor and action.

use super::Audit;
use crate::{
    caller::Caller,
    error::{Error, Result},
    listing::{Binding, Key, Paging},
    store::{
        self,
        audit::{Entry, Filter},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{self, AuditId},
    v1::{self, audit_log_service_server::AuditLogService},
};
use tonic::{Request, Response, Status};

impl Audit {
    async fn search(&self, caller: &Caller, mut request: v1::ListAuditLogRequest) -> Result<v1::ListAuditLogResponse> {
        let cursor = request.cursor.take();
        let paging = Paging::by_cursor(request.per_page.take(), cursor.as_deref())?;
        let scope = caller.scope()?;
        let binding = Binding::of("audit", scope.tenant(), &request);
        let actor = request.actor_id.as_deref().map(id::parse).transpose();
        let mut filter = Filter {
            since: request.since.as_ref().map(Timestamp::from),
            until: request.until.as_ref().map(Timestamp::from),
            actor: actor.map_err(|_| Error::Broken("the gate checks ids"))?,
            action: request.action,
            before: None,
        };
        let mut read = self.db.read(scope).await?;
        let listing = paging.open(&mut read, binding, self.db.clock().now()).await?;
        filter.before = listing.after().map(Key::as_id).transpose()?.map(AuditId);
        let mut entries = store::audit::search(&mut read, &filter, listing.limit_beyond()).await?;
        let meta = listing.finish(&mut entries, |entry| Key::id(entry.id.0));
        Ok(v1::ListAuditLogResponse {
            entries: entries.iter().map(v1::AuditLogEntry::from).collect(),
            meta: Some(meta),
        })
    }
}

impl From<&Entry> for v1::AuditLogEntry {
    fn from(entry: &Entry) -> v1::AuditLogEntry {
        let facts: Vec<(String, String)> = serde_json::from_str(&entry.detail).unwrap_or_default();
        v1::AuditLogEntry {
            id: entry.id.to_string(),
            created_at: Some(entry.at.into()),
            actor: Some(v1::AuditActor {
                r#type: entry.actor_kind.code().into(),
                id: entry.actor.map(|id| id.to_string()),
                name: entry.actor_name.clone(),
            }),
            action: entry.action.clone(),
            target_kind: entry.target_kind.clone(),
            target_id: entry.target.map(|id| id.to_string()),
            facts: facts.into_iter().map(|(name, value)| v1::AuditDetail { name, value }).collect(),
            address: entry.address.clone(),
        }
    }
}

#[tonic::async_trait]
impl AuditLogService for Audit {
    async fn list_audit_log(
        &self,
        request: Request<v1::ListAuditLogRequest>,
    ) -> Result<Response<v1::ListAuditLogResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.search(&caller, request.into_inner()).await?))
    }
}
