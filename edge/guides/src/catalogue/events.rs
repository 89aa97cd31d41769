//! The catalogue of events, from the webhooks of the OpenAPI document: when each happens, its members, a sample, and
//! the sample as a signed request that can be sent to a receiver.

use super::objects::Objects;
use crate::links::REFERENCE;
use serde_json::Value;
use std::fmt::Write as _;

/// Where a receiver listens on a developer's own machine.
const RECEIVER: &str = "http://localhost:3000/hook";

/// An entry for each event, and the objects that they contain.
pub(super) fn all(document: &Value) -> String {
    let mut objects = Objects::new(document);
    let mut text = String::new();
    for (name, webhook) in document["webhooks"].as_object().into_iter().flatten() {
        let content = &webhook["post"]["requestBody"]["content"]["application/json"];
        let Some(reference) = content["schema"]["$ref"].as_str() else { continue };
        let schema = objects.schema(reference.rsplit('/').next().unwrap_or_default());
        let when = schema["description"].as_str().unwrap_or_default();
        let members = objects.table(&schema["properties"]["data"]);
        let sample = &content["example"];
        let _ = writeln!(
            text,
            "## `{name}` {{#{name}}}\n\n{when} [In the reference]({REFERENCE}#event-{name}).\n\n\
             Its `data`:\n\n{members}\nA sample:\n\n```json\n{sample:#}\n```\n\n\
             Copy as curl: the sample, signed with `$SECRET`, to a receiver on your own machine.\n\n```sh\n{}```\n",
            curl(name, sample),
        );
    }
    let _ = writeln!(text, "## Objects in events\n\n{}", objects.rest());
    text
}

/// Commands that send a sample as the product would.
fn curl(event: &str, sample: &Value) -> String {
    let id = sample["event_id"].as_str().unwrap_or_default();
    let body = sample.to_string().replace('\'', r"'\''");
    format!(
        "body='{body}'\n\
         at=$(date +%s)\n\
         key=$(printf %s \"${{SECRET#whsec_}}\" | base64 -d | od -An -v -tx1 | tr -d ' \\n')\n\
         mac=$(printf %s \"{id}.$at.$body\" | openssl dgst -sha256 -mac HMAC -macopt \"hexkey:$key\" -binary | base64)\n\
         curl -sS {RECEIVER} -H 'Content-Type: application/json' -H 'X-InboxOps-Event: {event}' \\\n    \
         -H 'webhook-id: {id}' -H \"webhook-timestamp: $at\" -H \"webhook-signature: v1,$mac\" --data-raw \"$body\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_event_says_when_it_happens_and_what_it_has() {
        let document = json!({
            "webhooks": { "lamp.broken": { "post": { "requestBody": { "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/LampBrokenEvent" },
                "example": { "event": "lamp.broken", "event_id": "019a", "data": { "name": "Ada's" } },
            } } } } } },
            "components": { "schemas": { "LampBrokenEvent": {
                "description": "A lamp broke.",
                "properties": { "data": { "properties": { "name": { "type": "string", "description": "Whose." } } } },
            } } },
        });
        let text = all(&document);
        for part in [
            "## `lamp.broken` {#lamp.broken}\n\nA lamp broke. [In the reference](/api/v1/docs#event-lamp.broken).\n",
            "| `name` | string | Whose. |\n",
            "\"event_id\": \"019a\",",
            r#"body='{"event":"lamp.broken","event_id":"019a","data":{"name":"Ada'\''s"}}'"#,
            "mac=$(printf %s \"019a.$at.$body\"",
            "-H 'X-InboxOps-Event: lamp.broken'",
        ] {
            assert!(text.contains(part), "{part}\nis not in\n{text}");
        }
    }
}
