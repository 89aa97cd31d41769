//! Messages, enums and fields as JSON Schema. Requests and responses differ: a request has no unknown members and
//! demands the required ones; a response is open and has every member.

use super::{example, prose, reference};
use crate::{
    messages::reachable,
    model::{Enum, Field, Kind, Message, Model, Rules},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A UUID in any letter case, as the gate takes it.
const UUID: &str = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}";
/// At least one character that is not white space, and no NUL. All dialects of patterns know `\x00`.
const NOT_BLANK: &str = r"^[^\x00]*[^\s\x00][^\x00]*$";
/// No NUL.
const NO_NUL: &str = r"^[^\x00]*$";
/// Greatest value of a `uint32`.
const U32_MAX: i64 = u32::MAX as i64;

/// The side that writes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The client.
    Request,
    /// The server.
    Answer,
}

/// The component schemas; a reference adds its schema.
pub(super) struct Schemas<'a> {
    pub model: &'a Model,
    made: BTreeMap<String, Value>,
    /// Full names of fields without a JSON form: path parameters and success flags.
    hidden: BTreeSet<String>,
    /// Full names of all messages in responses.
    answered: BTreeSet<String>,
}

impl<'a> Schemas<'a> {
    /// No schemas yet.
    pub(super) fn new(model: &'a Model) -> Schemas<'a> {
        let outputs = model.routes().map(|(_, rpc, _)| model.message(&rpc.output)).collect();
        let answered = reachable(model, outputs);
        let mut hidden = BTreeSet::new();
        for (_, rpc, http) in model.routes() {
            hidden.extend(rpc.rest.success_flag.iter().map(|flag| format!("{}.{flag}", rpc.output)));
            hidden.extend(http.params.iter().map(|param| format!("{}.{param}", rpc.input)));
        }
        Schemas { model, made: BTreeMap::new(), hidden, answered }
    }

    /// All referenced schemas, by name.
    pub(super) fn finish(self) -> Map<String, Value> {
        self.made.into_iter().collect()
    }

    /// Adds a schema that belongs to no message.
    pub(super) fn add(&mut self, name: &str, schema: Value) -> Value {
        self.made.insert(name.to_owned(), schema);
        reference("schemas", name)
    }

    /// The members of a message in JSON.
    pub(super) fn members(&self, message: &'a Message) -> Vec<&'a Field> {
        let shown = |field: &&Field| {
            let json = field.kind != Kind::FieldMask && !field.rules.grpc_only;
            json && !self.hidden.contains(&format!("{}.{}", message.full_name, field.name))
        };
        message.fields.iter().filter(shown).collect()
    }

    /// A reference to a message's schema. A message of both sides has two schemas.
    pub(super) fn message(&mut self, message: &'a Message, side: Side) -> Value {
        let both = side == Side::Request && self.answered.contains(&message.full_name);
        let name = format!("{}{}", message.name, if both { "Input" } else { "" });
        if !self.made.contains_key(&name) {
            // The name is reserved first, so that recursion ends for a message that contains itself.
            self.made.insert(name.clone(), Value::Null);
            let schema = self.object(message, side);
            self.made.insert(name.clone(), schema);
        }
        reference("schemas", &name)
    }

    fn object(&mut self, message: &'a Message, side: Side) -> Value {
        if let Some(field) = message.alone() {
            return self.property(field, side);
        }
        let fields = self.members(message);
        let mut properties = Map::new();
        for field in &fields {
            let schema = self.property(field, side);
            match properties.get_mut(&field.json) {
                Some(first) => or_else(first, schema),
                None => _ = properties.insert(field.json.clone(), schema),
            }
        }
        let required: Vec<&str> = match side {
            Side::Answer => {
                fields.iter().filter(|field| !field.rules.omitted).map(|field| field.json.as_str()).collect()
            }
            Side::Request => fields.iter().filter(|field| field.required).map(|field| field.json.as_str()).collect(),
        };
        let mut schema = json!({ "type": "object", "description": prose(&message.comment), "properties": properties });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if side == Side::Request {
            schema["additionalProperties"] = json!(false);
        }
        schema
    }

    /// A reference to an enum's schema.
    pub(super) fn enumeration(&mut self, item: &Enum) -> Value {
        let values: Vec<&str> = item.json_values().map(|value| value.json.as_str()).collect();
        let lines = item.json_values().map(|value| format!("- `{}`: {}", value.json, prose(&value.comment)));
        let description = format!("{}\n\n{}", prose(&item.comment), lines.collect::<Vec<_>>().join("\n"));
        self.add(&item.name, json!({ "type": "string", "enum": values, "description": description }))
    }

    /// Schema of a member, with its description, example and default.
    pub(super) fn property(&mut self, field: &'a Field, side: Side) -> Value {
        let mut schema = self.value(field, side);
        let object = schema.as_object_mut().expect("every schema here is an object");
        object.insert("description".into(), prose(&field.comment).into());
        if let Some(default) = &field.rules.default {
            object.insert("default".into(), default.clone());
        }
        if field.rules.unset {
            // The type stays beside it: generators of clients have none for null alone.
            object.insert("const".into(), Value::Null);
        }
        if let Some(example) = field.rules.example.as_ref().filter(|example| !example.is_null()) {
            // A list's example may be that of one item.
            let whole = if field.list && !example.is_array() { json!([example]) } else { example.clone() };
            object.insert("examples".into(), json!([whole]));
        }
        schema
    }

    /// Schema of a field's value only.
    pub(super) fn value(&mut self, field: &'a Field, side: Side) -> Value {
        let rules = &field.rules;
        let single = self.single(field, side);
        if field.list {
            let mut list = json!({ "type": "array", "items": single });
            // A query parameter that is present has a value.
            let least = rules.min_items.or(rules.csv.then_some(1));
            set(&mut list, "minItems", least.map(Into::into));
            set(&mut list, "maxItems", rules.max_items.map(Into::into));
            return list;
        }
        if nullable(field, side) { or_null(single) } else { single }
    }

    fn single(&mut self, field: &'a Field, side: Side) -> Value {
        match &field.kind {
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::Timestamp => json!({ "type": "string", "format": "date-time" }),
            Kind::I32 => number(&field.rules, i32::MIN.into(), i32::MAX.into()),
            Kind::I64 | Kind::U64 => number(&field.rules, i64::MIN, i64::MAX),
            Kind::U32 => number(&field.rules, 0, U32_MAX),
            Kind::Enum(name) => {
                let item = self.model.enumeration(name);
                self.enumeration(item)
            }
            Kind::Message(name) => {
                let message = self.model.message(name);
                self.message(message, side)
            }
            _ if field.rules.json_text => json!({ "type": "object", "additionalProperties": true }),
            _ => text(&field.rules, side),
        }
    }
}

/// Whether JSON may contain null. In responses, whatever Rust may leave out; but messages always have an `Option`
/// there, so the rules decide for them.
pub(super) fn nullable(field: &Field, side: Side) -> bool {
    let message = matches!(field.kind, Kind::Message(_) | Kind::Timestamp);
    field.rules.nullable || (side == Side::Answer && field.optional && !field.rules.omitted && !message)
}

/// Makes the schema of a member that several fields share a choice; the description of the first applies to all.
fn or_else(first: &mut Value, mut other: Value) {
    let described = |schema: &mut Value| schema.as_object_mut().and_then(|object| object.shift_remove("description"));
    let _ = described(&mut other);
    match first.get_mut("anyOf").and_then(Value::as_array_mut) {
        Some(options) => options.push(other),
        None => {
            let description = described(first);
            *first = json!({ "anyOf": [first.take(), other], "description": description });
        }
    }
}

/// A reference cannot contain a list of types; a list of allowed values must contain null itself.
fn or_null(mut schema: Value) -> Value {
    if schema.get("$ref").is_some() {
        return json!({ "anyOf": [schema, { "type": "null" }] });
    }
    schema["type"] = json!([schema["type"], "null"]);
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    schema
}

/// The format is the smallest one that fits all values; without one, generators use 32 signed bits.
fn number(rules: &Rules, least: i64, most: i64) -> Value {
    let least = rules.min.unwrap_or(least);
    let most = rules.max.unwrap_or(most);
    let format = if least >= i32::MIN.into() && most <= i32::MAX.into() { "int32" } else { "int64" };
    json!({ "type": "integer", "format": format, "minimum": least, "maximum": most })
}

fn text(rules: &Rules, side: Side) -> Value {
    let mut schema = json!({ "type": "string" });
    if !rules.allowed.is_empty() {
        schema["enum"] = json!(rules.allowed);
        return schema;
    }
    let request = side == Side::Request;
    let format = match rules.format.as_deref() {
        Some("uuid") => Some("uuid"),
        Some("email") => Some("email"),
        Some("url") => Some("uri"),
        _ => None,
    };
    set(&mut schema, "format", format.map(Into::into));
    set(&mut schema, "minLength", rules.min_len.map(Into::into));
    set(&mut schema, "maxLength", rules.max_len.map(Into::into));
    if request {
        schema["pattern"] = match rules.format.as_deref() {
            Some("uuid") => format!("^{UUID}$").into(),
            Some("uuid_or_none") => format!("^(none|{UUID})$").into(),
            Some("uuid_or_number") => format!("^({UUID}|[1-9][0-9]{{0,9}})$").into(),
            Some("http_status") => "^([2-5]xx|[1-5][0-9][0-9])$".into(),
            _ if rules.min_len > Some(0) => NOT_BLANK.into(),
            _ => NO_NUL.into(),
        };
    }
    schema
}

fn set(schema: &mut Value, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        schema[name] = value;
    }
}

/// Example of a field, for parameters.
pub(super) fn parameter_example(model: &Model, field: &Field) -> Option<Value> {
    field.rules.example.clone().or_else(|| example::id(model, &field.name)).filter(|example| !example.is_null())
}
