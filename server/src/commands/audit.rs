//! `audit`: reads who changed what.

use super::{PAGE, since, tenant_id, value};
use crate::{
    admin_client::AdminClient,
    cli::{Audit, AuditList},
    error::Result,
    print::Output,
};
use inboxops_proto::{clock::Clock, v1};

pub(crate) async fn audit(office: &AdminClient, command: Audit, clock: &Clock) -> Result<Output> {
    let Audit::List(AuditList { tenant, action, actor, since: from, until, limit }) = command;
    let mut message = v1::ListAuditLogRequest {
        since: from.map(|text| since("--since", &text, clock)).transpose()?,
        until: until.map(|text| since("--until", &text, clock)).transpose()?,
        actor_id: actor,
        action,
        per_page: Some(PAGE),
        cursor: None,
    };
    let tenant = tenant_id(office, tenant).await?;
    let most = limit as usize;
    let mut found = Vec::new();
    loop {
        let request = office.request_for(&tenant, message.clone())?;
        let answer = office.services().audit_logs().list_audit_log(request).await?.into_inner();
        for entry in &answer.entries {
            found.push(value(entry)?);
        }
        message.cursor = answer.meta.and_then(|meta| meta.next_cursor);
        if message.cursor.is_none() || found.len() >= most {
            break;
        }
    }
    found.truncate(most);
    let columns = &["created_at", "actor.type", "actor.name", "action", "target_kind", "target_id", "address"];
    Ok(Output::Many(found, columns))
}
