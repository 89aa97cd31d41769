//! Generates field rules: `Rules` for every request message and the messages in it. The functions that validate a value
//! are in `proto/gate/rules.rs`; this file decides which of them apply to each field.

use crate::{
    messages::reachable,
    model::{Body, Field, Kind, Message, Model, Rpc, rust_path, upper_camel},
};
use std::{collections::BTreeSet, fmt::Write as _};

/// `impl Rules` for every request message and the messages in it.
pub(crate) fn generate(model: &Model) -> String {
    let rpcs: Vec<&Rpc> = model.services.iter().flat_map(|service| &service.rpcs).collect();
    let requests: BTreeSet<&String> = rpcs.iter().map(|rpc| &rpc.input).collect();
    let all = reachable(model, requests.iter().map(|name| model.message(name)).collect());
    let mut out = String::new();
    for name in &all {
        let message = model.message(name);
        let rpc = rpcs.iter().find(|rpc| rpc.input == *name && rpc.http.is_some()).copied();
        let mut body = String::new();
        for field in &message.fields {
            body += &field_checks(model, rpc, message, field);
        }
        let scopes: String = message.fields.iter().map(scopes).collect();
        let scopes = if scopes.is_empty() {
            scopes
        } else {
            format!(
                "    fn scopes(&self) -> Vec<crate::gate::AnyScope> {{\n        let mut needs = Vec::new();\n{scopes}        \
                 needs\n    }}\n"
            )
        };
        let import = if body.is_empty() { "" } else { "        use crate::gate::rules;\n" };
        let _ = writeln!(
            out,
            "impl crate::gate::rules::Rules for {} {{\n    #[allow(unused_variables)]\n    fn check_at(&mut self, at: \
             &crate::gate::rules::At<'_>, out: &mut crate::gate::Violations) {{\n{import}{body}    }}\n{scopes}}}",
            rust_path(name)
        );
    }
    out
}

fn field_checks(model: &Model, rpc: Option<&Rpc>, message: &Message, field: &Field) -> String {
    let http = rpc.and_then(|rpc| rpc.http.as_ref());
    if http.is_some_and(|http| http.params.contains(&field.name)) {
        // A path parameter that cannot name a resource gets a 404 from the noun.
        return String::new();
    }
    if let Some(Body::Field(body)) = http.map(|http| &http.body) {
        if *body == field.name {
            // The body *is* this message: its members have no prefix, and a missing body is an empty message.
            let ident = &field.ident;
            return format!(
                "        if let Some(inner) = &mut self.{ident} {{ rules::Rules::check_at(inner, at, out); }}\n"
            );
        }
        if let (Kind::FieldMask, Some(Kind::Message(name))) =
            (&field.kind, message.field(body).map(|field| &field.kind))
        {
            return mask(field, body, model.message(name));
        }
    }
    one(field)
}

/// The scopes that the values of a field need.
fn scopes(field: &Field) -> String {
    let Field { ident, rules, .. } = field;
    if rules.scopes.is_empty() {
        return String::new();
    }
    let of = rules.allowed.iter().zip(&rules.scopes).map(|(value, scope)| format!("({value:?}, &[{scope:?}])"));
    let of = of.collect::<Vec<_>>().join(", ");
    let else_any = if rules.any_scope { format!("Some(&{:?})", rules.scopes) } else { "None".to_owned() };
    format!("        crate::gate::rules::scopes(&self.{ident}, &[{of}], {else_any}, &mut needs);\n")
}

/// Members that a mask names must be known, and present unless null has a meaning.
fn mask(field: &Field, body: &str, changes: &Message) -> String {
    let names = changes.fields.iter().map(|field| format!("{:?}", field.name)).collect::<Vec<_>>().join(", ");
    let mut needed = String::new();
    for change in &changes.fields {
        let ident = &change.ident;
        let absent = match change {
            Field { list: true, rules, .. } if rules.min_items.is_some_and(|least| least > 0) => {
                format!("inner.{ident}.is_empty()")
            }
            Field { list: false, optional: true, rules, .. } if !rules.nullable => format!("inner.{ident}.is_none()"),
            _ => continue,
        };
        let _ = writeln!(needed, "            ({:?}, self.{body}.as_ref().is_none_or(|inner| {absent})),", change.name);
    }
    format!(
        "        if let Some(mask) = &self.{} {{ rules::mask(&mask.paths, &[{names}], &[\n{needed}        ], at, out); }}\n",
        field.ident
    )
}

fn one(field: &Field) -> String {
    let ident = &field.ident;
    let required = field.required;
    let rules = &field.rules;
    let place = format!("&at.field({:?})", field.json);
    let indexed = !rules.csv;
    let mut out = String::new();
    if field.list {
        let least = rules.min_items.unwrap_or(0);
        let most = rules.max_items.unwrap_or(u32::MAX);
        if required || most < u32::MAX {
            let _ = writeln!(out, "rules::items(self.{ident}.len(), {required}, {least}, {most}, {place}, out);");
        }
    }
    let call = match (&field.kind, field.list, field.optional) {
        (Kind::String, true, _) => {
            format!("rules::texts(&mut self.{ident}, {}, {indexed}, {place}, out);", text(field))
        }
        (Kind::String, false, true) if rules.json_text => {
            format!("rules::json_object(&mut self.{ident}, {required}, {place}, out);")
        }
        (Kind::String, _, true) => {
            format!("rules::optional_text(&mut self.{ident}, {required}, {}, {place}, out);", text(field))
        }
        (Kind::String, _, false) => {
            format!("rules::plain_text(&mut self.{ident}, {required}, {}, {place}, out);", text(field))
        }
        (Kind::Enum(name), true, _) => {
            format!("rules::choices::<{}>(&self.{ident}, {indexed}, {place}, out);", rust_path(name))
        }
        (Kind::Enum(name), _, true) => {
            format!("rules::choice::<{}>(self.{ident}, {required}, {place}, out);", rust_path(name))
        }
        (Kind::Enum(name), _, false) => {
            format!("rules::plain_choice::<{}>(self.{ident}, {required}, {place}, out);", rust_path(name))
        }
        (Kind::I32 | Kind::U32 | Kind::I64, false, optional) => number(field, optional, &place),
        (Kind::Timestamp, false, _) => format!("rules::moment(self.{ident}.as_ref(), {required}, {place}, out);"),
        (Kind::Message(_), true, _) => format!(
            "for (index, inner) in self.{ident}.iter_mut().enumerate() {{ let place = {place}; \
             rules::Rules::check_at(inner, &place.item(index), out); }}"
        ),
        (Kind::Message(_), false, _) => format!(
            "match &mut self.{ident} {{ Some(inner) => rules::Rules::check_at(inner, {place}, out), None => \
             rules::present(!{required}, {place}, out) }}"
        ),
        (Kind::Bool, false, true) if required => format!("rules::present(self.{ident}.is_some(), {place}, out);"),
        _ => String::new(),
    };
    out += &call;
    out.lines().map(|line| format!("        {line}\n")).collect()
}

fn number(field: &Field, optional: bool, place: &str) -> String {
    let Field { ident, required, rules, .. } = field;
    if rules.min.is_none() && rules.max.is_none() && !required {
        return String::new();
    }
    let value =
        if optional { format!("self.{ident}.map(i64::from)") } else { format!("Some(i64::from(self.{ident}))") };
    format!("rules::number({value}, {required}, {:?}, {:?}, {place}, out);", rules.min, rules.max)
}

fn text(field: &Field) -> String {
    let rules = &field.rules;
    let format = match &rules.format {
        Some(name) => format!("Some(rules::Format::{})", upper_camel(name)),
        None => "None".to_owned(),
    };
    let reason = match &rules.reason {
        Some(name) => format!("Some(crate::reason::Reason::{})", upper_camel(name)),
        None => "None".to_owned(),
    };
    format!(
        "&rules::Text {{ trim: {}, min_len: {}, max_len: {}, format: {format}, allowed: &{:?}, reason: {reason} }}",
        rules.trim,
        rules.min_len.unwrap_or(0),
        rules.max_len.unwrap_or(u32::MAX),
        rules.allowed,
    )
}
