//! The catalogue of errors, from the table of the contract: one entry for each code.

use crate::links::REFERENCE;
use std::fmt::Write as _;

#[path = "../../../../proto/reason/table.rs"]
#[macro_use]
mod table;

struct Reason {
    name: &'static str,
    code: &'static str,
    grpc: &'static str,
    status: u16,
    message: &'static str,
    doc: &'static str,
}

macro_rules! rows {
    ($($variant:ident $name:literal $rest:literal $code:ident $http:literal $message:literal $doc:literal;)*) => {
        const REASONS: &[Reason] = &[$(
            Reason { name: $name, code: $rest, grpc: stringify!($code), status: $http, message: $message, doc: $doc },
        )*];
    };
}
every_reason!(rows);

macro_rules! detail_codes {
    ($($variant:ident $name:literal $doc:literal;)*) => { const DETAILS: &[(&str, &str)] = &[$(($name, $doc),)*]; };
}
every_detail_code!(detail_codes);

/// An entry for each code, by HTTP status.
pub(super) fn reasons() -> String {
    let mut reasons: Vec<&Reason> = REASONS.iter().collect();
    reasons.sort_by_key(|reason| reason.status);
    let mut text = String::new();
    for same in reasons.chunk_by(|one, other| one.status == other.status) {
        let Some(first) = same.first() else { continue };
        let _ = writeln!(text, "## {}\n", heading(first.status));
        for reason in same {
            let Reason { name, code, grpc, status, message, doc } = reason;
            let _ = writeln!(
                text,
                "### `{code}`\n\n{doc}\n\nMessage: “{message}” {} Over gRPC: `{}`, reason `{name}`. \
                 [In the reference]({REFERENCE}#errors-{code}).\n",
                if is_worth_repeating(*status, code) {
                    "Send the same request again later: after `Retry-After` if the answer has it, else with a growing \
                     pause."
                } else {
                    "The same request will fail again: change it, or what it needs, first."
                },
                screaming(grpc),
            );
        }
    }
    text
}

/// A table of the detail codes.
pub(super) fn details() -> String {
    let mut text = "| code | meaning |\n|---|---|\n".to_owned();
    for (name, doc) in DETAILS {
        let _ = writeln!(text, "| `{name}` | {doc} |");
    }
    text
}

/// Whether a client should repeat a request without a change; the clients in three languages go by the same rule.
fn is_worth_repeating(status: u16, code: &str) -> bool {
    status == 429 || status >= 500 || code.ends_with("_in_progress")
}

fn heading(status: u16) -> String {
    let phrase = match status {
        400 => "The request cannot be read",
        401 => "Who are you?",
        403 => "Not allowed",
        404 => "Not found",
        405 => "Not this method",
        406 => "Not this media type",
        409 => "Not now",
        410 => "Gone",
        412 => "Changed since",
        413 => "Too large",
        415 => "Not JSON",
        422 => "The request breaks a rule",
        429 => "Too many requests",
        500 => "Our fault",
        503 => "Not available",
        504 => "Too slow",
        _ => return status.to_string(),
    };
    format!("{status}: {phrase}")
}

/// `InvalidArgument` as gRPC writes it: `INVALID_ARGUMENT`.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_entry_that_says_whether_to_repeat() {
        let text = reasons();
        for Reason { code, .. } in REASONS {
            assert_eq!(text.matches(&format!("### `{code}`\n")).count(), 1, "{code}");
        }
        let entry = |code: &str| {
            let (_, rest) = text.split_once(&format!("### `{code}`\n")).expect("an entry");
            rest.split("###").next().unwrap_or_default().to_owned()
        };
        for code in ["rate_limited", "idempotency_in_progress", "service_unavailable", "timeout", "internal_error"] {
            assert!(entry(code).contains("again later"), "{code}");
        }
        for code in ["validation_failed", "conflict", "precondition_failed", "invalid_api_key", "ticket_not_found"] {
            assert!(entry(code).contains("fail again"), "{code}");
        }
        assert!(entry("invalid_cursor").contains("`INVALID_ARGUMENT`, reason `INVALID_CURSOR`"));
    }

    #[test]
    fn every_status_has_a_heading_in_words() {
        for Reason { status, .. } in REASONS {
            assert!(heading(*status).contains(": "), "{status}");
        }
    }
}
