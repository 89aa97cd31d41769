//! What the client sends, repeats and goes on with, against a server that answers what it is told to.

use inboxops_client::{
    Client, Error, EventsOptions, ExportLine, ExportOptions, Kind, Transport,
    api::{CreateTicketRequest, ListTicketsQuery},
};
use serde_json::json;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A request that came.
#[derive(Clone, Debug)]
struct Seen {
    line: String,
    headers: HashMap<String, String>,
    body: String,
}

struct Server {
    url: String,
    client: Client,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers one connection after the other, and closes each. An empty answer is a broken connection, and behind the
    /// last one there is silence.
    async fn start(answers: impl IntoIterator<Item = String>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut answers: VecDeque<String> = answers.into_iter().collect();
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read(&mut stream).await;
                all.lock().unwrap().push(request);
                match answers.pop_front() {
                    Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                    None => silent.push(stream),
                }
            }
        });
        let client = Client::builder(&url, "ixk_test").timeout(Duration::from_secs(5)).build().unwrap();
        Server { url, client, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

async fn read(stream: &mut TcpStream) -> Seen {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let line = lines.next().unwrap().to_owned();
            let headers: HashMap<String, String> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Seen { line, headers, body: body.to_owned() };
            }
        }
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the request is cut");
        bytes.extend_from_slice(&buffer[..count]);
    }
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} Said\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

/// An answer that ends with its connection.
fn stream(kind: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {kind}\r\n\r\n{body}")
}

fn failure(status: u16, code: &str, headers: &str) -> String {
    let error = json!({ "error": {
        "code": code, "message": "No.", "request_id": "r-1", "doc_url": "/docs",
        "details": [{ "location": "body", "field": "subject", "code": "blank", "message": "must not be blank" }],
    } });
    answer(status, headers, &error.to_string())
}

fn ticket() -> String {
    answer(201, "", &json!({ "data": { "id": "t-1", "status": "open", "version": 1 } }).to_string())
}

fn order() -> CreateTicketRequest {
    CreateTicketRequest { subject: "Broken lamp".into(), inbox_id: "i-1".into(), ..Default::default() }
}

#[tokio::test]
async fn all_attempts_of_a_write_have_one_key_and_one_body() {
    let busy = failure(503, "overloaded", "Retry-After: 0\r\n");
    let server = Server::start([String::new(), busy, ticket()]).await;
    let made = server.client.tickets().create(&order()).await.unwrap();
    assert_eq!((made.id.as_str(), made.version), ("t-1", 1));
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    for one in &seen {
        assert_eq!(one.line, "POST /api/v1/tickets HTTP/1.1");
        assert_eq!(one.headers["authorization"], "Bearer ixk_test");
        assert_eq!(one.headers["idempotency-key"], seen[0].headers["idempotency-key"]);
        assert_eq!(one.headers["idempotency-key"].len(), 32);
        assert_eq!(one.body, r#"{"subject":"Broken lamp","inbox_id":"i-1"}"#);
    }
}

#[tokio::test]
async fn a_key_and_a_version_of_the_caller_are_sent() {
    let server = Server::start([ticket(), ticket()]).await;
    server.client.idempotency_key("import-7").tickets().create(&order()).await.unwrap();
    server.client.if_version(3).tickets().update(7, &Default::default()).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].headers["idempotency-key"], "import-7");
    assert_eq!(seen[1].line, "PATCH /api/v1/tickets/7 HTTP/1.1");
    assert_eq!(seen[1].headers["if-match"], "\"3\"");
    assert_ne!(seen[1].headers["idempotency-key"], "import-7");
}

#[tokio::test]
async fn a_final_failure_has_all_that_the_answer_says() {
    let server = Server::start([failure(422, "validation_failed", "")]).await;
    let error = server.client.tickets().create(&order()).await.unwrap_err();
    assert_eq!((error.status(), error.code(), error.request_id()), (Some(422), "validation_failed", Some("r-1")));
    assert_eq!((error.details()[0].field.as_str(), error.details()[0].code.as_str()), ("subject", "blank"));
    assert_eq!(error.to_string(), "No. (HTTP 422, validation_failed)");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_long_retry_after_ends_it() {
    let server = Server::start([failure(429, "rate_limited", "Retry-After: 121\r\n")]).await;
    let error = server.client.me().await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(121)));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_attempt_of_ours_that_still_runs_is_waited_for() {
    let running = || failure(409, "idempotency_in_progress", "Retry-After: 0\r\n");
    let server = Server::start([String::new(), running(), ticket()]).await;
    assert_eq!(server.client.tickets().create(&order()).await.unwrap().id, "t-1");
    let server = Server::start([running()]).await;
    let error = server.client.tickets().create(&order()).await.unwrap_err();
    assert_eq!(error.code(), "idempotency_in_progress");
}

#[tokio::test]
async fn silence_ends_with_the_time_of_an_attempt() {
    let server = Server::start([]).await;
    let client = server.client.with(inboxops_client::CallOptions {
        timeout: Some(Duration::from_millis(50)),
        max_retries: Some(1),
        ..Default::default()
    });
    let error = client.me().await.unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    assert_eq!((error.status(), error.code(), server.seen().len()), (None, "request_timeout", 2));
}

#[tokio::test]
async fn what_is_no_json_or_a_redirect_is_unexpected() {
    let server = Server::start([answer(200, "", "<html>"), answer(302, "Location: /other\r\n", "")]).await;
    for status in [200, 302] {
        let error = server.client.me().await.unwrap_err();
        assert_eq!((error.status(), error.code()), (Some(status), "unexpected_answer"));
    }
    assert_eq!(server.seen().len(), 2);
}

fn page(ids: &[&str], meta: serde_json::Value) -> String {
    let data: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
    answer(200, "", &json!({ "data": data, "meta": meta }).to_string())
}

#[tokio::test]
async fn a_list_goes_on_by_cursor_and_by_number_if_asked_for() {
    let query = ListTicketsQuery { q: Some("a b".into()), ..Default::default() };
    let server = Server::start([
        page(&["1", "2"], json!({ "page": 1, "has_more": true, "next_cursor": "c/1" })),
        page(&[], json!({ "page": null, "has_more": true, "next_cursor": "c2" })),
        page(&["3"], json!({ "page": null, "has_more": false, "next_cursor": null })),
    ])
    .await;
    let mut list = server.client.tickets().list(&query);
    let mut ids = Vec::new();
    while let Some(ticket) = list.try_next().await.unwrap() {
        ids.push(ticket.id);
    }
    assert_eq!(ids, ["1", "2", "3"]);
    assert_eq!(list.try_next().await.unwrap(), None);
    let lines = server.lines();
    assert_eq!(lines[0], "GET /api/v1/tickets?q=a%20b HTTP/1.1");
    assert_eq!(lines[1], "GET /api/v1/tickets?q=a%20b&cursor=c%2F1 HTTP/1.1");
    assert_eq!(lines[2], "GET /api/v1/tickets?q=a%20b&cursor=c2 HTTP/1.1");

    let server = Server::start([
        page(&["1"], json!({ "page": 1, "has_more": true, "next_cursor": "c1" })),
        page(&["2"], json!({ "page": 2, "has_more": false, "next_cursor": null })),
    ])
    .await;
    let query = ListTicketsQuery { page: Some(1), ..Default::default() };
    assert_eq!(server.client.tickets().list(&query).all(10).await.unwrap().len(), 2);
    assert_eq!(server.lines()[1], "GET /api/v1/tickets?page=2 HTTP/1.1");
}

#[tokio::test]
async fn a_list_that_is_too_long_is_an_error() {
    let meta = json!({ "page": 1, "has_more": true, "next_cursor": "c" });
    let server = Server::start([page(&["1", "2"], meta)]).await;
    let error = server.client.tickets().list(&Default::default()).all(1).await.unwrap_err();
    assert!(matches!(error, Error::TooMany(1)), "{error:?}");
}

fn event(id: &str) -> String {
    json!({ "event": "ticket.created", "event_id": id, "data": {} }).to_string()
}

#[tokio::test]
async fn a_stream_goes_on_behind_what_came() {
    let kind = "text/event-stream";
    let server = Server::start([
        stream(kind, &format!(": hi\n\nid: e1-1\ndata: {}\n\n: e1-2\nid: e1-3\ndata: {{", event("a"))),
        failure(503, "overloaded", "Retry-After: 0\r\n"),
        stream(kind, &format!("id: e1-4\ndata: {}\n\n", event("b"))),
    ])
    .await;
    let options = EventsOptions { after: Some("e1-0".into()), types: vec!["ticket.*".into()], ..Default::default() };
    let mut events = server.client.events(options);
    for (id, cursor) in [("a", "e1-1"), ("b", "e1-4")] {
        let received = events.next().await.unwrap();
        assert_eq!((received.event.event_id.as_str(), received.cursor.as_str()), (id, cursor));
    }
    let seen = server.seen();
    let places: Vec<&str> = seen.iter().map(|one| one.headers["last-event-id"].as_str()).collect();
    assert_eq!(places, ["e1-0", "e1-2", "e1-2"]);
    assert_eq!(seen[0].line, "GET /api/v1/events?types=ticket.%2A HTTP/1.1");
    assert_eq!(seen[0].headers["accept"], kind);
}

#[tokio::test]
async fn a_cursor_that_is_too_old_ends_the_events() {
    let server = Server::start([failure(410, "cursor_expired", "")]).await;
    let mut events = server.client.events(EventsOptions { after: Some("e1-0".into()), ..Default::default() });
    assert_eq!(events.next().await.unwrap_err().code(), "cursor_expired");
}

#[tokio::test]
async fn events_begin_with_what_happens_from_now_on_and_are_polled_page_by_page() {
    let events = |ids: &[&str], next: &str, has_more: bool| {
        let data: Vec<_> = ids.iter().map(|id| json!({ "event_id": id, "data": {} })).collect();
        answer(200, "", &json!({ "data": data, "meta": { "has_more": has_more, "next_cursor": next } }).to_string())
    };
    let server = Server::start([
        events(&[], "e1-0", false),
        events(&["a", "b"], "e1-2", true),
        events(&[], "e1-2", false),
        events(&["c"], "e1-3", false),
    ])
    .await;
    let poll = Some(Duration::from_millis(1));
    let mut events = server.client.events(EventsOptions { transport: Transport::Poll, poll, ..Default::default() });
    for (id, cursor) in [("a", "e1-0"), ("b", "e1-2"), ("c", "e1-3")] {
        let received = events.next().await.unwrap();
        assert_eq!((received.event.event_id.as_str(), received.cursor.as_str()), (id, cursor));
    }
    let lines = server.lines();
    assert_eq!(lines[0], "GET /api/v1/events?after=latest HTTP/1.1");
    assert_eq!(lines[3], "GET /api/v1/events?after=e1-2&limit=100 HTTP/1.1");
}

#[tokio::test]
async fn an_export_goes_on_behind_its_last_line() {
    let kind = "application/x-ndjson";
    let tag = |id: &str| json!({ "type": "tag", "data": { "id": id }, "cursor": format!("x{id}") }).to_string();
    let end = json!({ "type": "end", "events_cursor": "e1-9", "count": 1 });
    let server = Server::start([
        stream(kind, &format!("{}\n{{\"type\":\"ta", tag("1"))),
        failure(409, "export_in_progress", "Retry-After: 0\r\n"),
        stream(kind, &format!("{}\n{{\"type\":\"moon\",\"data\":1,\"cursor\":\"x3\"}}\n{end}\n", tag("2"))),
    ])
    .await;
    let mut export = server.client.export(ExportOptions { types: Some(vec![Kind::Tags]), after: None });
    let mut ids = Vec::new();
    let count = loop {
        match export.try_next().await.unwrap().expect("the end comes first") {
            ExportLine::Resource { resource, cursor } => ids.push(format!("{} {cursor}", resource.id())),
            ExportLine::End { events_cursor, count } => {
                assert_eq!(events_cursor, "e1-9");
                break count;
            }
        }
    };
    assert_eq!((ids, count), (vec!["1 x1".to_owned(), "2 x2".to_owned()], 1));
    assert_eq!(export.try_next().await.unwrap(), None);
    assert_eq!(server.lines()[2], "GET /api/v1/export?types=tags&after=x1 HTTP/1.1");
}

#[tokio::test]
async fn an_export_that_never_gets_on_fails() {
    let server = Server::start((0..3).map(|_| stream("application/x-ndjson", ""))).await;
    let client = Client::builder(server.url, "ixk_test").max_retries(0).build().unwrap();
    let mut export = client.export(ExportOptions::default());
    assert!(matches!(export.try_next().await.unwrap_err(), Error::ExportIncomplete));
}
