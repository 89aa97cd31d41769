//! Examples of whole bodies, made from the examples of their fields.

use super::schema::{Schemas, Side, nullable};
use crate::model::{Field, Kind, Message, Model, upper_camel};
use serde_json::{Map, Value, json};

/// The time in examples.
pub(super) const TIME: &str = "2026-01-31T09:30:00.000000Z";
/// The id in examples if there is no better one.
const ID: &str = "019ab5f0-0000-7000-8000-000000000001";

/// An example of a message: the members that a response always has; of a request those that have an example or are
/// required.
pub(super) fn message(schemas: &Schemas<'_>, message: &Message, side: Side) -> Value {
    if let Some(field) = message.alone() {
        return value(schemas, field, side);
    }
    let mut object = Map::new();
    for field in schemas.members(message) {
        let of_interest = field.required || field.rules.example.is_some();
        if side == Side::Answer && !field.rules.omitted || side == Side::Request && of_interest {
            object.insert(field.json.clone(), value(schemas, field, side));
        }
    }
    object.into()
}

fn value(schemas: &Schemas<'_>, field: &Field, side: Side) -> Value {
    if let Some(example) = field.rules.example.clone() {
        // Embedded JSON is shown as JSON, not as text.
        return if field.list && !example.is_array() { json!([example]) } else { example };
    }
    if let Some(default) = field.rules.default.clone() {
        return default;
    }
    let single = match &field.kind {
        Kind::Message(name) => message(schemas, schemas.model.message(name), side),
        Kind::Timestamp => TIME.into(),
        Kind::Enum(name) => {
            schemas.model.enumeration(name).json_values().next().map_or(Value::Null, |value| value.json.clone().into())
        }
        _ if nullable(field, side) => return Value::Null,
        _ if field.list => return json!([]),
        Kind::Bool => false.into(),
        Kind::I32 | Kind::U32 | Kind::I64 | Kind::U64 => field.rules.min.unwrap_or(1).into(),
        _ if field.rules.json_text => json!({}),
        _ => text(schemas.model, field),
    };
    if field.list { json!([single]) } else { single }
}

fn text(model: &Model, field: &Field) -> Value {
    if let Some(first) = field.rules.allowed.first() {
        return first.clone().into();
    }
    match field.rules.format.as_deref() {
        Some("uuid") => id(model, &field.name).unwrap_or_else(|| ID.into()),
        _ => field.name.replace('_', " ").into(),
    }
}

/// The example id of the fields and messages with this name: `tag_id` is the `id` of `Tag`, or any `tag_id` with an
/// example.
pub(super) fn id(model: &Model, name: &str) -> Option<Value> {
    let noun = upper_camel(name.strip_suffix("_id")?);
    let own = model.messages.iter().find(|message| message.name == noun).and_then(|message| message.field("id"));
    let named = model.messages.iter().filter_map(|message| message.field(name));
    own.into_iter().chain(named).filter_map(|field| field.rules.example.clone()).find(Value::is_string)
}
