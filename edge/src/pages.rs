//! The pages of the browser UI: built files that are part of the binary. A path that does not look like a file is a
//! view of the app, which routes it itself. The content of the pages is not known here.

use crate::static_file::StaticFile;
use axum::{Router, extract::Request};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY},
};
use inboxops_proto::rest;
use std::sync::Arc;

/// A built file: its path and its bytes.
pub type Page = (&'static str, &'static [u8]);

/// The files of `ui/dist` at the time of the build.
pub const BUILT: &[Page] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

const INDEX: &str = "/index.html";
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'",
);

/// Adds the pages to the router, and the response for unknown paths.
pub(crate) fn add(mut router: Router, pages: &'static [Page]) -> Router {
    let headers = headers();
    for (path, bytes) in pages.iter().filter(|(path, _)| *path != INDEX) {
        let document = StaticFile::built(kind(path), bytes).with(&headers);
        router = router.route(path, crate::probes::reads().get(document.handler()));
    }
    let Some((_, index)) = pages.iter().find(|(path, _)| *path == INDEX) else {
        return router.fallback(rest::route_not_found);
    };
    let index = Arc::new(StaticFile::built(kind(INDEX), index).with(&headers));
    router.fallback(move |request: Request| {
        let index = index.clone();
        async move {
            if is_view(&request) { index.answer(request.headers()) } else { rest::route_not_found(request).await }
        }
    })
}

/// Whether a request asks for a view of the app. Only reads get HTML, and never a program that wants JSON.
fn is_view(request: &Request) -> bool {
    let path = request.uri().path();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    // Metrics may have a listener of their own; a request for them here must not get a page.
    let of_programs = path == "/api" || path.starts_with("/api/") || path == "/metrics";
    reads && !of_programs && !path.contains('.') && wants_html(request.headers())
}

pub(crate) fn wants_html(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(ACCEPT).iter().peekable();
    given.peek().is_none()
        || given.filter_map(|value| value.to_str().ok()).any(|text| text.contains("text/html") || text.contains("*/*"))
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        // Sources are shown as text.
        "txt" | "py" | "go" | "sh" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// What every page of ours says of itself to a browser.
pub(crate) fn headers() -> HeaderMap {
    const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    HeaderMap::from_iter([
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (VARY, HeaderValue::from_static("Accept-Encoding")),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (OPENER_POLICY, HeaderValue::from_static("same-origin")),
    ])
}
