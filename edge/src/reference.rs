//! The documents of the API: OpenAPI in both versions, and the reference page. The page is HTML that the contract's build
//! made, with the list of errors, which every error's `doc_url` points to. This process serves all of it, and the page's
//! policy allows no other origin.

mod errors;

use crate::{
    probes::reads,
    static_file::{JSON, StaticFile},
};
use axum::Router;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY},
};
use inboxops_proto::documents::Documents;

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);
const REVALIDATE: HeaderValue = HeaderValue::from_static("public, no-cache");

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The URL in the page of a server that does not know its own; a script puts that of the page in its place.
const ANY_URL: &str = "http://127.0.0.1:8080";

/// The documents, the page and its files.
pub(crate) fn routes(documents: &Documents) -> Router {
    let page = headers();
    let files = [
        ("/api/v1/openapi.json", StaticFile::text(JSON, documents.openapi.clone())),
        ("/api/v1/openapi-3.0.json", StaticFile::text(JSON, documents.openapi_3_0.clone())),
        ("/api/v1/docs", StaticFile::text(HTML, html(documents)).with(&page)),
        ("/api/v1/docs/page.css", StaticFile::text(STYLE, include_str!("../assets/docs/page.css")).with(&page)),
        ("/api/v1/docs/page.js", StaticFile::text(SCRIPT, include_str!("../assets/docs/page.js")).with(&page)),
    ];
    let mut router = Router::new();
    for (path, file) in files {
        router = router.route(path, reads().get(file.handler()));
    }
    router
}

fn html(documents: &Documents) -> String {
    let url = match &documents.url {
        Some(url) => format!("<span>{}</span>", errors::prose(url)),
        None => format!("<span data-origin>{ANY_URL}</span>"),
    };
    // What is put in last may contain braces.
    include_str!("../assets/docs/page.html")
        .replace("{url}", &url)
        .replace("{errors}", &errors::reasons())
        .replace("{details}", &errors::detail_codes())
        .replace("{menu}", documents.menu)
        .replace("{reference}", documents.reference)
}

fn headers() -> HeaderMap {
    const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    HeaderMap::from_iter([
        (CACHE_CONTROL, REVALIDATE),
        (VARY, HeaderValue::from_static("Accept-Encoding")),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (OPENER_POLICY, HeaderValue::from_static("same-origin")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_the_url_of_its_server() {
        let known = html(&Documents::at(Some("https://desk.example/")));
        assert!(known.contains("export INBOXOPS_URL=<span>https://desk.example</span>\n"));
        let unknown = html(&Documents::at(None));
        assert!(unknown.contains("export INBOXOPS_URL=<span data-origin>"), "a script puts in that of the page");
    }
}
