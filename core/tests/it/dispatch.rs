//! Dispatch as a worker sees it: what it is handed and when, what its reports make of a delivery, and what becomes of
//! what it never reports.

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

use crate::support::{Came as _, Client, Desk, Taken, Worker, Workspace, on_both, until};
use inboxops_proto::{
    admin::v1 as admin,
    clock::Timestamp,
    reason::Reason,
    v1::{self, DeliveryStatus, EndpointStatus},
};
use std::time::Duration;

/// A desk at work: its loops run, one tenant has one endpoint of new tickets, and a worker waits.
pub struct Shop {
    pub desk: Desk,
    pub home: Workspace,
    pub endpoint: v1::WebhookEndpoint,
    pub worker: Worker,
    /// An endpoint of another tenant, by which a test sees that a claim went by.
    probe: (Workspace, String),
}

impl Shop {
    pub async fn open(mut desk: Desk, window: u32) -> Shop {
        let (home, other) = (desk.workspace().await, desk.workspace().await);
        let endpoint = desk.endpoint(&home.key, &["ticket.created"]).await;
        let probe = desk.endpoint(&other.key, &["ticket.created"]).await.id;
        let worker = Worker::join(&desk, window).await;
        desk.run();
        Shop { desk, home, endpoint, worker, probe: (other, probe) }
    }

    /// Opens a ticket and takes its delivery.
    pub async fn delivery(&mut self, subject: &str) -> Taken {
        self.desk.ticket(&self.home, subject).await;
        let taken = self.worker.next().await;
        assert!(taken.body.contains(subject), "{}", taken.body);
        taken
    }

    pub async fn report(&self, taken: &Taken, status: u32) {
        let outcome = taken.answered(&self.desk, status);
        assert_eq!(self.worker.report(&self.desk, vec![outcome]).await, (1, 0));
    }

    pub async fn shown(&self, taken: &Taken) -> v1::DeliveryDetail {
        self.desk.delivery(&self.home.operator, &taken.id).await
    }

    /// Actions on the tenant's record that InboxOps itself did to the endpoint, each with its reason.
    pub async fn own_actions(&self) -> Vec<(String, String)> {
        let request = admin::ListAuditEntriesRequest { limit: Some(100), ..Default::default() };
        let found = self.desk.audits().list_audit_entries(self.home.operator.ask(request)).await.answer().entries;
        let own = found.into_iter().filter(|it| it.actor_kind() == admin::ActorKind::System);
        own.map(|it| {
            assert_eq!((&it.actor_name[..], it.target_id), ("InboxOps", Some(self.endpoint.id.clone())));
            (it.action, it.facts.into_iter().map(|fact| fact.value).collect())
        })
        .collect()
    }

    /// Lets a claim go by: a delivery that waits for one goes out. What came before it is returned.
    pub async fn claimed(&mut self) -> Vec<Taken> {
        let (other, endpoint) = (&self.probe.0, &self.probe.1);
        let ticket = self.desk.opened(&other.operator, crate::support::new_ticket(&other.inbox, "Probe")).await;
        let mut before = Vec::new();
        let probe = loop {
            let taken = self.worker.next().await;
            if taken.body.contains(&ticket.id) {
                break taken;
            }
            before.push(taken);
        };
        self.report(&probe, 200).await;
        let deliveries = self.desk.deliveries_of(&other.operator, endpoint).await;
        let resend = v1::ResendDeliveryRequest { delivery_id: deliveries.last().expect("a delivery").id.clone() };
        self.desk.deliveries().resend_delivery(other.operator.ask(resend)).await.answer();
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

async fn a_commit_hands_its_delivery_to_a_worker_from_memory(desk: Desk) {
    // Nothing runs beside the calls: no poll, no claim.
    let home = desk.workspace().await;
    let endpoint = desk.endpoint(&home.key, &["*"]).await;
    let mut worker = Worker::join(&desk, 10).await;
    let at = desk.clock.now();
    let ticket = desk.ticket(&home, "Hello").await;
    let taken = worker.next().await;
    assert_eq!((taken.event.as_str(), taken.lease.attempt), ("ticket.created", 1));
    assert_eq!(taken.lease.lease_until_us, at.plus(Duration::from_secs(60)).micros());
    assert_eq!((taken.endpoint.url.as_str(), taken.endpoint.version), (endpoint.url.as_str(), 1));
    assert_eq!(taken.endpoint.secrets, [endpoint.secret.expect("a secret")]);
    let one = desk.delivery(&home.key, &taken.id).await;
    assert_eq!((&one.payload, one.status()), (&taken.body, DeliveryStatus::Pending), "under way");
    assert!(taken.body.contains(&ticket.id));

    let at = desk.clock.now();
    assert_eq!(worker.report(&desk, vec![taken.answered(&desk, 204)]).await, (1, 0));
    let one = desk.delivery(&home.key, &taken.id).await;
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
    assert_eq!((one.status(), one.attempt_count, one.response_status), (DeliveryStatus::Delivered, 1, Some(204)));
    assert_eq!((one.delivered_at, one.next_attempt_at), (Some(at.into()), None));
    let request = v1::GetWebhookEndpointRequest { endpoint_id: endpoint.id };
    let shown = desk.webhooks().get_webhook_endpoint(home.key.ask(request)).await.answer().endpoint.expect("one");
    let last = v1::LastDelivery {
        id: taken.id,
        status: DeliveryStatus::Delivered.into(),
        response_status: Some(204),
        at: Some(at.into()),
    };
    assert_eq!((shown.status(), shown.last_delivery), (EndpointStatus::Active, Some(last)));
}

async fn a_worker_holds_no_more_than_its_window(desk: Desk) {
    let mut shop = Shop::open(desk, 3).await;
    let mut held = vec![shop.delivery("First").await];
    for n in 0..6 {
        shop.desk.ticket(&shop.home, &format!("Order {n}")).await;
    }
    let mut seen = vec![held[0].id.clone()];
    while seen.len() < 7 {
        while held.len() < 3 && seen.len() < 7 {
            let next = shop.worker.next().await;
            seen.push(next.id.clone());
            held.push(next);
        }
        assert!(shop.worker.at_hand().is_empty(), "the window is full");
        let done = held.remove(0);
        shop.report(&done, 200).await;
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 7, "each once");
}

async fn a_window_is_at_least_one(desk: Desk) {
    let client = Client::key(&desk.service_token("worker", true).await);
    let request = inboxops_proto::internal::v1::WorkRequest { worker_id: "test".to_owned(), window: 0, slots: 0 };
    let Err(status) = desk.dispatch().work(client.ask(request)).await else { panic!("not refused") };
    assert_eq!(inboxops_proto::failure::Failure::of(&status).reason, Reason::ValidationFailed);
}

async fn two_workers_share_the_work(desk: Desk) {
    let mut shop = Shop::open(desk, 1).await;
    let mut second = Worker::join(&shop.desk, 1).await;
    for n in 0..2 {
        shop.desk.ticket(&shop.home, &format!("Order {n}")).await;
    }
    let (one, other) = (shop.worker.next().await, second.next().await);
    assert_ne!(one.id, other.id);
    shop.report(&one, 200).await;
    assert_eq!(second.report(&shop.desk, vec![other.answered(&shop.desk, 200)]).await, (1, 0));
}

async fn a_lease_that_ends_without_a_report_is_an_attempt_and_sent_again(desk: Desk) {
    let mut shop = Shop::open(desk, 10).await;
    let at = shop.desk.clock.now();
    let first = shop.delivery("Hello").await;
    shop.desk.clock.advance(Duration::from_secs(60) - Duration::from_millis(1) - Duration::from_micros(1));
    let wait = shop.claimed().await;
    assert!(wait.is_empty(), "the lease still runs");
    shop.desk.clock.advance(Duration::from_millis(1));
    let second = shop.worker.next().await;
    assert_eq!((second.id.as_str(), second.lease.attempt), (first.id.as_str(), 2));
    assert!(second.lease.token > first.lease.token && second.body == first.body);
    let late = first.answered(&shop.desk, 200);
    assert_eq!(shop.worker.report(&shop.desk, vec![late.clone()]).await, (0, 1), "its token is old");
    shop.report(&second, 500).await;
    assert_eq!(shop.worker.report(&shop.desk, vec![late, second.answered(&shop.desk, 200)]).await, (0, 2));
    let one = shop.shown(&first).await;
    assert_eq!((one.status(), one.attempt_count), (DeliveryStatus::Retrying, 2));
    let lost = &one.attempts[0];
    assert_eq!((lost.number, lost.error_code.as_deref(), lost.succeeded), (1, Some("worker_lost"), false));
    assert_eq!((lost.started_at, lost.response_status), (Some(at.into()), None));
    assert!(lost.error.as_ref().is_some_and(|text| text.ends_with('.')));
    let wait = time(one.next_attempt_at).since(shop.desk.clock.now());
    assert!(wait <= Duration::from_secs(66), "a lost worker is none of the ten: {wait:?}");
}

async fn a_worker_that_left_may_still_report(desk: Desk) {
    let mut shop = Shop::open(desk, 10).await;
    let (kept, lost) = (shop.delivery("Kept").await, shop.delivery("Lost").await);
    shop.worker = Worker::join(&shop.desk, 10).await;
    shop.report(&kept, 200).await;
    assert_eq!(shop.shown(&kept).await.status(), DeliveryStatus::Delivered);
    shop.desk.clock.advance(Duration::from_secs(60));
    let again = shop.worker.next().await;
    assert_eq!((again.id, again.lease.attempt), (lost.id, 2));
    assert!(shop.claimed().await.is_empty(), "the reported one does not come again");
}

async fn what_no_worker_takes_is_parked_and_claimed_when_one_comes(mut desk: Desk) {
    let home = desk.workspace().await;
    let endpoint = desk.endpoint(&home.key, &["*"]).await.id;
    desk.run();
    for n in 0..3 {
        desk.ticket(&home, &format!("Order {n}")).await;
    }
    let parked = async || {
        let deliveries = desk.deliveries_of(&home.key, &endpoint).await;
        deliveries.iter().all(|it| it.next_attempt_at.is_some()).then_some(deliveries)
    };
    let deliveries = until("parked deliveries", parked).await;
    assert!(deliveries.iter().all(|it| it.status() == DeliveryStatus::Pending && it.attempt_count == 0));
    let mut worker = Worker::join(&desk, 10).await;
    for delivery in deliveries {
        let taken = worker.next().await;
        assert_eq!((taken.id, taken.lease.attempt), (delivery.id, 1), "in their order, and no attempt was spent");
    }
}

async fn an_edited_endpoint_counts_from_the_next_request_on(desk: Desk) {
    let mut shop = Shop::open(desk, 10).await;
    let first = shop.delivery("Before").await;
    shop.report(&first, 500).await;
    let changes =
        v1::WebhookEndpointChanges { url: Some("https://93.184.216.34/other".to_owned()), ..Default::default() };
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: shop.endpoint.id.clone(),
        endpoint: Some(changes),
        update_mask: None,
    };
    shop.desk.webhooks().update_webhook_endpoint(shop.home.key.ask(request)).await.answer();
    let next = shop.delivery("After").await;
    assert_eq!((next.endpoint.url.as_str(), next.endpoint.version), ("https://93.184.216.34/other", 2));
    shop.desk.clock.advance(Duration::from_secs(120));
    let retry = shop.worker.next().await;
    assert_eq!((retry.id, retry.endpoint.url.as_str()), (first.id, "https://93.184.216.34/other"));
}

async fn a_delivery_is_sent_again_on_a_schedule_of_its_own(desk: Desk) {
    let mut shop = Shop::open(desk, 10).await;
    let first = shop.delivery("Hello").await;
    shop.report(&first, 410).await;
    assert_eq!(shop.shown(&first).await.status(), DeliveryStatus::Failed);
    let request = || v1::ResendDeliveryRequest { delivery_id: first.id.clone() };
    let enable = v1::UpdateWebhookEndpointRequest {
        endpoint_id: shop.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { enabled: Some(true), ..Default::default() }),
        update_mask: None,
    };
    shop.desk.webhooks().update_webhook_endpoint(shop.home.key.ask(enable)).await.answer();
    let answered = shop.desk.deliveries().resend_delivery(shop.home.key.ask(request())).await.answer();
    let answered = answered.delivery.expect("a delivery");
    assert_eq!((answered.status(), answered.attempt_count), (DeliveryStatus::Retrying, 1));
    assert_eq!(time(answered.next_attempt_at), shop.desk.clock.now());
    let second = shop.worker.next().await;
    assert_eq!((second.lease.attempt, &second.body), (2, &first.body), "numbers go on, the bytes stay");
    shop.report(&second, 500).await;
    let wait = time(shop.shown(&first).await.next_attempt_at).since(shop.desk.clock.now());
    assert!(wait <= Duration::from_secs(66), "the first step again: {wait:?}");
    shop.desk.deliveries().resend_delivery(shop.home.key.ask(request())).await.answer();
    let third = shop.worker.next().await;
    let failure = shop.desk.deliveries().resend_delivery(shop.home.key.ask(request())).await.refusal();
    assert_eq!(failure.reason, Reason::Conflict, "one in flight at a time");
    shop.report(&third, 200).await;
    let one = shop.shown(&first).await;
    assert_eq!((one.status(), one.attempts.len()), (DeliveryStatus::Delivered, 3));
    shop.desk.clock.advance(Duration::from_secs(86_400));
    assert!(shop.claimed().await.is_empty(), "the retry that was planned is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_takes_back_the_leases_of_its_predecessor_at_once() {
    let mut shop = Shop::open(Desk::sqlite().await, 10).await;
    let held = shop.delivery("Hello").await;
    let Shop { desk, home, worker, .. } = shop;
    let late = held.answered(&desk, 200);
    drop(worker);
    let mut desk = desk.again(|_| {}).await;
    desk.run();
    let mut worker = Worker::join(&desk, 10).await;
    let again = worker.next().await;
    assert_eq!((&again.id, again.lease.attempt), (&held.id, 2), "no clock moved");
    assert_eq!(worker.report(&desk, vec![late]).await, (0, 1));
    assert_eq!(worker.report(&desk, vec![again.answered(&desk, 200)]).await, (1, 0));
    let one = desk.delivery(&home.operator, &held.id).await;
    let codes: Vec<Option<&str>> = one.attempts.iter().map(|it| it.error_code.as_deref()).collect();
    assert_eq!((one.status(), codes), (DeliveryStatus::Delivered, vec![Some("worker_lost"), None]));
}

/// A report that the database could not take is taken when it is made again: what was delivered is not sent twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_could_not_be_stored_is_not_lost() {
    let mut shop = Shop::open(Desk::postgres().await, 10).await;
    let taken = shop.delivery("Hello").await;
    let postgres = shop.desk.postgres.clone().expect("a database");
    let outcome = taken.answered(&shop.desk, 200);
    postgres.let_in(false);
    postgres.cut();
    let status = shop.worker.try_report(&shop.desk, vec![outcome.clone()]).await.expect_err("the database is away");
    let failure = inboxops_proto::failure::Failure::of(&status);
    assert!(matches!(failure.reason, Reason::ServiceUnavailable | Reason::Timeout | Reason::InternalError));
    postgres.let_in(true);
    let again = async || shop.worker.try_report(&shop.desk, vec![outcome.clone()]).await.ok();
    let told = until("an answer", again).await.into_inner();
    assert_eq!((told.accepted, told.refused), (1, 0));
    assert_eq!(shop.shown(&taken).await.status(), DeliveryStatus::Delivered);
}

/// A core whose clock jumped, or that could not reach the database for a while, does not take its own leases for those
/// of a dead one; not even when it was silent for so long that another core forgot it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_core_that_was_silent_keeps_its_own_leases() {
    let mut shop = Shop::open(Desk::postgres().await, 10).await;
    let postgres = shop.desk.postgres.clone().expect("a database");
    for forgotten in [false, true] {
        shop.desk.clock.advance(Duration::from_secs(11));
        let taken = shop.delivery("Hello").await;
        shop.desk.clock.advance(Duration::from_secs(30));
        if forgotten {
            postgres.run("DELETE FROM cores");
        }
        let seen = format!("SELECT 1 FROM cores WHERE seen_at >= {}", shop.desk.clock.now().micros());
        until("a sign of life", async || postgres.has(&seen).then_some(())).await;
        assert!(shop.claimed().await.is_empty());
        shop.report(&taken, 200).await;
        let one = shop.shown(&taken).await;
        assert_eq!((one.status(), one.attempts.len()), (DeliveryStatus::Delivered, 1));
    }
}

on_both!(Desk:
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
