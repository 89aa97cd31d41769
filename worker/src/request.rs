//! Builds the signed HTTP request of a delivery. Pure: it opens nothing, and the time is an argument.

use crate::signature::{BadSecrets, Signer};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use inboxops_proto::{
    address::{self, AllowPrivate, Refusal, Target},
    clock::Timestamp,
    custom_header,
    internal::v1::{EndpointConfig, Payload, RecordedHeader},
};
use url::Position;
use uuid::Uuid;

/// `User-Agent` of every request.
pub const USER_AGENT: &str = "InboxOps-Webhooks/1.0";
/// Replaces a secret in recorded headers.
pub const MASK: &str = "***";

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const SIGNATURE: HeaderName = HeaderName::from_static("x-inboxops-signature");
const EVENT: HeaderName = HeaderName::from_static("x-inboxops-event");
const DELIVERY: HeaderName = HeaderName::from_static("x-inboxops-delivery");
const ATTEMPT: HeaderName = HeaderName::from_static("x-inboxops-attempt");

/// The parts of an endpoint that are prepared once for all its deliveries.
pub struct Endpoint {
    target: Target,
    host: HeaderValue,
    /// Path and query, for HTTP/1.1.
    path: Uri,
    /// The whole URL, for HTTP/2.
    url: Uri,
    signer: Signer,
    /// The headers that are the same in every request.
    template: HeaderMap,
    /// Names of the customer's own headers; their values are secret.
    custom: Vec<HeaderName>,
}

/// Why an endpoint cannot be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Its URL is refused; the receiver's owner must change it.
    #[error("The URL {0}.")]
    Refused(#[from] Refusal),
    /// Its secrets are damaged, which is a fault on our side.
    #[error("{0}")]
    Secrets(#[from] BadSecrets),
}

/// An event, prepared for any number of endpoints.
pub struct Event {
    id: String,
    id_value: HeaderValue,
    name: HeaderValue,
    body: Bytes,
}

/// A request that is ready to send.
#[derive(Clone, Debug)]
pub struct SignedRequest {
    /// All headers, `Host` included.
    pub headers: HeaderMap,
    /// The bytes that were signed.
    pub body: Bytes,
}

impl Event {
    /// Prepares a payload; `None` if its id or name cannot be a header value.
    pub fn new(payload: Payload) -> Option<Event> {
        let id = Uuid::from_slice(&payload.event_id).ok()?.to_string();
        Some(Event {
            id_value: HeaderValue::from_str(&id).ok()?,
            id,
            name: HeaderValue::try_from(payload.event).ok()?,
            body: payload.body,
        })
    }
}

impl Endpoint {
    /// Prepares a configuration.
    ///
    /// # Errors
    /// If its URL is refused or its secrets cannot sign. Custom headers that would replace ours are dropped: the core
    /// accepts none, so such a header is older than that rule.
    pub fn new(config: &EndpointConfig, allow: AllowPrivate) -> Result<Endpoint, Unusable> {
        let target = address::check_url(&config.url, allow)?;
        let signer = Signer::new(&config.secrets)?;
        let url = target.url();
        let uri = |text: &str| Uri::try_from(text).map_err(|_| Refusal::Malformed);
        let path = uri(&url[Position::BeforePath..Position::AfterQuery])?;
        let whole = uri(url.as_str())?;
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let host = HeaderValue::from_str(host).map_err(|_| Refusal::Malformed)?;

        let mut template = HeaderMap::with_capacity(11 + config.headers.len());
        template.insert(header::HOST, host.clone());
        template.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        template.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut custom = Vec::new();
        for given in config.headers.iter().take(custom_header::HEADERS_MAX) {
            let name =
                custom_header::check_name(&given.name).ok().and_then(|()| HeaderName::try_from(&given.name).ok());
            let value =
                custom_header::check_value(&given.value).ok().and_then(|()| HeaderValue::from_str(&given.value).ok());
            if let (Some(name), Some(value)) = (name, value) {
                template.append(name.clone(), value);
                custom.push(name);
            }
        }
        Ok(Endpoint { target, host, path, url: whole, signer, template, custom })
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    pub fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// The request target of HTTP/1.1.
    pub fn path(&self) -> &Uri {
        &self.path
    }

    /// The URL from which HTTP/2 makes its pseudo-headers.
    pub fn url(&self) -> &Uri {
        &self.url
    }

    /// The request of one attempt, signed with the time of the attempt.
    pub fn sign(&self, event: &Event, delivery: Uuid, attempt: u32, at: Timestamp) -> SignedRequest {
        let timestamp = at.secs();
        let signatures = self.signer.sign(&event.id, timestamp, &event.body);
        let mut delivery_id = [0; uuid::fmt::Hyphenated::LENGTH];
        let delivery_id: &str = delivery.hyphenated().encode_lower(&mut delivery_id);

        let mut headers = self.template.clone();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(event.body.len()));
        headers.insert(WEBHOOK_ID, event.id_value.clone());
        headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(timestamp));
        insert(&mut headers, WEBHOOK_SIGNATURE, &signatures.standard);
        insert(&mut headers, SIGNATURE, &signatures.ours);
        headers.insert(EVENT, event.name.clone());
        insert(&mut headers, DELIVERY, delivery_id);
        headers.insert(ATTEMPT, HeaderValue::from(attempt));
        SignedRequest { headers, body: event.body.clone() }
    }

    /// The headers for the record: the customer's own without their values.
    pub fn recorded(&self, signed: &SignedRequest) -> Vec<RecordedHeader> {
        let value = |name: &HeaderName, value: &HeaderValue| {
            if self.custom.contains(name) {
                MASK.to_owned()
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            }
        };
        let headers = signed.headers.iter();
        headers.map(|(name, v)| RecordedHeader { name: name.as_str().to_owned(), value: value(name, v) }).collect()
    }
}

/// For values that consist of digits, letters and base64 characters only.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests;
