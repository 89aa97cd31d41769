//! Creates and changes inboxes for the operator.

use super::Tenants;
use crate::{
    audit::Trail,
    caller::{Caller, named_tenant},
    error::{Error, Result},
    store::{self, Queue, inboxes::Inbox, tickets::Channel},
    time_and_chance::Stamp,
};
use inboxops_proto::{failure::Failure, id::InboxId, internal::v1 as pb, reason::Reason, v1};

impl Tenants {
    pub(super) async fn create_inbox(&self, caller: &Caller, request: pb::CreateInboxRequest) -> Result<v1::Inbox> {
        let tenant = named_tenant(&request.tenant_id)?;
        let stamp = self.stamps.stamp();
        let trail = Trail::of(caller, stamp.at);
        let by_default = if request.email_address.is_some() { Channel::Email } else { Channel::Api };
        let channel = request.channel.map_or(Some(by_default), Channel::from_code);
        let inbox = Inbox {
            id: stamp.ids().next(InboxId::new),
            name: request.name.unwrap_or_default(),
            email_address: request.email_address,
            channel: channel.ok_or(Error::Broken("the gate checks enums"))?,
            enabled: true,
            error: None,
            created_at: stamp.at,
            updated_at: stamp.at,
        };
        let inbox = self
            .db
            .decide(Queue::Tenant(tenant), async move |tx| -> Result<_> {
                store::tenants::lock(tx, tenant).await?.ok_or(Reason::TenantNotFound)?;
                let mut tx = tx.enter(tenant);
                free(&mut tx, &inbox).await?;
                store::inboxes::insert(&mut tx, &inbox).await?;
                note_inbox(&trail, &mut tx, &stamp, "inbox.created", &inbox).await?;
                Ok(inbox.clone())
            })
            .await?;
        Ok(v1::Inbox::from(&inbox))
    }

    pub(super) async fn update_inbox(&self, caller: &Caller, request: pb::UpdateInboxRequest) -> Result<v1::Inbox> {
        let id: InboxId = request.inbox_id.parse().map_err(|_| Reason::InboxNotFound)?;
        let tenant = match request.tenant_id.as_str() {
            "" => store::inboxes::owner(&self.db, id).await?.ok_or(Reason::InboxNotFound)?,
            named => named_tenant(named)?,
        };
        let stamp = self.stamps.stamp();
        let trail = Trail::of(caller, stamp.at);
        let inbox = self
            .db
            .decide(Queue::Tenant(tenant), async move |tx| -> Result<_> {
                if request.email_address.is_some() {
                    store::tenants::lock(tx, tenant).await?;
                }
                let mut tx = tx.enter(tenant);
                let old = store::inboxes::lock(&mut tx, id).await?.ok_or(Reason::InboxNotFound)?;
                let mut new = old.clone();
                if let Some(name) = &request.name {
                    new.name.clone_from(name);
                }
                if let Some(address) = &request.email_address {
                    new.email_address = Some(address.clone());
                }
                new.enabled = request.enabled.unwrap_or(old.enabled);
                if new == old {
                    return Ok(old);
                }
                let before = old.email_address.as_deref();
                let after = new.email_address.as_deref();
                if !store::inboxes::same_address(before, after) {
                    free(&mut tx, &new).await?;
                }
                new.updated_at = stamp.at;
                store::inboxes::update(&mut tx, &new).await?;
                note_inbox(&trail, &mut tx, &stamp, "inbox.updated", &new).await?;
                Ok(new)
            })
            .await?;
        Ok(v1::Inbox::from(&inbox))
    }
}

/// Refuses an address that another inbox of the tenant has: a mail that names the address alone would belong to both.
/// Of two calls, on one core or on several, one waits for the other, since both lock the tenant.
async fn free(tx: &mut store::Tx<'_>, inbox: &Inbox) -> Result<()> {
    let Some(address) = &inbox.email_address else { return Ok(()) };
    match store::inboxes::taken(tx, address, inbox.id).await? {
        None => Ok(()),
        Some(other) => {
            let message = format!("The inbox {} ({}) has the address {address} already.", other.name, other.id);
            Err(Failure::new(Reason::Conflict).message(message).into())
        }
    }
}

async fn note_inbox(
    trail: &Trail,
    tx: &mut store::Tx<'_>,
    stamp: &Stamp,
    action: &str,
    inbox: &Inbox,
) -> Result<(), store::Error> {
    let facts = [
        ("name", inbox.name.as_str()),
        ("address", inbox.email_address.as_deref().unwrap_or_default()),
        ("enabled", if inbox.enabled { "true" } else { "false" }),
    ];
    trail.note(tx, &mut stamp.ids(), action, ("inbox", Some(inbox.id.0)), &facts).await
}
