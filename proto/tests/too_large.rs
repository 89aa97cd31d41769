//! Bodies that are too large, over real connections: the response arrives even while the client is still sending.

use crate::support::{Client, setup};
use axum::Router;
use inboxops_proto::{rest, services};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

async fn connect(app: Router) -> (TcpStream, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, app).await.expect("serves") });
    (TcpStream::connect(address).await.expect("a connection"), server)
}

/// The status line and the body of the answer to a request that is written as given.
async fn answer(head: &str, chunk: &[u8], chunks: usize) -> String {
    let setup = setup().await;
    let app = services::routes(&setup.direct).fallback(rest::route_not_found);
    let (mut stream, _server) = connect(app).await;
    let head = format!("POST /api/v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{head}\r\n");
    stream.write_all(head.as_bytes()).await.expect("written");
    for _ in 0..chunks {
        stream.write_all(chunk).await.expect("the server reads on");
    }
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test]
async fn an_announced_size_is_refused_and_the_answer_arrives() {
    let mib = vec![b' '; 1 << 20];
    let answer = answer("Content-Length: 4194304\r\n", &mib, 4).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("\"code\":\"payload_too_large\""), "{answer}");
}

#[tokio::test]
async fn a_stream_without_a_size_is_refused_and_the_answer_arrives() {
    let mut chunk = b"100000\r\n".to_vec();
    chunk.resize(chunk.len() + (1 << 20), b' ');
    chunk.extend_from_slice(b"\r\n");
    let answer = answer("Transfer-Encoding: chunked\r\n", &chunk, 4).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn one_who_waits_to_go_on_is_refused_at_once() {
    let answer = answer("Content-Length: 4194304\r\nExpect: 100-continue\r\n", b"", 0).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn two_mebibytes_are_not_too_large() {
    let client = Client::new(&setup().await.direct);
    let body = format!("{{}}{}", " ".repeat((2 << 20) - 2));
    let reply = client.write(http::Method::POST, "/api/v1/tickets", body.clone()).await;
    assert_eq!(reply.status, 422);
    let reply = client.write(http::Method::POST, "/api/v1/tickets", body + " ").await;
    assert_eq!(reply.outline(), "413 payload_too_large");
}
