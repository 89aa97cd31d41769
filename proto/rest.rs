//! The run-time part of the generated REST routes: HTTP request to message, message to HTTP response. It knows no noun.
//! A request that cannot be decoded still makes its call, with the failure attached, so that the gate answers in the
//! right order: credentials before syntax.

pub mod body;
mod decode;
mod error;
pub mod lines;
pub mod link;
pub mod query;
pub mod shape;
pub mod stream;

pub(crate) use decode::is_json;
pub use decode::{Body, from_body, from_optional_body};
pub(crate) use error::value as error_value;
pub use error::{DOC_URL, failure};

use crate::{
    entity_tag::Condition,
    failure::Failure,
    gate::{Called, Undecodable},
    reason::{NO_CONTENT, NOT_MODIFIED, Reason},
    trace::Parent,
    wire::{self, Origin},
};
use axum::{extract::Request, response::Response, routing::MethodRouter};
use http::{HeaderValue, StatusCode, Uri, header, request::Parts};
use serde::Serialize;
use tonic::{Status, metadata::MetadataMap};

/// Initial size of a response's buffer.
const ANSWER_START_BYTES: usize = 960;

/// A request message as far as it could be decoded, and the failure that stopped the decoding.
pub struct Input<T> {
    pub message: T,
    /// The failure, if there was one.
    pub failure: Option<Failure>,
}

impl<T> Input<T> {
    /// Adds the failure of another part of the request; the one of the earlier step is answered.
    pub fn also(&mut self, failure: Option<Failure>) {
        let step = |failure: &Failure| match failure.reason {
            Reason::UnsupportedMediaType => 0,
            Reason::MalformedJson => 1,
            Reason::ValidationFailed => 3,
            _ => 2,
        };
        self.failure = match (self.failure.take(), failure) {
            (Some(one), Some(other)) => Some(if step(&other) < step(&one) { other } else { one }),
            (one, other) => one.or(other),
        };
    }
}

/// Reads the query into a request.
pub fn from_query<T: query::Query>(uri: &Uri) -> Input<T> {
    let mut message = T::default();
    let failure = uri.query().and_then(|text| query::read(&mut message, text));
    Input { message, failure }
}

/// A path parameter: segment `index` of the path, decoded. One that is not UTF-8 names nothing, as it should.
pub fn segment(uri: &Uri, index: usize) -> String {
    let raw = uri.path().split('/').nth(index).unwrap_or_default();
    percent_encoding::percent_decode_str(raw).decode_utf8_lossy().into_owned()
}

/// The parts of the request that the response depends on.
pub struct Context {
    request_id: String,
    uri: Uri,
    public_url: Option<link::PublicUrl>,
    none_match: Option<Condition>,
    has_body: bool,
}

/// The call of a request: allowed metadata, its origin, and the failure for the gate.
pub fn call<T>(mut parts: Parts, input: Input<T>, has_body: bool) -> (Context, tonic::Request<T>) {
    let mut request = tonic::Request::new(input.message);
    *request.metadata_mut() = wire::request_metadata(&parts.headers);
    let origin = parts.extensions.remove::<Origin>();
    let request_id = origin.as_ref().map(|origin| origin.request_id.clone()).unwrap_or_default();
    if let Some(origin) = origin {
        request.extensions_mut().insert(origin);
    }
    let trace = parts.extensions.remove::<Parent>();
    if let Some(called) = parts.extensions.remove::<Called>() {
        if trace.is_some() {
            called.at(&parts.extensions);
        }
        request.extensions_mut().insert(called);
    }
    if let Some(trace) = trace {
        request.extensions_mut().insert(trace);
    }
    if let Some(failure) = input.failure {
        request.extensions_mut().insert(Undecodable(failure));
    }
    let none_match = match parts.method {
        // The gate has refused malformed conditions.
        http::Method::GET | http::Method::HEAD => {
            Condition::read(&parts.headers, &header::IF_NONE_MATCH).ok().flatten()
        }
        _ => None,
    };
    let public_url = parts.extensions.remove::<link::PublicUrl>();
    (Context { request_id, uri: parts.uri, public_url, none_match, has_body }, request)
}

impl Context {
    /// The response of a successful call.
    pub fn answer<T: Serialize>(
        &self,
        status: u16,
        metadata: &MetadataMap,
        message: &T,
        etag: Option<String>,
        location: Option<String>,
    ) -> Response {
        let value = |text: String| HeaderValue::try_from(text).ok();
        let etag = etag.and_then(value);
        let mut answer = match &etag {
            Some(etag) if self.has_already(etag) => self.empty(NOT_MODIFIED, metadata),
            _ => match json(status, message) {
                Ok(mut answer) => {
                    wire::response_headers(metadata, answer.headers_mut());
                    answer
                }
                Err(error) => {
                    let request_id = &self.request_id;
                    tracing::error!(request_id, %error, "the answer to request {request_id} has no JSON form");
                    return failure(&Failure::new(Reason::InternalError), &self.request_id);
                }
            },
        };
        answer.headers_mut().extend(etag.map(|etag| (header::ETAG, etag)));
        answer.headers_mut().extend(location.and_then(value).map(|location| (header::LOCATION, location)));
        answer
    }

    /// The response of a successful call without a body.
    pub fn empty(&self, status: u16, metadata: &MetadataMap) -> Response {
        let mut answer = Response::new(axum::body::Body::empty());
        *answer.status_mut() = status_code(status);
        wire::response_headers(metadata, answer.headers_mut());
        answer
    }

    /// The response of a failed call.
    pub fn refuse(&self, status: &Status) -> Response {
        error::of_status(status, &self.request_id, self.has_body)
    }

    fn has_already(&self, etag: &HeaderValue) -> bool {
        self.none_match.as_ref().is_some_and(|known| known.names(etag.as_bytes()))
    }
}

fn json<T: Serialize>(status: u16, message: &T) -> Result<Response, serde_json::Error> {
    let mut text = Vec::with_capacity(ANSWER_START_BYTES);
    serde_json::to_writer(&mut text, message)?;
    let mut answer = Response::new(axum::body::Body::from(text));
    *answer.status_mut() = status_code(status);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(answer)
}

/// The numbers come from `reason.rs` and from the protos, whose statuses the build checks.
pub(crate) fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Refuses a request that gets no further than the edge.
pub fn refuse(parts: &Parts, why: &Failure) -> Response {
    failure(why, parts.extensions.get::<Origin>().map_or("", |origin| &origin.request_id))
}

/// A route that answers OPTIONS and every method that is not added to it; `allow` lists the added ones.
pub fn methods(allow: &'static str) -> MethodRouter {
    let with_allow = move |mut answer: Response| {
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        answer
    };
    MethodRouter::new()
        .options(move || {
            let mut answer = Response::new(axum::body::Body::empty());
            *answer.status_mut() = status_code(NO_CONTENT);
            std::future::ready(with_allow(answer))
        })
        .fallback(
            move |request: Request| async move { with_allow(refuse_unread(request, Reason::MethodNotAllowed).await) },
        )
}

/// The fallback of a server with these routes: nothing exists at the path.
pub async fn route_not_found(request: Request) -> Response {
    refuse_unread(request, Reason::RouteNotFound).await
}

/// Refuses without parsing the body, which is read and discarded: a connection with an unread request is closed, and
/// the client's next request on it would fail.
async fn refuse_unread(request: Request, reason: Reason) -> Response {
    let (parts, body) = request.into_parts();
    body::discard(&parts.headers, body).await;
    refuse(&parts, &Failure::new(reason))
}
