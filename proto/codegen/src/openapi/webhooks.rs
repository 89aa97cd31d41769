//! The section `webhooks`: what the server posts to endpoints, one operation for each event.

use super::{
    example::{self, TIME},
    reference,
    schema::{Schemas, Side},
};
use crate::{
    limits::ANSWER_MAX_SECS,
    model::{Message, PUBLIC_PACKAGE},
};
use serde_json::{Map, Value, json};

/// The events: name, when it occurs, members of `data` besides `actor` and `group`.
const EVENTS: &[(&str, &str, &[&str])] = &[
    ("ticket.created", "A ticket was created, from any source.", &["ticket"]),
    (
        "ticket.updated",
        "A visible field of a ticket changed, such as its status, assignee or tags: what a mirror subscribes to.",
        &["ticket", "changes"],
    ),
    (
        "ticket.assigned",
        "A ticket was assigned, reassigned or unassigned, or created with an assignee.",
        &["ticket", "changes"],
    ),
    ("ticket.status_changed", "The status of a ticket changed.", &["ticket", "changes"]),
    ("ticket.closed", "A ticket was closed.", &["ticket", "changes"]),
    ("message.received", "A customer's message arrived.", &["ticket", "message"]),
    ("message.sent", "A reply was sent to a customer.", &["ticket", "message"]),
    ("inbox.error", "An inbox stopped working, or its error changed.", &["inbox", "error"]),
];

/// Fields of a ticket that `changes` may contain; the document has those that the ticket has. Nothing changes a
/// requester.
const CHANGES: &[&str] =
    &["subject", "status", "priority", "inbox_id", "assignee_id", "tags", "message_count", "last_message_at"];

/// Fields among them that are null at first, and never again once they have a value.
const NEVER_TAKEN_BACK: &[&str] = &["last_message_at"];

/// Tag of these operations. No service has it: generators make one file for each tag, and these would overwrite it.
pub(super) const TAG: &str = "Webhook events";
/// Description of the tag.
pub(super) const TAG_DESCRIPTION: &str = "What is posted to webhook endpoints.";

const EVENT_ID: &str = "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51";
const TENANT_ID: &str = "019ab5f0-0000-7000-8000-000000000001";
const GROUP: &str = "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d50";
const AGENT_ID: &str = "019ab5f0-0000-7000-8000-0000000000b1";
const KEY_ID: &str = "019ab5f0-0000-7000-8000-0000000000e1";

/// The section, by event.
pub(super) fn section(schemas: &mut Schemas<'_>) -> Map<String, Value> {
    schemas.add("EventActor", actor());
    let changes = changes(schemas);
    schemas.add("EventChanges", changes);
    let mut section = Map::new();
    for (name, when, parts) in EVENTS {
        let title = name.split(['.', '_']).map(first_up).collect::<String>();
        let (schema, sample) = event(schemas, name, when, parts);
        let body = schemas.add(&format!("{title}Event"), schema);
        section.insert((*name).to_owned(), operation(name, &title, when, body, sample));
    }
    section
}

fn first_up(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_uppercase() + rest
}

fn operation(name: &str, title: &str, when: &str, body: Value, sample: Value) -> Value {
    json!({ "post": {
        "operationId": format!("on{title}"),
        "summary": format!("Event {name}"),
        "description": format!(
            "{when}\n\nPosted to every enabled endpoint that takes `{name}`, at least once. Check a signature against \
             the bytes of the body as they came, answer 2xx within {ANSWER_MAX_SECS} seconds, and drop an `event_id` that you had."
        ),
        "tags": [TAG],
        "security": [],
        "parameters": headers(name),
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": body, "example": sample } },
        },
        "responses": {
            "2XX": { "description": "The endpoint has the event." },
            "default": { "description": "Any other answer counts as a failed attempt; the event is sent again later." },
        },
    } })
}

fn headers(event: &str) -> Vec<Value> {
    let text = || json!({ "type": "string" });
    let rows = [
        (
            "webhook-id",
            "Id of the event, the same for every attempt.",
            json!({ "type": "string", "format": "uuid" }),
            json!(EVENT_ID),
        ),
        (
            "webhook-timestamp",
            "Time of this attempt, in Unix seconds.",
            json!({ "type": "integer", "format": "int64" }),
            json!(1769851800),
        ),
        (
            "webhook-signature",
            "Standard Webhooks: signatures of `id.timestamp.body`, one per live secret, separated by spaces.",
            text(),
            json!("v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
        ),
        (
            "X-InboxOps-Signature",
            "HMAC-SHA256 of the body with the whole secret as the key, in lower-case hex.",
            json!({ "type": "string", "pattern": "^sha256=[0-9a-f]{64}$" }),
            json!("sha256=5f1d3a0a8b2a4a64d9f5c2b3f1f0e7ab1c7c9d3e5b6f8a90123456789abcdef0"),
        ),
        ("X-InboxOps-Event", "Type of the event.", json!({ "type": "string", "const": event }), json!(event)),
        (
            "X-InboxOps-Delivery",
            "Id of the delivery.",
            json!({ "type": "string", "format": "uuid" }),
            json!("019ab5f0-0000-7000-8000-000000000101"),
        ),
        (
            "X-InboxOps-Attempt",
            "Number of the attempt, from 1.",
            json!({ "type": "integer", "format": "int32", "minimum": 1 }),
            json!(1),
        ),
    ];
    let rows = rows.into_iter().map(|(name, description, schema, example)| {
        json!({
            "name": name, "in": "header", "required": true, "description": description, "schema": schema,
            "example": example,
        })
    });
    rows.collect()
}

fn event(schemas: &mut Schemas<'_>, name: &str, when: &str, parts: &[&str]) -> (Value, Value) {
    let mut properties = Map::new();
    let mut data = Map::new();
    properties.insert("actor".into(), described(reference("schemas", "EventActor"), "Who caused it."));
    data.insert("actor".into(), json!({ "type": "api_key", "id": KEY_ID, "name": "Sync job" }));
    properties.insert("group".into(), uuid("Id that all events of one action share."));
    data.insert("group".into(), GROUP.into());
    for part in parts {
        let (schema, sample) = self::part(schemas, name, part);
        properties.insert((*part).to_owned(), schema);
        data.insert((*part).to_owned(), sample);
    }
    agree(&mut data);
    let required: Vec<String> = properties.keys().cloned().collect();
    properties.insert("test".into(), json!({ "type": "boolean", "description": "True on a test event; else absent." }));
    let schema = json!({
        "type": "object",
        "description": when,
        "properties": {
            "event": { "type": "string", "const": name, "description": "Type of the event." },
            "event_id": uuid("Id of the event."),
            "tenant_id": uuid("Id of the workspace."),
            "created_at": { "type": "string", "format": "date-time", "description": "Time at which it happened." },
            "data": {
                "type": "object",
                "description": "What happened.",
                "properties": properties,
                "required": required,
            },
        },
        "required": ["event", "event_id", "tenant_id", "created_at", "data"],
    });
    let sample = json!({
        "event": name, "event_id": EVENT_ID, "tenant_id": TENANT_ID, "created_at": TIME, "data": data,
    });
    (schema, sample)
}

/// Makes the parts of a sample consistent: the ticket is in the state after the changes, the inbox has the error.
fn agree(data: &mut Map<String, Value>) {
    let changes = data.get("changes").cloned().unwrap_or_default();
    if let Some(ticket) = data.get_mut("ticket") {
        for (name, change) in changes.as_object().into_iter().flatten() {
            ticket[name] = change["to"].clone();
        }
        if ticket["status"] == "closed" {
            ticket["closed_at"] = TIME.into();
        }
    }
    let error = data.get("error").cloned();
    if let (Some(inbox), Some(error)) = (data.get_mut("inbox"), error) {
        inbox["status"] = "error".into();
        inbox["error"] = error;
    }
}

fn part(schemas: &mut Schemas<'_>, event: &str, part: &str) -> (Value, Value) {
    let (noun, text) = match part {
        "ticket" => ("Ticket", "The ticket after the change."),
        "message" => ("Message", "The message."),
        "inbox" => ("Inbox", "The inbox."),
        "error" => ("InboxError", "What is wrong with the inbox."),
        _ => {
            let sample = match event {
                "ticket.assigned" => json!({ "assignee_id": { "from": null, "to": AGENT_ID } }),
                "ticket.updated" => json!({ "priority": { "from": "low", "to": "high" } }),
                _ => json!({ "status": { "from": "open", "to": "closed" } }),
            };
            return (described(reference("schemas", "EventChanges"), "The fields that changed."), sample);
        }
    };
    match message(schemas, noun) {
        Some(message) => {
            let sample = example::message(schemas, message, Side::Answer);
            (described(schemas.message(message, Side::Answer), text), sample)
        }
        None => (json!({ "type": "object", "description": text }), json!({})),
    }
}

fn message<'a>(schemas: &Schemas<'a>, noun: &str) -> Option<&'a Message> {
    schemas.model.messages.iter().find(|message| message.package == PUBLIC_PACKAGE && message.name == noun)
}

fn changes(schemas: &mut Schemas<'_>) -> Value {
    let mut properties = Map::new();
    let ticket = message(schemas, "Ticket");
    let fields = ticket.iter().flat_map(|ticket| CHANGES.iter().filter_map(|name| ticket.field(name)));
    for field in fields.collect::<Vec<_>>() {
        // Tags are listed by name.
        let value = if field.list {
            json!({ "type": "array", "items": { "type": "string" } })
        } else {
            schemas.value(field, Side::Answer)
        };
        let mut to = value.clone();
        if NEVER_TAKEN_BACK.contains(&field.json.as_str()) {
            to["type"] = to["type"][0].clone();
        }
        properties.insert(
            field.json.clone(),
            json!({
                "type": "object",
                "description": format!("`{}` before and after.", field.json),
                "properties": { "from": value, "to": to },
                "required": ["from", "to"],
            }),
        );
    }
    // Notes are no field of a ticket: only their number is here.
    let count = json!({ "type": "integer", "format": "int64", "minimum": 0 });
    properties.insert(
        "note_count".to_owned(),
        json!({
            "type": "object",
            "description": "Number of internal notes before and after; what they say is not told.",
            "properties": { "from": count, "to": count },
            "required": ["from", "to"],
        }),
    );
    json!({
        "type": "object",
        "description": "The fields of a ticket that changed, and those only. Empty when only something that is not \
                        shown here changed.",
        "properties": properties,
    })
}

fn actor() -> Value {
    json!({
        "type": "object",
        "description": "Who caused an event.",
        "properties": {
            "type": {
                "type": "string",
                "enum": ["agent", "customer", "api_key", "service", "system"],
                "description": "Kind.",
            },
            "id": { "type": ["string", "null"], "format": "uuid", "description": "Id; null for those without one." },
            "name": { "type": "string", "description": "Name." },
        },
        "required": ["type", "id", "name"],
    })
}

fn described(mut schema: Value, text: &str) -> Value {
    schema["description"] = text.into();
    schema
}

fn uuid(text: &str) -> Value {
    json!({ "type": "string", "format": "uuid", "description": text })
}
