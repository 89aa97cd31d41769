//! Plans of the lists' statements: none reads more than a few thousand rows for a page, with any statistics of
//! PostgreSQL (none, old, fresh) and with custom and generic plans; SQLite finds everything by an index.

use super::helpdesk::Helpdesk;
use crate::tests::support::TestStore;
use crate::{
    list_index::ListIndex,
    store::{
        self, ReadTx,
        tickets::{After, AssigneeFilter, Filter, Priority, Sort, SortKey, StatementRun, Status},
    },
    time_and_chance::{Chance, Stamps},
};
use inboxops_proto::id::TicketId;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};
use tokio_util::sync::CancellationToken;

/// Rows that the statements of one page may read in all: twice those that are examined one by one, and those that are
/// merged.
const ROWS_MAX: f64 = 20_000.0;

fn count() -> u32 {
    std::env::var("LISTS_TICKETS").ok().and_then(|text| text.parse().ok()).unwrap_or(40_000)
}

fn lists(desk: &Helpdesk) -> ListIndex {
    ListIndex::new(desk.fresh.db.clone(), Stamps::new(desk.fresh.clock.clone(), Chance::seeded(3)))
}

/// One filter of every kind, with a common value and a rare one, in every order, at the beginning and far into the
/// list.
fn questions(desk: &Helpdesk) -> Vec<(Filter, i64)> {
    let all = Filter::default;
    let text = |text: &str| Some(text.to_owned());
    let mut filters = vec![
        all(),
        Filter { assignee: vec![AssigneeFilter::Nobody], ..all() },
        Filter { assignee: vec![AssigneeFilter::Agent(desk.agents[0])], ..all() },
        Filter { assignee: vec![AssigneeFilter::Agent(desk.agents[3])], ..all() },
        Filter { assignee: vec![AssigneeFilter::Agent(desk.agents[1])], status: vec![Status::Open], ..all() },
        Filter { tag: text("many"), ..all() },
        Filter { tag: text("few"), ..all() },
        Filter { tag: text("none"), ..all() },
        Filter { requester_email: text("ada1@example.com"), ..all() },
        Filter { requester_email: text("ada2@example.com"), ..all() },
        Filter { requester_email: text("nobody@example.com"), ..all() },
        Filter { subject_contains: text("zeppelin"), ..all() },
        Filter { subject_contains: text("no such text"), ..all() },
        Filter { subject_contains: text("e"), ..all() },
        Filter { created_since: Some(desk.at(0, 10)), ..all() },
        Filter { created_since: Some(desk.at(5, 10)), ..all() },
        Filter { updated_since: Some(desk.at(0, 10)), ..all() },
        Filter { updated_since: Some(desk.at(5, 10)), ..all() },
        Filter { updated_since: Some(desk.fresh.now()), ..all() },
        Filter { updated_since: Some(desk.at(0, 10)), updated_until: Some(desk.at(9, 10)), ..all() },
        Filter { updated_since: Some(desk.at(5, 10)), updated_until: Some(desk.at(9, 10)), ..all() },
    ];
    filters.push(Filter { ids: vec![TicketId(uuid::Uuid::from_u128(1)), TicketId(uuid::Uuid::from_u128(2))], ..all() });
    filters.push(Filter {
        ids: vec![TicketId(uuid::Uuid::from_u128(1))],
        tag: text("many"),
        status: vec![Status::Open],
        ..all()
    });
    filters.extend(Status::ALL.iter().map(|it| Filter { status: vec![*it], ..all() }));
    filters.push(Filter { status: vec![Status::Open, Status::Pending], ..all() });
    filters.extend(Priority::ALL.iter().map(|it| Filter { priority: vec![*it], ..all() }));
    filters.extend(desk.inboxes.iter().map(|it| Filter { inbox: vec![*it], ..all() }));
    let mut questions = Vec::new();
    for filter in filters {
        for key in [SortKey::CreatedAt, SortKey::UpdatedAt, SortKey::Number] {
            for (descending, offset) in [(true, 0), (false, 0), (true, 700)] {
                questions.push((Filter { sort: Sort { key, descending }, ..filter.clone() }, offset));
            }
        }
    }
    let deep = i64::from(desk.count / 2);
    questions.extend(
        [SortKey::CreatedAt, SortKey::UpdatedAt]
            .map(|key| (Filter { sort: Sort { key, descending: true }, ..all() }, deep)),
    );
    questions
}

/// The statements of a page, and of the page after it by cursor.
async fn asked(read: &mut ReadTx, filter: &Filter, offset: i64) -> Vec<(&'static str, Vec<StatementRun>)> {
    let (listed, asked) = store::tickets::list_and_tell(read, filter, 25, offset).await.unwrap();
    let mut pages = vec![("page", asked)];
    if let Some(last) = listed.tickets.last() {
        let after = After { key: filter.sort.key_of(last), id: last.id.0 };
        pages.push(("cursor", store::tickets::list_after_and_tell(read, filter, 26, after).await.unwrap().1));
    }
    pages
}

/// Rows that a plan's scans read, and the plan's faults.
fn scanned(node: &Value, wrong: &mut Vec<String>) -> f64 {
    let number = |name: &str| node[name].as_f64().unwrap_or_default();
    let kind = node["Node Type"].as_str().unwrap_or_default();
    let of = node["Relation Name"].as_str().unwrap_or_default();
    let own = if kind.contains("Scan") && !of.is_empty() {
        (number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Index Recheck"))
            * number("Actual Loops")
    } else {
        0.0
    };
    // A small table may be read as a whole.
    if kind == "Seq Scan" && own > 2_000.0 {
        wrong.push(format!("all of {of}"));
    }
    own + node["Plans"].as_array().into_iter().flatten().map(|it| scanned(it, wrong)).sum::<f64>()
}

/// Lists whose tickets are found by one time and ordered against another, so that the first ones would be examined
/// last: all of them are sorted.
fn sorts_a_part(filter: &Filter) -> bool {
    let Sort { key, descending } = filter.sort;
    let (created, updated) = (filter.created_since.is_some(), filter.updated_since.is_some());
    !descending && (created && key == SortKey::Number || updated && key != SortKey::UpdatedAt)
}

async fn run(conn: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
}

/// Runs a statement with a custom or a generic plan; returns the rows read.
async fn rows(conn: &mut PgConnection, asked: &StatementRun, any: bool, wrong: &mut Vec<String>) -> f64 {
    let mode = if any { "force_generic_plan" } else { "force_custom_plan" };
    let types = asked.values.iter().map(|it| it.0).collect::<Vec<_>>().join(",");
    run(conn, format!("SET plan_cache_mode = {mode}; PREPARE one ({types}) AS {}", asked.sql)).await;
    let values = asked.values.iter().map(|it| it.1.as_str()).collect::<Vec<_>>().join(",");
    let explain = format!("EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, FORMAT JSON) EXECUTE one({values})");
    let row = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_one(&mut *conn).await.unwrap();
    let plan: String = row.try_get_unchecked(0).unwrap();
    run(conn, "DEALLOCATE one".to_owned()).await;
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let read = scanned(&plan[0]["Plan"], wrong);
    if !wrong.is_empty() {
        wrong.push(format!("{} rows, {mode}\n{}\n{plan:#}", read, asked.sql));
    }
    read
}

async fn check(desk: &Helpdesk, statistics: &str) {
    let mut conn = PgConnection::connect(&desk.fresh.url).await.unwrap();
    run(&mut conn, store::Purpose::Read.settings()).await;
    let mut faults = Vec::new();
    for (filter, offset) in questions(desk).into_iter().filter(|(filter, _)| !sorts_a_part(filter)) {
        let mut read = desk.fresh.db.read(desk.tenant.scope.clone()).await.unwrap();
        for (by, asked) in asked(&mut read, &filter, offset).await {
            // By cursor an index may be counted besides.
            let most = if by == "page" { ROWS_MAX } else { ROWS_MAX * 1.5 };
            for any in [false, true] {
                let (mut wrong, mut all) = (Vec::new(), 0.0);
                for asked in asked.iter().filter(|it| !any || it.kept) {
                    all += rows(&mut conn, asked, any, &mut wrong).await;
                }
                if !wrong.is_empty() || all > most {
                    faults.push(format!(
                        "{statistics} statistics, {all} rows: {filter:?} after {offset} by {by}\n{}",
                        wrong.join("\n")
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

async fn desk(fresh: TestStore, analyzed_at: Option<u32>) -> Helpdesk {
    let tenant = fresh.tenant().await;
    let tables = ["tickets", "ticket_tags", "counts", "spans", "subject_blocks", "subject_lists"];
    let off = tables.map(|table| format!("ALTER TABLE {table} SET (autovacuum_enabled = false)")).join("; ");
    fresh.run(&off).await;
    let desk = Helpdesk::bare(fresh, tenant, count());
    desk.fill(0, analyzed_at.unwrap_or(100)).await;
    if analyzed_at.is_some() {
        desk.fresh.run("ANALYZE").await;
    }
    desk.fill(analyzed_at.unwrap_or(100), desk.count).await;
    let lists = lists(&desk);
    assert!(lists.settle().await.unwrap());
    lists.pass(true, &CancellationToken::new()).await.unwrap();
    desk
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_read_few_rows_when_postgresql_has_no_statistics() {
    check(&desk(TestStore::postgres().await, None).await, "no").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_read_few_rows_with_old_statistics_and_with_fresh_ones() {
    // Statistics of a workspace that was analyzed in its first hour, and never again.
    let desk = desk(TestStore::postgres().await, Some(120)).await;
    check(&desk, "old").await;
    desk.fresh.run("VACUUM ANALYZE").await;
    check(&desk, "fresh").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_found_by_indexes_on_sqlite() {
    let fresh = TestStore::sqlite().await;
    let tenant = fresh.tenant().await;
    let desk = Helpdesk::bare(fresh, tenant, count());
    desk.fill(0, desk.count).await;
    let lists = lists(&desk);
    assert!(lists.settle().await.unwrap());
    lists.pass(true, &CancellationToken::new()).await.unwrap();
    let mut conn = SqliteConnection::connect(&desk.fresh.url).await.unwrap();
    for analyzed in [false, true] {
        if analyzed {
            sqlx::raw_sql("ANALYZE").execute(&mut conn).await.unwrap();
        }
        for (filter, offset) in questions(&desk) {
            let mut read = desk.fresh.db.read(desk.tenant.scope.clone()).await.unwrap();
            let all = asked(&mut read, &filter, offset).await;
            for asked in all.into_iter().flat_map(|(_, asked)| asked) {
                let mut parts = asked.sql.split('?');
                let mut sql = parts.next().unwrap_or_default().to_owned();
                for (value, part) in asked.values.iter().zip(parts) {
                    sql = sql + &value.1 + part;
                }
                let plan: Vec<(i64, i64, i64, String)> =
                    sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
                        .fetch_all(&mut conn)
                        .await
                        .unwrap();
                let lines: Vec<&str> = plan.iter().map(|it| it.3.as_str()).collect();
                let tables = ["tickets", "ticket_tags", "counts", " t ", " h "];
                let scans = lines
                    .iter()
                    .any(|line| line.starts_with("SCAN") && tables.iter().any(|it| format!("{line} ").contains(it)));
                // Nothing is found by the tenant alone.
                let scans =
                    scans || lines.iter().any(|line| line.contains("tickets") && line.contains("(tenant_id=?)"));
                let sorts =
                    asked.kept && !sql.contains("heads") && lines.iter().any(|line| line.contains("TEMP B-TREE"));
                assert!(!scans && !sorts, "{filter:?}\n{sql}\n{}", lines.join("\n"));
            }
        }
    }
}
