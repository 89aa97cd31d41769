//! Headers that every response has, whichever handler made it.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, VARY, X_CONTENT_TYPE_OPTIONS},
};
use inboxops_proto::wire::REQUEST_ID;

const REQUEST_ID_NAME: HeaderName = HeaderName::from_static(REQUEST_ID);
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
