//! Generates REST routes from `google.api.http`: one thin handler for each RPC and one route for each path. Parsing,
//! validation and responses are in `proto/rest.rs`.

use crate::model::{Body, Field, Http, Kind, Message, Model, Rpc, Service, rust_path, snake};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// The handlers, their query parameters, and `routes`.
pub(crate) fn generate(model: &Model) -> String {
    let mut out = String::new();
    for (service, rpc, http) in model.routes() {
        query(&mut out, model, rpc, http);
        handler(&mut out, model, service, rpc, http);
    }
    router(&mut out, model);
    out
}

/// `impl Query` for a request: its parameters and their fields.
fn query(out: &mut String, model: &Model, rpc: &Rpc, http: &Http) {
    let fields = model.query_fields(rpc, http);
    let names = fields.iter().map(|field| format!("({:?}, {:?})", field.name, values(model, field)));
    let names = names.collect::<Vec<_>>().join(", ");
    let arms = fields.iter().enumerate().map(|(index, field)| format!("            {index} => {},\n", set(field)));
    let _ = writeln!(
        out,
        "impl rest::query::Query for {} {{\n    const PARAMETERS: &'static [(&'static str, Option<&'static str>)] = &[{names}];\n    \
         #[allow(unused_variables)]\n    fn set(&mut self, index: usize, value: &rest::query::Parameter<'_>, out: &mut \
         Vec<crate::failure::Violation>) {{\n        match index {{\n{}            _ => {{}}\n        }}\n    }}\n}}",
        rust_path(&rpc.input),
        arms.collect::<String>()
    );
}

/// How the values of a list are written, for those who write them otherwise.
fn values(model: &Model, field: &Field) -> Option<String> {
    let allowed: Vec<String> = match &field.kind {
        Kind::Enum(name) => model.enumeration(name).json_values().map(|value| value.json.clone()).collect(),
        _ => field.rules.allowed.clone(),
    };
    let shown = allowed.into_iter().take(2).collect::<Vec<_>>().join(",");
    field.list.then(|| if shown.is_empty() { "A,B".to_owned() } else { shown })
}

fn set(field: &Field) -> String {
    let ident = &field.ident;
    let single = |read: String| {
        let unwrap = if field.optional { "" } else { ".unwrap_or_default()" };
        format!("self.{ident} = {read}{unwrap}")
    };
    match (&field.kind, field.list) {
        (Kind::String, true) => format!("value.texts(&mut self.{ident}, out)"),
        (Kind::Enum(name), true) => format!("value.choices::<{}>(&mut self.{ident}, out)", rust_path(name)),
        (Kind::Enum(name), false) => single(format!("value.choice::<{}>(out)", rust_path(name))),
        (Kind::Bool, _) => single("value.flag(out)".to_owned()),
        (Kind::Timestamp, _) => single("value.moment(out)".to_owned()),
        (Kind::String, false) => single("value.text(out)".to_owned()),
        (_, _) => single("value.number(out)".to_owned()),
    }
}

fn handler_name(service: &Service, rpc: &Rpc) -> String {
    format!("{}_{}", snake(&service.name), rpc.ident)
}

fn handler(out: &mut String, model: &Model, service: &Service, rpc: &Rpc, http: &Http) {
    let input = rust_path(&rpc.input);
    let mut lines = Vec::new();
    // A list whose route also streams continues where the stream was: both contain the same events.
    let routes = model.routes().filter(|(_, _, other)| (other.verb, &other.path) == (http.verb, &http.path));
    let stream = routes.filter_map(|(_, rpc, _)| rpc.rest.stream.as_ref()).next();
    match &http.body {
        Body::None => {
            lines.push("let (parts, _) = request.into_parts();".to_owned());
            let mutable = if http.params.is_empty() && stream.is_none() { "" } else { "mut " };
            lines.push(format!("let {mutable}input = rest::from_query::<{input}>(&parts.uri);"));
        }
        body => {
            lines.push("let (parts, body) = request.into_parts();".to_owned());
            let read = "match rest::body::read(&parts.headers, body).await { Ok(bytes) => bytes, Err(failure) => return \
                        rest::refuse(&parts, &failure) }";
            lines.push(format!("let bytes = {read};"));
            lines.push(format!("let mut input = rest::from_query::<{input}>(&parts.uri);"));
            let patch = http.verb == "patch";
            match body {
                Body::Field(name) => {
                    let body = model.body_message(rpc, http).map(|body| rust_path(&body.full_name)).unwrap_or_default();
                    lines.push(format!("let body = rest::from_body::<{body}>(&parts.headers, &bytes, {patch});"));
                    lines.push(format!("input.message.{name} = Some(body.message);"));
                    if patch {
                        lines.push("input.message.update_mask = Some(body.mask);".to_owned());
                    }
                }
                _ => {
                    lines.push(if rpc.rest.body_optional {
                        format!("let body = rest::from_optional_body::<{input}>(&parts.headers, &bytes);")
                    } else {
                        format!("let body = rest::from_body::<{input}>(&parts.headers, &bytes, {patch});")
                    });
                    lines.push("input.message = body.message;".to_owned());
                }
            }
            lines.push("input.also(body.failure);".to_owned());
        }
    }
    for param in &http.params {
        let at = http.path.split('/').position(|part| part == format!("{{{param}}}")).unwrap_or_default();
        lines.push(format!("input.message.{param} = rest::segment(&parts.uri, {at});"));
    }
    if let Some(stream) = stream {
        lines
            .push(format!("rest::stream::resume(&parts.headers, &mut input.message, |it| &mut it.{});", stream.resume));
    }
    let has_body = http.body != Body::None;
    lines.push(format!("let (context, request) = rest::call(parts, input, {has_body});"));
    lines.push(format!("match service.{}(request).await {{", rpc.ident));
    lines.push("    Err(status) => context.refuse(&status),".to_owned());
    lines.push("    Ok(response) => {".to_owned());
    lines.push("        let (metadata, message, _) = response.into_parts();".to_owned());
    lines.extend(answer(model, rpc, http).into_iter().map(|line| format!("        {line}")));
    lines.push("    }".to_owned());
    lines.push("}".to_owned());
    let _ = writeln!(
        out,
        "async fn {}(service: Arc<Dyn{}>, request: axum::extract::Request) -> axum::response::Response {{\n    {}\n}}",
        handler_name(service, rpc),
        service.name,
        lines.join("\n    ")
    );
}

fn answer(model: &Model, rpc: &Rpc, http: &Http) -> Vec<String> {
    if let Some(stream) = &rpc.rest.stream {
        let event = format!("id: &it.{}, event: &it.{}, data: &it.{}", stream.id, stream.event, stream.data);
        return vec![format!("context.stream(&metadata, message, |it| rest::stream::Event {{ {event} }})")];
    }
    if rpc.rest.lines.is_some() {
        return vec!["context.lines(&metadata, message)".to_owned()];
    }
    let status = rpc.success_status();
    let status = match &rpc.rest.success_flag {
        Some(flag) => format!("if message.{flag} {{ {status} }} else {{ crate::reason::OK }}"),
        None => status.to_string(),
    };
    if rpc.success_status() == 204 {
        return vec![format!("let _ = message; context.empty({status}, &metadata)")];
    }
    let output = model.message(&rpc.output);
    let value = |path: &str| {
        let fields = model.path_fields(output, path).unwrap_or_default();
        let steps = fields.iter().map(|field| {
            if field.optional { format!(".{}.as_ref()?", field.ident) } else { format!(".{}", field.ident) }
        });
        format!("message{}", steps.collect::<String>())
    };
    let etag = rpc.rest.etag.as_deref().map(|path| format!("format!(\"\\\"{{}}\\\"\", {})", value(path)));
    let location = rpc.rest.location.as_deref().map(|template| {
        let mut values = String::new();
        let mut format = String::new();
        for part in template.split('{') {
            match part.split_once('}') {
                Some((path, rest)) => {
                    let _ = write!(values, ", {}", value(path));
                    format += &format!("{{}}{rest}");
                }
                None => format += part,
            }
        }
        format!("format!({format:?}{values})")
    });
    let option = |made: Option<String>| match made {
        Some(made) => format!("(|| Some({made}))()"),
        None => "None".to_owned(),
    };
    let mut lines = vec![
        format!("let etag: Option<String> = {};", option(etag)),
        format!("let location: Option<String> = {};", option(location)),
    ];
    let answer = format!("context.answer({status}, &metadata, &message, etag, location)");
    match model.continued(rpc, http) {
        None => lines.push(answer),
        Some((meta, by)) => {
            lines.push(format!("let answer = {answer};"));
            lines.push(format!("context.linked(answer, {by:?}, message.meta.as_ref().map(|meta| {}))", position(meta)));
        }
    }
    lines
}

/// The position of a page, from the `meta` of its list.
fn position(meta: &Message) -> String {
    let number = |name: &str| match meta.field(name) {
        Some(field) if field.optional => format!("meta.{name}"),
        Some(_) => format!("Some(meta.{name})"),
        None => "None".to_owned(),
    };
    let next = match meta.field("next_cursor") {
        Some(field) if field.optional => "meta.next_cursor.as_deref()",
        _ => "Some(meta.next_cursor.as_str())",
    };
    format!(
        "rest::link::Position {{ page: {}, total_pages: {}, has_more: meta.has_more, next_cursor: {next} }}",
        number("page"),
        number("total_pages")
    )
}

fn router(out: &mut String, model: &Model) {
    let mut paths: BTreeMap<&str, Vec<(&Service, &Rpc, &Http)>> = BTreeMap::new();
    for route in model.routes() {
        paths.entry(&route.2.path).or_default().push(route);
    }
    let mut lines = String::new();
    for (path, routes) in paths {
        let mut verbs: BTreeSet<String> = routes.iter().map(|(_, _, http)| http.verb.to_uppercase()).collect();
        if verbs.contains("GET") {
            verbs.insert("HEAD".to_owned());
        }
        verbs.insert("OPTIONS".to_owned());
        let allow = verbs.into_iter().collect::<Vec<_>>().join(", ");
        let _ = write!(lines, "        .route({path:?}, rest::methods({allow:?})");
        let streams = routes.iter().filter(|(_, rpc, _)| rpc.rest.stream.is_some()).collect::<Vec<_>>();
        for (service, rpc, http) in routes.iter().filter(|(_, rpc, _)| rpc.rest.stream.is_none()) {
            let field = service.field();
            let name = handler_name(service, rpc);
            let _ = match streams.iter().find(|(_, _, stream)| stream.verb == http.verb) {
                None => write!(
                    lines,
                    "\n            .{}({{ let service = services.{field}.clone(); move |request: \
                     axum::extract::Request| {name}(service.clone(), request) }})",
                    http.verb
                ),
                Some((other, stream, _)) => write!(
                    lines,
                    "\n            .{}({{ let (service, other) = (services.{field}.clone(), services.{}.clone()); move \
                     |request: axum::extract::Request| {{ let (service, other) = (service.clone(), other.clone()); async \
                     move {{ if rest::stream::wanted(request.method(), request.headers()) {{ {}(other, request).await }} \
                     else {{ {name}(service, request).await }} }} }} }})",
                    http.verb,
                    other.field(),
                    handler_name(other, stream)
                ),
            };
        }
        lines += ")\n";
    }
    let _ = writeln!(
        out,
        "/// The REST API: one route per path of the contract. It answers unknown methods; unknown paths are left to the \
         fallback of the one who serves it.\npub fn routes(services: &Services) -> axum::Router {{\n    \
         axum::Router::new()\n{lines}}}"
    );
}
