//! `inboxops listen` and the stream of server-sent events against a real server: posted events can be verified, and no
//! event is lost when the server is killed.

use crate::{
    receiver::Receiver,
    support::{TestFolder, TestServer},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    time::Duration,
};

fn tenant(folder: &TestFolder) -> (String, String) {
    let tenant = folder.json(&["tenant", "create", "--name", "Acme", "--plan", "business"]);
    let id = tenant["id"].as_str().expect("an id").to_owned();
    let inbox = folder.json(&["inbox", "create", "--tenant", &id, "--name", "Support"]);
    let key = folder.json(&["key", "create", "--tenant", &id, "--name", "dev"]);
    (key["key"].as_str().expect("a key").to_owned(), inbox["id"].as_str().expect("an id").to_owned())
}

fn ticket(server: &TestServer, key: &str, inbox: &str, subject: &str) {
    let body = json!({ "subject": subject, "inbox_id": inbox });
    let (status, answer) = server.ask("POST", "/api/v1/tickets", key, Some(&body));
    assert_eq!(status, 201, "{answer}");
}

fn listen(folder: &TestFolder, server: &str, key: &str, words: &[&str]) -> TestServer {
    let mut command = folder.command(&[&["--server", server, "--json", "listen"], words].concat());
    command.env("INBOXOPS_API_KEY", key);
    TestServer::start(command)
}

fn line(listener: &mut TestServer) -> Value {
    let line = listener.line();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn start(folder: &TestFolder, address: &str) -> TestServer {
    let mut server = TestServer::start(folder.command(&["serve", "--json", "--no-demo", "--listen", address]));
    server.said = line(&mut server);
    server
}

/// A port that is free now, for a server that restarts on it.
fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string()
}

#[test]
fn events_are_posted_signed_and_a_killed_server_costs_none() {
    let folder = TestFolder::new();
    let address = free_port();
    let mut server = start(&folder, &address);
    let (key, inbox) = tenant(&folder);
    let receiver = Receiver::open();
    let url = format!("http://{}/hooks", receiver.address);
    let mut listener =
        listen(&folder, &format!("http://{address}"), &key, &["--forward-to", &url, "--events", "ticket.created"]);
    let said = line(&mut listener);
    assert!(said["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")), "{said}");
    // Nothing reports when it follows, so events are made until one arrives.
    let first = (0..300).find_map(|n| {
        ticket(&server, &key, &inbox, &format!("First {n}"));
        receiver.next_within(Duration::from_millis(100))
    });
    let first = first.expect("an event comes");
    assert_eq!(first.header("x-inboxops-event"), "ticket.created");
    assert!(first.header("x-inboxops-signature").starts_with("sha256="));
    assert!(first.header("webhook-signature").starts_with("v1,"));
    let event: Value = serde_json::from_str(&first.body).expect("JSON");
    assert_eq!(first.header("webhook-id"), event["event_id"]);
    let told = line(&mut listener);
    assert_eq!((&told["event"], &told["event_id"]), (&json!("ticket.created"), &event["event_id"]));
    assert_eq!((&told["response_status"], &told["attempt"]), (&json!(200), &json!(1)));

    for round in 0..2 {
        server.signal(rustix::process::Signal::KILL);
        server.end();
        server = start(&folder, &address);
        for n in 0..5 {
            ticket(&server, &key, &inbox, &format!("Round {round} {n}"));
        }
    }
    let mut seen = BTreeSet::new();
    let wanted = |seen: &BTreeSet<String>| seen.iter().filter(|subject| subject.starts_with("Round")).count() == 10;
    let mut ids = BTreeSet::from([event["event_id"].to_string()]);
    while !wanted(&seen) {
        let event: Value = serde_json::from_str(&receiver.next().body).expect("JSON");
        seen.insert(event["data"]["ticket"]["subject"].as_str().expect("a subject").to_owned());
        assert!(ids.insert(event["event_id"].to_string()), "an answered event is not posted again");
    }
    assert_eq!(listener.stop().code(), Some(0));
}

#[test]
fn without_a_server_named_the_socket_of_the_data_folder_leads_to_it() {
    let folder = TestFolder::new();
    // Port 0: nothing but the socket tells where the server is.
    let mut server = folder.serve(&["--no-demo"]);
    let (key, inbox) = tenant(&folder);
    let receiver = Receiver::open();
    let url = format!("http://{}/hooks", receiver.address);
    let mut command = folder.command(&["listen", "--json", "--forward-to", &url]);
    command.env("INBOXOPS_API_KEY", &key);
    let mut listener = TestServer::start(command);
    let said = line(&mut listener);
    assert!(said["server"].as_str().is_some_and(|server| server.ends_with("/inboxops.sock")), "{said}");
    let comes = |server: &TestServer, round: &str| {
        let came = (0..300).find_map(|n| {
            ticket(server, &key, &inbox, &format!("{round} {n}"));
            receiver.next_within(Duration::from_millis(100))
        });
        came.is_some_and(|came| came.body.contains(round))
    };
    assert!(comes(&server, "First"));
    // The tickets of the first round arrive before those of the next.
    server.signal(rustix::process::Signal::KILL);
    server.end();
    let server = folder.serve(&["--no-demo"]);
    ticket(&server, &key, &inbox, "Second");
    while !receiver.next().body.contains("Second") {}
    assert_eq!(listener.stop().code(), Some(0));
}

#[test]
fn without_any_server_the_command_says_where_it_looked() {
    let folder = TestFolder::new();
    let done = folder.run(&["--json", "listen", "--key", "ixk_x", "--forward-to", "http://127.0.0.1:39999"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    let failed: Value = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!(failed["error"]["code"], "no_answer");
    let message = failed["error"]["message"].as_str().expect("a message");
    assert!(message.contains("data folder") && message.contains("--server"), "{message}");
    assert!(!folder.data().exists(), "looking makes nothing");
}

#[test]
fn a_private_authority_counts_for_the_url_that_events_go_to() {
    let folder = TestFolder::new();
    let server = folder.serve(&["--no-demo"]);
    let (key, inbox) = tenant(&folder);
    ticket(&server, &key, &inbox, "One");
    ticket(&server, &key, &inbox, "Two");
    let (_, events) = server.ask("GET", "/api/v1/events?limit=1", &key, None);
    let cursor = events["meta"]["next_cursor"].as_str().unwrap_or_else(|| panic!("{events}")).to_owned();
    // Any TLS server answers something.
    let target = TestFolder::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (cert, signing) = (target.path().join("cert.pem"), target.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("a file");
    std::fs::write(&signing, made.signing_key.serialize_pem()).expect("a file");
    let receiver = target.serve(&["--no-demo", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    let url = format!("{}/hooks", receiver.url().replace("127.0.0.1", "localhost"));
    let told = |extra: Option<&std::path::Path>| {
        let words = ["--server", server.url(), "--json", "listen", "--forward-to", &url, "--after", &cursor];
        let mut command = folder.command(&words);
        command.env("INBOXOPS_API_KEY", &key);
        if let Some(extra) = extra {
            command.env("INBOXOPS_TLS__EXTRA_CA_FILE", extra);
        }
        let mut listener = TestServer::start(command);
        line(&mut listener);
        line(&mut listener)
    };
    let strange = told(None);
    assert!(strange["response_status"].is_null() && strange["error"].is_string(), "{strange}");
    assert_eq!(told(Some(&cert))["response_status"], json!(404));
    let mut command = folder.command(&["--server", server.url(), "listen", "--forward-to", &url]);
    command.env("INBOXOPS_API_KEY", &key).env("INBOXOPS_TLS__EXTRA_CA_FILE", "none.pem");
    assert_eq!(TestServer::start(command).end().code(), Some(78));
}

#[test]
fn a_wrong_key_url_or_cursor_ends_the_command() {
    let folder = TestFolder::new();
    let server = folder.serve(&["--no-demo"]);
    let (key, _) = tenant(&folder);
    let cases: &[(&str, &[&str], i32)] = &[
        ("", &["--forward-to", "http://127.0.0.1:39999"], 2),
        (&key, &["--forward-to", "http://example.com/x"], 2),
        (&key, &["--forward-to", "http://127.0.0.1:39999", "--secret", "x"], 2),
        (&key, &["--forward-to", "http://127.0.0.1:39999", "--after", "x"], 1),
        (&key, &["--forward-to", "http://127.0.0.1:39999", "--events", "x"], 1),
        ("ixk_wrong", &["--forward-to", "http://127.0.0.1:39999"], 1),
    ];
    for (key, words, code) in cases {
        let mut listener = listen(&folder, server.url(), key, words);
        assert_eq!(listener.end().code(), Some(*code), "{words:?}");
    }
}

/// Server-sent events, read by a plain client.
struct Events {
    reader: BufReader<TcpStream>,
    last: Option<String>,
}

impl Events {
    fn open(server: &TestServer, key: &str, last: Option<&str>) -> Events {
        let address = server.url().trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let last = last.map(|last| format!("last-event-id: {last}\r\n")).unwrap_or_default();
        let request = format!(
            "GET /api/v1/events?types=ticket.created HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\
             authorization: Bearer {key}\r\n{last}\r\n"
        );
        stream.write_all(request.as_bytes()).expect("a request");
        let mut events = Events { reader: BufReader::new(stream), last: None };
        let head = events.until_blank().expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.to_lowercase().contains("content-type: text/event-stream"), "{head}");
        events.next();
        assert!(events.last.is_some(), "the first says where the stream is");
        events
    }

    /// Lines up to an empty one; `None` if the server is gone.
    fn until_blank(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).unwrap_or(0) == 0 {
                return None;
            }
            if line.trim_end().is_empty() {
                return Some(text);
            }
            text.push_str(&line);
        }
    }

    /// The data of the next event, or an empty text for a comment that says where the stream is; `None` if the server is
    /// gone. Sizes of chunks are lines without a colon.
    fn next(&mut self) -> Option<String> {
        let mut data = None;
        loop {
            let block = self.until_blank()?;
            for line in block.lines() {
                match line.split_once(": ") {
                    Some(("id" | "", place)) => {
                        self.last = Some(place.to_owned());
                        data.get_or_insert_default();
                    }
                    Some(("data", text)) => data = Some(text.to_owned()),
                    _ => {}
                }
            }
            if data.is_some() {
                return data;
            }
        }
    }
}

#[test]
fn a_stream_goes_on_behind_its_last_event_after_the_server_was_killed() {
    let folder = TestFolder::new();
    let address = free_port();
    let mut server = start(&folder, &address);
    let (key, inbox) = tenant(&folder);
    let mut events = Events::open(&server, &key, None);
    let mut subjects = Vec::new();
    for round in 0..3 {
        for n in 0..4 {
            ticket(&server, &key, &inbox, &format!("{round} {n}"));
        }
        // Only a part is read before the kill; the rest must come after it.
        let data = std::iter::from_fn(|| events.next()).find(|data| !data.is_empty()).expect("an event");
        let event: Value = serde_json::from_str(&data).expect("JSON");
        subjects.push(event["data"]["ticket"]["subject"].as_str().expect("a subject").to_owned());
        server.signal(rustix::process::Signal::KILL);
        server.end();
        server = start(&folder, &address);
        let last = events.last.take().expect("an id");
        events = Events::open(&server, &key, Some(&last));
    }
    while subjects.len() < 12 {
        let data = events.next().expect("an event");
        if data.is_empty() {
            continue;
        }
        let event: Value = serde_json::from_str(&data).expect("JSON");
        subjects.push(event["data"]["ticket"]["subject"].as_str().expect("a subject").to_owned());
    }
    let expected: Vec<String> = (0..3).flat_map(|round| (0..4).map(move |n| format!("{round} {n}"))).collect();
    assert_eq!(subjects, expected, "each once, in order");
}
