//! Plans of the statements for the log and the backlog: each uses the index that is made for it, whatever the
//! statistics, so that it costs the same with ten million deliveries as with ten.

use crate::store;
use crate::tests::support::TestStore;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

/// The planner's statistics of deliveries.
#[derive(Clone, Copy, Debug)]
enum Statistics {
    /// Nothing.
    Nothing,
    /// The present distribution.
    All,
    /// Statistics from when there were few deliveries, of another endpoint.
    Past,
}

/// An endpoint with deliveries of all states, and one with almost none.
const FULL: &str = "00000000-0000-7000-8000-00000000000f";
const EMPTY: &str = "00000000-0000-7000-8000-00000000000e";
const LAST: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/// Deliveries of an endpoint, one in `in_state` of the requested state, all others delivered.
fn fill(count: u32, endpoint: &str) -> String {
    format!(
        "INSERT INTO deliveries (id, tenant_id, endpoint_id, event_id, kind, test, state, attempt, failures, due_at, token, \
         incarnation, created_at, response_status) SELECT gen_random_uuid(), '{EMPTY}', '{endpoint}', gen_random_uuid(), n % 8, \
         n % 1000 = 0, CASE WHEN n % 500 < 2 THEN n % 500 WHEN n % 500 < 4 THEN n % 500 + 1 ELSE 2 END, n % 3, 0, n, 1, 0, n, \
         CASE WHEN n % 500 = 3 THEN 404 ELSE 200 END \
         FROM generate_series(1, {count}) n"
    )
}

async fn run(pg: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pg).await.unwrap();
}

async fn plan(pg: &mut PgConnection, text: &str, arguments: &str) -> String {
    run(pg, &format!("PREPARE one AS {text}")).await;
    let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
    let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE one{arguments}"));
    let lines: Vec<(String,)> = sqlx::query_as(explain).fetch_all(&mut *pg).await.unwrap();
    run(pg, "DEALLOCATE one").await;
    lines.into_iter().map(|it| it.0).collect::<Vec<_>>().join("\n")
}

/// Statements with their parameters, and the indexes that they may use.
fn cases() -> Vec<(String, &'static str, String, Vec<&'static str>)> {
    const CLASSES: [&str; 5] =
        ["deliveries_untried", "deliveries_tried", "deliveries_delivered", "deliveries_failed", "deliveries_stopped"];
    let (fixed, rows) = store::statements();
    let walk = format!(
        "ARRAY['{FULL}','{EMPTY}']::uuid[], ARRAY[0,1,2,3,4,5,6,7]::smallint[], '{FULL}', \
         'ffffffff-ffff-ffff-ffff-ffffffffffff', 26"
    );
    let mut cases = Vec::new();
    for (name, sql) in fixed.iter().filter(|(name, _)| name.starts_with("walk::")) {
        let class = CLASSES.iter().filter(|it| name.to_lowercase().ends_with(&it["deliveries".len()..]));
        let class: Vec<&str> = class.copied().collect();
        let indexes = if class.is_empty() { CLASSES.to_vec() } else { class };
        cases.push((name.clone(), sql.pg.unwrap(), walk.clone(), indexes));
    }
    let both = format!("'{{{FULL},{EMPTY}}}'");
    for (name, more, index) in [
        ("search::ANSWERED", format!("'{{200,404}}', '{FULL}', '{LAST}', 26"), "deliveries_answered"),
        ("search::RECOVERED", format!("0, '{LAST}', 26"), "deliveries_recovered"),
    ] {
        let (_, sql) = fixed.iter().find(|(it, _)| it == name).unwrap();
        cases.push((name.to_owned(), sql.pg.unwrap(), format!("{both}, {more}"), vec![index]));
    }
    for (name, indexes) in [
        ("walk::FEW", vec!["deliveries_leased", "deliveries_tests"]),
        ("backlog::FEW", vec!["deliveries_leased", "deliveries_tests"]),
        ("backlog::LANES", vec!["deliveries_oldest", "deliveries_waiting"]),
    ] {
        let (_, rows) = rows.iter().find(|(it, _)| it == name).unwrap();
        cases.push((
            name.to_owned(),
            rows.text(4, true),
            [FULL, EMPTY, FULL, EMPTY].map(|it| format!("'{it}'")).join(", "),
            indexes,
        ));
    }
    let (_, tenants) = fixed.iter().find(|(name, _)| name == "backlog::TENANTS").unwrap();
    cases.push(("backlog::TENANTS".to_owned(), tenants.pg.unwrap(), String::new(), vec!["deliveries_waiting"]));
    cases
}

/// A line of a plan that reads deliveries without these indexes, or filters rows after reading them.
fn wrong(plan: &str, indexes: &[&str]) -> Option<String> {
    let by = |line: &str, index: &str| {
        ["Index Scan using", "Index Scan Backward using", "Index Only Scan using", "Index Only Scan Backward using"]
            .iter()
            .any(|how| line.contains(&format!("{how} {index} on deliveries")))
            || line.contains(&format!("Bitmap Index Scan on {index} "))
    };
    let reads = |line: &&str| line.contains(" on deliveries") && !line.contains("Bitmap Heap Scan");
    let other = plan.lines().filter(reads).find(|line| !indexes.iter().any(|index| by(line, index)));
    let unused = || indexes.iter().find(|index| !plan.lines().any(|line| by(line, index)));
    let sorts = plan.lines().find(|line| line.contains("Incremental Sort"));
    other.or(sorts).map(str::to_owned).or_else(|| unused().map(|it| format!("{it} is not used")))
}

#[tokio::test]
async fn each_filter_goes_by_its_own_index_on_postgres_whatever_the_statistics_say() {
    for known in [Statistics::Nothing, Statistics::All, Statistics::Past] {
        let fresh = TestStore::postgres().await;
        let mut pg = PgConnection::connect(&fresh.url).await.unwrap();
        run(&mut pg, "ALTER TABLE deliveries SET (autovacuum_enabled = off)").await;
        if matches!(known, Statistics::Past) {
            run(&mut pg, &fill(50, EMPTY)).await;
            run(&mut pg, "ANALYZE").await;
        }
        run(&mut pg, &fill(60_000, FULL)).await;
        run(&mut pg, &fill(3, EMPTY)).await;
        if matches!(known, Statistics::All) {
            run(&mut pg, "ANALYZE").await;
        }
        let mut all_wrong = Vec::new();
        for mode in ["force_generic_plan", "force_custom_plan"] {
            run(&mut pg, &format!("SET plan_cache_mode = {mode}")).await;
            for (name, text, arguments, indexes) in cases() {
                let plan = plan(&mut pg, text, &arguments).await;
                if let Some(wrong) = wrong(&plan, &indexes) {
                    all_wrong.push(format!("{name} with {known:?} known, {mode}: {wrong}\n{plan}"));
                }
            }
        }
        assert!(all_wrong.is_empty(), "{}", all_wrong.join("\n\n"));
    }
}

#[tokio::test]
async fn each_filter_goes_by_its_own_index_on_sqlite() {
    let fresh = TestStore::sqlite().await;
    let mut lite = SqliteConnection::connect(&fresh.url).await.unwrap();
    let (fixed, rows) = store::statements();
    let texts = fixed
        .iter()
        .filter_map(|(name, sql)| Some((name, sql.sqlite?)))
        .chain(rows.iter().map(|(name, rows)| (name, rows.text(4, false))));
    let mut seen = 0;
    for (name, text) in texts.filter(|(name, _)| name.starts_with("walk::") || name.starts_with("backlog::")) {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(&mut lite).await.unwrap();
        let plan: Vec<String> = plan.into_iter().map(|it| it.3).collect();
        let reads = plan.iter().filter(|it| it.contains(" deliveries ") || it.contains(" d "));
        for line in reads {
            seen += 1;
            let whole =
                line.contains("(endpoint_id=? AND kind=? AND id>? AND id<?)") || line.contains("(endpoint_id=?)");
            // Few at any time, and read as a whole.
            let few = line.contains("INDEX deliveries_leased") || line.contains("INDEX deliveries_tests");
            assert!(line.contains("INDEX deliveries_") && (whole || few), "{name}: {plan:#?}");
        }
        assert!(!name.starts_with("walk::") || !plan.iter().any(|it| it.contains("TEMP B-TREE")), "{name}: {plan:#?}");
    }
    assert!(seen > 25, "{seen}");
}

#[tokio::test]
async fn each_search_is_one_statement_by_its_own_index_on_sqlite() {
    let fresh = TestStore::sqlite().await;
    let mut lite = SqliteConnection::connect(&fresh.url).await.unwrap();
    let (fixed, _) = store::statements();
    for (name, ways) in [
        ("search::ANSWERED", &["deliveries_answered (endpoint_id=? AND response_status=? AND id>? AND id<?)"][..]),
        (
            "search::RECOVERED",
            &[
                "deliveries_recovered (endpoint_id=? AND created_at>?)",
                "deliveries_recovered (endpoint_id=? AND created_at>?)",
                "deliveries_recovered (endpoint_id=? AND created_at=? AND id<?)",
                "deliveries_recovered (endpoint_id=? AND created_at=? AND id<?)",
            ],
        ),
    ] {
        let (_, sql) = fixed.iter().find(|(it, _)| it == name).unwrap();
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.sqlite.unwrap()));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(&mut lite).await.unwrap();
        let (rows, indexes): (Vec<String>, Vec<String>) = plan
            .into_iter()
            .map(|it| it.3)
            .filter(|it| it.contains(" deliveries ") || it.contains(" d "))
            .partition(|it| it.contains("USING PRIMARY KEY (id=?)"));
        assert_eq!(rows.len(), 1, "{name}: {rows:?}");
        assert_eq!(indexes.len(), ways.len(), "{name}: {indexes:#?}");
        assert!(indexes.iter().zip(ways).all(|(line, way)| line.ends_with(way)), "{name}: {indexes:#?}");
    }
}
