//! The precedence of sources, what is refused, what is never shown, and that the documentation lists every setting.

use super::*;

const TOKEN: &str = "ixs_secret";

fn read(flags: &[(&'static str, &str)], environment: &[(&str, &str)], file: Option<&str>) -> Result<Effective> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("inboxops.toml");
    if let Some(text) = file {
        std::fs::write(&path, text).expect("a file");
    }
    let flags = flags.iter().map(|(path, value)| (*path, (*value).to_owned())).collect();
    let look_up = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Effective::read(flags, look_up, file.map(|_| path.as_path()))
}

fn refused(flags: &[(&'static str, &str)]) -> String {
    let error = read(flags, &[], None).and_then(|effective| effective.settings()).expect_err("a wrong setting");
    assert_eq!(error.exit_code(), 78, "{error}");
    error.to_string()
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let file = "listen = \"127.0.0.1:1\"\n[rate_limit]\nrequests_per_minute = 11\nfailed_auth_per_minute = 12\n";
    let environment = [("INBOXOPS_LISTEN", "127.0.0.1:2"), ("INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE", "22")];
    let effective = read(&[("listen", "127.0.0.1:3")], &environment, Some(file)).expect("settings");
    let settings = effective.settings().expect("settings");
    assert_eq!(settings.listen.port(), 3);
    assert_eq!(settings.requests_per_minute, 22);
    assert_eq!(settings.failed_auth_per_minute, 12);
    assert_eq!(settings.window, 512);
}

#[test]
fn a_list_in_the_file_is_a_list() {
    let effective = read(&[], &[], Some("roles = [\"core\", \"edge\"]")).expect("settings");
    let roles = effective.settings().expect("settings").roles;
    assert_eq!(roles, Roles { core: true, edge: true, worker: false });
    let effective = read(&[], &[], Some("behind_proxy = [\"10.0.0.0/8\", \"::1\"]")).expect("settings");
    let listed = effective.settings().expect("settings").behind_proxy;
    assert_eq!(listed, "10.0.0.0/8,::1".parse::<Proxies>().expect("networks"));
}

#[test]
fn a_wrong_value_is_named_with_its_source() {
    let line = refused(&[("rate_limit.requests_per_minute", "many")]);
    assert_eq!(line, "rate_limit.requests_per_minute \"many\" (flag): invalid digit found in string");
    let cases: &[(&[(&'static str, &str)], &str)] = &[
        (&[("worker.window", "0")], "must be from 1 to 1024"),
        (&[("worker.window", "1025")], "must be from 1 to 1024"),
        (&[("listen", "8080")], "listen \"8080\""),
        (&[("demo", "perhaps")], "demo"),
        (
            &[("behind_proxy", "10.0.0.0/8,proxy")],
            "must be true, false, or networks such as 10.0.0.0/8,::1/128; not proxy",
        ),
        (&[("behind_proxy", "10.0.0.1/8")], "behind_proxy \"10.0.0.1/8\" (flag): 10.0.0.1/8: the network of this"),
        (&[("log_format", "xml")], "must be text or json"),
        (&[("public_url", "example.com")], "must be an http or https URL"),
        (&[("public_url", "https://example.com/helpdesk")], "must have no path"),
        (&[("public_url", "https://example.com/?x=1")], "must have no path"),
        (&[("tls.cert", "a.pem")], "set both, or neither"),
        (&[("roles", "edge")], "needs --core URL"),
        (&[("core", "http://a")], "leave --core out"),
        (&[("master_key", "00112233")], "master_key (flag): the master key must be 32 bytes in base64"),
        (&[("database_url", "mysql://a")], "database_url (flag): must be sqlite:FILE or postgres://"),
        (&[("token_file", "/nowhere/token")], "cannot read /nowhere/token"),
    ];
    for (flags, expected) in cases {
        let line = refused(flags);
        assert!(line.contains(expected) && !line.contains('\n'), "{line}");
    }
}

#[test]
fn the_file_may_hold_known_settings_only() {
    for (file, expected) in [
        ("lisen = \"a\"", "lisen in"),
        ("[rate_limit]\nper_second = 1", "rate_limit.per_second in"),
        ("listen = ", "line 1"),
        ("demo = 1.5", "demo in"),
    ] {
        let error = read(&[], &[], Some(file)).expect_err(file);
        let line = error.to_string();
        assert!(line.contains(expected) && !line.contains('\n') && error.exit_code() == 78, "{line}");
    }
}

#[test]
fn a_listener_that_others_reach_needs_tls_or_a_proxy() {
    assert!(refused(&[("listen", "0.0.0.0:80")]).contains("--behind-proxy"));
    assert!(refused(&[("internal_listen", "[::]:80")]).contains("--behind-proxy"));
    assert!(refused(&[("metrics_listen", "0.0.0.0:80")]).contains("--behind-proxy"));
    let accepted: &[&[(&'static str, &str)]] = &[
        &[("listen", "0.0.0.0:80"), ("behind_proxy", "true")],
        &[("listen", "0.0.0.0:80"), ("behind_proxy", "10.0.0.0/8,fd00::/8")],
        &[("listen", "0.0.0.0:80"), ("tls.cert", "a"), ("tls.key", "b")],
        &[("listen", "[::1]:80")],
    ];
    for flags in accepted {
        read(flags, &[], None).and_then(|effective| effective.settings()).expect("settings");
    }
}

#[test]
fn metrics_are_where_only_the_operator_looks() {
    let on_listen = |flags: &[(&'static str, &str)]| {
        let settings = read(flags, &[], None).and_then(|effective| effective.settings()).expect("settings");
        settings.measures_on_listen()
    };
    assert!(on_listen(&[]));
    assert!(on_listen(&[("listen", "[::1]:80")]));
    assert!(!on_listen(&[("behind_proxy", "true")]));
    assert!(!on_listen(&[("listen", "0.0.0.0:80"), ("tls.cert", "a"), ("tls.key", "b")]));
    assert!(!on_listen(&[("internal_listen", "127.0.0.1:81")]));
    assert!(!on_listen(&[("metrics_listen", "127.0.0.1:82")]));
}

#[test]
fn a_worker_listens_only_where_it_was_told_to() {
    let worker = [("roles", "worker"), ("core", "http://a"), ("token", TOKEN)];
    let with = |more: &[(&'static str, &str)]| {
        let flags = [&worker[..], more].concat();
        read(&flags, &[], None).and_then(|effective| effective.settings()).expect("settings")
    };
    assert!(!with(&[]).listens());
    let told = with(&[("listen", "127.0.0.1:8080"), ("internal_listen", "0.0.0.0:81")]);
    assert!(told.listens() && told.measures_on_listen() && told.internal_address().is_none());
}

#[test]
fn secrets_are_shown_nowhere() {
    let flags = [
        ("token", TOKEN),
        ("master_key", "S2V5IG9mIDMyIGJ5dGVzLCB3aGljaCBpcyBub25lLiE="),
        ("database_url", "postgres://u:hidden@h/d?password=hidden"),
    ];
    let effective = read(&flags, &[], None).expect("settings");
    let shown: Vec<_> = effective.shown().collect();
    let text = format!("{shown:?} {:?}", effective.settings());
    for secret in [TOKEN, "S2V5IG9mIDMyIGJ5dGVzLCB3aGljaCBpcyBub25lLiE="] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(!format!("{shown:?}").contains("hidden"), "{shown:?}");
    assert!(
        shown.iter().any(|(row, value, _)| row.path == "database_url" && value == "postgres://u:***@h/d?password=***")
    );
}

#[test]
fn a_password_is_masked_whole() {
    for (url, shown) in [
        ("postgres://u:hid@den@h/d", "postgres://u:***@h/d"),
        ("postgres://u:hid/den@h/d", "postgres://u:***@h/d"),
        ("postgres://u@h/d", "postgres://u@h/d"),
    ] {
        assert_eq!(without_password(url), shown);
    }
}

#[test]
fn a_secret_can_come_from_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    std::fs::write(&path, format!("{TOKEN}\n")).expect("a file");
    let effective = read(&[("token_file", &path.display().to_string())], &[], None).expect("settings");
    assert_eq!(effective.settings().expect("settings").token, Some(Secret(TOKEN.to_owned())));
}

#[test]
fn the_documentation_names_every_setting() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let mut text = String::new();
    for Row { path, default, unit, secret: _, about } in TABLE {
        let default = if default.is_empty() { "unset".to_owned() } else { format!("`{default}`") };
        text.push_str(&format!("| `{path}` | `{}` | {default} | {unit} | {about} |\n", environment_name(path)));
    }
    let document = std::fs::read_to_string(path).expect("docs/configuration.md");
    assert!(document.contains(&text), "docs/configuration.md must hold these rows:\n{text}");
}

#[test]
fn the_document_tells_the_rate_limit_that_is_set_by_default() {
    let row = TABLE.iter().find(|row| row.path == "rate_limit.requests_per_minute").expect("the setting");
    let words = format!("may send {} requests in any 60 seconds", row.default);
    assert!(inboxops_proto::OPENAPI.contains(&words), "the document must say: {words}");
}
