//! The errors of operations: which reasons of the catalogue each can have, with schema, headers and an example.

mod body;
mod details;

pub(super) use body::schemas;

use super::{headers, reference};
use crate::model::{Body, Http, Model, Rpc};
use details::{details_of_any, forbidden, invalid_member, invalid_parameter, unknown};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

#[path = "../../../reason/table.rs"]
#[macro_use]
mod table;

/// A row of the catalogue.
#[derive(Debug)]
pub(super) struct Reason {
    /// `TICKET_NOT_FOUND`.
    pub name: &'static str,
    /// `error.code`.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Default message.
    pub message: &'static str,
    /// When it occurs.
    pub doc: &'static str,
}

macro_rules! rows {
    ($($variant:ident $name:literal $rest:literal $code:ident $http:literal $message:literal $doc:literal;)*) => {
        /// The catalogue.
        pub(super) const REASONS: &[Reason] =
            &[$(Reason { name: $name, code: $rest, status: $http, message: $message, doc: $doc },)*];
    };
}
every_reason!(rows);

macro_rules! detail_codes {
    ($($variant:ident $name:literal $doc:literal;)*) => {
        /// Detail codes with their meanings.
        const DETAIL_CODES: &[(&str, &str)] = &[$(($name, $doc),)*];
    };
}
every_detail_code!(detail_codes);

/// A response that is the same for every operation.
struct Shared {
    name: &'static str,
    status: u16,
    /// Whether the caller is known by then, so that the response has the rate limit's headers.
    known: bool,
    /// Further headers.
    headers: &'static [&'static str],
    /// Its reasons.
    reasons: &'static [&'static str],
}

const fn shared(
    name: &'static str,
    status: u16,
    known: bool,
    headers: &'static [&'static str],
    reasons: &'static [&'static str],
) -> Shared {
    Shared { name, status, known, headers, reasons }
}

const KEY_REASONS: &[&str] = &["MISSING_API_KEY", "INVALID_API_KEY", "REVOKED_API_KEY", "EXPIRED_API_KEY"];

const SHARED: &[Shared] = &[
    shared("Unauthorized", 401, false, &["WWW-Authenticate"], KEY_REASONS),
    shared("Conflict", 409, true, &["Retry-After"], &["CONFLICT", "IDEMPOTENCY_IN_PROGRESS"]),
    shared("CursorExpired", 410, true, &[], &["CURSOR_EXPIRED"]),
    shared("PreconditionFailed", 412, true, &["ETag"], &["PRECONDITION_FAILED"]),
    shared("PayloadTooLarge", 413, false, &[], &["PAYLOAD_TOO_LARGE"]),
    shared("UnsupportedMediaType", 415, true, &[], &["UNSUPPORTED_MEDIA_TYPE"]),
    shared("RateLimited", 429, true, &["Retry-After"], &["RATE_LIMITED"]),
    // For these three the caller may be known or not.
    shared("InternalError", 500, true, &[], &["INTERNAL_ERROR"]),
    shared("ServiceUnavailable", 503, true, &["Retry-After"], &["SERVICE_UNAVAILABLE"]),
    shared("Timeout", 504, true, &[], &["TIMEOUT"]),
];

/// Reasons that no operation has: of unknown paths and methods, and of callers without an API key.
const OF_NO_OPERATION: &[&str] =
    &["ROUTE_NOT_FOUND", "METHOD_NOT_ALLOWED", "CROSS_ORIGIN", "ROLE_REQUIRED", "TENANT_NOT_FOUND"];

/// The reason with this name.
pub(super) fn reason(name: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| reason.name == name)
}

pub(super) fn shared_responses() -> Map<String, Value> {
    let one = |shared: &Shared| {
        let reasons = shared.reasons.iter().filter_map(|name| Some((reason(name)?, details_of_any(name))));
        let headers = headers::of(shared.known, shared.headers);
        (shared.name.to_owned(), response(&reasons.collect::<Vec<_>>(), headers))
    };
    SHARED.iter().map(one).collect()
}

/// The errors of an operation, by status.
pub(super) fn of(model: &Model, rpc: &Rpc, http: &Http) -> BTreeMap<u16, Value> {
    let writes = http.verb != "get";
    let has_body = http.body != Body::None;
    let cursors = ["cursor", "after"];
    let cursor = model.query_fields(rpc, http).iter().any(|field| cursors.contains(&field.name.as_str()));
    let mut all = BTreeMap::new();
    for Shared { name, status, .. } in SHARED {
        let given = match status {
            409 => writes,
            410 => cursor,
            412 => writes && rpc.is_conditional(http),
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
    } else if rpc.is_conditional(http) {
        own.push(("INVALID_PARAMETER", Vec::new()));
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
    own.extend(rpc.rest.reasons.iter().map(|name| (name.as_str(), Vec::new())));
    let missing: Vec<String> = http.params.iter().map(|param| not_found(param)).collect();
    own.extend(missing.iter().map(|name| (name.as_str(), Vec::new())));
    let mut by_status: BTreeMap<u16, Vec<(&Reason, Vec<Value>)>> = BTreeMap::new();
    for (name, details) in own {
        if let Some(reason) = reason(name) {
            by_status.entry(reason.status).or_default().push((reason, details));
        }
    }
    all.extend(by_status.into_iter().map(|(status, reasons)| {
        // Whoever comes at the wrong moment is told when to come again.
        let more: &[&str] = if status == 409 { &["Retry-After"] } else { &[] };
        (status, response(&reasons, headers::of(true, more)))
    }));
    all
}

/// `ticket_id` to `TICKET_NOT_FOUND`.
pub(super) fn not_found(param: &str) -> String {
    format!("{}_NOT_FOUND", param.strip_suffix("_id").unwrap_or(param).to_uppercase())
}

fn response(reasons: &[(&Reason, Vec<Value>)], headers: Map<String, Value>) -> Value {
    let examples: Map<String, Value> = reasons.iter().map(|(reason, details)| example(reason, details)).collect();
    let lines: Vec<String> = reasons.iter().map(|(reason, _)| format!("- `{}`: {}", reason.code, reason.doc)).collect();
    json!({
        "description": lines.join("\n"),
        "headers": headers,
        "content": { "application/json": { "schema": reference("schemas", "ErrorResponse"), "examples": examples } },
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
