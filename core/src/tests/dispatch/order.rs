//! The order of an endpoint's first attempts while older deliveries wait in the database and new ones are made. Waiting
//! deliveries are claimed as slots become free, not by a timer.

use crate::tests::support::{TakenDelivery, TestCore, TestTenant, Worker, on_both, until};
use std::time::Duration;

/// Tickets that wait before a worker joins, and as many that are created while those are sent.
const WAITING: usize = 150;

/// Tickets, each in its own millisecond, since the ids of events order no finer.
async fn tickets(core: &TestCore, tenant: &TestTenant, count: usize) {
    for n in 0..count {
        core.clock.advance(Duration::from_millis(1));
        core.ticket(tenant, &format!("Order {n}")).await;
    }
}

/// This many tickets whose deliveries are parked, since there is no worker.
async fn parked(core: &TestCore, tenant: &TestTenant, endpoint: &str, count: usize) {
    tickets(core, tenant, count).await;
    until("parked deliveries", async || {
        let deliveries = core.deliveries_of(&tenant.key, endpoint).await;
        deliveries.iter().all(|it| it.next_attempt_at.is_some()).then_some(())
    })
    .await;
}

async fn first_attempts_start_in_the_order_of_events_while_older_ones_wait(mut core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    core.run();
    parked(&core, &tenant, &endpoint, WAITING).await;
    let mut worker = Worker::join(&core, 20).await;
    let (mut started, mut made) = (Vec::new(), WAITING);
    while started.len() < 2 * WAITING {
        let mut done: Vec<TakenDelivery> = vec![worker.next().await];
        done.extend(worker.at_hand());
        started.extend(done.iter().map(|it| it.id.clone()));
        let more = done.len().min(2 * WAITING - made);
        tickets(&core, &tenant, more).await;
        made += more;
        worker.report(&core, done.iter().map(|it| it.answered(&core, 200)).collect()).await;
    }
    assert!(started.is_sorted(), "ids of deliveries are in the order of their events");
}

async fn what_waits_is_claimed_as_slots_free_and_no_clock_moves(mut core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    core.run();
    parked(&core, &tenant, &endpoint, WAITING).await;
    let mut worker = Worker::join(&core, 8).await;
    // The clock is stopped, so no lane becomes due again by time.
    for _ in 0..WAITING {
        let taken = worker.next().await;
        worker.report(&core, vec![taken.answered(&core, 200)]).await;
    }
}

on_both!(TestCore:
    first_attempts_start_in_the_order_of_events_while_older_ones_wait,
    what_waits_is_claimed_as_slots_free_and_no_clock_moves,
);
