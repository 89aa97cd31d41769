//! The statements of an export: each batch is found by an index, in its order, however much there is before and after
//! it; and on PostgreSQL a long transaction elsewhere delays no export for ever.

use crate::{
    store::{
        self,
        exports::{Begun, begin},
    },
    tests::support::{TestStore, until},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

/// Statements of the large tables; those of the others read all of a tenant's rows and sort them.
const LARGE: [&str; 2] = ["exports::TICKETS", "exports::MESSAGES"];

#[tokio::test]
async fn batches_are_found_by_indexes_on_sqlite() {
    let fresh = TestStore::sqlite().await;
    let mut conn = SqliteConnection::connect(&fresh.url).await.expect("the database opens");
    let (fixed, _) = store::statements();
    let mut seen = 0;
    for (name, sql) in fixed.iter().filter(|(name, _)| name.starts_with("exports::") && name != "exports::BEGIN") {
        let text = sql.sqlite.expect("both databases run it");
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(&mut conn).await.expect("a plan");
        let plan = plan.iter().map(|step| step.3.as_str()).collect::<Vec<_>>().join("\n");
        assert!(!plan.contains("SCAN"), "{name}\n{plan}");
        let large = LARGE.contains(&name.as_str());
        assert!(!large || !plan.contains("TEMP B-TREE"), "{name}\n{plan}");
        let bounded = plan.contains("number>?") || plan.contains("(created_at,id)>(?,?)");
        assert!(!large || bounded, "{name} begins at its key\n{plan}");
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[tokio::test]
async fn batches_are_found_by_indexes_on_postgresql() {
    let fresh = TestStore::postgres().await;
    let mut conn = PgConnection::connect(&fresh.url).await.expect("the database opens");
    // What is left with no sort and no other index is the order of the right one.
    let settings =
        store::Purpose::LongRead.settings() + "SET enable_sort = off; SET plan_cache_mode = force_generic_plan";
    sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut conn).await.expect("they are taken");
    let (fixed, _) = store::statements();
    for (name, index) in LARGE.into_iter().zip(["tickets_number", "messages_created"]) {
        let (_, sql) = fixed.iter().find(|(it, _)| it == name).expect("it is there");
        let text = sql.pg.expect("both databases run it");
        let prepare = AssertSqlSafe(format!("PREPARE one AS {text}"));
        sqlx::raw_sql(prepare).execute(&mut conn).await.expect("it can be prepared");
        let values = vec!["NULL"; text.matches('$').count()].join(",");
        let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE one({values})"));
        let plan: Vec<(String,)> = sqlx::query_as(explain).fetch_all(&mut conn).await.expect("a plan");
        let plan = plan.iter().map(|line| line.0.as_str()).collect::<Vec<_>>().join("\n");
        assert!(plan.contains(&format!("Index Scan using {index}")) && !plan.contains("Sort"), "{name}\n{plan}");
        sqlx::raw_sql("DEALLOCATE one").execute(&mut conn).await.expect("it is forgotten");
    }
}

#[tokio::test]
async fn on_postgresql_a_place_is_before_whatever_still_runs() {
    let fresh = TestStore::postgres().await;
    let tenant = fresh.tenant().await;
    let mut older = PgConnection::connect(&fresh.url).await.expect("the database opens");
    sqlx::raw_sql("BEGIN; SELECT pg_current_xact_id()").execute(&mut older).await.expect("a transaction");
    let event = tenant.event(fresh.now());
    let written = fresh.db.write(tenant.scope.clone(), async move |tx| -> store::Result<_> {
        tx.emit(event.clone());
        Ok(())
    });
    written.await.expect("an event");
    let mut read = fresh.db.long_read(tenant.scope.clone()).await.expect("a snapshot").expect("there is room");
    let Begun::At(place) = begin(&mut read).await.expect("a place") else { panic!("nobody else exports") };
    sqlx::raw_sql("ROLLBACK").execute(&mut older).await.expect("it ends");
    let told = until("the event", async || {
        let mut reader = fresh.db.read(tenant.scope.clone()).await.expect("a snapshot");
        let end = store::events::end(&mut reader).await.expect("a place");
        let told = store::events::since(&mut reader, place, end, i64::MAX, 10).await.expect("events");
        assert!(place <= end, "a reader may go on there");
        told.into_iter().next()
    });
    let told = told.await;
    read.end().await;
    let mut again = fresh.db.long_read(tenant.scope.clone()).await.expect("a snapshot").expect("there is room");
    let Begun::At(now) = begin(&mut again).await.expect("a place") else { panic!("nobody else exports") };
    assert!(place <= told.place && told.place < now, "without that transaction it is not told twice");
}
