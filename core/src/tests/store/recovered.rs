//! What recoveries have made, among the other deliveries: a page since a time is in the order of ids, whatever the
//! order of their making, and does not read all of them.

use super::long_log::fill;
use crate::store::{self, deliveries::Search};
use crate::tests::support::{TestStore, on_both};
use inboxops_proto::id::EndpointId;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use std::time::Duration;

/// Deliveries of each endpoint.
const COUNT: usize = 1_500;
/// Times at which they were made.
const STEPS: u64 = 97;

async fn pages_since_a_time_have_all_that_a_recovery_made_in_order(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let endpoints = [fresh.endpoint(&tenant).await, fresh.endpoint(&tenant).await];
    fill(&fresh, &tenant, endpoints[0], COUNT, 2).await;
    fill(&fresh, &tenant, endpoints[1], COUNT, 3).await;
    let (now, yes) = (fresh.now(), if fresh.postgres.is_some() { "TRUE" } else { "1" });
    let made = format!("{} + created_at / 1000 % {STEPS}", now.micros());
    fresh.run(&format!("UPDATE deliveries SET recovered = {yes}, created_at = {made}")).await;
    let walk = async |endpoints: &[EndpointId], search: Search| {
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
            let page = Search { before, ..search.clone() };
            let found = store::deliveries::search(&mut read, endpoints, &page, 40).await.unwrap();
            all.extend(found.deliveries);
            before = found.next;
            if before.is_none() {
                return all;
            }
        }
    };
    let everything = walk(&endpoints, Search::default()).await;
    assert_eq!(everything.len(), 2 * COUNT);
    for some in [&endpoints[..], &endpoints[..1]] {
        for later in [0, 1, STEPS / 2, STEPS - 1, STEPS] {
            let since = now.plus(Duration::from_micros(later));
            let found = walk(some, Search { since: Some(since), ..Search::default() }).await;
            let expected = everything.iter().filter(|it| it.created_at >= since && some.contains(&it.endpoint));
            let expected: Vec<_> = expected.map(|it| it.id).collect();
            assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), expected, "{later} µs later");
        }
    }
}

on_both!(TestStore: pages_since_a_time_have_all_that_a_recovery_made_in_order);

/// Deliveries of a large recovery.
const MANY: usize = 60_000;
/// Deliveries that each step of it makes.
const TOGETHER: usize = 256;
/// Rows that a page may read: two for each step, and those of as many steps as it has rows.
const READ_MAX: f64 = 1_500.0;

/// Rows of deliveries that a plan has read.
fn read(node: &Value) -> f64 {
    let number = |name: &str| node[name].as_f64().unwrap_or_default();
    let own = if node["Relation Name"] == "deliveries" {
        (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops")
    } else {
        0.0
    };
    own + node["Plans"].as_array().into_iter().flatten().map(read).sum::<f64>()
}

#[tokio::test]
async fn a_page_after_a_large_recovery_reads_a_small_part_of_it() {
    let fresh = TestStore::postgres().await;
    let tenant = fresh.tenant().await;
    let endpoint = fresh.endpoint(&tenant).await;
    fill(&fresh, &tenant, endpoint, MANY, 2).await;
    fresh.run(&format!("UPDATE deliveries SET recovered = TRUE, created_at = created_at / {}", TOGETHER * 1_000)).await;
    fresh.run("ANALYZE deliveries").await;
    let (fixed, _) = store::statements();
    let (_, sql) = fixed.iter().find(|(it, _)| it == "search::RECOVERED").expect("the statement");
    let mut conn = PgConnection::connect(&fresh.url).await.expect("a connection");
    let prepare = format!("PREPARE one AS {}", sql.pg.expect("its text"));
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut conn).await.expect("it can be prepared");
    let explain =
        format!("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE one ('{{{}}}', 0, '{}', 26)", endpoint.0, uuid::Uuid::max());
    let row = sqlx::query(AssertSqlSafe(explain)).fetch_one(&mut conn).await.expect("it has a plan");
    let plan: String = row.try_get_unchecked(0).expect("its text");
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    let rows = read(&plan[0]["Plan"]);
    assert!((26.0..=READ_MAX).contains(&rows), "it reads {rows} rows: {plan}");
}
