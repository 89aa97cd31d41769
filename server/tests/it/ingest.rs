//! Mail by the command line: what a mail server's pipe sees, and archives that are taken in twice.

use crate::house::{Done, House, PATIENCE};
use serde_json::{Value, json};
use std::{
    io::Write as _,
    process::{Child, Command, Stdio},
    time::Instant,
};

const NOBODY: &str = "019ab5f0-0000-7000-8000-000000000001";

fn with_input(mut command: Command, input: &[u8]) -> Done {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child: Child = piped.spawn().expect("the binary runs");
    // A command that refuses at once reads nothing.
    let _ = child.stdin.take().expect("its input").write_all(input);
    let output = child.wait_with_output().expect("its end");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Done { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn mail(at: usize) -> String {
    format!("Message-ID: <{at}@x>\nFrom: Ada <ada@example.com>\nSubject: Mail {at}\n\nHello number {at}.\n")
}

/// Makes a tenant with an inbox; its id.
fn tenant(house: &House) -> String {
    let tenant = house.json(&["tenant", "create", "--name", "Acme", "--plan", "business"]);
    let id = tenant["id"].as_str().expect("an id").to_owned();
    house.json(&["inbox", "create", "--tenant", &id, "--name", "Support", "--address", "support@example.com"]);
    id
}

#[test]
fn a_pipe_without_a_server_is_told_to_try_again() {
    let house = House::new();
    let id = tenant(&house);
    let words = ["ingest", "--tenant", &id, "--inbox", "support@example.com"];
    let done = with_input(house.command(&words), mail(1).as_bytes());
    assert_eq!((done.code, done.out.as_str(), done.err.lines().count()), (Some(75), "", 1), "{done:?}");
    let elsewhere = [&words[..], &["--server", "http://127.0.0.1:1", "--token", "ixs_x"]].concat();
    let done = with_input(house.command(&elsewhere), mail(1).as_bytes());
    assert_eq!((done.code, done.err.lines().count()), (Some(75), 1), "{done:?}");
}

#[test]
fn a_pipe_with_a_wrong_tenant_or_inbox_fails_for_good() {
    let house = House::new();
    let _server = house.serve(&["--no-demo"]);
    let id = tenant(&house);
    for (tenant, inbox) in [(NOBODY, "support@example.com"), ("x", "support@example.com"), (&id, "x@y"), (&id, NOBODY)]
    {
        let words = ["ingest", "--tenant", tenant, "--inbox", inbox];
        let done = with_input(house.command(&words), mail(1).as_bytes());
        assert_eq!((done.code, done.err.lines().count()), (Some(1), 1), "{tenant} {inbox}: {done:?}");
    }
    let missing = house.run(&["ingest", "--tenant", &id, "--inbox", "support@example.com", "no.mbox"]);
    assert_eq!((missing.code, missing.err.lines().count()), (Some(1), 1), "{missing:?}");
}

#[test]
fn a_mail_from_standard_input_is_a_ticket_and_an_archive_adds_what_is_new() {
    let house = House::new();
    let server = house.serve(&["--no-demo"]);
    let id = tenant(&house);
    let key = house.json(&["key", "create", "--tenant", &id, "--name", "k"]);
    let key = key["key"].as_str().expect("a key");
    let words = ["ingest", "--tenant", &id, "--inbox", "support@example.com"];
    let done = with_input(house.command(&[&words[..], &["--json"]].concat()), mail(0).as_bytes());
    assert_eq!(done.code, Some(0), "{done:?}");
    let said: Value = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!((&said["mails"], &said["opened"], &said["duplicates"]), (&json!(1), &json!(1), &json!(0)));

    let mbox: String = (0..300).map(|at| format!("From x@y Tue Nov 24 10:00:00 2026\n{}\n", mail(at))).collect();
    std::fs::write(house.path().join("all.mbox"), mbox).expect("a file");
    std::fs::write(house.path().join("one.eml"), mail(300)).expect("a file");
    let files = [&words[..], &["all.mbox", "one.eml"]].concat();
    for (opened, duplicates) in [(300, 1), (0, 301)] {
        let said = house.json(&files);
        assert_eq!((&said["mails"], &said["opened"]), (&json!(301), &json!(opened)));
        assert_eq!(said["duplicates"], json!(duplicates));
        assert_eq!(server.ask("GET", "/api/v1/tickets?per_page=1", key, None).1["meta"]["total"], json!(301));
    }
}

#[test]
fn a_core_killed_in_the_middle_has_every_mail_once_after_the_same_command() {
    let house = House::new();
    // The test asks more often than a tenant may.
    let mut server = house.serve_with(&["--no-demo"], &[("INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE", "1000000")]);
    let id = tenant(&house);
    let mbox: String = (0..1000).map(|at| format!("From x@y Tue Nov 24 10:00:00 2026\n{}\n", mail(at))).collect();
    std::fs::write(house.path().join("all.mbox"), &mbox).expect("a file");
    let words = ["ingest", "--tenant", &id, "--inbox", "support@example.com"];
    let key = house.json(&["key", "create", "--tenant", &id, "--name", "k"]);
    let key = key["key"].as_str().expect("a key");
    let mut command = house.command(&words);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("it runs");
    let mut input = child.stdin.take().expect("its input");
    let total = |server: &crate::house::Server| {
        server.ask("GET", "/api/v1/tickets?per_page=1", key, None).1["meta"]["total"].as_u64().expect("a number")
    };
    let (first, rest) = mbox.split_at(mbox.len() / 2);
    input.write_all(first.as_bytes()).expect("half of it");
    let begun = Instant::now();
    while total(&server) < 100 {
        assert!(begun.elapsed() < PATIENCE, "no mail comes in");
    }
    server.signal(rustix::process::Signal::KILL);
    server.end();
    // It may have given up already.
    let _ = input.write_all(rest.as_bytes());
    drop(input);
    assert_eq!(child.wait().expect("its end").code(), Some(75), "try again");
    let server = house.serve(&["--no-demo"]);
    assert_eq!(house.json(&[&words[..], &["all.mbox"]].concat())["mails"], json!(1000));
    assert_eq!(total(&server), 1000);
}
