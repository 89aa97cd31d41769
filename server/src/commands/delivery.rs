//! `delivery`: lists deliveries and sends them again, also to another URL.

use super::{PAGE, after_id, all_tenants, endpoint, one, since, tenant_id, there, value};
use crate::{
    admin_client::AdminClient,
    cli::{Delivery, DeliveryList, DeliveryState},
    error::{Error, Result},
    listen, parts,
    print::Output,
    settings::Settings,
};
use inboxops_core::{Chance, Stamps, signing_secret};
use inboxops_proto::{clock::Clock, internal::v1 as internal, reason::Reason, v1};
use inboxops_worker::forward::Forwarder;
use serde_json::{Value, json};
use uuid::Uuid;

impl DeliveryState {
    fn number(self) -> i32 {
        match self {
            DeliveryState::Pending => v1::DeliveryStatus::Pending,
            DeliveryState::Retrying => v1::DeliveryStatus::Retrying,
            DeliveryState::Delivered => v1::DeliveryStatus::Delivered,
            DeliveryState::Failed => v1::DeliveryStatus::Failed,
            DeliveryState::Paused => v1::DeliveryStatus::Paused,
            DeliveryState::Canceled => v1::DeliveryStatus::Canceled,
        }
        .into()
    }
}

/// `json` says whether the result is printed as JSON: the secret is then in it.
pub(crate) async fn delivery(
    office: &AdminClient,
    command: Delivery,
    settings: &Settings,
    json: bool,
) -> Result<Output> {
    match command {
        Delivery::List(command) => list(office, command, &Clock::System).await,
        Delivery::Resend { id, to: None, secret: _ } => {
            let tenant = owner(office, &id).await?;
            let request = office.request_for(&tenant, v1::ResendDeliveryRequest { delivery_id: id })?;
            one(&there(office.services().deliveries().resend_delivery(request).await?.into_inner().delivery)?)
        }
        Delivery::Resend { id, to: Some(url), secret } => {
            let target = Target::new(url, secret, settings)?;
            target.post(office, id, json).await
        }
    }
}

async fn list(office: &AdminClient, command: DeliveryList, clock: &Clock) -> Result<Output> {
    let mut filter = v1::SearchDeliveriesRequest {
        status: command.status.into_iter().map(DeliveryState::number).collect(),
        event: command.event,
        since: command.since.map(|text| since("--since", &text, clock)).transpose()?,
        per_page: Some(PAGE),
        ..Default::default()
    };
    let tenants = match (command.endpoint, command.tenant) {
        (Some(words), tenant) => {
            let (tenant, id) = endpoint::find(office, words, tenant).await?;
            filter.endpoint_id = Some(id);
            vec![tenant]
        }
        (None, Some(tenant)) => vec![tenant_id(office, tenant).await?],
        (None, None) => {
            let all = all_tenants(office).await?;
            all.iter().filter_map(|tenant| tenant["id"].as_str()).map(str::to_owned).collect()
        }
    };
    let most = command.limit as usize;
    let mut found = Vec::new();
    for tenant in &tenants {
        found.extend(newest(office, tenant, &filter, most).await?);
        // Times are texts of one length, so that later ones are greater.
        found.sort_by(|one: &Value, other| other["created_at"].as_str().cmp(&one["created_at"].as_str()));
        found.truncate(most);
    }
    let columns =
        &["id", "created_at", "event", "status", "attempt_count", "response_status", "error_code", "endpoint_id"];
    Ok(Output::Many(found, columns))
}

/// The newest deliveries of a tenant, with its id.
async fn newest(
    office: &AdminClient,
    tenant: &str,
    filter: &v1::SearchDeliveriesRequest,
    most: usize,
) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    let mut message = filter.clone();
    loop {
        let request = office.request_for(tenant, message.clone())?;
        let answer = office.services().deliveries().search_deliveries(request).await?.into_inner();
        for delivery in &answer.deliveries {
            found.push(after_id(value(delivery)?, "tenant_id", tenant)?);
        }
        message.cursor = answer.meta.and_then(|meta| meta.next_cursor);
        if message.cursor.is_none() || found.len() >= most {
            return Ok(found);
        }
    }
}

async fn owner(office: &AdminClient, delivery: &str) -> Result<String> {
    let message = internal::FindOwnerRequest { delivery_id: delivery.to_owned(), ..Default::default() };
    Ok(office.services().tenants().find_owner(office.request(message)).await?.into_inner().tenant_id)
}

/// Another URL that an event is posted to, from this process and without a trace in the database.
struct Target {
    url: String,
    secret: String,
    /// Whether the secret was made for this post, so that nobody knows it yet.
    is_new: bool,
    forwarder: Forwarder,
}

impl Target {
    fn new(url: String, secret: Option<String>, settings: &Settings) -> Result<Target> {
        let is_new = secret.is_none();
        let new = || signing_secret(&Stamps::new(Clock::System, Chance::System)).to_string();
        let secret = secret.unwrap_or_else(new);
        let forwarder = Forwarder::new(&url, &secret, &parts::trust(settings)?, Clock::System)
            .map_err(|why| Error::Usage(format!("cannot post: {why}")))?;
        Ok(Target { url, secret, is_new, forwarder })
    }

    async fn post(self, office: &AdminClient, id: String, json: bool) -> Result<Output> {
        let tenant = owner(office, &id).await?;
        let request = office.request_for(&tenant, v1::GetDeliveryRequest { delivery_id: id })?;
        let delivery = there(office.services().deliveries().get_delivery(request).await?.into_inner().delivery)?;
        if self.is_new && !json {
            listen::say(&format!("Signing secret: {}", self.secret))?;
        }
        let uuid = |text: &str| text.parse::<Uuid>().map_err(|_| Error::Refused(Reason::InternalError.into()));
        let payload = listen::payload(uuid(&delivery.event_id)?, &delivery.event, &delivery.payload);
        let outcome = self.forwarder.send(payload, uuid(&delivery.id)?, 1).await;
        let (status, millis) = (outcome.response_status, outcome.duration_ms);
        if !(200..300).contains(&status) {
            return Err(Error::NotAccepted(format!("{} did not accept the event: {}", self.url, outcome.error)));
        }
        let text = format!("{} {}  {status} in {millis} ms", delivery.event, delivery.event_id);
        let shown = json!({
            "id": delivery.id,
            "event": delivery.event,
            "event_id": delivery.event_id,
            "to": self.url,
            "secret": self.is_new.then_some(self.secret),
            "response_status": status,
            "duration_ms": millis,
        });
        Ok(Output::Text(text, shown))
    }
}
