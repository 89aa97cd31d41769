//! The demo tenant, with which a newcomer sees a ticket and its webhook within a minute. It is created by the same
//! services that everybody calls, and recorded in a file of the data folder that only its owner can read.

use crate::{
    admin_client::AdminClient,
    commands::there,
    error::{Error, Result},
    folder::{Folder, write_private},
};
use inboxops_proto::{admin::v1 as admin, failure::Failure, internal::v1 as internal, reason::Reason, v1};
use serde::{Deserialize, Serialize};
use std::{io, path::PathBuf};

const FILE: &str = "demo.json";

/// The record of the demo tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Demo {
    pub(crate) tenant_id: String,
    pub(crate) inbox_id: String,
    /// The endpoint of the built-in receiver; `None` if the server was not in development mode.
    pub(crate) endpoint: Option<Endpoint>,
}

/// The endpoint of the built-in receiver.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    /// The secret with which the receiver verifies, as a customer would.
    pub(crate) secret: String,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("id", &self.id).finish_non_exhaustive()
    }
}

fn path(folder: &Folder) -> PathBuf {
    folder.file(FILE)
}

/// The demo tenant of an earlier start.
pub(crate) fn remembered(folder: &Folder) -> Result<Option<Demo>> {
    let text = match std::fs::read_to_string(path(folder)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Io { what: "read demo.json in the data folder", source }),
    };
    let what = "read demo.json in the data folder; remove it to go on without the demo's receiver";
    let demo = serde_json::from_str(&text).map_err(|source| Error::Io { what, source: source.into() })?;
    Ok(Some(demo))
}

/// Whether there is no tenant yet; only then a demo tenant is created.
pub(crate) async fn is_first_start(office: &AdminClient) -> Result<bool> {
    let message = internal::ListTenantsRequest { page: Some(1), per_page: Some(1) };
    let answer = office.services().tenants().list_tenants(office.request(message)).await?.into_inner();
    Ok(answer.tenants.is_empty())
}

/// A new demo tenant, with the secrets that are shown once and not stored.
pub(crate) struct NewDemo {
    pub(crate) demo: Demo,
    pub(crate) key: String,
    /// The admin's login link.
    pub(crate) login_url: Option<String>,
}

/// Creates the demo tenant, and an endpoint if there is a receiver.
pub(crate) async fn create(office: &AdminClient, folder: &Folder, receiver: Option<String>) -> Result<NewDemo> {
    let services = office.services();
    let plan = Some(v1::Plan::Business.into());
    let message = internal::CreateTenantRequest { name: Some("Demo".to_owned()), plan };
    let tenant_id = there(services.tenants().create_tenant(office.request(message)).await?.into_inner().tenant)?.id;
    let inbox = internal::CreateInboxRequest {
        tenant_id: tenant_id.clone(),
        name: Some("Support".to_owned()),
        email_address: Some("support@example.com".to_owned()),
        channel: None,
    };
    let inbox_id = there(services.tenants().create_inbox(office.request(inbox)).await?.into_inner().inbox)?.id;
    let mut agents = Vec::new();
    for (name, role) in [("Ada", v1::Role::Admin), ("Grace", v1::Role::Agent)] {
        let message = internal::CreateAgentRequest {
            tenant_id: tenant_id.clone(),
            email: Some(format!("{}@example.com", name.to_lowercase())),
            name: Some(name.to_owned()),
            role: Some(role.into()),
        };
        agents.push(there(services.tenants().create_agent(office.request(message)).await?.into_inner().agent)?.id);
    }
    let admin_id = agents.first().cloned().unwrap_or_default();
    for (mail, priority, assignee_id) in [
        (&include_bytes!("demo/refund.eml")[..], v1::TicketPriority::High, agents.pop()),
        (include_bytes!("demo/invoice.eml"), v1::TicketPriority::Normal, None),
        (include_bytes!("demo/sign-in.eml"), v1::TicketPriority::Urgent, None),
    ] {
        let message = internal::IngestInboundMessageRequest {
            tenant_id: tenant_id.clone(),
            inbox_id: inbox_id.clone(),
            raw: mail.into(),
            ..Default::default()
        };
        let ingested = services.ingest().ingest_inbound_message(office.request(message)).await?.into_inner();
        let changes = v1::TicketChanges { priority: Some(priority.into()), assignee_id, ..Default::default() };
        let message =
            v1::UpdateTicketRequest { ticket_id: there(ingested.ticket)?.id, ticket: Some(changes), update_mask: None };
        services.tickets().update_ticket(office.request_for(&tenant_id, message)?).await?;
    }
    // After the tickets, so that the first webhook comes from the first curl command.
    let endpoint = match receiver {
        Some(url) => Some(create_endpoint(office, &tenant_id, url).await?),
        None => None,
    };
    let message = admin::CreateApiKeyRequest { name: Some("demo".to_owned()), ..Default::default() };
    let key = services.api_keys().create_api_key(office.request_for(&tenant_id, message)?).await?.into_inner().key;
    let link = internal::CreateLoginLinkRequest { agent_id: admin_id };
    let login_url = services.tenants().create_login_link(office.request(link)).await?.into_inner().login_url;
    let demo = Demo { tenant_id, inbox_id, endpoint };
    remember(folder, &demo)?;
    Ok(NewDemo { demo, key, login_url })
}

async fn create_endpoint(office: &AdminClient, tenant_id: &str, url: String) -> Result<Endpoint> {
    let message = v1::CreateWebhookEndpointRequest {
        url: Some(url),
        events: vec!["*".to_owned()],
        description: Some("Built-in receiver of the demo".to_owned()),
        ..Default::default()
    };
    let request = office.request_for(tenant_id, message)?;
    let endpoint = office.services().webhooks().create_webhook_endpoint(request).await?.into_inner().endpoint;
    let endpoint = there(endpoint)?;
    Ok(Endpoint { id: endpoint.id, secret: there(endpoint.secret)? })
}

/// Changes the demo endpoint's URL to the receiver of this start. A deleted endpoint stays deleted.
pub(crate) async fn move_endpoint(office: &AdminClient, demo: &Demo, url: String) -> Result<Option<Endpoint>> {
    let Some(endpoint) = &demo.endpoint else { return Ok(None) };
    let message = v1::UpdateWebhookEndpointRequest {
        endpoint_id: endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { url: Some(url), ..Default::default() }),
        update_mask: None,
    };
    let request = office.request_for(&demo.tenant_id, message)?;
    match office.services().webhooks().update_webhook_endpoint(request).await {
        Ok(_) => Ok(Some(endpoint.clone())),
        Err(status) if Failure::of(&status).reason == Reason::EndpointNotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}

fn remember(folder: &Folder, demo: &Demo) -> Result<()> {
    let write = || write_private(&path(folder), &format!("{:#}\n", serde_json::to_value(demo)?));
    write().map_err(|source| Error::Io { what: "write demo.json in the data folder", source })
}
