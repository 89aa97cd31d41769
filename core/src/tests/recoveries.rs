//! Recovery of missed events: what is matched, what is made, and that an interrupted job continues.

use crate::tests::support::{Came as _, Client, NOTHING, TestCore, TestTenant, Worker, on_both, until, violations};
use inboxops_proto::{
    clock::Timestamp,
    failure::Failure,
    id::EventId,
    reason::Reason,
    v1::{self, DeliveryStatus},
};
use sqlx::{Connection as _, PgConnection};
use std::time::Duration;

pub(super) async fn recover(
    core: &TestCore,
    by: &Client,
    endpoint: &str,
    since: Timestamp,
    dry: bool,
) -> v1::RecoverDeliveriesResponse {
    let request = v1::RecoverDeliveriesRequest {
        endpoint_id: endpoint.to_owned(),
        since: Some(since.into()),
        until: None,
        dry_run: dry.then_some(true),
    };
    core.webhooks().recover_deliveries(by.ask(request)).await.answer()
}

pub(super) async fn enable(core: &TestCore, by: &Client, endpoint: &str, enabled: bool) {
    let changes = v1::WebhookEndpointChanges { enabled: Some(enabled), ..Default::default() };
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: endpoint.to_owned(),
        endpoint: Some(changes),
        update_mask: None,
    };
    core.webhooks().update_webhook_endpoint(by.ask(request)).await.answer();
}

async fn progress(core: &TestCore, by: &Client, endpoint: &str, id: &str) -> v1::Recovery {
    let request = v1::GetRecoveryRequest { endpoint_id: endpoint.to_owned(), recovery_id: id.to_owned() };
    core.webhooks().get_recovery(by.ask(request)).await.answer().recovery.expect("a recovery")
}

async fn done(core: &TestCore, by: &Client, endpoint: &str, id: &str) -> v1::Recovery {
    until("the recovery is done", async || Some(progress(core, by, endpoint, id).await).filter(|it| it.done)).await
}

async fn try_undelivered_page(
    core: &TestCore,
    tenant: &TestTenant,
    endpoint: &str,
    since: Timestamp,
    per_page: u32,
    cursor: Option<String>,
) -> Result<(Vec<v1::Undelivered>, Option<String>), Reason> {
    let request = v1::ListUndeliveredRequest {
        endpoint_id: endpoint.to_owned(),
        since: Some(since.into()),
        per_page: Some(per_page),
        cursor,
    };
    let answer = core.deliveries().list_undelivered(tenant.operator.ask(request)).await;
    let answer = answer.map_err(|status| Failure::of(&status).reason)?.into_inner();
    assert!(answer.events.len() <= per_page as usize);
    let meta = answer.meta.expect("a meta");
    assert_eq!(meta.has_more, meta.next_cursor.is_some());
    Ok((answer.events, meta.next_cursor))
}

async fn undelivered(core: &TestCore, tenant: &TestTenant, endpoint: &str, since: Timestamp) -> Vec<v1::Undelivered> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let (events, next) = try_undelivered_page(core, tenant, endpoint, since, 2, cursor).await.expect("a page");
        all.extend(events);
        cursor = next;
        if cursor.is_none() {
            return all;
        }
    }
}

async fn what_an_endpoint_never_got_is_made_once_and_in_the_order_of_events(mut core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let endpoint = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    let mut worker = Worker::join(&core, 64).await;
    core.ticket(&tenant, "Too early").await;
    let early = worker.next().await;
    worker.report(&core, vec![early.answered(&core, 500)]).await;
    core.clock.advance(Duration::from_secs(1));
    let since = core.clock.now();
    for (subject, status) in [("Delivered", 200), ("Gone", 410)] {
        core.ticket(&tenant, subject).await;
        let taken = worker.next().await;
        worker.report(&core, vec![taken.answered(&core, status)]).await;
    }
    // The receiver's 410 has disabled it: these make no deliveries.
    for n in 0..5 {
        core.ticket(&tenant, &format!("Missed {n}")).await;
    }
    core.ticket(&other, "Not ours").await;
    // On PostgreSQL events are read only when nothing older is running on the server.
    let listed = until("all six", async || {
        Some(undelivered(&core, &tenant, &endpoint, since).await).filter(|listed| listed.len() >= 6)
    });
    let listed = listed.await;
    let states: Vec<_> = listed.iter().map(|it| it.status).collect();
    assert_eq!(states, [&[Some(DeliveryStatus::Failed.into())][..], &[None; 5]].concat());
    assert!(listed.iter().all(|it| it.event == "ticket.created" && it.delivery_id.is_some() == it.status.is_some()));

    let dry = recover(&core, &tenant.key, &endpoint, since, true).await;
    let told = dry.recovery.expect("a recovery");
    assert_eq!((dry.started, told.id, told.matched, told.created, told.done), (false, None, 6, 0, true));
    assert_eq!(undelivered(&core, &tenant, &endpoint, since).await, listed, "a dry run makes nothing");

    enable(&core, &tenant.key, &endpoint, true).await;
    let started = recover(&core, &tenant.key, &endpoint, since, false).await;
    let job = started.recovery.expect("a recovery");
    assert_eq!((started.started, job.matched, job.created, job.done), (true, 6, 0, false));
    let id = job.id.expect("an id");
    let second =
        v1::RecoverDeliveriesRequest { endpoint_id: endpoint.clone(), since: Some(since.into()), ..Default::default() };
    let failure = core.webhooks().recover_deliveries(tenant.key.ask(second)).await.refusal();
    assert_eq!(failure.reason, Reason::Conflict, "one at a time");
    core.run();
    let ended = done(&core, &tenant.key, &endpoint, &id).await;
    assert_eq!((ended.matched, ended.created), (6, 6));
    let mut subjects = Vec::new();
    for _ in 0..6 {
        // A busy endpoint is checked again 50 ms later.
        core.clock.advance(Duration::from_millis(60));
        let taken = worker.next().await;
        subjects.push(taken.body.clone());
        worker.report(&core, vec![taken.answered(&core, 200)]).await;
    }
    for (subject, body) in ["Gone", "Missed 0", "Missed 1", "Missed 2", "Missed 3", "Missed 4"].iter().zip(&subjects) {
        assert!(body.contains(subject), "{subject}: {body}");
    }
    assert_eq!(undelivered(&core, &tenant, &endpoint, since).await, []);
    let again = recover(&core, &tenant.key, &endpoint, since, true).await.recovery.expect("a recovery");
    assert_eq!(again.matched, 0, "what arrived is not made again");
    let earlier = recover(&core, &tenant.key, &endpoint, since.minus(Duration::from_secs(5)), true).await;
    assert_eq!(earlier.recovery.expect("a recovery").matched, 0, "what waits for its retry is left to it");
}

async fn only_the_subscription_and_the_time_asked_for_count(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.closed"]).await.id;
    enable(&core, &tenant.key, &endpoint, false).await;
    let start = core.clock.now();
    let ticket = core.ticket(&tenant, "Hello").await;
    let close = v1::TicketChanges { status: Some(v1::TicketStatus::Closed.into()), ..Default::default() };
    let closed = core.clock.now();
    core.changed(&tenant.key, &ticket.id, close).await;
    let after = core.clock.now();
    let test =
        v1::SendTestEventRequest { endpoint_id: endpoint.clone(), event: Some("ticket.closed".to_owned()), data: None };
    core.webhooks().send_test_event(tenant.key.ask(test)).await.answer();
    let matched = async |since: Timestamp, until: Option<Timestamp>| {
        let request = v1::RecoverDeliveriesRequest {
            endpoint_id: endpoint.clone(),
            since: Some(since.into()),
            until: until.map(Into::into),
            dry_run: Some(true),
        };
        core.webhooks().recover_deliveries(tenant.key.ask(request)).await
    };
    let count = async |since, until| matched(since, until).await.answer().recovery.expect("a recovery").matched;
    assert_eq!(count(start, None).await, 1, "the one event of the subscription, and no test");
    assert_eq!(count(Timestamp::from_micros(0), None).await, 1);
    assert_eq!(count(after, None).await, 0);
    assert_eq!(count(start, Some(start)).await, 0);
    assert_eq!(count(closed, Some(after)).await, 1, "what begins with a time has its events");
    assert_eq!(count(start, Some(closed)).await, 0, "and what ends with it has not");
    let failure = matched(core.clock.now().plus(Duration::from_secs(1)), None).await.refusal();
    assert_eq!(violations(&failure), [("since", "out_of_range")]);
    let failure = matched(after, Some(start)).await.refusal();
    assert_eq!(violations(&failure), [("until", "out_of_range")]);
    let request = v1::RecoverDeliveriesRequest { endpoint_id: endpoint.clone(), ..Default::default() };
    let failure = core.webhooks().recover_deliveries(tenant.key.ask(request)).await.refusal();
    assert_eq!(violations(&failure), [("since", "required")]);
}

async fn pages_of_what_is_undelivered_go_on_by_their_own_cursors_alone(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    enable(&core, &tenant.key, &endpoint, false).await;
    let since = core.clock.now();
    for subject in ["One", "Two"] {
        core.ticket(&tenant, subject).await;
    }
    let all = async || Some(undelivered(&core, &tenant, &endpoint, since).await).filter(|all| all.len() == 2);
    let all = until("both", all).await;
    let page = async |cursor: Option<String>| try_undelivered_page(&core, &tenant, &endpoint, since, 1, cursor).await;
    // Transactions in other databases of the server may hold the newest event back for a moment again.
    let more = async || page(None).await.ok().and_then(|(first, next)| Some((first, next?)));
    let (first, next) = until("the first of two", more).await;
    let (second, end) = page(Some(next.clone())).await.expect("a page");
    assert_eq!(([first, second].concat(), end), (all, None));
    for odd in ["12", "x", "u1-0-1", &format!("A{next}")] {
        assert_eq!(page(Some(odd.to_owned())).await.err(), Some(Reason::InvalidCursor), "{odd}");
    }
}

async fn jobs_of_others_and_unknown_ones_are_not_found(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    let second = core.endpoint(&tenant.key, &["*"]).await.id;
    let started = recover(&core, &tenant.key, &endpoint, core.clock.now(), false).await;
    let id = started.recovery.expect("a recovery").id.expect("an id");
    let get = async |by: &Client, endpoint: &str, id: &str| {
        let request = v1::GetRecoveryRequest { endpoint_id: endpoint.to_owned(), recovery_id: id.to_owned() };
        core.webhooks().get_recovery(by.ask(request)).await
    };
    get(&tenant.key, &endpoint, &id).await.answer();
    assert_eq!(get(&other.key, &endpoint, &id).await.refusal().reason, Reason::EndpointNotFound);
    assert_eq!(get(&tenant.key, &second, &id).await.refusal().reason, Reason::RecoveryNotFound);
    assert_eq!(get(&tenant.key, &endpoint, NOTHING).await.refusal().reason, Reason::RecoveryNotFound);
    assert_eq!(get(&tenant.key, &endpoint, "1").await.refusal().reason, Reason::RecoveryNotFound);
    let request = v1::GetResendRequest { resend_id: id };
    let failure = core.deliveries().get_resend(tenant.operator.ask(request)).await.refusal();
    assert_eq!(failure.reason, Reason::RecoveryNotFound, "a job of another kind");
}

async fn a_recovery_goes_on_after_a_restart_and_waits_while_much_is_due(mut core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.updated"]).await.id;
    enable(&core, &tenant.key, &endpoint, false).await;
    let since = core.clock.now();
    let ticket = core.ticket(&tenant, "Often").await;
    let events = 1_400_u32;
    for n in 0..events {
        let changes = v1::TicketChanges { subject: Some(format!("Change {n}")), ..Default::default() };
        core.changed(&tenant.key, &ticket.id, changes).await;
    }
    let started = recover(&core, &tenant.key, &endpoint, since, false).await.recovery.expect("a recovery");
    let id = started.id.expect("an id");
    assert_eq!(started.matched, events);
    core.run();
    // It is disabled, so nothing is delivered: the job stops short.
    let waits = until("the job waits", async || {
        Some(progress(&core, &tenant.key, &endpoint, &id).await).filter(|it| it.created >= 1_000)
    })
    .await;
    assert!(!waits.done && waits.created < events, "{waits:?}");
    let mut core = core.again(|_| ()).await;
    enable(&core, &tenant.key, &endpoint, true).await;
    let mut worker = Worker::join(&core, 256).await;
    core.run();
    let mut seen = std::collections::HashSet::new();
    while seen.len() < events as usize {
        core.clock.advance(Duration::from_millis(60));
        let taken = worker.next().await;
        assert!(seen.insert(taken.id.clone()), "twice");
        worker.report(&core, vec![taken.answered(&core, 200)]).await;
    }
    let ended = done(&core, &tenant.key, &endpoint, &id).await;
    assert_eq!((ended.matched, ended.created), (events, events));
    assert!(worker.at_hand().is_empty());
}

/// The transaction that began first writes last and commits first. A reader that goes by numbers, or by times, would
/// pass the other's events, which have smaller numbers and are still to come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_commits_late_is_neither_left_out_nor_unrepaired() {
    let mut core = TestCore::postgres().await;
    core.run();
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    enable(&core, &tenant.key, &endpoint, false).await;
    let since = core.clock.now();
    let url = &core.postgres.as_ref().expect("PostgreSQL").url;
    let mut first = PgConnection::connect(url).await.expect("a connection");
    let mut second = PgConnection::connect(url).await.expect("a connection");
    let write = async |conn: &mut PgConnection, at: Timestamp, chance: u128| {
        let id = EventId::new(at, chance << 64);
        let insert = "INSERT INTO events (id, tenant_id, kind, group_id, test, created_at, body) VALUES ($1, $2::uuid, 0, \
                      gen_random_uuid(), FALSE, $3, '{}') RETURNING seq";
        let insert = sqlx::query_scalar::<_, i64>(insert).bind(id.0).bind(&tenant.id).bind(at.micros());
        (insert.fetch_one(conn).await.expect("inserted"), id.to_string())
    };
    let mut early = first.begin().await.expect("a transaction");
    sqlx::query("SELECT pg_current_xact_id()").execute(&mut *early).await.expect("a number");
    let mut late = second.begin().await.expect("a transaction");
    // With a time before the requested one, but placed after the events of the other transaction.
    write(&mut late, since.minus(Duration::from_secs(9 * 60)), 1).await;
    let (number, held) = write(&mut late, since, 2).await;
    let (one, other) = (write(&mut early, since, 3).await, write(&mut early, since, 4).await);
    assert!(number < one.0 && one.0 < other.0);
    early.commit().await.expect("committed");

    let page = async |per_page, cursor: Option<String>| {
        let page = try_undelivered_page(&core, &tenant, &endpoint, since, per_page, cursor).await.expect("a page");
        (page.0.into_iter().map(|it| it.event_id).collect::<Vec<_>>(), page.1)
    };
    // For a moment a transaction of another test counts as one of this database, if it ends just now.
    let begin = until("a page and more", async || Some(page(1, None).await).filter(|it| it.1.is_some())).await;
    assert_eq!(begin.0, std::slice::from_ref(&one.1));
    let started = recover(&core, &tenant.key, &endpoint, since, false).await.recovery.expect("a recovery");
    assert_eq!(started.matched, 2);
    let id = started.id.expect("an id");
    let waits = async || Some(progress(&core, &tenant.key, &endpoint, &id).await).filter(|it| it.created >= 2);
    let waits = until("the job has come to the running transaction", waits).await;
    assert_eq!((waits.created, waits.done), (2, false));

    late.commit().await.expect("committed");
    let rest = until("the rest", async || Some(page(5, begin.1.clone()).await).filter(|it| it.0.len() >= 2)).await;
    assert_eq!(rest, (vec![other.1.clone(), held.clone()], None));
    let ended = done(&core, &tenant.key, &endpoint, &id).await;
    assert_eq!((ended.matched, ended.created), (3, 3));
    assert_eq!(page(5, None).await.0, [one.1, other.1, held]);
}

on_both!(TestCore:
    what_an_endpoint_never_got_is_made_once_and_in_the_order_of_events,
    only_the_subscription_and_the_time_asked_for_count,
    pages_of_what_is_undelivered_go_on_by_their_own_cursors_alone,
    jobs_of_others_and_unknown_ones_are_not_found,
    a_recovery_goes_on_after_a_restart_and_waits_while_much_is_due,
);
