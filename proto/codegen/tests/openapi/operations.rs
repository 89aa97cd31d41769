//! Bodies, successes, streams of lines, scopes and links of operations.

use super::{SMALL, made_of, operations, property, real, schema};
use inboxops_codegen::openapi;
use serde_json::{Value, json};

#[test]
fn bodies_are_needed_unless_an_operation_says_otherwise() {
    let document = openapi::document(&real());
    let optional: Vec<&Value> = operations(&document)
        .into_iter()
        .filter(|(_, _, operation)| operation["requestBody"]["required"] == json!(false))
        .map(|(_, _, operation)| &operation["operationId"])
        .collect();
    assert_eq!(json!(optional), json!(["promoteSecret", "rotateSecret"]));
}

#[test]
fn every_success_with_a_body_has_an_example() {
    let document = openapi::document(&real());
    for (path, verb, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().expect("responses") {
            let media = &response["content"]["application/json"];
            if status.starts_with('2') && media.is_object() {
                let examples = media["examples"].as_object().expect("examples");
                assert!(examples.values().all(|example| example["value"].is_object()), "{verb} {path} {status}");
                assert!(!examples.is_empty(), "{verb} {path} {status}");
            }
        }
    }
}

#[test]
fn a_stream_of_lines_has_the_schema_of_a_line_and_its_own_refusals() {
    let document = openapi::document(&real());
    let export = &document["paths"]["/api/v1/export"]["get"];
    let media = &export["responses"]["200"]["content"]["application/x-ndjson"];
    assert_eq!(media["schema"], json!({ "type": "string" }));
    assert_eq!(media["x-line-schema"], json!({ "$ref": "#/components/schemas/ExportResponse" }));
    let line = schema(&document, "ExportResponse");
    assert_eq!(line["required"], json!(["type"]));
    let resources = ["Ticket", "Message", "Tag", "Inbox", "Agent"].map(|name| format!("#/components/schemas/{name}"));
    let options: Vec<&str> = line["properties"]["data"]["anyOf"]
        .as_array()
        .expect("a choice")
        .iter()
        .filter_map(|it| it["$ref"].as_str())
        .collect();
    assert_eq!(options, resources);
    let lines: Vec<Value> = media["example"]
        .as_str()
        .expect("lines")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.last().map(|last| &last["type"]), Some(&json!("end")));
    let busy = &export["responses"]["409"];
    assert!(busy["headers"]["Retry-After"].is_object());
    assert!(busy["content"]["application/json"]["examples"]["export_in_progress"].is_object());
    assert!(export["responses"]["403"]["content"]["application/json"]["examples"]["insufficient_scope"].is_object());
    let description = export["description"].as_str().expect("a text");
    assert!(!description.contains("Any key"), "{description}");
}

#[test]
fn either_of_two_scopes_is_enough_and_both_are_named() {
    let either = SMALL.replacen(r#"api_key: "tickets:read""#, r#"api_key: "tickets:read" or_api_key: "tags:read""#, 1);
    let document = made_of(&either);
    let list = &document["paths"]["/api/v1/things"]["get"];
    assert_eq!(list["security"], json!([{ "ApiKey": ["tickets:read"] }, { "ApiKey": ["tags:read"] }]));
    assert_eq!(list["x-required-scope"], json!("tickets:read"));
    assert_eq!(list["x-alternative-scope"], json!("tags:read"));
    let text = list["description"].as_str().expect("a text");
    assert!(text.contains("Needs a key with one of the scopes `tickets:read` or `tags:read`."), "{text}");
    // Text in place of JSON is null where it may be empty.
    let hidden = SMALL.replacen("{json_text: true}", "{json_text: true nullable: true}", 1);
    let hidden = hidden.replacen("// What was sent.", "// What was sent; null if it is hidden.", 1);
    let payload = property(&made_of(&hidden), "Thing", "payload");
    assert_eq!(payload["type"], json!(["object", "null"]));
}

#[test]
fn text_in_place_of_json_is_an_object_of_a_body_too() {
    let sent = SMALL.replacen("{max_len: 5 nullable: true}", "{json_text: true}", 1);
    let note = property(&made_of(&sent), "MakeThingRequest", "note");
    assert_eq!(note, json!({ "type": "object", "additionalProperties": true }));
    let document = openapi::document(&real());
    let data = property(&document, "SendTestEventRequest", "data");
    assert_eq!(data, json!({ "type": "object", "additionalProperties": true }));
    // Who copies the example sends a sample.
    let test = &document["paths"]["/api/v1/webhooks/{endpoint_id}/test"]["post"]["requestBody"]["content"];
    assert_eq!(test["application/json"]["example"], json!({ "event": "ticket.created" }));
}

#[test]
fn lists_have_links_and_a_member_that_can_be_absent_is_no_part_of_examples() {
    let document = openapi::document(&real());
    for (path, verb, operation) in operations(&document) {
        let continued = operation["parameters"].as_array().expect("parameters").iter();
        let continued = continued.filter(|it| it["name"] == "cursor" || it["name"] == "after").count() > 0;
        let success = &operation["responses"]["200"];
        let linked = success["headers"].get("Link").is_some();
        // A stream of lines has no next page.
        let continued = continued && success["content"].get("application/x-ndjson").is_none();
        assert_eq!(linked, continued, "{verb} {path}");
    }
    let messages = schema(&document, "TicketMessages");
    assert_eq!(messages["items"], json!({ "$ref": "#/components/schemas/Message" }));
    assert_eq!(messages["type"], json!("array"));
    assert_eq!(property(&document, "Ticket", "messages"), json!({ "$ref": "#/components/schemas/TicketMessages" }));
    let required = schema(&document, "Ticket")["required"].as_array().expect("names").clone();
    assert!(!required.iter().any(|name| name == "messages" || name == "messages_truncated"), "{required:?}");
    let shown = &document["paths"]["/api/v1/tickets/{ticket_id}"]["get"]["responses"]["200"]["content"];
    let example = shown["application/json"]["examples"]["answer"]["value"]["data"].as_object().expect("an example");
    assert_eq!(example.keys().collect::<Vec<_>>(), required.iter().filter_map(Value::as_str).collect::<Vec<_>>());
}
