//! The errors of operations: which of the catalogue's reasons each can give, with schema, headers and an example.

use super::{headers, operation::is_conditional, reference};
use crate::model::{Body, Field, Http, Kind, Model, Rpc};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

#[path = "../../../reason/table.rs"]
#[macro_use]
mod table;

/// A row of the catalogue.
#[derive(Debug)]
pub struct Reason {
    /// `TICKET_NOT_FOUND`.
    pub name: &'static str,
    /// `error.code`.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Message when nothing more exact is known.
    pub message: &'static str,
    /// When it is given.
    pub doc: &'static str,
}

macro_rules! rows {
    ($($variant:ident $name:literal $rest:literal $code:ident $http:literal $message:literal $doc:literal;)*) => {
        /// The catalogue.
        pub const REASONS: &[Reason] =
            &[$(Reason { name: $name, code: $rest, status: $http, message: $message, doc: $doc },)*];
    };
}
every_reason!(rows);

macro_rules! detail_codes {
    ($($variant:ident $name:literal $doc:literal;)*) => {
        /// Codes of details, each with what it means.
        const DETAIL_CODES: &[(&str, &str)] = &[$(($name, $doc),)*];
    };
}
every_detail_code!(detail_codes);

/// The statuses that say the same of every operation: component name, status, whether the caller was known by then,
/// headers besides, reasons.
const SHARED: &[(&str, u16, bool, &[&str], &[&str])] = &[
    (
        "Unauthorized",
        401,
        false,
        &["WWW-Authenticate"],
        &["MISSING_API_KEY", "INVALID_API_KEY", "REVOKED_API_KEY", "EXPIRED_API_KEY"],
    ),
    ("Conflict", 409, true, &["Retry-After"], &["CONFLICT", "IDEMPOTENCY_IN_PROGRESS"]),
    ("CursorExpired", 410, true, &[], &["CURSOR_EXPIRED"]),
    ("PreconditionFailed", 412, true, &["ETag"], &["PRECONDITION_FAILED"]),
    ("PayloadTooLarge", 413, false, &[], &["PAYLOAD_TOO_LARGE"]),
    ("UnsupportedMediaType", 415, true, &[], &["UNSUPPORTED_MEDIA_TYPE"]),
    ("RateLimited", 429, true, &["Retry-After"], &["RATE_LIMITED"]),
    ("InternalError", 500, false, &[], &["INTERNAL_ERROR"]),
    ("ServiceUnavailable", 503, false, &["Retry-After"], &["SERVICE_UNAVAILABLE"]),
    ("Timeout", 504, false, &["Retry-After"], &["TIMEOUT"]),
];

/// The reason with this name.
pub fn reason(name: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| reason.name == name)
}

/// Schemas of the error body.
pub fn schemas() -> Map<String, Value> {
    let codes: Vec<&str> = REASONS.iter().map(|reason| reason.code).collect();
    let details: Vec<&str> = DETAIL_CODES.iter().map(|(name, _)| *name).collect();
    let list = |rows: &mut dyn Iterator<Item = (&str, &str)>| {
        rows.map(|(name, doc)| format!("- `{name}`: {doc}")).collect::<Vec<_>>().join("\n")
    };
    let of_codes = list(&mut REASONS.iter().map(|reason| (reason.code, reason.doc)));
    let of_details = list(&mut DETAIL_CODES.iter().copied());
    let text = |description: &str| json!({ "type": "string", "description": description });
    let mut all = Map::new();
    all.insert(
        "Error".into(),
        json!({
            "type": "object",
            "description": "The body of every failure.",
            "properties": { "error": reference("schemas", "ErrorBody") },
            "required": ["error"],
        }),
    );
    all.insert(
        "ErrorBody".into(),
        json!({
            "type": "object",
            "description": "What failed.",
            "properties": {
                "code": reference("schemas", "ErrorCode"),
                "message": text("A sentence for a person."),
                "request_id": text("Id of the request, as in the header `X-Request-Id`."),
                "doc_url": { "type": "string", "format": "uri-reference", "description": "Where the code is explained." },
                "details": {
                    "type": "array",
                    "items": reference("schemas", "ErrorDetail"),
                    "description": "What exactly is wrong; empty when there is nothing to add.",
                },
            },
            "required": ["code", "message", "request_id", "doc_url", "details"],
        }),
    );
    all.insert(
        "ErrorCode".into(),
        json!({
            "type": "string",
            "enum": codes,
            "description": format!("Why a request failed.\n\n{of_codes}"),
        }),
    );
    all.insert(
        "ErrorDetail".into(),
        json!({
            "type": "object",
            "description": "One thing that is wrong or missing.",
            "properties": {
                "location": {
                    "type": "string",
                    "enum": ["body", "query", "auth"],
                    "description": "Where: in the body, in the query, or in what the key may do.",
                },
                "field": text("Path of the field, as in `events[2]`; of `auth` what is missing, as in `scope`."),
                "code": {
                    "type": "string",
                    "enum": details,
                    "description": format!("Which rule is broken.\n\n{of_details}"),
                },
                "message": text("What the value must be, to be read after the field's name."),
                "allowed": {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "The values that are allowed, where they are few.",
                },
            },
            "required": ["location", "field", "code", "message"],
        }),
    );
    all
}

/// The response components.
pub fn shared_responses() -> Map<String, Value> {
    let one = |(name, _, rate_limit, more, names): &(&str, u16, bool, &[&str], &[&str])| {
        let reasons: Vec<_> = names.iter().filter_map(|name| Some((reason(name)?, details_of_any(name)))).collect();
        ((*name).to_owned(), response(&reasons, headers::of(*rate_limit, more)))
    };
    SHARED.iter().map(one).collect()
}

/// The errors of an operation, by status.
pub fn of(model: &Model, rpc: &Rpc, http: &Http) -> BTreeMap<u16, Value> {
    let writes = http.verb != "get";
    let has_body = http.body != Body::None;
    let cursors = ["cursor", "after"];
    let cursor = model.query_fields(rpc, http).iter().any(|field| cursors.contains(&field.name.as_str()));
    let after = model.query_fields(rpc, http).iter().any(|field| field.name == "after");
    let mut all = BTreeMap::new();
    for (name, status, ..) in SHARED {
        let given = match status {
            409 => writes,
            410 => after,
            412 => writes && is_conditional(rpc, http),
            413 | 415 => has_body,
            _ => true,
        };
        if given {
            all.insert(*status, reference("responses", name));
        }
    }
    let mut own: Vec<(&str, Vec<Value>)> = vec![("UNKNOWN_PARAMETER", unknown(model, rpc, http))];
    if !model.query_fields(rpc, http).is_empty() {
        own.push(("INVALID_PARAMETER", invalid_parameter(model, rpc, http)));
    }
    if cursor {
        own.push(("INVALID_CURSOR", Vec::new()));
    }
    if has_body {
        own.push(("MALFORMED_JSON", Vec::new()));
        own.push(("INVALID_REQUEST", invalid_member(model, rpc, http, "invalid_type")));
        own.push(("VALIDATION_FAILED", invalid_member(model, rpc, http, "rule")));
    }
    if writes {
        own.push(("INVALID_IDEMPOTENCY_KEY", Vec::new()));
        own.push(("IDEMPOTENCY_KEY_REUSED", Vec::new()));
    }
    let fields = model.body_message(rpc, http).map(|message| message.fields.as_slice()).unwrap_or_default();
    own.extend(fields.iter().filter_map(|field| Some((field.rules.reason.as_deref()?, Vec::new()))));
    own.extend(forbidden(rpc));
    let missing: Vec<String> = http.params.iter().map(|param| not_found(param)).collect();
    own.extend(missing.iter().map(|name| (name.as_str(), Vec::new())));
    let mut by_status: BTreeMap<u16, Vec<(&Reason, Vec<Value>)>> = BTreeMap::new();
    for (name, details) in own {
        if let Some(reason) = reason(name) {
            by_status.entry(reason.status).or_default().push((reason, details));
        }
    }
    all.extend(by_status.into_iter().map(|(status, reasons)| (status, response(&reasons, headers::of(true, &[])))));
    all
}

/// `ticket_id` to `TICKET_NOT_FOUND`.
pub fn not_found(param: &str) -> String {
    format!("{}_NOT_FOUND", param.strip_suffix("_id").unwrap_or(param).to_uppercase())
}

fn forbidden(rpc: &Rpc) -> Vec<(&'static str, Vec<Value>)> {
    let policy = rpc.policy.clone().unwrap_or_default();
    let needs = |field: &str, value: &str| {
        let message = if field == "minimum_plan" {
            format!("must be {value} or higher")
        } else {
            format!("must include {value}")
        };
        json!({ "location": "auth", "field": field, "code": "required", "message": message, "allowed": [value] })
    };
    let entitlement = policy.entitlement.unwrap_or_else(|| "public_api".into());
    let mut all =
        vec![("ENTITLEMENT_REQUIRED", vec![needs("entitlement", &entitlement), needs("minimum_plan", "business")])];
    match policy.api_key.as_deref() {
        None => all.push(("ROLE_REQUIRED", Vec::new())),
        Some("any") => {}
        Some(scope) => all.push(("INSUFFICIENT_SCOPE", vec![needs("scope", scope)])),
    }
    all.push(("TENANT_SUSPENDED", Vec::new()));
    all
}

fn details_of_any(name: &str) -> Vec<Value> {
    match name {
        "RATE_LIMITED" => vec![detail("auth", "limit_scope", "limit_exceeded", "counts by tenant", &[])],
        _ => Vec::new(),
    }
}

fn detail(location: &str, field: &str, code: &str, message: &str, allowed: &[String]) -> Value {
    let mut detail = json!({ "location": location, "field": field, "code": code, "message": message });
    if !allowed.is_empty() {
        detail["allowed"] = json!(allowed);
    }
    detail
}

fn unknown(model: &Model, rpc: &Rpc, http: &Http) -> Vec<Value> {
    let names: Vec<&str> = model.query_fields(rpc, http).iter().map(|field| field.name.as_str()).collect();
    let takes = if names.is_empty() { "no parameters".to_owned() } else { names.join(", ") };
    vec![detail("query", "colour", "unknown_field", &format!("is unknown; this call takes {takes}"), &[])]
}

fn invalid_parameter(model: &Model, rpc: &Rpc, http: &Http) -> Vec<Value> {
    let fields = model.query_fields(rpc, http);
    let broken = fields.iter().find_map(|field| rule(model, field)).or_else(|| {
        fields.first().map(|field| (field.json.clone(), "blank", "must not be blank".to_owned(), Vec::new()))
    });
    broken
        .map(|(field, code, message, allowed)| detail("query", &field, code, &message, &allowed))
        .into_iter()
        .collect()
}

fn invalid_member(model: &Model, rpc: &Rpc, http: &Http, what: &str) -> Vec<Value> {
    let Some(message) = model.body_message(rpc, http) else { return Vec::new() };
    let members: Vec<&Field> = message.fields.iter().filter(|field| !http.params.contains(&field.name)).collect();
    if what == "invalid_type" {
        let wrong = members.first().map(|field| {
            let must = match (&field.kind, field.list) {
                (_, true) => "must be an array",
                (Kind::Bool, _) => "must be true or false",
                (Kind::I32 | Kind::U32, _) => "must be a whole number",
                (Kind::Message(_), _) => "must be an object",
                _ => "must be a string",
            };
            detail("body", &field.json, "invalid_type", must, &[])
        });
        return wrong.into_iter().collect();
    }
    let judged = members.iter().filter(|field| field.rules.reason.is_none());
    let broken = judged.filter_map(|field| rule(model, field)).next();
    broken.map(|(field, code, message, allowed)| detail("body", &field, code, &message, &allowed)).into_iter().collect()
}

/// A rule of a field as it is told when it is broken: path, code, message, allowed values.
fn rule(model: &Model, field: &Field) -> Option<(String, &'static str, String, Vec<String>)> {
    let name = field.json.clone();
    let rules = &field.rules;
    if let Kind::Enum(full_name) = &field.kind {
        let allowed: Vec<String> = model.enumeration(full_name).json_values().map(|value| value.json.clone()).collect();
        return Some((name, "invalid_enum", format!("must be one of {}", allowed.join(", ")), allowed));
    }
    if !rules.allowed.is_empty() {
        let place = if field.list { format!("{name}[0]") } else { name };
        let message = format!("must be one of {}", rules.allowed.join(", "));
        return Some((place, "invalid_enum", message, rules.allowed.clone()));
    }
    if let (Some(min), Some(max)) = (rules.min, rules.max) {
        return Some((name, "out_of_range", format!("must be from {min} to {max}"), Vec::new()));
    }
    if let Some(max) = rules.max_len {
        return Some((name, "too_long", format!("must have at most {max} characters"), Vec::new()));
    }
    (rules.format.as_deref() == Some("uuid")).then(|| (name, "invalid_format", "must be a UUID".into(), Vec::new()))
}

fn response(reasons: &[(&Reason, Vec<Value>)], headers: Map<String, Value>) -> Value {
    let examples: Map<String, Value> = reasons.iter().map(|(reason, details)| example(reason, details)).collect();
    let lines: Vec<String> = reasons.iter().map(|(reason, _)| format!("- `{}`: {}", reason.code, reason.doc)).collect();
    json!({
        "description": lines.join("\n"),
        "headers": headers,
        "content": { "application/json": { "schema": reference("schemas", "Error"), "examples": examples } },
    })
}

fn example(reason: &Reason, details: &[Value]) -> (String, Value) {
    let counted = match reason.name {
        "UNKNOWN_PARAMETER" | "INVALID_PARAMETER" => Some("parameter"),
        "VALIDATION_FAILED" | "INVALID_REQUEST" => Some("field"),
        _ => None,
    };
    let message = match counted.filter(|_| details.len() == 1) {
        Some(what) => format!("1 {what} is invalid."),
        None => reason.message.to_owned(),
    };
    let body = json!({ "error": {
        "code": reason.code,
        "message": message,
        "request_id": "sync-job-42",
        "doc_url": format!("/api/v1/docs#errors-{}", reason.code),
        "details": details,
    } });
    (reason.code.to_owned(), json!({ "summary": reason.message, "value": body }))
}
