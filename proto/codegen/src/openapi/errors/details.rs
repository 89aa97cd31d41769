//! The details in examples of errors: a parameter, member or permission of the operation itself, validated as the gate
//! would.

use crate::model::{Field, Http, Kind, Model, Rpc};
use serde_json::{Value, json};

/// Why a known caller may not call: reasons, with what is missing.
pub(super) fn forbidden(rpc: &Rpc) -> Vec<(&'static str, Vec<Value>)> {
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

/// Details of a reason that is the same for every operation.
pub(super) fn details_of_any(name: &str) -> Vec<Value> {
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

/// An unknown query parameter.
pub(super) fn unknown(model: &Model, rpc: &Rpc, http: &Http) -> Vec<Value> {
    let names: Vec<&str> = model.query_fields(rpc, http).iter().map(|field| field.name.as_str()).collect();
    let takes = if names.is_empty() { "no parameters".to_owned() } else { names.join(", ") };
    vec![detail("query", "colour", "unknown_field", &format!("is unknown; this call takes {takes}"), &[])]
}

/// A query parameter that violates its first rule.
pub(super) fn invalid_parameter(model: &Model, rpc: &Rpc, http: &Http) -> Vec<Value> {
    let fields = model.query_fields(rpc, http);
    let broken = fields.iter().find_map(|field| rule(model, field)).or_else(|| {
        fields.first().map(|field| (field.json.clone(), "blank", "must not be blank".to_owned(), Vec::new()))
    });
    broken
        .map(|(field, code, message, allowed)| detail("query", &field, code, &message, &allowed))
        .into_iter()
        .collect()
}

/// A member of the body with a wrong type, or one that violates its first rule.
pub(super) fn invalid_member(model: &Model, rpc: &Rpc, http: &Http, what: &str) -> Vec<Value> {
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

/// A violation of a field's rule: path, code, message, allowed values.
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
