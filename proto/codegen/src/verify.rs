//! The rules that a contract must obey before code is generated from it. Each finding is a sentence that begins with
//! the element's name.

use crate::{
    model::{
        Body, ENTITLEMENTS, Enum, FORMATS, Field, Http, Kind, Message, Model, PUBLIC_PACKAGE, Policy, Rpc, SCOPES,
        Service, snake,
    },
    tools,
};
use std::collections::{BTreeMap, BTreeSet};

/// All findings about a contract.
pub(crate) fn findings(model: &Model) -> Vec<String> {
    let mut found = Findings(Vec::new());
    model.enums.iter().for_each(|item| found.enumeration(item));
    model.messages.iter().for_each(|message| found.message(message));
    // The following checks look fields up in messages, so those must be sound.
    for service in &model.services {
        found.comment(&service.full_name(), &service.comment);
        service.rpcs.iter().for_each(|rpc| found.rpc(model, service, rpc));
    }
    found.overlaps(model);
    found.tools(model);
    found.0
}

struct Findings(Vec<String>);

impl Findings {
    fn add(&mut self, name: &str, what: impl AsRef<str>) {
        self.0.push(format!("{name}: {}", what.as_ref()));
    }

    fn comment(&mut self, name: &str, comment: &str) {
        if comment.is_empty() {
            self.add(name, "has no comment");
        }
    }

    fn enumeration(&mut self, item: &Enum) {
        self.comment(&item.full_name, &item.comment);
        let prefix = format!("{}_", snake(&item.name).to_uppercase());
        for value in &item.values {
            let name = format!("{}.{}", item.full_name, value.name);
            self.comment(&name, &value.comment);
            if !value.name.starts_with(&prefix) {
                self.add(&name, format!("does not begin with {prefix}"));
            }
        }
    }

    fn message(&mut self, message: &Message) {
        self.comment(&message.full_name, &message.comment);
        if message.nested {
            self.add(&message.full_name, "nests a type, a map or a oneof");
        }
        if message.alone().is_some_and(|field| message.fields.len() > 1 || field.required) {
            self.add(&message.full_name, "has a field that stands alone beside others");
        }
        for field in &message.fields {
            let name = format!("{}.{}", message.full_name, field.name);
            self.comment(&name, &field.comment);
            self.field(&name, field);
            if matches!(field.kind, Kind::I64 | Kind::U64) && message.package == PUBLIC_PACKAGE {
                self.add(&name, "is a 64-bit integer, which public messages do not have");
            }
        }
    }

    fn field(&mut self, name: &str, field: &Field) {
        let rules = &field.rules;
        if let Kind::Other(kind) = &field.kind {
            self.add(name, format!("has the type {kind}, which the generators do not know"));
        }
        if let Some(format) = rules.format.as_deref().filter(|format| !FORMATS.contains(format)) {
            self.add(name, format!("has the unknown format \"{format}\""));
        }
        if let Some(text) = &rules.broken_json {
            self.add(name, format!("has an example or default that is no JSON: {text}"));
        }
        if field.list && matches!(field.kind, Kind::Timestamp | Kind::FieldMask) {
            self.add(name, "is a list of times or masks, which the generators do not know");
        }
        let text = rules.min_len.is_some() || rules.max_len.is_some() || rules.format.is_some() || rules.trim;
        if (text || !rules.allowed.is_empty() || rules.json_text) && field.kind != Kind::String {
            self.add(name, "has rules of strings but is none");
        }
        let is_number = matches!(field.kind, Kind::I32 | Kind::U32 | Kind::I64 | Kind::U64);
        if (rules.min.is_some() || rules.max.is_some()) && !is_number {
            self.add(name, "has rules of numbers but is none");
        }
        if (rules.min_items.is_some() || rules.max_items.is_some() || rules.csv) && !field.list {
            self.add(name, "has rules of lists but is none");
        }
        if rules.grpc_only && field.required {
            self.add(name, "is required but REST cannot say it");
        }
        if rules.omitted && (field.list || !field.optional) {
            self.add(name, "is omitted when absent but is never absent");
        }
        if rules.unset && (field.list || !field.optional || rules.omitted) {
            self.add(name, "is never set but cannot be null");
        }
        if rules.shown_as.is_some() && !rules.omitted {
            self.add(name, "shares its name but is not omitted when absent");
        }
        // JSON text is empty where REST has null.
        let empty = rules.json_text && !field.list;
        if rules.nullable && !field.optional && !empty {
            self.add(name, "is nullable but not optional");
        }
        if !rules.scopes.is_empty() && (!field.list || rules.scopes.len() != rules.allowed.len()) {
            self.add(name, "has scopes that are not those of the values of a list");
        }
        for scope in rules.scopes.iter().filter(|scope| !SCOPES.contains(&scope.as_str())) {
            self.add(name, format!("needs the unknown scope \"{scope}\""));
        }
        if rules.any_scope && rules.scopes.is_empty() {
            self.add(name, "needs any of no scopes");
        }
        if rules.reason.is_some() && rules.allowed.is_empty() {
            self.add(name, "has a reason but no values that are allowed");
        }
    }

    fn rpc(&mut self, model: &Model, service: &Service, rpc: &Rpc) {
        let name = &rpc.full_name;
        self.comment(name, &rpc.comment);
        match &rpc.policy {
            Some(policy) => self.policy(name, policy),
            None => self.add(name, "has no policy"),
        }
        if rpc.client_streaming {
            self.add(name, "streams from the client");
        }
        let Some(http) = &rpc.http else { return };
        if service.package != PUBLIC_PACKAGE {
            self.add(name, format!("has a REST route outside {PUBLIC_PACKAGE}"));
        }
        for reason in rpc.rest.reasons.iter().filter(|name| crate::openapi::status_of(name).is_none()) {
            self.add(name, format!("is refused for the unknown reason \"{reason}\""));
        }
        if rpc.rest.lines.is_some() {
            if !rpc.server_streaming || rpc.rest.stream.is_some() || http.verb != "get" {
                self.add(name, "is answered in lines but is no stream of its own to get");
            }
        } else if rpc.server_streaming {
            self.stream(model, rpc, http);
        } else if rpc.rest.stream.is_some() {
            self.add(name, "says how its stream is answered but has none");
        }
        self.route(model, rpc, http);
    }

    fn tools(&mut self, model: &Model) {
        let mut names = BTreeSet::new();
        for service in &model.services {
            let tools = service.rpcs.iter().filter(|rpc| rpc.tool.is_some());
            for rpc in tools.filter(|rpc| rpc.http.is_none() || rpc.server_streaming) {
                self.add(&rpc.full_name, "is a tool without a REST route that answers once");
            }
        }
        for (_, rpc, http, tool) in tools::tools(model) {
            let name = &rpc.full_name;
            let plain = |letter: char| letter.is_ascii_lowercase() || letter == '_';
            if tool.name.is_empty() || !tool.name.chars().all(plain) || !names.insert(&tool.name) {
                self.add(name, format!("is a tool whose name \"{}\" is not lower case words of its own", tool.name));
            }
            if tool.title.is_empty() || tool.description.is_empty() {
                self.add(name, "is a tool without a title and a description");
            }
            if rpc.policy.as_ref().is_none_or(|policy| policy.api_key.is_none()) {
                self.add(name, "is a tool that no key may call");
            }
            if http.verb == "get" && (tool.destructive || !tool.idempotent) {
                self.add(name, "is a tool that reads but is not without effect");
            }
            if let Some(text) = &tool.fixed
                && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_err()
            {
                self.add(name, format!("is a tool whose fixed arguments are no JSON object: {text}"));
            }
            let resource = tools::resource(model, rpc);
            let input = model.message(&rpc.input);
            let continued = ["per_page", "cursor"].into_iter().all(|name| input.field(name).is_some());
            let named = resource.is_some_and(|message| message.field("id").is_some());
            if tools::is_list(model, rpc) && !(continued && named) {
                self.add(name, "is a tool whose list has no per_page, no cursor or no ids");
            }
            for path in tool.shows.iter().chain(&tool.leaves_out) {
                if resource.is_none_or(|message| model.path_fields(message, path).is_none()) {
                    self.add(name, format!("is a tool that speaks of {path}, which its answer does not have"));
                }
            }
        }
    }

    fn stream(&mut self, model: &Model, rpc: &Rpc, http: &Http) {
        let name = &rpc.full_name;
        let Some(stream) = &rpc.rest.stream else {
            return self.add(name, "has a REST route but streams");
        };
        let input = model.message(&rpc.input);
        let output = model.message(&rpc.output);
        for field in [&stream.id, &stream.event, &stream.data] {
            if !output.field(field).is_some_and(|it| it.kind == Kind::String && !it.list && !it.optional) {
                self.add(name, format!("streams {field}, which is no plain string of {}", output.full_name));
            }
        }
        if !input.field(&stream.resume).is_some_and(|it| it.kind == Kind::String && !it.list && it.optional) {
            self.add(name, format!("resumes by {}, which is no optional string of {}", stream.resume, input.full_name));
        }
        let list = |other: &Http| other.verb == "get" && other.path == http.path;
        if http.verb != "get" || !model.routes().any(|(_, other, http)| !other.server_streaming && list(http)) {
            self.add(name, "streams at a path that has no list to get");
        }
    }

    fn policy(&mut self, name: &str, policy: &Policy) {
        let programs = policy.service || policy.worker || policy.operator;
        if !(programs || policy.public || policy.api_key.is_some() || policy.session.is_some()) {
            self.add(name, "has a policy that lets nobody in");
        }
        let scopes = policy.api_key.as_deref().filter(|scope| *scope != "any").into_iter();
        for scope in scopes.chain(policy.or_api_key.as_deref()).filter(|scope| !SCOPES.contains(scope)) {
            self.add(name, format!("needs the unknown scope \"{scope}\""));
        }
        if policy.or_api_key.is_some() && policy.api_key.as_deref().is_none_or(|scope| scope == "any") {
            self.add(name, "has another scope for keys but no first one");
        }
        if let Some(unknown) = policy.entitlement.as_deref().filter(|name| !ENTITLEMENTS.contains(name)) {
            self.add(name, format!("needs the unknown entitlement \"{unknown}\""));
        }
        if policy.spares_sessions && (policy.entitlement.is_none() || policy.session.is_none()) {
            self.add(name, "spares sessions an entitlement that is not asked of them");
        }
    }

    fn route(&mut self, model: &Model, rpc: &Rpc, http: &Http) {
        let name = &rpc.full_name;
        let input = model.message(&rpc.input);
        for param in &http.params {
            match input.field(param) {
                Some(field) if field.kind == Kind::String && !field.list && !field.optional => {}
                Some(_) => self.add(name, format!("path parameter {param} is no plain string")),
                None => self.add(name, format!("path parameter {param} is no field of {}", input.full_name)),
            }
        }
        if let Body::Field(field) = &http.body {
            match input.field(field) {
                Some(item) if matches!(item.kind, Kind::Message(_)) && !item.list => {}
                Some(_) => self.add(name, format!("body {field} is no message")),
                None => self.add(name, format!("body {field} is no field of {}", input.full_name)),
            }
        }
        let masked = input.field("update_mask").is_some_and(|field| field.kind == Kind::FieldMask);
        if http.verb == "patch" && !(masked && matches!(http.body, Body::Field(_))) {
            self.add(name, "is a PATCH without a body field and an update_mask");
        }
        let bodies = crate::messages::reachable(model, model.body_message(rpc, http).into_iter().collect());
        for message in bodies.iter().map(|name| model.message(name)) {
            // The mask of a PATCH, the field table and the rules all name a member of a body by its field.
            for field in message.fields.iter().filter(|field| field.json != field.name) {
                self.add(&format!("{}.{}", message.full_name, field.name), "has a json_name but is read from a body");
            }
            let plain = |field: &&Field| field.list || !field.optional || field.rules.nullable;
            for field in message.fields.iter().filter(|field| field.rules.json_text).filter(plain) {
                let name = format!("{}.{}", message.full_name, field.name);
                self.add(&name, "is JSON text that is read from a body but is no optional object");
            }
        }
        let needed = input.fields.iter().any(|field| field.required && !http.params.contains(&field.name));
        if rpc.rest.body_optional && (http.body != Body::All || needed) {
            self.add(name, "has an optional body whose members are needed");
        }
        for field in model.query_fields(rpc, http) {
            let bad = matches!(field.kind, Kind::Message(_) | Kind::Bytes | Kind::FieldMask | Kind::Other(_));
            if bad || field.rules.json_text || field.list != field.rules.csv {
                self.add(name, format!("field {} cannot be a query parameter", field.name));
            }
        }
        self.answer(model, rpc, http);
    }

    fn answer(&mut self, model: &Model, rpc: &Rpc, http: &Http) {
        let name = &rpc.full_name;
        let output = model.message(&rpc.output);
        if let Some(flag) = &rpc.rest.success_flag
            && !output.field(flag).is_some_and(|field| field.kind == Kind::Bool && !field.list)
        {
            self.add(name, format!("success_flag {flag} is no bool of {}", output.full_name));
        }
        let places = rpc.rest.location.as_deref().into_iter().flat_map(|text| text.split('{').skip(1));
        let places = places.map(|part| part.split_once('}').map_or(part, |(path, _)| path));
        for path in places.chain(rpc.rest.etag.as_deref()) {
            let scalar = |kind: &Kind| matches!(kind, Kind::String | Kind::U32 | Kind::I32);
            match model.path_fields(output, path).as_deref() {
                Some([.., last]) if scalar(&last.kind) => {}
                _ => self.add(name, format!("{path} is no single value of {}", output.full_name)),
            }
        }
        if !(200..300).contains(&rpc.success_status()) {
            self.add(name, "has a success status that is none");
        }
        if !http.path.starts_with("/api/v1/") || http.path.ends_with('/') {
            self.add(name, format!("path {} is not under /api/v1/ or ends in a slash", http.path));
        }
    }

    fn overlaps(&mut self, model: &Model) {
        let mut seen: BTreeMap<String, (&Rpc, &Http)> = BTreeMap::new();
        let mut paths: BTreeMap<String, &Http> = BTreeMap::new();
        for (_, rpc, http) in model.routes() {
            let kind = if rpc.rest.stream.is_some() { "stream of " } else { "" };
            if let Some((other, _)) = seen.insert(format!("{kind}{} {}", http.verb, http.shape()), (rpc, http)) {
                self.add(&rpc.full_name, format!("has the verb and path of {}", other.full_name));
            }
            let first = paths.entry(http.shape()).or_insert(http);
            if first.path != http.path {
                self.add(&rpc.full_name, format!("path {} names its parameters unlike {}", http.path, first.path));
            }
        }
    }
}
