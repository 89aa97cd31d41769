//! The document in OpenAPI 3.0, made from that in 3.1. `openapiv3` types the result, so that only what 3.0 knows is in
//! it.
//!
//! What 3.0 says otherwise: null is a member `nullable`, a constant is an `enum` of one value, a schema has one
//! `example`, a bound is exclusive by a flag, a reference has nothing beside it, and a key of HTTP has no scopes (they
//! stay in `x-required-scope`). Webhooks become `x-webhooks`.

use crate::Error;
use openapiv3::OpenAPI;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What the name of a schema that also allows null ends in.
const OR_NULL: &str = "OrNull";
/// The version, which all programs for 3.0 read.
const VERSION: &str = "3.0.3";

/// The rendering.
pub(super) fn rendering(document: &Value) -> Result<OpenAPI, Error> {
    let mut whole = document.clone();
    let mut rendering = Rendering::default();
    rendering.never_null(document);
    rendering.part(&mut whole);
    if let Some(schemas) = whole.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        for name in &rendering.nullable {
            if let Some(schema) = schemas.get(name).map(or_null) {
                schemas.insert(rendering.name_with_null(name), schema);
            }
        }
    }
    if let Some(root) = whole.as_object_mut() {
        root.insert("openapi".into(), VERSION.into());
        if let Some(webhooks) = root.shift_remove("webhooks") {
            root.insert("x-webhooks".into(), webhooks);
        }
        if let Some(info) = root.get_mut("info").and_then(Value::as_object_mut) {
            info.shift_remove("summary");
            if let Some(license) = info.get_mut("license").and_then(Value::as_object_mut) {
                license.shift_remove("identifier");
            }
        }
    }
    serde_json::from_value(whole).map_err(|error| Error::Rules(vec![format!("the document in OpenAPI 3.0: {error}")]))
}

/// Rewrites parts of a document in place.
#[derive(Default)]
struct Rendering {
    /// Schemas to which somebody refers without allowing null.
    plain: BTreeSet<String>,
    /// Schemas to which somebody refers and allows null.
    nullable: BTreeSet<String>,
}

impl Rendering {
    /// Finds the references that do not allow null.
    fn never_null(&mut self, part: &Value) {
        match part {
            Value::Array(items) => items.iter().for_each(|item| self.never_null(item)),
            Value::Object(members) => {
                self.plain.extend(component(part).map(str::to_owned));
                for (name, member) in members {
                    let options = member.as_array().filter(|options| name == "anyOf" && options.iter().any(is_null));
                    match options {
                        Some(options) => {
                            let inline = options.iter().filter(|option| component(option).is_none());
                            inline.for_each(|option| self.never_null(option));
                        }
                        None => self.never_null(member),
                    }
                }
            }
            _ => {}
        }
    }

    /// The name of the schema that is this one or null. A schema that is null for everybody needs no twin.
    fn name_with_null(&self, name: &str) -> String {
        if self.plain.contains(name) { format!("{name}{OR_NULL}") } else { name.to_owned() }
    }

    /// A part that is no schema itself.
    fn part(&mut self, part: &mut Value) {
        match part {
            Value::Array(items) => items.iter_mut().for_each(|item| self.part(item)),
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    match name.as_str() {
                        "schema" => self.schema(member),
                        "schemas" => self.each(member),
                        "security" => without_scopes(member),
                        "example" | "examples" => {}
                        _ => self.part(member),
                    }
                }
            }
            _ => {}
        }
    }

    /// The schemas of a map or list.
    fn each(&mut self, schemas: &mut Value) {
        match schemas {
            Value::Array(items) => items.iter_mut().for_each(|schema| self.schema(schema)),
            Value::Object(members) => members.values_mut().for_each(|schema| self.schema(schema)),
            _ => {}
        }
    }

    fn schema(&mut self, schema: &mut Value) {
        // `additionalProperties` may be true or false.
        let Some(members) = schema.as_object_mut() else { return };
        for name in ["items", "additionalProperties"] {
            if let Some(part) = members.get_mut(name) {
                self.schema(part);
            }
        }
        for name in ["properties", "anyOf", "oneOf", "allOf"] {
            if let Some(parts) = members.get_mut(name) {
                self.each(parts);
            }
        }
        self.choice(members);
        kind(members);
        if members.len() > 1
            && let Some(reference) = members.shift_remove("$ref")
        {
            members.insert("allOf".into(), json!([{ "$ref": reference }]));
        }
        match members.shift_remove("const") {
            // The kind and `nullable` say it already, and generators of clients make no type of null.
            None | Some(Value::Null) => {}
            Some(value) => {
                members.insert("enum".into(), json!([value]));
            }
        }
        if let Some(Value::Array(examples)) = members.shift_remove("examples")
            && let Some(first) = examples.into_iter().next()
        {
            members.insert("example".into(), first);
        }
        for (exclusive, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
            if let Some(limit) = members.get(exclusive).filter(|limit| limit.is_number()).cloned() {
                members.insert(bound.into(), limit);
                members.insert(exclusive.into(), true.into());
            }
        }
        let encoding = members.shift_remove("contentEncoding");
        let media = members.shift_remove("contentMediaType");
        if encoding.is_some() || media.is_some() {
            let format = if encoding == Some("base64".into()) { "byte" } else { "binary" };
            members.insert("format".into(), format.into());
        }
    }

    /// "One of these, or null", which references need.
    fn choice(&mut self, members: &mut Map<String, Value>) {
        let Some(Value::Array(mut options)) = members.shift_remove("anyOf") else { return };
        let all = options.len();
        options.retain(|option| !is_null(option));
        if options.len() < all {
            options.iter_mut().for_each(|option| self.nullable(option));
        }
        match options.pop() {
            Some(Value::Object(only)) if options.is_empty() => members.extend(only),
            last => {
                options.extend(last);
                members.insert("anyOf".into(), options.into());
            }
        }
    }

    /// Allows null: `nullable` holds only in the schema that has the type, so a reference leads to a twin of its schema.
    fn nullable(&mut self, schema: &mut Value) {
        match component(schema).map(str::to_owned) {
            Some(name) => {
                schema["$ref"] = format!("#/components/schemas/{}", self.name_with_null(&name)).into();
                self.nullable.insert(name);
            }
            None => *schema = or_null(schema),
        }
    }
}

/// The component that a schema refers to.
fn component(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}

fn or_null(schema: &Value) -> Value {
    let mut schema = schema.clone();
    schema["nullable"] = true.into();
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    schema
}

/// A list of types with null in it.
fn kind(members: &mut Map<String, Value>) {
    let Some(Value::Array(mut kinds)) = members.get("type").cloned() else { return };
    let all = kinds.len();
    kinds.retain(|kind| kind.as_str() != Some("null"));
    if kinds.len() < all {
        members.insert("nullable".into(), true.into());
    }
    match kinds.as_slice() {
        [kind] => members.insert("type".into(), kind.clone()),
        _ => members.shift_remove("type"),
    };
}

/// Whether a schema allows null only.
fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

fn without_scopes(security: &mut Value) {
    let Some(requirements) = security.as_array_mut() else { return };
    for scopes in requirements.iter_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        *scopes = json!([]);
    }
    // Without their scopes, alternatives are the same.
    requirements.dedup();
}
