//! The document in OpenAPI 3.0: it says what that in 3.1 says, in the words of 3.0, and typing loses nothing.

use inboxops_codegen::{Model, load, openapi};
use serde_json::{Value, json};
use std::path::Path;

fn real() -> Model {
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of the protos");
    load(protos, &[]).unwrap_or_else(|error| panic!("{error}"))
}

fn older(model: &Model) -> Value {
    let text = openapi::older_text(model).unwrap_or_else(|error| panic!("{error}"));
    serde_json::from_str(&text).expect("JSON")
}

/// Every object in a document, without examples and defaults, which are values and no schemas.
fn walk<'a>(value: &'a Value, visit: &mut dyn FnMut(&'a serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(object);
            let parts = object.iter().filter(|(name, _)| !["example", "examples", "default"].contains(&name.as_str()));
            parts.for_each(|(_, value)| walk(value, visit));
        }
        Value::Array(items) => items.iter().for_each(|value| walk(value, visit)),
        _ => {}
    }
}

#[test]
fn nothing_is_said_as_only_3_1_says_it() {
    let document = older(&real());
    assert_eq!(document["openapi"], "3.0.3");
    assert_eq!(document.get("webhooks"), None);
    assert_eq!(document["info"].get("summary"), None);
    assert_eq!(document["info"]["license"], json!({ "name": "MIT OR Apache-2.0" }));
    assert_eq!(document["info"]["contact"], json!({ "name": "The operator of this server" }));
    walk(&document, &mut |object| {
        let shown = || Value::from(object.clone()).to_string();
        assert!(!object.get("type").is_some_and(Value::is_array), "{}", shown());
        assert!(object.get("type") != Some(&json!("null")), "{}", shown());
        assert!(object.get("const").is_none_or(Value::is_object), "{}", shown());
        assert!(!object.get("examples").is_some_and(Value::is_array), "{}", shown());
        assert!(!object.contains_key("$ref") || object.len() == 1, "nothing stands beside a reference: {}", shown());
        for bound in ["exclusiveMinimum", "exclusiveMaximum"] {
            assert!(!object.get(bound).is_some_and(Value::is_number), "{}", shown());
        }
        for scopes in object.get("security").and_then(Value::as_array).into_iter().flatten() {
            assert!(
                scopes.as_object().is_some_and(|all| all.values().all(|scopes| scopes == &json!([]))),
                "{}",
                shown()
            );
        }
    });
}

#[test]
fn every_operation_status_and_schema_is_there() {
    let model = real();
    let (newer, older) = (openapi::document(&model), older(&model));
    let keys = |value: &Value| value.as_object().map(|all| all.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    assert_eq!(keys(&older["paths"]), keys(&newer["paths"]));
    for (path, item) in newer["paths"].as_object().expect("paths") {
        for (verb, operation) in item.as_object().expect("a path item") {
            let told = &older["paths"][path][verb];
            for member in ["operationId", "summary", "description", "tags", "x-required-scope"] {
                assert_eq!(told[member], operation[member], "{verb} {path}: {member}");
            }
            assert_eq!(keys(&told["responses"]), keys(&operation["responses"]), "{verb} {path}");
            let count = |operation: &Value| operation["parameters"].as_array().map(Vec::len);
            assert_eq!(count(told), count(operation), "{verb} {path}");
        }
    }
    assert_eq!(keys(&older["x-webhooks"]), keys(&newer["webhooks"]));
    for name in keys(&newer["components"]["schemas"]) {
        let (told, schema) = (&older["components"]["schemas"][&name], &newer["components"]["schemas"][&name]);
        assert_eq!(keys(&told["properties"]), keys(&schema["properties"]), "{name}");
        assert_eq!(told["required"], schema["required"], "{name}");
        assert_eq!(told["additionalProperties"], schema["additionalProperties"], "{name}");
    }
    for kind in ["responses", "parameters", "headers", "securitySchemes"] {
        assert_eq!(keys(&older["components"][kind]), keys(&newer["components"][kind]), "{kind}");
    }
}

#[test]
fn null_is_allowed_where_it_was() {
    let model = real();
    let (newer, older) = (openapi::document(&model), older(&model));
    let mut seen = 0;
    for (name, schema) in newer["components"]["schemas"].as_object().expect("schemas") {
        for (member, property) in schema["properties"].as_object().into_iter().flatten() {
            let list_has = |value: &Value, what: &Value| value.as_array().is_some_and(|all| all.contains(what));
            let can =
                list_has(&property["type"], &json!("null")) || list_has(&property["anyOf"], &json!({ "type": "null" }));
            let told = &older["components"]["schemas"][name]["properties"][member];
            let reference = told["allOf"][0]["$ref"].as_str().or_else(|| told["$ref"].as_str());
            let target = reference.and_then(|reference| older.pointer(&reference[1..])).unwrap_or(told);
            assert_eq!(target["nullable"] == json!(true), can, "{name}.{member}");
            seen += usize::from(can);
        }
    }
    assert!(seen > 20, "{seen}");
    let error = &older["components"]["schemas"]["Inbox"]["properties"]["error"];
    assert_eq!(error["allOf"], json!([{ "$ref": "#/components/schemas/InboxErrorOrNull" }]));
    let requester = &older["components"]["schemas"]["Requester"];
    assert_eq!(requester["nullable"], json!(true), "whoever refers to it allows null");
}

#[test]
fn no_reference_dangles() {
    let document = older(&real());
    walk(&document, &mut |object| {
        if let Some(Value::String(reference)) = object.get("$ref") {
            let pointer = reference.strip_prefix('#').expect("a local reference");
            assert!(document.pointer(pointer).is_some_and(Value::is_object), "{reference}");
        }
    });
}
