//! Administrative commands: each makes one call and shows its answer.

mod agent;
mod audit;
mod delivery;
mod endpoint;

pub(crate) use agent::agent;
pub(crate) use audit::audit;
pub(crate) use delivery::delivery;
pub(crate) use endpoint::endpoint;

use crate::{
    admin_client::AdminClient,
    cli::{Inbox, Key, Plan, Share, Switch, Tenant, Token},
    error::{Error, Result},
    named,
    print::Output,
};
use inboxops_proto::{admin::v1 as admin, clock::Clock, internal::v1 as internal, json, reason::Reason, v1};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// Items in one call of a list.
const PAGE: u32 = 100;
const READ_ONLY: &[&str] =
    &["tickets:read", "messages:read", "tags:read", "inboxes:read", "events:read", "webhooks:read"];

impl Plan {
    fn number(self) -> i32 {
        match self {
            Plan::Free => v1::Plan::Free,
            Plan::Starter => v1::Plan::Starter,
            Plan::Business => v1::Plan::Business,
            Plan::Enterprise => v1::Plan::Enterprise,
        }
        .into()
    }
}

pub(crate) async fn tenant(office: &AdminClient, command: Tenant) -> Result<Output> {
    let tenants = office.services().tenants();
    let tenant = match command {
        Tenant::Create { name, plan } => {
            let message = internal::CreateTenantRequest { name: Some(name), plan: Some(plan.number()) };
            tenants.create_tenant(office.request(message)).await?.into_inner().tenant
        }
        Tenant::List => return Ok(Output::Many(all_tenants(office).await?, &["id", "name", "plan", "entitlements"])),
        Tenant::SetPlan { tenant, plan } => {
            let tenant_id = tenant_id(office, tenant).await?;
            let message = internal::SetPlanRequest { tenant_id, plan: Some(plan.number()) };
            tenants.set_plan(office.request(message)).await?.into_inner().tenant
        }
        Tenant::SetEntitlement { tenant, entitlement, enabled } => {
            let says = match enabled {
                Switch::True => internal::EntitlementOverride::Enabled,
                Switch::False => internal::EntitlementOverride::Disabled,
                Switch::Default => internal::EntitlementOverride::Default,
            };
            let message = internal::SetEntitlementRequest {
                tenant_id: tenant_id(office, tenant).await?,
                entitlement: Some(entitlement),
                r#override: Some(says.into()),
            };
            tenants.set_entitlement(office.request(message)).await?.into_inner().tenant
        }
        Tenant::SetRateLimit { tenant, per_minute } => {
            let tenant_id = tenant_id(office, tenant).await?;
            let message = internal::SetRateLimitRequest { tenant_id, requests_per_minute: per_minute.number() };
            tenants.set_rate_limit(office.request(message)).await?.into_inner().tenant
        }
        Tenant::Suspend { tenant } => return suspended(office, tenant, true).await,
        Tenant::Resume { tenant } => return suspended(office, tenant, false).await,
    };
    one(&there(tenant)?)
}

async fn suspended(office: &AdminClient, tenant: String, suspended: bool) -> Result<Output> {
    let message = internal::SetSuspendedRequest { tenant_id: tenant_id(office, tenant).await?, suspended };
    let answer = office.services().tenants().set_suspended(office.request(message)).await?.into_inner();
    one(&there(answer.tenant)?)
}

/// The id of a tenant that is named by its id or its name.
async fn tenant_id(office: &AdminClient, words: String) -> Result<String> {
    if named::is_id(&words) {
        return Ok(words);
    }
    named::only("tenant", &words, &all_tenants(office).await?, &["name"])
}

/// The tenant of a thing of this kind that is not named by its id.
async fn tenant_of(kind: &str, office: &AdminClient, tenant: Option<String>) -> Result<String> {
    let missing = || Error::Usage(format!("name the {kind} by its id, or name its tenant with --tenant"));
    tenant_id(office, tenant.ok_or_else(missing)?).await
}

async fn all_tenants(office: &AdminClient) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for page in 1.. {
        let message = internal::ListTenantsRequest { page: Some(page), per_page: Some(PAGE) };
        let answer = office.services().tenants().list_tenants(office.request(message)).await?.into_inner();
        for tenant in &answer.tenants {
            found.push(value(tenant)?);
        }
        if !answer.meta.is_some_and(|meta| meta.has_more) {
            break;
        }
    }
    Ok(found)
}

pub(crate) async fn inbox(office: &AdminClient, command: Inbox) -> Result<Output> {
    let tenants = office.services().tenants();
    match command {
        Inbox::Create { tenant, name, address } => {
            let message = internal::CreateInboxRequest {
                tenant_id: tenant_id(office, tenant).await?,
                name: Some(name),
                email_address: address,
                channel: None,
            };
            one(&there(tenants.create_inbox(office.request(message)).await?.into_inner().inbox)?)
        }
        Inbox::List { tenant } => {
            let tenant = tenant_id(office, tenant).await?;
            Ok(Output::Many(all_inboxes(office, &tenant).await?, &["id", "name", "email_address", "status"]))
        }
        Inbox::Update { id, tenant, name, address, enabled } => {
            let message = internal::UpdateInboxRequest {
                inbox_id: inbox_id(office, id, tenant).await?,
                name,
                email_address: address,
                enabled,
                ..Default::default()
            };
            one(&there(tenants.update_inbox(office.request(message)).await?.into_inner().inbox)?)
        }
    }
}

/// The id of an inbox that is named by its id or, with its tenant, by its name or address.
async fn inbox_id(office: &AdminClient, words: String, tenant: Option<String>) -> Result<String> {
    if named::is_id(&words) {
        return Ok(words);
    }
    let tenant = tenant_of("inbox", office, tenant).await?;
    named::only("inbox", &words, &all_inboxes(office, &tenant).await?, &["name", "email_address"])
}

async fn all_inboxes(office: &AdminClient, tenant: &str) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for page in 1.. {
        let message = v1::ListInboxesRequest { page: Some(page), per_page: Some(PAGE), ..Default::default() };
        let request = office.request_for(tenant, message)?;
        let answer = office.services().inboxes().list_inboxes(request).await?.into_inner();
        for inbox in &answer.inboxes {
            found.push(value(inbox)?);
        }
        if !answer.meta.is_some_and(|meta| meta.has_more) {
            break;
        }
    }
    Ok(found)
}

pub(crate) async fn key(office: &AdminClient, command: Key, clock: &Clock) -> Result<Output> {
    let keys = office.services().api_keys();
    match command {
        Key::Create { tenant, name, scopes, expires, requests_per_minute } => {
            let expires_at = expires.map(|text| moment(&text, clock)).transpose()?;
            let tenant = tenant_id(office, tenant).await?;
            let message = admin::CreateApiKeyRequest {
                name: Some(name),
                scopes: scopes_of(&scopes),
                expires_at,
                requests_per_minute: requests_per_minute.and_then(Share::number),
            };
            let answer = keys.create_api_key(office.request_for(&tenant, message)?).await?.into_inner();
            with_secret(&there(answer.api_key)?, "key", &answer.key)
        }
        Key::List { tenant, all } => {
            let tenant = tenant_id(office, tenant).await?;
            let found = all_keys(office, &tenant, all).await?;
            let columns = &[
                "id",
                "name",
                "key_prefix",
                "scopes",
                "requests_per_minute",
                "last_used_at",
                "expires_at",
                "revoked_at",
            ];
            Ok(Output::Many(found, columns))
        }
        Key::Update { id, tenant, name, requests_per_minute } => {
            let id = key_id(office, id, tenant).await?;
            // On the wire 0 is no share.
            let share = requests_per_minute.map(|share| share.number().unwrap_or_default());
            let message = admin::UpdateApiKeyRequest { api_key_id: id, name, requests_per_minute: share };
            one(&there(keys.update_api_key(office.request(message)).await?.into_inner().api_key)?)
        }
        Key::Rotate { id, tenant, grace_hours } => {
            let id = key_id(office, id, tenant).await?;
            let message = admin::RotateApiKeyRequest { api_key_id: id, grace_hours: Some(grace_hours) };
            let answer = keys.rotate_api_key(office.request(message)).await?.into_inner();
            with_secret(&there(answer.api_key)?, "key", &answer.key)
        }
        Key::Revoke { id, tenant } => {
            let id = key_id(office, id, tenant).await?;
            let message = admin::RevokeApiKeyRequest { api_key_id: id };
            one(&there(keys.revoke_api_key(office.request(message)).await?.into_inner().api_key)?)
        }
    }
}

/// The id of a key that is named by its id or, with its tenant, by its name.
async fn key_id(office: &AdminClient, words: String, tenant: Option<String>) -> Result<String> {
    if named::is_id(&words) {
        return Ok(words);
    }
    let tenant = tenant_of("key", office, tenant).await?;
    named::only("key", &words, &all_keys(office, &tenant, false).await?, &["name"])
}

async fn all_keys(office: &AdminClient, tenant: &str, include_revoked: bool) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for page in 1.. {
        let message = admin::ListApiKeysRequest { page: Some(page), per_page: Some(PAGE), include_revoked };
        let request = office.request_for(tenant, message)?;
        let answer = office.services().api_keys().list_api_keys(request).await?.into_inner();
        for key in &answer.api_keys {
            found.push(value(key)?);
        }
        if !answer.meta.is_some_and(|meta| meta.has_more) {
            break;
        }
    }
    Ok(found)
}

pub(crate) async fn token(office: &AdminClient, command: Token) -> Result<Output> {
    let tokens = office.services().service_tokens();
    match command {
        Token::Create { name, dispatch_only } => {
            let message = internal::CreateServiceTokenRequest { name: Some(name), dispatch_only };
            let answer = tokens.create_service_token(office.request(message)).await?.into_inner();
            with_secret(&there(answer.service_token)?, "token", &answer.token)
        }
        Token::List { all } => {
            let found = all_tokens(office, all).await?;
            Ok(Output::Many(found, &["id", "name", "dispatch_only", "created_at", "revoked_at"]))
        }
        Token::Revoke { id } => {
            let service_token_id = if named::is_id(&id) {
                id
            } else {
                named::only("service token", &id, &all_tokens(office, false).await?, &["name"])?
            };
            let message = internal::RevokeServiceTokenRequest { service_token_id };
            one(&there(tokens.revoke_service_token(office.request(message)).await?.into_inner().service_token)?)
        }
    }
}

async fn all_tokens(office: &AdminClient, include_revoked: bool) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for page in 1.. {
        let message = internal::ListServiceTokensRequest { page: Some(page), per_page: Some(PAGE), include_revoked };
        let tokens = office.services().service_tokens();
        let answer = tokens.list_service_tokens(office.request(message)).await?.into_inner();
        for token in &answer.service_tokens {
            found.push(value(token)?);
        }
        if !answer.meta.is_some_and(|meta| meta.has_more) {
            break;
        }
    }
    Ok(found)
}

/// Scopes by name or by the name of a preset; an empty list means all.
fn scopes_of(names: &[String]) -> Vec<String> {
    match names {
        [preset] if preset == "full" => Vec::new(),
        [preset] if preset == "read-only" => READ_ONLY.iter().map(|scope| (*scope).to_owned()).collect(),
        names => names.to_vec(),
    }
}

/// A time, or a duration from now.
fn moment(text: &str, clock: &Clock) -> Result<prost_types::Timestamp> {
    let at = span(text).map(|span| clock.now().plus(span).into()).or_else(|| json::time::parse(text));
    at.ok_or_else(|| Error::Usage("--expires must be a time (2027-01-31T00:00:00Z) or a span (90d, 12h)".to_owned()))
}

/// A time, or a duration before now. `flag` has the text.
fn since(flag: &str, text: &str, clock: &Clock) -> Result<prost_types::Timestamp> {
    let at = span(text).map(|span| clock.now().minus(span).into()).or_else(|| json::time::parse(text));
    at.ok_or_else(|| {
        Error::Usage(format!("{flag} must be a time (2027-01-31T00:00:00Z) or a span before now (7d, 12h)"))
    })
}

fn span(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let secs = match unit {
        "d" => 86_400,
        "h" => 3600,
        "m" => 60,
        _ => return None,
    };
    number.parse::<u32>().ok().map(|number| Duration::from_secs(u64::from(number) * secs))
}

/// The resource that an answer must contain.
pub(crate) fn there<T>(resource: Option<T>) -> Result<T> {
    resource.ok_or(Error::Refused(Reason::InternalError.into()))
}

/// A resource in the JSON of the contract.
pub(crate) fn value(resource: &impl Serialize) -> Result<Value> {
    serde_json::to_value(resource).map_err(|_| Error::Refused(Reason::InternalError.into()))
}

fn one(resource: &impl Serialize) -> Result<Output> {
    Ok(Output::One(value(resource)?))
}

/// A resource with, right after its id, the secret that is shown only once.
fn with_secret(resource: &impl Serialize, name: &str, secret: &str) -> Result<Output> {
    Ok(Output::One(after_id(value(resource)?, name, secret)?))
}

/// A resource with one member more, right after its id.
fn after_id(resource: Value, name: &str, text: &str) -> Result<Value> {
    let Value::Object(members) = resource else { return Err(Error::Refused(Reason::InternalError.into())) };
    let mut shown = serde_json::Map::new();
    for (member, value) in members {
        let first = member == "id";
        shown.insert(member, value);
        if first {
            shown.insert(name.to_owned(), Value::String(text.to_owned()));
        }
    }
    Ok(Value::Object(shown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use inboxops_proto::clock::Timestamp;

    #[test]
    fn an_expiry_is_a_time_or_a_span_from_now() {
        let clock = Clock::manual(Timestamp::from_micros(1_000_000_000_000));
        let secs = |text| moment(text, &clock).map(|at| at.seconds).map_err(|error| error.exit_code());
        assert_eq!(secs("1d"), Ok(1_000_000 + 86_400));
        assert_eq!(secs("12h"), Ok(1_000_000 + 43_200));
        assert_eq!(secs("1970-01-02T00:00:00Z"), Ok(86_400));
        for wrong in ["", "d", "-1d", "tomorrow", "1w", "99999999999d"] {
            assert_eq!(secs(wrong), Err(2), "{wrong}");
        }
    }

    #[test]
    fn a_beginning_is_a_time_or_a_span_before_now() {
        let clock = Clock::manual(Timestamp::from_micros(1_000_000_000_000));
        let at = |text| since("--since", text, &clock).map(|at| at.seconds).map_err(|error| error.to_string());
        assert_eq!(at("1d"), Ok(1_000_000 - 86_400));
        assert_eq!(at("1970-01-02T00:00:00Z"), Ok(86_400));
        assert!(at("yesterday").is_err_and(|why| why.starts_with("--since must be a time")));
    }

    #[test]
    fn presets_stand_for_scopes() {
        let of = |names: &[&str]| scopes_of(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert!(of(&["full"]).is_empty());
        assert!(of(&["read-only"]).iter().all(|scope| scope.ends_with(":read")));
        assert_eq!(of(&["tags:read", "tags:write"]), ["tags:read", "tags:write"]);
    }
}
