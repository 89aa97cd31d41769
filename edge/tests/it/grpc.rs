//! gRPC beside REST on one port: health, reflection, grpc-web, and what is not there.

use crate::support::{Answer, TestEdge};
use inboxops_edge::{STREAMS_MAX, Surface};
use inboxops_proto::{failure::Failure, reason::Reason};
use std::{sync::atomic::Ordering, time::Duration};
use tokio::io::AsyncWriteExt as _;
use tonic::{Code, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_client::HealthClient};
use tonic_reflection::pb::{v1, v1alpha};

async fn channel(edge: &TestEdge) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", edge.address)).expect("an address");
    endpoint.connect().await.expect("a channel")
}

#[tokio::test]
async fn health_tells_whether_the_services_can_answer() {
    let edge = TestEdge::open().await;
    let mut health = HealthClient::new(channel(&edge).await);
    let mut watch = health.watch(HealthCheckRequest::default()).await.expect("a stream").into_inner();
    assert_eq!(watch.message().await.expect("a message").expect("a status").status, 1);
    edge.ready.store(false, Ordering::SeqCst);
    while watch.message().await.expect("a message").expect("a status").status != 2 {}
}

#[tokio::test]
async fn a_stream_ends_with_the_server_and_says_so() {
    let edge = TestEdge::open().await;
    let mut health = HealthClient::new(channel(&edge).await);
    let mut watch = health.watch(HealthCheckRequest::default()).await.expect("a stream").into_inner();
    assert_eq!(watch.message().await.expect("a message").expect("a status").status, 1);
    edge.shutdown.cancel();
    while watch.message().await.expect("a message").expect("a status").status != 2 {}
    let ended = watch.message().await.expect_err("an end");
    assert_eq!(Failure::of(&ended).reason, Reason::ServiceUnavailable);
    edge.running.await.expect("an end, long before the drain's bound");
}

#[tokio::test]
async fn the_streams_of_an_edge_do_not_keep_its_calls_waiting() {
    let edge = TestEdge::with(Surface::Internal, |_| {}).await;
    let mut health = HealthClient::new(channel(&edge).await);
    let calls = async {
        let mut open = Vec::new();
        for _ in 0..=STREAMS_MAX {
            let mut watch = health.watch(HealthCheckRequest::default()).await.expect("a stream").into_inner();
            watch.message().await.expect("a message").expect("a status");
            open.push(watch);
        }
        health.check(HealthCheckRequest::default()).await.expect("an answer beside them");
    };
    tokio::time::timeout(Duration::from_secs(30), calls).await.expect("nothing waits for a stream to end");
}

#[tokio::test]
async fn reflection_answers_in_both_versions() {
    let edge = TestEdge::open().await;
    let channel = channel(&edge).await;
    let ask = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(String::new())),
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let mut answers = client.server_reflection_info(tokio_stream::iter([ask])).await.expect("a stream").into_inner();
    let answer = answers.message().await.expect("a message").expect("an answer").message_response;
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(list)) = answer else {
        panic!("{answer:?}")
    };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    for name in ["grpc.health.v1.Health", "inboxops.v1.TicketService", "inboxops.internal.v1.DispatchService"] {
        assert!(names.iter().any(|listed| listed == name), "{name} in {names:?}");
    }
    let ask = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
            "inboxops.v1.TicketService".to_owned(),
        )),
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(tokio_stream::iter([ask])).await.expect("a stream").into_inner();
    let answer = answers.message().await.expect("a message").expect("an answer").message_response;
    use v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse;
    assert!(matches!(answer, Some(FileDescriptorResponse(_))), "{answer:?}");
}

#[tokio::test]
async fn grpc_web_over_http_1_is_answered() {
    let edge = TestEdge::open().await;
    let mut stream = edge.connect().await;
    let head = "POST /grpc.health.v1.Health/Check HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        content-type: application/grpc-web+proto\r\ncontent-length: 5\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("a head");
    stream.write_all(&[0; 5]).await.expect("an empty message");
    let answer = Answer::read(stream).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/grpc-web+proto");
    assert!(answer.text().contains("grpc-status:0"), "{answer:?}");
    assert!(!answer.header("x-request-id").is_empty());
    assert_eq!(answer.header("x-accel-buffering"), "no", "a proxy must not collect a stream");
}

async fn call(edge: &TestEdge, path: &'static str) -> tonic::Status {
    let mut grpc = tonic::client::Grpc::new(channel(edge).await);
    grpc.ready().await.expect("a channel");
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let path = http::uri::PathAndQuery::from_static(path);
    grpc.unary(tonic::Request::new(()), path, codec).await.expect_err("nothing there")
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let edge = TestEdge::open().await;
    assert_eq!(call(&edge, "/inboxops.v1.Nothing/Do").await.code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_public_listener_hides_the_internal_packages_when_they_have_their_own() {
    let edge = TestEdge::with(Surface::Public { internal: false }, |_| {}).await;
    let status = call(&edge, "/inboxops.internal.v1.TenantService/ListTenants").await;
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.metadata().get("x-request-id").is_some(), "the door has answered");
}

#[tokio::test]
async fn metadata_over_the_limit_is_refused_and_the_connection_lives() {
    let edge = TestEdge::open().await;
    let mut grpc = tonic::client::Grpc::new(channel(&edge).await);
    // The sizes that HTTP/2 counts: the other headers of a call take less than 1 KiB.
    let cases = [(1, Code::Ok), (15, Code::Ok), (17, Code::ResourceExhausted), (256, Code::ResourceExhausted)];
    for (kibibytes, expected) in cases {
        grpc.ready().await.expect("a channel");
        let mut request = tonic::Request::new(HealthCheckRequest::default());
        let value = "x".repeat(kibibytes * 1024).parse().expect("metadata");
        request.metadata_mut().insert("x-long", value);
        let codec = tonic_prost::ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
        let path = http::uri::PathAndQuery::from_static("/grpc.health.v1.Health/Check");
        let answer = grpc.unary(request, path, codec).await;
        assert_eq!(answer.as_ref().map_or_else(tonic::Status::code, |_| Code::Ok), expected, "{kibibytes} KiB");
        if let Err(status) = answer {
            assert_eq!(Failure::of(&status).reason, Reason::PayloadTooLarge, "{kibibytes} KiB");
            assert!(status.metadata().get("x-request-id").is_some(), "the door has answered");
        }
    }
}

const CHECK: &str = "/grpc.health.v1.Health/Check";

#[tokio::test]
async fn a_grpc_path_answers_other_methods_as_rest_does() {
    let edge = TestEdge::open().await;
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    for path in ["/inboxops.v1.TicketService/GetTicket", CHECK, reflection] {
        for kind in ["application/grpc", "application/grpc-web+proto", "text/plain"] {
            let headers = [("content-type", kind), ("origin", "https://app.example")];
            let options = edge.ask("OPTIONS", path, &headers, "").await;
            assert_eq!((options.status, options.header("allow"), options.body.len()), (204, "OPTIONS, POST", 0));
            assert!(!options.headers.keys().any(|name| name.starts_with("access-control")), "{options:?}");
            let get = edge.ask("GET", path, &headers, "").await;
            assert_eq!((get.status, get.header("allow")), (405, "OPTIONS, POST"), "{path} {kind}");
            assert_eq!(get.json()["error"]["code"], "method_not_allowed");
        }
    }
    for kind in ["application/grpc", "application/grpc-web+proto", "text/plain"] {
        let answer = edge.ask("OPTIONS", "/inboxops.v1.Nothing/Do", &[("content-type", kind)], "").await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &"route_not_found".into()), "{kind}");
    }
}

#[tokio::test]
async fn a_hidden_path_is_hidden_from_every_method() {
    let edge = TestEdge::with(Surface::Public { internal: false }, |_| {}).await;
    let hidden = "/inboxops.internal.v1.TenantService/ListTenants";
    assert_eq!(edge.ask("OPTIONS", hidden, &[], "").await.status, 404);
    assert_eq!(edge.ask("OPTIONS", "/inboxops.v1.TicketService/GetTicket", &[], "").await.status, 204);
    let internal = TestEdge::with(Surface::Internal, |_| {}).await;
    assert_eq!(internal.ask("OPTIONS", hidden, &[], "").await.status, 204);
}

#[tokio::test]
async fn a_refusal_by_the_door_has_the_content_type_of_its_call() {
    let edge = TestEdge::with(Surface::Public { internal: false }, |_| {}).await;
    let hidden = "/inboxops.internal.v1.TenantService/ListTenants";
    let kinds = [
        ("application/grpc", "application/grpc"),
        ("application/grpc-web", "application/grpc-web+proto"),
        ("application/grpc-web+proto", "application/grpc-web+proto"),
        ("application/grpc-web-text", "application/grpc-web-text+proto"),
    ];
    for (sent, expected) in kinds {
        let refused = edge.ask("POST", hidden, &[("content-type", sent)], "").await;
        assert_eq!((refused.status, refused.header("content-type")), (200, expected), "{sent}");
        assert_eq!(refused.header("grpc-status"), "12", "{sent}");
    }
    let foreign =
        [("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1"), ("sec-fetch-site", "cross-site")];
    let forbidden = edge.ask("POST", CHECK, &foreign, "").await;
    assert_eq!((forbidden.status, forbidden.header("content-type")), (403, "application/grpc-web+proto"));
}
