//! Several cores on one PostgreSQL: nothing is lost and nothing done twice.

use super::moves::{claim, emit, park, reap};
use crate::store::{
    self, Db, LEASE, Options, Queue,
    dispatch::{self, Claim, Which},
};
use crate::tests::support::{NOON, TestStore};
use inboxops_proto::clock::Clock;
use std::time::Duration;

/// The claim has locked a lane and not yet read its deliveries when another core parks one there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_marked_while_it_is_claimed_is_not_lost() {
    let fresh = TestStore::postgres().await;
    let tenant = fresh.tenant().await;
    fresh.endpoint(&tenant).await;
    let leased = emit(&fresh, &tenant, 2).await;
    park(&fresh.db, &leased[..1]).await;
    let other = fresh.again().await;
    let (go, gone) = std::sync::mpsc::channel();
    let mut parking = tokio::task::JoinSet::new();
    let second = leased[1].clone();
    parking.spawn(async move {
        tokio::task::spawn_blocking(move || gone.recv()).await.unwrap().unwrap();
        park(&other, &[second]).await
    });
    let (now, postgres) = (fresh.now(), fresh.postgres.clone().unwrap());
    let claim_now = Claim { now, lease_until: now.plus(LEASE), lanes: 16 };
    let first = fresh.db.system(Queue::Claims, async move |tx| {
        dispatch::claim(tx, claim_now, |_| {
            go.send(()).unwrap();
            // The other core has written its row and waits for the lane.
            while !postgres
                .has("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
            {
            }
            8
        })
        .await
    });
    let first = first.await.unwrap().leased;
    assert_eq!(first.iter().map(|it| it.delivery).collect::<Vec<_>>(), [leased[0].delivery]);
    assert_eq!(parking.join_next().await.unwrap().unwrap(), 1);
    assert_eq!(store::lanes::next_due(&fresh.db).await.unwrap(), Some(now));
    assert_eq!(claim(&fresh.db, 16, 8).await[0].delivery, leased[1].delivery);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_of_a_silent_core_are_taken_back_before_they_end() {
    let fresh = TestStore::postgres().await;
    let tenant = fresh.tenant().await;
    fresh.endpoint(&tenant).await;
    assert_eq!(emit(&fresh, &tenant, 1).await.len(), 1);
    let other = fresh.again().await;
    assert_ne!(other.core(), fresh.db.core());
    assert_eq!(dispatch::beat(&other, other.clock().now()).await.unwrap().others, [fresh.db.core().incarnation]);
    assert_eq!(reap(&other, Which::OfDeadCores).await, 0);
    fresh.clock.advance(store::cores::SILENCE + Duration::from_secs(1));
    assert_eq!(reap(&fresh.db, Which::OfDeadCores).await, 0, "a core that judges is alive");
    assert_eq!(
        dispatch::beat(&other, other.clock().now()).await.unwrap().others,
        [0; 0],
        "the first has not been seen"
    );
    assert_eq!(reap(&other, Which::OfDeadCores).await, 1);
    assert_eq!(claim(&other, 16, 8).await.len(), 1);
    assert_eq!(reap(&other, Which::OfDeadCores).await, 0, "its own leases stay");
    other.close().await;
    assert_eq!(reap(&fresh.db, Which::OfDeadCores).await, 1, "a core that signed out has none");
}

/// Two cores claim at the same time; no delivery goes to both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cores_never_claim_the_same_delivery() {
    let fresh = TestStore::postgres().await;
    let tenant = fresh.tenant().await;
    for _ in 0..20 {
        fresh.endpoint(&tenant).await;
    }
    let leased = emit(&fresh, &tenant, 20).await;
    assert_eq!(park(&fresh.db, &leased).await, 400);
    let mut claiming = tokio::task::JoinSet::new();
    for db in [fresh.db.clone(), fresh.again().await] {
        claiming.spawn(async move {
            let mut all = Vec::new();
            while store::lanes::next_due(&db).await.unwrap().is_some() {
                all.extend(claim(&db, 4, 3).await);
            }
            all
        });
    }
    let mut all: Vec<_> = claiming.join_all().await.concat().into_iter().map(|it| it.delivery).collect();
    assert_eq!(all.len(), 400);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cores_that_start_at_the_same_time_share_a_fresh_database() {
    let postgres = inboxops_testkit::postgres();
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let options = Options::new(&postgres.url, Clock::manual(NOON));
        opening.spawn(async move { Db::open(options).await.expect("it opens") });
    }
    let cores = opening.join_all().await;
    let mut slots: Vec<_> = cores.iter().map(|db| db.core().slot).collect();
    slots.sort_unstable();
    assert_eq!(slots, [0, 1, 2, 3]);
    for db in cores {
        db.close().await;
    }
    let next = Db::open(Options::new(&postgres.url, Clock::manual(NOON))).await.expect("it opens");
    assert_eq!(next.core().slot, 0, "a slot that was given back is used again");
}
