//! The browser UI as the edge serves it: strict headers, 304s, views that the app routes itself, and HTML for reads
//! only.

use crate::support::{Answer, TestEdge};
use flate2::read::GzDecoder;
use inboxops_edge::{Page, Surface};
use std::io::Read as _;

const INDEX: &str = "<!doctype html><title>InboxOps</title><script src=/app.js></script>";
const PAGES: &[Page] = &[
    ("/index.html", INDEX.as_bytes()),
    ("/app.js", b"console.log('app')"),
    ("/fonts/inter.woff2", b"wOF2"),
    ("/icon.svg", b"<svg/>"),
];

async fn edge() -> TestEdge {
    TestEdge::with(Surface::Public { internal: true }, |settings| settings.pages = PAGES).await
}

fn is_index(answer: &Answer) -> bool {
    answer.status == 200 && answer.header("content-type") == "text/html; charset=utf-8" && answer.text() == INDEX
}

#[tokio::test]
async fn every_view_gets_the_app_and_nothing_else_does() {
    let edge = edge().await;
    for path in ["/", "/login", "/settings/webhooks", "/deliveries/019ab5f0-0000-7000-8000-000000000001", "/tickets/7"]
    {
        assert!(is_index(&edge.get(path).await), "{path}");
        assert!(is_index(&edge.ask("GET", path, &[("accept", "text/html,*/*;q=0.8")], "").await), "{path}");
    }
    for path in
        ["/api/v1/nothing", "/api", "/api/", "/missing.js", "/index.html", "/a/b.c", "/inboxops.v1.TagService/No"]
    {
        let answer = edge.get(path).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &"route_not_found".into()), "{path}");
    }
    let call = edge.get("/inboxops.v1.TagService/ListTags").await;
    assert_eq!((call.status, &call.json()["error"]["code"]), (405, &"method_not_allowed".into()));
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let answer = edge.ask(method, "/settings/webhooks", &[], "").await;
        assert_eq!((answer.status, answer.header("content-type")), (404, "application/json"), "{method}");
    }
    let json = edge.ask("GET", "/tickets", &[("accept", "application/json")], "").await;
    assert_eq!(json.status, 404, "who forgot /api/v1 is told so");
    assert_eq!(edge.get("/healthz").await.text(), "ok\n");
}

#[tokio::test]
async fn pages_are_revalidated_packed_and_confined() {
    let edge = edge().await;
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/fonts/inter.woff2", "font/woff2"),
    ] {
        let plain = edge.get(path).await;
        let of = |name| plain.header(name);
        assert_eq!(
            (plain.status, of("content-type"), of("cache-control"), of("vary")),
            (200, kind, "no-cache", "Accept-Encoding")
        );
        assert_eq!(
            (of("x-content-type-options"), of("referrer-policy"), of("cross-origin-opener-policy")),
            ("nosniff", "no-referrer", "same-origin")
        );
        assert_eq!(
            of("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        );
        let known = edge.ask("GET", path, &[("if-none-match", of("etag"))], "").await;
        assert_eq!((known.status, known.header("etag"), known.body.len()), (304, of("etag"), 0));
        let packed = edge.ask("GET", path, &[("accept-encoding", "gzip")], "").await;
        if path.ends_with("woff2") {
            assert_eq!(packed.header("content-encoding"), "");
            continue;
        }
        let mut text = Vec::new();
        GzDecoder::new(&packed.body[..]).read_to_end(&mut text).expect("gzip");
        assert_eq!((packed.header("content-encoding"), text), ("gzip", plain.body.clone()));
    }
    let head = edge.ask("HEAD", "/login", &[], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(edge.ask("POST", "/app.js", &[], "").await.status, 405);
}

#[tokio::test]
async fn without_pages_there_is_nothing_and_the_docs_keep_their_own_policy() {
    let edge = TestEdge::with(Surface::Public { internal: true }, |settings| settings.pages = &[]).await;
    assert_eq!(edge.get("/").await.status, 404);
    let docs = self::edge().await.get("/api/v1/docs").await;
    assert!(!docs.header("content-security-policy").contains("connect-src"), "the reference asks nobody");
}
