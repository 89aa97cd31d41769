//! A server stream by REST: server-sent events at the path of the list, refused like the list, resumed by the last id.

use crate::support::{Client, request, setup};
use axum::body::Body;
use http::Method;
use inboxops_proto::v1;
use tonic::{Request, metadata::MetadataValue};

fn stream(query: &str) -> http::request::Builder {
    request(Method::GET, &format!("/api/v1/events{query}")).header("accept", "text/event-stream")
}

#[tokio::test]
async fn a_list_becomes_a_stream_for_those_who_ask_for_one() {
    let setup = setup().await;
    for services in [&setup.direct, &setup.remote] {
        let client = Client::new(services);
        let reply = client.send(stream("?types=ticket.created").body(Body::empty()).expect("a request")).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "text/event-stream"));
        assert_eq!((reply.header("cache-control"), reply.header("ratelimit")), ("no-store", "\"tenant\";r=57;t=12"));
        let expected = ": alive\n\nid: c1\nevent: ticket.created\ndata: {\"n\": 1}\n\n\
                        id: c2\nevent: ticket.created\ndata: {\"n\": 2}\n\n: ended: cursor_expired\n\n";
        assert_eq!(reply.body, expected);
        let list = client.get("/api/v1/events").await;
        assert_eq!(list.header("content-type"), "application/json");
        assert_eq!(
            list.body,
            "{\"data\":[{\"n\": 1},{\"n\": 2}],\"meta\":{\"has_more\":false,\"next_cursor\":\"c2\"}}"
        );
    }
}

#[tokio::test]
async fn the_last_id_says_where_to_go_on() {
    let setup = setup().await;
    for services in [&setup.direct, &setup.remote] {
        let request = stream("?after=old").header("last-event-id", "c1").body(Body::empty()).expect("a request");
        let reply = Client::new(services).send(request).await;
        assert!(reply.body.starts_with(": c1\n\n"), "{}", reply.body);
        let reply = Client::new(services).send(stream("?after=url").body(Body::empty()).expect("a request")).await;
        assert!(reply.body.starts_with(": url\n\n"), "{}", reply.body);
    }
}

#[tokio::test]
async fn a_stream_is_refused_as_any_call_is() {
    let setup = setup().await;
    let long = "x".repeat(201);
    for services in [&setup.direct, &setup.remote] {
        let client = Client::new(services);
        let ask = async |query: &str, key: &str, last: &str| {
            let mut request = stream(query).header("last-event-id", last).body(Body::empty()).expect("a request");
            request.headers_mut().insert("authorization", key.parse().expect("a header"));
            client.send(request).await
        };
        let table = [
            ("?limit=1", "Bearer bad", "", "401 missing_api_key"),
            ("?limit=1", "Bearer weak", "", "403 insufficient_scope"),
            ("?limit=1", "Bearer good", "", "400 unknown_parameter; limit unknown_field"),
            ("?types=x", "Bearer good", "", "400 invalid_parameter; types invalid_enum"),
            ("", "Bearer good", long.as_str(), "400 invalid_parameter; after too_long"),
        ];
        for (query, key, last, expected) in table {
            let reply = ask(query, key, last).await;
            let outline = reply.outline();
            assert!(outline.starts_with(expected), "{query} {key}: {outline}");
            assert_eq!(reply.header("content-type"), "application/json");
        }
    }
}

#[tokio::test]
async fn a_stream_is_the_same_over_grpc() {
    use futures_util::StreamExt as _;
    let setup = setup().await;
    for services in [&setup.direct, &setup.remote] {
        let mut request = Request::new(v1::StreamEventsRequest::default());
        request.metadata_mut().insert("authorization", MetadataValue::from_static("Bearer good"));
        let stream = services.events().stream_events(request).await.expect("a stream").into_inner();
        let messages: Vec<_> =
            stream.map(|message| message.map(|it| it.cursor).map_err(|it| it.code())).collect().await;
        assert_eq!(messages, [Ok(String::new()), Ok("c1".into()), Ok("c2".into()), Err(tonic::Code::OutOfRange)]);
    }
}
