//! Deliveries of all endpoints searched by every filter, and what a delivery waits for.

use crate::tests::{
    dispatch::TestDispatch,
    recoveries::enable,
    support::{Came as _, Client, NOTHING, TestCore, on_both, until, violations},
};
use inboxops_proto::{
    clock::Timestamp,
    reason::Reason,
    v1::{self, DeliveryStatus, DeliveryWait, SearchDeliveriesRequest as Search},
};
use std::time::Duration;

async fn search(core: &TestCore, by: &Client, request: Search) -> v1::SearchDeliveriesResponse {
    core.deliveries().search_deliveries(by.ask(request)).await.answer()
}

async fn found(core: &TestCore, by: &Client, request: Search) -> Vec<String> {
    search(core, by, request).await.deliveries.into_iter().map(|it| it.id).collect()
}

fn statuses(all: &[&str]) -> Search {
    Search { response_status: all.iter().map(|it| (*it).to_owned()).collect(), ..Search::default() }
}

async fn every_filter_selects_what_it_names(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 32).await;
    let by = dispatch.tenant.key.clone();
    let second = dispatch.core.endpoint(&by, &["ticket.updated"]).await.id;
    let mut ids = Vec::new();
    let mut times = Vec::new();
    for (subject, status) in [("One", 200), ("Two", 404), ("Three", 503), ("Four", 204)] {
        times.push(dispatch.core.clock.now());
        let taken = dispatch.delivery(subject).await;
        dispatch.report(&taken, status).await;
        ids.push(taken.id);
        dispatch.core.clock.advance(Duration::from_millis(3));
    }
    let ticket = dispatch.core.get_ticket(&by, "2").await;
    let changes = v1::TicketChanges { subject: Some("Changed".to_owned()), ..Default::default() };
    dispatch.core.changed(&by, &ticket.id, changes).await;
    let taken = dispatch.worker.next().await;
    dispatch.report(&taken, 200).await;
    ids.push(taken.id);
    ids.reverse();
    let core = &dispatch.core;
    let pick = |numbers: &[usize]| numbers.iter().map(|n| ids[*n].clone()).collect::<Vec<_>>();
    let all = search(core, &by, Search::default()).await;
    assert_eq!(all.deliveries.iter().map(|it| it.id.clone()).collect::<Vec<_>>(), ids);
    let two = &all.deliveries[3];
    assert_eq!((two.ticket_id.as_ref(), two.ticket_number), (Some(&ticket.id), Some(2)));
    assert_eq!(two.subject.as_deref(), Some("Changed"), "as it is now");
    let one_endpoint = Search { endpoint_id: Some(second.to_uppercase()), ..Search::default() };
    let of_ticket = Search { ticket_id: Some(ticket.id.clone()), ..Search::default() };
    let of_event = Search { event_id: Some(two.event_id.clone()), ..Search::default() };
    let both = Search { event_id: Some(two.event_id.clone()), ..of_ticket.clone() };
    let other = Search { event_id: Some(all.deliveries[1].event_id.clone()), ..of_ticket.clone() };
    let retrying = Search { status: vec![DeliveryStatus::Retrying.into()], ..Search::default() };
    let updated = Search { event: vec!["ticket.updated".to_owned()], ..Search::default() };
    let mixed = Search { status: vec![DeliveryStatus::Retrying.into()], ..statuses(&["200", "5xx"]) };
    let since = |at: Timestamp| Search { since: Some(at.into()), ..Search::default() };
    let until = |at: Timestamp| Search { until: Some(at.into()), ..Search::default() };
    let table = [
        ("endpoint", one_endpoint, pick(&[0])),
        ("no endpoint", Search { endpoint_id: Some(NOTHING.to_owned()), ..Search::default() }, vec![]),
        ("ticket", of_ticket, pick(&[0, 3])),
        ("no ticket", Search { ticket_id: Some(NOTHING.to_owned()), ..Search::default() }, vec![]),
        ("event", of_event, pick(&[3])),
        ("event of the ticket", both, pick(&[3])),
        ("event of another ticket", other, vec![]),
        ("state", retrying, pick(&[2, 3])),
        ("kind", updated, pick(&[0])),
        ("2xx", statuses(&["2xx"]), pick(&[0, 1, 4])),
        ("numbers", statuses(&["204", "404"]), pick(&[1, 3])),
        ("hundreds", statuses(&["5xx", "4xx"]), pick(&[2, 3])),
        ("none", statuses(&["3xx", "410"]), vec![]),
        ("state and status", mixed, pick(&[2])),
        ("since", since(times[2]), pick(&[0, 1, 2])),
        ("until", until(times[2]), pick(&[3, 4])),
        ("since and until", Search { until: Some(times[3].into()), ..since(times[1]) }, pick(&[2, 3])),
        ("since and status", Search { since: Some(times[1].into()), ..statuses(&["2xx"]) }, pick(&[0, 1])),
    ];
    for (what, request, expected) in table {
        assert_eq!(found(core, &by, request.clone()).await, expected, "{what}");
        let (mut walked, mut cursor) = (Vec::new(), None);
        loop {
            let answer = search(core, &by, Search { per_page: Some(1), cursor, ..request.clone() }).await;
            walked.extend(answer.deliveries.into_iter().map(|it| it.id));
            cursor = answer.meta.expect("a meta").next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(walked, expected, "{what}, one by one");
    }
    let stranger = core.tenant().await;
    assert_eq!(found(core, &stranger.key, Search::default()).await, Vec::<String>::new());
}

async fn what_a_recovery_makes_is_as_old_as_its_making(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    enable(&core, &tenant.key, &endpoint, false).await;
    core.ticket(&tenant, "Missed").await;
    enable(&core, &tenant.key, &endpoint, true).await;
    core.clock.advance(Duration::from_secs(24 * 3600));
    let mut core = core;
    core.run();
    core.ticket(&tenant, "Later").await;
    core.clock.advance(Duration::from_secs(60));
    let recovered = core.clock.now();
    let request = v1::RecoverDeliveriesRequest {
        endpoint_id: endpoint.clone(),
        since: Some(Timestamp::from_micros(0).into()),
        ..Default::default()
    };
    core.webhooks().recover_deliveries(tenant.key.ask(request)).await.answer();
    let since = |at: Timestamp| Search { since: Some(at.into()), ..Search::default() };
    let subjects = async |request: Search| {
        let found = search(&core, &tenant.key, request).await.deliveries;
        found.into_iter().filter_map(|it| it.subject).collect::<Vec<_>>()
    };
    let made = async || Some(subjects(since(recovered)).await).filter(|all| !all.is_empty());
    assert_eq!(until("it is made", made).await, ["Missed"], "its event is a day older");
    assert_eq!(subjects(Search::default()).await, ["Later", "Missed"], "in the order of events");
    let earlier = Search { until: Some(recovered.into()), ..Search::default() };
    assert_eq!(subjects(earlier).await, ["Later"]);
    let before = recovered.minus(Duration::from_secs(3600));
    assert_eq!(subjects(since(before)).await, ["Later", "Missed"]);
}

async fn a_cursor_belongs_to_its_filters_and_values_have_a_form(core: TestCore) {
    let tenant = core.tenant().await;
    core.endpoint(&tenant.key, &["ticket.created"]).await;
    for n in 0..2 {
        core.ticket(&tenant, &format!("Order {n}")).await;
    }
    let one = Search { per_page: Some(1), ..Search::default() };
    let cursor = search(&core, &tenant.key, one).await.meta.expect("a meta").next_cursor;
    let other = Search { cursor: cursor.clone(), event: vec!["ticket.created".to_owned()], ..Search::default() };
    let ask = async |request: Search| core.deliveries().search_deliveries(tenant.key.ask(request)).await;
    assert_eq!(ask(other).await.refusal().reason, Reason::InvalidCursor);
    let more = Search { cursor, per_page: Some(2), ..Search::default() };
    assert_eq!(ask(more).await.answer().deliveries.len(), 1, "the length of a page may change");
    for (status, code) in
        [("xx", "too_short"), ("6xx", "invalid_format"), ("099", "invalid_format"), ("+40", "invalid_format")]
    {
        let fields = ask(statuses(&[status])).await.refusal();
        assert_eq!(violations(&fields), [("response_status", code)], "{status}");
    }
}

async fn a_delivery_tells_what_it_waits_for(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 16).await;
    let by = dispatch.tenant.key.clone();
    let taken = dispatch.delivery("Hello").await;
    assert_eq!(dispatch.shown(&taken).await.waits_for, None, "it is in flight");
    dispatch.report(&taken, 500).await;
    let shown = dispatch.shown(&taken).await;
    assert_eq!((shown.status(), shown.waits_for()), (DeliveryStatus::Retrying, DeliveryWait::Retry));
    // Due, although its lane is not, so that nothing takes it meanwhile.
    dispatch.core.run_sql("UPDATE deliveries SET due_at = 1").await;
    assert_eq!(dispatch.shown(&taken).await.waits_for(), DeliveryWait::Queue);
    dispatch.core.run_sql("UPDATE endpoints SET rate_per_second = 1").await;
    assert_eq!(dispatch.shown(&taken).await.waits_for(), DeliveryWait::RateLimit);
    dispatch.core.run_sql("UPDATE endpoint_health SET failures_in_row = 20").await;
    assert_eq!(dispatch.shown(&taken).await.waits_for(), DeliveryWait::Probe);
    enable(&dispatch.core, &by, &dispatch.endpoint.id, false).await;
    assert_eq!(dispatch.shown(&taken).await.waits_for(), DeliveryWait::Paused);
    let request = v1::CancelDeliveryRequest { delivery_id: taken.id.clone() };
    let canceled = dispatch.core.deliveries().cancel_delivery(by.ask(request)).await.answer().delivery;
    assert_eq!(canceled.expect("a delivery").waits_for, None);
}

/// Events of a release that did not write the ticket are found once they have been looked through.
async fn older_events_get_their_tickets(mut core: TestCore) {
    let tenant = core.tenant().await;
    core.endpoint(&tenant.key, &["ticket.created"]).await;
    let ticket = core.ticket(&tenant, "Hello").await;
    core.run_sql("UPDATE events SET ticket_id = NULL").await;
    let of_ticket = Search { ticket_id: Some(ticket.id.clone()), ..Search::default() };
    let before = search(&core, &tenant.key, Search::default()).await.deliveries.remove(0);
    assert_eq!((before.ticket_id, before.subject), (None, None));
    assert_eq!(found(&core, &tenant.key, of_ticket.clone()).await, Vec::<String>::new());
    core.run();
    let named = async || {
        core.clock.advance(Duration::from_secs(61));
        Some(found(&core, &tenant.key, of_ticket.clone()).await).filter(|found| found.len() == 1)
    };
    assert_eq!(until("its ticket is named", named).await, [before.id]);
}

on_both!(TestCore:
    every_filter_selects_what_it_names,
    what_a_recovery_makes_is_as_old_as_its_making,
    a_cursor_belongs_to_its_filters_and_values_have_a_form,
    a_delivery_tells_what_it_waits_for,
    older_events_get_their_tickets,
);
