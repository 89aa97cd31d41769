//! Exports through the gate: what they show and to whom, one at a time for each tenant, and what ends them.

mod ends;
mod mirror;

use crate::tests::support::{Came as _, Client, TestCore, TestTenant, on_both, until, violations};
use futures_util::StreamExt as _;
use inboxops_proto::{
    failure::Failure,
    gate::BoxStream,
    internal::v1 as internal,
    reason::{DetailCode, Reason},
    v1::{self, ExportType},
};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

type Stream = BoxStream<v1::ExportResponse>;

fn asked(types: &[&str], after: Option<&str>) -> v1::ExportRequest {
    v1::ExportRequest { types: types.iter().map(|name| (*name).to_owned()).collect(), after: after.map(str::to_owned) }
}

async fn begin(core: &TestCore, by: &Client, types: &[&str], after: Option<&str>) -> Result<Stream, Failure> {
    let answer = core.exports().export(by.ask(asked(types, after))).await;
    answer.map(|response| response.into_inner()).map_err(|status| Failure::of(&status))
}

/// The lines of an answer, and its end.
struct Whole {
    lines: Vec<v1::ExportResponse>,
    end: v1::ExportResponse,
}

async fn taken(mut stream: Stream) -> Whole {
    let mut lines = Vec::new();
    loop {
        let line = stream.next().await.expect("it has an end").expect("it does not fail");
        if line.r#type() == ExportType::End {
            assert!(stream.next().await.is_none(), "the end is the last line");
            assert_eq!(line.count.expect("a count") as usize, lines.len());
            return Whole { lines, end: line };
        }
        assert!(line.cursor.as_ref().is_some_and(|cursor| cursor.len() <= 200));
        lines.push(line);
    }
}

async fn whole(core: &TestCore, by: &Client, types: &[&str], after: Option<&str>) -> Whole {
    taken(begin(core, by, types, after).await.expect("it begins")).await
}

/// Type and resource of a line, as REST has them.
fn shown(line: &v1::ExportResponse) -> (String, Value) {
    let mut line = serde_json::to_value(line).expect("JSON");
    (line["type"].as_str().expect("a type").to_owned(), line["data"].take())
}

fn of_type(whole: &Whole, name: &str) -> Vec<Value> {
    whole.lines.iter().map(shown).filter(|(kind, _)| kind == name).map(|(_, data)| data).collect()
}

/// Records a reply in a ticket of the tenant.
async fn replied(core: &TestCore, tenant: &str, ticket: &str, number: usize, text: &str) {
    let reply = internal::RecordSentReplyRequest {
        tenant_id: tenant.to_owned(),
        ticket_id: ticket.to_owned(),
        provider_id: Some(format!("reply {number}")),
        body_text: Some(text.to_owned()),
        ..Default::default()
    };
    core.ingest().record_sent_reply(Client::operator().ask(reply)).await.answer();
    core.tick();
}

async fn noted(core: &TestCore, by: &Client, ticket: &str, text: &str) {
    let note = v1::CreateTicketNoteRequest {
        ticket_id: ticket.to_owned(),
        body_text: Some(text.to_owned()),
        ..Default::default()
    };
    core.messages().create_ticket_note(by.ask(note)).await.answer();
    core.tick();
}

/// A tenant with some of everything.
async fn desk(core: &TestCore) -> TestTenant {
    let tenant = core.tenant().await;
    core.agent(&tenant.id, "grace@example.com").await;
    core.inbox(&tenant.id, "Sales").await;
    for number in 0..5 {
        let ticket = core.ticket(&tenant, &format!("Order {number}")).await;
        let tag = v1::AddTicketTagRequest {
            ticket_id: ticket.id.clone(),
            tag_name: Some(format!("tag {}", number % 3)),
            ..Default::default()
        };
        core.tags().add_ticket_tag(tenant.key.ask(tag)).await.answer();
        noted(core, &tenant.key, &ticket.id, "canary: nobody outside reads this").await;
        replied(core, &tenant.id, &ticket.id, number, "It is on its way.").await;
    }
    tenant
}

/// Items as REST shows them, by id.
fn json_of<T: Serialize>(items: &[T]) -> Vec<Value> {
    by_id(items.iter().map(|item| serde_json::to_value(item).expect("JSON")).collect())
}

fn by_id(mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by_key(|item| item["id"].as_str().map(str::to_owned));
    items
}

async fn lines_are_the_resources_of_the_other_calls_and_never_a_note(core: TestCore) {
    let (tenant, other) = (desk(&core).await, desk(&core).await);
    let export = whole(&core, &tenant.key, &[], None).await;
    let text = format!("{:?}", export.lines);
    assert!(!text.contains("canary"), "a note");
    assert!(!text.contains(&other.inbox) && !text.contains(&other.id), "of another tenant");
    let key = &tenant.key;
    let inboxes = core.inboxes().list_inboxes(key.ask(Default::default())).await.answer().inboxes;
    let agents = core.agents().list_agents(key.ask(Default::default())).await.answer().agents;
    let tags = core.tags().list_tags(key.ask(Default::default())).await.answer().tags;
    let tickets = core.tickets().list_tickets(key.ask(Default::default())).await.answer().tickets;
    let mut messages = Vec::new();
    for ticket in &tickets {
        let request = v1::ListTicketMessagesRequest { ticket_id: ticket.id.clone(), ..Default::default() };
        messages.extend(core.messages().list_ticket_messages(key.ask(request)).await.answer().messages);
    }
    assert_eq!((inboxes.len(), agents.len(), tags.len(), tickets.len(), messages.len()), (2, 1, 3, 5, 5));
    for (name, expected) in [
        ("inbox", json_of(&inboxes)),
        ("agent", json_of(&agents)),
        ("tag", json_of(&tags)),
        ("ticket", json_of(&tickets)),
        ("message", json_of(&messages)),
    ] {
        assert_eq!(by_id(of_type(&export, name)), expected, "{name}");
    }
    let types: Vec<String> = export.lines.iter().map(|line| shown(line).0).collect();
    let runs: Vec<&str> = types.chunk_by(|one, other| one == other).map(|run| run[0].as_str()).collect();
    assert_eq!(runs, ["inbox", "agent", "tag", "ticket", "message"]);
    let end = serde_json::to_value(&export.end).expect("JSON");
    let cursor = export.end.events_cursor.as_deref().expect("a cursor");
    assert_eq!(end, json!({"type": "end", "events_cursor": cursor, "count": 16}));
}

async fn nothing_happened_since_an_export_of_a_quiet_workspace(core: TestCore) {
    let tenant = desk(&core).await;
    let cursor = whole(&core, &tenant.key, &[], None).await.end.events_cursor;
    let events = async || {
        let request = v1::ListEventsRequest { after: cursor.clone(), ..Default::default() };
        core.events().list_events(tenant.key.ask(request)).await.answer().events
    };
    assert_eq!(events().await, Vec::<String>::new());
    let ticket = core.ticket(&tenant, "Later").await;
    // On PostgreSQL an event is shown when no older transaction runs in the database.
    let found = until("the event", async || Some(events().await).filter(|found| !found.is_empty())).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].contains(&ticket.id));
}

async fn a_line_is_where_a_later_export_goes_on(core: TestCore) {
    let tenant = desk(&core).await;
    let first = whole(&core, &tenant.key, &[], None).await;
    for (at, line) in first.lines.iter().enumerate() {
        let rest = whole(&core, &tenant.key, &[], line.cursor.as_deref()).await;
        let data = |lines: &[v1::ExportResponse]| lines.iter().map(shown).collect::<Vec<_>>();
        assert_eq!(data(&rest.lines), data(&first.lines[at + 1..]), "after line {at}");
        assert_eq!(rest.end.events_cursor, first.end.events_cursor, "of the first part");
    }
    let named = whole(&core, &tenant.key, &["tickets", "tags"], None).await;
    let types: Vec<String> = named.lines.iter().map(|line| shown(line).0).collect();
    assert_eq!(types, [["tag"; 3].as_slice(), &["ticket"; 5]].concat());
    let cursor = named.lines[1].cursor.as_deref();
    let swapped = whole(&core, &tenant.key, &["tags", "tickets", "tags"], cursor).await;
    assert_eq!(swapped.lines.len(), 6, "the order of types does not matter");
    let refused = async |by: &Client, types: &[&str], after: Option<&str>| {
        begin(&core, by, types, after).await.map(|_| ()).expect_err("refused").reason
    };
    let other = core.tenant().await;
    assert_eq!(refused(&tenant.key, &["tickets"], cursor).await, Reason::InvalidCursor, "of other types");
    assert_eq!(refused(&other.key, &["tickets", "tags"], cursor).await, Reason::InvalidCursor, "of another tenant");
    assert_eq!(refused(&tenant.key, &[], Some("nonsense")).await, Reason::InvalidCursor);
    let events = first.end.events_cursor.as_deref();
    assert_eq!(refused(&tenant.key, &[], events).await, Reason::InvalidCursor, "of the events");
    core.clock.advance(Duration::from_secs(31 * 24 * 3600));
    assert_eq!(refused(&tenant.key, &["tickets", "tags"], cursor).await, Reason::CursorExpired);
}

async fn each_type_needs_its_scope(core: TestCore) {
    let tenant = desk(&core).await;
    let client = async |scopes: &[&str]| Client::key(&core.key(&tenant.operator, "Some", scopes).await);
    let types = async |by: &Client| {
        let mut types: Vec<String> = whole(&core, by, &[], None).await.lines.iter().map(|line| shown(line).0).collect();
        types.dedup();
        types
    };
    let table: [(&[&str], &[&str]); 3] = [
        (&["tickets:read"], &["agent", "ticket"]),
        (&["messages:read"], &["message"]),
        (&["tags:read", "inboxes:read"], &["inbox", "tag"]),
    ];
    for (scopes, expected) in table {
        let by = client(scopes).await;
        assert_eq!(types(&by).await, expected, "{scopes:?}");
        for (name, scope) in [
            ("tickets", "tickets:read"),
            ("agents", "tickets:read"),
            ("messages", "messages:read"),
            ("tags", "tags:read"),
            ("inboxes", "inboxes:read"),
        ] {
            match begin(&core, &by, &[name], None).await {
                Ok(stream) => {
                    assert!(scopes.contains(&scope), "{name} with {scopes:?}");
                    taken(stream).await;
                }
                Err(failure) => {
                    assert!(!scopes.contains(&scope), "{name} with {scopes:?}");
                    let missing = [("scope", scope.to_owned())];
                    assert_eq!((failure.reason, &failure.facts[..]), (Reason::InsufficientScope, &missing[..]));
                }
            }
        }
    }
    let useless = client(&["events:read"]).await;
    let failure = begin(&core, &useless, &[], None).await.map(|_| ()).expect_err("it may read nothing");
    assert_eq!(failure.reason, Reason::InsufficientScope);
    let unknown = begin(&core, &tenant.key, &["mails"], None).await.map(|_| ()).expect_err("there is no such type");
    assert_eq!(violations(&unknown), [("types", DetailCode::InvalidEnum.name())]);
    assert_eq!(types(&core.browser(&tenant.id, "ada@example.com", v1::Role::Agent).await).await.len(), 5);
}

async fn an_export_counts_as_one_request(core: TestCore) {
    let tenant = desk(&core).await;
    let left = |metadata: &tonic::metadata::MetadataMap| -> u32 {
        metadata.get("x-ratelimit-remaining").expect("a header").to_str().expect("ASCII").parse().expect("a number")
    };
    let answer = core.exports().export(tenant.key.ask(asked(&[], None))).await.expect("it begins");
    let before = left(answer.metadata());
    taken(answer.into_inner()).await;
    let me = core.identity().who_am_i(tenant.key.ask(v1::WhoAmIRequest {})).await.expect("an answer");
    assert_eq!(left(me.metadata()), before - 1, "whoever asks counts one, and the lines nothing");
}

async fn many_long_messages_all_come_once(core: TestCore) {
    let tenant = core.tenant().await;
    let ticket = core.ticket(&tenant, "Long").await.id;
    for number in 0..45 {
        replied(&core, &tenant.id, &ticket, number, &format!("{number} {}", "word ".repeat(12_000))).await;
    }
    let export = whole(&core, &tenant.key, &["messages"], None).await;
    let numbers: Vec<usize> = of_type(&export, "message")
        .iter()
        .map(|message| message["body_text"].as_str().and_then(|text| text.split(' ').next()).expect("a word"))
        .map(|word| word.parse().expect("a number"))
        .collect();
    assert_eq!(numbers, (0..45).collect::<Vec<_>>(), "oldest first");
}

on_both!(
    TestCore: lines_are_the_resources_of_the_other_calls_and_never_a_note,
    nothing_happened_since_an_export_of_a_quiet_workspace,
    a_line_is_where_a_later_export_goes_on,
    each_type_needs_its_scope,
    an_export_counts_as_one_request,
    many_long_messages_all_come_once,
);
