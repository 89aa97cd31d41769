//! Properties of every response: an id, headers, one form of error, gzip where it is worthwhile.

use crate::support::TestEdge;

#[tokio::test]
async fn every_answer_carries_the_common_headers() {
    let edge = TestEdge::open().await;
    for (method, path) in [
        ("GET", "/origin"),
        ("POST", "/origin"),
        ("GET", "/api/nothing/here"),
        ("GET", "/panic"),
        ("POST", "/api/v1/tickets"),
        ("GET", "/healthz"),
        ("POST", "/healthz"),
        ("OPTIONS", "/healthz"),
        ("GET", "/api/v1/openapi.json"),
    ] {
        let answer = edge.ask(method, path, &[], "").await;
        assert!(!answer.header("x-request-id").is_empty(), "{method} {path}: {answer:?}");
        assert!(!answer.header("vary").is_empty(), "{method} {path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{method} {path}");
        let cached = answer.header("cache-control");
        let expected = match (method, path) {
            ("GET", "/healthz") | ("POST" | "OPTIONS", _) => "no-store",
            _ => "private, no-cache",
        };
        assert_eq!(cached, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_answered_in_the_shape_of_every_error() {
    let edge = TestEdge::open().await;
    for path in ["/api", "/metrics", "/api/v1/nothing", "/nothing.here", "/api/v1/openapi.json/", "/api/v1/docs/"] {
        let answer = edge.ask("GET", path, &[("x-request-id", "mine-1")], "").await;
        assert_eq!(answer.status, 404, "{path}");
        let error = &answer.json()["error"];
        assert_eq!(error["code"], "route_not_found", "{path}");
        assert_eq!(error["request_id"], "mine-1", "{path}");
        assert_eq!(error["details"], serde_json::json!([]), "{path}");
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
    }
}

#[tokio::test]
async fn a_known_path_refuses_other_methods_in_the_same_shape() {
    let edge = TestEdge::open().await;
    let answer = edge.ask("DELETE", "/api/v1/tickets", &[], "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, OPTIONS, POST"));
    assert_eq!(answer.json()["error"]["code"], "method_not_allowed");
    let options = edge.ask("OPTIONS", "/api/v1/tickets", &[], "").await;
    assert_eq!((options.status, options.header("allow"), options.body.len()), (204, "GET, HEAD, OPTIONS, POST", 0));
}

#[tokio::test]
async fn a_core_that_is_away_is_an_answer_too() {
    let edge = TestEdge::open().await;
    let answer = edge.get("/api/v1/tickets").await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"service_unavailable".into()));
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_next_request_is_served() {
    let edge = TestEdge::open().await;
    let answer = edge.get("/panic").await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.json()["error"]["code"], "internal_error");
    assert!(!answer.text().contains("on purpose"));
    assert_eq!(edge.get("/origin").await.status, 200);
}

#[tokio::test]
async fn a_request_keeps_a_harmless_id_and_gets_one_otherwise() {
    let edge = TestEdge::open().await;
    let kept = edge.ask("GET", "/origin", &[("x-request-id", "trace.1-A_b")], "").await;
    assert_eq!(kept.header("x-request-id"), "trace.1-A_b");
    assert!(kept.text().contains("Rest trace.1-A_b false"), "{}", kept.text());
    let made = edge.ask("GET", "/origin", &[("x-request-id", "no spaces")], "").await;
    assert_eq!(made.header("x-request-id"), "req_00000000000000000000000000000007");
    assert!(made.text().starts_with("Some(127.0.0.1)"), "{}", made.text());
}

#[tokio::test]
async fn answers_are_compressed_from_one_kibibyte_and_only_on_request() {
    let edge = TestEdge::open().await;
    let gzip = [("accept-encoding", "gzip")];
    let small = edge.ask("GET", "/size/1023", &gzip, "").await;
    assert_eq!((small.header("content-encoding"), small.body.len()), ("", 1023));
    for size in [1024, 200_000] {
        let large = edge.ask("GET", &format!("/size/{size}"), &gzip, "").await;
        assert_eq!(large.header("content-encoding"), "gzip");
        assert_eq!(large.header("content-length"), large.body.len().to_string());
        assert_eq!(large.unpacked(), "x".repeat(size));
    }
    let plain = edge.ask("GET", "/size/2000", &[], "").await;
    assert_eq!((plain.header("content-encoding"), plain.body.len()), ("", 2000));
}

#[tokio::test]
async fn head_has_the_headers_and_no_body() {
    let edge = TestEdge::open().await;
    for path in ["/size/2000", "/healthz", "/api/v1/openapi.json"] {
        let head = edge.ask("HEAD", path, &[], "").await;
        let get = edge.get(path).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for name in ["content-length", "content-type", "cache-control", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}
