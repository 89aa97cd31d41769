//! `agent`: makes the people of a tenant, lists and changes them, and lets them in.

use super::{PAGE, tenant_id, tenant_of, there, value, with_secret};
use crate::{
    admin_client::AdminClient,
    cli::{Agent, AgentRole},
    error::Result,
    named,
    print::Output,
};
use inboxops_proto::{internal::v1 as internal, json, v1};
use serde_json::{Value, json};

impl AgentRole {
    fn number(self) -> i32 {
        match self {
            AgentRole::Admin => v1::Role::Admin,
            AgentRole::Agent => v1::Role::Agent,
        }
        .into()
    }
}

/// `pages` is the URL of the pages as far as this process knows; a server's own answer takes precedence.
pub(crate) async fn agent(office: &AdminClient, command: Agent, pages: Option<String>) -> Result<Output> {
    let tenants = office.services().tenants();
    match command {
        Agent::Create { tenant, email, name, role } => {
            let role = Some(role.number());
            let tenant_id = tenant_id(office, tenant).await?;
            let message = internal::CreateAgentRequest { tenant_id, email: Some(email), name, role };
            let agent = there(tenants.create_agent(office.request(message)).await?.into_inner().agent)?;
            let link = login_link(office, agent.id.clone(), pages).await?.0;
            with_secret(&agent, "login_url", &link)
        }
        Agent::List { tenant } => {
            let tenant = tenant_id(office, tenant).await?;
            let found = all(office, &tenant).await?;
            Ok(Output::Many(found, &["id", "name", "email", "role"]))
        }
        Agent::LoginLink { id, tenant } => {
            let id = find(office, id, tenant).await?;
            let (link, expires_at) = login_link(office, id.clone(), pages).await?;
            let value = json!({ "id": id, "login_url": link, "expires_at": expires_at });
            Ok(Output::Text(format!("{link}\n\nIt works once, until {expires_at}."), value))
        }
        Agent::Update { id, tenant, name, role, disabled } => {
            let id = find(office, id, tenant).await?;
            let role = role.map(AgentRole::number);
            let message = internal::UpdateAgentRequest { agent_id: id, name, role, disabled };
            let answer = tenants.update_agent(office.request(message)).await?.into_inner();
            let mut agent = value(&there(answer.agent)?)?;
            agent["disabled"] = Value::Bool(answer.disabled);
            Ok(Output::One(agent))
        }
    }
}

/// A login link and its end.
async fn login_link(office: &AdminClient, agent_id: String, pages: Option<String>) -> Result<(String, String)> {
    let message = internal::CreateLoginLinkRequest { agent_id };
    let answer = office.services().tenants().create_login_link(office.request(message)).await?.into_inner();
    let here = || format!("{}/login#code={}", pages.unwrap_or_default(), answer.code);
    let expires_at = json::time::Text::of(&there(answer.expires_at)?).as_str().to_owned();
    Ok((answer.login_url.clone().unwrap_or_else(here), expires_at))
}

/// The id of an agent who is named by the id or, with the tenant, by mail address or name.
async fn find(office: &AdminClient, words: String, tenant: Option<String>) -> Result<String> {
    if named::is_id(&words) {
        return Ok(words);
    }
    let tenant = tenant_of("agent", office, tenant).await?;
    named::only("agent", &words, &all(office, &tenant).await?, &["email", "name"])
}

async fn all(office: &AdminClient, tenant: &str) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for page in 1.. {
        let message = v1::ListAgentsRequest { page: Some(page), per_page: Some(PAGE), ..Default::default() };
        let request = office.request_for(tenant, message)?;
        let answer = office.services().agents().list_agents(request).await?.into_inner();
        for agent in &answer.agents {
            found.push(value(agent)?);
        }
        if !answer.meta.is_some_and(|meta| meta.has_more) {
            break;
        }
    }
    Ok(found)
}
