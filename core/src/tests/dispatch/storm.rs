//! Random events: responses of all kinds, workers that leave, clocks that jump, an endpoint disabled and enabled. In
//! the end every delivery has ended, none was sent after its success was recorded, and every request is recorded once.

use crate::tests::support::{Came as _, TakenDelivery, TestCore, TestTenant, Worker, on_both, until};
use inboxops_proto::{
    internal::v1::ReportResponse,
    v1::{self, DeliveryStatus},
};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

#[derive(Clone, Debug)]
enum Step {
    Open(usize),
    Answer { at: usize, status: u32, keep: bool },
    Leave,
    Wait(u64),
    Switch(bool),
}

fn steps(count: usize) -> Vec<Step> {
    let answer = (any::<usize>(), prop_oneof![3 => Just(204u32), 1 => Just(500), 1 => Just(429)], any::<bool>());
    let step = prop_oneof![
        2 => (1..4usize).prop_map(Step::Open),
        6 => answer.prop_map(|(at, status, keep)| Step::Answer { at, status, keep }),
        1 => Just(Step::Leave),
        2 => (1..90u64).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::Switch),
    ];
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRunner::deterministic().rng().clone());
    proptest::collection::vec(step, count).new_tree(&mut runner).expect("steps").current()
}

struct Storm {
    core: TestCore,
    tenant: TestTenant,
    endpoint: String,
    worker: Worker,
    held: Vec<TakenDelivery>,
    /// Accepted reports of each delivery.
    accepted: HashMap<String, usize>,
    delivered: HashSet<String>,
}

impl Storm {
    fn take(&mut self) {
        for taken in self.worker.at_hand() {
            assert!(!self.delivered.contains(&taken.id), "sent again after its success was on record");
            self.held.push(taken);
        }
    }

    async fn answer(&mut self, taken: &TakenDelivery, status: u32) {
        let ReportResponse { accepted, refused } =
            self.worker.report(&self.core, vec![taken.answered(&self.core, status)]).await;
        assert_eq!(accepted + refused, 1);
        if accepted == 1 {
            *self.accepted.entry(taken.id.clone()).or_default() += 1;
            if status < 300 {
                assert!(self.delivered.insert(taken.id.clone()), "one success for each");
            }
        }
    }

    async fn switch(&self, on: bool) {
        let request = v1::UpdateWebhookEndpointRequest {
            endpoint_id: self.endpoint.clone(),
            endpoint: Some(v1::WebhookEndpointChanges { enabled: Some(on), ..Default::default() }),
            update_mask: None,
        };
        self.core.webhooks().update_webhook_endpoint(self.tenant.key.ask(request)).await.answer();
    }

    /// Answers everything with success until nothing waits.
    async fn calm(&mut self) -> Vec<v1::Delivery> {
        self.switch(true).await;
        loop {
            self.take();
            while let Some(taken) = self.held.pop() {
                self.answer(&taken, 204).await;
            }
            let deliveries = self.core.deliveries_of(&self.tenant.key, &self.endpoint).await;
            let over = |it: &v1::Delivery| matches!(it.status(), DeliveryStatus::Delivered | DeliveryStatus::Failed);
            if deliveries.iter().all(over) {
                return deliveries;
            }
            // Whatever is due arrives now, unless it waits for a lease that expires later; then the clock moves on.
            self.core.clock.advance(Duration::from_secs(60));
            self.worker.comes_within(Duration::from_millis(300)).await;
        }
    }
}

async fn nothing_is_lost_or_sent_twice_in_a_storm(mut core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    let worker = Worker::join(&core, 4).await;
    core.run();
    let (accepted, delivered) = (HashMap::new(), HashSet::new());
    let mut storm = Storm { core, tenant, endpoint, worker, held: Vec::new(), accepted, delivered };
    let (mut on, mut wanted) = (true, 0);
    for step in steps(120) {
        storm.take();
        match step {
            Step::Open(count) => {
                for _ in 0..count {
                    storm.core.ticket(&storm.tenant, "Storm").await;
                    wanted += usize::from(on);
                }
            }
            Step::Answer { at, status, keep } if !storm.held.is_empty() => {
                let at = at % storm.held.len();
                let taken = if keep { storm.held[at].clone() } else { storm.held.swap_remove(at) };
                if !storm.delivered.contains(&taken.id) {
                    // Kept ones are reported again later, with a token that may be outdated by then.
                    storm.answer(&taken, status).await;
                }
            }
            Step::Answer { .. } => {}
            Step::Leave => storm.worker = Worker::join(&storm.core, 4).await,
            Step::Wait(secs) => storm.core.clock.advance(Duration::from_secs(secs)),
            Step::Switch(to) => {
                on = to;
                storm.switch(on).await;
            }
        }
    }
    storm.held.retain(|taken| !storm.delivered.contains(&taken.id));
    let deliveries = tokio::time::timeout(Duration::from_secs(30), storm.calm()).await.expect("it becomes calm");
    assert_eq!(deliveries.len(), wanted.min(100), "one for each ticket that was opened while it was on");
    for delivery in deliveries {
        let one = storm.core.delivery(&storm.tenant.key, &delivery.id).await;
        let numbers: Vec<u32> = one.attempts.iter().map(|it| it.number).collect();
        assert_eq!(numbers, (1..=one.attempt_count).collect::<Vec<_>>(), "each request has its number");
        let reported = one.attempts.iter().filter(|it| it.error_code.as_deref() != Some("worker_lost")).count();
        assert_eq!(reported, storm.accepted.get(&one.id).copied().unwrap_or(0), "and each report its row");
        let success = one.attempts.iter().filter(|it| it.succeeded).count();
        assert_eq!(success, usize::from(storm.delivered.contains(&one.id)), "no success that was not told");
    }
    let idle = async || {
        let waits = storm.core.deliveries_of(&storm.tenant.key, &storm.endpoint).await;
        waits.iter().all(|it| it.next_attempt_at.is_none()).then_some(())
    };
    until("nothing that waits", idle).await;
}

on_both!(TestCore: nothing_is_lost_or_sent_twice_in_a_storm);
