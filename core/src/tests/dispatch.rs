//! Dispatch as a worker sees it: what it gets and when, what its reports do to a delivery, and what happens to a
//! delivery that it never reports.

mod dead;
mod order;
mod paused;
mod rate;
mod restart;
mod rotation;
mod schedule;
mod stale;
mod storm;
mod thin;

use crate::tests::support::{
    ACCEPTED, Came as _, Client, REFUSED, TakenDelivery, TestCore, TestTenant, Worker, on_both, until,
};
use inboxops_proto::{
    admin::v1 as admin,
    clock::Timestamp,
    internal::v1::ReportResponse,
    reason::Reason,
    v1::{self, DeliveryStatus, EndpointStatus},
};
use std::time::Duration;

/// A running core: its loops run, one tenant has one endpoint for new tickets, and a worker waits.
pub(super) struct TestDispatch {
    pub(crate) core: TestCore,
    pub(crate) tenant: TestTenant,
    pub(crate) endpoint: v1::WebhookEndpoint,
    pub(crate) worker: Worker,
    /// An endpoint of another tenant, by which a test sees that a claim has been made.
    probe: (TestTenant, String),
}

impl TestDispatch {
    pub(super) async fn open(mut core: TestCore, window: u32) -> TestDispatch {
        let (tenant, other) = (core.tenant().await, core.tenant().await);
        let endpoint = core.endpoint(&tenant.key, &["ticket.created"]).await;
        let probe = core.endpoint(&other.key, &["ticket.created"]).await.id;
        let worker = Worker::join(&core, window).await;
        core.run();
        TestDispatch { core, tenant, endpoint, worker, probe: (other, probe) }
    }

    /// Opens a ticket and takes its delivery.
    pub(super) async fn delivery(&mut self, subject: &str) -> TakenDelivery {
        self.core.ticket(&self.tenant, subject).await;
        let taken = self.worker.next().await;
        assert!(taken.body.contains(subject), "{}", taken.body);
        taken
    }

    pub(super) async fn report(&self, taken: &TakenDelivery, status: u32) {
        let outcome = taken.answered(&self.core, status);
        assert_eq!(self.worker.report(&self.core, vec![outcome]).await, ACCEPTED);
    }

    pub(super) async fn shown(&self, taken: &TakenDelivery) -> v1::DeliveryDetail {
        self.core.delivery(&self.tenant.operator, &taken.id).await
    }

    /// Entries of the tenant's audit log that InboxOps itself made about the endpoint, each with its reason.
    pub(super) async fn own_actions(&self) -> Vec<(String, String)> {
        let request = admin::ListAuditEntriesRequest { limit: Some(100), ..Default::default() };
        let found = self.core.audits().list_audit_entries(self.tenant.operator.ask(request)).await.answer().entries;
        let own = found.into_iter().filter(|it| it.actor_kind() == admin::ActorKind::System);
        own.map(|it| {
            assert_eq!((&it.actor_name[..], it.target_id), ("InboxOps", Some(self.endpoint.id.clone())));
            (it.action, it.facts.into_iter().map(|fact| fact.value).collect())
        })
        .collect()
    }

    /// Waits for a claim: a waiting delivery of the probe goes out. Returns the deliveries before it.
    pub(super) async fn claimed(&mut self) -> Vec<TakenDelivery> {
        let (other, endpoint) = (&self.probe.0, &self.probe.1);
        let ticket = self.core.opened(&other.operator, crate::tests::support::new_ticket(&other.inbox, "Probe")).await;
        let mut before = Vec::new();
        let probe = loop {
            let taken = self.worker.next().await;
            if taken.body.contains(&ticket.id) {
                break taken;
            }
            before.push(taken);
        };
        self.report(&probe, 200).await;
        let deliveries = self.core.deliveries_of(&other.operator, endpoint).await;
        let resend = v1::ResendDeliveryRequest { delivery_id: deliveries.last().expect("a delivery").id.clone() };
        self.core.deliveries().resend_delivery(other.operator.ask(resend)).await.answer();
        loop {
            let taken = self.worker.next().await;
            if taken.body.contains(&ticket.id) {
                self.report(&taken, 200).await;
                return before;
            }
            before.push(taken);
        }
    }
}

fn time(at: Option<prost_types::Timestamp>) -> Timestamp {
    Timestamp::from(&at.expect("a time"))
}

async fn a_commit_hands_its_delivery_to_a_worker_from_memory(core: TestCore) {
    // No loops run: no poll, no claim.
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["*"]).await;
    let mut worker = Worker::join(&core, 10).await;
    let at = core.clock.now();
    let ticket = core.ticket(&tenant, "Hello").await;
    let taken = worker.next().await;
    assert_eq!(taken.event.as_str(), "ticket.created");
    assert_eq!(taken.lease.attempt, 1);
    assert_eq!(taken.lease.lease_until_us, at.plus(Duration::from_secs(60)).micros());
    assert_eq!(taken.endpoint.url, endpoint.url);
    assert_eq!(taken.endpoint.version, 1);
    assert_eq!(taken.endpoint.secrets, [endpoint.secret.expect("a secret")]);
    let one = core.delivery(&tenant.key, &taken.id).await;
    assert_eq!((&one.payload, one.status()), (&taken.body, DeliveryStatus::Pending), "under way");
    assert!(taken.body.contains(&ticket.id));

    let at = core.clock.now();
    assert_eq!(worker.report(&core, vec![taken.answered(&core, 204)]).await, ACCEPTED);
    let one = core.delivery(&tenant.key, &taken.id).await;
    let header = |name: &str, value: &str| v1::HttpHeader { name: name.to_owned(), value: value.to_owned() };
    let attempt = v1::Attempt {
        number: 1,
        started_at: Some(at.into()),
        duration_ms: 12,
        response_status: Some(204),
        response_body: Some("ok".to_owned()),
        response_headers: vec![header("content-type", "text/plain")],
        request_headers: vec![header("webhook-id", "x")],
        error_code: None,
        error: None,
        succeeded: true,
    };
    assert_eq!(one.attempts, [attempt]);
    assert_eq!(one.status(), DeliveryStatus::Delivered);
    assert_eq!(one.attempt_count, 1);
    assert_eq!(one.response_status, Some(204));
    assert_eq!((one.delivered_at, one.next_attempt_at), (Some(at.into()), None));
    let request = v1::GetWebhookEndpointRequest { endpoint_id: endpoint.id };
    let shown = core.webhooks().get_webhook_endpoint(tenant.key.ask(request)).await.answer().endpoint.expect("one");
    let last = v1::LastDelivery {
        id: taken.id,
        status: DeliveryStatus::Delivered.into(),
        response_status: Some(204),
        at: Some(at.into()),
    };
    assert_eq!((shown.status(), shown.last_delivery), (EndpointStatus::Active, Some(last)));
}

async fn a_worker_holds_no_more_than_its_window(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 3).await;
    let mut held = vec![dispatch.delivery("First").await];
    for n in 0..6 {
        dispatch.core.ticket(&dispatch.tenant, &format!("Order {n}")).await;
    }
    let mut seen = vec![held[0].id.clone()];
    while seen.len() < 7 {
        while held.len() < 3 && seen.len() < 7 {
            let next = dispatch.worker.next().await;
            seen.push(next.id.clone());
            held.push(next);
        }
        assert!(dispatch.worker.at_hand().is_empty(), "the window is full");
        let done = held.remove(0);
        dispatch.report(&done, 200).await;
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 7, "each once");
}

async fn a_window_is_at_least_one(core: TestCore) {
    let client = Client::key(&core.service_token("worker", true).await);
    let request = inboxops_proto::internal::v1::WorkRequest { worker_id: "test".to_owned(), window: 0, slots: 0 };
    let Err(status) = core.dispatch().work(client.ask(request)).await else { panic!("not refused") };
    assert_eq!(inboxops_proto::failure::Failure::of(&status).reason, Reason::ValidationFailed);
}

async fn two_workers_share_the_work(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 1).await;
    let mut second = Worker::join(&dispatch.core, 1).await;
    for n in 0..2 {
        dispatch.core.ticket(&dispatch.tenant, &format!("Order {n}")).await;
    }
    let (one, other) = (dispatch.worker.next().await, second.next().await);
    assert_ne!(one.id, other.id);
    dispatch.report(&one, 200).await;
    assert_eq!(second.report(&dispatch.core, vec![other.answered(&dispatch.core, 200)]).await, ACCEPTED);
}

async fn a_lease_that_ends_without_a_report_is_an_attempt_and_sent_again(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let at = dispatch.core.clock.now();
    let first = dispatch.delivery("Hello").await;
    // Every ticket moves the clock by a millisecond, also those that wait for a claim.
    dispatch.core.clock.advance(Duration::from_millis(59_900));
    let wait = dispatch.claimed().await;
    assert!(wait.is_empty(), "the lease still runs");
    dispatch.core.clock.advance(Duration::from_millis(100));
    let second = dispatch.worker.next().await;
    assert_eq!(second.id, first.id);
    assert_eq!(second.lease.attempt, 2);
    assert!(second.lease.token > first.lease.token && second.body == first.body);
    let late = first.answered(&dispatch.core, 200);
    assert_eq!(dispatch.worker.report(&dispatch.core, vec![late.clone()]).await, REFUSED, "its token is old");
    dispatch.report(&second, 500).await;
    assert_eq!(
        dispatch.worker.report(&dispatch.core, vec![late, second.answered(&dispatch.core, 200)]).await,
        ReportResponse { accepted: 0, refused: 2 }
    );
    let one = dispatch.shown(&first).await;
    assert_eq!(one.status(), DeliveryStatus::Retrying);
    assert_eq!(one.attempt_count, 2);
    let lost = &one.attempts[0];
    assert_eq!(lost.number, 1);
    assert_eq!(lost.error_code.as_deref(), Some("worker_lost"));
    assert!(!lost.succeeded);
    assert_eq!((lost.started_at, lost.response_status), (Some(at.into()), None));
    assert!(lost.error.as_ref().is_some_and(|text| text.ends_with('.')));
    let wait = time(one.next_attempt_at).since(dispatch.core.clock.now());
    assert!(wait <= Duration::from_secs(66), "a lost worker is none of the ten: {wait:?}");
}

async fn a_worker_that_left_may_still_report(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let (kept, lost) = (dispatch.delivery("Kept").await, dispatch.delivery("Lost").await);
    dispatch.worker = Worker::join(&dispatch.core, 10).await;
    dispatch.report(&kept, 200).await;
    assert_eq!(dispatch.shown(&kept).await.status(), DeliveryStatus::Delivered);
    dispatch.core.clock.advance(Duration::from_secs(60));
    let again = dispatch.worker.next().await;
    assert_eq!(again.id, lost.id);
    assert_eq!(again.lease.attempt, 2);
    assert!(dispatch.claimed().await.is_empty(), "the reported one does not come again");
}

async fn what_no_worker_takes_is_parked_and_claimed_when_one_comes(mut core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    core.run();
    for n in 0..3 {
        core.ticket(&tenant, &format!("Order {n}")).await;
    }
    let parked = async || {
        let deliveries = core.deliveries_of(&tenant.key, &endpoint).await;
        deliveries.iter().all(|it| it.next_attempt_at.is_some()).then_some(deliveries)
    };
    let deliveries = until("parked deliveries", parked).await;
    assert!(deliveries.iter().all(|it| it.status() == DeliveryStatus::Pending && it.attempt_count == 0));
    let mut worker = Worker::join(&core, 10).await;
    for delivery in deliveries {
        let taken = worker.next().await;
        assert_eq!(taken.id, delivery.id, "in their order");
        assert_eq!(taken.lease.attempt, 1, "no attempt was spent");
    }
}

async fn an_edited_endpoint_counts_from_the_next_request_on(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let first = dispatch.delivery("Before").await;
    dispatch.report(&first, 500).await;
    let changes =
        v1::WebhookEndpointChanges { url: Some("https://93.184.216.34/other".to_owned()), ..Default::default() };
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        endpoint: Some(changes),
        update_mask: None,
    };
    dispatch.core.webhooks().update_webhook_endpoint(dispatch.tenant.key.ask(request)).await.answer();
    let next = dispatch.delivery("After").await;
    assert_eq!(next.endpoint.url.as_str(), "https://93.184.216.34/other");
    assert_eq!(next.endpoint.version, 2);
    dispatch.core.clock.advance(Duration::from_secs(120));
    let retry = dispatch.worker.next().await;
    assert_eq!((retry.id, retry.endpoint.url.as_str()), (first.id, "https://93.184.216.34/other"));
}

async fn a_delivery_is_sent_again_on_a_schedule_of_its_own(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let first = dispatch.delivery("Hello").await;
    dispatch.report(&first, 410).await;
    assert_eq!(dispatch.shown(&first).await.status(), DeliveryStatus::Failed);
    let request = || v1::ResendDeliveryRequest { delivery_id: first.id.clone() };
    let enable = v1::UpdateWebhookEndpointRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { enabled: Some(true), ..Default::default() }),
        update_mask: None,
    };
    dispatch.core.webhooks().update_webhook_endpoint(dispatch.tenant.key.ask(enable)).await.answer();
    let answered = dispatch.core.deliveries().resend_delivery(dispatch.tenant.key.ask(request())).await.answer();
    let answered = answered.delivery.expect("a delivery");
    assert_eq!(answered.status(), DeliveryStatus::Retrying);
    assert_eq!(answered.attempt_count, 1);
    assert_eq!(time(answered.next_attempt_at), dispatch.core.clock.now());
    let second = dispatch.worker.next().await;
    assert_eq!(second.lease.attempt, 2, "numbers go on");
    assert_eq!(second.body, first.body, "the bytes stay");
    dispatch.report(&second, 500).await;
    let wait = time(dispatch.shown(&first).await.next_attempt_at).since(dispatch.core.clock.now());
    assert!(wait <= Duration::from_secs(66), "the first step again: {wait:?}");
    dispatch.core.deliveries().resend_delivery(dispatch.tenant.key.ask(request())).await.answer();
    let third = dispatch.worker.next().await;
    let failure = dispatch.core.deliveries().resend_delivery(dispatch.tenant.key.ask(request())).await.refusal();
    assert_eq!(failure.reason, Reason::Conflict, "one in flight at a time");
    dispatch.report(&third, 200).await;
    let one = dispatch.shown(&first).await;
    assert_eq!(one.status(), DeliveryStatus::Delivered);
    assert_eq!(one.attempts.len(), 3);
    dispatch.core.clock.advance(Duration::from_secs(86_400));
    assert!(dispatch.claimed().await.is_empty(), "the retry that was planned is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_takes_back_the_leases_of_its_predecessor_at_once() {
    let mut dispatch = TestDispatch::open(TestCore::sqlite().await, 10).await;
    let held = dispatch.delivery("Hello").await;
    let TestDispatch { core, tenant, worker, .. } = dispatch;
    let late = held.answered(&core, 200);
    drop(worker);
    let mut core = core.again(|_| {}).await;
    core.run();
    let mut worker = Worker::join(&core, 10).await;
    let again = worker.next().await;
    assert_eq!(again.id, held.id, "no clock moved");
    assert_eq!(again.lease.attempt, 2);
    assert_eq!(worker.report(&core, vec![late]).await, REFUSED);
    assert_eq!(worker.report(&core, vec![again.answered(&core, 200)]).await, ACCEPTED);
    let one = core.delivery(&tenant.operator, &held.id).await;
    let codes: Vec<Option<&str>> = one.attempts.iter().map(|it| it.error_code.as_deref()).collect();
    assert_eq!((one.status(), codes), (DeliveryStatus::Delivered, vec![Some("worker_lost"), None]));
}

/// A report that the database could not store is accepted when it is repeated: a delivered event is not sent twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_could_not_be_stored_is_not_lost() {
    let mut dispatch = TestDispatch::open(TestCore::postgres().await, 10).await;
    let taken = dispatch.delivery("Hello").await;
    let postgres = dispatch.core.postgres.clone().expect("a database");
    let outcome = taken.answered(&dispatch.core, 200);
    postgres.let_in(false);
    postgres.cut();
    let status =
        dispatch.worker.try_report(&dispatch.core, vec![outcome.clone()]).await.expect_err("the database is away");
    let failure = inboxops_proto::failure::Failure::of(&status);
    assert_eq!(failure.reason, Reason::ServiceUnavailable);
    postgres.let_in(true);
    let again = async || dispatch.worker.try_report(&dispatch.core, vec![outcome.clone()]).await.ok();
    let told = until("an answer", again).await.into_inner();
    assert_eq!(told.accepted, 1);
    assert_eq!(told.refused, 0);
    assert_eq!(dispatch.shown(&taken).await.status(), DeliveryStatus::Delivered);
}

/// A core whose clock jumped, or that could not reach the database for a while, does not take its own leases for those
/// of a dead core, not even if it was silent for so long that another core dropped it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_core_that_was_silent_keeps_its_own_leases() {
    let mut dispatch = TestDispatch::open(TestCore::postgres().await, 10).await;
    let postgres = dispatch.core.postgres.clone().expect("a database");
    for forgotten in [false, true] {
        dispatch.core.clock.advance(Duration::from_secs(11));
        let taken = dispatch.delivery("Hello").await;
        dispatch.core.clock.advance(Duration::from_secs(30));
        if forgotten {
            postgres.run("DELETE FROM cores");
        }
        let seen = format!("SELECT 1 FROM cores WHERE seen_at >= {}", dispatch.core.clock.now().micros());
        until("a sign of life", async || postgres.has(&seen).then_some(())).await;
        assert!(dispatch.claimed().await.is_empty());
        dispatch.report(&taken, 200).await;
        let one = dispatch.shown(&taken).await;
        assert_eq!(one.status(), DeliveryStatus::Delivered);
        assert_eq!(one.attempts.len(), 1);
    }
}

on_both!(TestCore:
    a_commit_hands_its_delivery_to_a_worker_from_memory,
    a_worker_holds_no_more_than_its_window,
    a_window_is_at_least_one,
    two_workers_share_the_work,
    a_lease_that_ends_without_a_report_is_an_attempt_and_sent_again,
    a_worker_that_left_may_still_report,
    what_no_worker_takes_is_parked_and_claimed_when_one_comes,
    an_edited_endpoint_counts_from_the_next_request_on,
    a_delivery_is_sent_again_on_a_schedule_of_its_own,
);
