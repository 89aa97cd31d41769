//! Limits of connections: how slowly and how much a client may send, and how a connection ends.

use crate::support::{Answer, TestEdge};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use inboxops_edge::{Settings, Surface};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

const PUBLIC: Surface = Surface::Public { internal: true };

#[tokio::test]
async fn a_client_that_does_not_finish_its_headers_is_let_go() {
    let edge = TestEdge::with(PUBLIC, |settings| settings.header_read_timeout = Duration::from_millis(100)).await;
    for said in ["", "P", "PRI * HT", "GET /origin HTTP/1.1\r\nhost: localhost\r\nx-slow: "] {
        let mut stream = edge.connect().await;
        stream.write_all(said.as_bytes()).await.expect("some bytes");
        let mut rest = Vec::new();
        // An end or a reset: either way the slot is free again.
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "{said:?}: {}", String::from_utf8_lossy(&rest));
    }
}

#[tokio::test]
async fn connections_above_the_bound_wait_for_a_place() {
    let edge = TestEdge::with(PUBLIC, |settings| {
        settings.connections_max = 1;
        settings.header_read_timeout = Duration::from_millis(200);
    })
    .await;
    let _silent = edge.connect().await;
    // Answered only because the silent connection loses its slot.
    assert_eq!(edge.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_header_block_over_16_kib_is_refused() {
    let edge = TestEdge::open().await;
    let fits = edge.ask("GET", "/origin", &[("x-long", &"x".repeat(12_000))], "").await;
    assert_eq!(fits.status, 200);
    let long = edge.ask("GET", "/origin", &[("x-long", &"x".repeat(17_000))], "").await;
    assert_eq!(long.status, 431);
}

#[tokio::test]
async fn http2_without_tls_is_answered_on_the_same_port() {
    let edge = TestEdge::open().await;
    let io = TokioIo::new(edge.connect().await);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.expect("a handshake");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    let uri = format!("http://{}/origin", edge.address);
    let request = http::Request::get(uri).body(Empty::<Bytes>::new()).expect("a request");
    let answer = client.send_request(request).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    assert!(body.starts_with(b"Some(127.0.0.1) Rest"), "{body:?}");
    // Headers over the limit are refused as over HTTP/1.1, and the connection serves the next request.
    for (size, status) in [(15_000, 200), (17_000, 431), (200_000, 431), (1, 200)] {
        let request = http::Request::get(format!("http://{}/origin", edge.address)).header("x-long", "x".repeat(size));
        let request = request.body(Empty::<Bytes>::new()).expect("a request");
        let answer = client.send_request(request).await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{size}");
        assert!(answer.headers().contains_key("x-request-id"), "the door has answered");
    }
}

/// An edge behind TLS, and what its clients trust.
async fn behind_tls(change: impl FnOnce(&mut Settings)) -> (TestEdge, rustls::RootCertStore) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("a file");
    assert!(inboxops_edge::tls::load(&cert, &key).is_err(), "there is no key");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    let tls = inboxops_edge::tls::load(&cert, &key).expect("an identity");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    (TestEdge::behind_tls(PUBLIC, Some(tls), change).await, roots)
}

/// A connection whose client offers these protocols.
async fn connect_by_tls(edge: &TestEdge, roots: &rustls::RootCertStore, offered: &[&str]) -> TlsStream<TcpStream> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder.expect("versions").with_root_certificates(roots.clone()).with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = "localhost".try_into().expect("a name");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    connector.connect(name, edge.connect().await).await.expect("a handshake")
}

#[tokio::test]
async fn over_tls_a_client_without_alpn_may_know_that_http_2_is_spoken() {
    let (edge, roots) = behind_tls(|_| {}).await;
    let io = TokioIo::new(connect_by_tls(&edge, &roots, &[]).await);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.expect("a handshake");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    let request = http::Request::get("https://localhost/origin").body(Empty::<Bytes>::new()).expect("a request");
    let answer = client.send_request(request).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
}

#[tokio::test]
async fn over_tls_a_client_that_says_nothing_is_let_go() {
    let (edge, roots) = behind_tls(|settings| settings.header_read_timeout = Duration::from_secs(2)).await;
    let mut stream = connect_by_tls(&edge, &roots, &[]).await;
    let mut rest = Vec::new();
    // The server may close without a TLS close alert.
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn over_tls_the_client_chooses_between_http_2_and_http_1() {
    let (edge, roots) = behind_tls(|_| {}).await;
    for (offered, chosen) in [(&["h2", "http/1.1"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&[], None)] {
        let mut stream = connect_by_tls(&edge, &roots, offered).await;
        let agreed = stream.get_ref().1.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
        assert_eq!(agreed.as_deref(), chosen);
        if chosen != Some("h2") {
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                .await
                .expect("a request");
            let mut bytes = Vec::new();
            // The server may close without a TLS close alert.
            let _ = stream.read_to_end(&mut bytes).await;
            assert_eq!(Answer::parse(&bytes).status, 200);
        }
    }
}

#[tokio::test]
async fn the_answer_to_a_body_that_is_too_large_arrives() {
    let edge = TestEdge::open().await;
    let body = "x".repeat(6 * 1024 * 1024);
    let answer = edge.ask("POST", "/api/v1/tickets", &[("content-type", "application/json")], &body).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (413, &"payload_too_large".into()));
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_before_it_sends() {
    let edge = TestEdge::open().await;
    let mut stream = edge.connect().await;
    let head = "POST /api/v1/tickets HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 9000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("a request");
    assert_eq!(Answer::read(stream).await.status, 413);
}

#[tokio::test]
async fn shutdown_lets_a_running_request_end_and_takes_no_other() {
    let edge = TestEdge::open().await;
    let mut stream = edge.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("a request");
    // The answer to a later request on another connection shows that the first one was read.
    assert_eq!(edge.get("/origin").await.status, 200);
    edge.shutdown.cancel();
    assert_eq!(Answer::read(stream).await.text(), "slow");
    edge.running.await.expect("an orderly end");
    assert!(tokio::net::TcpStream::connect(edge.address).await.is_err());
}

#[tokio::test]
async fn shutdown_ends_a_stream_of_events_in_good_order() {
    let edge = TestEdge::open().await;
    let mut stream = edge.connect().await;
    let request = b"GET /stream HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\n\r\n";
    stream.write_all(request).await.expect("a request");
    let mut read = Vec::new();
    while !read.ends_with(b": alive\n\n\r\n") {
        assert!(stream.read_buf(&mut read).await.expect("bytes") > 0, "{}", String::from_utf8_lossy(&read));
    }
    let head = String::from_utf8_lossy(&read).to_lowercase();
    assert!(!head.contains("content-encoding"), "not gzip: it would hold back what is small: {head}");
    edge.shutdown.cancel();
    stream.read_to_end(&mut read).await.expect("the end");
    assert!(read.ends_with(b"0\r\n\r\n"), "whole, for the client: {}", String::from_utf8_lossy(&read));
    edge.running.await.expect("an end, long before the drain's bound");
}

#[tokio::test]
async fn shutdown_cuts_what_never_ends() {
    let edge = TestEdge::with(PUBLIC, |settings| settings.drain_max = Duration::from_millis(100)).await;
    let mut stream = edge.connect().await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("a request");
    stream.read_exact(&mut [0; 64]).await.expect("a first part");
    edge.shutdown.cancel();
    edge.running.await.expect("an end");
}
