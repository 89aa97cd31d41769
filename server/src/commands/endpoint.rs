//! `endpoint`: lists a tenant's webhook endpoints, and sends tests to them.

use super::{PAGE, tenant_id, tenant_of, there, value};
use crate::{
    admin_client::AdminClient,
    cli::Endpoint,
    error::{Error, Result},
    named,
    print::Output,
};
use inboxops_proto::{
    internal::v1 as internal,
    reason::Reason,
    v1::{self, DeliveryDetail, DeliveryStatus},
};
use serde_json::{Map, Value};
use std::time::{Duration, Instant};

/// Longest time that a test is awaited: a request's deadline, and time to record its end.
const TEST_MAX: Duration = Duration::from_secs(20);
/// How often to ask whether a test has ended.
const ASK_EVERY: Duration = Duration::from_millis(100);

pub(crate) async fn endpoint(office: &AdminClient, command: Endpoint) -> Result<Output> {
    match command {
        Endpoint::List { tenant } => {
            let tenant = tenant_id(office, tenant).await?;
            let columns = &["id", "url", "status", "events", "backlog.waiting", "disabled_reason"];
            Ok(Output::Many(all(office, &tenant).await?, columns))
        }
        Endpoint::Test { id, tenant, event } => {
            let (tenant, endpoint_id) = find(office, id, tenant).await?;
            if !office.reaches_server() {
                let hint = "no server runs that could send a test; start one, or name one with --server";
                return Err(Error::NoServer(hint.to_owned()));
            }
            let mut message = v1::SendTestEventRequest { endpoint_id, ..Default::default() };
            message.event = Some(event);
            let webhooks = office.services().webhooks();
            let answer = webhooks.send_test_event(office.request_for(&tenant, message)?).await?.into_inner();
            ended(office, &tenant, there(answer.delivery)?.id).await
        }
    }
}

/// The ids of an endpoint's tenant and of the endpoint, which is named by its id or, with its tenant, by its URL.
pub(super) async fn find(office: &AdminClient, words: String, tenant: Option<String>) -> Result<(String, String)> {
    let by_id = named::is_id(&words);
    if by_id && tenant.is_none() {
        let message = internal::FindOwnerRequest { endpoint_id: words.clone(), ..Default::default() };
        let owner = office.services().tenants().find_owner(office.request(message)).await?.into_inner();
        return Ok((owner.tenant_id, words));
    }
    let tenant = tenant_of("endpoint", office, tenant).await?;
    let id = if by_id { words } else { named::only("endpoint", &words, &all(office, &tenant).await?, &["url"])? };
    Ok((tenant, id))
}

async fn all(office: &AdminClient, tenant: &str) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for page in 1.. {
        let message = v1::ListWebhookEndpointsRequest { page: Some(page), per_page: Some(PAGE), ..Default::default() };
        let request = office.request_for(tenant, message)?;
        let answer = office.services().webhooks().list_webhook_endpoints(request).await?.into_inner();
        for endpoint in &answer.endpoints {
            found.push(value(endpoint)?);
        }
        if !answer.meta.is_some_and(|meta| meta.has_more) {
            break;
        }
    }
    Ok(found)
}

/// The test once it has ended, or as it is after [`TEST_MAX`].
async fn ended(office: &AdminClient, tenant: &str, delivery_id: String) -> Result<Output> {
    let deadline = Instant::now() + TEST_MAX;
    loop {
        let message = v1::GetDeliveryRequest { delivery_id: delivery_id.clone() };
        let request = office.request_for(tenant, message)?;
        let test = there(office.services().deliveries().get_delivery(request).await?.into_inner().delivery)?;
        let waits = matches!(test.status(), DeliveryStatus::Pending | DeliveryStatus::Retrying);
        if !waits || Instant::now() >= deadline {
            return shown(&test);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn shown(test: &DeliveryDetail) -> Result<Output> {
    if matches!(test.status(), DeliveryStatus::Failed | DeliveryStatus::Canceled) {
        let why = test.attempts.last().and_then(|attempt| attempt.error.clone());
        let why = why.or_else(|| test.error_code.clone()).unwrap_or_else(|| "it was canceled".to_owned());
        return Err(Error::NotAccepted(format!("the endpoint did not accept the test {}: {why}", test.id)));
    }
    // A list shows deliveries without these.
    let Value::Object(members) = value(test)? else { return Err(Error::Refused(Reason::InternalError.into())) };
    let brief = members.into_iter().filter(|(name, _)| !matches!(name.as_str(), "payload" | "attempts"));
    Ok(Output::One(Value::Object(brief.collect::<Map<String, Value>>())))
}
