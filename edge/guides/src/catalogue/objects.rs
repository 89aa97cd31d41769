//! Schemas of the OpenAPI document as tables: one row for each member, with its type in words.

use super::cell;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Schemas, and which of them a text has spoken of and not shown yet.
pub(super) struct Objects<'a> {
    schemas: &'a Value,
    shown: BTreeSet<String>,
    waiting: Vec<String>,
}

impl<'a> Objects<'a> {
    pub(super) fn new(document: &'a Value) -> Objects<'a> {
        Objects { schemas: &document["components"]["schemas"], shown: BTreeSet::new(), waiting: Vec::new() }
    }

    pub(super) fn schema(&self, name: &str) -> &'a Value {
        &self.schemas[name]
    }

    /// A table of an object's members.
    pub(super) fn table(&mut self, schema: &Value) -> String {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut table = "| member | type | meaning |\n|---|---|---|\n".to_owned();
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let kind = self.kind(member);
            let meaning = cell(member["description"].as_str().unwrap_or_default());
            let absent = if required.is_empty() || required.contains(&name.as_str()) { "" } else { ", may be absent" };
            let _ = writeln!(table, "| `{name}` | {}{absent} | {meaning} |", cell(&kind));
        }
        table
    }

    /// Tables of all objects that were named, and of those that these name.
    pub(super) fn rest(&mut self) -> String {
        let mut text = String::new();
        while let Some(name) = (!self.waiting.is_empty()).then(|| self.waiting.remove(0)) {
            let schema = self.schema(&name);
            let table = self.table(schema);
            let about = schema["description"].as_str().unwrap_or_default();
            let _ = writeln!(text, "### {name}\n\n{about}\n\n{table}");
        }
        text
    }

    /// A type in words.
    fn kind(&mut self, schema: &Value) -> String {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return self.named(name);
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            let kinds: Vec<String> = choices.iter().map(|choice| self.kind(choice)).collect();
            return kinds.join(" or ");
        }
        if let Some(only) = schema.get("const") {
            return format!("`{only}`");
        }
        if let Some(values) = schema["enum"].as_array() {
            return either(values);
        }
        let names: Vec<&str> = match &schema["type"] {
            Value::String(name) => vec![name.as_str()],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let of = |objects: &mut Objects<'a>, name: &str| match (name, schema["format"].as_str()) {
            ("array", _) => format!("list of {}", objects.kind(&schema["items"])),
            ("string", Some("uuid")) => "UUID".to_owned(),
            ("string", Some("date-time")) => "time".to_owned(),
            ("string", Some(format)) => format!("string ({format})"),
            ("object", _) => {
                let members = schema["properties"].as_object().into_iter().flatten();
                let members: Vec<String> = members.map(|(name, _)| format!("`{name}`")).collect();
                if members.is_empty() { "object".to_owned() } else { format!("object of {}", members.join(" and ")) }
            }
            (name, _) => name.to_owned(),
        };
        names.into_iter().map(|name| of(self, name)).collect::<Vec<_>>().join(" or ")
    }

    /// A named type: its values if it has few, else a link to its table.
    fn named(&mut self, name: &str) -> String {
        let schema = self.schema(name);
        if let Some(values) = schema["enum"].as_array() {
            return either(values);
        }
        if self.shown.insert(name.to_owned()) {
            self.waiting.push(name.to_owned());
        }
        format!("[{name}](#{})", crate::markdown::slug(name))
    }
}

fn either(values: &[Value]) -> String {
    let words: Vec<String> =
        values.iter().map(|value| value.as_str().map_or("null".to_owned(), |it| format!("`{it}`"))).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_a_table_and_what_it_names_follows_once() {
        let document = json!({ "components": { "schemas": {
            "Size": { "enum": ["small", "large"] },
            "Box": { "description": "A box.", "properties": {
                "id": { "type": "string", "format": "uuid", "description": "Id." },
                "inner": { "anyOf": [{ "$ref": "#/components/schemas/Box" }, { "type": "null" }] },
            } },
        } } });
        let mut objects = Objects::new(&document);
        let table = objects.table(&json!({
            "properties": {
                "size": { "$ref": "#/components/schemas/Size", "description": "How\nlarge | small." },
                "boxes": { "type": "array", "items": { "$ref": "#/components/schemas/Box" } },
                "at": { "type": ["string", "null"], "format": "date-time" },
                "kind": { "type": "string", "const": "x" },
                "change": { "type": "object", "properties": { "from": {}, "to": {} } },
            },
            "required": ["size", "boxes", "at", "kind"],
        }));
        assert_eq!(
            table,
            "| member | type | meaning |\n|---|---|---|\n\
             | `size` | `small`, `large` | How large \\| small. |\n\
             | `boxes` | list of [Box](#box) |  |\n\
             | `at` | time or null |  |\n\
             | `kind` | `\"x\"` |  |\n\
             | `change` | object of `from` and `to`, may be absent |  |\n"
        );
        let rest = objects.rest();
        assert_eq!(
            rest,
            "### Box\n\nA box.\n\n| member | type | meaning |\n|---|---|---|\n| `id` | UUID | Id. |\n\
             | `inner` | [Box](#box) or null |  |\n\n"
        );
        assert_eq!(objects.rest(), "");
    }
}
