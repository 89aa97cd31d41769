//! Makes `clients/rust/src/generated.rs` (or the file that is named) from the protos, by way of the OpenAPI document:
//! the types of the REST API and a method for each of its operations.

use inboxops_codegen::{load, openapi};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const HEAD: &str = "\
//! The types and calls of the API, made from the protos by `cargo run -p inboxops-codegen --example client`; do not
//! edit.

use crate::{
    Error,
    call::{Calls, NO_BODY},
    query::{Pairs, Query},
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
";
/// Longest line of a comment, with its marker.
const COLUMNS_MAX: usize = 116;
const VERBS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// Names of members that Rust has a meaning for.
const KEYWORDS: [&str; 8] = ["type", "in", "ref", "match", "move", "use", "where", "loop"];
/// What no operation answers by itself: errors, events and lines of the export have them.
const ALSO: [&str; 8] = ["ErrorDetail", "EventActor", "Inbox", "InboxError", "Message", "Ticket", "Tag", "Agent"];

fn main() -> Result<(), Box<dyn Error>> {
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the protos lie beside this crate")?;
    let root = protos.parent().ok_or("they lie in the repository")?;
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let path = given.unwrap_or_else(|| root.join("clients/rust/src/generated.rs"));
    let document = openapi::document(&load(protos, &[])?);
    fs::write(&path, made(&document).join("\n") + "\n")?;
    let config = root.join("rustfmt.toml");
    let formatted =
        Command::new("rustfmt").arg("--edition=2024").arg("--config-path").arg(config).arg(&path).status()?;
    if formatted.success() { Ok(()) } else { Err("rustfmt refuses what was made".into()) }
}

/// The file, line by line.
fn made(document: &Value) -> Vec<String> {
    let operations = operations(document);
    let mut lines = vec![HEAD.to_owned()];
    for name in used(document, &operations) {
        lines.extend(schema(&name, &document["components"]["schemas"][&name]));
        lines.push(String::new());
    }
    for operation in &operations {
        lines.extend(operation.query());
    }
    lines.push("/// Every operation of the API.".to_owned());
    lines.push("impl Calls<'_> {".to_owned());
    for operation in &operations {
        lines.extend(operation.method());
    }
    lines.push("}".to_owned());
    lines
}

/// An operation that answers JSON or nothing.
struct Operation<'a> {
    path: &'a str,
    verb: &'static str,
    content: &'a Value,
    /// The schema of its answer.
    answer: Option<&'a str>,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for verb in VERBS {
            let content = &item[verb];
            let is_open = content["security"].as_array().is_some_and(|ways| ways.is_empty());
            if content["operationId"].is_string() && path.starts_with("/api/v1/") && !is_open {
                found.extend(answer(content).map(|answer| Operation { path, verb, content, answer }));
            }
        }
    }
    found.sort_by_key(|operation| operation.id());
    found
}

/// The schema of an answer, if it has a body; `None` for answers in another form than JSON.
fn answer(content: &Value) -> Option<Option<&str>> {
    let mut found = None;
    for (status, response) in content["responses"].as_object()? {
        if !status.starts_with('2') {
            continue;
        }
        match &response["content"] {
            Value::Null => found = Some(None),
            forms => {
                if let Some(name) = name(&forms["application/json"]["schema"]) {
                    return Some(Some(name));
                }
            }
        }
    }
    found
}

impl<'a> Operation<'a> {
    fn id(&self) -> &'a str {
        self.content["operationId"].as_str().unwrap_or_default()
    }

    /// The schema of its request's body.
    fn body(&self) -> Option<&'a str> {
        name(&self.content["requestBody"]["content"]["application/json"]["schema"])
    }

    fn parameters(&self) -> Vec<&'a Value> {
        let all = self.content["parameters"].as_array();
        all.into_iter().flatten().filter(|parameter| parameter["in"] == "query").collect()
    }

    fn query_name(&self) -> Option<String> {
        (!self.parameters().is_empty()).then(|| format!("{}Query", pascal(self.id())))
    }

    /// The struct of its query.
    fn query(&self) -> Vec<String> {
        let Some(query) = self.query_name() else { return Vec::new() };
        let mut lines = vec![
            format!("/// The query of [`Calls::{}`].", snake(self.id())),
            "#[derive(Clone, Debug, Default, PartialEq)]".to_owned(),
            format!("pub struct {query} {{"),
        ];
        let mut pairs = Vec::new();
        for parameter in self.parameters() {
            let name = parameter["name"].as_str().unwrap_or_default();
            let (member, (kind, _)) = (member(name), kind(&parameter["schema"]));
            lines.extend(comment(&parameter["description"], 4));
            if kind.starts_with("Vec<") {
                lines.push(format!("    pub {member}: {kind},"));
                pairs.push(format!("        pairs.many({name:?}, &self.{member});"));
            } else {
                lines.push(format!("    pub {member}: Option<{kind}>,"));
                pairs.push(format!("        pairs.one({name:?}, self.{member}.as_ref());"));
            }
        }
        lines.push(format!("}}\n\nimpl Query for {query} {{\n    const PATH: &'static str = {:?};\n", self.path));
        lines.push("    fn pairs(&self) -> Pairs {".to_owned());
        lines.push("        let mut pairs = Pairs::default();".to_owned());
        lines.extend(pairs);
        lines.push("        pairs\n    }\n}\n".to_owned());
        lines
    }

    fn method(&self) -> Vec<String> {
        let Operation { path, verb, content, answer } = self;
        let verb = verb.to_uppercase();
        let scope = content["x-required-scope"].as_str();
        let scope = scope.map(|scope| format!(" Needs the scope `{scope}`.")).unwrap_or_default();
        let summary = content["summary"].as_str().unwrap_or_default();
        let text = Value::from(format!("{summary}: `{verb} {path}`.{scope}"));
        let names = path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name);
        let names: Vec<&str> = names.collect();
        let mut parameters: Vec<String> = names.iter().map(|name| format!("{name}: &str")).collect();
        parameters.insert(0, "self".to_owned());
        let query = self.query_name();
        parameters.extend(query.iter().map(|query| format!("query: &{query}")));
        parameters.extend(self.body().map(|body| format!("body: &{body}")));
        let values: Vec<String> = names.iter().map(|name| format!("({name:?}, {name})")).collect();
        let query = if query.is_some() { "query.pairs()" } else { "Pairs::default()" };
        let body = if self.body().is_some() { "Some(body)" } else { "NO_BODY" };
        let mut lines = comment(&text, 4);
        lines.push(format!(
            "    pub async fn {}({}) -> Result<{}, Error> {{",
            snake(self.id()),
            parameters.join(", "),
            answer.unwrap_or("()"),
        ));
        let values = values.join(", ");
        lines.push(format!("        self.0.call(Method::{verb}, {path:?}, &[{values}], {query}, {body}).await"));
        lines.push("    }\n".to_owned());
        lines
    }
}

/// The names of all schemas that operations use, and those they use.
fn used(document: &Value, operations: &[Operation<'_>]) -> BTreeSet<String> {
    let mut wanted: Vec<String> = ALSO.map(str::to_owned).to_vec();
    for operation in operations {
        wanted.extend(operation.answer.map(str::to_owned));
        wanted.extend(operation.body().map(str::to_owned));
        operation.parameters().into_iter().for_each(|parameter| references(parameter, &mut wanted));
    }
    let mut used = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        references(&document["components"]["schemas"][&name], &mut wanted);
        wanted.retain(|other| *other != name && !used.contains(other));
        used.insert(name);
    }
    used
}

fn references(value: &Value, found: &mut Vec<String>) {
    found.extend(name(value).map(str::to_owned));
    match value {
        Value::Object(members) => members.values().for_each(|member| references(member, found)),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// The name of the schema that this one refers to.
fn name(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

fn schema(name: &str, schema: &Value) -> Vec<String> {
    if let Some(values) = schema["enum"].as_array() {
        return enumeration(name, schema, values.iter().filter_map(Value::as_str));
    }
    if schema["properties"].is_object() {
        return object(name, schema);
    }
    let mut lines = comment(&schema["description"], 0);
    lines.push(format!("pub type {name} = {};", kind(schema).0));
    lines
}

fn object(name: &str, schema: &Value) -> Vec<String> {
    let is_request = schema["additionalProperties"] == false;
    let mut lines = comment(&schema["description"], 0);
    lines.push("#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]\n#[serde(default)]".to_owned());
    lines.push(format!("pub struct {name} {{"));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let (mut kind, is_nullable) = kind(property);
        let is_required = schema["required"].as_array().is_some_and(|all| all.iter().any(|it| it == name));
        if is_nullable {
            kind = format!("Option<{kind}>");
        }
        lines.extend(comment(&property["description"], 4));
        if !is_required {
            // A request tells null from nothing.
            kind = if is_request || !is_nullable { format!("Option<{kind}>") } else { kind };
            lines.push("    #[serde(skip_serializing_if = \"Option::is_none\")]".to_owned());
        }
        lines.push(format!("    pub {}: {kind},", member(name)));
    }
    lines.push("}".to_owned());
    lines
}

/// An enum with what its description says of each value, one a line.
fn enumeration<'a>(name: &str, schema: &Value, values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let text = schema["description"].as_str().unwrap_or_default();
    let (head, _) = text.split_once("\n\n- ").unwrap_or((text, ""));
    let mut lines = vec!["open_enum! {".to_owned()];
    lines.extend(comment(&Value::from(head), 4));
    lines.push(format!("    {name} {{"));
    for value in values {
        let of = format!("- `{value}`: ");
        let said = text.lines().find_map(|line| line.strip_prefix(&of)).unwrap_or_default();
        lines.extend(comment(&Value::from(said), 8));
        let variant = match pascal(value).as_str() {
            "Other" => "OtherOne".to_owned(),
            variant => variant.to_owned(),
        };
        lines.push(format!("        {variant} = {value:?},"));
    }
    lines.push("    }\n}".to_owned());
    lines
}

/// The type of a value, and whether it may be null.
fn kind(schema: &Value) -> (String, bool) {
    if let Some(name) = name(schema) {
        return (name.to_owned(), false);
    }
    if let Some(one) = schema["anyOf"].as_array().and_then(|all| all.iter().find(|it| it["type"] != "null")) {
        return (kind(one).0, true);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    };
    let is_nullable = types.contains(&"null");
    let kind = match types.into_iter().find(|it| *it != "null") {
        Some("array") => format!("Vec<{}>", kind(&schema["items"]).0),
        Some("string") => "String".to_owned(),
        Some("integer") => "i64".to_owned(),
        Some("number") => "f64".to_owned(),
        Some("boolean") => "bool".to_owned(),
        _ => "Value".to_owned(),
    };
    (kind, is_nullable)
}

/// A comment of the item below it, in lines that are not too long.
fn comment(text: &Value, indent: usize) -> Vec<String> {
    let margin = format!("{}///", " ".repeat(indent));
    let mut lines = Vec::new();
    for paragraph in text.as_str().filter(|text| !text.is_empty()).into_iter().flat_map(|text| text.split('\n')) {
        let mut line = margin.clone();
        for word in paragraph.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > COLUMNS_MAX {
                lines.push(line);
                // The lines of a list's item belong to it.
                line = if paragraph.starts_with("- ") { format!("{margin}  ") } else { margin.clone() };
            }
            line.push(' ');
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

fn member(name: &str) -> String {
    if KEYWORDS.contains(&name) { format!("r#{name}") } else { name.to_owned() }
}

/// `listTickets` to `list_tickets`.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// `in_use`, `in-use` and `inUse` to `InUse`.
fn pascal(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}
