//! The guides at `/docs`: pages that the build made (`edge/guides`), with the policy of the browser UI's pages. What
//! they say is not known here.

use crate::{
    pages::{headers, wants_html},
    probes::reads,
    static_file::StaticFile,
};
use axum::{
    Router,
    extract::Request,
    response::{IntoResponse as _, Response},
    routing,
};
use http::{HeaderMap, Method, StatusCode, header};
use inboxops_proto::{reason::Reason, rest};
use std::sync::Arc;

/// Address, media type and content of each file; the one without an address is the page for unknown addresses.
const BUILT: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/guides.rs"));

/// The guides and their files.
pub(crate) fn routes() -> Router {
    let with = headers();
    let mut router = Router::new();
    let mut missing = StaticFile::text("text/plain; charset=utf-8", "").with(&with);
    for (address, kind, bytes) in BUILT.iter().copied() {
        let file = StaticFile::built(kind, bytes).with(&with);
        if address.is_empty() {
            missing = file;
        } else {
            router = router.route(address, reads().get(file.handler()));
        }
    }
    let missing = Arc::new(missing);
    let other = move |request: Request| {
        let missing = missing.clone();
        async move { unknown(&missing, request).await }
    };
    router.route("/docs/", routing::any(other.clone())).route("/docs/{*rest}", routing::any(other))
}

/// Answers for an address that no guide has: a reader who added a slash is led to the guide, others see the navigation.
async fn unknown(missing: &StaticFile, request: Request) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads || !wants_html(request.headers()) {
        return rest::route_not_found(request).await;
    }
    let path = request.uri().path();
    let meant = path.trim_end_matches('/');
    if meant.len() < path.len() && BUILT.iter().any(|(address, ..)| *address == meant) {
        let to = match request.uri().query() {
            Some(query) => format!("{meant}?{query}"),
            None => meant.to_owned(),
        };
        return (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, to)]).into_response();
    }
    let mut response = missing.answer(&HeaderMap::new());
    *response.status_mut() = StatusCode::from_u16(Reason::RouteNotFound.http_status()).unwrap_or_default();
    response.headers_mut().remove(header::ETAG);
    response
}
