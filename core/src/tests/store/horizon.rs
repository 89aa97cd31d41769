//! How far readers of events may go on PostgreSQL: transactions in other databases of the server do not hold them back,
//! those in this one do, and it is told for how long.

use crate::{
    store::{self, changes},
    tests::support::{StoredTenant, TestStore, until},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::time::Duration;

/// A transaction with a number, which runs until it is dropped or ended.
async fn transaction(url: &str) -> (PgConnection, i64) {
    let mut conn = PgConnection::connect(url).await.expect("a connection");
    sqlx::raw_sql("BEGIN").execute(&mut conn).await.expect("a transaction");
    let number = sqlx::query_scalar::<_, i64>("SELECT pg_current_xact_id()::text::bigint");
    let number = number.fetch_one(&mut conn).await.expect("a number");
    (conn, number)
}

async fn run(conn: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(conn).await.expect("it runs");
}

/// A committed event, whose number is greater than those of all transactions that run.
async fn event(fresh: &TestStore, tenant: &StoredTenant) {
    let event = tenant.event(fresh.now());
    let written = fresh.db.write(tenant.scope.clone(), async move |tx| -> store::Result<_> {
        tx.emit(event.clone());
        Ok(())
    });
    written.await.expect("an event");
}

/// The number of events that a reader gets now.
async fn read(fresh: &TestStore, tenant: &StoredTenant) -> usize {
    let mut reader = fresh.db.read(tenant.scope.clone()).await.expect("a snapshot");
    let end = store::events::end(&mut reader).await.expect("a place");
    let begin = changes::Place::default();
    store::events::since(&mut reader, begin, end, i64::MAX, 10).await.expect("events").len()
}

async fn comes(fresh: &TestStore, tenant: &StoredTenant, count: usize) {
    until("the event", async || (read(fresh, tenant).await == count).then_some(())).await;
}

/// How long readers have waited, as a look at the database tells.
async fn held(fresh: &TestStore) -> Duration {
    fresh.db.ping().await.expect("the database answers");
    fresh.db.events_held_for().expect("it is PostgreSQL")
}

#[tokio::test]
async fn a_transaction_in_another_database_holds_no_reader_back() {
    let (fresh, other) = (TestStore::postgres().await, TestStore::postgres().await);
    let tenant = fresh.tenant().await;
    let begin = changes::end(&fresh.db).await.expect("a place");
    let (mut stranger, number) = transaction(&other.url).await;
    event(&fresh, &tenant).await;
    comes(&fresh, &tenant, 1).await;

    let mut conn = PgConnection::connect(&fresh.url).await.expect("a connection");
    run(&mut conn, "INSERT INTO changes (at, body) VALUES (1, '')").await;
    let passed = async || {
        let end = changes::since(&fresh.db, begin).await.expect("a passage").end;
        (end.xact > number).then_some(())
    };
    until("the change", passed).await;
    let mut long = fresh.db.long_read(tenant.scope.clone()).await.expect("a snapshot").expect("there is room");
    let begun = store::exports::begin(&mut long).await.expect("a place");
    assert!(matches!(begun, store::exports::Begun::At(place) if place.xact > number), "{begun:?} after {number}");
    long.end().await;
    run(&mut stranger, "ROLLBACK").await;
}

#[tokio::test]
async fn a_prepared_transaction_of_another_database_holds_no_reader_back() {
    let (fresh, other) = (TestStore::postgres().await, TestStore::postgres().await);
    let tenant = fresh.tenant().await;
    let (mut stranger, _) = transaction(&other.url).await;
    let most: String = sqlx::query_scalar("SHOW max_prepared_transactions").fetch_one(&mut stranger).await.expect("it");
    if most == "0" {
        // A server of your own may not have them; the tests' own cluster has.
        return;
    }
    run(&mut stranger, "PREPARE TRANSACTION 'of a stranger'").await;
    event(&fresh, &tenant).await;
    comes(&fresh, &tenant, 1).await;
    run(&mut stranger, "ROLLBACK PREPARED 'of a stranger'").await;
}

#[tokio::test]
async fn a_transaction_in_this_database_holds_readers_back_and_it_is_told() {
    let fresh = TestStore::postgres().await;
    let tenant = fresh.tenant().await;
    let (mut older, number) = transaction(&fresh.url).await;
    event(&fresh, &tenant).await;
    assert_eq!(read(&fresh, &tenant).await, 0, "it might still insert an earlier event");
    until("its age", async || (held(&fresh).await > Duration::from_millis(20)).then_some(())).await;
    assert_eq!(read(&fresh, &tenant).await, 0);
    let process: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut older).await.expect("a number");
    let (fixed, _) = store::statements();
    let (_, look) = fixed.iter().find(|(name, _)| name == "horizon::LOOK").expect("it is there");
    let mut conn = PgConnection::connect(&fresh.url).await.expect("a connection");
    let seen: (bool, i64, bool, Option<String>) =
        sqlx::query_as(look.pg.expect("PostgreSQL runs it")).fetch_one(&mut conn).await.expect("a look");
    assert_eq!(seen, (true, number, true, Some(format!("process {process}"))));
    run(&mut older, "ROLLBACK").await;
    comes(&fresh, &tenant, 1).await;
    until("nobody waits", async || held(&fresh).await.is_zero().then_some(())).await;
}

/// A writer's own transaction is in no list of those that run, but its events are still to come.
#[tokio::test]
async fn the_horizon_of_a_writer_is_not_behind_itself() {
    let (fresh, other) = (TestStore::postgres().await, TestStore::postgres().await);
    let (mut stranger, _) = transaction(&other.url).await;
    let (mut own, number) = transaction(&fresh.url).await;
    let mut later = PgConnection::connect(&fresh.url).await.expect("a connection");
    run(&mut later, "SELECT pg_current_xact_id()").await;
    let (fixed, _) = store::statements();
    let (_, end) = fixed.iter().find(|(name, _)| name == "horizon::END").expect("it is there");
    let end = AssertSqlSafe(end.pg.expect("PostgreSQL runs it"));
    let (xact, _, _): (i64, i64, i64) = sqlx::query_as(end).fetch_one(&mut own).await.expect("a place");
    assert!(xact <= number, "{xact} is after {number}");
    run(&mut own, "ROLLBACK").await;
    run(&mut stranger, "ROLLBACK").await;
}

/// A dump that is restored into a new cluster has numbers from that cluster's future; later the cluster comes to them.
#[tokio::test]
async fn what_an_earlier_life_numbered_is_past() {
    let fresh = TestStore::postgres().await;
    let tenant = fresh.tenant().await;
    for life in 1..3 {
        event(&fresh, &tenant).await;
        comes(&fresh, &tenant, life).await;
        for table in ["events", "changes"] {
            let ahead = "((xact::text::bigint + 1000000)::text)::xid8";
            fresh.run(&format!("UPDATE {table} SET xact = {ahead}")).await;
        }
        assert!(read(&fresh, &tenant).await < life, "in the future");
        let before = changes::Place { xact: life_of(&fresh).await + 1_500_000_000, seq: 0 };
        fresh.run("UPDATE histories SET origin = 'elsewhere'").await;
        let again = fresh.again().await;
        comes(&fresh, &tenant, life).await;
        event(&fresh, &tenant).await;
        comes(&fresh, &tenant, life + 1).await;
        let passed = until("the new event", async || {
            let mut reader = fresh.db.read(tenant.scope.clone()).await.expect("a snapshot");
            let end = store::events::end(&mut reader).await.expect("a place");
            let told = store::events::since(&mut reader, before, end, i64::MAX, 10).await.expect("events");
            let (farthest, _) = store::events::farthest(&mut reader).await.expect("a place");
            assert!(before < farthest && end <= farthest, "{before:?} {end:?} {farthest:?}");
            told.first().map(|_| told.len())
        });
        assert_eq!(passed.await, 1, "a reader from before the dump gets what came after it, and nothing else");
        again.close().await;
        fresh.run("DELETE FROM events WHERE seq = (SELECT MAX(seq) FROM events)").await;
    }
}

/// What the present life adds to the numbers of transactions.
async fn life_of(fresh: &TestStore) -> i64 {
    let shift = store::meta::get(&fresh.db, "xact_shift").await.expect("a value or none");
    shift.map_or(0, |shift| shift.parse().expect("a number"))
}

#[tokio::test]
async fn on_sqlite_nobody_waits() {
    let fresh = TestStore::sqlite().await;
    let tenant = fresh.tenant().await;
    event(&fresh, &tenant).await;
    assert_eq!(read(&fresh, &tenant).await, 1);
    fresh.db.ping().await.expect("it answers");
    assert_eq!(fresh.db.events_held_for(), None);
}
