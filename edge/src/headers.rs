//! Headers that every response has, whichever handler made it, and the size of those of a request.

use crate::HEADER_BLOCK_MAX_BYTES;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Version,
    header::{CACHE_CONTROL, VARY, X_CONTENT_TYPE_OPTIONS},
};
use inboxops_proto::wire::REQUEST_ID;

/// What HTTP/2 adds to each field when it counts the size of a header list (RFC 9113 §6.5.2).
const FIELD_BYTES: usize = 32;

const REQUEST_ID_NAME: HeaderName = HeaderName::from_static(REQUEST_ID);
const ACCEL_BUFFERING_NAME: HeaderName = HeaderName::from_static("x-accel-buffering");
const UNBUFFERED: HeaderValue = HeaderValue::from_static("no");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const VARIES: HeaderValue = HeaderValue::from_static("Accept, Accept-Encoding, Authorization");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Adds the headers. A response keeps its own `Cache-Control`.
pub(crate) fn finish(headers: &mut HeaderMap, reads: bool, request_id: &str) {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID_NAME, id);
    }
    headers.entry(CACHE_CONTROL).or_insert(if reads { REVALIDATE } else { NO_STORE });
    headers.entry(VARY).or_insert(VARIES);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
}

/// Keeps nginx from collecting the response of grpc-web, which may be a stream, before it passes it on.
pub(crate) fn pass_at_once(headers: &mut HeaderMap) {
    headers.insert(ACCEL_BUFFERING_NAME, UNBUFFERED);
}

/// Whether an HTTP/2 request has larger headers than we accept. Those of HTTP/1.1 are bounded while they are read.
pub(crate) fn are_too_large<B>(request: &Request<B>) -> bool {
    if request.version() != Version::HTTP_2 {
        return false;
    }
    let uri = request.uri();
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let fields = request.headers().iter().map(|(name, value)| FIELD_BYTES + name.as_str().len() + value.len());
    path + authority + fields.sum::<usize>() > HEADER_BLOCK_MAX_BYTES
}
