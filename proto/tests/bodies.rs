//! JSON bodies: what is accepted, and all errors at once. Each row is sent by direct call and by gRPC, and both give
//! the same answer.

use crate::support::{Client, request, setup};
use axum::body::Body;
use http::Method;

const INBOX: &str = "\"inbox_id\":\"019ab5f0-0000-7000-8000-0000000000a1\"";

#[tokio::test]
async fn all_that_is_wrong_with_a_body_comes_in_one_answer() {
    let nested = |depth: usize| format!("{{\"x\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let long = format!("{{\"subject\":\"{}\",{INBOX}}}", "ä".repeat(256));
    let fits = format!("{{\"subject\":\" {} \",{INBOX}}}", "ä".repeat(255));
    let table: &[(&[u8], &str)] = &[
        (
            b"{\"subject\":\" \",\"priority\":\"huge\",\"colour\":1}",
            "422 validation_failed; priority invalid_enum; colour unknown_field; subject blank; inbox_id required",
        ),
        (b"{}", "422 validation_failed; subject required; inbox_id required"),
        (long.as_bytes(), "422 validation_failed; subject too_long"),
        (fits.as_bytes(), "201 "),
        (
            b"{\"subject\":null,\"inbox_id\":5,\"colour\":1}",
            "400 invalid_request; subject invalid_type; inbox_id invalid_type",
        ),
        (b"{\"subject\":\"a\",\"inbox_id\":\"019ab5f0-0000-7000-8000-0000000000a1\",\"assignee_id\":null}", "201 "),
        (b"{\"subject\":\"a\",\"subject\":\"b\"}", "400 malformed_json"),
        (b"{\"x\":{\"a\":1,\"a\":2}}", "400 malformed_json"),
        (b"{\"x\":{\"\\u0061\":1,\"a\":2}}", "400 malformed_json"),
        (b"{\"subject\":\"\xff\"}", "400 malformed_json"),
        (b"{\"subject\":\"\\ud800\"}", "400 malformed_json"),
        (b"{\"subject\":\"a\\u0000b\"}", "422 validation_failed; subject invalid_format; inbox_id required"),
        (b"{\"subject\":\"a\"", "400 malformed_json"),
        (b"{} {}", "400 malformed_json"),
        (b"", "400 malformed_json"),
        (b"[]", "400 invalid_request;  invalid_type"),
        (b"null", "400 invalid_request;  invalid_type"),
        (
            b"{\"ticket_id\":\"x\",\"inbox_id\":\"none\",\"subject\":\"a\"}",
            "422 validation_failed; ticket_id unknown_field; inbox_id invalid_format",
        ),
    ];
    let setup = setup().await;
    let (direct, remote) = (Client::new(&setup.direct), Client::new(&setup.remote));
    for (body, expected) in table {
        let shown = String::from_utf8_lossy(body);
        let reply = direct.write(Method::POST, "/api/v1/tickets", body.to_vec()).await;
        assert_eq!(reply.outline().trim(), expected.trim(), "{shown}");
        let far = remote.write(Method::POST, "/api/v1/tickets", body.to_vec()).await;
        assert_eq!((far.status, far.json()), (reply.status, reply.json()), "{shown}");
    }
    let reply = direct.write(Method::POST, "/api/v1/tickets", nested(32)).await;
    assert_eq!(reply.outline(), "422 validation_failed; x unknown_field; subject required; inbox_id required");
    let reply = direct.write(Method::POST, "/api/v1/tickets", nested(33)).await;
    assert_eq!(reply.outline(), "400 malformed_json");
}

#[tokio::test]
async fn items_of_lists_are_named_by_their_index() {
    let setup = setup().await;
    let client = Client::new(&setup.direct);
    let table = [
        (
            r#"{"url":"https://example.com","events":["*","ticket.gone"]}"#,
            "422 validation_failed; events[1] invalid_enum",
        ),
        (
            r#"{"url":"https://example.com","events":["*",7,null]}"#,
            "400 invalid_request; events[1] invalid_type; events[2] invalid_type",
        ),
        (r#"{"url":"https://example.com","events":"*"}"#, "400 invalid_request; events invalid_type"),
        (r#"{"url":"example.com","events":[]}"#, "422 validation_failed; url invalid_format; events required"),
        (
            r#"{"url":"https://example.com","events":null,"enabled":"yes"}"#,
            "400 invalid_request; events invalid_type; enabled invalid_type",
        ),
    ];
    for (body, expected) in table {
        let reply = client.write(Method::POST, "/api/v1/webhooks", body).await;
        assert_eq!(reply.outline(), expected, "{body}");
    }
}

#[tokio::test]
async fn an_object_of_any_members_is_an_object_without_a_name_twice() {
    let setup = setup().await;
    let (direct, remote) = (Client::new(&setup.direct), Client::new(&setup.remote));
    let table = [
        (r#"{"event":"x","data":{"a":1}}"#, "422 validation_failed; event invalid_enum"),
        (r#"{"event":"x","data":{},"time":1}"#, "422 validation_failed; time unknown_field; event invalid_enum"),
        (r#"{"event":"ticket.created","data":[]}"#, "400 invalid_request; data invalid_type"),
        (r#"{"event":"ticket.created","data":"{}"}"#, "400 invalid_request; data invalid_type"),
        (r#"{"event":"ticket.created","data":null}"#, "400 invalid_request; data invalid_type"),
        (r#"{"event":"ticket.created","data":{"a":{"b":1,"b":2}}}"#, "400 malformed_json"),
    ];
    for (body, expected) in table {
        for client in [&direct, &remote] {
            let reply = client.write(Method::POST, "/api/v1/webhooks/x/test", body).await;
            assert_eq!(reply.outline(), expected, "{body}");
        }
    }
}

#[tokio::test]
async fn another_message_type_than_a_note_is_refused_alone() {
    let client = Client::new(&setup().await.direct);
    let body = format!(r#"{{"type":"reply","body_text":"{}","x":1}}"#, "a".repeat(100_001));
    let reply = client.write(Method::POST, "/api/v1/tickets/1/messages", body).await;
    assert_eq!(reply.outline(), "422 outbound_reply_not_allowed");
}

#[tokio::test]
async fn a_patch_names_the_members_that_it_has() {
    let setup = setup().await;
    let (direct, remote) = (Client::new(&setup.direct), Client::new(&setup.remote));
    let table = [
        ("{}", "200 ", ""),
        (r#"{"assignee_id":null,"subject":"a"}"#, "200 ", "subject,assignee_id"),
        (r#"{"stat\u0075s":"open"}"#, "200 ", "status"),
        (r#"{"status":null}"#, "400 invalid_request; status invalid_type", ""),
        (r#"{"status":"gone","subject":" "}"#, "422 validation_failed; status invalid_enum; subject blank", ""),
        (r#"{"ticket":{}}"#, "422 validation_failed; ticket unknown_field", ""),
        (r#"{"update_mask":"subject"}"#, "422 validation_failed; update_mask unknown_field", ""),
    ];
    for (body, expected, mask) in table {
        for client in [&direct, &remote] {
            let reply = client.write(Method::PATCH, "/api/v1/tickets/1", body).await;
            assert_eq!(reply.outline().trim(), expected.trim(), "{body}");
            assert_eq!(reply.json()["data"]["subject"].as_str().unwrap_or_default(), mask, "{body}");
        }
    }
}

#[tokio::test]
async fn only_json_is_taken() {
    let client = Client::new(&setup().await.direct);
    let table = [
        (Method::POST, Some("application/json"), 422),
        (Method::POST, Some("Application/JSON; Charset=\"UTF-8\""), 422),
        (Method::POST, Some("application/json; charset=latin1"), 415),
        (Method::POST, Some("application/merge-patch+json"), 415),
        (Method::PATCH, Some("application/merge-patch+json"), 200),
        (Method::POST, Some("text/plain"), 415),
        (Method::POST, None, 415),
    ];
    for (method, media, expected) in table {
        let path = if method == Method::POST { "/api/v1/tickets" } else { "/api/v1/tickets/1" };
        let mut builder = request(method, path);
        if let Some(media) = media {
            builder = builder.header("content-type", media);
        }
        let reply = client.send(builder.body(Body::from("{}")).expect("a request")).await;
        assert_eq!(reply.status.as_u16(), expected, "{media:?}");
    }
    let nothing = client.send(request(Method::POST, "/api/v1/tickets").body(Body::empty()).expect("a request")).await;
    assert_eq!(nothing.outline(), "400 malformed_json");
}

#[tokio::test]
async fn credentials_are_judged_before_the_body() {
    let setup = setup().await;
    let client = Client::new(&setup.remote);
    for (key, expected) in
        [("Bearer gone", "401 missing_api_key"), ("Bearer weak", "403 insufficient_scope; scope required")]
    {
        let request = http::Request::post("/api/v1/tickets?x=1").header("authorization", key);
        let reply = client.send(request.body(Body::from("{")).expect("a request")).await;
        assert_eq!(reply.outline(), expected);
    }
}

#[tokio::test]
async fn a_route_with_a_body_takes_no_parameters() {
    let client = Client::new(&setup().await.direct);
    let reply = client.write(Method::POST, "/api/v1/tickets?notify=1", "{\"subject\":\" \"}").await;
    assert_eq!(reply.outline(), "400 unknown_parameter; notify unknown_field");
    let reply = client.write(Method::POST, "/api/v1/tickets?notify=1", "{").await;
    assert_eq!(reply.outline(), "400 malformed_json");
}
