//! A refused call as data: a reason with its explanation, converted to and from a gRPC status with `google.rpc`
//! details. The core and the gate make failures; the edge reads them from the status to write the REST error. It knows
//! nothing about any noun.

use crate::reason::{DetailCode, Reason};
use prost::Message as _;
use std::borrow::Cow;
use tonic::{Status, metadata::MetadataMap};
use tonic_types::pb;

/// `domain` of every `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "inboxops.dev";
/// Greatest number of violations in a status.
pub const VIOLATIONS_MAX: usize = 50;
/// Greatest encoded size of a status's details: header lists of HTTP/2 end at 16 KiB, and base64 adds a third.
pub const DETAILS_MAX_BYTES: usize = 6 * 1024;

/// A rule that a field violates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in REST: `subject`, `events[2]`.
    pub field: String,
    /// The rule.
    pub code: DetailCode,
    /// What the value must be; a sentence that follows the field's name.
    pub message: Cow<'static, str>,
    /// Allowed values, for `invalid_enum`.
    pub allowed: Vec<String>,
}

impl Violation {
    /// A violation without a list of allowed values.
    pub fn new(field: impl Into<String>, code: DetailCode, message: impl Into<Cow<'static, str>>) -> Violation {
        Violation { field: field.into(), code, message: message.into(), allowed: Vec::new() }
    }

    /// A value that is not in `allowed`.
    pub fn not_one_of(field: impl Into<String>, allowed: &[&str]) -> Violation {
        Violation {
            field: field.into(),
            code: DetailCode::InvalidEnum,
            message: format!("must be one of {}", allowed.join(", ")).into(),
            allowed: allowed.iter().map(|value| (*value).to_owned()).collect(),
        }
    }

    /// A required field that is missing.
    pub fn required(field: impl Into<String>) -> Violation {
        Violation::new(field, DetailCode::Required, "is required")
    }

    /// A reference to something that does not exist in the tenant.
    pub fn dangling(field: impl Into<String>) -> Violation {
        Violation::new(field, DetailCode::NotFound, "does not exist")
    }
}

/// Why a call is refused, with everything that a client may know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub reason: Reason,
    /// A sentence for people, without secrets, ids or text from libraries.
    pub message: Cow<'static, str>,
    /// Rules that fields violate.
    pub violations: Vec<Violation>,
    /// Facts by name: `entitlement`, `minimum_plan`, `scope`, `role`, `limit_scope`.
    pub facts: Vec<(&'static str, String)>,
    /// Whole seconds after which a retry may succeed.
    pub retry_after_secs: Option<u32>,
}

impl Failure {
    /// A failure with the reason's own message.
    pub fn new(reason: Reason) -> Failure {
        Failure {
            reason,
            message: Cow::Borrowed(reason.message()),
            violations: Vec::new(),
            facts: Vec::new(),
            // A temporary outage is worth a retry, wherever it is noticed.
            retry_after_secs: (reason == Reason::ServiceUnavailable).then_some(1),
        }
    }

    /// A failure with violations; the message counts them.
    pub fn violations(reason: Reason, violations: Vec<Violation>) -> Failure {
        let what = match reason {
            Reason::InvalidParameter | Reason::UnknownParameter => "parameter",
            _ => "field",
        };
        let message = match violations.len() {
            1 => format!("1 {what} is invalid."),
            n => format!("{n} {what}s are invalid."),
        };
        Failure { message: message.into(), violations, ..Failure::new(reason) }
    }

    /// `VALIDATION_FAILED` with one violation.
    pub fn invalid(violation: Violation) -> Failure {
        Failure::violations(Reason::ValidationFailed, vec![violation])
    }

    /// The same with another message.
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Failure {
        self.message = message.into();
        self
    }

    /// The same with one more fact.
    pub fn fact(mut self, name: &'static str, value: impl Into<String>) -> Failure {
        self.facts.push((name, value.into()));
        self
    }

    /// The same with a time to wait, at least one second.
    pub fn retry_after(mut self, secs: u32) -> Failure {
        self.retry_after_secs = Some(secs.max(1));
        self
    }

    /// The gRPC status: code, message and `google.rpc` details, at most [`DETAILS_MAX_BYTES`].
    pub fn status(&self) -> Status {
        let mut kept = self.violations.len().min(VIOLATIONS_MAX);
        let details = loop {
            let details = self.encode(kept);
            if details.len() <= DETAILS_MAX_BYTES || kept == 0 {
                break details;
            }
            kept /= 2;
        };
        Status::with_details_and_metadata(self.reason.code(), self.message.as_ref(), details.into(), MetadataMap::new())
    }

    fn encode(&self, kept: usize) -> Vec<u8> {
        let kept = &self.violations[..kept];
        let mut info = pb::ErrorInfo {
            reason: self.reason.name().to_owned(),
            domain: DOMAIN.to_owned(),
            metadata: self.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        };
        for violation in kept.iter().filter(|violation| !violation.allowed.is_empty()) {
            info.metadata.insert(allowed_key(&violation.field), violation.allowed.join(","));
        }
        let mut details = vec![any("google.rpc.ErrorInfo", &info)];
        if !kept.is_empty() {
            let field_violations = kept.iter().map(|violation| pb::bad_request::FieldViolation {
                field: violation.field.clone(),
                description: violation.message.clone().into_owned(),
                reason: violation.code.name().to_owned(),
                localized_message: None,
            });
            details
                .push(any("google.rpc.BadRequest", &pb::BadRequest { field_violations: field_violations.collect() }));
        }
        if let Some(secs) = self.retry_after_secs {
            let delay = prost_types::Duration { seconds: i64::from(secs), nanos: 0 };
            details.push(any("google.rpc.RetryInfo", &pb::RetryInfo { retry_delay: Some(delay) }));
        }
        let code = self.reason.code() as i32;
        pb::Status { code, message: self.message.clone().into_owned(), details }.encode_to_vec()
    }

    /// Reads a failure from a status. A status without our details gets the reason for its code and, since its text
    /// comes from a library, that reason's own message.
    pub fn of(status: &Status) -> Failure {
        Failure::decode(status.code(), status.details())
    }

    /// Reads encoded details, as an edge sends them in its undecodable marker.
    pub fn of_details(details: &[u8]) -> Failure {
        let code = pb::Status::decode(details).map_or(tonic::Code::Internal, |status| status.code.into());
        Failure::decode(code, details)
    }

    fn decode(code: tonic::Code, details: &[u8]) -> Failure {
        let mut failure = Failure::new(Reason::of_code(code));
        let Ok(decoded) = pb::Status::decode(details) else { return failure };
        let mut facts = std::collections::HashMap::new();
        for detail in &decoded.details {
            match detail.type_url.rsplit('/').next() {
                Some("google.rpc.ErrorInfo") => {
                    let Ok(info) = pb::ErrorInfo::decode(&*detail.value) else { continue };
                    if let (DOMAIN, Some(reason)) = (info.domain.as_str(), Reason::from_name(&info.reason)) {
                        failure.reason = reason;
                        failure.message = Cow::Owned(decoded.message.clone());
                        facts = info.metadata;
                    }
                }
                Some("google.rpc.BadRequest") => {
                    let Ok(bad) = pb::BadRequest::decode(&*detail.value) else { continue };
                    failure.violations.extend(bad.field_violations.into_iter().filter_map(|violation| {
                        let code = DetailCode::from_name(&violation.reason)?;
                        Some(Violation::new(violation.field, code, violation.description))
                    }));
                }
                Some("google.rpc.RetryInfo") => {
                    let Ok(retry) = pb::RetryInfo::decode(&*detail.value) else { continue };
                    failure.retry_after_secs = retry.retry_delay.and_then(|delay| u32::try_from(delay.seconds).ok());
                }
                _ => {}
            }
        }
        for violation in &mut failure.violations {
            if let Some(allowed) = facts.get(&allowed_key(&violation.field)) {
                violation.allowed = allowed.split(',').map(str::to_owned).collect();
            }
        }
        failure.facts = FACTS.iter().filter_map(|name| facts.get(*name).map(|value| (*name, value.clone()))).collect();
        failure
    }
}

/// Names of facts that are sent between processes.
pub const FACTS: &[&str] = &["entitlement", "minimum_plan", "scope", "role", "limit_scope", "etag"];

fn allowed_key(field: &str) -> String {
    format!("allowed.{field}")
}

fn any(name: &str, message: &impl prost::Message) -> prost_types::Any {
    prost_types::Any { type_url: format!("type.googleapis.com/{name}"), value: message.encode_to_vec() }
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Failure {
        Failure::new(reason)
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Status {
        failure.status()
    }
}
