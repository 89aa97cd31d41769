//! Backlogs equal a count of all rows, after any moves in any order.

mod walker;

use super::moves::{claim, emit, not_sent, park, report, sent};
use crate::store::{
    self, Leased, Queue,
    backlog::{Backlog, OfTenant},
    deliveries::{Page, Range, Shown},
    dispatch::Next,
    recount,
};
use crate::tests::support::{StoredTenant, TestStore, on_both};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId},
};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, TestRunner},
};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use uuid::Uuid;
use walker::{walk, walker};

/// The columns of a row that decide what waits and what the log shows.
type Row = (Uuid, i16, i64, bool, bool, i64, i64, bool, Uuid, i16);

/// Every delivery of an existing endpoint, read without the store.
async fn rows(fresh: &TestStore) -> Vec<Row> {
    let sql = "SELECT d.endpoint_id, d.state, d.attempt, d.stop, d.test, d.due_at, d.created_at, l.paused, d.id, d.kind \
               FROM deliveries d JOIN lanes l ON l.endpoint_id = d.endpoint_id \
               JOIN endpoints e ON e.id = d.endpoint_id WHERE e.deleted_at IS NULL";
    match &fresh.postgres {
        Some(_) => {
            let mut conn = PgConnection::connect(&fresh.url).await.unwrap();
            sqlx::query_as(sql).fetch_all(&mut conn).await.unwrap()
        }
        None => {
            let mut conn = SqliteConnection::connect(&fresh.url).await.unwrap();
            sqlx::query_as(sql).fetch_all(&mut conn).await.unwrap()
        }
    }
}

/// The state of a row in the API.
fn shown((_, state, attempt, stop, test, .., paused, _, _): &Row) -> Shown {
    match (*state, *attempt, *stop) {
        (2, ..) => Shown::Delivered,
        (3, ..) => Shown::Failed,
        (4, ..) | (1, _, true) => Shown::Canceled,
        (0, ..) if *paused && !test => Shown::Paused,
        (0, 0, _) | (1, 1, _) => Shown::Pending,
        _ => Shown::Retrying,
    }
}

/// The expected backlog, counted from the rows one by one; and the number of finished ones.
fn counted(rows: &[Row]) -> (Backlog, BTreeMap<Shown, i64>) {
    let (mut backlog, mut ended) = (Backlog::default(), BTreeMap::new());
    for row in rows {
        let (shown, (_, state, _, _, test, due_at, created_at, paused, _, _)) = (shown(row), row);
        if *state > 1 {
            *ended.entry(shown).or_default() += 1;
            continue;
        }
        *backlog.open.entry(shown).or_default() += 1;
        if *test || shown == Shown::Canceled {
            continue;
        }
        let created_at = Timestamp::from_micros(*created_at);
        backlog.waiting += 1;
        backlog.oldest_at = Some(backlog.oldest_at.map_or(created_at, |at| at.min(created_at)));
        if *state == 0 && !paused {
            let due_at = Timestamp::from_micros(*due_at);
            backlog.due_at = Some(backlog.due_at.map_or(due_at, |at| at.min(due_at)));
        }
    }
    (backlog, ended)
}

/// Compares the store's backlog with the rows, and returns it.
async fn agrees(fresh: &TestStore, tenant: &StoredTenant, endpoints: &[EndpointId]) -> BTreeMap<EndpointId, Backlog> {
    let rows = rows(fresh).await;
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    let all = store::backlog::of(&mut read, endpoints).await.unwrap();
    let tallies = store::tallies::of(&mut read, endpoints, 1).await.unwrap();
    drop(read);
    let (mut waiting, mut due) = (0, None::<Timestamp>);
    for endpoint in endpoints {
        let own: Vec<Row> = rows.iter().filter(|row| row.0 == endpoint.0).copied().collect();
        let (expected, ended) = counted(&own);
        assert_eq!(all[endpoint], expected);
        let ended = |shown| ended.get(&shown).copied().unwrap_or_default();
        let known = tallies[endpoint].ended;
        assert_eq!(
            (known.delivered, known.failed, known.stopped),
            (ended(Shown::Delivered), ended(Shown::Failed), ended(Shown::Canceled))
        );
        waiting += own.iter().filter(|row| row.1 == 0 && !row.4).count();
        due = due.into_iter().chain(expected.due_at).min();
    }
    let of = store::backlog::of_tenants(&fresh.db, fresh.now()).await.unwrap();
    let behind = due.map_or(Duration::ZERO, |due| fresh.now().since(due));
    let expected = OfTenant { tenant: tenant.id, waiting: i64::try_from(waiting).unwrap(), behind };
    assert_eq!(of, Vec::from_iter((waiting > 0).then_some(expected)));
    all
}

/// Compares the log, page by page, with the rows, for all filters.
async fn log_agrees(fresh: &TestStore, tenant: &StoredTenant, endpoints: &[EndpointId]) {
    let rows = rows(fresh).await;
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    let all: Vec<Vec<Shown>> = [vec![], vec![Shown::Failed, Shown::Canceled], vec![Shown::Pending, Shown::Retrying]]
        .into_iter()
        .chain(Shown::ALL.iter().map(|shown| vec![*shown]))
        .collect();
    let span = Range { since: Some(fresh.now().minus(Duration::from_secs(300))), until: Some(fresh.now()) };
    for of in [endpoints, &endpoints[..1]] {
        for (states, kinds) in all.iter().flat_map(|shown| [vec![], vec![3], vec![0, 7]].map(|kinds| (shown, kinds))) {
            for range in [Range::default(), span] {
                let mut page = Page { shown: states.clone(), kinds: kinds.clone(), range, ..Page::default() };
                let mut expected: Vec<Uuid> = rows
                    .iter()
                    .filter(|row| of.iter().any(|endpoint| endpoint.0 == row.0))
                    .filter(|row| states.is_empty() || states.contains(&shown(row)))
                    .filter(|row| kinds.is_empty() || kinds.contains(&row.9))
                    .filter(|row| range.since.is_none_or(|since| row.8 >= DeliveryId::new(since, 0).0))
                    .map(|row| row.8)
                    .collect();
                expected.sort_unstable_by(|one, other| other.cmp(one));
                let count = store::deliveries::count(&mut read, of[0], &page, 2).await.unwrap();
                let own = rows.iter().filter(|row| row.0 == of[0].0 && !row.4 && expected.contains(&row.8)).count();
                assert_eq!(count, (i64::try_from(own.min(2)).unwrap(), own > 2));
                let mut seen = Vec::new();
                loop {
                    let listed = store::deliveries::list(&mut read, of, &page, 7).await.unwrap();
                    assert!(listed.next.is_none() || listed.deliveries.len() == 7, "only the last page is short");
                    seen.extend(listed.deliveries.iter().map(|it| it.id.0));
                    page.before = listed.next;
                    if page.before.is_none() {
                        break;
                    }
                }
                assert_eq!(seen, expected, "{states:?} {kinds:?} {range:?}");
            }
        }
    }
}

/// Number of random sequences, each on its own database, and of steps in each.
const WALKS: usize = 6;
const STEPS: usize = 80;

async fn what_waits_is_what_a_count_of_all_rows_says_after_any_moves(fresh: TestStore) {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRunner::deterministic().rng().clone());
    let mut seen = BTreeSet::new();
    for _ in 0..WALKS {
        let tenant = fresh.tenant().await;
        let mut walker = walker(&fresh, &tenant).await;
        for step in walk(STEPS).new_tree(&mut runner).expect("a walk").current() {
            walker.step(step).await;
            let all = agrees(&fresh, &tenant, &walker.endpoints).await;
            seen.extend(all.values().flat_map(|it| it.open.keys().copied()));
        }
        log_agrees(&fresh, &tenant, &walker.endpoints).await;
        for endpoint in walker.endpoints {
            let now = fresh.now();
            let gone = async move |tx: &mut store::Tx<'_>| store::endpoints::delete(tx, endpoint, now).await;
            fresh.db.write(tenant.scope.clone(), gone).await.unwrap();
        }
    }
    assert_eq!(seen.len(), 4, "all that an open delivery can be: {seen:?}");
}

/// Two cores move deliveries of the same endpoints at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_right_after_several_cores_moved_deliveries_at_the_same_time() {
    let fresh = TestStore::postgres().await;
    let tenant = fresh.tenant().await;
    let mut endpoints = Vec::new();
    for _ in 0..2 {
        endpoints.push(fresh.endpoint(&tenant).await);
    }
    let first = emit(&fresh, &tenant, 60).await;
    let mut moving = tokio::task::JoinSet::new();
    for (core, db) in [fresh.db.clone(), fresh.again().await].into_iter().enumerate() {
        let (scope, now) = (tenant.scope.clone(), fresh.now());
        let mut held: Vec<Leased> = first.iter().skip(core).step_by(2).cloned().collect();
        moving.spawn(async move {
            for round in 0..30 {
                let half = held.split_off(held.len() / 2);
                park(&db, &half).await;
                let of = |(at, it): (usize, &Leased)| match at % 3 {
                    0 => not_sent(it, now),
                    _ => sent(it, now, Next::Retry { due_at: now, failures: 1 }),
                };
                report(&db, held.iter().enumerate().map(of).collect()).await;
                let changed = half.first().map(|it| it.delivery);
                if let Some(id) = changed {
                    // By hand, while the other core may claim it.
                    let change = db.write(scope.clone(), async move |tx| {
                        let Some(row) = store::deliveries::lock(tx, id).await? else { return Ok(()) };
                        match round % 2 {
                            0 => store::deliveries::stop(tx, &row, now).await.map(drop),
                            _ => store::deliveries::rearm(tx, &row, now).await.map(drop),
                        }
                    });
                    change.await.unwrap();
                }
                held = claim(&db, 4, 9).await;
            }
        });
    }
    moving.join_all().await;
    agrees(&fresh, &tenant, &endpoints).await;
}

async fn an_older_database_is_counted_when_it_is_migrated(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let mut endpoints = Vec::new();
    for _ in 0..2 {
        endpoints.push(fresh.endpoint(&tenant).await);
    }
    let leased = emit(&fresh, &tenant, 9).await;
    park(&fresh.db, &leased[..7]).await;
    let retry = Next::Retry { due_at: fresh.now(), failures: 1 };
    report(&fresh.db, vec![sent(&leased[7], fresh.now(), retry), sent(&leased[8], fresh.now(), Next::Delivered)]).await;
    // Undoes the step of the migration.
    for undo in [
        "DROP INDEX deliveries_untried",
        "DROP INDEX deliveries_tried",
        "DROP INDEX deliveries_delivered",
        "DROP INDEX deliveries_failed",
        "DROP INDEX deliveries_stopped",
        "DROP INDEX deliveries_oldest",
        "CREATE INDEX deliveries_log ON deliveries (endpoint_id, id)",
        "ALTER TABLE lanes DROP COLUMN untried",
        "ALTER TABLE lanes DROP COLUMN tried",
        "DELETE FROM _sqlx_migrations WHERE version = 8",
    ] {
        fresh.run(undo).await;
    }
    store::migrate::migrate(&fresh.url).await.unwrap();
    let all = agrees(&fresh, &tenant, &endpoints).await;
    assert_eq!(all.values().map(|it| it.waiting).sum::<i64>(), 17);
}

/// A core of the previous release moves deliveries without updating lanes.
#[tokio::test]
async fn lanes_are_counted_again_when_the_last_core_that_did_not_has_gone() {
    let fresh = TestStore::postgres().await;
    let tenant = fresh.tenant().await;
    let endpoint = fresh.endpoint(&tenant).await;
    park(&fresh.db, &emit(&fresh, &tenant, 5).await).await;
    let look = async || recount::look(&fresh.db, fresh.now()).await.unwrap();
    assert_eq!(look().await, recount::RecountStep::Nothing);
    let seen = fresh.now().micros();
    fresh.run(&format!("INSERT INTO cores (slot, started_at, seen_at) VALUES (900, {seen}, {seen})")).await;
    assert_eq!(look().await, recount::RecountStep::Note);
    fresh.db.system(Queue::Claims, recount::note).await.unwrap();
    fresh.run("UPDATE deliveries SET state = 2, settled_at = 1 WHERE id = (SELECT id FROM deliveries LIMIT 1)").await;
    assert_eq!(look().await, recount::RecountStep::Wait);
    fresh.clock.advance(Duration::from_secs(61));
    assert_eq!(look().await, recount::RecountStep::Count);
    fresh.db.system(Queue::Claims, async move |tx| recount::count(tx, endpoint).await).await.unwrap();
    fresh.db.system(Queue::Claims, recount::done).await.unwrap();
    assert_eq!(look().await, recount::RecountStep::Nothing);
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    assert_eq!(store::backlog::of(&mut read, &[endpoint]).await.unwrap()[&endpoint].waiting, 4);
}

on_both!(TestStore:
    what_waits_is_what_a_count_of_all_rows_says_after_any_moves,
    an_older_database_is_counted_when_it_is_migrated,
);
