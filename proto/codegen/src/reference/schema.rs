//! Schemas on the page: the kind of a value in a few words, the members of an object, and each component schema.

use super::{
    html::{escape, fold, line, prose},
    list, members, resolved, text,
};
use serde_json::Value;
use std::fmt::Write as _;

/// More fields than these are folded one by one.
const SHOWN_WHOLE: usize = 6;
/// Greatest value of a `uint32`, which is no limit that a reader should know.
const U32_MAX: u64 = u32::MAX as u64;

/// A member or parameter.
pub(super) struct Field<'a> {
    pub name: &'a str,
    pub schema: &'a Value,
    pub description: &'a str,
    pub required: bool,
    pub example: Option<&'a Value>,
}

/// The members of an object.
pub(super) fn fields<'a>(document: &'a Value, schema: &'a Value) -> Vec<Field<'a>> {
    let schema = resolved(document, schema);
    let required = list(&schema["required"]);
    members(&schema["properties"])
        .map(|(name, member)| Field {
            name,
            schema: member,
            description: text(&member["description"]),
            required: required.iter().any(|one| one == name),
            example: member["examples"].get(0),
        })
        .collect()
}

/// Fields as a list. `answer` says that all are there, so that none is marked as required.
pub(super) fn table(document: &Value, fields: &[Field<'_>], answer: bool) -> String {
    let folded = fields.len() > SHOWN_WHOLE;
    let mut out = String::new();
    for field in fields {
        let must = match (answer, field.required) {
            (false, true) => " <span class=\"must\">required</span>",
            (true, false) => " <span class=\"must\">may be absent</span>",
            _ => "",
        };
        let name = format!("<code>{}</code>", escape(field.name));
        let mut about = prose(field.description, 5);
        let limits = limits(document, field);
        if !limits.is_empty() {
            let _ = writeln!(about, "<p class=\"limits\">{}</p>", limits.join(" "));
        }
        if folded {
            // A link within a summary would be a control within a control.
            let kind = kind(field.schema, false);
            let linked = kind_paragraph(field.schema);
            out += &fold(
                "field",
                &format!("{name} <span class=\"kind\">{kind}</span>{must}"),
                &format!("{about}{linked}"),
            );
        } else {
            let kind = kind(field.schema, true);
            let _ = writeln!(
                out,
                "<div class=\"field\"><p>{name} <span class=\"kind\">{kind}</span>{must}</p>\n{about}</div>"
            );
        }
    }
    format!("<div class=\"fields\">\n{out}</div>\n")
}

/// A line that links to the schemas that a kind names.
fn kind_paragraph(schema: &Value) -> String {
    let kind = kind(schema, true);
    if kind.contains("<a ") { format!("<p class=\"limits\">Type: {kind}.</p>\n") } else { String::new() }
}

/// What kind of value a schema describes: `list of Ticket`, `time or null`.
pub(super) fn kind(schema: &Value, linked: bool) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference_to(reference, linked);
    }
    let options: Vec<String> = ["anyOf", "oneOf", "allOf"]
        .iter()
        .flat_map(|name| list(&schema[*name]))
        .map(|option| kind(option, linked))
        .collect();
    if !options.is_empty() {
        return options.join(" or ");
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text).collect(),
        one => vec![text(one)],
    };
    let told: Vec<String> = kinds.into_iter().map(|name| of_type(name, schema, linked)).collect();
    told.join(" or ")
}

/// A link to the schema that a reference names.
pub(super) fn reference_to(reference: &str, linked: bool) -> String {
    let name = escape(reference.rsplit('/').next().unwrap_or_default());
    if linked { format!("<a href=\"#schema-{name}\">{name}</a>") } else { name }
}

fn of_type(name: &str, schema: &Value, linked: bool) -> String {
    match (name, text(&schema["format"])) {
        ("array", _) => format!("list of {}", kind(&schema["items"], linked)),
        ("integer", _) => "whole number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        ("string", "uuid") => "UUID".to_owned(),
        ("string", "date-time") => "time".to_owned(),
        ("string", "uri") => "URL".to_owned(),
        ("string", "email") => "mail address".to_owned(),
        ("string", _) => "text".to_owned(),
        ("", _) => "any value".to_owned(),
        (other, _) => escape(other),
    }
}

/// The rules of a value, a sentence each.
fn limits(document: &Value, field: &Field<'_>) -> Vec<String> {
    let schema = field.schema;
    let item = if schema["items"].is_object() { &schema["items"] } else { schema };
    let item = resolved(document, item);
    let number = |name: &str| item[name].as_u64();
    let mut all = Vec::new();
    let values: Vec<String> = list(&item["enum"]).iter().chain(item.get("const")).map(shown).collect();
    if !values.is_empty() {
        all.push(format!("One of {}.", values.join(", ")));
    }
    match (number("minLength"), number("maxLength")) {
        (Some(least), Some(most)) => all.push(format!("{least} to {most} characters.")),
        (None, Some(most)) => all.push(format!("At most {most} characters.")),
        _ => {}
    }
    if let (Some(least), Some(most)) = (item["minimum"].as_i64(), item["maximum"].as_i64())
        && u64::try_from(most) != Ok(U32_MAX)
    {
        all.push(format!("From {least} to {most}."));
    }
    if let Some(most) = schema["maxItems"].as_u64() {
        all.push(format!("At most {most} values."));
    }
    if let Some(default) = schema.get("default") {
        all.push(format!("Default: {}.", shown(default)));
    }
    if let Some(example) = field.example.filter(|example| !example.is_object()) {
        all.push(format!("Example: {}.", shown(example)));
    }
    all
}

fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("<code>{}</code>", escape(&text))
}

/// A component schema.
pub(super) fn article(document: &Value, name: &str, schema: &Value) -> String {
    let description = text(&schema["description"]);
    let first = description.split("\n\n").next().unwrap_or_default();
    let fields = fields(document, schema);
    let mut about = prose(description, 4);
    if fields.is_empty() {
        let values: Vec<String> = list(&schema["enum"]).iter().map(shown).collect();
        if !values.is_empty() {
            let _ = writeln!(about, "<p class=\"limits\">One of {}.</p>", values.join(", "));
        }
    } else {
        let answer = schema.get("additionalProperties").is_none();
        about += &table(document, &fields, answer);
    }
    format!(
        "<article class=\"schema\" id=\"schema-{0}\">\n<details>\n<summary><h3><code>{0}</code> <span class=\"title\">{1}\
         </span></h3></summary>\n<div class=\"about\">\n{about}</div>\n</details>\n</article>\n",
        escape(name),
        line(&first.replace('\n', " "))
    )
}
