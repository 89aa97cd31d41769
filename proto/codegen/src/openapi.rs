//! Generates the OpenAPI document from the model alone: every RPC with a REST route, and the webhooks.
//!
//! It is built as JSON values and not with the `openapiv3` crate, which models OpenAPI 3.0 only: 3.1 expresses null by
//! lists of types and has `webhooks`. The rendering in 3.0 (`older.rs`) is made from it, and typed by that crate. Maps
//! keep insertion order, so equal protos give equal bytes.

mod errors;
mod example;
mod headers;
pub(crate) mod input;
mod older;
mod operation;
mod schema;
mod webhooks;

use crate::{
    Error,
    model::{Model, Rpc, Service},
};
use schema::Schemas;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Version of the API in `info`: it changes with the contract, not with the server.
const VERSION: &str = "1.0.0";

/// Order of the operations of a path.
const VERBS: &[&str] = &["get", "post", "put", "patch", "delete"];

const DESCRIPTION: &str = "\
Read and change the tickets of a workspace, leave internal notes, and manage webhooks.

## Authentication

Send an API key with every request: `Authorization: Bearer ixk_…`. The key alone decides whose data is seen. Every \
operation names the scope that a key needs for it.

## Errors

A failure has the body `{\"error\": {…}}`. Match on `error.code`, which never changes; `error.message` is for people. \
400 means that the request cannot be read, 422 that it can but breaks a rule; `error.details` then names every field \
and its rule. `error.request_id` is also the header `X-Request-Id` of the answer. Any path that is not listed here \
answers 404 `route_not_found`, any other method 405 `method_not_allowed` with `Allow`.

## Rate limit

All keys of a workspace together may send 100 requests in any 60 seconds, unless the operator set another limit. \
A key may have a smaller share of its own. `RateLimit` and the `X-RateLimit-*` headers tell what is left, of the share \
if that is nearer to its end; 429 comes with `Retry-After` in whole seconds. A request counts once plan and scope permit \
it. More than 600 requests of a key in a minute that they refuse are answered 429 as well.

## Pages

Lists take `page` from 1 and `per_page` up to 100; `meta.total` is exact. A page past the end is empty. To read a whole \
list while others change it, continue with `meta.next_cursor` as `cursor` while `meta.has_more` is true: whatever stays \
as it is comes exactly once. A cursor is good for 30 days, for the same filters and order. The header `Link` has the \
URLs of the next, the previous and the first page. Lists of tickets and messages \
have at most 4 MiB.

## A copy of everything

`GET /api/v1/export` answers all resources in one snapshot, as lines of JSON. The last line has an `events_cursor`: \
`/events` continues there with every change that the snapshot does not have, and with no other. An answer that broke \
off goes on after its last line.

## Repeating a write

POST, PATCH and DELETE take the header `Idempotency-Key`: within 24 hours the same key with the same request gets the \
first answer again, with `Idempotency-Replayed: true`, and nothing happens twice.

## Values

Times are RFC 3339 in UTC with microseconds. Ids are UUIDs. Every documented member of an answer is there: what is \
absent is `null`, lists never are. Members may be added, so ignore those you do not know.";

/// The document.
pub fn document(model: &Model) -> Value {
    let mut schemas = Schemas::new(model);
    let paths = paths(model, &mut schemas);
    let webhooks = webhooks::section(&mut schemas);
    let used = format!("{}", Value::from(paths.clone()));
    let mut responses = errors::shared_responses();
    responses.retain(|name, _| used.contains(&format!("\"#/components/responses/{name}\"")));
    let mut components = Map::new();
    let told = format!("{used}{}", Value::from(responses.clone()));
    let mut all = errors::schemas(model, &told);
    all.extend(schemas.finish());
    components.insert("schemas".into(), all.into());
    components.insert("responses".into(), responses.into());
    components.insert("parameters".into(), headers::request().into());
    components.insert("headers".into(), headers::response().into());
    components.insert(
        "securitySchemes".into(),
        json!({ operation::SECURITY: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "ixk_ and 42 letters or digits",
            "description": "An API key of the workspace. Its scopes decide which operations it may call.",
        } }),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "InboxOps API",
            "version": VERSION,
            "summary": "Tickets, notes, tags and webhooks of a shared inbox.",
            "description": DESCRIPTION,
            "contact": { "name": "The operator of this server" },
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This server." }],
        "tags": tags(model),
        "paths": paths,
        "webhooks": webhooks,
        "components": components,
    })
}

/// The same in OpenAPI 3.0, for programs that do not read 3.1 yet.
pub fn older(model: &Model) -> Result<openapiv3::OpenAPI, Error> {
    older::rendering(&document(model))
}

/// The rendering in 3.0 as it is served.
pub fn older_text(model: &Model) -> Result<String, Error> {
    serde_json::to_string(&older(model)?)
        .map_err(|error| Error::Source(format!("the document in OpenAPI 3.0: {error}")))
}

/// The document as it is served and committed.
pub fn text(model: &Model) -> String {
    format!("{:#}\n", document(model))
}

/// HTTP status of a reason, by its name; `None` for a name that the catalogue does not have.
pub(crate) fn status_of(reason: &str) -> Option<u16> {
    errors::reason(reason).map(|reason| reason.status)
}

/// Tag of an operation: the service's noun, unless the RPC names another.
fn tag(service: &Service, rpc: &Rpc) -> String {
    rpc.rest.tag.clone().unwrap_or_else(|| sentence(&service.field()))
}

fn tags(model: &Model) -> Vec<Value> {
    let mut all = BTreeMap::from([(webhooks::TAG.to_owned(), webhooks::TAG_DESCRIPTION.to_owned())]);
    for (service, rpc, _) in model.routes() {
        all.entry(tag(service, rpc)).or_insert_with(|| prose(&service.comment));
    }
    all.into_iter().map(|(name, description)| json!({ "name": name, "description": description })).collect()
}

fn paths<'a>(model: &'a Model, schemas: &mut Schemas<'a>) -> Map<String, Value> {
    let mut paths: Map<String, Value> = Map::new();
    // The model's order of services follows the imports of files; a new import must not move unrelated paths.
    let mut routes: Vec<_> = model.routes().collect();
    routes.sort_by_key(|(_, _, http)| (&http.path, VERBS.iter().position(|verb| *verb == http.verb)));
    for (service, rpc, http) in routes {
        if rpc.rest.stream.is_some() {
            continue;
        }
        let stream = model.routes().find(|(_, other, at)| other.rest.stream.is_some() && at.path == http.path);
        let mut operation = operation::of(schemas, &tag(service, rpc), rpc, http);
        if let Some((_, stream, _)) = stream.filter(|_| http.verb == "get") {
            operation::also_streams(&mut operation, stream);
        }
        let item = paths.entry(http.path.clone()).or_insert_with(|| json!({}));
        item[http.verb] = operation;
    }
    paths
}

/// `api_keys` to `Api keys`.
fn sentence(name: &str) -> String {
    let (first, rest) = name.split_at(name.len().min(1));
    format!("{}{}", first.to_uppercase(), rest.replace('_', " "))
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// Joins the lines of a comment; Markdown paragraphs stay separate.
fn prose(comment: &str) -> String {
    let paragraphs = comment.split("\n\n").map(|part| part.replace('\n', " ").trim().to_owned());
    paragraphs.collect::<Vec<_>>().join("\n\n")
}
