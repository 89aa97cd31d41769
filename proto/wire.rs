//! What is sent between processes beside the messages: names of metadata, the allow-lists of both directions, and the
//! origin of a request. It knows no noun.

use crate::{
    failure::Failure,
    gate::Undecodable,
    trace::{Parent, TRACEPARENT},
};
use http::{HeaderMap, HeaderName, header};
use std::{net::IpAddr, time::Duration};
use tonic::{
    Extensions, Request,
    metadata::{MetadataMap, MetadataValue},
};

/// Token that makes an edge's origin and marker trusted.
pub const EDGE_TOKEN: &str = "inboxops-edge-token";
/// Origin of a request, as an edge determined it.
pub const ORIGIN: &str = "inboxops-origin-bin";
/// The edge's undecodable marker: an encoded `google.rpc.Status`.
pub const UNDECODABLE: &str = "inboxops-undecodable-bin";
/// The tenant of a call with a service token.
pub const TENANT: &str = "x-inboxops-tenant";
/// Id of a request in responses and logs.
pub const REQUEST_ID: &str = "x-request-id";
/// The idempotency key of a write.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Marks a response as the answer to an earlier call with the same idempotency key.
pub const IDEMPOTENCY_REPLAYED: &str = "idempotency-replayed";

/// Request headers that reach the core; all others are dropped. `host` or `connection` would break the call. What a
/// client says about its trace ends at the edge, which has a `traceparent` of its own.
pub static REQUEST_HEADERS: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static(IDEMPOTENCY_KEY),
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    HeaderName::from_static(TENANT),
];
/// Response metadata that becomes HTTP headers.
pub static RESPONSE_HEADERS: [HeaderName; 7] = [
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-reset"),
    HeaderName::from_static(IDEMPOTENCY_REPLAYED),
    header::SET_COOKIE,
];

/// Transport of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// JSON over HTTP.
    Rest,
    /// gRPC.
    Grpc,
    /// grpc-web.
    GrpcWeb,
    /// The socket in the data folder, which only the operator can open.
    Local,
}

/// Where a request came from. The listener determines it, so a client cannot forge it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Address of the client; `None` on the local socket.
    pub peer: Option<IpAddr>,
    pub way: Way,
    pub request_id: String,
    /// Whether a browser sent it from our own pages.
    pub same_origin: bool,
    /// Whether the connection is encrypted all the way from the client, as far as the listener can know.
    pub secure: bool,
}

impl Origin {
    fn encode(&self) -> String {
        let peer = self.peer.map(|peer| peer.to_string()).unwrap_or_default();
        let way = match self.way {
            Way::Rest => "rest",
            Way::Grpc => "grpc",
            Way::GrpcWeb => "grpc-web",
            // A remote edge has no local socket; it never claims one.
            Way::Local => "grpc",
        };
        format!("{peer} {way} {} {} {}", u8::from(self.same_origin), u8::from(self.secure), self.request_id)
    }

    fn decode(text: &str) -> Option<Origin> {
        let mut parts = text.splitn(5, ' ');
        let peer = parts.next()?.parse().ok();
        let way = match parts.next()? {
            "rest" => Way::Rest,
            "grpc" => Way::Grpc,
            "grpc-web" => Way::GrpcWeb,
            _ => return None,
        };
        let same_origin = parts.next()? == "1";
        let secure = parts.next()? == "1";
        Some(Origin { peer, way, request_id: parts.next()?.to_owned(), same_origin, secure })
    }
}

/// Copies the headers of [`REQUEST_HEADERS`] into the metadata of a call.
pub fn request_metadata(headers: &HeaderMap) -> MetadataMap {
    let mut picked = HeaderMap::with_capacity(REQUEST_HEADERS.len());
    pick(headers, &REQUEST_HEADERS, &mut picked);
    MetadataMap::from_headers(picked)
}

/// Copies the metadata of [`RESPONSE_HEADERS`] into the headers of a response.
pub fn response_headers(metadata: &MetadataMap, into: &mut HeaderMap) {
    pick(metadata.as_ref(), &RESPONSE_HEADERS, into);
}

/// Comparing the few present names with the few allowed ones costs less than a look-up for each of the latter.
fn pick(headers: &HeaderMap, names: &[HeaderName], into: &mut HeaderMap) {
    for (name, value) in headers.iter().filter(|(name, _)| names.contains(name)) {
        into.append(name.clone(), value.clone());
    }
}

/// Prepares a call to a core in another process: allowed metadata only, and the values that in-process calls have in
/// their extensions. `token` is the edge's or worker's own service token; an empty one is left out.
pub fn outgoing<T>(request: &mut Request<T>, token: &MetadataValue<tonic::metadata::Ascii>) {
    let mut metadata = request_metadata(request.metadata().as_ref());
    if let Some(timeout) = request.metadata().get("grpc-timeout") {
        metadata.insert("grpc-timeout", timeout.clone());
    }
    // The local socket needs none: only the operator can open it.
    if !token.is_empty() {
        metadata.insert(EDGE_TOKEN, token.clone());
    }
    if let Some(origin) = request.extensions().get::<Origin>() {
        metadata.insert_bin(ORIGIN, MetadataValue::from_bytes(origin.encode().as_bytes()));
    }
    if let Some(Undecodable(failure)) = request.extensions().get::<Undecodable>() {
        metadata.insert_bin(UNDECODABLE, MetadataValue::from_bytes(failure.status().details()));
    }
    if let Some(parent) = request.extensions().get::<Parent>()
        && let Ok(value) = parent.context().to_string().parse()
    {
        metadata.insert(TRACEPARENT, value);
    }
    *request.metadata_mut() = metadata;
}

/// Takes the origin and the marker from a trusted edge. Call it only after its [`EDGE_TOKEN`] was verified.
pub fn incoming(metadata: &MetadataMap, extensions: &mut Extensions) {
    let bytes = |name| metadata.get_bin(name).and_then(|value| value.to_bytes().ok());
    if let Some(origin) = bytes(ORIGIN).and_then(|bytes| Origin::decode(std::str::from_utf8(&bytes).ok()?)) {
        extensions.insert(origin);
    }
    if let Some(details) = bytes(UNDECODABLE) {
        extensions.insert(Undecodable(Failure::of_details(&details)));
    }
}

/// The remaining time of `grpc-timeout`.
pub fn timeout(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}
