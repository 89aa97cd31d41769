//! Prints where the server runs, on standard output. The log is elsewhere.

use super::{DemoStart, Urls};
use crate::{settings::Settings, telemetry::say};
use serde_json::json;

/// Prints the URLs and, at the first start, how to try the server.
pub(super) fn announce(settings: &Settings, urls: Urls, started: &DemoStart, as_json: bool) {
    let Urls { public: url, internal: internal_url, metrics: metrics_url } = urls;
    if let Some(url) = &url {
        tracing::info!(url, internal_url, "the server listens at {url}");
    }
    let demo = started.demo.as_ref();
    if as_json {
        let value = json!({
            "url": url,
            "internal_url": internal_url,
            "metrics_url": metrics_url,
            "roles": { "core": settings.roles.core, "edge": settings.roles.edge, "worker": settings.roles.worker },
            "development": started.development,
            "tenant_id": demo.map(|demo| &demo.tenant_id),
            "inbox_id": demo.map(|demo| &demo.inbox_id),
            "key": started.key,
            "login_url": started.login_url,
        });
        say(&value.to_string());
        return;
    }
    let Some(url) = url else { return say("InboxOps is running.") };
    say(&format!("InboxOps is running at {url}"));
    match (demo, &started.key) {
        (Some(demo), Some(key)) => {
            if let Some(link) = &started.login_url {
                say(&format!("\nSign in to the demo tenant, once and within 30 minutes:\n\n  {link}"));
            }
            say(&first_steps(&url, &demo.inbox_id, key, started.receiver.is_some()));
        }
        (Some(demo), None) => say(&format!(
            "Demo tenant {}; `inboxops key create --tenant {} --name try` makes another API key, `inboxops agent \
             list --tenant …` and `inboxops agent login-link ID` a login link.",
            demo.tenant_id, demo.tenant_id
        )),
        _ => {}
    }
}

fn first_steps(url: &str, inbox_id: &str, key: &str, receiver: bool) -> String {
    let webhook = if receiver { "\nThe built-in receiver verifies its webhook and prints a line here.\n" } else { "" };
    format!(
        "\nA demo tenant is ready. Its API key, shown this once:\n\n  {key}\n\nCreate a ticket:\n\n  \
         curl -sS {url}/api/v1/tickets -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
         -d '{{\"subject\":\"Hello from curl\",\"inbox_id\":\"{inbox_id}\"}}'\n{webhook}\nList tickets:\n\n  \
         curl -sS {url}/api/v1/tickets -H 'Authorization: Bearer {key}'\n\nThe guides are at {url}/docs\n"
    )
}

/// Prints the receiver's lines on the console, unless that has one JSON value.
pub(super) fn teller(as_json: bool) -> fn(String) {
    if as_json { |line| tracing::info!("{line}") } else { |line| say(&line) }
}
