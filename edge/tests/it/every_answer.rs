//! What every answer has: an id, headers, one shape of failure, gzip where it is worth it.

use crate::house::House;

#[tokio::test]
async fn every_answer_carries_the_common_headers() {
    let house = House::open().await;
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
        let answer = house.ask(method, path, &[], "").await;
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
    let house = House::open().await;
    for path in ["/api", "/metrics", "/api/v1/nothing", "/nothing.here", "/api/v1/openapi.json/", "/api/v1/docs/"] {
        let answer = house.ask("GET", path, &[("x-request-id", "mine-1")], "").await;
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
    let house = House::open().await;
    let answer = house.ask("DELETE", "/api/v1/tickets", &[], "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, OPTIONS, POST"));
    assert_eq!(answer.json()["error"]["code"], "method_not_allowed");
    let options = house.ask("OPTIONS", "/api/v1/tickets", &[], "").await;
    assert_eq!((options.status, options.header("allow"), options.body.len()), (204, "GET, HEAD, OPTIONS, POST", 0));
}

#[tokio::test]
async fn a_core_that_is_away_is_an_answer_too() {
    let house = House::open().await;
    let answer = house.get("/api/v1/tickets").await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"service_unavailable".into()));
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_next_request_is_served() {
    let house = House::open().await;
    let answer = house.get("/panic").await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.json()["error"]["code"], "internal_error");
    assert!(!answer.text().contains("on purpose"));
    assert_eq!(house.get("/origin").await.status, 200);
}

#[tokio::test]
async fn a_request_keeps_a_harmless_id_and_gets_one_otherwise() {
    let house = House::open().await;
    let kept = house.ask("GET", "/origin", &[("x-request-id", "trace.1-A_b")], "").await;
    assert_eq!(kept.header("x-request-id"), "trace.1-A_b");
    assert!(kept.text().contains("Rest trace.1-A_b false"), "{}", kept.text());
    let made = house.ask("GET", "/origin", &[("x-request-id", "no spaces")], "").await;
    assert_eq!(made.header("x-request-id"), "req_00000000000000000000000000000007");
    assert!(made.text().starts_with("Some(127.0.0.1)"), "{}", made.text());
}

#[tokio::test]
async fn answers_are_compressed_from_one_kibibyte_and_only_on_request() {
    let house = House::open().await;
    let gzip = [("accept-encoding", "gzip")];
    let small = house.ask("GET", "/size/1023", &gzip, "").await;
    assert_eq!((small.header("content-encoding"), small.body.len()), ("", 1023));
    for size in [1024, 200_000] {
        let large = house.ask("GET", &format!("/size/{size}"), &gzip, "").await;
        assert_eq!(large.header("content-encoding"), "gzip");
        assert_eq!(large.header("content-length"), large.body.len().to_string());
        assert_eq!(large.unpacked(), "x".repeat(size));
    }
    let plain = house.ask("GET", "/size/2000", &[], "").await;
    assert_eq!((plain.header("content-encoding"), plain.body.len()), ("", 2000));
}

#[tokio::test]
async fn head_has_the_headers_and_no_body() {
    let house = House::open().await;
    for path in ["/size/2000", "/healthz", "/api/v1/openapi.json"] {
        let head = house.ask("HEAD", path, &[], "").await;
        let get = house.get(path).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for name in ["content-length", "content-type", "cache-control", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}
