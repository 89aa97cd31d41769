//! `/metrics` is where the operator's monitoring looks, and not where customers do when there is another place.

use crate::house::{House, Server};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

fn get(url: &str, path: &str) -> String {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn internal(server: &Server) -> String {
    server.said["internal_url"].as_str().expect("a URL").to_owned()
}

#[test]
fn metrics_are_on_the_only_listener_or_on_the_internal_one() {
    let house = House::new();
    let server = house.serve(&["--no-demo"]);
    let answer = get(server.url(), "/metrics");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("content-type: application/openmetrics-text"), "{answer}");
    assert!(answer.contains("inboxops_database_up 1"), "{answer}");
    assert_eq!(server.stop().code(), Some(0));
    let server = house.serve(&["--no-demo", "--internal-listen", "127.0.0.1:0"]);
    assert!(get(server.url(), "/metrics").starts_with("HTTP/1.1 404"));
    assert!(get(&internal(&server), "/metrics").starts_with("HTTP/1.1 200"));
}
