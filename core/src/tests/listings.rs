//! Lists by cursor through the gate: each list goes on where its page ended, and a cursor is good for its list,
//! filters, tenant and history alone. What `include` adds, and how large answers get.

use crate::store::{
    self, TenantScope,
    messages::{Author, AuthorKind, Message, MessageKind},
    tickets::TicketRef,
};
use crate::tests::support::{Came as _, Client, NOTHING, TestCore, TestTenant, new_endpoint, on_both, violations};
use inboxops_proto::{
    failure::Failure,
    id::{MessageId, TicketId},
    reason::Reason,
    v1::{self, PageMeta},
};
use prost::Message as _;
use serde::Serialize;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// What clients of gRPC take by default.
const MOST: usize = 4 * 1024 * 1024;

/// Walks a list by cursor from its first page; returns the ids.
async fn walked(mut page: impl AsyncFnMut(Option<String>) -> (Vec<String>, PageMeta)) -> Vec<String> {
    let (mut all, first) = page(None).await;
    assert_eq!((first.page, first.total_pages.is_some()), (Some(1), true));
    let mut cursor = first.next_cursor;
    while let Some(text) = cursor {
        assert!(text.len() <= 200, "{} characters", text.len());
        let (ids, meta) = page(Some(text)).await;
        assert_eq!((meta.page, meta.total_pages, meta.total), (None, None, first.total));
        assert_eq!(meta.has_more, meta.next_cursor.is_some());
        all.extend(ids);
        cursor = meta.next_cursor;
    }
    assert_eq!(all.len(), first.total as usize);
    all
}

async fn every_list_goes_on_by_cursor_as_by_page(core: TestCore) {
    let tenant = core.tenant().await;
    let key = &tenant.key;
    let ticket = core.ticket(&tenant, "Hello").await.id;
    // Names that are longer than a cursor, and equal at their beginning.
    let long = |n: usize| format!("{}{n}", "é".repeat(60));
    for n in 0..5 {
        core.inbox(&tenant.id, &long(n % 2)).await;
        core.agent(&tenant.id, &format!("a{n}@example.com")).await;
        core.ticket(&tenant, "Hello").await;
        let tag = v1::AddTicketTagRequest {
            ticket_id: ticket.clone(),
            tag_name: Some(if n < 2 { format!("vip {n}") } else { format!("{}{n}", "é".repeat(49)) }),
            ..Default::default()
        };
        core.tags().add_ticket_tag(key.ask(tag)).await.answer();
        core.webhooks().create_webhook_endpoint(key.ask(new_endpoint(&["*"]))).await.answer();
    }
    macro_rules! check {
        ($service:ident, $call:ident, $request:expr, $items:ident) => {
            let whole = core.$service().$call(key.ask($request)).await.answer().$items;
            let whole: Vec<String> = whole.into_iter().map(|it| it.id).collect();
            assert!(whole.len() >= 5, stringify!($call));
            for per_page in [1, 2, 4] {
                let all = walked(async |cursor| {
                    let mut request = $request;
                    (request.per_page, request.cursor) = (Some(per_page), cursor);
                    let answer = core.$service().$call(key.ask(request)).await.answer();
                    let ids: Vec<String> = answer.$items.into_iter().map(|it| it.id).collect();
                    (ids, answer.meta.expect("a meta"))
                });
                assert_eq!(all.await, whole, "{} by {per_page}", stringify!($call));
            }
        };
    }
    let of = v1::ListTicketTagsRequest { ticket_id: ticket.clone(), ..Default::default() };
    check!(tickets, list_tickets, v1::ListTicketsRequest::default(), tickets);
    check!(tags, list_tags, v1::ListTagsRequest::default(), tags);
    check!(tags, list_ticket_tags, of.clone(), tags);
    check!(inboxes, list_inboxes, v1::ListInboxesRequest::default(), inboxes);
    check!(agents, list_agents, v1::ListAgentsRequest::default(), agents);
    check!(webhooks, list_webhook_endpoints, v1::ListWebhookEndpointsRequest::default(), endpoints);
    write_messages(&core, &tenant, &ticket, 6, 10).await;
    let of = v1::ListTicketMessagesRequest { ticket_id: ticket.clone(), ..Default::default() };
    check!(messages, list_ticket_messages, of.clone(), messages);
}

type List = v1::ListTicketsRequest;

fn two(filter: List) -> List {
    List { per_page: Some(2), ..filter }
}

async fn next(core: &TestCore, by: &Client, request: List) -> String {
    let answer = core.tickets().list_tickets(by.ask(request)).await.answer();
    answer.meta.expect("a meta").next_cursor.expect("more follow")
}

async fn refused(core: &TestCore, by: &Client, request: List) -> Failure {
    core.tickets().list_tickets(by.ask(request)).await.refusal()
}

async fn a_cursor_is_good_for_its_list_alone_and_for_30_days(core: TestCore) {
    let (tenant, stranger) = (core.tenant().await, core.tenant().await);
    for tenant in [&tenant, &stranger] {
        for n in 0..4 {
            core.ticket(tenant, &format!("Order {n}")).await;
        }
    }
    let open = List { status: vec![v1::TicketStatus::Open.into()], ..List::default() };
    let cursor = next(&core, &tenant.key, two(open.clone())).await;
    let with = |filter: List| List { cursor: Some(cursor.clone()), ..filter };
    let more = with(List { per_page: Some(100), include: vec!["messages".to_owned()], ..open.clone() });
    let rest = core.tickets().list_tickets(tenant.key.ask(more)).await.answer();
    assert_eq!(rest.tickets.iter().map(|it| it.ticket_number).collect::<Vec<_>>(), [2, 1], "another size of pages");
    let both = refused(&core, &tenant.key, with(List { page: Some(1), ..open.clone() })).await;
    assert_eq!((both.reason, violations(&both)), (Reason::InvalidParameter, vec![("cursor", "mutually_exclusive")]));
    let sorted = List { sort: Some("created_at".to_owned()), ..open.clone() };
    for (by, other) in [(&tenant, List::default()), (&tenant, sorted), (&stranger, open.clone())] {
        assert_eq!(refused(&core, &by.key, with(other)).await.reason, Reason::InvalidCursor);
    }
    let of_tags = v1::ListTagsRequest { cursor: Some(cursor.clone()), ..Default::default() };
    assert_eq!(core.tags().list_tags(tenant.key.ask(of_tags)).await.refusal().reason, Reason::InvalidCursor);
    for text in ["x", &cursor[1..], &format!("{cursor}A")] {
        let changed = List { cursor: Some(text.to_owned()), ..open.clone() };
        assert_eq!(refused(&core, &tenant.key, changed).await.reason, Reason::InvalidCursor, "{text}");
    }
    core.clock.advance(DAY * 30);
    core.tickets().list_tickets(tenant.key.ask(with(open.clone()))).await.answer();
    core.clock.advance(Duration::from_secs(1));
    let old = refused(&core, &tenant.key, with(open)).await;
    assert_eq!((old.reason, old.violations.len()), (Reason::CursorExpired, 0));
}

async fn a_restored_database_goes_on_with_the_cursors_of_its_past(core: TestCore) {
    let tenant = core.tenant().await;
    for n in 0..4 {
        core.ticket(&tenant, &format!("Order {n}")).await;
    }
    let before = next(&core, &tenant.key, two(List::default())).await;
    // Here a backup is taken; then one event happens.
    core.ticket(&tenant, "Order 5").await;
    let after = next(&core, &tenant.key, two(List::default())).await;
    let id = if core.postgres.is_some() { "gen_random_uuid()" } else { "randomblob(16)" };
    // What the start of a restored database does, which has one event less.
    core.run_sql(&format!(
        "INSERT INTO histories (ordinal, id, origin, began_after, began_at) SELECT MAX(ordinal) + 1, {id}, MAX(origin), \
         (SELECT MAX(seq) FROM events) - 1, 0 FROM histories"
    ))
    .await;
    let core = core.again(|_| {}).await;
    let with = |cursor: &str| List { cursor: Some(cursor.to_owned()), ..two(List::default()) };
    let page = core.tickets().list_tickets(tenant.key.ask(with(&before))).await.answer();
    assert_eq!(page.tickets.iter().map(|it| it.ticket_number).collect::<Vec<_>>(), [2, 1]);
    let other = refused(&core, &tenant.key, with(&after)).await;
    assert_eq!((other.reason, violations(&other)), (Reason::CursorExpired, vec![("cursor", "other_history")]));
    for n in 0..4 {
        core.ticket(&tenant, &format!("Another {n}")).await;
    }
    assert_eq!(refused(&core, &tenant.key, with(&after)).await.reason, Reason::CursorExpired, "for ever");
    let fresh = next(&core, &tenant.key, two(List::default())).await;
    core.tickets().list_tickets(tenant.key.ask(with(&fresh))).await.answer();
    // A database in another place begins a history of its own, and a database of strangers has none of these.
    core.run_sql("UPDATE histories SET origin = 'elsewhere'").await;
    let core = core.again(|_| {}).await;
    core.tickets().list_tickets(tenant.key.ask(with(&fresh))).await.answer();
    core.run_sql("DELETE FROM histories").await;
    let core = core.again(|_| {}).await;
    let other = refused(&core, &tenant.key, with(&fresh)).await;
    assert_eq!((other.reason, violations(&other)), (Reason::CursorExpired, vec![("cursor", "other_history")]));
}

/// Adds messages to a ticket, each body of this many bytes, with a note between.
async fn write_messages(core: &TestCore, tenant: &TestTenant, ticket: &str, count: usize, bytes: usize) {
    let scope = TenantScope::new(tenant.id.parse().expect("an id"));
    let ticket: TicketId = ticket.parse().expect("an id");
    for n in 0..count {
        let at = core.clock.now();
        let kind = if n == 1 { MessageKind::InternalNote } else { MessageKind::Inbound };
        let stamp = core.stamps.stamp();
        let message = Message {
            id: stamp.ids().next(MessageId::new),
            ticket,
            kind,
            author: Author { kind: AuthorKind::Customer, id: None, name: "Ada".to_owned(), email: None },
            text: format!("{n:02}{}", "\n".repeat(bytes - 2)),
            html: format!("<p>{}</p>", "b".repeat(bytes)),
            truncated: false,
            created_at: at,
            sent_at: None,
        };
        let write = async move |tx: &mut store::Tx<'_>| -> store::Result<()> {
            let old = store::tickets::lock(tx, TicketRef::Id(ticket)).await?.expect("a ticket");
            store::messages::insert(tx, &message).await?;
            let mut new = old.clone();
            new.version += 1;
            new.message_count += u32::from(message.kind != MessageKind::InternalNote);
            store::tickets::update(tx, &old, &new).await
        };
        core.inner.db.write(scope.clone(), write).await.expect("it is written");
        drop(stamp);
        core.tick();
    }
}

fn numbers(messages: &[v1::Message]) -> Vec<&str> {
    messages.iter().map(|it| &it.body_text[..2]).collect()
}

async fn include_adds_the_newest_messages_without_notes(core: TestCore) {
    let tenant = core.tenant().await;
    let many = core.ticket(&tenant, "Many").await.id;
    let few = core.ticket(&tenant, "Few").await.id;
    core.ticket(&tenant, "None").await;
    write_messages(&core, &tenant, &many, 28, 10).await;
    write_messages(&core, &tenant, &few, 3, 10).await;
    let list = List { include: vec!["messages".to_owned()], ..List::default() };
    let listed = core.tickets().list_tickets(tenant.key.ask(list.clone())).await.answer().tickets;
    let shown: Vec<(usize, Option<bool>)> = listed
        .iter()
        .map(|it| (it.messages.as_ref().expect("messages").messages.len(), it.messages_truncated))
        .collect();
    assert_eq!(shown, [(0, Some(false)), (2, Some(false)), (25, Some(true))]);
    let of = |at: usize| numbers(&listed[at].messages.as_ref().expect("messages").messages);
    assert_eq!(of(1), ["00", "02"], "oldest first, without the note");
    assert_eq!((of(2)[0], of(2)[24]), ("03", "27"), "the newest ones");
    let plain = core.tickets().list_tickets(tenant.key.ask(List::default())).await.answer().tickets;
    assert!(plain.iter().all(|it| it.messages.is_none() && it.messages_truncated.is_none()));
    let weak = Client::key(&core.key(&tenant.operator, "Weak", &["tickets:read"]).await);
    core.tickets().list_tickets(weak.ask(List::default())).await.answer();
    let refused = core.tickets().list_tickets(weak.ask(list)).await.refusal();
    assert_eq!(
        (refused.reason, refused.facts),
        (Reason::InsufficientScope, vec![("scope", "messages:read".to_owned())])
    );
}

async fn ids_and_updated_until_filter(core: TestCore) {
    let tenant = core.tenant().await;
    let mut tickets = Vec::new();
    for n in 0..4 {
        tickets.push(core.ticket(&tenant, &format!("Order {n}")).await);
    }
    let listed = async |filter: List| {
        let answer = core.tickets().list_tickets(tenant.key.ask(filter)).await.answer();
        let numbers: Vec<u32> = answer.tickets.iter().map(|it| it.ticket_number).collect();
        assert_eq!(answer.meta.expect("a meta").total as usize, numbers.len());
        numbers
    };
    let ids = |all: &[usize]| all.iter().map(|at| tickets[*at].id.clone()).collect::<Vec<_>>();
    assert_eq!(listed(List { ids: ids(&[0, 2, 2]), ..List::default() }).await, [3, 1]);
    let stranger = core.ticket(&core.tenant().await, "Secret").await.id;
    assert_eq!(listed(List { ids: vec![stranger, tickets[1].id.to_uppercase()], ..List::default() }).await, [2]);
    let q = Some("order 2".to_owned());
    assert_eq!(listed(List { ids: ids(&[0, 2]), q, ..List::default() }).await, [3]);
    assert_eq!(listed(List { ids: ids(&[0]), tag: Some("none".to_owned()), ..List::default() }).await, [0; 0]);
    let until = tickets[2].updated_at;
    assert_eq!(listed(List { updated_until: until, ..List::default() }).await, [2, 1], "the end is excluded");
    let since = tickets[1].updated_at;
    assert_eq!(listed(List { updated_since: since, updated_until: until, ..List::default() }).await, [2]);
    let both = List { updated_since: since, updated_until: until, ..List::default() };
    let meta = core.tickets().list_tickets(tenant.key.ask(both)).await.answer().meta.expect("a meta");
    assert_eq!(meta.safe_since, until, "later changes were not asked for");
    let alone = List { updated_until: until, ..List::default() };
    let meta = core.tickets().list_tickets(tenant.key.ask(alone)).await.answer().meta.expect("a meta");
    assert_eq!(meta.safe_since, None);
}

async fn no_answer_has_more_than_4_mib(core: TestCore) {
    let tenant = core.tenant().await;
    let ticket = core.ticket(&tenant, "Long").await.id;
    // As JSON the text takes twice as much.
    write_messages(&core, &tenant, &ticket, 13, 250_000).await;
    let check = |bytes: usize, json: usize| assert!(bytes <= MOST && json <= MOST, "{bytes} and {json}");
    let list = v1::ListTicketMessagesRequest { ticket_id: ticket.clone(), ..Default::default() };
    let page = core.messages().list_ticket_messages(tenant.key.ask(list.clone())).await.answer();
    check(page.encoded_len(), json(&page));
    assert_eq!((page.messages.len(), page.meta.as_ref().expect("a meta").total), (12, 12), "nothing is left out");
    assert!(page.messages.iter().all(|it| it.truncated && it.body_html.ends_with("</p>")));
    assert!(page.encoded_len() > MOST / 3, "no more is cut than has to be: {}", page.encoded_len());

    let first = v1::ListTicketMessagesRequest { per_page: Some(1), ..list.clone() };
    let first = core.messages().list_ticket_messages(tenant.key.ask(first)).await.answer();
    let cursor = first.meta.expect("a meta").next_cursor;
    let rest = v1::ListTicketMessagesRequest { cursor, ..list.clone() };
    let rest = core.messages().list_ticket_messages(tenant.key.ask(rest)).await.answer();
    check(rest.encoded_len(), json(&rest));
    assert!((2..11).contains(&rest.messages.len()) && rest.messages.iter().all(|it| !it.truncated));
    assert!(rest.meta.expect("a meta").has_more, "the page ends earlier");

    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let request = v1::ListMessagesRequest { cursor, per_page: Some(100), ..Default::default() };
        let page = core.messages().list_messages(tenant.key.ask(request)).await.answer();
        check(page.encoded_len(), json(&page));
        seen.extend(page.messages.iter().map(|it| (it.body_text[..2].to_owned(), it.truncated)));
        cursor = page.meta.expect("a meta").next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..13).filter(|n| *n != 1).map(|n| (format!("{n:02}"), false)).collect();
    assert_eq!(seen, expected);

    let other = core.ticket(&tenant, "Other").await.id;
    write_messages(&core, &tenant, &other, 13, 250_000).await;
    let list = List { include: vec!["messages".to_owned()], ..List::default() };
    let page = core.tickets().list_tickets(tenant.key.ask(list.clone())).await.answer();
    check(page.encoded_len(), json(&page));
    let counts: Vec<usize> = page.tickets.iter().map(|it| it.messages.as_ref().expect("some").messages.len()).collect();
    assert_eq!(counts, [12, 12]);
    core.ticket(&tenant, "Third").await;
    let cursor = next(&core, &tenant.key, List { per_page: Some(1), ..list.clone() }).await;
    let page = core.tickets().list_tickets(tenant.key.ask(List { cursor: Some(cursor), ..list })).await.answer();
    check(page.encoded_len(), json(&page));
    let messages = &page.tickets[0].messages.as_ref().expect("some").messages;
    assert_eq!((page.tickets.len(), messages.len()), (1, 12), "at least one ticket, with all its messages");
    assert!(messages.iter().all(|it| it.truncated) && page.meta.expect("a meta").has_more);
}

async fn messages_of_all_tickets_come_oldest_first_and_without_notes(core: TestCore) {
    let tenant = core.tenant().await;
    let one = core.ticket(&tenant, "One").await.id;
    let two = core.ticket(&tenant, "Two").await.id;
    write_messages(&core, &tenant, &one, 3, 10).await;
    let between = core.clock.now();
    write_messages(&core, &tenant, &two, 4, 10).await;
    type All = v1::ListMessagesRequest;
    let listed = async |request: All| {
        let page = core.messages().list_messages(tenant.key.ask(request)).await.answer();
        let shown = page.messages.iter().map(|it| (it.ticket_id == two, it.body_text[..2].to_owned()));
        (shown.collect::<Vec<_>>(), page.meta.expect("a meta").next_cursor)
    };
    let of = |two: bool, all: &[&str]| all.iter().map(|it| (two, (*it).to_owned())).collect::<Vec<_>>();
    let (first, second) = (of(false, &["00", "02"]), of(true, &["00", "02", "03"]));
    assert_eq!(listed(All::default()).await, ([first.clone(), second.clone()].concat(), None));
    let since = All { created_since: Some(between.into()), ..All::default() };
    assert_eq!(listed(since).await.0, second, "the beginning is included");
    let until = All { created_until: Some(between.into()), ..All::default() };
    assert_eq!(listed(until).await.0, first, "the end is not");
    for named in [vec![two.clone()], vec![two.clone(), NOTHING.to_owned(), two.clone()]] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let request = All { ticket_id: named.clone(), per_page: Some(2), cursor, ..All::default() };
            let (page, next) = listed(request).await;
            seen.extend(page);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, second);
    }
    // A write that has not ended may still get an earlier time than what comes after it.
    let open = core.stamps.stamp();
    core.tick();
    write_messages(&core, &tenant, &one, 1, 10).await;
    assert_eq!(listed(All::default()).await.0.len(), 5);
    drop(open);
    assert_eq!(listed(All::default()).await.0.len(), 6);
}

/// The size of an answer as JSON.
fn json(answer: &impl Serialize) -> usize {
    serde_json::to_vec(answer).expect("an answer has a JSON form").len()
}

on_both!(TestCore:
    every_list_goes_on_by_cursor_as_by_page,
    a_cursor_is_good_for_its_list_alone_and_for_30_days,
    a_restored_database_goes_on_with_the_cursors_of_its_past,
    include_adds_the_newest_messages_without_notes,
    ids_and_updated_until_filter,
    no_answer_has_more_than_4_mib,
    messages_of_all_tickets_come_oldest_first_and_without_notes,
);
