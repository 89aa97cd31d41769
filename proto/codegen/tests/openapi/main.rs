//! The OpenAPI document: the difficult parts on a small contract, and properties of the real one.

mod operations;

use inboxops_codegen::{Model, load, openapi};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};

const SMALL: &str = r#"
syntax = "proto3";
package inboxops.v1;
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";
import "inboxops/v1/options.proto";
// Things.
service ThingService {
  // List things.
  //
  // By name,
  // always.
  rpc ListThings(ListThingsRequest) returns (ListThingsResponse) {
    option (google.api.http) = {get: "/api/v1/things"};
    option (policy) = {api_key: "tickets:read" entitlement: "webhooks"};
  }
  // Make a thing.
  rpc MakeThing(MakeThingRequest) returns (MakeThingResponse) {
    option (google.api.http) = {post: "/api/v1/tickets/{ticket_id}/things" body: "*"};
    option (policy) = {api_key: "any"};
    option (rest) = {success_status: 201 success_flag: "made" location: "/api/v1/things/{data.id}" etag: "data.version"};
  }
}
// Color of a thing.
enum ThingColor {
  // Not set.
  THING_COLOR_UNSPECIFIED = 0;
  // Dark red.
  THING_COLOR_DARK_RED = 1;
}
// A part.
message Part {
  // Name.
  optional string name = 1 [(rules) = {trim: true min_len: 1 max_len: 9}];
}
// A thing.
message Thing {
  // Id.
  string id = 1 [(rules) = {format: "uuid"}];
  // Version.
  uint32 version = 2;
  // Color; null without one.
  optional ThingColor color = 3;
  // Part; null without one.
  Part part = 4 [(rules) = {nullable: true}];
  // Parts.
  repeated Part parts = 5;
  // Time.
  google.protobuf.Timestamp made_at = 6;
  // Time; null until then.
  google.protobuf.Timestamp gone_at = 7 [(rules) = {nullable: true}];
  // What was sent.
  string payload = 8 [(rules) = {json_text: true}];
  // Shape; always null.
  optional string shape = 9 [(rules) = {unset: true}];
}
// Request of ListThings.
message ListThingsRequest {
  // Colors.
  repeated ThingColor color = 1 [(rules) = {csv: true max_items: 3}];
  // Number.
  optional uint32 page = 2 [(rules) = {min: 1 max: 9 default: "1"}];
}
// Response of ListThings.
message ListThingsResponse {
  // Things.
  repeated Thing things = 1 [json_name = "data"];
}
// Request of MakeThing.
message MakeThingRequest {
  // Id.
  string ticket_id = 1 [(rules) = {format: "uuid_or_number"}];
  // Name.
  optional string name = 2 [(google.api.field_behavior) = REQUIRED, (rules) = {trim: true min_len: 1 max_len: 9}];
  // Note.
  optional string note = 3 [(rules) = {max_len: 5 nullable: true}];
  // Owner.
  optional string owner_id = 4 [(rules) = {format: "uuid"}];
  // Part.
  Part part = 5;
  // Kind.
  optional string kind = 6 [(rules) = {in: ["a", "b"] nullable: true default: "\"a\""}];
}
// Response of MakeThing.
message MakeThingResponse {
  // Thing.
  Thing thing = 1 [json_name = "data"];
  // Whether it was made.
  bool made = 2;
}
"#;

fn protos() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of the protos")
}

fn small() -> Value {
    made_of(SMALL)
}

fn made_of(things: &str) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let package = folder.path().join("inboxops/v1");
    fs::create_dir_all(&package).expect("a folder");
    fs::copy(protos().join("inboxops/v1/options.proto"), package.join("options.proto")).expect("a copy");
    fs::write(package.join("things.proto"), things).expect("a file");
    openapi::document(&load(folder.path(), &[protos()]).unwrap_or_else(|error| panic!("{error}")))
}

fn real() -> Model {
    load(protos(), &[]).unwrap_or_else(|error| panic!("{error}"))
}

fn schema<'a>(document: &'a Value, name: &str) -> &'a Value {
    &document["components"]["schemas"][name]
}

fn property(document: &Value, name: &str, member: &str) -> Value {
    let mut value = schema(document, name)["properties"][member].clone();
    value.as_object_mut().expect("a schema").shift_remove("description");
    value
}

/// Every object in a document.
fn walk<'a>(value: &'a Value, visit: &mut dyn FnMut(&'a serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(object);
            object.values().for_each(|value| walk(value, visit));
        }
        Value::Array(items) => items.iter().for_each(|value| walk(value, visit)),
        _ => {}
    }
}

fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let verbs = item.as_object().expect("a path item");
        verbs.iter().map(|(verb, operation)| (path.as_str(), verb.as_str(), operation))
    });
    operations.collect()
}

#[test]
fn answers_have_every_member_and_say_where_null_stands() {
    let document = small();
    let required = json!(["id", "version", "color", "part", "parts", "made_at", "gone_at", "payload", "shape"]);
    assert_eq!(schema(&document, "Thing")["required"], required);
    assert_eq!(schema(&document, "Thing").get("additionalProperties"), None);
    let none = json!({ "type": "null" });
    let table = [
        ("version", json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": 4_294_967_295_u32 })),
        ("color", json!({ "anyOf": [{ "$ref": "#/components/schemas/ThingColor" }, none] })),
        ("part", json!({ "anyOf": [{ "$ref": "#/components/schemas/Part" }, none] })),
        ("parts", json!({ "type": "array", "items": { "$ref": "#/components/schemas/Part" } })),
        ("made_at", json!({ "type": "string", "format": "date-time" })),
        ("gone_at", json!({ "type": ["string", "null"], "format": "date-time" })),
        ("payload", json!({ "type": "object", "additionalProperties": true })),
        ("shape", json!({ "type": ["string", "null"], "const": null })),
    ];
    for (member, expected) in table {
        assert_eq!(property(&document, "Thing", member), expected, "{member}");
    }
    assert_eq!(schema(&document, "ThingColor")["enum"], json!(["dark_red"]));
}

#[test]
fn requests_are_closed_and_say_the_rules_that_the_gate_holds() {
    let document = small();
    let request = schema(&document, "MakeThingRequest");
    assert_eq!(request["required"], json!(["name"]));
    assert_eq!(request["additionalProperties"], json!(false));
    assert_eq!(request["properties"].get("ticket_id"), None, "it stands in the path");
    let uuid = "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$";
    let table = [
        (
            "name",
            json!({ "type": "string", "minLength": 1, "maxLength": 9, "pattern": r"^[^\x00]*[^\s\x00][^\x00]*$" }),
        ),
        ("note", json!({ "type": ["string", "null"], "maxLength": 5, "pattern": r"^[^\x00]*$" })),
        ("owner_id", json!({ "type": "string", "format": "uuid", "pattern": uuid })),
        ("part", json!({ "$ref": "#/components/schemas/PartInput" })),
        ("kind", json!({ "type": ["string", "null"], "enum": ["a", "b", null], "default": "a" })),
    ];
    for (member, expected) in table {
        assert_eq!(property(&document, "MakeThingRequest", member), expected, "{member}");
    }
    assert_eq!(schema(&document, "PartInput")["additionalProperties"], json!(false));
    assert_eq!(schema(&document, "Part")["required"], json!(["name"]), "on the other side it is an answer");
}

#[test]
fn parameters_say_lists_bounds_and_defaults() {
    let document = small();
    let list = &document["paths"]["/api/v1/things"]["get"];
    let color = &list["parameters"][0];
    assert_eq!((&color["style"], &color["explode"]), (&json!("form"), &json!(false)));
    let items = json!({ "$ref": "#/components/schemas/ThingColor" });
    assert_eq!(color["schema"], json!({ "type": "array", "items": items, "minItems": 1, "maxItems": 3 }));
    let page = json!({ "type": "integer", "format": "int32", "minimum": 1, "maximum": 9, "default": 1 });
    assert_eq!(list["parameters"][1]["schema"], page);
    let ticket = &document["paths"]["/api/v1/tickets/{ticket_id}/things"]["post"]["parameters"][0];
    assert_eq!((&ticket["in"], &ticket["required"]), (&json!("path"), &json!(true)));
    assert!(ticket["schema"]["pattern"].as_str().is_some_and(|pattern| pattern.ends_with("|[1-9][0-9]{0,9})$")));
}

#[test]
fn comments_policies_and_success_flags_shape_the_operation() {
    let document = small();
    let list = &document["paths"]["/api/v1/things"]["get"];
    assert_eq!((&list["operationId"], &list["summary"]), (&json!("listThings"), &json!("List things")));
    let text = "By name, always.\n\nNeeds a key with the scope `tickets:read`.\n\nNeeds a plan with the entitlement `webhooks`.";
    assert_eq!(list["description"], json!(text));
    assert_eq!(list["security"], json!([{ "ApiKey": ["tickets:read"] }]));
    assert_eq!(list["x-required-scope"], json!("tickets:read"));
    assert_eq!(list["x-required-entitlement"], json!("webhooks"));
    let make = &document["paths"]["/api/v1/tickets/{ticket_id}/things"]["post"];
    assert_eq!(make["security"], json!([{ "ApiKey": [] }]));
    assert_eq!(make.get("x-required-scope"), None);
    let (made, was) = (&make["responses"]["201"], &make["responses"]["200"]);
    let of = |response: &Value| response["content"]["application/json"]["schema"].clone();
    assert!(of(made) == of(was) && of(made).is_object());
    assert!(made["headers"]["Location"].is_object() && made["headers"]["ETag"].is_object());
    assert!(was["headers"].get("Location").is_none() && was["headers"]["ETag"].is_object());
    assert_eq!(schema(&document, "MakeThingResponse")["required"], json!(["data"]), "the flag is the status");
    assert!(list["responses"].get("201").is_none());
}

#[test]
fn every_operation_documents_the_errors_that_it_can_give() {
    let document = openapi::document(&real());
    assert!(operations(&document).len() > 20);
    for (path, verb, operation) in operations(&document) {
        let mut expected = BTreeSet::from([400, 401, 403, 429, 500, 503, 504]);
        if path.contains('{') {
            expected.insert(404);
        }
        if verb != "get" {
            expected.extend([409, 422]);
        }
        if operation.get("requestBody").is_some() {
            expected.extend([413, 415]);
        }
        if operation.to_string().contains("#/components/parameters/IfMatch") {
            expected.insert(412);
        }
        let parameters = operation["parameters"].as_array().expect("parameters");
        if parameters.iter().any(|it| it["name"] == "after" || it["name"] == "cursor") {
            expected.insert(410);
        }
        if operation.to_string().contains("\"export_in_progress\"") {
            expected.insert(409);
        }
        let responses = operation["responses"].as_object().expect("responses");
        let numbers = responses.keys().filter_map(|status| status.parse::<u16>().ok());
        let errors: BTreeSet<u16> = numbers.filter(|status| *status >= 400).collect();
        assert_eq!(errors, expected, "{verb} {path}");
        for name in path.split('{').skip(1).filter_map(|part| part.split_once("_id}")) {
            let code = format!("{}_not_found", name.0);
            assert!(
                operation["responses"]["404"]["content"]["application/json"]["examples"][&code].is_object(),
                "{code}"
            );
        }
        assert!(operation["responses"].as_object().is_some_and(|all| all.keys().any(|status| status.starts_with('2'))));
    }
}

#[test]
fn every_error_has_the_schema_an_example_of_its_own_code_and_its_headers() {
    let document = openapi::document(&real());
    let inline = operations(&document).into_iter().flat_map(|(_, _, operation)| {
        operation["responses"].as_object().expect("responses").iter().filter(|(status, _)| status.starts_with('4'))
    });
    let shared = document["components"]["responses"].as_object().expect("responses").iter();
    for (name, response) in inline.chain(shared).filter(|(_, response)| response.get("$ref").is_none()) {
        let media = &response["content"]["application/json"];
        assert_eq!(media["schema"], json!({ "$ref": "#/components/schemas/ErrorResponse" }), "{name}");
        let examples = media["examples"].as_object().expect("examples");
        assert!(!examples.is_empty(), "{name}");
        for (code, example) in examples {
            assert_eq!(example["value"]["error"]["code"], json!(code), "{name}");
        }
        assert!(response["headers"]["X-Request-Id"].is_object(), "{name}");
    }
    let header = |response: &str, header: &str| {
        assert!(document["components"]["responses"][response]["headers"][header].is_object(), "{response}: {header}");
    };
    header("Unauthorized", "WWW-Authenticate");
    header("RateLimited", "Retry-After");
    header("Conflict", "Retry-After");
    header("ServiceUnavailable", "Retry-After");
    header("PreconditionFailed", "ETag");
    for response in ["InternalError", "ServiceUnavailable", "Timeout"] {
        header(response, "RateLimit");
    }
    assert!(document["components"]["responses"]["Timeout"]["headers"].get("Retry-After").is_none());
}

#[test]
fn the_codes_of_errors_are_those_that_rest_gives() {
    let document = openapi::document(&real());
    let codes = schema(&document, "ErrorCode")["enum"].as_array().expect("codes").clone();
    let mut told = BTreeSet::new();
    walk(&document["paths"], &mut |object| told.extend(object.get("error").map(|error| error["code"].to_string())));
    walk(&document["components"], &mut |object| {
        told.extend(object.get("error").map(|error| error["code"].to_string()))
    });
    let of_no_operation: Vec<&Value> = codes.iter().filter(|code| !told.contains(&code.to_string())).collect();
    let expected = ["cross_origin", "role_required", "tenant_not_found", "route_not_found", "method_not_allowed"];
    assert_eq!(json!(of_no_operation), json!(expected));
    let details = |of: &Value| schema(of, "ErrorDetail")["properties"]["code"]["enum"].to_string();
    assert!(details(&document).contains("too_long") && details(&document).contains("too_short"));
    assert!(!details(&small()).contains("too_short"), "no field has a least length above 1 there");
}

#[test]
fn no_reference_dangles_and_nothing_is_defined_in_vain() {
    let document = openapi::document(&real());
    let mut used = BTreeSet::new();
    walk(&document, &mut |object| {
        if let Some(Value::String(reference)) = object.get("$ref") {
            let pointer = reference.strip_prefix('#').expect("a local reference");
            assert!(document.pointer(pointer).is_some_and(Value::is_object), "{reference}");
            used.insert(pointer.to_owned());
        }
    });
    for kind in ["schemas", "responses", "parameters", "headers"] {
        for name in document["components"][kind].as_object().expect("components").keys() {
            assert!(used.contains(&format!("/components/{kind}/{name}")), "{kind}/{name}");
        }
    }
    let ids: Vec<&Value> =
        operations(&document).into_iter().map(|(_, _, operation)| &operation["operationId"]).collect();
    assert_eq!(ids.iter().map(|id| id.to_string()).collect::<BTreeSet<_>>().len(), ids.len());
}

#[test]
fn equal_protos_make_equal_bytes() {
    assert_eq!(openapi::text(&real()), openapi::text(&real()));
}

#[test]
fn the_webhooks_are_the_events_that_can_be_tested_and_hold_the_resources_of_rest() {
    let model = real();
    let document = openapi::document(&model);
    let webhooks = document["webhooks"].as_object().expect("webhooks");
    let tested = model.message("inboxops.v1.SendTestEventRequest").field("event").expect("a field");
    assert_eq!(webhooks.keys().cloned().collect::<Vec<_>>(), tested.rules.allowed);
    let groups: BTreeSet<String> =
        operations(&document).iter().map(|(_, _, operation)| operation["tags"].to_string()).collect();
    for (name, item) in webhooks {
        assert!(!groups.contains(&item["post"]["tags"].to_string()), "one client file would overwrite the other");
        let body = &item["post"]["requestBody"]["content"]["application/json"];
        let pointer = body["schema"]["$ref"].as_str().and_then(|text| text.strip_prefix('#')).expect("a reference");
        let schema = document.pointer(pointer).expect("a schema");
        assert_eq!(schema["properties"]["event"]["const"], json!(name));
        let keys = json!(["event", "event_id", "tenant_id", "created_at", "data"]);
        assert_eq!(schema["required"], keys);
        assert_eq!(json!(body["example"].as_object().expect("an example").keys().collect::<Vec<_>>()), keys);
        // The family of an event names a resource that the event contains.
        let family = name.split('.').next().expect("a family");
        let noun = family[..1].to_uppercase() + &family[1..];
        let resource = &schema["properties"]["data"]["properties"][family]["$ref"];
        assert_eq!(resource, &json!(format!("#/components/schemas/{noun}")), "{name}");
    }
}

/// The comment is for people, the rule for programs; both must agree.
#[test]
fn comments_speak_of_null_where_answers_have_it() {
    let model = real();
    let document = openapi::document(&model);
    let answers = model.messages.iter().filter(|message| {
        schema(&document, &message.name).get("additionalProperties").is_none()
            && schema(&document, &message.name).is_object()
    });
    for message in answers {
        for field in &message.fields {
            let can = property_text(&document, &message.name, &field.json).contains("\"null\"");
            let says = field.comment.contains("null");
            assert!(can || !says, "{}.{}: says null but has none", message.name, field.name);
            assert!(says || !can || field.optional, "{}.{}: has null", message.name, field.name);
        }
    }
}

fn property_text(document: &Value, name: &str, member: &str) -> String {
    schema(document, name)["properties"][member].to_string()
}
