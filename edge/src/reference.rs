//! The API reference: Swagger UI over the OpenAPI document, where a reader can enter a key and try calls, and the list
//! of errors, which every error's `doc_url` points to. This process serves all of it, and the page's policy allows no
//! other origin.

mod errors;

use crate::{probes::reads, static_file::StaticFile};
use axum::Router;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY},
};

/// Version of Swagger UI under `edge/assets/swagger-ui`. It is part of the file names, so that a browser may cache
/// them.
const SWAGGER_UI: &str = "5.35.0";
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// For names whose content never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const REVALIDATE: HeaderValue = HeaderValue::from_static("public, no-cache");

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// The page and its files.
pub(crate) fn routes() -> Router {
    let page = headers(REVALIDATE);
    let kept = headers(FOR_EVER);
    let documents = [
        ("/api/v1/docs".to_owned(), StaticFile::text(HTML, html()).with(&page)),
        (
            "/api/v1/docs/page.css".to_owned(),
            StaticFile::text(STYLE, include_str!("../assets/docs/page.css")).with(&page),
        ),
        (
            "/api/v1/docs/page.js".to_owned(),
            StaticFile::text(SCRIPT, include_str!("../assets/docs/page.js")).with(&page),
        ),
        ("/api/v1/docs/licences.txt".to_owned(), StaticFile::text(TEXT, licences()).with(&page)),
        (
            swagger_ui("js"),
            StaticFile::packed(SCRIPT, include_bytes!("../assets/swagger-ui/swagger-ui-bundle.js.gz")).with(&kept),
        ),
        (
            swagger_ui("css"),
            StaticFile::packed(STYLE, include_bytes!("../assets/swagger-ui/swagger-ui.css.gz")).with(&kept),
        ),
    ];
    let mut router = Router::new();
    for (path, document) in documents {
        router = router.route(&path, reads().get(document.handler()));
    }
    router
}

fn swagger_ui(kind: &str) -> String {
    format!("/api/v1/docs/swagger-ui-{SWAGGER_UI}.{kind}")
}

fn html() -> String {
    include_str!("../assets/docs/page.html")
        .replace("{version}", SWAGGER_UI)
        .replace("{errors}", &errors::reasons())
        .replace("{details}", &errors::detail_codes())
}

/// The licence texts that must accompany Swagger UI in this binary.
fn licences() -> String {
    [
        include_str!("../assets/swagger-ui/NOTICE"),
        include_str!("../assets/swagger-ui/LICENSE"),
        include_str!("../assets/swagger-ui/swagger-ui-bundle.js.LICENSE.txt"),
    ]
    .join("\n\n")
}

fn headers(caching: HeaderValue) -> HeaderMap {
    const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    HeaderMap::from_iter([
        (CACHE_CONTROL, caching),
        (VARY, HeaderValue::from_static("Accept-Encoding")),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (OPENER_POLICY, HeaderValue::from_static("same-origin")),
    ])
}
