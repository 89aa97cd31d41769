//! Commands that need no server and no database.

use crate::support::TestFolder;
use serde_json::Value;

#[test]
fn every_command_explains_itself_with_an_example() {
    let folder = TestFolder::new();
    for words in [
        &["--help"][..],
        &["serve", "--help"],
        &["tenant", "create", "--help"],
        &["key", "revoke", "--help"],
        &["config", "print", "--help"],
    ] {
        let done = folder.run(words);
        assert_eq!(done.code, Some(0), "{words:?}");
        assert!(done.out.contains("Example"), "{words:?}: {}", done.out);
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let folder = TestFolder::new();
    for words in [
        &["unknown"][..],
        &[],
        &["tenant", "create"],
        &["tenant", "create", "--name", "x", "--plan", "gold"],
        &["serve", "--role", "everything"],
        &["--server", "http://127.0.0.1:1", "tenant", "list"],
    ] {
        assert_eq!(folder.run(words).code, Some(2), "{words:?}");
    }
}

#[test]
fn a_wrong_configuration_ends_with_78_and_one_line() {
    let folder = TestFolder::new();
    std::fs::write(folder.path().join("wrong.toml"), "listen = 5\n").expect("a file");
    for (name, path) in [("strange.toml", "wrong.toml"), ("away.toml", "missing.pem")] {
        std::fs::write(folder.path().join(name), format!("[tls]\nextra_ca_file = \"{path}\"\n")).expect("a file");
    }
    for words in [
        &["serve", "--listen", "here"][..],
        &["serve", "--listen", "0.0.0.0:0"],
        &["serve", "--tls-cert", "a.pem"],
        &["serve", "--tls-cert", "a.pem", "--tls-key", "b.pem"],
        &["serve", "--role", "edge"],
        &["config", "check", "--config", "wrong.toml"],
        &["config", "check", "--config", "missing.toml"],
        &["config", "check", "--config", "strange.toml"],
        &["serve", "--config", "away.toml"],
    ] {
        let done = folder.run(words);
        assert_eq!(done.code, Some(78), "{words:?}: {done:?}");
        assert!(done.err.starts_with("error: ") && done.err.trim_end().lines().count() == 1, "{words:?}: {}", done.err);
    }
    assert!(!folder.data().exists(), "a wrong setting is refused before anything is made");
}

#[test]
fn a_misspelt_variable_is_pointed_out() {
    let folder = TestFolder::new();
    let mut command = folder.command(&["config", "check"]);
    let output = command.env("INBOXOPS_LISTNE", "127.0.0.1:1").env("INBOXOPS_LISTEN", "127.0.0.1:1").output();
    let output = output.expect("the binary runs");
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success());
    assert_eq!(warnings.trim(), "warning: INBOXOPS_LISTNE in the environment is no setting and is ignored");
}

#[test]
fn settings_are_printed_with_their_source_and_secrets_masked() {
    let folder = TestFolder::new();
    std::fs::write(folder.path().join("c.toml"), "log_format = \"json\"\n").expect("a file");
    let mut command = folder.command(&["config", "print", "--json", "--config", "c.toml", "--data-dir", "elsewhere"]);
    let output = command.env("INBOXOPS_TOKEN", "ixs_hidden").env("INBOXOPS_LISTEN", "127.0.0.1:7").output();
    let text = String::from_utf8(output.expect("the binary runs").stdout).expect("text");
    assert!(!text.contains("ixs_hidden"), "{text}");
    let rows: Value = serde_json::from_str(&text).expect("JSON");
    let of = |name: &str| {
        let row = rows.as_array().expect("a list").iter().find(|row| row["setting"] == name).expect("a row");
        (row["value"].as_str().expect("a value").to_owned(), row["source"].as_str().expect("a source").to_owned())
    };
    let pair = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(of("listen"), pair("127.0.0.1:7", "INBOXOPS_LISTEN"));
    assert_eq!(of("data_dir"), pair("elsewhere", "flag"));
    assert_eq!(of("log_format"), pair("json", "c.toml"));
    assert_eq!(of("token"), pair("***", "INBOXOPS_TOKEN"));
    assert_eq!(of("worker.window"), pair("512", "default"));
}

#[test]
fn the_openapi_document_is_printed() {
    let folder = TestFolder::new();
    let document = folder.json(&["openapi"]);
    assert_eq!(document["openapi"], "3.1.0");
    let text = folder.run(&["openapi"]).out;
    assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), document);
}

#[test]
fn with_json_a_failure_is_one_value_and_the_code_stays() {
    let folder = TestFolder::new();
    let nobody = "019ab5f0-0000-7000-8000-000000000001";
    folder.json(&["migrate"]);
    for (words, exit, code) in [
        (&["--json", "nonsense"][..], 2, "wrong_usage"),
        (&["tenant", "create", "--json"], 2, "wrong_usage"),
        (&["endpoint", "list", "--json"], 2, "wrong_usage"),
        (&["delivery", "list", "--limit", "0", "--json"], 2, "wrong_usage"),
        (&["delivery", "list", "--status", "lost", "--json"], 2, "wrong_usage"),
        (&["delivery", "list", "--since", "soon", "--json"], 2, "wrong_usage"),
        (&["delivery", "resend", nobody, "--secret", "whsec_x", "--json"], 2, "wrong_usage"),
        (&["delivery", "resend", nobody, "--to", "ftp://127.0.0.1/", "--json"], 2, "wrong_usage"),
        (&["delivery", "resend", nobody, "--json"], 1, "delivery_not_found"),
        (&["endpoint", "test", "https://example.com/", "--json"], 2, "wrong_usage"),
        (&["endpoint", "test", nobody, "--json"], 1, "endpoint_not_found"),
        (&["endpoint", "list", "--tenant", "Acme", "--json"], 1, "not_found"),
        (&["audit", "list", "--tenant", nobody, "--json"], 1, "tenant_not_found"),
        (&["events", "tail", "--json"], 2, "wrong_usage"),
        (&["events", "tail", "--key", "ixk_x", "--json"], 1, "no_answer"),
        (&["inbox", "create", "--tenant", nobody, "--name", "x", "--json"], 1, "tenant_not_found"),
        (&["tenant", "create", "--name", " ", "--json"], 1, "validation_failed"),
        (&["tenant", "list", "--json", "--server", "http://127.0.0.1:1", "--token", "ixs_x"], 1, "no_answer"),
        (&["config", "check", "--json", "--config", "none.toml"], 78, "wrong_configuration"),
        (&["ingest", "--json"], 75, "wrong_usage"),
        (&["ingest", "--json", "--tenant", nobody, "--inbox", "x"], 75, "no_answer"),
    ] {
        let done = folder.run(words);
        let said: serde_json::Value =
            serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {done:?}"));
        assert_eq!((done.code, &said["error"]["code"]), (Some(exit), &serde_json::json!(code)), "{words:?}: {done:?}");
        let message = said["error"]["message"].as_str().expect("a message");
        // Wrong usage is told in several lines on standard error.
        let told = done.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(message) && !message.is_empty(), "{done:?}");
    }
    let missing = folder.run(&["tenant", "create", "--json"]).out;
    assert!(missing.contains("--name <NAME>"), "it says what is missing: {missing}");
    for words in [["--json", "tenant"], ["tenant", "--json"]] {
        let done = folder.run(&words);
        let said: Value = serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {done:?}"));
        assert_eq!((done.code, said["error"]["code"].as_str()), (Some(2), Some("wrong_usage")), "{words:?}");
    }
    assert!(folder.run(&["nonsense"]).out.is_empty());
}
