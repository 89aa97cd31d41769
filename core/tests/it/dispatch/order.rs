//! The order in which an endpoint gets its first attempts, while older deliveries wait in the database and new ones are
//! made; and that what waits is claimed as slots free, not by a clock.

use crate::support::{Desk, Taken, Worker, Workspace, on_both, until};
use std::time::Duration;

/// Tickets that wait before a worker comes, and as many that are made while they go out.
const WAITING: usize = 150;

/// Tickets, each in a millisecond of its own, since the ids of events order no finer.
async fn tickets(desk: &Desk, home: &Workspace, count: usize) {
    for n in 0..count {
        desk.clock.advance(Duration::from_millis(1));
        desk.ticket(home, &format!("Order {n}")).await;
    }
}

/// So many tickets whose deliveries are back in the database, since no worker is there.
async fn parked(desk: &Desk, home: &Workspace, endpoint: &str, count: usize) {
    tickets(desk, home, count).await;
    until("parked deliveries", async || {
        let deliveries = desk.deliveries_of(&home.key, endpoint).await;
        deliveries.iter().all(|it| it.next_attempt_at.is_some()).then_some(())
    })
    .await;
}

async fn first_attempts_start_in_the_order_of_events_while_older_ones_wait(mut desk: Desk) {
    let home = desk.workspace().await;
    let endpoint = desk.endpoint(&home.key, &["ticket.created"]).await.id;
    desk.run();
    parked(&desk, &home, &endpoint, WAITING).await;
    let mut worker = Worker::join(&desk, 20).await;
    let (mut started, mut made) = (Vec::new(), WAITING);
    while started.len() < 2 * WAITING {
        let mut done: Vec<Taken> = vec![worker.next().await];
        done.extend(worker.at_hand());
        started.extend(done.iter().map(|it| it.id.clone()));
        let more = done.len().min(2 * WAITING - made);
        tickets(&desk, &home, more).await;
        made += more;
        worker.report(&desk, done.iter().map(|it| it.answered(&desk, 200)).collect()).await;
    }
    assert!(started.is_sorted(), "ids of deliveries are in the order of their events");
}

async fn what_waits_is_claimed_as_slots_free_and_no_clock_moves(mut desk: Desk) {
    let home = desk.workspace().await;
    let endpoint = desk.endpoint(&home.key, &["ticket.created"]).await.id;
    desk.run();
    parked(&desk, &home, &endpoint, WAITING).await;
    let mut worker = Worker::join(&desk, 8).await;
    // The clock stands still: no time at which a lane is looked at again ever comes.
    for _ in 0..WAITING {
        let taken = worker.next().await;
        worker.report(&desk, vec![taken.answered(&desk, 200)]).await;
    }
}

on_both!(Desk:
    first_attempts_start_in_the_order_of_events_while_older_ones_wait,
    what_waits_is_claimed_as_slots_free_and_no_clock_moves,
);
