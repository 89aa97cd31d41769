//! Errors as JSON, always with all of these members:
//!
//! ```json
//! {"error":{"code":"validation_failed","message":"1 field is invalid.","request_id":"req_1",
//!  "doc_url":"/api/v1/docs#errors-validation_failed",
//!  "details":[{"location":"body","field":"priority","code":"invalid_enum","message":"must be one of low, high",
//!              "allowed":["low","high"]}]}}
//! ```
//!
//! `location` is `body`, `query` or `auth`; `allowed` is present only if there are few values. A missing permission is
//! a detail as well: `location` is `auth`, `field` is `scope`, `role`, `entitlement` or `minimum_plan`, `code` is
//! `required`, and `allowed` has the value that is needed. A rate limit names what it counts: `limit_scope`, code
//! `limit_exceeded`.

use crate::{
    failure::{Failure, Violation},
    reason::{DetailCode, Reason},
    wire,
};
use axum::response::Response;
use http::{HeaderValue, header};
use serde::Serialize;
use tonic::Status;

/// Where the documentation of an error code is, before the code.
pub const DOC_URL: &str = "/api/v1/docs#errors-";

#[derive(Serialize)]
struct Envelope<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'static str,
    message: &'a str,
    request_id: &'a str,
    doc_url: String,
    details: Vec<Detail<'a>>,
}

#[derive(Serialize)]
struct Detail<'a> {
    location: &'static str,
    field: &'a str,
    code: &'static str,
    message: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed: &'a [String],
}

/// The REST answer to a failure; what it says of fields is said of the body, unless its reason is one of queries.
pub fn failure(failure: &Failure, request_id: &str) -> Response {
    write(failure, request_id, true)
}

/// The REST answer to a status, with the headers that its metadata carries.
pub(super) fn of_status(status: &Status, request_id: &str, has_body: bool) -> Response {
    let mut answer = write(&Failure::of(status), request_id, has_body);
    wire::response_headers(status.metadata(), answer.headers_mut());
    answer
}

/// The body of the REST answer to a failure, as a value.
pub(crate) fn value(failure: &Failure, request_id: &str, has_body: bool) -> serde_json::Value {
    // Strings and lists of strings always have a JSON form.
    enveloped(failure, request_id, has_body, |envelope| serde_json::to_value(envelope).unwrap_or_default())
}

fn enveloped<T>(failure: &Failure, request_id: &str, has_body: bool, take: impl FnOnce(&Envelope<'_>) -> T) -> T {
    let reason = failure.reason;
    let of_query = matches!(reason, Reason::InvalidParameter | Reason::UnknownParameter | Reason::InvalidCursor);
    let location = if of_query || !has_body { "query" } else { "body" };
    let violations = failure.violations.iter().map(|violation| of_violation(location, violation));
    let facts = failure.facts.iter().filter_map(|(name, value)| of_fact(name, value));
    let error = Error {
        code: reason.rest_code(),
        message: &failure.message,
        request_id,
        doc_url: format!("{DOC_URL}{}", reason.rest_code()),
        details: violations.chain(facts).collect(),
    };
    take(&Envelope { error })
}

fn write(failure: &Failure, request_id: &str, has_body: bool) -> Response {
    let reason = failure.reason;
    // They have a JSON form, as above.
    let text = enveloped(failure, request_id, has_body, |envelope| serde_json::to_vec(envelope).unwrap_or_default());
    let mut answer = Response::new(axum::body::Body::from(text));
    *answer.status_mut() = super::status_code(reason.http_status());
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(secs) = failure.retry_after_secs {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    if reason.code() == tonic::Code::Unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"inboxops\""));
    }
    let etag = failure.facts.iter().find(|(name, _)| *name == "etag");
    if let Some(Ok(etag)) = etag.map(|(_, version)| HeaderValue::try_from(format!("\"{version}\""))) {
        headers.insert(header::ETAG, etag);
    }
    answer
}

fn of_violation<'a>(location: &'static str, violation: &'a Violation) -> Detail<'a> {
    Detail {
        location,
        field: &violation.field,
        code: violation.code.name(),
        message: (&*violation.message).into(),
        allowed: &violation.allowed,
    }
}

fn of_fact<'a>(name: &'static str, value: &'a String) -> Option<Detail<'a>> {
    let (code, message, allowed) = match name {
        "etag" => return None,
        "limit_scope" => (DetailCode::LimitExceeded, format!("counts by {value}"), &[][..]),
        "scope" => (DetailCode::Required, format!("must include {value}"), std::slice::from_ref(value)),
        "entitlement" => (DetailCode::Required, format!("must include {value}"), std::slice::from_ref(value)),
        "minimum_plan" => (DetailCode::Required, format!("must be {value} or higher"), std::slice::from_ref(value)),
        _ => (DetailCode::Required, format!("must be {value}"), std::slice::from_ref(value)),
    };
    Some(Detail { location: "auth", field: name, code: code.name(), message: message.into(), allowed })
}
