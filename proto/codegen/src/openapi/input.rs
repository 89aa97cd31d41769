//! The arguments of a tool of MCP as one JSON Schema (2020-12) without references: the same properties that the REST
//! operation publishes for path, query and body.

use super::schema::{Schemas, Side};
use crate::model::{Field, Http, Model, Rpc};
use serde_json::{Map, Value, json};

/// Name of the argument by which a list is continued, in place of a page's number.
pub(crate) const CURSOR: &str = "cursor";
/// Fields of lists that only the server sets.
pub(crate) const PAGING: &[&str] = &["page", "per_page", CURSOR];
/// Longest cursor: that of a list, and the 40 items of its page that were shown before.
pub(crate) const CURSOR_MAX_LEN: u32 = 200 + 1 + 40 * 8;

/// The fields of the request that are arguments, without those of the path.
pub(crate) fn fields<'a>(model: &'a Model, rpc: &'a Rpc, http: &'a Http) -> Vec<&'a Field> {
    let fixed = fixed(rpc);
    let all = match model.body_message(rpc, http) {
        Some(body) => {
            let schemas = Schemas::new(model);
            schemas.members(body)
        }
        None => model.query_fields(rpc, http),
    };
    let list = crate::tools::is_list(model, rpc);
    let left = |field: &Field| fixed.contains_key(&field.name) || list && PAGING.contains(&field.name.as_str());
    all.into_iter().filter(|field| !left(field)).collect()
}

/// The arguments that are fixed; empty if the text is no object, which is refused elsewhere.
pub(crate) fn fixed(rpc: &Rpc) -> Map<String, Value> {
    let text = rpc.tool.as_ref().and_then(|tool| tool.fixed.as_deref());
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The schema of the arguments.
pub(crate) fn schema(model: &Model, rpc: &Rpc, http: &Http) -> Value {
    let mut schemas = Schemas::new(model);
    let message = model.message(&rpc.input);
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    for field in http.params.iter().filter_map(|name| message.field(name)) {
        properties.insert(field.name.clone(), of_path(&mut schemas, field));
        required.push(&field.name);
    }
    for field in fields(model, rpc, http) {
        let mut property = schemas.property(field, Side::Request);
        if field.list && field.rules.min_items.is_none() {
            // Only a query needs an item: an empty list of a message is an absent one.
            if let Some(object) = property.as_object_mut() {
                object.remove("minItems");
            }
        }
        properties.insert(field.name.clone(), property);
        required.extend(field.required.then_some(field.name.as_str()));
    }
    if crate::tools::is_list(model, rpc) {
        let about = "Where to go on: meta.next_cursor of the answer before, with the same other arguments.";
        let property = json!({ "type": "string", "minLength": 1, "maxLength": CURSOR_MAX_LEN, "description": about });
        properties.insert(CURSOR.to_owned(), property);
    }
    let made = schemas.finish();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    inline(schema, &made)
}

/// A ticket's number is a number in answers, so it may be one here as well.
fn of_path<'a>(schemas: &mut Schemas<'a>, field: &'a Field) -> Value {
    let mut property = match field.rules.format {
        Some(_) => schemas.value(field, Side::Request),
        None => json!({ "type": "string", "format": "uuid" }),
    };
    property["description"] = super::prose(&field.comment).into();
    if takes_number(field) {
        property["type"] = json!(["string", "integer"]);
        property["minimum"] = json!(1);
        property["maximum"] = json!(u32::MAX);
    }
    property
}

/// Whether a parameter of the path may be given as a number.
pub(crate) fn takes_number(field: &Field) -> bool {
    field.rules.format.as_deref() == Some(crate::model::PATH_FORMAT)
}

/// Replaces every reference by its schema. What stands beside a reference goes before what the schema says.
fn inline(value: Value, made: &Map<String, Value>) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|item| inline(item, made)).collect(),
        Value::Object(mut members) => {
            if let Some(Value::String(path)) = members.remove("$ref") {
                let name = path.rsplit('/').next().unwrap_or_default();
                if let Some(Value::Object(schema)) = made.get(name) {
                    for (key, value) in schema {
                        members.entry(key.clone()).or_insert_with(|| value.clone());
                    }
                }
            }
            members.into_iter().map(|(key, value)| (key, inline(value, made))).collect()
        }
        leaf => leaf,
    }
}
