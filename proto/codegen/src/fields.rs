//! Generates field tables of the messages that REST bodies are read into, which the decoder's slow path compares a body
//! with. Their types are in `proto/rest/shape.rs`.

use crate::{
    messages,
    model::{Field, Kind, Message, Model, rust_path},
};
use std::fmt::Write as _;

/// One table per message.
pub(crate) fn generate(model: &Model) -> String {
    let mut out = String::new();
    for name in messages::body_messages(model) {
        let message = model.message(&name);
        let hidden = hidden(model, message);
        let members = message.fields.iter().filter(|field| !hidden.contains(&field.name)).map(member);
        let _ = writeln!(
            out,
            "impl crate::rest::shape::Shaped for {} {{\n    const SHAPE: &'static crate::rest::shape::Shape = \
             &crate::rest::shape::Shape {{ members: &[\n{}    ] }};\n}}",
            rust_path(&name),
            members.collect::<String>()
        );
    }
    out
}

/// Fields that the body cannot name: path parameters and masks.
fn hidden(model: &Model, message: &Message) -> Vec<String> {
    let routes = model.routes().filter(|(_, rpc, _)| rpc.input == message.full_name);
    let params = routes.flat_map(|(_, _, http)| http.params.clone());
    let masks = message.fields.iter().filter(|field| field.kind == Kind::FieldMask).map(|field| field.name.clone());
    params.chain(masks).collect()
}

fn member(field: &Field) -> String {
    // A value outside the type's range is reported by the field's rules, if it has any.
    let integer = |least: i64, most: i64| {
        let min = field.rules.min.unwrap_or(least);
        let max = field.rules.max.unwrap_or(most);
        format!("Integer {{ min: {min}, max: {max} }}")
    };
    let kind = match &field.kind {
        Kind::Bool => "Bool".to_owned(),
        Kind::I32 => integer(i32::MIN.into(), i32::MAX.into()),
        Kind::U32 => integer(0, u32::MAX.into()),
        Kind::I64 | Kind::U64 => integer(i64::MIN, i64::MAX),
        Kind::Timestamp => "Timestamp".to_owned(),
        Kind::Enum(name) => format!("Enum(<{} as crate::json::JsonEnum>::ALLOWED)", rust_path(name)),
        Kind::Message(name) => format!("Message(<{} as crate::rest::shape::Shaped>::SHAPE)", rust_path(name)),
        _ if field.rules.json_text => "Json".to_owned(),
        _ => "Text".to_owned(),
    };
    format!(
        "        crate::rest::shape::Member {{ name: {:?}, kind: crate::rest::shape::Kind::{kind}, list: {}, nullable: {} }},\n",
        field.json, field.list, field.rules.nullable
    )
}
