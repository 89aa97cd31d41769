//! What the door answers by itself: the OpenAPI document and the probes. None of it needs a key or counts against a
//! rate limit.

use crate::{Settings, compress};
use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
    routing::MethodRouter,
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};
use inboxops_proto::{failure::Failure, reason::Reason, rest};
use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

/// The OpenAPI document.
pub(crate) fn openapi(text: &'static str) -> Router {
    let document = Arc::new(Document::new(text));
    let answer = move |request: Request| std::future::ready(document.answer(request.headers()));
    Router::new().route("/api/v1/openapi.json", reads().get(answer))
}

/// Whether the process lives, and whether it can answer.
pub(crate) fn probes(settings: &Settings) -> Router {
    let ready = settings.ready.clone();
    let readiness =
        move |request: Request| std::future::ready(if ready() { probe("ready\n") } else { unready(request) });
    Router::new()
        .route("/healthz", reads().get(|| std::future::ready(probe("ok\n"))))
        .route("/readyz", reads().get(readiness))
}

fn reads() -> MethodRouter {
    rest::methods("GET, HEAD, OPTIONS")
}

fn probe(text: &'static str) -> Response {
    ([(CACHE_CONTROL, "no-store")], text).into_response()
}

fn unready(request: Request) -> Response {
    rest::refuse(&request.into_parts().0, &Failure::new(Reason::ServiceUnavailable))
}

struct Document {
    plain: Bytes,
    packed: Option<Bytes>,
    etag: HeaderValue,
}

impl Document {
    fn new(text: &'static str) -> Document {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Document {
            plain: Bytes::from_static(text.as_bytes()),
            packed: compress::gzip(text.as_bytes()),
            etag: HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish())).expect("quoted digits are a header"),
        }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let etag = [(ETAG, self.etag.clone())];
        if self.is_known(headers) {
            return (StatusCode::NOT_MODIFIED, etag).into_response();
        }
        let kind = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        match &self.packed {
            Some(packed) if compress::accepts_gzip(headers) => {
                let packing = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
                (etag, kind, packing, Body::from(packed.clone())).into_response()
            }
            _ => (etag, kind, Body::from(self.plain.clone())).into_response(),
        }
    }

    /// Weak comparison, as RFC 9110 §13.1.2 asks for `If-None-Match`.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        let given = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        given.flat_map(|value| value.split(',')).any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == self.etag.as_bytes()
        })
    }
}
