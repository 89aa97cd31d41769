//! Generates the table of the tools of MCP: of each its definition for clients, the arguments that it takes, and the
//! call, which reads them into the request message and makes it through the gate. Its types are in `proto/mcp.rs`.

use crate::{
    model::{Body, Http, Kind, Message, Model, Rpc, Service, Tool, rust_path},
    openapi::input,
    services::rpc_static,
};
use serde_json::json;
use std::fmt::Write as _;

/// The calls, and `TOOLS`, by name.
pub(crate) fn generate(model: &Model) -> String {
    let mut out = String::new();
    let mut rows = Vec::new();
    for (service, rpc, http, tool) in tools(model) {
        call(&mut out, model, service, rpc, http, tool);
        rows.push((tool.name.clone(), row(model, service, rpc, http, tool)));
    }
    rows.sort();
    let rows = rows.into_iter().map(|(_, row)| row).collect::<String>();
    let _ = writeln!(out, "/// Every tool, by name.\npub(super) static TOOLS: &[Tool] = &[\n{rows}];");
    out
}

/// All RPCs that are tools.
pub(crate) fn tools(model: &Model) -> impl Iterator<Item = (&Service, &Rpc, &Http, &Tool)> {
    model.routes().filter_map(|(service, rpc, http)| Some((service, rpc, http, rpc.tool.as_ref()?)))
}

/// Whether the answer is a page of a list.
pub(crate) fn is_list(model: &Model, rpc: &Rpc) -> bool {
    let output = model.message(&rpc.output);
    let has = |name: &str, list: bool| output.fields.iter().any(|field| field.json == name && field.list == list);
    has("data", true) && has("meta", false)
}

/// The message of the resource, or of each item of the list; `None` if the answer has none.
pub(crate) fn resource<'a>(model: &'a Model, rpc: &Rpc) -> Option<&'a Message> {
    let output = model.message(&rpc.output);
    match &output.fields.iter().find(|field| field.json == "data")?.kind {
        Kind::Message(name) => Some(model.message(name)),
        _ => None,
    }
}

/// Paths of all members that outsiders may have written, from the resource on; `[]` stands for each item of a list.
fn untrusted(model: &Model, message: &Message, at: &str, depth: usize, found: &mut Vec<String>) {
    for field in &message.fields {
        // The JSON has the value of such a field in place of its message.
        let name = if field.rules.alone { at.trim_end_matches('.').to_owned() } else { format!("{at}{}", field.json) };
        let path = format!("{name}{}", if field.list { "[]" } else { "" });
        match &field.kind {
            _ if field.rules.untrusted => found.push(path),
            // A message may contain itself.
            Kind::Message(name) if depth > 0 => {
                untrusted(model, model.message(name), &format!("{path}."), depth - 1, found);
            }
            _ => {}
        }
    }
}

fn row(model: &Model, service: &Service, rpc: &Rpc, http: &Http, tool: &Tool) -> String {
    let input = model.message(&rpc.input);
    let params = http.params.iter().filter_map(|name| input.field(name));
    let params = params.map(|field| format!("({:?}, {})", field.name, input::takes_number(field)));
    let params = params.collect::<Vec<_>>().join(", ");
    let list = is_list(model, rpc);
    let mut arguments: Vec<String> = http.params.clone();
    arguments.extend(input::fields(model, rpc, http).into_iter().map(|field| field.name.clone()));
    arguments.extend(list.then(|| input::CURSOR.to_owned()));
    let mut unsafe_paths = Vec::new();
    if let Some(message) = resource(model, rpc) {
        untrusted(model, message, "", 4, &mut unsafe_paths);
    }
    let is_in = |path: &str, name: &str| {
        path.strip_prefix(name).is_some_and(|below| below.is_empty() || below.starts_with(['.', '[']))
    };
    unsafe_paths.retain(|path| !tool.leaves_out.iter().any(|name| is_in(path, name)));
    format!(
        "    Tool {{ name: {name:?}, definition: {definition:?}, rpc: &crate::services::{rpc}, params: &[{params}], \
         arguments: &{arguments:?}, fixed: {fixed:?}, lists: {list}, shows: &{shows:?}, leaves_out: \
         &{leaves_out:?}, untrusted: &{unsafe_paths:?}, call: call_{name} }},\n",
        name = tool.name,
        definition = definition(model, rpc, http, tool),
        rpc = rpc_static(service, rpc),
        fixed = serde_json::Value::from(input::fixed(rpc)).to_string(),
        shows = tool.shows,
        leaves_out = tool.leaves_out,
    )
}

/// The tool as clients see it, as JSON text.
fn definition(model: &Model, rpc: &Rpc, http: &Http, tool: &Tool) -> String {
    json!({
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": input::schema(model, rpc, http),
        "annotations": {
            "title": tool.title,
            "readOnlyHint": http.verb == "get",
            "destructiveHint": tool.destructive,
            "idempotentHint": tool.idempotent,
            "openWorldHint": false,
        },
    })
    .to_string()
}

fn call(out: &mut String, model: &Model, service: &Service, rpc: &Rpc, http: &Http, tool: &Tool) {
    let input = rust_path(&rpc.input);
    let mut lines = Vec::new();
    match &http.body {
        Body::Field(name) => {
            let body = model.body_message(rpc, http).map(|body| rust_path(&body.full_name)).unwrap_or_default();
            lines.push(format!("let read = call.read::<{body}>();"));
            lines.push(format!("let mut message = {input}::default();"));
            lines.push(format!("message.{name} = Some(read.message);"));
            if http.verb == "patch" {
                lines.push("message.update_mask = Some(read.mask);".to_owned());
            }
        }
        Body::None | Body::All => {
            lines.push(format!("let read = call.read::<{input}>();"));
            let mutable = if http.params.is_empty() { "" } else { "mut " };
            lines.push(format!("let {mutable}message = read.message;"));
        }
    }
    if !http.params.is_empty() {
        lines.push("let mut params = read.params.into_iter();".to_owned());
    }
    for param in &http.params {
        lines.push(format!("message.{param} = params.next().unwrap_or_default();"));
    }
    lines.push("let request = call.request(message, read.failure);".to_owned());
    lines.push(format!("outcome(service.{}(request).await)", rpc.ident));
    let _ = writeln!(
        out,
        "fn call_{}(services: &crate::services::Services, mut call: Call) -> BoxFuture<'static, Outcome> {{\n    let \
         service = services.{}().clone();\n    Box::pin(async move {{\n        {}\n    }})\n}}",
        tool.name,
        service.field(),
        lines.join("\n        ")
    );
}
