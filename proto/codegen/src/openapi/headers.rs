//! Headers of requests and responses, which no proto defines.

use super::reference;
use serde_json::{Map, Value, json};

/// Declared on every operation.
pub(super) const REQUEST_ID: &str = "RequestId";
/// On writes.
pub(super) const IDEMPOTENCY_KEY: &str = "IdempotencyKey";
/// On writes of resources with an `ETag`.
pub(super) const IF_MATCH: &str = "IfMatch";
/// On reads of resources with an `ETag`.
pub(super) const IF_NONE_MATCH: &str = "IfNoneMatch";

/// On lists that are also streams.
pub(super) const LAST_EVENT_ID: &str = "LastEventId";

/// The rate limit's headers.
const RATE_LIMIT: &[&str] =
    &["RateLimit-Policy", "RateLimit", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

/// Parameter components: the request headers.
pub(super) fn request() -> Map<String, Value> {
    let parameter = |name: &str, description: &str, schema: Value, example: &str| {
        json!({
            "name": name, "in": "header", "required": false, "description": description, "schema": schema,
            "example": example,
        })
    };
    let mut all = Map::new();
    all.insert(
        REQUEST_ID.into(),
        parameter(
            "X-Request-Id",
            "Id of the request in the answer and in the operator's log: 1 to 128 of `A-Z a-z 0-9 . _ -`. Without one, \
             or with one of another form, the server makes one.",
            // Without a pattern: a malformed id is not an error.
            json!({ "type": "string" }),
            "sync-job-42",
        ),
    );
    all.insert(
        IDEMPOTENCY_KEY.into(),
        parameter(
            "Idempotency-Key",
            "Makes the request safe to repeat for 24 hours: printable ASCII, new for every write.",
            json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]{1,255}$" }),
            "0f8e5c1a-order-1042",
        ),
    );
    all.insert(
        IF_MATCH.into(),
        parameter(
            "If-Match",
            "`ETag` of the state that the change was made for. When the resource has another by now, nothing changes and \
             the answer is 412. Without it the last write wins.",
            json!({ "type": "string", "minLength": 1 }),
            "\"1\"",
        ),
    );
    all.insert(
        IF_NONE_MATCH.into(),
        parameter(
            "If-None-Match",
            "`ETag` of the state that the client has. When it is still the current one, the answer is 304.",
            json!({ "type": "string", "minLength": 1 }),
            "\"1\"",
        ),
    );
    all.insert(
        LAST_EVENT_ID.into(),
        parameter(
            "Last-Event-ID",
            "`id` of the last event that the client has, or a `next_cursor`; it goes before `after`. Browsers send it by \
             themselves when they connect to a stream again.",
            json!({ "type": "string", "minLength": 1, "maxLength": 200 }),
            "e2-9b1c04d7e5a2f386-1d8-2f4-1d8-63b0c3f8a5c00",
        ),
    );
    all
}

/// Header components: the response headers.
pub(super) fn response() -> Map<String, Value> {
    let text = || json!({ "type": "string" });
    let count = || json!({ "type": "integer", "format": "int64", "minimum": 0 });
    let rows: [(&str, bool, &str, Value, Value); 12] = [
        ("X-Request-Id", true, "Id of the request, for questions to the operator.", text(), json!("sync-job-42")),
        (
            "RateLimit-Policy",
            false,
            "The quota `q` of the workspace and the length `w` of its window in seconds; after a comma those of the key, \
             if it has a share of its own.",
            text(),
            json!("\"tenant\";q=100;w=60"),
        ),
        (
            "RateLimit",
            false,
            "The requests that remain (`r`) and the seconds until there are more (`t`): of the workspace, or of the key \
             if it has no more left than the workspace.",
            text(),
            json!("\"tenant\";r=57;t=12"),
        ),
        ("X-RateLimit-Limit", false, "Requests that are accepted in a window.", count(), json!(100)),
        ("X-RateLimit-Remaining", false, "Requests that remain.", count(), json!(57)),
        ("X-RateLimit-Reset", false, "Time at which there are more, in Unix seconds.", count(), json!(1769851812)),
        (
            "ETag",
            true,
            "Entity tag of the state that is answered, for `If-Match` and `If-None-Match`.",
            text(),
            json!("\"1\""),
        ),
        (
            "Location",
            true,
            "Path of the resource that was made.",
            json!({ "type": "string", "format": "uri-reference" }),
            json!("/api/v1/tickets/019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51"),
        ),
        (
            "Link",
            // A list that is also a stream has none as a stream.
            false,
            "Pages of the list: `first`, and `next` and `prev` where they exist (RFC 8288). Read by `cursor`, a list has \
             no `prev`. The URLs are absolute when the operator set the server's public URL.",
            text(),
            json!("</api/v1/tickets?page=2>; rel=\"next\", </api/v1/tickets?page=1>; rel=\"first\""),
        ),
        (
            "Retry-After",
            false,
            "Whole seconds after which to try again.",
            json!({ "type": "integer", "format": "int32", "minimum": 1 }),
            json!(12),
        ),
        ("WWW-Authenticate", true, "How to authenticate.", text(), json!("Bearer realm=\"inboxops\"")),
        (
            "Idempotency-Replayed",
            false,
            "`true` when this is the stored answer to the first request with this `Idempotency-Key`.",
            json!({ "type": "string", "enum": ["true"] }),
            json!("true"),
        ),
    ];
    let components = rows.into_iter().map(|(name, required, description, schema, example)| {
        let header = json!({ "required": required, "description": description, "schema": schema, "example": example });
        (name.to_owned(), header)
    });
    components.collect()
}

/// The `headers` of a response: the request id, the rate limit if the caller is known by then, and `more`.
pub(super) fn of(rate_limit: bool, more: &[&str]) -> Map<String, Value> {
    let limits = if rate_limit { RATE_LIMIT } else { &[] };
    let names = ["X-Request-Id"].into_iter().chain(limits.iter().copied()).chain(more.iter().copied());
    names.map(|name| (name.to_owned(), reference("headers", name))).collect()
}

/// One header of a response.
pub(super) fn only(name: &str) -> (String, Value) {
    (name.to_owned(), reference("headers", name))
}
