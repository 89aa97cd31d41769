//! One RPC as an operation: its parameters and body, the scope that a key needs, and its responses.

use super::{
    errors, example, headers, prose, reference,
    schema::{Schemas, Side, parameter_example},
};
use crate::model::{Body, Field, Http, Rpc};
use serde_json::{Map, Value, json};

/// Name of the security scheme.
pub(super) const SECURITY: &str = "ApiKey";

/// The operation.
pub(super) fn of<'a>(schemas: &mut Schemas<'a>, tag: &str, rpc: &'a Rpc, http: &'a Http) -> Value {
    let policy = rpc.policy.clone().unwrap_or_default();
    let scope = policy.api_key.filter(|scope| scope != "any");
    let scopes: Vec<&String> = scope.iter().chain(&policy.or_api_key).collect();
    let (summary, rest) = rpc.comment.split_once('\n').unwrap_or((&rpc.comment, ""));
    let mut description = prose(rest);
    // The comment of such an RPC says what each scope is for.
    let by_request = rpc.rest.reasons.iter().any(|name| name == "INSUFFICIENT_SCOPE");
    for need in needs(&scopes, policy.entitlement.as_deref(), by_request) {
        description += if description.is_empty() { "" } else { "\n\n" };
        description += &need;
    }
    let mut operation = json!({
        "operationId": lower_first(&rpc.name),
        "summary": summary.trim_end_matches('.'),
        "description": description,
        "tags": [tag],
    });
    if !policy.public {
        // Each entry is enough by itself.
        operation["security"] = match scopes.as_slice() {
            [] => json!([{ SECURITY: [] }]),
            scopes => scopes.iter().map(|scope| json!({ SECURITY: [scope] })).collect(),
        };
    }
    if let Some(scope) = &scope {
        operation["x-required-scope"] = json!(scope);
    }
    if let Some(other) = &policy.or_api_key {
        operation["x-alternative-scope"] = json!(other);
    }
    if let Some(entitlement) = &policy.entitlement {
        operation["x-required-entitlement"] = json!(entitlement);
    }
    operation["parameters"] = parameters(schemas, rpc, http).into();
    if let Some(body) = body(schemas, rpc, http) {
        operation["requestBody"] = body;
    }
    let mut responses = successes(schemas, rpc, http);
    let errors = errors::of(schemas.model, rpc, http);
    responses.extend(errors.into_iter().map(|(status, response)| (status.to_string(), response)));
    operation["responses"] = responses.into();
    operation
}

/// Adds the stream as another response of a list's operation.
pub(super) fn also_streams(operation: &mut Value, stream: &Rpc) {
    let (_, rest) = stream.comment.split_once('\n').unwrap_or((&stream.comment, ""));
    let description = operation["description"].as_str().unwrap_or_default();
    operation["description"] = format!("{}\n\n{description}", prose(rest)).into();
    if let Some(parameters) = operation["parameters"].as_array_mut() {
        parameters.push(reference("parameters", headers::LAST_EVENT_ID));
    }
    operation["responses"]["200"]["content"]["text/event-stream"] = json!({
        "schema": { "type": "string" },
        "example": "id: e2-9b1c04d7e5a2f386-1d8-2f4-1d8-63b0c3f8a5c00\nevent: ticket.created\n\
                    data: {\"event\":\"ticket.created\"}\n\n",
    });
}

fn needs(scopes: &[&String], entitlement: Option<&str>, by_request: bool) -> Vec<String> {
    let scope = match scopes {
        [] if by_request => None,
        [] => Some("Any key may call it.".to_owned()),
        [scope] => Some(format!("Needs a key with the scope `{scope}`.")),
        scopes => {
            let names: Vec<String> = scopes.iter().map(|scope| format!("`{scope}`")).collect();
            Some(format!("Needs a key with one of the scopes {}.", names.join(" or ")))
        }
    };
    let entitlement = entitlement.map(|name| format!("Needs a plan with the entitlement `{name}`."));
    scope.into_iter().chain(entitlement).collect()
}

fn lower_first(name: &str) -> String {
    let (first, rest) = name.split_at(name.len().min(1));
    first.to_lowercase() + rest
}

fn parameters<'a>(schemas: &mut Schemas<'a>, rpc: &'a Rpc, http: &'a Http) -> Vec<Value> {
    let model = schemas.model;
    let message = model.message(&rpc.input);
    let in_path = http.params.iter().filter_map(|name| message.field(name));
    let mut all: Vec<Value> = in_path.map(|field| path_parameter(schemas, field)).collect();
    all.extend(model.query_fields(rpc, http).into_iter().map(|field| query_parameter(schemas, field)));
    let writes = http.verb != "get";
    let mut shared = vec![headers::REQUEST_ID];
    shared.extend(writes.then_some(headers::IDEMPOTENCY_KEY));
    let condition = if writes { headers::IF_MATCH } else { headers::IF_NONE_MATCH };
    shared.extend(rpc.is_conditional(http).then_some(condition));
    all.extend(shared.into_iter().map(|name| reference("parameters", name)));
    all
}

/// A path parameter is an id: a UUID unless the proto says otherwise.
fn path_parameter<'a>(schemas: &mut Schemas<'a>, field: &'a Field) -> Value {
    let schema = match field.rules.format {
        Some(_) => schemas.value(field, Side::Request),
        None => json!({ "type": "string", "format": "uuid" }),
    };
    parameter(schemas, "path", field, schema)
}

fn query_parameter<'a>(schemas: &mut Schemas<'a>, field: &'a Field) -> Value {
    let mut schema = schemas.value(field, Side::Request);
    if let Some(default) = &field.rules.default {
        schema["default"] = default.clone();
    }
    let mut parameter = parameter(schemas, "query", field, schema);
    if field.list {
        parameter["style"] = json!("form");
        parameter["explode"] = json!(false);
    }
    parameter
}

fn parameter(schemas: &Schemas<'_>, place: &str, field: &Field, schema: Value) -> Value {
    let mut parameter = json!({
        "name": field.name,
        "in": place,
        "required": place == "path" || field.required,
        "description": prose(&field.comment),
        "schema": schema,
    });
    if let Some(example) = parameter_example(schemas.model, field) {
        parameter["example"] = if field.list && !example.is_array() { json!([example]) } else { example };
    }
    parameter
}

fn body<'a>(schemas: &mut Schemas<'a>, rpc: &'a Rpc, http: &'a Http) -> Option<Value> {
    let model = schemas.model;
    let message = model.body_message(rpc, http)?;
    let media = json!({
        "schema": schemas.message(message, Side::Request),
        "example": example::message(schemas, message, Side::Request),
    });
    let mut content = Map::new();
    content.insert("application/json".into(), media.clone());
    if http.verb == "patch" {
        content.insert("application/merge-patch+json".into(), media);
    }
    let mut body = json!({ "required": !rpc.rest.body_optional, "content": content });
    if let Body::Field(name) = &http.body {
        body["description"] = model.message(&rpc.input).field(name).map(|field| prose(&field.comment)).into();
    }
    Some(body)
}

/// Name of the example of a success.
fn example_name(status: u16) -> &'static str {
    match status {
        201 => "made",
        202 => "taken_on",
        _ => "answer",
    }
}

fn successes<'a>(schemas: &mut Schemas<'a>, rpc: &'a Rpc, http: &Http) -> Map<String, Value> {
    let mut more = Vec::new();
    more.extend(rpc.rest.etag.is_some().then_some("ETag"));
    more.extend(schemas.model.continued(rpc, http).is_some().then_some("Link"));
    more.extend((http.verb != "get").then_some("Idempotency-Replayed"));
    let usual = rpc.success_status();
    let mut statuses = vec![usual];
    statuses.extend(rpc.rest.success_flag.is_some().then_some(200));
    statuses.sort_unstable();
    let mut all = Map::new();
    for status in statuses {
        let mut headers = headers::of(true, &more);
        if rpc.rest.location.is_some() && status == usual {
            headers.extend([headers::only("Location")]);
        }
        let meaning = match (status, &rpc.rest.success_flag) {
            (200, Some(_)) => "It was so already.",
            (201, _) => "It was made.",
            (202, _) => "It was taken on and is not done yet.",
            (204, _) => "It is done.",
            _ => "The answer.",
        };
        let mut response = json!({ "description": meaning, "headers": headers });
        let output = schemas.model.message(&rpc.output);
        if let Some(lines) = &rpc.rest.lines {
            response["content"] = json!({ "application/x-ndjson": {
                // With the schema of a line, clients would read the whole answer as one value.
                "schema": { "type": "string" },
                "x-line-schema": schemas.message(output, Side::Answer),
                "example": lines,
            } });
        } else if status != 204 {
            let sample = json!({ "summary": meaning, "value": example::message(schemas, output, Side::Answer) });
            response["content"] = json!({ "application/json": {
                "schema": schemas.message(output, Side::Answer),
                "examples": { example_name(status): sample },
            } });
        }
        all.insert(status.to_string(), response);
    }
    if rpc.is_conditional(http) && http.verb == "get" {
        let headers = headers::of(true, &["ETag"]);
        all.insert("304".into(), json!({ "description": "The client has the current state.", "headers": headers }));
    }
    all
}
