//! The live log through the gate: every change within a second, in one process and across two, and nothing missed by a
//! reader that is late, lags or reconnects.

use crate::store::changes;
use crate::tests::support::{
    Came as _, Client, NOTHING, PATIENCE, TestCore, TestStore, TestTenant, Worker, on_both, until,
};
use futures_util::StreamExt as _;
use inboxops_proto::{
    failure::Failure,
    gate::BoxStream,
    reason::Reason,
    v1::{self, DeliveryStatus, StreamSignal},
};
use sqlx::Connection as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

struct Watcher {
    stream: BoxStream<v1::WatchDeliveriesResponse>,
    cursor: String,
    /// The rows as a client merges them.
    rows: BTreeMap<String, v1::Delivery>,
}

impl Watcher {
    async fn open(core: &TestCore, by: &Client, endpoint: Option<&str>, cursor: Option<&str>) -> Watcher {
        let request =
            v1::WatchDeliveriesRequest { endpoint_id: endpoint.map(str::to_owned), cursor: cursor.map(str::to_owned) };
        let stream = core.deliveries().watch_deliveries(by.ask(request)).await.answer();
        let mut watcher = Watcher { stream, cursor: String::new(), rows: BTreeMap::new() };
        assert_eq!(watcher.message().await.signal(), StreamSignal::Subscribed, "said at once");
        watcher
    }

    async fn message(&mut self) -> v1::WatchDeliveriesResponse {
        let message = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("a message comes");
        let message = message.expect("the stream lives").expect("no refusal");
        self.cursor = message.cursor.clone();
        for row in &message.deliveries {
            let old = self.rows.get(&row.id).map_or(0, |old| old.revision);
            if row.revision >= old {
                self.rows.insert(row.id.clone(), row.clone());
            }
        }
        message
    }

    /// Reads until the merged rows satisfy the condition.
    async fn until(&mut self, what: &str, so: impl Fn(&BTreeMap<String, v1::Delivery>) -> bool) {
        let began = Instant::now();
        while !so(&self.rows) {
            assert!(began.elapsed() < PATIENCE, "never seen: {what}: {:?}", self.rows);
            self.message().await;
        }
    }
}

fn in_state(rows: &BTreeMap<String, v1::Delivery>, status: DeliveryStatus) -> usize {
    rows.values().filter(|row| row.status() == status).count()
}

async fn settle_all(core: &TestCore, worker: &mut Worker, count: usize, status: u32) {
    let mut outcomes = Vec::new();
    for _ in 0..count {
        outcomes.push(worker.next().await.answered(core, status));
    }
    worker.report(core, outcomes).await;
}

async fn start(mut core: TestCore) -> (TestCore, TestTenant, String) {
    core.run();
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    (core, tenant, endpoint)
}

async fn a_watcher_sees_each_step_of_a_delivery(core: TestCore) {
    let (core, tenant, endpoint) = start(core).await;
    let mut watcher = Watcher::open(&core, &tenant.key, None, None).await;
    let mut worker = Worker::join(&core, 8).await;
    core.ticket(&tenant, "Hello").await;
    watcher.until("the new delivery", |rows| in_state(rows, DeliveryStatus::Pending) == 1).await;
    settle_all(&core, &mut worker, 1, 500).await;
    watcher.until("the failed attempt", |rows| in_state(rows, DeliveryStatus::Retrying) == 1).await;
    let id = watcher.rows.keys().next().expect("a row").clone();
    let listed = core.deliveries_of(&tenant.key, &endpoint).await;
    assert_eq!(watcher.rows[&id], listed[0], "what is told is what is listed");
    let resend = v1::ResendDeliveryRequest { delivery_id: id.clone() };
    let answered = core.deliveries().resend_delivery(tenant.key.ask(resend)).await.answer().delivery.expect("one");
    assert!(answered.revision > listed[0].revision, "{answered:?}");
    settle_all(&core, &mut worker, 1, 200).await;
    watcher.until("the success", |rows| in_state(rows, DeliveryStatus::Delivered) == 1).await;
    assert!(watcher.rows[&id].revision > answered.revision);
}

async fn a_watcher_sees_its_tenant_and_its_endpoint_alone(core: TestCore) {
    let (core, tenant, endpoint) = start(core).await;
    let second = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    let other = core.tenant().await;
    core.endpoint(&other.key, &["*"]).await;
    let mut all = Watcher::open(&core, &tenant.key, None, None).await;
    let mut one = Watcher::open(&core, &tenant.key, Some(&second), None).await;
    core.ticket(&other, "Theirs").await;
    core.ticket(&tenant, "Ours").await;
    all.until("both deliveries", |rows| rows.len() == 2).await;
    one.until("its delivery", |rows| rows.len() == 1).await;
    let endpoints: BTreeSet<_> = all.rows.values().map(|row| row.endpoint_id.clone()).collect();
    assert_eq!(endpoints, BTreeSet::from([endpoint.clone(), second.clone()]));
    assert!(one.rows.values().all(|row| row.endpoint_id == second));
    let open = async |by: &Client, endpoint: &str| {
        let request = v1::WatchDeliveriesRequest { endpoint_id: Some(endpoint.to_owned()), cursor: None };
        core.deliveries().watch_deliveries(by.ask(request)).await
    };
    for (by, id) in [(&other.key, endpoint.as_str()), (&tenant.key, NOTHING)] {
        let refused = open(by, id).await.map(|_| ()).expect_err("not theirs");
        assert_eq!(Failure::of(&refused).reason, Reason::EndpointNotFound);
    }
}

async fn a_reader_that_lags_or_comes_again_misses_nothing(core: TestCore) {
    const TICKETS: usize = 400;
    let (core, tenant, _) = start(core).await;
    let mut lagging = Watcher::open(&core, &tenant.key, None, None).await;
    let cursor = lagging.cursor.clone();
    let mut worker = Worker::join(&core, 1024).await;
    for n in 0..TICKETS {
        core.ticket(&tenant, &format!("Order {n}")).await;
        settle_all(&core, &mut worker, 1, if n % 2 == 0 { 200 } else { 500 }).await;
    }
    let done = |rows: &BTreeMap<String, v1::Delivery>| {
        in_state(rows, DeliveryStatus::Delivered) == TICKETS / 2
            && in_state(rows, DeliveryStatus::Retrying) == TICKETS / 2
    };
    lagging.until("all, by the one that lagged", done).await;
    let mut again = Watcher::open(&core, &tenant.key, None, Some(&cursor)).await;
    again.until("all, by one that came again", done).await;
    let mut later = Watcher::open(&core, &tenant.key, None, Some(&lagging.cursor)).await;
    core.ticket(&tenant, "After all").await;
    later.until("what came after", |rows| in_state(rows, DeliveryStatus::Pending) == 1).await;
    assert!(later.rows.len() < TICKETS / 2, "what was seen does not all come again: {}", later.rows.len());
}

async fn a_cursor_is_good_for_minutes(core: TestCore) {
    let (core, tenant, _) = start(core).await;
    let cursor = Watcher::open(&core, &tenant.key, None, None).await.cursor;
    let open = async |cursor: &str| {
        let request = v1::WatchDeliveriesRequest { endpoint_id: None, cursor: Some(cursor.to_owned()) };
        let opened = core.deliveries().watch_deliveries(tenant.key.ask(request)).await;
        opened.map(|_| ()).map_err(|status| Failure::of(&status).reason)
    };
    assert_eq!(open("e1-0-0-0").await, Err(Reason::InvalidCursor));
    core.clock.advance(Duration::from_secs(590));
    assert_eq!(open(&cursor).await, Ok(()));
    core.clock.advance(Duration::from_secs(20));
    assert_eq!(open(&cursor).await, Err(Reason::CursorExpired));
}

async fn old_changes_are_deleted_after_their_time(core: TestCore) {
    let (core, tenant, _) = start(core).await;
    core.ticket(&tenant, "Hello").await;
    let mut early = Watcher::open(&core, &tenant.key, None, Some("d1-0-0-7fffffffffff0000")).await;
    early.until("the delivery", |rows| rows.len() == 1).await;
    core.clock.advance(changes::KEPT + Duration::from_secs(1));
    let old: Vec<String> = early.rows.keys().cloned().collect();
    let after = async || {
        // The old rows of the log come before the new one.
        let mut late = Watcher::open(&core, &tenant.key, None, Some("d1-0-0-7fffffffffff0000")).await;
        core.ticket(&tenant, "Later").await;
        late.until("a new delivery", |rows| rows.keys().any(|id| !old.contains(id))).await;
        (!late.rows.contains_key(&old[0])).then_some(())
    };
    until("nothing left of it", after).await;
}

/// Another core of the same database gets no notification from this one: it reads what is committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_at_another_core_sees_it_within_a_second() {
    let (core, tenant, _) = start(TestCore::postgres().await).await;
    let mut beside = core.beside().await;
    beside.run();
    let mut watcher = Watcher::open(&beside, &tenant.key, None, None).await;
    let mut worker = Worker::join(&core, 8).await;
    core.ticket(&tenant, "Hello").await;
    watcher.until("the new delivery", |rows| in_state(rows, DeliveryStatus::Pending) == 1).await;
    settle_all(&core, &mut worker, 1, 200).await;
    watcher.until("the attempt", |rows| in_state(rows, DeliveryStatus::Delivered) == 1).await;
    beside.stop().await;
}

/// Numbers are given before commits: a reader must wait for an older transaction that still runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_commits_late_is_not_skipped() {
    let fresh = TestStore::postgres().await;
    let begin = changes::end(&fresh.db).await.expect("a place");
    let mut slow = sqlx::PgConnection::connect(&fresh.url).await.expect("a connection");
    let mut quick = sqlx::PgConnection::connect(&fresh.url).await.expect("a connection");
    let insert = |tenant: u128| {
        let mut body = tenant.to_be_bytes().to_vec();
        body.extend([0; 4]);
        sqlx::query("INSERT INTO changes (at, body) VALUES (1, $1)").bind(body)
    };
    let mut late = slow.begin().await.expect("a transaction");
    insert(1).execute(&mut *late).await.expect("inserted");
    insert(2).execute(&mut quick).await.expect("inserted");
    let passage = changes::since(&fresh.db, begin).await.expect("a passage");
    assert_eq!((passage.changed.len(), passage.end), (0, begin), "the second waits for the first");
    late.commit().await.expect("committed");
    let both = async || {
        let passage = changes::since(&fresh.db, begin).await.expect("a passage");
        (passage.changed.len() == 2).then_some(passage)
    };
    let passage = until("both", both).await;
    let after = changes::since(&fresh.db, passage.end).await.expect("a passage");
    assert_eq!((after.changed.len(), after.end), (0, passage.end));
}

on_both!(TestCore:
    a_watcher_sees_each_step_of_a_delivery,
    a_watcher_sees_its_tenant_and_its_endpoint_alone,
    a_reader_that_lags_or_comes_again_misses_nothing,
    a_cursor_is_good_for_minutes,
    old_changes_are_deleted_after_their_time,
);
