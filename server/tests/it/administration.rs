//! Administrative commands: the same command line and the same output, whether no server runs, one runs here, or one
//! runs elsewhere.

use crate::support::TestFolder;
use serde_json::{Value, json};

const NOBODY: &str = "019ab5f0-0000-7000-8000-000000000001";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Runs every administrative command; `also` are the words that name the server.
fn walk(folder: &TestFolder, also: &[&str]) {
    let run = |words: &[&str]| folder.json(&[words, also].concat());
    let tenant = run(&["tenant", "create", "--name", "Acme", "--plan", "business"]);
    let id = text(&tenant["id"]).to_owned();
    assert_eq!((&tenant["name"], &tenant["plan"]), (&json!("Acme"), &json!("business")));
    assert_eq!(tenant["entitlements"], json!(["public_api", "webhooks"]));
    assert!(text(&tenant["created_at"]).ends_with('Z'));

    let agent = run(&["agent", "create", "--tenant", &id, "--email", "ada@example.com", "--role", "admin"]);
    assert_eq!((&agent["email"], &agent["role"]), (&json!("ada@example.com"), &json!("admin")));
    let inbox = run(&["inbox", "create", "--tenant", &id, "--name", "Support", "--address", "s@example.com"]);
    assert_eq!((&inbox["name"], &inbox["email_address"]), (&json!("Support"), &json!("s@example.com")));
    let other = run(&["inbox", "create", "--tenant", &id, "--name", "Other", "--address", "o@example.com"]);
    let refused = |words: &[&str]| {
        let done = folder.run(&[words, also].concat());
        assert_eq!((done.code, done.err.lines().count()), (Some(1), 1), "{words:?}: {done:?}");
        assert!(done.err.contains(text(&inbox["id"])), "{done:?}");
    };
    refused(&["inbox", "create", "--tenant", &id, "--name", "Twin", "--address", "S@Example.com"]);
    refused(&["inbox", "update", text(&other["id"]), "--address", "S@example.com"]);
    let moved = run(&["inbox", "update", text(&other["id"]), "--address", "p@example.com", "--enabled", "false"]);
    assert_eq!((&moved["email_address"], &moved["status"]), (&json!("p@example.com"), &json!("disabled")));
    let listed = run(&["inbox", "list", "--tenant", &id]);
    assert_eq!(listed.as_array().expect("a list").len(), 2);
    assert_eq!(listed[0], moved);

    let key = run(&["key", "create", "--tenant", &id, "--name", "export", "--scopes", "read-only", "--expires", "90d"]);
    let names: Vec<&String> = key.as_object().expect("an object").keys().collect();
    assert_eq!(names[..2], ["id", "key"]);
    assert!(text(&key["key"]).starts_with("ixk_") && text(&key["key"]).len() == 46);
    assert_eq!(text(&key["key_prefix"]), &text(&key["key"])[..8]);
    let listed = run(&["key", "list", "--tenant", &id]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert_eq!(listed[0]["id"], key["id"]);
    assert!(listed[0].get("key").is_none(), "a key is shown once");
    assert!(key["requests_per_minute"].is_null());
    let shared = run(&["key", "update", text(&key["id"]), "--requests-per-minute", "20"]);
    assert_eq!((&shared["name"], &shared["requests_per_minute"]), (&json!("export"), &json!(20)));
    let alone = run(&["key", "update", text(&key["id"]), "--requests-per-minute", "default", "--name", "nightly"]);
    assert_eq!((&alone["name"], &alone["requests_per_minute"]), (&json!("nightly"), &json!(null)));
    let words = ["key", "create", "--tenant", &id, "--name", "zap", "--requests-per-minute", "5"];
    let other = run(&words);
    assert_eq!(other["requests_per_minute"], json!(5));
    run(&["key", "revoke", text(&other["id"])]);
    let revoked = run(&["key", "revoke", text(&key["id"])]);
    assert_eq!(revoked["id"], key["id"]);
    assert!(revoked["revoked_at"].is_string());
    assert_eq!(run(&["key", "list", "--tenant", &id]), json!([]));
    assert_eq!(run(&["key", "list", "--tenant", &id, "--all"]).as_array().map(Vec::len), Some(2));

    let changed = run(&["tenant", "set-plan", "--tenant", &id, "--plan", "starter"]);
    assert_eq!((&changed["plan"], &changed["entitlements"]), (&json!("starter"), &json!([])));
    let set = |enabled| {
        let words = ["tenant", "set-entitlement", "--tenant", &id, "--entitlement", "webhooks", "--enabled", enabled];
        run(&words)["entitlements"].clone()
    };
    assert_eq!(set("true"), json!(["webhooks"]));
    assert_eq!(set("default"), json!([]));
    let limited = run(&["tenant", "set-rate-limit", "--tenant", "ACME", "--per-minute", "600"]);
    assert_eq!((&limited["id"], &limited["requests_per_minute"]), (&json!(id), &json!(600)));
    let limited = run(&["tenant", "set-rate-limit", "--tenant", &id, "--per-minute", "default"]);
    assert!(limited["requests_per_minute"].is_null(), "{limited}");
    assert_eq!(run(&["tenant", "suspend", "acme"])["suspended"], json!(true));
    assert_eq!(run(&["tenant", "resume", &id])["suspended"], json!(false));
    // The same by names.
    let named = run(&["inbox", "update", "P@example.com", "--tenant", "Acme", "--name", "Moved"]);
    assert_eq!((&named["id"], &named["name"]), (&moved["id"], &json!("Moved")));
    assert_eq!(run(&["inbox", "list", "--tenant", "acme"]), run(&["inbox", "list", "--tenant", &id]));
    assert_eq!(run(&["key", "list", "--tenant", "Acme"]), json!([]));
    assert_eq!(run(&["agent", "list", "--tenant", "Acme"])[0]["id"], agent["id"]);
    let nameless = folder.run(&[&["inbox", "update", "Moved", "--enabled", "true"], also].concat());
    assert_eq!(nameless.code, Some(2), "{nameless:?}");
    let unknown = folder.run(&[&["key", "list", "--tenant", "Nobody"], also].concat());
    assert_eq!((unknown.code, unknown.err.contains("there is no tenant \"Nobody\"")), (Some(1), true), "{unknown:?}");
    let all = run(&["tenant", "list"]);
    assert!(all.as_array().expect("a list").iter().any(|tenant| tenant["id"] == json!(id)));
}

#[test]
fn without_a_server_commands_open_the_database() {
    let folder = TestFolder::new();
    folder.json(&["migrate"]);
    walk(&folder, &[]);
    let token = folder.json(&["token", "create", "--name", "mail", "--dispatch-only"]);
    assert!(text(&token["token"]).starts_with("ixs_"));
    assert_eq!((&token["name"], &token["dispatch_only"]), (&json!("mail"), &json!(true)));
    assert_eq!(folder.json(&["migrate"]), json!({"ok": true}));
}

#[test]
fn a_leaked_service_token_is_found_and_ended_at_once() {
    let folder = TestFolder::new();
    let server = folder.serve(&["--no-demo"]);
    let leaked = folder.json(&["token", "create", "--name", "leaked"]);
    let other = folder.json(&["token", "create", "--name", "other"]);
    let list = |token: &Value| {
        folder.run(&["tenant", "list", "--json", "--server", server.url(), "--token", text(&token["token"])])
    };
    assert_eq!((list(&leaked).code, list(&other).code), (Some(0), Some(0)));
    let all = folder.json(&["token", "list"]);
    assert_eq!((&all[0]["id"], &all[1]["id"], all.as_array().map(Vec::len)), (&other["id"], &leaked["id"], Some(2)));
    assert!(all[0].get("token").is_none() && all[0]["revoked_at"].is_null(), "{all}");

    let ended = folder.json(&["token", "revoke", "LEAKED"]);
    assert_eq!(ended["id"], leaked["id"]);
    assert!(ended["revoked_at"].is_string());
    let refused = list(&leaked);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("service token is not valid"), "{refused:?}");
    assert_eq!(list(&other).code, Some(0));
    assert_eq!(folder.json(&["token", "revoke", text(&leaked["id"])]), ended, "again changes nothing");
    assert_eq!(folder.json(&["token", "list"]).as_array().map(Vec::len), Some(1));
    assert_eq!(folder.json(&["token", "list", "--all"])[1], ended);
    for (wrong, said) in [(NOBODY, "No such service token"), ("leaked", "there is no service token")] {
        let done = folder.run(&["token", "revoke", wrong]);
        assert_eq!(done.code, Some(1));
        assert!(done.err.contains(said), "{done:?}");
    }
}

#[test]
fn with_a_server_in_the_folder_commands_find_its_socket() {
    let folder = TestFolder::new();
    let server = folder.serve(&["--no-demo"]);
    walk(&folder, &[]);
    let tenant = folder.json(&["tenant", "create", "--name", "B", "--plan", "business"]);
    let key = folder.json(&["key", "create", "--tenant", text(&tenant["id"]), "--name", "k"]);
    let key = text(&key["key"]);
    assert_eq!(server.ask("GET", "/api/v1/tickets", key, None).0, 200);
    // A change takes effect at once, since the server itself makes it.
    folder.json(&["tenant", "suspend", "B"]);
    assert_eq!(server.ask("GET", "/api/v1/tickets", key, None).1["error"]["code"], "tenant_suspended");
    folder.json(&["tenant", "resume", "B"]);
    assert_eq!(server.ask("GET", "/api/v1/tickets", key, None).0, 200);
    folder.json(&["tenant", "set-plan", "--tenant", text(&tenant["id"]), "--plan", "free"]);
    assert_eq!(server.ask("GET", "/api/v1/tickets", key, None).0, 403);
}

#[test]
fn a_server_elsewhere_is_reached_by_url_and_token() {
    let folder = TestFolder::new();
    let server = folder.serve(&["--no-demo"]);
    let token = folder.json(&["token", "create", "--name", "admin"]);
    let elsewhere = TestFolder::new();
    walk(&elsewhere, &["--server", server.url(), "--token", text(&token["token"])]);
    assert!(!elsewhere.data().exists(), "nothing is made here");
    let wrong = elsewhere.run(&["tenant", "list", "--server", server.url(), "--token", "ixs_wrong"]);
    assert_eq!(wrong.code, Some(1));
    let away = elsewhere.run(&["tenant", "list", "--server", "http://127.0.0.1:1", "--token", "ixs_x"]);
    assert_eq!(away.code, Some(1));
    assert!(away.err.starts_with("error: no answer from http://127.0.0.1:1"), "{}", away.err);
}

#[test]
fn an_internal_listener_takes_the_operators_services_off_the_public_one() {
    let folder = TestFolder::new();
    let server = folder.serve(&["--no-demo", "--internal-listen", "127.0.0.1:0"]);
    let token = folder.json(&["token", "create", "--name", "admin"]);
    let at = |url: &Value| {
        let words = ["tenant", "list", "--json", "--server", text(url), "--token", text(&token["token"])];
        TestFolder::new().run(&words)
    };
    assert_eq!(at(&server.said["internal_url"]).out.trim(), "[]");
    let public = at(&server.said["url"]);
    assert_eq!((public.code, public.err.trim()), (Some(1), "error: There is nothing at this path."));
}

#[test]
fn a_server_elsewhere_may_speak_tls() {
    let folder = TestFolder::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("a file");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    let server = folder.serve(&["--no-demo", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    let token = folder.json(&["token", "create", "--name", "admin"]);
    let url = server.url().replace("127.0.0.1", "localhost");
    assert!(url.starts_with("https://"), "{url}");
    let words = ["tenant", "list", "--json", "--server", &url, "--token", text(&token["token"])];
    let trusting = folder.command(&words).env("SSL_CERT_FILE", &cert).output().expect("the binary runs");
    assert_eq!(String::from_utf8_lossy(&trusting.stdout).trim(), "[]", "{trusting:?}");
    let strange = folder.run(&words);
    assert_eq!(strange.code, Some(1), "a certificate that nobody vouches for: {strange:?}");
}

#[test]
fn a_refusal_is_one_line_that_names_the_field() {
    let folder = TestFolder::new();
    folder.json(&["migrate"]);
    let tenant = folder.json(&["tenant", "create", "--name", "A"]);
    let id = text(&tenant["id"]);
    for (words, expected) in [
        (&["tenant", "create", "--name", " "][..], "name"),
        (&["agent", "create", "--tenant", id, "--email", "nobody"], "email"),
        (&["tenant", "set-plan", "--tenant", NOBODY, "--plan", "free"], "No such tenant"),
        (&["key", "list", "--tenant", NOBODY], "No such tenant"),
        (&["key", "revoke", NOBODY], "No such API key"),
        (&["key", "create", "--tenant", id, "--name", "k", "--scopes", "tickets:eat"], "scopes"),
    ] {
        let done = folder.run(words);
        assert_eq!((done.code, done.out.as_str()), (Some(1), ""), "{words:?}: {done:?}");
        assert!(done.err.contains(expected) && done.err.trim_end().lines().count() == 1, "{words:?}: {}", done.err);
    }
}

#[test]
fn a_table_for_people_shows_what_json_holds() {
    let folder = TestFolder::new();
    folder.json(&["migrate"]);
    folder.json(&["tenant", "create", "--name", "Acme"]);
    let done = folder.run(&["tenant", "list"]);
    let mut lines = done.out.lines();
    assert!(lines.next().is_some_and(|head| head.starts_with("ID")), "{}", done.out);
    assert!(lines.next().is_some_and(|row| row.contains("Acme") && row.contains("free")), "{}", done.out);
}
