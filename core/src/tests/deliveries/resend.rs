//! Deliveries of one endpoint sent again in bulk, its statistics and what it did not get: calls that REST has as well.

use crate::tests::{
    dispatch::TestDispatch,
    support::{Came as _, Client, NOTHING, TestCore, on_both, until, violations},
};
use inboxops_proto::{
    clock::Timestamp,
    reason::Reason,
    v1::{self, DeliveryStatus},
};
use std::time::Duration;

/// A request for failed deliveries.
fn failed(endpoint: &str) -> v1::ResendEndpointDeliveriesRequest {
    let status = vec![DeliveryStatus::Failed.into()];
    v1::ResendEndpointDeliveriesRequest { endpoint_id: endpoint.to_owned(), status, ..Default::default() }
}

async fn resend(
    core: &TestCore,
    by: &Client,
    request: v1::ResendEndpointDeliveriesRequest,
) -> Result<tonic::Response<v1::ResendEndpointDeliveriesResponse>, tonic::Status> {
    core.webhooks().resend_endpoint_deliveries(by.ask(request)).await
}

async fn matched(core: &TestCore, by: &Client, request: v1::ResendEndpointDeliveriesRequest) -> u32 {
    let dry = v1::ResendEndpointDeliveriesRequest { dry_run: Some(true), ..request };
    let answer = resend(core, by, dry).await.answer();
    let job = answer.recovery.expect("a job");
    assert_eq!((answer.started, job.id, job.created, job.done), (false, None, 0, true));
    job.matched
}

async fn failed_deliveries_of_an_endpoint_are_sent_again_but_no_tests(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 16).await;
    let (by, endpoint) = (dispatch.tenant.key.clone(), dispatch.endpoint.id.clone());
    let test = async |dispatch: &mut TestDispatch| {
        let request = v1::SendTestEventRequest {
            endpoint_id: endpoint.clone(),
            event: Some("ticket.created".to_owned()),
            data: None,
        };
        dispatch.core.webhooks().send_test_event(by.ask(request)).await.answer();
        let taken = dispatch.worker.next().await;
        dispatch.report(&taken, 500).await;
        dispatch.core.tick();
        taken.id
    };
    let mut tests = vec![test(&mut dispatch).await];
    let mut lost = Vec::new();
    let mut times = Vec::new();
    for n in 0..3 {
        times.push(dispatch.core.clock.now());
        let taken = dispatch.delivery(&format!("Order {n}")).await;
        let mut outcome = taken.answered(&dispatch.core, 500);
        outcome.abort = true;
        dispatch.worker.report(&dispatch.core, vec![outcome]).await;
        lost.push(taken.id);
        dispatch.core.clock.advance(Duration::from_millis(5));
    }
    tests.push(test(&mut dispatch).await);
    let core = &dispatch.core;
    assert_eq!(matched(core, &by, failed(&endpoint)).await, 3, "the tests failed as well");
    let since = v1::ResendEndpointDeliveriesRequest { since: Some(times[1].into()), ..failed(&endpoint) };
    assert_eq!(matched(core, &by, since.clone()).await, 2);
    let until_last = v1::ResendEndpointDeliveriesRequest { until: Some(times[2].into()), ..since };
    assert_eq!(matched(core, &by, until_last).await, 1, "the end is excluded");
    let delivered = vec![DeliveryStatus::Delivered.into()];
    let others = v1::ResendEndpointDeliveriesRequest { status: delivered, ..failed(&endpoint) };
    assert_eq!(matched(core, &by, others).await, 0);

    let answer = resend(core, &by, failed(&endpoint)).await.answer();
    let job = answer.recovery.expect("a job");
    assert_eq!((answer.started, job.matched, job.endpoint_id.as_str()), (true, 3, endpoint.as_str()));
    let id = job.id.expect("an id");
    for _ in 0..3 {
        dispatch.core.clock.advance(Duration::from_millis(60));
        let taken = dispatch.worker.next().await;
        assert!(lost.contains(&taken.id) && taken.lease.attempt == 2, "{}", taken.id);
        dispatch.report(&taken, 200).await;
    }
    let progress = async || {
        let request = v1::GetRecoveryRequest { endpoint_id: endpoint.clone(), recovery_id: id.clone() };
        let job = dispatch.core.webhooks().get_recovery(by.ask(request)).await.answer().recovery.expect("a job");
        Some(job).filter(|job| job.done)
    };
    let ended = until("the job is done", progress).await;
    assert_eq!((ended.matched, ended.created), (3, 3));
    assert!(dispatch.worker.at_hand().is_empty(), "tests are left alone");
    for id in &tests {
        assert_eq!(dispatch.core.delivery(&by, id).await.attempt_count, 1);
    }
}

async fn a_bulk_resend_is_refused_as_the_contract_says(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    let none = v1::ResendEndpointDeliveriesRequest { status: Vec::new(), ..failed(&endpoint) };
    assert_eq!(violations(&resend(&core, &tenant.key, none).await.refusal()), [("status", "required")]);
    let later = core.clock.now().plus(Duration::from_secs(1));
    let late = v1::ResendEndpointDeliveriesRequest { since: Some(later.into()), ..failed(&endpoint) };
    assert_eq!(violations(&resend(&core, &tenant.key, late).await.refusal()), [("since", "out_of_range")]);
    for (by, id) in [(&other.key, endpoint.as_str()), (&tenant.key, NOTHING), (&tenant.key, "1")] {
        assert_eq!(resend(&core, by, failed(id)).await.refusal().reason, Reason::EndpointNotFound);
        let request = v1::GetEndpointStatsRequest { endpoint_id: id.to_owned() };
        let failure = core.deliveries().get_endpoint_stats(by.ask(request)).await.refusal();
        assert_eq!(failure.reason, Reason::EndpointNotFound);
    }
    // Nothing matches: a job all the same, as for a recovery.
    let job = resend(&core, &tenant.key, failed(&endpoint)).await.answer().recovery.expect("a job");
    assert_eq!((job.id.is_some(), job.matched, job.done), (true, 0, false));
}

async fn statistics_of_one_endpoint_are_those_among_all(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 16).await;
    let by = dispatch.tenant.key.clone();
    for status in [200, 410] {
        let taken = dispatch.delivery("Hello").await;
        dispatch.report(&taken, status).await;
    }
    let all = v1::GetDeliveryStatsRequest { endpoint_id: None };
    let all = dispatch.core.deliveries().get_delivery_stats(dispatch.tenant.operator.ask(all)).await.answer();
    let request = v1::GetEndpointStatsRequest { endpoint_id: dispatch.endpoint.id.to_uppercase() };
    let one = dispatch.core.deliveries().get_endpoint_stats(by.ask(request)).await.answer().stats.expect("statistics");
    let among = &all.endpoints[0];
    assert_eq!((Some(&one.endpoint_id), &one.counts), (among.endpoint_id.as_ref(), &among.counts));
    assert_eq!((&one.last_24_hours, &one.last_7_days), (&among.last_24_hours, &among.last_7_days));
    assert_eq!(one.last_attempt, among.last);
    assert_eq!(one.counts.len(), 2);
}

async fn what_was_not_delivered_is_listed_from_the_beginning(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    core.ticket(&tenant, "One").await;
    core.clock.advance(Duration::from_secs(24 * 3600));
    core.ticket(&tenant, "Two").await;
    let list = async |since: Option<Timestamp>| {
        let request = v1::ListUndeliveredRequest {
            endpoint_id: endpoint.clone(),
            since: since.map(Into::into),
            ..Default::default()
        };
        core.deliveries().list_undelivered(tenant.key.ask(request)).await.answer().events
    };
    // On PostgreSQL events are read only when nothing older is running on the server.
    let all = until("both", async || Some(list(None).await).filter(|all| all.len() == 2)).await;
    assert!(all.iter().all(|it| it.status == Some(DeliveryStatus::Pending.into())));
    assert_eq!(list(Some(core.clock.now().minus(Duration::from_secs(3600)))).await, all[1..].to_vec());
}

on_both!(TestCore:
    failed_deliveries_of_an_endpoint_are_sent_again_but_no_tests,
    a_bulk_resend_is_refused_as_the_contract_says,
    statistics_of_one_endpoint_are_those_among_all,
    what_was_not_delivered_is_listed_from_the_beginning,
);
