//! A server from its first start to its end.

use crate::support::{TestFolder, TestServer};
use inboxops_testkit::postgres;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Waits until the condition holds, within the test's patience.
fn wait(holds: impl Fn() -> bool) {
    let from = Instant::now();
    while !holds() {
        assert!(from.elapsed() < Duration::from_secs(30), "it never holds");
        std::thread::yield_now();
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[test]
fn the_first_start_prints_lines_that_work_and_the_console_shows_the_webhook() {
    let folder = TestFolder::new();
    let mut server = TestServer::start(folder.command(&["serve", "--listen", "127.0.0.1:0"]));
    let (create, list) = (server.line_of("curl "), server.line_of("curl "));
    let curl = |line: &str| {
        let output = Command::new("sh").arg("-c").arg(line).output().expect("a shell");
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|error| panic!("{line}: {error}: {output:?}"))
    };
    let made = curl(&create);
    assert_eq!(made["data"]["ticket_number"], 4, "{made}");
    let told = server.line_of("webhook");
    assert!(told.starts_with("webhook verified: ticket.created (event "), "{told}");
    let listed = curl(&list);
    assert_eq!(listed["meta"]["total"], 4, "{listed}");
    assert_eq!(listed["data"][0]["ticket_number"], 4);
}

#[test]
fn a_second_start_keeps_the_demo_and_its_receiver() {
    let folder = TestFolder::new();
    let first = folder.serve(&[]);
    let key = text(&first.said["key"]).to_owned();
    assert_eq!(first.said["development"], true);
    assert!(first.stop().success());
    let mut second = TestServer::start(folder.command(&["serve", "--listen", "127.0.0.1:0"]));
    let line = second.line();
    let url = line.strip_prefix("InboxOps is running at ").unwrap_or_else(|| panic!("{line}"));
    second.said = json!({ "url": url });
    let inbox = second.ask("GET", "/api/v1/inboxes", &key, None).1["data"][0]["id"].clone();
    let body = json!({"subject": "Again", "inbox_id": inbox});
    assert_eq!(second.ask("POST", "/api/v1/tickets", &key, Some(&body)).0, 201);
    let told = second.line_of("webhook");
    assert!(told.starts_with("webhook verified: ticket.created"), "{told}");
}

#[test]
fn on_postgresql_two_cores_serve_one_database() {
    let database = postgres();
    let at = ["--database-url", &database.url];
    let (first, second) = (TestFolder::new(), TestFolder::new());
    let mut one = TestServer::start(first.command(&[&["serve", "--listen", "127.0.0.1:0"][..], &at].concat()));
    let line = one.line();
    one.said = json!({ "url": line.strip_prefix("InboxOps is running at ").unwrap_or_else(|| panic!("{line}")) });
    let curl = one.line_of("curl ");
    let (_, after) = curl.split_once("Bearer ").expect("a key");
    let key = &after[..46];
    // The key that seals the database's secrets is the same on all its cores.
    std::fs::create_dir(second.data()).expect("a folder");
    std::fs::copy(first.data().join("master.key"), second.data().join("master.key")).expect("the master key");
    let two = second.serve(&[&["--no-demo", "--allow-private-targets"][..], &at].concat());
    let inbox = two.ask("GET", "/api/v1/inboxes", key, None).1["data"][0]["id"].clone();
    let ticket = json!({"subject": "Shared", "inbox_id": inbox});
    assert_eq!(one.ask("POST", "/api/v1/tickets", key, Some(&ticket)).0, 201);
    let told = one.line_of("webhook");
    assert!(told.starts_with("webhook verified: ticket.created"), "{told}");
    assert_eq!(two.ask("GET", "/api/v1/tickets/4", key, None).1["data"]["subject"], "Shared");
    let keys = second.json(&["tenant", "list"]);
    let listed = second.json(&["key", "list", "--tenant", text(&keys[0]["id"])]);
    second.json(&["key", "revoke", text(&listed[0]["id"])]);
    assert_eq!(two.ask("GET", "/api/v1/tickets", key, None).0, 401, "at once where it was revoked");
}

#[test]
fn without_a_demo_nothing_is_made_and_private_targets_are_refused() {
    let folder = TestFolder::new();
    let server = folder.serve(&["--no-demo"]);
    assert_eq!((&server.said["development"], &server.said["tenant_id"]), (&json!(false), &Value::Null));
    assert_eq!(folder.json(&["tenant", "list"]), json!([]));
    let tenant = folder.json(&["tenant", "create", "--name", "A", "--plan", "business"]);
    let key = folder.json(&["key", "create", "--tenant", text(&tenant["id"]), "--name", "k"]);
    let body = json!({"url": "http://127.0.0.1:9/", "events": ["*"]});
    let (status, answer) = server.ask("POST", "/api/v1/webhooks", text(&key["key"]), Some(&body));
    assert_eq!(status, 422, "{answer}");
}

#[test]
fn a_signal_ends_it_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = TestFolder::new();
        let mut server = folder.serve(&["--no-demo"]);
        let socket = folder.data().join("inboxops.sock");
        assert!(socket.exists());
        server.signal(signal);
        assert!(server.end().success(), "{signal:?}");
        assert!(!socket.exists(), "the socket goes with its server");
        assert!(!folder.data().join("inboxops.db-wal").exists(), "the database is closed");
    }
}

#[test]
fn a_killed_server_leaves_nothing_in_the_way_of_the_next() {
    let folder = TestFolder::new();
    let mut server = folder.serve(&["--no-demo"]);
    server.signal(Signal::KILL);
    assert!(!server.end().success());
    assert!(folder.data().join("inboxops.sock").exists(), "its socket file is still there");
    folder.json(&["tenant", "create", "--name", "Without a server"]);
    let _next = folder.serve(&["--no-demo"]);
    assert_eq!(folder.json(&["tenant", "list"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn parts_in_processes_of_their_own_do_what_one_process_does() {
    let folder = TestFolder::new();
    let core = folder.serve(&["--no-demo", "--role", "core", "--allow-private-targets"]);
    let token = folder.json(&["token", "create", "--name", "edge"]);
    let dispatch_only = folder.json(&["token", "create", "--name", "worker", "--dispatch-only"]);
    let elsewhere = TestFolder::new();
    let part = |role: &str, token: &Value| {
        let words = ["--role", role, "--core", core.url(), "--allow-private-targets"];
        elsewhere.serve_with(&words, &[("INBOXOPS_TOKEN", text(&token["token"]))])
    };
    let (edge, _worker) = (part("edge", &token), part("worker", &dispatch_only));
    let tenant = folder.json(&["tenant", "create", "--name", "A", "--plan", "business"]);
    let id = text(&tenant["id"]);
    let inbox = folder.json(&["inbox", "create", "--tenant", id, "--name", "I"]);
    let key = folder.json(&["key", "create", "--tenant", id, "--name", "k"]);
    let key = text(&key["key"]);
    let receiver = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", receiver.local_addr().expect("an address"));
    let (status, made) =
        edge.ask("POST", "/api/v1/webhooks", key, Some(&json!({"url": url, "events": ["ticket.created"]})));
    assert_eq!(status, 201, "{made}");
    let ticket = json!({"subject": "Far away", "inbox_id": inbox["id"]});
    let (status, made) = edge.ask("POST", "/api/v1/tickets", key, Some(&ticket));
    assert_eq!(status, 201, "{made}");
    assert_eq!(edge.ask("GET", "/api/v1/tickets/1", key, None).1["data"]["subject"], "Far away");
    assert_eq!(edge.ask("GET", "/api/v1/tickets/1", "ixk_wrong", None).0, 401);
    assert_eq!(core.ask("GET", "/api/v1/tickets/1", key, None).0, 404, "a core alone has no REST");
    let (stream, _) = receiver.accept().expect("the webhook arrives");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("a request");
    assert_eq!(line, "POST / HTTP/1.1\r\n");
    assert!(!elsewhere.data().exists(), "an edge and a worker keep nothing");
    wait(|| edge.ask("GET", "/readyz", "", None).0 == 200);
    // The worker's stream does not delay the end of the core.
    let from = Instant::now();
    assert!(core.stop().success());
    assert!(from.elapsed() < Duration::from_secs(10), "{:?}", from.elapsed());
    wait(|| edge.ask("GET", "/readyz", "", None).0 == 503);
    assert_eq!(edge.ask("GET", "/api/v1/tickets/1", key, None).0, 503);
}

#[test]
fn a_start_tells_which_inboxes_share_an_address() {
    let (folder, database) = (TestFolder::new(), postgres());
    let on = ["--database-url", &database.url];
    let run = |words: &[&str]| folder.json(&[words, &on].concat());
    run(&["migrate"]);
    let tenant = run(&["tenant", "create", "--name", "Acme"]);
    let tenant = tenant["id"].as_str().expect("an id");
    let ids = ["help@example.com", "sales@example.com"].map(|address| {
        let made = run(&["inbox", "create", "--tenant", tenant, "--name", "Inbox", "--address", address]);
        made["id"].as_str().expect("an id").to_owned()
    });
    // As an earlier release allowed.
    database.run("UPDATE inboxes SET email_address = 'Help@Example.com', email_folded = 'help@example.com'");
    let mut command = folder.command(&[&["serve", "--listen", "127.0.0.1:0", "--no-demo"], &on[..]].concat());
    let mut child = command
        .env("INBOXOPS_LOG_LEVEL", "warn")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let lines = BufReader::new(child.stderr.take().expect("its log")).lines().map_while(Result::ok);
    let told = lines.into_iter().find(|line| line.contains("share the address")).expect("a line");
    assert!([tenant, "help@example.com", &ids[0], &ids[1]].iter().all(|word| told.contains(word)), "{told}");
    child.kill().expect("it ends");
    child.wait().expect("its end");
}
