//! A server stream by REST as lines of JSON: each message a line, refused like any call, and the same over gRPC.

use crate::support::{Client, request, setup};
use axum::body::Body;
use futures_util::StreamExt as _;
use http::Method;
use inboxops_proto::v1;
use tonic::{Request, metadata::MetadataValue};

#[tokio::test]
async fn messages_are_lines_until_one_fails() {
    let setup = setup().await;
    for services in [&setup.direct, &setup.remote] {
        let reply = Client::new(services).get("/api/v1/export?types=tags").await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "application/x-ndjson"));
        assert_eq!((reply.header("cache-control"), reply.header("ratelimit")), ("no-store", "\"tenant\";r=57;t=12"));
        let tag = "{\"type\":\"tag\",\"data\":{\"id\":\"\",\"name\":\"vip\",\"color\":null,\"created_at\":null},\"cursor\":\"c1\"}\n";
        let end = "{\"type\":\"end\",\"events_cursor\":\"e1\",\"count\":0}\n";
        assert_eq!(reply.body, format!("{tag}{end}"));
        let broken = Client::new(services).get("/api/v1/export?types=tags&after=broken").await;
        assert_eq!((broken.status.as_u16(), broken.body.as_str()), (200, tag), "it has no end");
    }
}

#[tokio::test]
async fn what_fails_before_the_first_line_is_an_error_like_any() {
    let setup = setup().await;
    for services in [&setup.direct, &setup.remote] {
        let client = Client::new(services);
        let busy = client.get("/api/v1/export?after=busy").await;
        assert_eq!((busy.outline(), busy.header("retry-after")), ("409 export_in_progress".to_owned(), "5"));
        assert_eq!(busy.header("content-type"), "application/json");
        let table = [
            ("?types=", "400 invalid_parameter; types blank"),
            ("?types=tickets,mails", "400 invalid_parameter; types invalid_enum"),
            ("?limit=1", "400 unknown_parameter; limit unknown_field"),
        ];
        for (query, expected) in table {
            let outline = client.get(&format!("/api/v1/export{query}")).await.outline();
            assert!(outline.starts_with(expected), "{query}: {outline}");
        }
        let mut stranger = request(Method::GET, "/api/v1/export").body(Body::empty()).expect("a request");
        stranger.headers_mut().insert("authorization", "Bearer bad".parse().expect("a header"));
        assert_eq!(client.send(stranger).await.outline(), "401 missing_api_key");
    }
}

#[tokio::test]
async fn the_same_stream_comes_over_grpc() {
    let setup = setup().await;
    for services in [&setup.direct, &setup.remote] {
        let mut request = Request::new(v1::ExportRequest { types: Vec::new(), after: Some("broken".to_owned()) });
        request.metadata_mut().insert("authorization", MetadataValue::from_static("Bearer good"));
        let stream = services.exports().export(request).await.expect("a stream").into_inner();
        let lines: Vec<_> = stream.map(|line| line.map(|it| it.r#type()).map_err(|it| it.code())).collect().await;
        assert_eq!(lines, [Ok(v1::ExportType::Tag), Err(tonic::Code::Unavailable)]);
    }
}
