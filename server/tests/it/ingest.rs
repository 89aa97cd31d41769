//! `inboxops ingest`: what a mail server's pipe sees, and archives that are imported twice.

use crate::support::{CommandOutput, PATIENCE, TestFolder};
use serde_json::{Value, json};
use std::{
    io::Write as _,
    process::{Child, Command, Stdio},
    time::Instant,
};

const NOBODY: &str = "019ab5f0-0000-7000-8000-000000000001";

fn with_input(mut command: Command, input: &[u8]) -> CommandOutput {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child: Child = piped.spawn().expect("the binary runs");
    // A command that refuses at once reads nothing.
    let _ = child.stdin.take().expect("its input").write_all(input);
    let output = child.wait_with_output().expect("its end");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    CommandOutput { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn mail(at: usize) -> String {
    format!("Message-ID: <{at}@x>\nFrom: Ada <ada@example.com>\nSubject: Mail {at}\n\nHello number {at}.\n")
}

/// Creates a tenant with an inbox; returns its id.
fn tenant(folder: &TestFolder) -> String {
    let tenant = folder.json(&["tenant", "create", "--name", "Acme", "--plan", "business"]);
    let id = tenant["id"].as_str().expect("an id").to_owned();
    folder.json(&["inbox", "create", "--tenant", &id, "--name", "Support", "--address", "support@example.com"]);
    id
}

/// Runs a command that reads standard input and ends with 75; returns its one line.
fn deferred(folder: &TestFolder, words: &[&str]) -> String {
    let done = with_input(folder.command(words), mail(1).as_bytes());
    assert_eq!((done.code, done.out.as_str()), (Some(75), ""), "{words:?}: {done:?}");
    assert!(done.err.starts_with("error: "), "{words:?}: {done:?}");
    done.err
}

#[test]
fn whatever_keeps_a_mail_of_a_pipe_from_being_recorded_it_is_to_try_again_and_says_why() {
    let folder = TestFolder::new();
    folder.json(&["migrate"]);
    let id = tenant(&folder);
    let ingest = ["ingest", "--tenant", &id, "--inbox", "support@example.com"];
    let with = |more: &[&str]| deferred(&folder, &[&ingest[..], more].concat());
    // No server.
    assert!(with(&[]).contains("no server runs"));
    for server in ["http://127.0.0.1:1", "https://127.0.0.1:1", "http://no.host.invalid"] {
        let said = with(&["--server", server, "--token", "ixs_x"]);
        assert!(said.contains(server) && said.lines().count() == 1, "{said}");
    }
    // A malformed command line.
    assert!(with(&["--nonsense"]).contains("--nonsense"));
    assert!(deferred(&folder, &["ingest", "--tenant", &id]).contains("--inbox"));
    assert!(deferred(&folder, &["--config", "ingest", "--tenant", &id, "--inbox", "x@y"]).contains("error"));
    assert!(deferred(&folder, &["injest", "--tenant", &id, "--inbox", "support@example.com"]).contains("ingest"));
    // Wrong settings.
    std::fs::write(folder.path().join("wrong.toml"), "listen = [").expect("a file");
    std::fs::write(folder.path().join("strange.toml"), "lisen = '127.0.0.1:1'").expect("a file");
    for (setting, words) in [
        (["--config", "none.toml"], "none.toml"),
        (["--config", "wrong.toml"], "wrong.toml"),
        (["--config", "strange.toml"], "lisen"),
        (["--server", "nonsense"], "http or https"),
        (["--server", "http://127.0.0.1:1"], "service token"),
        (["--database-url", "mysql://x"], "database_url"),
    ] {
        let said = with(&setting);
        assert!(said.contains(words), "{setting:?}: {said}");
    }
    // Wrong tenants, inboxes and tokens.
    let server = folder.serve(&["--no-demo"]);
    let url = server.url().to_owned();
    for (tenant, inbox, words) in [
        (NOBODY, "support@example.com", "check --tenant"),
        ("x", "support@example.com", "check --tenant"),
        (&id, "x@y", "check --inbox"),
        (&id, NOBODY, "check --inbox"),
        (&id, "", "inbox"),
    ] {
        let said = deferred(&folder, &["ingest", "--tenant", tenant, "--inbox", inbox]);
        assert!(said.contains(words) && said.lines().count() == 1, "{tenant} {inbox}: {said}");
    }
    let key =
        folder.json(&["key", "create", "--tenant", &id, "--name", "k"])["key"].as_str().expect("a key").to_owned();
    let worker = folder.json(&["token", "create", "--name", "w", "--dispatch-only"]);
    for token in ["ixs_x", "\u{e9}", &key, worker["token"].as_str().expect("a token")] {
        let said = with(&["--server", &url, "--token", token]);
        assert!(said.contains("token") && said.lines().count() == 1, "{token}: {said}");
    }
    assert!(with(&["--server", &url.replace("http:", "https:"), "--token", "ixs_x"]).contains("no answer"));
    // A file among them changes nothing while a mail may come from standard input.
    with(&["none.mbox", "-"]);
    let empty = with_input(folder.command(&ingest), b"");
    assert_eq!((empty.code, empty.err.contains("nothing came")), (Some(75), true), "{empty:?}");
}

#[test]
fn only_a_named_file_that_cannot_be_read_is_a_failure_for_good() {
    let folder = TestFolder::new();
    let _server = folder.serve(&["--no-demo"]);
    let id = tenant(&folder);
    std::fs::write(folder.path().join("one.eml"), mail(1)).expect("a file");
    std::fs::write(folder.path().join("empty.mbox"), "").expect("a file");
    let ingest = ["ingest", "--tenant", &id, "--inbox", "support@example.com"];
    for (words, code) in [
        (&["one.eml"][..], 0),
        (&["empty.mbox"], 0),
        (&["no.mbox"], 1),
        (&["one.eml", "data"], 1),
        (&["one.eml", "--nonsense"], 75),
        (&["one.eml", "--data-dir", "elsewhere"], 75),
        (&["no.mbox", "--config", "none.toml"], 75),
    ] {
        let done = folder.run(&[&ingest[..], words].concat());
        assert_eq!(done.code, Some(code), "{words:?}: {done:?}");
    }
    let done = folder.run(&["ingest", "--tenant", &id, "--inbox", "x@y", "one.eml"]);
    assert_eq!((done.code, done.err.lines().count()), (Some(75), 1), "{done:?}");
    assert_eq!(folder.run(&["ingest", "--help"]).code, Some(0));
}

#[test]
fn addresses_of_an_envelope_may_hold_anything() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let folder = TestFolder::new();
    let _server = folder.serve(&["--no-demo"]);
    let id = tenant(&folder);
    let long = format!("--recipient={}@example.com", "x".repeat(400));
    let envelopes: [&[&[u8]]; 4] = [
        &[b"--sender=-dash@example.com", b"--recipient=-dash+t1@example.com"],
        &[b"--sender=\xffada@example.com", b"--recipient=\xff@example.com"],
        &[b"--sender=", b"--recipient="],
        &[b"--sender=<>", long.as_bytes()],
    ];
    for (at, words) in envelopes.iter().enumerate() {
        let mut command = folder.command(&["ingest", "--tenant", &id, "--inbox", "support@example.com"]);
        command.args(words.iter().map(|word| OsStr::from_bytes(word)));
        let done = with_input(command, mail(at).as_bytes());
        assert_eq!(done.code, Some(0), "{words:?}: {done:?}");
    }
}

#[test]
fn a_mail_from_standard_input_is_a_ticket_and_an_archive_adds_what_is_new() {
    let folder = TestFolder::new();
    let server = folder.serve(&["--no-demo"]);
    let id = tenant(&folder);
    let key = folder.json(&["key", "create", "--tenant", &id, "--name", "k"]);
    let key = key["key"].as_str().expect("a key");
    let words = ["ingest", "--tenant", &id, "--inbox", "support@example.com"];
    let done = with_input(folder.command(&[&words[..], &["--json"]].concat()), mail(0).as_bytes());
    assert_eq!(done.code, Some(0), "{done:?}");
    let said: Value = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!((&said["mails"], &said["opened"], &said["duplicates"]), (&json!(1), &json!(1), &json!(0)));

    let mbox: String = (0..300).map(|at| format!("From x@y Tue Nov 24 10:00:00 2026\n{}\n", mail(at))).collect();
    std::fs::write(folder.path().join("all.mbox"), mbox).expect("a file");
    std::fs::write(folder.path().join("one.eml"), mail(300)).expect("a file");
    let files = [&words[..], &["all.mbox", "one.eml"]].concat();
    for (opened, duplicates) in [(300, 1), (0, 301)] {
        let said = folder.json(&files);
        assert_eq!((&said["mails"], &said["opened"]), (&json!(301), &json!(opened)));
        assert_eq!(said["duplicates"], json!(duplicates));
        assert_eq!(server.ask("GET", "/api/v1/tickets?per_page=1", key, None).1["meta"]["total"], json!(301));
    }
}

#[test]
fn a_conversation_in_an_archive_is_one_ticket() {
    let folder = TestFolder::new();
    let _server = folder.serve(&["--no-demo"]);
    let id = tenant(&folder);
    let ingest = ["ingest", "--tenant", &id, "--inbox", "support@example.com", "all.mbox"];
    let one = |head: &str, subject: &str| {
        let line = "From ada@example.com Tue Nov 24 10:00:00 2026";
        format!("{line}\n{head}From: Ada <ada@example.com>\nSubject: {subject}\n\nwords\n\n")
    };
    for run in 0..3 {
        // Each answers the previous one; in a second thread each refers to the first.
        let mut mbox = String::new();
        for at in 0..30 {
            let before = if at > 0 { format!("In-Reply-To: <{run}.a{}@x>\n", at - 1) } else { String::new() };
            mbox += &one(&format!("Message-ID: <{run}.a{at}@x>\n{before}"), "chain");
            let first = if at > 0 { format!("References: <{run}.b0@x>\n") } else { String::new() };
            mbox += &one(&format!("Message-ID: <{run}.b{at}@x>\n{first}"), "star");
            // And one mail that belongs to no thread.
            mbox += &one(&format!("Message-ID: <{run}.c{at}@x>\n"), "alone");
        }
        std::fs::write(folder.path().join("all.mbox"), mbox).expect("a file");
        let said = folder.json(&ingest);
        assert_eq!((&said["mails"], &said["opened"], &said["joined"]), (&json!(90), &json!(32), &json!(58)), "{run}");
    }
    // Questions and answers in turn, and a sentence that looks like a separator line.
    let pairs: String = (0..150)
        .map(|at| {
            let question = one(&format!("Message-ID: <q{at}@x>\n"), "talk");
            question.replace("words", "words\n\nFrom 9:30 to 11:00 nobody answered the phone.")
                + &one(&format!("Message-ID: <r{at}@x>\nIn-Reply-To: <q{at}@x>\n"), "Re: talk")
        })
        .collect();
    std::fs::write(folder.path().join("all.mbox"), pairs).expect("a file");
    let said = folder.json(&ingest);
    assert_eq!((&said["mails"], &said["opened"], &said["joined"]), (&json!(300), &json!(150), &json!(150)));
}

#[test]
fn a_core_killed_in_the_middle_has_every_mail_once_after_the_same_command() {
    let folder = TestFolder::new();
    // The test makes more requests than a tenant may.
    let mut server = folder.serve_with(&["--no-demo"], &[("INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE", "1000000")]);
    let id = tenant(&folder);
    let mbox: String = (0..1000).map(|at| format!("From x@y Tue Nov 24 10:00:00 2026\n{}\n", mail(at))).collect();
    std::fs::write(folder.path().join("all.mbox"), &mbox).expect("a file");
    let words = ["ingest", "--tenant", &id, "--inbox", "support@example.com"];
    let key = folder.json(&["key", "create", "--tenant", &id, "--name", "k"]);
    let key = key["key"].as_str().expect("a key");
    let mut command = folder.command(&words);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("it runs");
    let mut input = child.stdin.take().expect("its input");
    let total = |server: &crate::support::TestServer| {
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
    // It may have ended already.
    let _ = input.write_all(rest.as_bytes());
    drop(input);
    assert_eq!(child.wait().expect("its end").code(), Some(75), "try again");
    let server = folder.serve(&["--no-demo"]);
    assert_eq!(folder.json(&[&words[..], &["all.mbox"]].concat())["mails"], json!(1000));
    assert_eq!(total(&server), 1000);
}
