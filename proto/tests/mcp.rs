//! The tools of MCP over HTTP and over lines: both eras, refusals, sizes.

use crate::support::{Client, Setup, setup, ticket};
use axum::{Router, body::Body};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use inboxops_proto::{
    mcp::{self, BODY_MAX_BYTES, Caller, ITEMS_MAX, RESULT_MAX_BYTES, Server},
    rest,
    services::Services,
    v1,
    wire::{Origin, Way},
};
use serde_json::{Value, json};
use tonic::metadata::MetadataValue;
use tower::ServiceExt as _;

const NEW: &str = "2026-07-28";

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The HTTP status, and the code of the JSON-RPC error, or 0.
    fn outline(&self) -> (u16, i64) {
        (self.status, self.json()["error"]["code"].as_i64().unwrap_or_default())
    }
}

struct Host(Router);

impl Host {
    fn new(services: &Services) -> Host {
        Host(mcp::routes(services).fallback(rest::route_not_found))
    }

    async fn send(&self, method: Method, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri("/mcp");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.into()).expect("a request");
        let request_id = "req_1".to_owned();
        let origin = Origin { peer: None, way: Way::Rest, request_id, same_origin: false, secure: false };
        request.extensions_mut().insert(origin);
        let (parts, body) = self.0.clone().oneshot(request).await.expect("infallible").into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn post(&self, key: &str, more: &[(&str, &str)], message: &Value) -> Answer {
        let key = format!("Bearer {key}");
        let mut headers = vec![("authorization", key.as_str()), ("content-type", "application/json")];
        headers.extend_from_slice(more);
        self.send(Method::POST, &headers, message.to_string()).await
    }

    async fn ask(&self, method: &str, params: Value) -> Answer {
        let message = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        self.post("good", &[("mcp-protocol-version", "2025-11-25")], &message).await
    }

    async fn call(&self, tool: &str, arguments: Value) -> Value {
        let answer = self.ask("tools/call", json!({ "name": tool, "arguments": arguments })).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["result"].take()
    }
}

/// A message of the newer era with its headers.
fn new_era(method: &str, mut params: Value) -> (Value, Vec<(&'static str, String)>) {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": NEW, "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut headers = vec![("mcp-protocol-version", NEW.to_owned()), ("mcp-method", method.to_owned())];
    headers.extend(params["name"].as_str().map(|name| ("mcp-name", name.to_owned())));
    (json!({ "jsonrpc": "2.0", "id": "a", "method": method, "params": params }), headers)
}

async fn ask_new(host: &Host, method: &str, params: Value) -> Answer {
    let (message, headers) = new_era(method, params);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    host.post("good", &headers, &message).await
}

fn hosts(setup: &Setup) -> [Host; 2] {
    [Host::new(&setup.direct), Host::new(&setup.remote)]
}

#[tokio::test]
async fn the_older_era_begins_with_a_handshake() {
    for host in hosts(&setup().await) {
        for (wanted, given) in
            [("2025-11-25", "2025-11-25"), ("2025-03-26", "2025-03-26"), ("2030-01-01", "2025-11-25")]
        {
            let params = json!({ "protocolVersion": wanted, "capabilities": {}, "clientInfo": {} });
            let message = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
            let answer = host.post("good", &[], &message).await;
            let result = answer.json();
            assert_eq!(
                (answer.status, &result["id"], &result["result"]["protocolVersion"]),
                (200, &json!(0), &json!(given))
            );
            let told = result["result"]["instructions"].as_str().unwrap_or_default();
            assert!(told.contains("No tool can mail a customer"), "{told}");
        }
        let done = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let answer = host.post("good", &[("mcp-protocol-version", "2025-11-25")], &done).await;
        assert_eq!((answer.status, answer.body.as_str()), (202, ""));
        assert_eq!(host.ask("ping", json!({})).await.json(), json!({ "jsonrpc": "2.0", "id": 7, "result": {} }));
        for method in ["server/discover", "resources/list", "nonsense"] {
            assert_eq!(host.ask(method, json!({})).await.outline(), (200, -32601), "{method}");
        }
        assert_eq!(host.ask("tools/call", json!({ "name": "nonsense" })).await.outline(), (200, -32602));
        assert_eq!(host.ask("tools/call", json!([])).await.outline(), (200, -32602));
    }
}

#[tokio::test]
async fn in_the_newer_era_every_message_stands_alone() {
    for host in hosts(&setup().await) {
        let found = ask_new(&host, "server/discover", json!({})).await;
        let result = found.json()["result"].take();
        assert_eq!(
            (found.status, &result["resultType"], &result["cacheScope"]),
            (200, &json!("complete"), &json!("private"))
        );
        assert_eq!(result["supportedVersions"][0], NEW);
        assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "inboxops");
        assert!(result["instructions"].as_str().is_some_and(|told| told.contains("No tool can mail a customer")));
        let listed = ask_new(&host, "tools/list", json!({})).await.json()["result"].take();
        assert!(listed["ttlMs"].is_u64() && listed["resultType"] == "complete", "{listed}");
        let called =
            ask_new(&host, "tools/call", json!({ "name": "get_ticket", "arguments": { "ticket_id": "7" } })).await;
        let result = called.json()["result"].take();
        assert_eq!(
            (called.status, &result["resultType"], &result["isError"]),
            (200, &json!("complete"), &json!(false))
        );
        for method in ["initialize", "nonsense"] {
            assert_eq!(ask_new(&host, method, json!({})).await.outline(), (404, -32601), "{method}");
        }
        let unknown = ask_new(&host, "tools/call", json!({ "name": "nonsense" })).await;
        assert_eq!(unknown.outline(), (400, -32602));
    }
}

#[tokio::test]
async fn headers_and_body_must_agree() {
    let host = Host::new(&setup().await.direct);
    let (message, _) = new_era("tools/call", json!({ "name": "get_ticket", "arguments": { "ticket_id": "7" } }));
    let version = ("mcp-protocol-version", NEW);
    let (method, name) = (("mcp-method", "tools/call"), ("mcp-name", "get_ticket"));
    let cases = [
        (vec![version, method, name], (200, 0)),
        (vec![method, name], (400, -32020)),
        (vec![version, name], (400, -32020)),
        (vec![version, method], (400, -32020)),
        (vec![version, ("mcp-method", "tools/list"), name], (400, -32020)),
        (vec![version, method, ("mcp-name", "add_note")], (400, -32020)),
        (vec![version, method, method, name], (400, -32020)),
        (vec![version, method, name, name], (400, -32020)),
        (vec![version, version, method, name], (400, -32020)),
        (vec![("mcp-protocol-version", "2025-11-25"), method, name], (400, -32020)),
        (vec![("mcp-protocol-version", "2027-01-01"), method, name], (400, -32022)),
    ];
    for (headers, expected) in cases {
        assert_eq!(host.post("good", &headers, &message).await.outline(), expected, "{headers:?}");
    }
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let answer = host.post("good", &[version, ("mcp-method", "ping")], &ping).await;
    assert_eq!(answer.outline(), (400, -32602), "the body names no version");
    let answer = host.post("good", &[("mcp-protocol-version", "1999-01-01")], &ping).await;
    let error = answer.json()["error"].take();
    assert_eq!(
        (answer.status, &error["code"], &error["data"]["requested"]),
        (400, &json!(-32022), &json!("1999-01-01"))
    );
    assert!(error["data"]["supported"].as_array().is_some_and(|all| all.contains(&json!(NEW)) && all.len() > 1));
}

#[tokio::test]
async fn what_cannot_be_read_is_a_400_and_meets_the_gate_first() {
    let host = Host::new(&setup().await.direct);
    let cases = [
        ("{", -32700),
        ("", -32700),
        ("[]", -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
        ("7", -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0"}"#, -32600),
    ];
    let typed = ("content-type", "application/json");
    for (body, code) in cases {
        let answer = host.send(Method::POST, &[("authorization", "Bearer good"), typed], body).await;
        assert_eq!(answer.outline(), (400, code), "{body}");
        let answer = host.send(Method::POST, &[("authorization", "Bearer gone"), typed], body).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &json!("missing_api_key")), "{body}");
    }
    let answer = host.send(Method::POST, &[("authorization", "Bearer good")], "{}").await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (415, &json!("unsupported_media_type")));
    let answer = host.send(Method::POST, &[], "{}").await;
    assert_eq!(answer.status, 401);
    let large = vec![b' '; BODY_MAX_BYTES + 1];
    let answer = host.send(Method::POST, &[("authorization", "Bearer good"), typed], large).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (413, &json!("payload_too_large")));
    let text = "x".repeat(3 * 1024 * 1024);
    let answer = host.ask("ping", json!({ "text": text })).await;
    assert_eq!(answer.status, 200, "more than REST takes");
}

#[tokio::test]
async fn only_post_has_something_to_do() {
    let host = Host::new(&setup().await.direct);
    for method in [Method::GET, Method::DELETE, Method::PUT, Method::HEAD] {
        let answer = host.send(method.clone(), &[("authorization", "Bearer good")], "").await;
        let allow = answer.headers.get("allow").map(|value| value.as_bytes());
        assert_eq!((answer.status, allow), (405, Some(&b"OPTIONS, POST"[..])), "{method}");
    }
    assert_eq!(host.send(Method::OPTIONS, &[], "").await.status, 204);
}

#[tokio::test]
async fn a_key_sees_the_tools_of_its_scopes_and_no_credential_sees_none() {
    let setup = setup().await;
    for host in hosts(&setup) {
        let listed = host.ask("tools/list", json!({})).await.json()["result"]["tools"].take();
        let names: Vec<&str> =
            listed.as_array().into_iter().flatten().filter_map(|tool| tool["name"].as_str()).collect();
        let expected = [
            "create_ticket",
            "get_ticket",
            "list_agents",
            "search_tickets",
            "tag_ticket",
            "untag_ticket",
            "update_ticket",
        ];
        assert_eq!(names, expected);
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
        assert_eq!(host.post("weak", &[], &list).await.json()["result"]["tools"], json!([]));
        let call = json!({ "name": "get_ticket", "arguments": { "ticket_id": "7" } });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call });
        for message in [&list, &call] {
            let answer = host.post("gone", &[], message).await;
            assert_eq!(answer.status, 401);
            assert_eq!(
                answer.headers.get("www-authenticate").map(|it| it.as_bytes()),
                Some(&b"Bearer realm=\"inboxops\""[..])
            );
        }
        let refused = host.post("weak", &[], &call).await;
        let result = refused.json()["result"].take();
        assert_eq!((refused.status, &result["isError"]), (200, &json!(true)));
        let error = &result["structuredContent"]["error"];
        assert_eq!(
            (&error["code"], &error["details"][0]["allowed"]),
            (&json!("insufficient_scope"), &json!(["tickets:read"]))
        );
        assert_eq!(error["request_id"], "req_1");
        assert!(refused.headers.contains_key("ratelimit"));
    }
}

#[tokio::test]
async fn a_tool_answers_as_rest_does() {
    let setup = setup().await;
    for services in [&setup.direct, &setup.remote] {
        let (host, rest) = (Host::new(services), Client::new(services));
        for id in [json!("7"), json!(7)] {
            let result = host.call("get_ticket", json!({ "ticket_id": id })).await;
            let rest = rest.get("/api/v1/tickets/7").await.json();
            assert_eq!(result["structuredContent"]["data"], rest["data"]);
            assert_eq!(
                result["structuredContent"]["untrusted"]["members"],
                json!(["data.subject", "data.requester.name", "data.requester.email"])
            );
            let text = result["content"][0]["text"].as_str().unwrap_or_default();
            assert!(text.contains("ticket_number: 7") && text.contains("subject: ⟦7⟧"), "{text}");
        }
        let result =
            host.call("update_ticket", json!({ "ticket_id": "1", "assignee_id": null, "status": "open" })).await;
        assert_eq!(result["structuredContent"]["data"]["subject"], "status,assignee_id", "the mask of what was given");
        let done = host.call("untag_ticket", json!({ "ticket_id": "1", "tag_id": "2" })).await;
        assert_eq!((&done["isError"], &done["content"][0]["text"]), (&json!(false), &json!("Done.")));
    }
}

#[tokio::test]
async fn arguments_are_read_and_refused_as_those_of_rest() {
    let host = Host::new(&setup().await.direct);
    let cases = [
        ("get_ticket", json!({}), "invalid_parameter: ticket_id required"),
        ("get_ticket", json!({ "ticket_id": true }), "invalid_parameter: ticket_id invalid_type"),
        ("get_ticket", json!({ "ticket_id": " " }), "invalid_parameter: ticket_id blank"),
        ("get_ticket", json!({ "ticket_id": "x" }), "ticket_not_found:"),
        ("get_ticket", json!([]), "invalid_request:  invalid_type"),
        ("search_tickets", json!({ "nonsense": 1 }), "unknown_parameter: nonsense unknown_field"),
        ("search_tickets", json!({ "page": 2 }), "unknown_parameter: page unknown_field"),
        ("search_tickets", json!({ "status": "open" }), "invalid_parameter: status invalid_type"),
        ("search_tickets", json!({ "status": ["new"], "q": "" }), "invalid_parameter: status[0] invalid_enum; q blank"),
        ("search_tickets", json!({ "cursor": "page two" }), "invalid_cursor:"),
        ("create_ticket", json!({ "subject": "a" }), "validation_failed: inbox_id required"),
        ("create_ticket", json!({ "subject": 7 }), "invalid_request: subject invalid_type"),
        ("update_ticket", json!({ "status": "new" }), "validation_failed: status invalid_enum; ticket_id required"),
    ];
    for (tool, arguments, expected) in cases {
        let result = host.call(tool, arguments.clone()).await;
        let error = &result["structuredContent"]["error"];
        let details = error["details"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut found: Vec<String> =
            details.map(|it| format!(" {} {}", text(&it["field"]), text(&it["code"]))).collect();
        found.sort();
        let outline = format!("{}:{}", text(&error["code"]), found.join(";"));
        let (code, wanted) = expected.split_once(':').unwrap_or_default();
        let mut wanted: Vec<&str> = wanted.split(';').collect();
        wanted.sort_unstable();
        assert_eq!(outline, format!("{code}:{}", wanted.join(";")), "{tool} {arguments}");
        assert_eq!(result["isError"], true);
        assert!(result["content"][0]["text"].as_str().is_some_and(|text| text.starts_with(code)), "{result}");
    }
    // The remote services end with their server.
    let setup = setup().await;
    let host = Host::new(&setup.remote);
    let result = host.call("search_tickets", json!({ "status": ["open"], "status ": 1 })).await;
    assert_eq!(result["structuredContent"]["error"]["code"], "unknown_parameter", "over gRPC as well");
}

#[tokio::test]
async fn a_list_is_small_and_its_cursor_leads_to_the_rest() {
    let setup = setup().await;
    let host = Host::new(&setup.direct);
    let long = "ü".repeat(255);
    let numbered = |n: u32| {
        let id = format!("019ab5f0-0000-7000-8000-0000{n:08x}");
        v1::Ticket { id, ticket_number: n, ..ticket(long.clone()) }
    };
    let tickets: Vec<v1::Ticket> = (0..25).map(numbered).collect();
    *setup.services.tickets.lock().expect("no panic") = tickets;
    let (mut seen, mut cursor) = (Vec::new(), Value::Null);
    let mut answers = 0;
    loop {
        let mut arguments = json!({ "status": ["open", "pending"] });
        if let Some(cursor) = cursor.as_str() {
            arguments["cursor"] = cursor.into();
        }
        let result = host.call("search_tickets", arguments).await;
        answers += 1;
        assert!(result.to_string().len() <= RESULT_MAX_BYTES);
        let data = result["structuredContent"]["data"].as_array().expect("a list").clone();
        assert!(data.len() <= ITEMS_MAX as usize);
        seen.extend(data.iter().filter_map(|ticket| ticket["ticket_number"].as_u64()));
        assert_eq!(result["structuredContent"]["meta"]["total"], 26 - answers);
        let asked = setup.services.listed.lock().expect("no panic").clone().expect("a request");
        assert_eq!((asked.per_page, asked.status.len()), (Some(25), 2));
        cursor = result["structuredContent"]["meta"]["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
        // It belongs to its filters.
        for other in [json!({}), json!({ "status": ["open"] }), json!({ "status": ["open", "pending"], "q": "x" })] {
            let mut arguments = other;
            arguments["cursor"] = cursor.clone();
            let refused = host.call("search_tickets", arguments).await;
            assert_eq!(refused["structuredContent"]["error"]["code"], "invalid_cursor");
        }
        // One that was shown leaves the list.
        setup.services.tickets.lock().expect("no panic").remove(0);
    }
    assert_eq!(seen, (0..25).collect::<Vec<u64>>());
    assert!(answers > 1, "they do not fit into one answer");
}

#[tokio::test]
async fn lines_are_messages_too() {
    let server = Server::new(setup().await.direct);
    let caller = |key: &'static str| Caller::with(MetadataValue::from_static(key));
    let good = caller("Bearer good");
    let line = async |text: &str| server.line(&good, text.as_bytes()).await;
    let answer =
        line(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#).await;
    assert!(answer.is_some_and(|answer| answer.contains("\"2025-06-18\"") && !answer.contains('\n')));
    assert_eq!(line(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await, None);
    let meta = format!("{{\"_meta\":{{\"io.modelcontextprotocol/protocolVersion\":\"{NEW}\"}}}}");
    let answer =
        line(&format!("{{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"server/discover\",\"params\":{meta}}}")).await;
    assert!(answer.is_some_and(|answer| answer.contains("supportedVersions")));
    assert!(line("{").await.is_some_and(|answer| answer.contains("-32700")));
    let refused = server.line(&caller("Bearer gone"), br#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#).await;
    let refused: Value = serde_json::from_str(&refused.unwrap_or_default()).expect("JSON");
    assert_eq!((&refused["id"], &refused["error"]["data"]["error"]["code"]), (&json!(3), &json!("missing_api_key")));
}

#[tokio::test]
async fn every_tool_has_a_schema_without_references_and_says_what_it_does() {
    let host = Host::new(&setup().await.direct);
    let listed = host.ask("tools/list", json!({})).await.json()["result"]["tools"].take();
    for tool in listed.as_array().into_iter().flatten() {
        let schema = &tool["inputSchema"];
        assert_eq!((&schema["type"], &schema["additionalProperties"]), (&json!("object"), &json!(false)), "{tool}");
        assert!(!schema.to_string().contains("$ref"), "{tool}");
        assert!(tool["description"].as_str().is_some_and(|text| text.ends_with('.')), "{tool}");
        let reads = tool["name"]
            .as_str()
            .is_some_and(|name| ["get", "list", "search"].contains(&name.split('_').next().unwrap_or_default()));
        assert_eq!(tool["annotations"]["readOnlyHint"], reads, "{tool}");
        assert!(!reads || tool["annotations"]["destructiveHint"] == false, "{tool}");
    }
    let update =
        listed.as_array().into_iter().flatten().find(|tool| tool["name"] == "update_ticket").expect("it is there");
    let properties = &update["inputSchema"]["properties"];
    assert_eq!(properties["status"]["enum"], json!(["open", "pending", "solved", "closed"]));
    assert_eq!(
        (&properties["subject"]["maxLength"], &properties["assignee_id"]["type"]),
        (&json!(255), &json!(["string", "null"]))
    );
    assert_eq!(update["inputSchema"]["required"], json!(["ticket_id"]));
    assert_eq!(update["annotations"]["destructiveHint"], true);
}

#[tokio::test]
async fn another_path_is_none_of_it() {
    let services = setup().await;
    let host = Host::new(&services.direct);
    let request = Request::post("/mcp/").body(Body::empty()).expect("a request");
    let answer = host.0.clone().oneshot(request).await.expect("infallible");
    assert_eq!(answer.status(), StatusCode::from_u16(404).expect("a status"));
}
