//! Errors that stop a start, each with one line that says what to do.

use crate::support::{CommandOutput, TestFolder};
use inboxops_testkit::postgres;
use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _};

const SERVE: &[&str] = &["serve", "--listen", "127.0.0.1:0"];

fn refused(done: &CommandOutput, expected: &[&str]) {
    assert_eq!(done.code, Some(1), "{done:?}");
    let errors: Vec<&str> = done.err.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{}", done.err);
    for words in expected {
        assert!(errors[0].contains(words), "{}", errors[0]);
    }
}

#[test]
fn a_port_in_use() {
    let folder = TestFolder::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    refused(&folder.run(&["serve", "--listen", &address]), &[&address, "in use", "--listen"]);
}

#[test]
fn a_data_folder_that_cannot_be_written() {
    let folder = TestFolder::new();
    // A file in the folder's place stops the superuser as well, unlike permissions.
    fs::write(folder.data(), "").expect("a file in the way");
    refused(&folder.run(SERVE), &["cannot write to the data folder", "--data-dir"]);
    fs::remove_file(folder.data()).expect("the file goes");
    fs::create_dir(folder.data()).expect("a folder");
    fs::set_permissions(folder.data(), fs::Permissions::from_mode(0o555)).expect("permissions");
    if fs::write(folder.data().join("probe"), "").is_err() {
        refused(&folder.run(SERVE), &["cannot write to the data folder", "--data-dir"]);
    }
}

#[test]
fn another_process_in_the_data_folder() {
    let folder = TestFolder::new();
    let _server = folder.serve(&["--no-demo"]);
    refused(&folder.run(SERVE), &["another inboxops", "--data-dir"]);
}

#[test]
fn a_master_key_that_is_missing_or_another_one() {
    let folder = TestFolder::new();
    folder.json(&["migrate"]);
    let key = folder.data().join("master.key");
    assert_eq!(fs::metadata(&key).expect("a key file").permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&key).expect("the key");
    fs::remove_file(&key).expect("the key goes");
    for _ in 0..2 {
        refused(&folder.run(SERVE), &["master key", "is missing", "restore"]);
        assert!(!key.exists(), "no new key takes the place of the right one");
    }
    fs::write(&key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").expect("another key");
    refused(&folder.run(SERVE), &["master key"]);
    fs::write(&key, &text).expect("the right key");
    folder.json(&["tenant", "list"]);
    fs::remove_file(&key).expect("the key goes");
    let mut command = folder.command(&["tenant", "list"]);
    let output = command.env("INBOXOPS_MASTER_KEY", text.trim()).output().expect("the binary runs");
    assert!(output.status.success(), "the key can come from the environment");
}

#[test]
fn a_database_that_is_none() {
    let folder = TestFolder::new();
    fs::create_dir(folder.data()).expect("a folder");
    let text = "no database at all, but long enough to look like one".repeat(50);
    fs::write(folder.data().join("inboxops.db"), text).expect("a file");
    refused(&folder.run(SERVE), &["cannot open the database sqlite:", "file is not a database"]);
}

#[test]
fn a_database_that_a_newer_release_has_migrated() {
    let (folder, database) = (TestFolder::new(), postgres());
    let words = ["--database-url", &database.url, "migrate"];
    folder.json(&words);
    database.run(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (999, 'future', true, '', 1)",
    );
    refused(&folder.run(&words), &["cannot open the database postgres:", "999", "newer release"]);
}

#[test]
fn a_database_url_that_cannot_be_read() {
    let folder = TestFolder::new();
    let done = folder.run(&["--database-url", "postgres://me:hidden@127.0.0.1:port/x", "tenant", "list"]);
    assert_eq!(done.code, Some(78), "{done:?}");
    assert!(done.err.contains("database_url (INBOXOPS_DATABASE_URL"), "{}", done.err);
    assert!(!done.err.contains("hidden"), "{}", done.err);
}

#[test]
fn a_database_url_with_a_parameter_that_would_be_ignored() {
    let folder = TestFolder::new();
    let url = "postgres://me:hidden@127.0.0.1:1/x?sslmode=disable&conect_timeout=hidden";
    let done = folder.run(&["--database-url", url, "tenant", "list"]);
    assert_eq!(done.code, Some(78), "{done:?}");
    assert!(done.err.contains("\"conect_timeout\", which is not known"), "{}", done.err);
    assert!(!done.err.contains("hidden"), "{}", done.err);
}

#[test]
fn a_database_that_does_not_answer() {
    let folder = TestFolder::new();
    let done = folder.run(&["--database-url", "postgres://me:hidden@127.0.0.1:1/x", "tenant", "list"]);
    refused(&done, &["cannot open the database postgres://me:***@127.0.0.1:1/x", "not available"]);
    assert!(!done.err.contains("hidden"), "{}", done.err);
}

#[test]
fn a_command_in_the_wrong_place_makes_nothing() {
    let folder = TestFolder::new();
    let new_key = folder.path().join("new.key");
    let nobody = "019ab5f0-0000-7000-8000-000000000001";
    for words in [
        &["tenant", "list"][..],
        &["tenant", "create", "--name", "A"],
        &["agent", "create", "--tenant", nobody, "--email", "a@example.com"],
        &["inbox", "list", "--tenant", nobody],
        &["key", "create", "--tenant", nobody, "--name", "k"],
        &["token", "create", "--name", "t"],
        &["secrets", "rotate-master-key", "--new-key-file", "new.key"],
    ] {
        let done = folder.run(words);
        refused(&done, &["no database", "data/inboxops.db", "no server runs", "--data-dir", "inboxops serve"]);
        assert!(!folder.data().exists() && !new_key.exists(), "{words:?} makes nothing");
    }
    let done = folder.run(&["tenant", "list", "--json"]);
    assert!(done.out.contains("\"no_database\""), "{done:?}");
    folder.json(&["migrate"]);
    assert_eq!(folder.json(&["tenant", "list"]), serde_json::json!([]));
}

#[test]
fn a_command_makes_no_tables_in_a_database_without_them() {
    let (folder, database) = (TestFolder::new(), postgres());
    let words = ["--database-url", &database.url, "tenant", "list"];
    refused(&folder.run(&words), &["no database", "postgres://", "inboxops migrate"]);
    assert!(!folder.data().exists() && !database.has("SELECT 1 FROM pg_tables WHERE schemaname = 'public'"));
    folder.json(&["--database-url", &database.url, "migrate"]);
    folder.json(&words);
    fs::remove_file(folder.data().join("master.key")).expect("the key goes");
    refused(&folder.run(&words), &["master key", "is missing"]);
    assert!(!folder.data().join("master.key").exists() && !folder.data().join("master.key.new").exists());
}
