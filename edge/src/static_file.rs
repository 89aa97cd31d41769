//! A document that does not change while the process runs: kept compressed as well, with an entity tag, sent whole or
//! answered with 304.

use crate::compress;
use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};
use inboxops_proto::entity_tag::Condition;
use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, OnceLock},
};

/// The media type of JSON.
pub(crate) const JSON: &str = "application/json";

/// A document that does not change while the process runs.
pub(crate) struct StaticFile {
    plain: Bytes,
    /// Compressed for the first client that accepts gzip; `None` if the format is compressed already.
    packed: OnceLock<Option<Bytes>>,
    kind: HeaderValue,
    etag: HeaderValue,
    headers: HeaderMap,
}

impl StaticFile {
    /// A text.
    pub(crate) fn text(kind: &'static str, text: impl Into<Cow<'static, str>>) -> StaticFile {
        let plain = match text.into() {
            Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
            Cow::Owned(text) => Bytes::from(text),
        };
        let etag = tag(&plain);
        let kind = HeaderValue::from_static(kind);
        StaticFile { plain, packed: OnceLock::new(), kind, etag, headers: HeaderMap::new() }
    }

    /// A built file: compressed at the highest level, unless its format is compressed already.
    pub(crate) fn built(kind: &'static str, bytes: &'static [u8]) -> StaticFile {
        let plain = Bytes::from_static(bytes);
        let is_text = kind.starts_with("text/") || kind.starts_with("application/") || kind == "image/svg+xml";
        let packed = if is_text { compress::gzip_small(&plain) } else { None };
        let etag = tag(&plain);
        let kind = HeaderValue::from_static(kind);
        StaticFile { plain, packed: packed.into(), kind, etag, headers: HeaderMap::new() }
    }

    /// Adds headers to every response, to 304 as well.
    pub(crate) fn with(mut self, headers: &HeaderMap) -> StaticFile {
        self.headers.extend(headers.clone());
        self
    }

    /// A handler that answers every request with this document.
    pub(crate) fn handler(self) -> impl Fn(Request) -> std::future::Ready<Response> + Clone {
        let document = Arc::new(self);
        move |request: Request| std::future::ready(document.answer(request.headers()))
    }

    /// Answers one request.
    pub(crate) fn answer(&self, asked: &HeaderMap) -> Response {
        let always = (self.headers.clone(), [(ETAG, self.etag.clone())]);
        if self.is_known(asked) {
            return (StatusCode::NOT_MODIFIED, always).into_response();
        }
        let kind = [(CONTENT_TYPE, self.kind.clone())];
        let packed = compress::accepts_gzip(asked).then(|| self.packed.get_or_init(|| compress::gzip(&self.plain)));
        match packed {
            Some(Some(packed)) => {
                let packing = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
                (always, kind, packing, Body::from(packed.clone())).into_response()
            }
            _ => (always, kind, Body::from(self.plain.clone())).into_response(),
        }
    }

    /// Whether the client has this version. An unreadable header counts as none.
    fn is_known(&self, asked: &HeaderMap) -> bool {
        let known = Condition::read(asked, &IF_NONE_MATCH).ok().flatten();
        known.is_some_and(|known| known.names(self.etag.as_bytes()))
    }
}

fn tag(bytes: &[u8]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish())).expect("quoted digits are a header")
}
