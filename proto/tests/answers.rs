//! REST responses: whole bodies, statuses and headers.

use crate::support::{Client, request, setup};
use axum::body::Body;
use http::Method;
use serde_json::json;

#[tokio::test]
async fn a_ticket_has_every_member_and_times_have_six_digits() {
    let client = Client::new(&setup().await.direct);
    let reply = client.get("/api/v1/tickets/7").await;
    let expected = concat!(
        r#"{"data":{"id":"019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51","ticket_number":7,"subject":"7","status":"open","#,
        r#""priority":"normal","inbox_id":"","assignee_id":null,"requester":null,"tags":[],"channel":"api","#,
        r#""message_count":0,"last_message_at":null,"created_at":"2026-01-31T09:30:00.120000Z","updated_at":null,"#,
        r#""solved_at":null,"closed_at":null,"version":3}}"#
    );
    assert_eq!(reply.body, expected);
    assert_eq!((reply.header("content-type"), reply.header("etag")), ("application/json", "\"3\""));
    assert_eq!(reply.header("ratelimit"), "\"tenant\";r=57;t=12");
}

#[tokio::test]
async fn the_error_shape_is_as_documented() {
    let client = Client::new(&setup().await.direct);
    let reply = client.write(Method::PATCH, "/api/v1/tickets/1", r#"{"priority":"huge"}"#).await;
    let expected = json!({"error": {
        "code": "validation_failed", "message": "1 field is invalid.", "request_id": "req_1",
        "doc_url": "/api/v1/docs#errors-validation_failed",
        "details": [{"location": "body", "field": "priority", "code": "invalid_enum",
            "message": "must be one of low, normal, high, urgent", "allowed": ["low", "normal", "high", "urgent"]}]
    }});
    assert_eq!(reply.json(), expected);
    let reply = client.get("/api/v1/tickets/x").await;
    let expected = json!({"error": {"code": "ticket_not_found", "message": "No such ticket.", "request_id": "req_1",
        "doc_url": "/api/v1/docs#errors-ticket_not_found", "details": []}});
    assert_eq!(reply.json(), expected);
}

#[tokio::test]
async fn what_a_caller_lacks_stands_in_the_details() {
    let setup = setup().await;
    for client in [Client::new(&setup.direct), Client::new(&setup.remote)] {
        let request = |key| http::Request::get("/api/v1/tickets/1").header("authorization", key);
        let reply = client.send(request("Bearer weak").body(Body::empty()).expect("a request")).await;
        let detail = json!({"location": "auth", "field": "scope", "code": "required",
            "message": "must include tickets:read", "allowed": ["tickets:read"]});
        assert_eq!(reply.json()["error"]["details"], json!([detail]));
        let reply = client.send(request("Bearer gone").body(Body::empty()).expect("a request")).await;
        assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"inboxops\"");
    }
}

#[tokio::test]
async fn statuses_and_headers_come_from_the_protos() {
    let setup = setup().await;
    for client in [Client::new(&setup.direct), Client::new(&setup.remote)] {
        let body = r#"{"subject":"a","inbox_id":"019ab5f0-0000-7000-8000-0000000000a1"}"#;
        let made = client.write(Method::POST, "/api/v1/tickets", body).await;
        assert_eq!((made.status.as_u16(), made.header("etag")), (201, "\"3\""));
        assert_eq!(made.header("location"), "/api/v1/tickets/019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51");
        for (name, status) in [("new", 201), ("again", 200)] {
            let body = format!("{{\"tag_name\":\"{name}\"}}");
            let reply = client.write(Method::POST, "/api/v1/tickets/1/tags", body).await;
            assert_eq!((reply.status.as_u16(), reply.json()["attached"].is_null()), (status, true), "{name}");
        }
        let gone =
            client.send(request(Method::DELETE, "/api/v1/tickets/1/tags/2").body(Body::empty()).expect("a request"));
        let gone = gone.await;
        assert_eq!((gone.status.as_u16(), gone.body.as_str(), gone.header("content-type")), (204, "", ""));
        let conflict = client.get("/api/v1/tags").await;
        assert_eq!((conflict.status.as_u16(), conflict.header("retry-after")), (409, "1"));
        let stale = client.write(Method::PATCH, "/api/v1/tickets/412", "{}").await;
        assert_eq!((stale.status.as_u16(), stale.header("etag")), (412, "\"9\""));
        assert_eq!(stale.json()["error"]["details"], json!([]));
    }
}

#[tokio::test]
async fn a_status_that_a_library_made_tells_nothing() {
    let setup = setup().await;
    for client in [Client::new(&setup.direct), Client::new(&setup.remote)] {
        let body = r#"{"subject":"library","inbox_id":"019ab5f0-0000-7000-8000-0000000000a1"}"#;
        let reply = client.write(Method::POST, "/api/v1/tickets", body).await;
        assert_eq!(reply.outline(), "500 internal_error");
        assert!(!reply.body.contains("secret"), "{}", reply.body);
    }
}

#[tokio::test]
async fn an_answer_that_the_client_has_is_not_sent_again() {
    let client = Client::new(&setup().await.direct);
    for (tags, status) in [("\"3\"", 304), ("W/\"3\"", 304), ("\"2\", \"3\"", 304), ("*", 304), ("\"2\"", 200)] {
        let request = request(Method::GET, "/api/v1/tickets/7").header("if-none-match", tags);
        let reply = client.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!((reply.status.as_u16(), reply.header("etag")), (status, "\"3\""), "{tags}");
        assert_eq!(reply.body.is_empty(), status == 304, "{tags}");
    }
}

#[tokio::test]
async fn every_path_answers_every_method() {
    let client = Client::new(&setup().await.direct);
    let send = async |method: Method| {
        client.send(request(method, "/api/v1/tickets/7").body(Body::empty()).expect("a request")).await
    };
    let options = send(Method::OPTIONS).await;
    assert_eq!((options.status.as_u16(), options.header("allow")), (204, "GET, HEAD, OPTIONS, PATCH"));
    let head = send(Method::HEAD).await;
    assert_eq!((head.status.as_u16(), head.body.as_str(), head.header("etag")), (200, "", "\"3\""));
    let brew = Method::from_bytes(b"BREW").expect("a method");
    for method in [Method::DELETE, Method::PUT, Method::POST, Method::TRACE, brew] {
        let reply = send(method.clone()).await;
        assert_eq!(reply.outline(), "405 method_not_allowed", "{method}");
        assert_eq!(reply.header("allow"), "GET, HEAD, OPTIONS, PATCH", "{method}");
        assert_eq!(reply.json()["error"]["request_id"], "req_1");
    }
}
