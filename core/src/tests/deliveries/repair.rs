//! Deliveries canceled, filtered, counted and resent in bulk.

use crate::tests::{
    dispatch::TestDispatch,
    support::{Came as _, Client, NOTHING, TestCore, TestTenant, Worker, on_both, until, violations},
};
use inboxops_proto::{
    clock::Timestamp,
    reason::Reason,
    v1::{self, DeliveryStatus},
};
use std::{collections::BTreeMap, time::Duration};

async fn cancel(
    core: &TestCore,
    by: &Client,
    id: &str,
) -> Result<tonic::Response<v1::CancelDeliveryResponse>, tonic::Status> {
    core.deliveries().cancel_delivery(by.ask(v1::CancelDeliveryRequest { delivery_id: id.to_owned() })).await
}

async fn resend(core: &TestCore, by: &Client, id: &str) -> v1::Delivery {
    let request = v1::ResendDeliveryRequest { delivery_id: id.to_owned() };
    core.deliveries().resend_delivery(by.ask(request)).await.answer().delivery.expect("a delivery")
}

async fn log(core: &TestCore, by: &Client, request: v1::ListDeliveriesRequest) -> v1::ListDeliveriesResponse {
    core.deliveries().list_deliveries(by.ask(request)).await.answer()
}

async fn stats(core: &TestCore, tenant: &TestTenant, endpoint: Option<&str>) -> v1::GetDeliveryStatsResponse {
    let request = v1::GetDeliveryStatsRequest { endpoint_id: endpoint.map(str::to_owned) };
    core.deliveries().get_delivery_stats(tenant.operator.ask(request)).await.answer()
}

fn counts(stats: &v1::DeliveryStats) -> BTreeMap<i32, u32> {
    stats.counts.iter().map(|it| (it.status, it.count)).collect()
}

fn ids(answer: &v1::ListDeliveriesResponse) -> Vec<&str> {
    answer.deliveries.iter().map(|it| it.id.as_str()).collect()
}

/// The log and the counts must agree.
async fn counted_right(core: &TestCore, tenant: &TestTenant, endpoint: &str) -> BTreeMap<i32, u32> {
    let mut expected = BTreeMap::new();
    for delivery in core.deliveries_of(&tenant.operator, endpoint).await {
        *expected.entry(delivery.status).or_default() += 1;
    }
    let told = stats(core, tenant, Some(endpoint)).await;
    assert_eq!(counts(&told.endpoints[0]), expected);
    assert_eq!(counts(told.total.as_ref().expect("a total")), expected);
    expected
}

async fn a_delivery_that_waits_is_stopped_at_once(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 16).await;
    let taken = dispatch.delivery("Hello").await;
    dispatch.report(&taken, 500).await;
    let before = dispatch.shown(&taken).await;
    assert_eq!((before.status(), before.next_attempt_at.is_some()), (DeliveryStatus::Retrying, true));
    let by = dispatch.tenant.operator.clone();
    let stopped = cancel(&dispatch.core, &by, &taken.id).await.answer().delivery.expect("a delivery");
    assert_eq!((stopped.status(), stopped.next_attempt_at, stopped.attempt_count), (DeliveryStatus::Canceled, None, 1));
    assert_eq!(cancel(&dispatch.core, &by, &taken.id).await.refusal().reason, Reason::Conflict);
    dispatch.core.clock.advance(Duration::from_secs(3600));
    assert!(dispatch.claimed().await.is_empty(), "it is not tried again");
    counted_right(&dispatch.core, &dispatch.tenant, &dispatch.endpoint.id).await;
    let again = resend(&dispatch.core, &by, &taken.id).await;
    assert!(again.revision > stopped.revision);
    let sent = dispatch.worker.next().await;
    assert_eq!((sent.id.as_str(), sent.lease.attempt), (taken.id.as_str(), 2));
    dispatch.report(&sent, 200).await;
    assert_eq!(cancel(&dispatch.core, &by, &taken.id).await.refusal().reason, Reason::Conflict);
    assert_eq!(cancel(&dispatch.core, &by, NOTHING).await.refusal().reason, Reason::DeliveryNotFound);
    let stranger = dispatch.core.tenant().await;
    let failure = cancel(&dispatch.core, &stranger.operator, &taken.id).await.refusal();
    assert_eq!(failure.reason, Reason::DeliveryNotFound);
    let counted = counted_right(&dispatch.core, &dispatch.tenant, &dispatch.endpoint.id).await;
    assert_eq!(counted, BTreeMap::from([(DeliveryStatus::Delivered.into(), 1)]));
}

async fn a_request_under_way_is_recorded_and_decides_unless_it_fails(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 16).await;
    let by = dispatch.tenant.operator.clone();
    for (status, end) in [(500, DeliveryStatus::Canceled), (200, DeliveryStatus::Delivered)] {
        let taken = dispatch.delivery("Hello").await;
        let before = log(&dispatch.core, &by, list_of(&dispatch.endpoint.id)).await.deliveries.remove(0);
        let stopped = cancel(&dispatch.core, &by, &taken.id).await.answer().delivery.expect("a delivery");
        assert_eq!((stopped.status(), stopped.attempt_count), (DeliveryStatus::Canceled, 0));
        assert!(stopped.revision > before.revision);
        assert_eq!(cancel(&dispatch.core, &by, &taken.id).await.refusal().reason, Reason::Conflict);
        counted_right(&dispatch.core, &dispatch.tenant, &dispatch.endpoint.id).await;
        dispatch.report(&taken, status).await;
        let after = dispatch.shown(&taken).await;
        assert_eq!((after.status(), after.attempt_count, after.attempts.len()), (end, 1, 1));
        let row = log(&dispatch.core, &by, list_of(&dispatch.endpoint.id)).await.deliveries.remove(0);
        assert_eq!((row.duration_ms, row.next_attempt_at), (Some(12), None));
        assert!(row.revision > stopped.revision);
        dispatch.core.clock.advance(Duration::from_secs(120));
        assert!(dispatch.claimed().await.is_empty(), "it is not tried again");
        counted_right(&dispatch.core, &dispatch.tenant, &dispatch.endpoint.id).await;
    }
}

async fn a_stopped_delivery_whose_worker_dies_stays_stopped(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 16).await;
    let taken = dispatch.delivery("Hello").await;
    cancel(&dispatch.core, &dispatch.tenant.operator, &taken.id).await.answer();
    dispatch.core.clock.advance(Duration::from_secs(61));
    let lost = until("the lease is taken back", async || {
        Some(dispatch.shown(&taken).await).filter(|it| it.attempts.len() == 1)
    })
    .await;
    assert_eq!((lost.status(), lost.error_code.as_deref()), (DeliveryStatus::Canceled, Some("worker_lost")));
    assert!(dispatch.claimed().await.is_empty());
    counted_right(&dispatch.core, &dispatch.tenant, &dispatch.endpoint.id).await;
}

async fn the_log_is_filtered_by_endpoint_event_time_state_and_id(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let first = core.endpoint(&tenant.key, &["ticket.*"]).await.id;
    let second = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    let foreign = core.endpoint(&other.key, &["*"]).await.id;
    let one = core.ticket(&tenant, "One").await;
    let between = core.clock.now();
    core.changed(&tenant.key, &one.id, v1::TicketChanges { subject: Some("Two".to_owned()), ..Default::default() })
        .await;
    core.ticket(&tenant, "Three").await;
    core.ticket(&other, "Four").await;
    let of = |request| log(&core, &tenant.operator, request);
    let all = of(list_of("")).await;
    let (of_first, of_second) = (of(list_of(&first)).await, of(list_of(&second)).await);
    let mut expected = [ids(&of_first), ids(&of_second)].concat();
    expected.sort_unstable();
    expected.reverse();
    assert_eq!((ids(&all), of_first.deliveries.len(), of_second.deliveries.len()), (expected.clone(), 3, 2));
    assert_eq!(log(&core, &other.operator, list_of("")).await.deliveries.len(), 1);
    let request = list_of(&foreign);
    let failure = core.deliveries().list_deliveries(tenant.operator.ask(request)).await.refusal();
    assert_eq!(failure.reason, Reason::EndpointNotFound);

    let mut walked = Vec::new();
    let mut cursor = None;
    loop {
        let page = of(v1::ListDeliveriesRequest { per_page: Some(2), cursor, ..Default::default() }).await;
        walked.extend(page.deliveries.into_iter().map(|it| it.id));
        cursor = page.meta.expect("a meta").next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(walked, expected, "pages over all endpoints neither skip nor repeat");

    let updated =
        of(v1::ListDeliveriesRequest { event: vec!["ticket.updated".to_owned()], ..Default::default() }).await;
    assert_eq!(updated.deliveries.iter().map(|it| it.event.as_str()).collect::<Vec<_>>(), ["ticket.updated"]);
    let since = |at: Timestamp| v1::ListDeliveriesRequest { created_since: Some(at.into()), ..Default::default() };
    assert_eq!(of(since(between)).await.deliveries.len(), 3);
    let until = v1::ListDeliveriesRequest { created_until: Some(between.into()), ..Default::default() };
    assert_eq!(of(until).await.deliveries.len(), 2, "what one time begins with another ends before");
    let by_id = |id: &str| v1::ListDeliveriesRequest { id: Some(id.to_owned()), ..Default::default() };
    let row = &all.deliveries[1];
    assert_eq!(ids(&of(by_id(&row.id)).await), [row.id.as_str()]);
    let of_event: Vec<_> =
        all.deliveries.iter().filter(|it| it.event_id == row.event_id).map(|it| it.id.as_str()).collect();
    assert_eq!(ids(&of(by_id(&row.event_id.to_uppercase())).await), of_event);
    assert_eq!(of(by_id(NOTHING)).await.deliveries, []);
    assert_eq!(log(&core, &other.operator, by_id(&row.id)).await.deliveries, []);
    let bad = v1::ListDeliveriesRequest { event: vec!["ticket.*".to_owned()], ..Default::default() };
    let failure = core.deliveries().list_deliveries(tenant.operator.ask(bad)).await.refusal();
    assert_eq!(violations(&failure), [("event", "invalid_enum")]);
}

async fn stats_tell_counts_attempts_and_times(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 16).await;
    let (endpoint, tenant) = (dispatch.endpoint.id.clone(), dispatch.tenant.operator.clone());
    for status in [200, 200, 500, 410] {
        if status == 410 {
            dispatch.core.clock.advance(Duration::from_secs(3600));
        }
        let taken = dispatch.delivery("Hello").await;
        dispatch.report(&taken, status).await;
        counted_right(&dispatch.core, &dispatch.tenant, &endpoint).await;
    }
    let retried = dispatch.worker.at_hand();
    for taken in &retried {
        dispatch.report(taken, 200).await;
    }
    let quiet = dispatch.core.endpoint(&tenant, &["*"]).await.id;
    let told = stats(&dispatch.core, &dispatch.tenant, None).await;
    let order: Vec<_> = told.endpoints.iter().map(|it| it.endpoint_id.as_deref()).collect();
    assert_eq!(order, [Some(quiet.as_str()), Some(endpoint.as_str())]);
    let (of_quiet, of_busy) = (&told.endpoints[0], &told.endpoints[1]);
    assert_eq!((of_quiet.counts.len(), &of_quiet.last), (0, &None));
    let day = of_busy.last_24_hours.as_ref().expect("a day");
    let succeeded = 2 + u32::try_from(retried.len()).expect("few");
    assert_eq!((day.succeeded, day.failed, day.buckets.len()), (succeeded, 2, 24));
    let parts: Vec<_> = day.buckets[22..].iter().map(|it| (it.succeeded, it.failed)).collect();
    assert_eq!(parts, [(2, 1), (succeeded - 2, 1)], "by the hour in which they ended");
    assert!((10..=20).contains(&day.median_ms.expect("answers")), "{day:?}");
    let week = of_busy.last_7_days.as_ref().expect("a week");
    assert_eq!((week.succeeded, week.failed, week.buckets.len()), (succeeded, 2, 7));
    assert_eq!(week.buckets[6].succeeded, succeeded);
    let total = told.total.expect("a total");
    assert_eq!(counts(&total), counts(of_busy));
    assert_eq!((total.last_24_hours, &total.last), (of_busy.last_24_hours.clone(), &of_busy.last));
    let failed = DeliveryStatus::Failed.into();
    assert_eq!(counts(of_busy).get(&failed), Some(&1));
    // A test is in the log but does not count among the attempts.
    let test = v1::SendTestEventRequest {
        endpoint_id: endpoint.clone(),
        event: Some("ticket.created".to_owned()),
        data: None,
    };
    dispatch.core.tick();
    dispatch.core.webhooks().send_test_event(tenant.ask(test)).await.answer();
    let taken = dispatch.worker.next().await;
    dispatch.report(&taken, 200).await;
    let after = stats(&dispatch.core, &dispatch.tenant, Some(&endpoint)).await;
    assert_eq!(after.endpoints[0].last_24_hours, of_busy.last_24_hours);
    counted_right(&dispatch.core, &dispatch.tenant, &endpoint).await;
    let failure = dispatch
        .core
        .deliveries()
        .get_delivery_stats(tenant.ask(v1::GetDeliveryStatsRequest { endpoint_id: Some(NOTHING.to_owned()) }))
        .await;
    assert_eq!(failure.refusal().reason, Reason::EndpointNotFound);
}

async fn many_are_sent_again_by_a_filter_and_counted_first(mut core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let first = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    let second = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    let mut worker = Worker::join(&core, 64).await;
    core.run();
    for n in 0..6 {
        core.ticket(&tenant, &format!("Order {n}")).await;
        for _ in 0..2 {
            let taken = worker.next().await;
            // The first endpoint loses three deliveries, the second two.
            let of_first = taken.endpoint.endpoint_id == uuid::Uuid::parse_str(&first).expect("an id").as_bytes()[..];
            let lost = if of_first { n < 3 } else { n == 3 || n == 4 };
            let mut outcome = taken.answered(&core, if lost { 500 } else { 200 });
            outcome.abort = lost;
            worker.report(&core, vec![outcome]).await;
        }
    }
    let request = |dry: bool| v1::ResendDeliveriesRequest { dry_run: Some(dry), ..Default::default() };
    let send = async |request: v1::ResendDeliveriesRequest| {
        core.deliveries().resend_deliveries(tenant.operator.ask(request)).await
    };
    let told = async |request| send(request).await.answer().resend.expect("a job");
    let dry = told(request(true)).await;
    assert_eq!((dry.id, dry.matched, dry.more, dry.resent, dry.done), (None, 5, false, 0, true));
    let one = v1::ResendDeliveriesRequest { endpoint_id: Some(first.clone()), ..request(true) };
    assert_eq!(told(one.clone()).await.matched, 3);
    let delivered = v1::ResendDeliveriesRequest { status: vec![DeliveryStatus::Delivered.into()], ..one.clone() };
    assert_eq!(told(delivered).await.matched, 3);
    let later = v1::ResendDeliveriesRequest { created_since: Some(core.clock.now().into()), ..one.clone() };
    assert_eq!(told(later).await.matched, 0);
    let kinds = v1::ResendDeliveriesRequest { event: vec!["ticket.closed".to_owned()], ..one };
    assert_eq!(told(kinds).await.matched, 0);
    let foreign = core.deliveries().resend_deliveries(other.operator.ask(request(true))).await.answer();
    assert_eq!(foreign.resend.expect("a job").matched, 0);
    let stolen = v1::ResendDeliveriesRequest { endpoint_id: Some(first.clone()), ..Default::default() };
    let failure = core.deliveries().resend_deliveries(other.operator.ask(stolen)).await.refusal();
    assert_eq!(failure.reason, Reason::EndpointNotFound);

    let job = told(request(false)).await;
    let id = job.id.expect("an id");
    assert_eq!(job.matched, 5);
    let mut bodies = Vec::new();
    for _ in 0..5 {
        core.clock.advance(Duration::from_millis(60));
        let taken = worker.next().await;
        assert_eq!(taken.lease.attempt, 2, "attempt numbers go on");
        bodies.push(taken.body.clone());
        worker.report(&core, vec![taken.answered(&core, 200)]).await;
    }
    for n in 0..5 {
        assert!(bodies.iter().any(|body| body.contains(&format!("Order {n}"))));
    }
    let ended = until("the job is done", async || {
        let request = v1::GetResendRequest { resend_id: id.clone() };
        let job = core.deliveries().get_resend(tenant.operator.ask(request)).await.answer().resend.expect("a job");
        Some(job).filter(|job| job.done)
    })
    .await;
    assert_eq!((ended.matched, ended.resent), (5, 5));
    assert_eq!(told(request(true)).await.matched, 0);
    for endpoint in [&first, &second] {
        assert_eq!(
            counted_right_of(&core, &tenant, endpoint).await,
            BTreeMap::from([(DeliveryStatus::Delivered.into(), 6)])
        );
    }
}

async fn an_endpoint_has_one_job_at_a_time(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    core.ticket(&tenant, "Hello").await;
    let one = core.deliveries_of(&tenant.key, &endpoint).await.remove(0);
    cancel(&core, &tenant.operator, &one.id).await.answer();
    let recover = v1::RecoverDeliveriesRequest {
        endpoint_id: endpoint.clone(),
        since: Some(Timestamp::from_micros(0).into()),
        ..Default::default()
    };
    core.webhooks().recover_deliveries(tenant.key.ask(recover)).await.answer();
    let request = v1::ResendDeliveriesRequest { dry_run: None, ..Default::default() };
    let failure = core.deliveries().resend_deliveries(tenant.operator.ask(request)).await.refusal();
    assert_eq!(failure.reason, Reason::Conflict);
    let status = vec![DeliveryStatus::Canceled.into()];
    let request = v1::ResendEndpointDeliveriesRequest { endpoint_id: endpoint, status, ..Default::default() };
    let failure = core.webhooks().resend_endpoint_deliveries(tenant.key.ask(request)).await.refusal();
    assert_eq!(failure.reason, Reason::Conflict);
}

fn list_of(endpoint: &str) -> v1::ListDeliveriesRequest {
    v1::ListDeliveriesRequest { endpoint_id: endpoint.to_owned(), per_page: Some(50), ..Default::default() }
}

async fn counted_right_of(core: &TestCore, tenant: &TestTenant, endpoint: &str) -> BTreeMap<i32, u32> {
    counts(&stats(core, tenant, Some(endpoint)).await.endpoints[0])
}

on_both!(TestCore:
    a_delivery_that_waits_is_stopped_at_once,
    a_request_under_way_is_recorded_and_decides_unless_it_fails,
    a_stopped_delivery_whose_worker_dies_stays_stopped,
    the_log_is_filtered_by_endpoint_event_time_state_and_id,
    stats_tell_counts_attempts_and_times,
    many_are_sent_again_by_a_filter_and_counted_first,
    an_endpoint_has_one_job_at_a_time,
);
