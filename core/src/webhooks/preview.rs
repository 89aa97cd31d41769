//! The preview of an event: the bytes and headers that a test would send now, with secrets masked. It sends and writes
//! nothing.

use super::{Webhooks, endpoint_id, headers, samples};
use crate::{
    caller::Caller,
    error::{Error, Result},
    events::Kind,
    store::{self, endpoints::Endpoint},
};
use inboxops_proto::{
    id::DeliveryId,
    reason::Reason,
    v1::{self, PreviewHeader},
};
use url::{Position, Url};

/// The replacement of a secret.
const MASK: &str = "***";

impl Webhooks {
    pub(super) async fn preview(
        &self,
        caller: &Caller,
        request: v1::PreviewEventRequest,
    ) -> Result<v1::PreviewEventResponse> {
        let kind = request.event.as_deref().and_then(Kind::from_name).ok_or(Error::Broken("the gate checks events"))?;
        let stamp = self.stamps.stamp();
        let scope = caller.scope()?;
        let endpoint = match request.endpoint_id.as_deref().map(endpoint_id).transpose()? {
            Some(id) => {
                let mut read = self.db.read(scope.clone()).await?;
                let mut endpoint =
                    store::endpoints::get(&mut read, id).await?.ok_or(Error::from(Reason::EndpointNotFound))?;
                endpoint.pass_time(stamp.at);
                Some(endpoint)
            }
            None => None,
        };
        let mut ids = stamp.ids();
        let mut event = samples::render(kind, scope.tenant(), stamp.at, &caller.actor(), &mut ids)?;
        if endpoint.as_ref().is_some_and(|endpoint| endpoint.thin) {
            event.body = self.dispatcher.thin().of(&event.body)?;
        }
        let host = endpoint.as_ref().and_then(|endpoint| Url::parse(&endpoint.url).ok());
        let host = host.map(|url| url[Position::BeforeHost..Position::AfterPort].to_owned());
        let delivery = match &endpoint {
            Some(endpoint) => store::events::delivery_id(event.id, endpoint.id),
            None => ids.next(DeliveryId::new),
        };
        let mut list = vec![
            ("host", host.unwrap_or_else(|| "example.com".to_owned())),
            ("user-agent", "InboxOps-Webhooks/1.0".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        let custom = match &endpoint {
            Some(endpoint) => {
                headers::open(endpoint.headers.as_ref(), (endpoint.tenant, endpoint.id), &self.master_key)?
            }
            None => headers::Headers::new(),
        };
        list.extend(custom.iter().map(|(name, _)| (name.as_str(), MASK.to_owned())));
        list.extend([
            ("content-length", event.body.len().to_string()),
            ("webhook-id", event.id.to_string()),
            ("webhook-timestamp", stamp.at.secs().to_string()),
            ("webhook-signature", signatures(endpoint.as_ref())),
            ("x-inboxops-signature", format!("sha256={MASK}")),
            ("x-inboxops-event", kind.name().to_owned()),
            ("x-inboxops-delivery", delivery.to_string()),
            ("x-inboxops-attempt", "1".to_owned()),
        ]);
        let headers =
            list.into_iter().map(|(name, value)| PreviewHeader { name: name.to_ascii_lowercase(), value }).collect();
        Ok(v1::PreviewEventResponse { body: event.body, headers })
    }
}

/// A signature for each secret that signs now.
fn signatures(endpoint: Option<&Endpoint>) -> String {
    match endpoint.and_then(|endpoint| endpoint.other_secret.as_ref()) {
        Some(_) => format!("v1,{MASK} v1,{MASK}"),
        None => format!("v1,{MASK}"),
    }
}
