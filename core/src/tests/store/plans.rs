//! Plans of all statements with the settings of our connections, on a server with PostgreSQL's defaults: none is
//! JIT-compiled, and none has to use a disabled plan.

use crate::store::{self, Purpose};
use crate::tests::support::TestStore;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection, Row as _};

/// Least cost of a disabled plan up to PostgreSQL 17; later releases mark it.
const DISABLED_COST: f64 = 1e10;

/// The faults of a plan.
fn faults(plan: &Value) -> Vec<&'static str> {
    fn disabled(node: &Value) -> bool {
        let costs = node["Total Cost"].as_f64().is_some_and(|cost| cost >= DISABLED_COST);
        costs || node["Disabled"] == true || node["Plans"].as_array().is_some_and(|plans| plans.iter().any(disabled))
    }
    let mut faults = Vec::new();
    if disabled(&plan[0]["Plan"]) {
        faults.push("is left with a way that is switched off");
    }
    if plan[0].get("JIT").is_some() {
        faults.push("is compiled");
    }
    faults
}

/// The generic plan.
async fn plan(conn: &mut PgConnection, text: &str, parameters: usize) -> Value {
    let prepare = format!("PREPARE one AS {text}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(prepare)).execute(&mut *conn).await.expect("it can be prepared");
    let values = if parameters == 0 { String::new() } else { format!("({})", vec!["NULL"; parameters].join(",")) };
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN (FORMAT JSON) EXECUTE one{values}"));
    let row = sqlx::query(explain).fetch_one(&mut *conn).await.expect("it has a plan");
    let plan: String = row.try_get_unchecked(0).expect("its text");
    sqlx::raw_sql("DEALLOCATE one").execute(conn).await.expect("it is forgotten");
    serde_json::from_str(&plan).expect("JSON")
}

fn parameters(text: &str) -> usize {
    let numbers = text.split('$').skip(1).filter_map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    numbers.max().unwrap_or(0)
}

async fn connect(fresh: &TestStore, purpose: Purpose) -> PgConnection {
    let mut conn = PgConnection::connect(&fresh.url).await.expect("a connection");
    let settings = format!("{} SET plan_cache_mode = force_generic_plan", purpose.settings());
    sqlx::raw_sql(sqlx::AssertSqlSafe(settings)).execute(&mut conn).await.expect("the settings are taken");
    conn
}

#[tokio::test]
async fn no_statement_is_compiled_or_left_with_a_way_that_is_switched_off() {
    let fresh = TestStore::postgres().await;
    let (fixed, rows) = store::statements();
    let mut texts: Vec<(String, &str)> = fixed.iter().filter_map(|(name, sql)| Some((name.clone(), sql.pg?))).collect();
    for (name, rows) in &rows {
        texts.extend(store::sql::CHUNKS.map(|size| (format!("{name} × {size}"), rows.text(size, true))));
    }
    let mut wrong = Vec::new();
    for purpose in [Purpose::Write, Purpose::Read] {
        let mut conn = connect(&fresh, purpose).await;
        for (name, text) in &texts {
            let plan = plan(&mut conn, text, parameters(text)).await;
            wrong.extend(faults(&plan).into_iter().map(|fault| format!("{purpose:?}: {name} {fault}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The test above would report a count without an index on a writer that has JIT enabled.
#[tokio::test]
async fn such_a_plan_is_noticed() {
    let fresh = TestStore::postgres().await;
    let mut conn = connect(&fresh, Purpose::Write).await;
    let count = "SELECT COUNT(*) FROM cores WHERE seen_at > $1";
    assert_eq!(faults(&plan(&mut conn, count, 1).await), ["is left with a way that is switched off"]);
    sqlx::raw_sql("RESET jit").execute(&mut conn).await.expect("it is taken back");
    let compiles: bool = sqlx::query_scalar("SELECT pg_jit_available() AND current_setting('jit')::boolean")
        .fetch_one(&mut conn)
        .await
        .expect("yes or no");
    assert_eq!(faults(&plan(&mut conn, count, 1).await).contains(&"is compiled"), compiles);
}

/// A reader that is far behind pays for its page, not for everything after it.
#[tokio::test]
async fn pages_of_events_and_commits_come_in_the_order_of_an_index() {
    let fresh = TestStore::postgres().await;
    let (fixed, _) = store::statements();
    let mut conn = connect(&fresh, Purpose::Read).await;
    sqlx::raw_sql("SET enable_sort = off; SET enable_seqscan = off").execute(&mut conn).await.expect("they are taken");
    let mut read = 0;
    for (name, sql) in &fixed {
        let Some(text) = sql.pg.filter(|text| text.contains("(xact, seq) >") && text.contains("LIMIT")) else {
            continue;
        };
        read += 1;
        let plan = plan(&mut conn, text, parameters(text)).await;
        assert!(faults(&plan).is_empty(), "{name} sorts what it reads: {plan}");
    }
    assert_eq!(read, 4);
}
