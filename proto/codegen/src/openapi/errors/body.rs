//! The body of every error, as component schemas.

use super::{DETAIL_CODES, OF_NO_OPERATION, REASONS, Reason};
use crate::{model::Model, openapi::reference};
use serde_json::{Map, Value, json};

/// Schemas of the error body, with the codes that REST has; the catalogue has more. `operations` is the text of the
/// operations and of their shared responses.
pub(crate) fn schemas(model: &Model, operations: &str) -> Map<String, Value> {
    let given = |reason: &&Reason| {
        OF_NO_OPERATION.contains(&reason.name) || operations.contains(&format!("\"code\":\"{}\"", reason.code))
    };
    let reasons: Vec<&Reason> = REASONS.iter().filter(given).collect();
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code).collect();
    let short = can_be_short(model);
    let rules: Vec<(&str, &str)> =
        DETAIL_CODES.iter().copied().filter(|(name, _)| short || *name != "too_short").collect();
    let details: Vec<&str> = rules.iter().map(|(name, _)| *name).collect();
    let list = |rows: &mut dyn Iterator<Item = (&str, &str)>| {
        rows.map(|(name, doc)| format!("- `{name}`: {doc}")).collect::<Vec<_>>().join("\n")
    };
    let of_codes = list(&mut reasons.iter().map(|reason| (reason.code, reason.doc)));
    let of_details = list(&mut rules.iter().copied());
    let text = |description: &str| json!({ "type": "string", "description": description });
    let mut all = Map::new();
    all.insert(
        "ErrorResponse".into(),
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

/// Whether a member or parameter of REST needs more than one character or item: an empty one counts as blank or
/// missing.
fn can_be_short(model: &Model) -> bool {
    let fields = model.routes().flat_map(|(_, rpc, http)| {
        let body = model.body_message(rpc, http).map(|message| message.fields.iter().collect()).unwrap_or_default();
        [model.query_fields(rpc, http), body].concat()
    });
    fields.into_iter().any(|field| field.rules.min_len.max(field.rules.min_items) > Some(1))
}
