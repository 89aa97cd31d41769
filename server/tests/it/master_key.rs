//! `secrets rotate-master-key` on real databases: webhooks are still signed with the secrets that were shown, and the
//! command may be interrupted at any moment.

use crate::{
    receiver::Receiver,
    support::{CommandOutput, TestFolder, TestServer},
};
use inboxops_proto::clock::Clock;
use inboxops_testkit::{Postgres, postgres};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Stdio, time::Instant};

const ROTATE: &[&str] = &["secrets", "rotate-master-key"];

/// An installation with an endpoint that has every kind of sealed value: two live secrets and a header.
struct Installation {
    folder: TestFolder,
    postgres: Option<Postgres>,
    receiver: Receiver,
    key: String,
    inbox: String,
    secrets: [String; 2],
}

impl Installation {
    /// On PostgreSQL, or on its own SQLite.
    fn on(postgres: Option<Postgres>, endpoints: usize) -> Installation {
        let (folder, receiver) = (TestFolder::new(), Receiver::open());
        let secrets = [String::new(), String::new()];
        let mut it = Installation { folder, postgres, receiver, key: String::new(), inbox: String::new(), secrets };
        let server = it.serve();
        let tenant = it.json(&["tenant", "create", "--name", "Acme", "--plan", "business"]);
        let tenant = tenant["id"].as_str().expect("an id");
        it.inbox = text(&it.json(&["inbox", "create", "--tenant", tenant, "--name", "Support"])["id"]);
        it.key = text(&it.json(&["key", "create", "--tenant", tenant, "--name", "k"])["key"]);
        for at in 0..endpoints {
            // All but the first subscribe to an event that never happens here.
            let event = if at == 0 { "ticket.created" } else { "inbox.error" };
            let body = json!({
                "url": format!("http://{}/{at}", it.receiver.address),
                "events": [event],
                "headers": [{ "name": "x-ours", "value": "sealed, too" }],
            });
            let (status, made) = server.ask("POST", "/api/v1/webhooks", &it.key, Some(&body));
            assert_eq!(status, 201, "{made}");
            if at == 0 {
                let path = format!("/api/v1/webhooks/{}/rotate-secret", text(&made["data"]["id"]));
                let (status, turned) = server.ask("POST", &path, &it.key, Some(&json!({})));
                assert_eq!(status, 200, "{turned}");
                it.secrets = [text(&made["data"]["secret"]), text(&turned["data"]["secret"])];
            }
        }
        server.stop();
        it
    }

    fn words<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        let database = self.postgres.iter().flat_map(|it| ["--database-url", &it.url]);
        words.iter().copied().chain(database).collect()
    }

    fn run(&self, words: &[&str]) -> CommandOutput {
        self.folder.run(&self.words(words))
    }

    fn json(&self, words: &[&str]) -> Value {
        self.folder.json(&self.words(words))
    }

    fn serve(&self) -> TestServer {
        let limit = [("INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE", "1000000")];
        self.folder.serve_with(&self.words(&["--no-demo", "--allow-private-targets"]), &limit)
    }

    fn key_file(&self) -> PathBuf {
        self.folder.data().join("master.key")
    }

    fn beside_it(&self) -> PathBuf {
        self.folder.data().join("master.key.next")
    }

    /// Starts a server; its next webhook is signed with both secrets as they were shown, and has the header.
    fn sends_as_before(&self) {
        let server = self.serve();
        let body = json!({ "subject": "Hello", "inbox_id": self.inbox });
        let (status, answer) = server.ask("POST", "/api/v1/tickets", &self.key, Some(&body));
        assert_eq!(status, 201, "{answer}");
        let webhook = self.receiver.next();
        let now = Clock::System.now();
        assert!(self.secrets.iter().all(|secret| webhook.signed_standard(secret, now)), "{}", webhook.headers);
        assert!(webhook.signed_ours(&self.secrets[0]), "{}", webhook.headers);
        assert_eq!(webhook.header("x-ours"), "sealed, too");
        server.stop();
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn check(it: &Installation) {
    it.sends_as_before();
    let old = fs::read_to_string(it.key_file()).expect("a key");
    let said = it.json(ROTATE);
    assert_eq!((&said["endpoints"], &said["key_version"]), (&json!(3), &json!(2)), "{said}");
    let new = fs::read_to_string(it.key_file()).expect("a key");
    assert_ne!(new, old);
    assert_eq!(fs::metadata(it.key_file()).expect("a file").permissions().mode() & 0o777, 0o600);
    let kept = PathBuf::from(text(&said["old_key_file"]));
    assert_eq!(fs::read_to_string(it.folder.path().join(&kept)).expect("the old key"), old, "for backups made before");
    assert!(!it.beside_it().exists());
    it.sends_as_before();

    // Interrupted after the database had accepted the new key, before the file was in its place.
    fs::rename(it.key_file(), it.beside_it()).expect("moved");
    fs::write(it.key_file(), &old).expect("the old key");
    it.sends_as_before();
    assert_eq!(fs::read_to_string(it.key_file()).expect("a key"), new, "the start puts it there");
    fs::rename(it.key_file(), it.beside_it()).expect("moved");
    fs::write(it.key_file(), &old).expect("the old key");
    assert_eq!(it.json(ROTATE)["endpoints"], Value::Null, "finished, not begun again");
    assert_eq!(fs::read_to_string(it.key_file()).expect("a key"), new);

    // Interrupted before the database had accepted it: the file is whole, or cut short.
    for next in [&old[..], "c2hvcnQ="] {
        fs::write(it.beside_it(), next).expect("a key in vain");
        it.sends_as_before();
        assert_eq!(fs::read_to_string(it.key_file()).expect("a key"), new);
    }
    let said = it.json(ROTATE);
    assert_eq!((&said["endpoints"], &said["key_version"]), (&json!(3), &json!(3)), "{said}");
    it.sends_as_before();
    fs::write(it.key_file(), &new).expect("the key before");
    let refused = it.run(&["tenant", "list"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("master key is not the one"), "{}", refused.err);
}

#[test]
fn webhooks_go_on_with_their_secrets_under_a_new_master_key_on_sqlite() {
    check(&Installation::on(None, 3));
}

#[test]
fn webhooks_go_on_with_their_secrets_under_a_new_master_key_on_postgres() {
    check(&Installation::on(Some(postgres()), 3));
}

/// Kills the command at moments spread over its duration; each time, everything is as it was.
fn kill(it: &Installation) {
    let begun = Instant::now();
    it.json(ROTATE);
    let (mut took, mut cut_short) = (begun.elapsed(), 0);
    for round in 0..40 {
        let after = took.mul_f64(f64::from(round % 8 + 1) / 8.0);
        let mut command = it.folder.command(&it.words(ROTATE));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
        let begun = Instant::now();
        while begun.elapsed() < after && child.try_wait().expect("a status").is_none() {
            std::thread::yield_now();
        }
        match child.try_wait().expect("a status") {
            None => cut_short += 1,
            // The machine is less busy than when the command was timed.
            Some(_) => took = took.mul_f64(0.8),
        }
        child.kill().expect("killed");
        child.wait().expect("its end");
        it.sends_as_before();
        // The killed one counts as alive for ten seconds.
        it.postgres.iter().for_each(|postgres| postgres.run("DELETE FROM cores"));
        if cut_short == 10 {
            return;
        }
    }
    panic!("only {cut_short} were cut short");
}

#[test]
fn the_change_of_a_master_key_may_be_killed_at_any_moment_on_sqlite() {
    kill(&Installation::on(None, 60));
}

#[test]
fn the_change_of_a_master_key_may_be_killed_at_any_moment_on_postgres() {
    kill(&Installation::on(Some(postgres()), 60));
}

#[test]
fn a_master_key_is_not_changed_under_a_running_server() {
    let it = Installation::on(None, 1);
    let server = it.serve();
    let refused = it.run(ROTATE);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("another inboxops"), "{}", refused.err);
    let elsewhere = it.run(&["secrets", "rotate-master-key", "--server", server.url(), "--token", "ixs_x"]);
    assert_eq!(elsewhere.code, Some(2), "{elsewhere:?}");
    server.stop();

    // On PostgreSQL a server may be on another machine.
    let far = Installation::on(Some(postgres()), 1);
    let running = far.serve();
    let here = TestFolder::new();
    fs::create_dir(here.data()).expect("a folder");
    fs::copy(far.key_file(), here.data().join("master.key")).expect("the same key");
    let words = far.words(ROTATE);
    let refused = here.run(&words);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("in use by 1 other inboxops"), "{}", refused.err);
    running.stop();
    let done = here.run(&words);
    assert_eq!(done.code, Some(0), "{done:?}");
    let refused = far.run(&["tenant", "list"]);
    assert!(refused.err.contains("master key is not the one"), "{}", refused.err);
    fs::copy(here.data().join("master.key"), far.key_file()).expect("the new key");
    far.sends_as_before();
}

#[test]
fn a_master_key_that_is_a_setting_is_changed_into_one_of_a_file() {
    let folder = TestFolder::new();
    let old = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let with = |key: &str, words: &[&str]| {
        let output = folder.command(words).env("INBOXOPS_MASTER_KEY", key).output().expect("the binary runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for words in [&["migrate"][..], &["tenant", "create", "--name", "Acme"]] {
        assert_eq!(with(old, words).0, Some(0));
    }
    let (code, said) = with(old, ROTATE);
    assert_eq!(code, Some(2));
    assert!(said.contains("--new-key-file"), "{said}");
    let into = [ROTATE, &["--new-key-file", "new.key"]].concat();
    for _ in 0..2 {
        assert_eq!(with(old, &into).0, Some(0), "a second time changes nothing");
    }
    assert_eq!(with(old, &["tenant", "list"]).0, Some(1));
    let new = fs::read_to_string(folder.path().join("new.key")).expect("a key");
    assert_eq!(with(new.trim(), &["tenant", "list"]).0, Some(0));
    assert!(!folder.data().join("master.key").exists());
}
