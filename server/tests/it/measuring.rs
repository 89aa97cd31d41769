//! What an operator sees of a running server: `/metrics`, which customers cannot reach, and the log.

use crate::support::{TestFolder, TestServer};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
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

fn internal(server: &TestServer) -> String {
    server.said["internal_url"].as_str().expect("a URL").to_owned()
}

#[test]
fn metrics_are_on_the_listener_that_is_most_apart() {
    let folder = TestFolder::new();
    let server = folder.serve(&["--no-demo"]);
    let answer = get(server.url(), "/metrics");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains("inboxops_database_up 1"), "{answer}");
    assert_eq!(server.stop().code(), Some(0));
    let server = folder.serve(&["--no-demo", "--internal-listen", "127.0.0.1:0"]);
    assert!(get(server.url(), "/metrics").starts_with("HTTP/1.1 404"));
    assert!(get(&internal(&server), "/metrics").starts_with("HTTP/1.1 200"));
    assert_eq!(server.stop().code(), Some(0));
    let words = ["--no-demo", "--internal-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let server = folder.serve(&words);
    let metrics = server.said["metrics_url"].as_str().expect("a URL");
    for (url, path, status) in [
        (server.url(), "/metrics", 404),
        (internal(&server).as_str(), "/metrics", 404),
        (metrics, "/metrics", 200),
        (metrics, "/readyz", 200),
        (metrics, "/healthz", 200),
        (metrics, "/api/v1/tickets", 404),
        (metrics, "/", 404),
    ] {
        let answer = get(url, path);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{url} {path}: {answer}");
    }
    assert_eq!(server.stop().code(), Some(0));
    let server = folder.serve(&["--no-demo", "--behind-proxy"]);
    assert!(get(server.url(), "/metrics").starts_with("HTTP/1.1 404"), "a proxy would pass them on to everybody");
}

/// Lines of the log by their request ids.
fn requests(text: &str) -> Vec<(String, Value)> {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines = lines.filter(|line| line["message"] == "request");
    lines.map(|line| (line["request_id"].as_str().unwrap_or_default().to_owned(), line)).collect()
}

#[test]
fn a_line_of_the_log_names_request_rpc_and_tenant() {
    let folder = TestFolder::new();
    folder.json(&["migrate"]);
    let tenant = folder.json(&["tenant", "create", "--name", "Acme", "--plan", "business"]);
    let tenant = tenant["id"].as_str().expect("an id");
    let key = folder.json(&["key", "create", "--tenant", tenant, "--name", "k"]);
    let key = key["key"].as_str().expect("a key");
    let edge = folder.json(&["token", "create", "--name", "edge"]);
    let edge = edge["token"].as_str().expect("a token");
    let log = |name: &str| folder.path().join(name);
    let serve = |words: &[&str], name: &str| {
        let mut command =
            folder.command(&[&["serve", "--listen", "127.0.0.1:0", "--json", "--no-demo"], words].concat());
        command.env("INBOXOPS_LOG_FORMAT", "json").env("INBOXOPS_LOG_LEVEL", "info").env("INBOXOPS_ACCESS_LOG", "all");
        command.env("INBOXOPS_BEHIND_PROXY", "true");
        let mut server = TestServer::start({
            command.env("INBOXOPS_TOKEN", edge).stderr(File::create(log(name)).expect("a file"));
            command
        });
        server.said = serde_json::from_str(&server.line()).expect("JSON");
        server
    };
    let core = serve(&[], "core");
    let door = serve(&["--role", "edge", "--core", core.url()], "edge");
    for (server, name) in [(&core, "in-process"), (&door, "far")] {
        let ask = |path: &str, key: &str, id: &str| {
            let address = server.url().trim_start_matches("http://");
            let mut stream = TcpStream::connect(address).expect("a connection");
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
                 x-request-id: {id}-{name}\r\nx-forwarded-for: 203.0.113.9\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).expect("a request");
            stream.read_to_end(&mut Vec::new()).expect("an answer");
        };
        ask("/api/v1/tickets?q=private", key, "good");
        ask("/api/v1/tickets", "ixk_wrong", "stranger");
        ask("/healthz", key, "probe");
    }
    assert_eq!(door.stop().code(), Some(0));
    assert_eq!(core.stop().code(), Some(0));
    let list = json!("/inboxops.v1.TicketService/ListTickets");
    for (file, id, path, status, rpc, of) in [
        ("core", "good-in-process", "/api/v1/tickets", 200, &list, json!(tenant)),
        ("core", "stranger-in-process", "/api/v1/tickets", 401, &list, Value::Null),
        ("core", "probe-in-process", "/healthz", 200, &Value::Null, Value::Null),
        ("core", "good-far", list.as_str().expect("text"), 200, &list, json!(tenant)),
        ("edge", "good-far", "/api/v1/tickets", 200, &list, Value::Null),
        ("edge", "stranger-far", "/api/v1/tickets", 401, &list, Value::Null),
    ] {
        let text = fs::read_to_string(log(file)).expect("a log");
        let lines: Vec<_> = requests(&text).into_iter().filter(|(of, _)| of == id).collect();
        assert_eq!(lines.len(), 1, "{file} {id}: {text}");
        let line = &lines[0].1;
        assert_eq!((&line["path"], &line["status"]), (&json!(path), &json!(status)), "{line}");
        assert_eq!(line["client"], "203.0.113.9", "{line}");
        assert_eq!((&line["rpc"], &line["tenant"]), (rpc, &of), "{file} {line}");
        assert!(!text.contains("private") && !text.contains(&key[8..]), "{text}");
    }
}
