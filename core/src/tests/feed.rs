//! The feed of events through the gate: in the order of commits, by cursor and as a stream, nothing skipped and nothing
//! twice under concurrent writes.

mod followers;

use crate::tests::support::{
    Came as _, Client, PATIENCE, TestCore, TestTenant, new_ticket, on_both, until, violations,
};
use futures_util::StreamExt as _;
use inboxops_proto::{
    failure::Failure,
    gate::BoxStream,
    reason::Reason,
    v1::{self, StreamSignal},
};
use serde_json::Value;
use sqlx::Connection as _;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

const WRITERS: usize = 64;
const TICKETS_EACH: usize = 6;

async fn try_page(
    core: &TestCore,
    by: &Client,
    after: Option<&str>,
    types: &[&str],
    limit: u32,
) -> Result<Page, Reason> {
    let request = v1::ListEventsRequest {
        after: after.map(str::to_owned),
        types: types.iter().map(|it| (*it).to_owned()).collect(),
        limit: Some(limit),
    };
    let answer = core.events().list_events(by.ask(request)).await.map_err(|status| Failure::of(&status).reason)?;
    let answer = answer.into_inner();
    let meta = answer.meta.expect("a meta");
    Ok(Page { bodies: answer.events, more: meta.has_more, next: meta.next_cursor })
}

async fn page(core: &TestCore, by: &Client, after: Option<&str>, types: &[&str], limit: u32) -> Page {
    try_page(core, by, after, types, limit).await.expect("a page")
}

struct Page {
    bodies: Vec<String>,
    more: bool,
    next: String,
}

/// All events after a place, page by page.
async fn walk(core: &TestCore, by: &Client, after: Option<&str>, types: &[&str], limit: u32) -> (Vec<String>, String) {
    let (mut all, mut after) = (Vec::new(), after.map(str::to_owned));
    loop {
        let page = page(core, by, after.as_deref(), types, limit).await;
        all.extend(page.bodies);
        after = Some(page.next.clone());
        if !page.more {
            return (all, page.next);
        }
    }
}

/// The same once there are this many. On PostgreSQL an event is visible when no older transaction runs in the database.
async fn walked(core: &TestCore, by: &Client, after: Option<&str>, limit: u32, count: usize) -> (Vec<String>, String) {
    let look = async || {
        let found = walk(core, by, after, &[], limit).await;
        assert!(found.0.len() <= count, "{:?}", found.0);
        (found.0.len() == count).then_some(found)
    };
    until("all events", look).await
}

fn member(body: &str, name: &str) -> String {
    let event: Value = serde_json::from_str(body).expect("JSON");
    event[name].as_str().expect("text").to_owned()
}

async fn follow(core: &TestCore, by: &Client, after: Option<&str>, types: &[&str]) -> Follower {
    let request = v1::StreamEventsRequest {
        after: after.map(str::to_owned),
        types: types.iter().map(|it| (*it).to_owned()).collect(),
    };
    let stream = core.events().stream_events(by.ask(request)).await.answer();
    let mut follower = Follower { stream, cursor: String::new() };
    let first = follower.message().await;
    assert_eq!((first.signal(), first.payload.as_str()), (StreamSignal::Subscribed, ""), "said at once");
    follower
}

struct Follower {
    stream: BoxStream<v1::StreamEventsResponse>,
    cursor: String,
}

impl Follower {
    async fn message(&mut self) -> v1::StreamEventsResponse {
        let message = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("a message comes");
        let message = message.expect("the stream lives").expect("no refusal");
        self.cursor = message.cursor.clone();
        message
    }

    async fn event(&mut self) -> v1::StreamEventsResponse {
        loop {
            let message = self.message().await;
            if message.signal() == StreamSignal::News {
                return message;
            }
        }
    }
}

/// Creates tickets from many tasks at once; returns when all are created.
async fn storm(cores: &[Arc<TestCore>], tenant: &TestTenant) {
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..WRITERS {
        let (core, key, inbox) = (cores[n % cores.len()].clone(), tenant.key.clone(), tenant.inbox.clone());
        writers.spawn(async move {
            for m in 0..TICKETS_EACH {
                let made = key.ask(new_ticket(&inbox, &format!("Order {n} {m}")));
                core.tickets().create_ticket(made).await.answer();
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.expect("a writer ends well");
    }
}

/// A reader that polls and one that streams, while many tasks write through these cores.
async fn none_is_skipped_and_none_comes_twice(cores: Vec<Arc<TestCore>>, tenant: TestTenant) {
    let (reader, by) = (cores[cores.len() - 1].clone(), tenant.key.clone());
    let begin = page(&reader, &by, None, &[], 1).await.next;
    let mut follower = follow(&reader, &by, Some(&begin), &[]).await;
    let all = WRITERS * TICKETS_EACH;
    let polling = async {
        let (mut seen, mut after) = (Vec::new(), begin.clone());
        while seen.len() < all {
            let page = page(&reader, &by, Some(&after), &[], 7).await;
            seen.extend(page.bodies.iter().map(|body| member(body, "event_id")));
            after = page.next;
        }
        (seen, after)
    };
    let streaming = async {
        let mut seen = Vec::new();
        while seen.len() < all {
            seen.push(member(&follower.event().await.payload, "event_id"));
        }
        seen
    };
    let both = async { tokio::join!(polling, streaming, storm(&cores, &tenant)) };
    let ((polled, after), streamed, ()) =
        tokio::time::timeout(Duration::from_secs(60), both).await.expect("every event is seen");
    assert_eq!(polled.iter().collect::<BTreeSet<_>>().len(), all, "nothing twice");
    assert_eq!(streamed, polled, "one order for all");
    let rest = page(&reader, &by, Some(&after), &[], 100).await;
    assert_eq!((rest.bodies.len(), rest.more), (0, false), "nothing more than was written");
    let (whole, _) = walk(&reader, &by, Some(&begin), &[], 100).await;
    assert_eq!(whole.iter().map(|body| member(body, "event_id")).collect::<Vec<_>>(), polled);
}

async fn events_are_listed_as_they_were_posted(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let begin = page(&core, &tenant.key, None, &[], 10).await;
    assert_eq!((begin.bodies.len(), begin.more), (0, false));
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    let ticket = core.ticket(&tenant, "Hello").await;
    let changes = v1::TicketChanges { status: Some(v1::TicketStatus::Closed.into()), ..Default::default() };
    core.changed(&tenant.key, &ticket.id, changes).await;
    core.ticket(&other, "Theirs").await;
    let test = v1::SendTestEventRequest {
        endpoint_id: endpoint.clone(),
        event: Some("ticket.created".to_owned()),
        data: None,
    };
    core.webhooks().send_test_event(tenant.key.ask(test)).await.answer();
    let posted: Vec<String> =
        core.bodies(&tenant.key, &endpoint).await.into_iter().filter(|body| !body.contains("\"test\":true")).collect();
    assert_eq!(posted.len(), 4);
    let (listed, next) = walked(&core, &tenant.key, None, 3, 4).await;
    assert_eq!(listed, posted, "byte for byte, without the test and without other tenants'");
    assert_eq!(walk(&core, &tenant.key, Some(&begin.next), &[], 1).await.0, posted);
    assert_eq!(walk(&core, &tenant.key, Some(&next), &[], 100).await.0, Vec::<String>::new());
    let names = async |types: &[&str]| -> Vec<String> {
        let (bodies, _) = walk(&core, &tenant.key, None, types, 2).await;
        bodies.iter().map(|body| member(body, "event")).collect()
    };
    assert_eq!(names(&["ticket.closed", "ticket.created"]).await, ["ticket.created", "ticket.closed"]);
    assert_eq!(names(&["ticket.*"]).await.len(), 4);
    assert_eq!(names(&["message.*"]).await.len(), 0);
    assert_eq!(try_page(&core, &tenant.key, None, &["ticket.*", "x"], 2).await.err(), Some(Reason::InvalidParameter));
}

async fn a_cursor_that_is_too_old_or_of_no_list_is_refused(core: TestCore) {
    let tenant = core.tenant().await;
    let begin = page(&core, &tenant.key, None, &[], 10).await.next;
    core.ticket(&tenant, "Hello").await;
    for odd in ["x", "d1-0-0-0", "e1-0-0", "e1-0-0-0-0"] {
        assert_eq!(try_page(&core, &tenant.key, Some(odd), &[], 1).await.err(), Some(Reason::InvalidCursor), "{odd}");
    }
    core.clock.advance(Duration::from_secs(29 * 24 * 3600));
    let (_, fresh) = walked(&core, &tenant.key, Some(&begin), 10, 1).await;
    core.clock.advance(Duration::from_secs(2 * 24 * 3600));
    assert_eq!(try_page(&core, &tenant.key, Some(&begin), &[], 1).await.err(), Some(Reason::CursorExpired));
    assert!(page(&core, &tenant.key, Some(&fresh), &[], 10).await.bodies.is_empty(), "who reads on stays fresh");
    let stream = v1::StreamEventsRequest { after: Some(begin), types: Vec::new() };
    let refused = core.events().stream_events(tenant.key.ask(stream)).await.map(|_| ()).expect_err("refused");
    assert_eq!(Failure::of(&refused).reason, Reason::CursorExpired);
}

async fn a_cursor_is_good_for_the_history_that_it_was_made_in(core: TestCore) {
    let tenant = core.tenant().await;
    core.ticket(&tenant, "Kept").await;
    let (_, before) = walked(&core, &tenant.key, None, 10, 1).await;
    // Here a backup is taken; then one event happens.
    core.ticket(&tenant, "Lost").await;
    let (_, after) = walked(&core, &tenant.key, None, 10, 2).await;
    let id = if core.postgres.is_some() { "gen_random_uuid()" } else { "randomblob(16)" };
    // What the start of a restored database does, which has one event less.
    core.run_sql(&format!(
        "INSERT INTO histories (ordinal, id, origin, began_after, began_at) SELECT MAX(ordinal) + 1, {id}, MAX(origin), \
         (SELECT MAX(seq) FROM events) - 1, 0 FROM histories"
    ))
    .await;
    let core = core.again(|_| {}).await;
    walked(&core, &tenant.key, Some(&before), 10, 1).await;
    let refused = async |core: &TestCore| {
        let request = v1::ListEventsRequest { after: Some(after.clone()), types: Vec::new(), limit: None };
        let failure = core.events().list_events(tenant.key.ask(request)).await.refusal();
        assert_eq!((failure.reason, violations(&failure)), (Reason::CursorExpired, vec![("after", "other_history")]));
    };
    refused(&core).await;
    for n in 0..4 {
        core.ticket(&tenant, &format!("Another {n}")).await;
    }
    refused(&core).await;
    let stream = v1::StreamEventsRequest { after: Some(after.clone()), types: Vec::new() };
    let answer = core.events().stream_events(tenant.key.ask(stream)).await.map(|_| ()).expect_err("refused");
    assert_eq!(violations(&Failure::of(&answer)), [("after", "other_history")]);
    // The form of earlier releases has no history.
    let place: Vec<&str> = before.split('-').skip(3).collect();
    walked(&core, &tenant.key, Some(&format!("e1-{}", place.join("-"))), 10, 5).await;
    let (_, now) = walked(&core, &tenant.key, Some(&before), 10, 5).await;
    assert!(page(&core, &tenant.key, Some(&now), &[], 10).await.bodies.is_empty());
}

async fn a_stream_goes_on_where_its_cursor_says(mut core: TestCore) {
    core.run();
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    core.ticket(&tenant, "Before").await;
    walked(&core, &tenant.key, None, 10, 1).await;
    let mut first = follow(&core, &tenant.key, None, &[]).await;
    let subscribed = first.cursor.clone();
    core.ticket(&other, "Theirs").await;
    core.ticket(&tenant, "One").await;
    let began = std::time::Instant::now();
    let event = first.event().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!((event.event.as_str(), event.payload.contains("\"One\"")), ("ticket.created", true));
    let after_one = first.cursor.clone();
    drop(first);
    core.ticket(&tenant, "Two").await;
    core.ticket(&tenant, "Three").await;
    let mut again = follow(&core, &tenant.key, Some(&after_one), &[]).await;
    for subject in ["\"Two\"", "\"Three\""] {
        assert!(again.event().await.payload.contains(subject), "{subject}");
    }
    let mut from_start = follow(&core, &tenant.key, Some(&subscribed), &["ticket.created"]).await;
    for subject in ["\"One\"", "\"Two\"", "\"Three\""] {
        assert!(from_start.event().await.payload.contains(subject), "{subject}");
    }
}

async fn a_reader_may_begin_at_the_newest_place(mut core: TestCore) {
    core.run();
    let tenant = core.tenant().await;
    core.ticket(&tenant, "Before").await;
    walked(&core, &tenant.key, None, 10, 1).await;
    let latest = page(&core, &tenant.key, Some("latest"), &[], 10).await;
    assert_eq!((latest.bodies.len(), latest.more), (0, false));
    let mut follower = follow(&core, &tenant.key, Some("latest"), &[]).await;
    core.ticket(&tenant, "After").await;
    let (found, _) = walked(&core, &tenant.key, Some(&latest.next), 10, 1).await;
    assert!(found[0].contains("\"After\""), "{}", found[0]);
    assert_eq!(follower.event().await.payload, found[0]);
}

async fn sixty_four_writers_against_the_cursor(mut core: TestCore) {
    core.run();
    let tenant = core.tenant().await;
    none_is_skipped_and_none_comes_twice(vec![Arc::new(core)], tenant).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_writers_through_two_cores_against_the_cursor() {
    let mut core = TestCore::postgres().await;
    core.run();
    let mut beside = core.beside().await;
    beside.run();
    let tenant = core.tenant().await;
    none_is_skipped_and_none_comes_twice(vec![Arc::new(core), Arc::new(beside)], tenant).await;
}

/// The later number commits first: a reader must not pass the one that is still to come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_commits_late_is_not_skipped() {
    let core = TestCore::postgres().await;
    let tenant = core.tenant().await;
    let begin = page(&core, &tenant.key, None, &[], 10).await.next;
    let url = &core.postgres.as_ref().expect("PostgreSQL").url;
    let mut slow = sqlx::PgConnection::connect(url).await.expect("a connection");
    let mut late = slow.begin().await.expect("a transaction");
    let insert = format!(
        "INSERT INTO events (id, tenant_id, kind, group_id, test, created_at, body) VALUES (gen_random_uuid(), '{}', 0, \
         gen_random_uuid(), FALSE, 1, '{{\"event_id\":\"late\"}}')",
        tenant.id
    );
    sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *late).await.expect("inserted");
    core.ticket(&tenant, "Committed first").await;
    let before = page(&core, &tenant.key, Some(&begin), &[], 10).await;
    assert_eq!(before.bodies.len(), 0, "the ticket waits for the older transaction");
    late.commit().await.expect("committed");
    let (after, _) = walked(&core, &tenant.key, Some(&before.next), 10, 2).await;
    let ids: Vec<_> = after.iter().map(|body| member(body, "event_id")).collect();
    assert_eq!((ids.len(), ids[0].as_str()), (2, "late"));
}

on_both!(TestCore:
    events_are_listed_as_they_were_posted,
    a_cursor_that_is_too_old_or_of_no_list_is_refused,
    a_cursor_is_good_for_the_history_that_it_was_made_in,
    a_stream_goes_on_where_its_cursor_says,
    a_reader_may_begin_at_the_newest_place,
    sixty_four_writers_against_the_cursor,
);
