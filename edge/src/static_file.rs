//! A document that does not change while the process runs: stored compressed, with an entity tag, sent whole or
//! answered with 304.

use crate::compress;
use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};
use inboxops_proto::entity_tag::Condition;
use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Read as _,
    sync::{Arc, OnceLock},
};

/// The media type of JSON.
pub(crate) const JSON: &str = "application/json";

/// A document that does not change while the process runs.
pub(crate) struct StaticFile {
    /// Decompressed for the first client that does not accept gzip, if the document was given compressed.
    plain: OnceLock<Bytes>,
    packed: Option<Bytes>,
    kind: HeaderValue,
    etag: HeaderValue,
    headers: HeaderMap,
}

impl StaticFile {
    /// A text.
    pub(crate) fn text(kind: &'static str, text: impl Into<Bytes>) -> StaticFile {
        let plain = text.into();
        let etag = tag(&plain);
        let packed = compress::gzip(&plain);
        StaticFile {
            plain: plain.into(),
            packed,
            kind: HeaderValue::from_static(kind),
            etag,
            headers: HeaderMap::new(),
        }
    }

    /// A built file: compressed at the highest level, unless its format is compressed already.
    pub(crate) fn built(kind: &'static str, bytes: &'static [u8]) -> StaticFile {
        let plain = Bytes::from_static(bytes);
        let is_text = kind.starts_with("text/") || kind.starts_with("application/") || kind == "image/svg+xml";
        let packed = if is_text { compress::gzip_small(&plain) } else { None };
        let etag = tag(&plain);
        let kind = HeaderValue::from_static(kind);
        StaticFile { plain: plain.into(), packed, kind, etag, headers: HeaderMap::new() }
    }

    /// A file that is already compressed with gzip.
    pub(crate) fn packed(kind: &'static str, packed: &'static [u8]) -> StaticFile {
        StaticFile {
            plain: OnceLock::new(),
            packed: Some(Bytes::from_static(packed)),
            kind: HeaderValue::from_static(kind),
            etag: tag(packed),
            headers: HeaderMap::new(),
        }
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
        match &self.packed {
            Some(packed) if compress::accepts_gzip(asked) => {
                let packing = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
                (always, kind, packing, Body::from(packed.clone())).into_response()
            }
            _ => (always, kind, Body::from(self.plain())).into_response(),
        }
    }

    fn plain(&self) -> Bytes {
        let unpack = || {
            let mut plain = Vec::new();
            let read = GzDecoder::new(self.packed.as_deref().unwrap_or_default()).read_to_end(&mut plain);
            read.expect("what the build packed is whole");
            Bytes::from(plain)
        };
        self.plain.get_or_init(unpack).clone()
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
