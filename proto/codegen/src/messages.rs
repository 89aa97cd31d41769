//! Generates messages, tonic services and their JSON: prost and tonic write the code, attributes on fields define how
//! serde writes and reads them. The functions that the attributes name are in `proto/json.rs`.

use crate::{
    Error,
    model::{Body, Field, Kind, Message, Model, rust_path},
};
use prost::Message as _;
use std::{collections::BTreeSet, fmt::Write as _, path::Path};

/// Writes one file per package into `out`.
pub(crate) fn generate(model: &Model, out: &Path) -> Result<(), Error> {
    let set = prost_types::FileDescriptorSet::decode(model.descriptors.as_slice())
        .map_err(|error| Error::Source(format!("descriptors: {error}")))?;
    let mut config = prost_build::Config::new();
    config.bytes(["."]);
    for (path, attribute) in message_attributes(model) {
        config.message_attribute(format!(".{path}"), attribute);
    }
    for (path, attribute) in field_attributes(model) {
        config.field_attribute(format!(".{path}"), attribute);
    }
    tonic_prost_build::configure()
        .build_transport(true)
        .out_dir(out)
        .compile_fds_with_config(set, config)
        .map_err(|error| Error::Source(format!("prost: {error}")))
}

/// `JsonEnum` for every enum.
pub(crate) fn enums(model: &Model) -> String {
    let mut out = String::new();
    for item in &model.enums {
        let names = item.json_values().map(|value| format!("({}, {:?})", value.number, value.json));
        let allowed = item.json_values().map(|value| format!("{:?}", value.json));
        let names = names.collect::<Vec<_>>().join(", ");
        let allowed = allowed.collect::<Vec<_>>().join(", ");
        let path = rust_path(&item.full_name);
        let _ = writeln!(
            out,
            "impl crate::json::JsonEnum for {path} {{\n    const NAMES: &'static [(i32, &'static str)] = &[{names}];\n    \
             const ALLOWED: &'static [&'static str] = &[{allowed}];\n}}"
        );
    }
    out
}

/// Full names of the messages that are read from JSON, nested ones included: bodies of REST, and the requests of tools,
/// whose arguments are JSON where REST has a query.
pub(crate) fn body_messages(model: &Model) -> BTreeSet<String> {
    let bodies = model.routes().filter_map(|(_, rpc, http)| model.body_message(rpc, http));
    let asked = crate::tools::tools(model).filter(|(_, _, http, _)| http.body == Body::None);
    let asked = asked.map(|(_, rpc, _, _)| model.message(&rpc.input));
    reachable(model, bodies.chain(asked).collect())
}

/// Full names of these messages and of all messages in them.
pub(crate) fn reachable(model: &Model, roots: Vec<&Message>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut todo = roots;
    while let Some(message) = todo.pop() {
        if seen.insert(message.full_name.clone()) {
            todo.extend(message.fields.iter().filter_map(|field| match &field.kind {
                Kind::Message(name) => Some(model.message(name)),
                _ => None,
            }));
        }
    }
    seen
}

/// Bytes have no JSON form, nor has a message that contains any.
fn has_bytes(model: &Model, message: &Message) -> bool {
    let all = reachable(model, vec![message]);
    all.iter().any(|name| model.message(name).fields.iter().any(|field| field.kind == Kind::Bytes))
}

fn message_attributes(model: &Model) -> Vec<(String, String)> {
    let bodies = body_messages(model);
    let mut attributes = Vec::new();
    for message in model.messages.iter().filter(|message| !has_bytes(model, message)) {
        let attribute = if bodies.contains(&message.full_name) {
            "#[derive(serde::Serialize, serde::Deserialize)] #[serde(default, deny_unknown_fields)]"
        } else {
            "#[derive(serde::Serialize)]"
        };
        let attribute =
            if message.alone().is_some() { format!("{attribute} #[serde(transparent)]") } else { attribute.to_owned() };
        attributes.push((message.full_name.clone(), attribute));
    }
    attributes
}

fn field_attributes(model: &Model) -> Vec<(String, String)> {
    let bodies = body_messages(model);
    let rpcs = model.services.iter().flat_map(|service| &service.rpcs);
    let mut hidden = BTreeSet::new();
    let mut in_path = BTreeSet::new();
    for rpc in rpcs {
        hidden.extend(rpc.rest.success_flag.iter().map(|flag| format!("{}.{flag}", rpc.output)));
        let params = rpc.http.iter().flat_map(|http| &http.params);
        in_path.extend(params.map(|param| format!("{}.{param}", rpc.input)));
    }
    let mut attributes = Vec::new();
    for message in model.messages.iter().filter(|message| !has_bytes(model, message)) {
        let read = bodies.contains(&message.full_name);
        for field in &message.fields {
            let path = format!("{}.{}", message.full_name, field.name);
            let mut parts = Vec::new();
            if hidden.contains(&path) || field.kind == Kind::FieldMask || field.rules.grpc_only {
                parts.push("skip".to_owned());
            } else {
                if field.json != field.name {
                    parts.push(format!("rename = {:?}", field.json));
                }
                if field.rules.omitted {
                    parts.push("skip_serializing_if = \"Option::is_none\"".to_owned());
                }
                parts.extend(write_with(field).map(|with| format!("serialize_with = \"crate::json::{with}\"")));
                if read && in_path.contains(&path) {
                    parts.push("skip_deserializing".to_owned());
                } else if read {
                    parts.extend(read_with(field).map(|with| format!("deserialize_with = \"crate::json::{with}\"")));
                }
            }
            if !parts.is_empty() {
                attributes.push((path, format!("#[serde({})]", parts.join(", "))));
            }
        }
    }
    attributes
}

fn write_with(field: &Field) -> Option<String> {
    match &field.kind {
        Kind::Enum(name) if field.list => Some(format!("write_enums::<{}, _>", rust_path(name))),
        Kind::Enum(name) if field.optional => Some(format!("write_optional_enum::<{}, _>", rust_path(name))),
        Kind::Enum(name) => Some(format!("write_enum::<{}, _>", rust_path(name))),
        Kind::Timestamp => Some("write_timestamp".to_owned()),
        Kind::String if field.rules.json_text && field.list => Some("write_json_texts".to_owned()),
        Kind::String if field.rules.json_text && field.optional => Some("write_optional_json_text".to_owned()),
        Kind::String if field.rules.json_text => Some("write_json_text".to_owned()),
        _ => None,
    }
}

/// An absent member is the default of its message; a present one must not be null unless its rules allow it.
fn read_with(field: &Field) -> Option<String> {
    let nullable = if field.rules.nullable { "nullable_" } else { "" };
    match &field.kind {
        Kind::Enum(name) if field.list => Some(format!("read_enums::<{}, _>", rust_path(name))),
        Kind::Enum(name) if field.optional => Some(format!("read_{nullable}enum::<{}, _>", rust_path(name))),
        Kind::Enum(name) => Some(format!("read_plain_enum::<{}, _>", rust_path(name))),
        Kind::Timestamp => Some(format!("read_{nullable}timestamp")),
        Kind::Message(_) if field.list => Some("read_objects".to_owned()),
        Kind::Message(_) => Some(format!("read_{nullable}object")),
        Kind::String if field.rules.json_text => Some("read_json_text".to_owned()),
        _ if field.optional && !field.rules.nullable => Some("read_present".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes() -> Vec<(String, String)> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of the protos");
        let model = crate::load(source, &[]).unwrap_or_else(|error| panic!("{error}"));
        [message_attributes(&model), field_attributes(&model)].concat()
    }

    #[test]
    fn attributes_say_how_json_is_written_and_read() {
        let all = attributes();
        let of = |path: &str| all.iter().find(|(name, _)| name == path).map(|(_, attribute)| attribute.as_str());
        let table = [
            ("inboxops.v1.Ticket", Some("#[derive(serde::Serialize)]")),
            ("inboxops.internal.v1.Outcome", None),
            ("inboxops.v1.TicketMessages", Some("#[derive(serde::Serialize)] #[serde(transparent)]")),
            ("inboxops.v1.GetTicketResponse.ticket", Some("#[serde(rename = \"data\")]")),
            ("inboxops.v1.AddTicketTagResponse.attached", Some("#[serde(skip)]")),
            ("inboxops.v1.Delivery.revision", Some("#[serde(skip)]")),
            ("inboxops.v1.AddTicketTagRequest.ticket_id", Some("#[serde(skip_deserializing)]")),
            ("inboxops.v1.DeliveryDetail.payload", Some("#[serde(serialize_with = \"crate::json::write_json_text\")]")),
            (
                "inboxops.v1.CreateTicketRequest.subject",
                Some("#[serde(deserialize_with = \"crate::json::read_present\")]"),
            ),
            (
                "inboxops.v1.SendTestEventRequest.data",
                Some(
                    "#[serde(serialize_with = \"crate::json::write_optional_json_text\", deserialize_with = \
                     \"crate::json::read_json_text\")]",
                ),
            ),
            ("inboxops.v1.CreateTicketRequest.assignee_id", None),
            ("inboxops.v1.UpdateTicketRequest.update_mask", Some("#[serde(skip)]")),
            ("inboxops.v1.Ticket.created_at", Some("#[serde(serialize_with = \"crate::json::write_timestamp\")]")),
        ];
        for (path, expected) in table {
            assert_eq!(of(path), expected, "{path}");
        }
        let status = of("inboxops.v1.TicketChanges.status").unwrap_or_default();
        assert!(status.contains("read_enum::<crate::v1::TicketStatus, _>"), "{status}");
        let body = of("inboxops.v1.CreateTicketRequest").unwrap_or_default();
        assert!(body.contains("deny_unknown_fields"), "{body}");
    }
}
