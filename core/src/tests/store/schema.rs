//! The two schemas agree, every statement is understood by both databases, and a newer schema is refused.

use crate::store::{self, Db, Error, Options, agents, audit, deliveries, messages, recoveries, tenants, tickets};
use crate::tests::support::{TestStore, on_both};
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};

/// Tables and columns that only PostgreSQL has; the migration says why.
const PG_ONLY: &[&str] = &["rate_windows", "events.xact", "changes.xact"];
/// The migrator's own table in each database.
const MIGRATOR: &str = "_sqlx_migrations";

#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    /// `table.column`, and whether it may be NULL.
    columns: BTreeMap<String, bool>,
    /// Name, table, columns, unique, partial.
    indexes: BTreeSet<(String, String, Vec<String>, bool, bool)>,
}

async fn sqlite_shape(url: &str) -> Shape {
    let mut conn = SqliteConnection::connect(url).await.unwrap();
    let mut shape = Shape::default();
    let columns: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT t.name, c.name, c.\"notnull\" FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    for (table, column, not_null) in columns.into_iter().filter(|(table, ..)| table != MIGRATOR) {
        shape.columns.insert(format!("{table}.{column}"), !not_null);
    }
    let indexes: Vec<(String, String, bool, bool)> = sqlx::query_as(
        "SELECT i.name, t.name, i.\"unique\", i.partial FROM sqlite_schema t JOIN pragma_index_list(t.name) i \
         WHERE t.type = 'table' AND i.origin = 'c'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    for (name, table, unique, partial) in indexes {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_index_info($1) ORDER BY seqno")
            .bind(&name)
            .fetch_all(&mut conn)
            .await
            .unwrap();
        shape.indexes.insert((name, table, columns, unique, partial));
    }
    shape
}

async fn postgres_shape(url: &str) -> Shape {
    let mut conn = PgConnection::connect(url).await.unwrap();
    let mut shape = Shape::default();
    let columns: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, is_nullable = 'YES' FROM information_schema.columns \
         WHERE table_schema = 'public'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    for (table, column, nullable) in columns {
        let name = format!("{table}.{column}");
        if table != MIGRATOR && !PG_ONLY.contains(&table.as_str()) && !PG_ONLY.contains(&name.as_str()) {
            shape.columns.insert(name, nullable);
        }
    }
    let indexes: Vec<(String, String, Vec<String>, bool, bool)> = sqlx::query_as(
        "SELECT i.relname::text, t.relname::text, \
         ARRAY(SELECT a.attname::text FROM unnest(x.indkey) WITH ORDINALITY AS k (n, at) \
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.n ORDER BY k.at), \
         x.indisunique, x.indpred IS NOT NULL \
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
         JOIN pg_namespace s ON s.oid = t.relnamespace WHERE s.nspname = 'public' AND NOT x.indisprimary",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    for (name, table, mut columns, unique, partial) in indexes.into_iter().filter(|(_, table, ..)| table != MIGRATOR) {
        columns.retain(|column| !PG_ONLY.contains(&format!("{table}.{column}").as_str()));
        shape.indexes.insert((name, table, columns, unique, partial));
    }
    shape
}

#[tokio::test]
async fn the_two_schemas_have_the_same_tables_columns_and_indexes() {
    let (sqlite, postgres) = (TestStore::sqlite().await, TestStore::postgres().await);
    let (left, right) = (sqlite_shape(&sqlite.url).await, postgres_shape(&postgres.url).await);
    assert!(left.columns.len() > 150, "{} columns", left.columns.len());
    let only = |a: &Shape, b: &Shape| {
        let columns: Vec<_> =
            a.columns.iter().filter(|(name, null)| b.columns.get(*name) != Some(null)).map(|it| it.0.clone()).collect();
        let indexes: Vec<_> = a.indexes.difference(&b.indexes).cloned().collect();
        (columns, indexes)
    };
    assert_eq!(only(&left, &right), Default::default(), "only on SQLite");
    assert_eq!(only(&right, &left), Default::default(), "only on PostgreSQL");
}

/// Columns in which a number stands for a state, with the least and the greatest number.
fn states() -> Vec<(&'static str, &'static str, i16, i16)> {
    macro_rules! of {
        ($table:literal, $column:literal, $states:ty) => {
            ($table, $column, <$states>::ALL[0].code(), <$states>::ALL[<$states>::ALL.len() - 1].code())
        };
    }
    vec![
        of!("tenants", "plan", tenants::Plan),
        // According to the plan, on, off.
        ("tenants", "webhooks", 1, 3),
        ("tenants", "public_api", 1, 3),
        of!("agents", "role", agents::Role),
        of!("inboxes", "channel", tickets::Channel),
        of!("tickets", "status", tickets::Status),
        of!("tickets", "priority", tickets::Priority),
        of!("tickets", "channel", tickets::Channel),
        of!("messages", "kind", messages::MessageKind),
        of!("messages", "author_kind", messages::AuthorKind),
        of!("endpoint_health", "last_state", deliveries::State),
        of!("deliveries", "state", deliveries::State),
        of!("audit_log", "actor_kind", audit::ActorKind),
        of!("recoveries", "kind", recoveries::What),
    ]
}

#[tokio::test]
async fn a_number_that_is_no_state_is_refused_by_either_database() {
    let (sqlite, postgres) = (TestStore::sqlite().await, TestStore::postgres().await);
    let mut lite = SqliteConnection::connect(&sqlite.url).await.unwrap();
    let mut pg = PgConnection::connect(&postgres.url).await.unwrap();
    for (table, column, least, most) in states() {
        let name = format!("{table}.{column}");
        let text: String = sqlx::query_scalar("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = $1")
            .bind(table)
            .fetch_one(&mut lite)
            .await
            .unwrap();
        let check = format!(" CHECK ({column} BETWEEN {least} AND {most})");
        assert!(text.contains(&check), "{name} of SQLite: {text}");
        let check: Option<String> =
            sqlx::query_scalar("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1")
                .bind(format!("{table}_{column}"))
                .fetch_optional(&mut pg)
                .await
                .unwrap();
        let expected = format!("CHECK ((({column} >= {least}) AND ({column} <= {most}))) NOT VALID");
        assert_eq!(check, Some(expected), "{name} of PostgreSQL");
    }
    for store in [&sqlite, &postgres] {
        store.tenant().await;
    }
    let change = "UPDATE tenants SET plan = 5";
    let refused = lite.execute(change).await.unwrap_err();
    assert!(refused.as_database_error().is_some_and(|it| it.is_check_violation()), "{refused}");
    let refused = pg.execute(change).await.unwrap_err();
    assert!(refused.as_database_error().is_some_and(|it| it.is_check_violation()), "{refused}");
}

#[tokio::test]
async fn every_statement_is_understood_by_its_databases() {
    let (sqlite, postgres) = (TestStore::sqlite().await, TestStore::postgres().await);
    let mut lite = SqliteConnection::connect(&sqlite.url).await.unwrap();
    let mut pg = PgConnection::connect(&postgres.url).await.unwrap();
    let (fixed, rows) = store::statements();
    assert!(fixed.len() > 60 && rows.len() > 15, "{} and {}", fixed.len(), rows.len());
    let mut wrong = Vec::new();
    let mut texts: Vec<(String, Option<&'static str>, Option<&'static str>)> =
        fixed.into_iter().map(|(name, sql)| (name, sql.sqlite, sql.pg)).collect();
    for (name, rows) in rows {
        for size in store::sql::CHUNKS {
            texts.push((format!("{name} × {size}"), Some(rows.text(size, false)), Some(rows.text(size, true))));
        }
    }
    for (name, on_sqlite, on_pg) in texts {
        if let Some(text) = on_sqlite
            && let Err(error) = (&mut lite).prepare(sqlx::SqlSafeStr::into_sql_str(text)).await
        {
            wrong.push(format!("{name} on SQLite: {error}"));
        }
        if let Some(text) = on_pg
            && let Err(error) = (&mut pg).prepare(sqlx::SqlSafeStr::into_sql_str(text)).await
        {
            wrong.push(format!("{name} on PostgreSQL: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Statements that change or find many deliveries by id.
const BY_ID: &[&str] = &["report::SETTLE", "dispatch::PARK", "dispatch::TAKE_BACK", "dispatch::OPEN", "claim::LEASE"];

#[tokio::test]
async fn leased_deliveries_are_found_by_id_whatever_the_statistics_say() {
    let (sqlite, postgres) = (TestStore::sqlite().await, TestStore::postgres().await);
    let mut lite = SqliteConnection::connect(&sqlite.url).await.unwrap();
    let mut pg = PgConnection::connect(&postgres.url).await.unwrap();
    // A quiet database: there are few leases, so scanning them all seems cheap.
    sqlx::query(
        "INSERT INTO deliveries (id, tenant_id, endpoint_id, event_id, kind, test, state, attempt, failures, due_at, \
         token, incarnation, created_at) SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), \
         gen_random_uuid(), 1, FALSE, CASE WHEN n <= 2 THEN n - 1 ELSE 2 END, 1, 0, n, 1, 0, n FROM generate_series(1, 5000) n",
    )
    .execute(&mut pg)
    .await
    .unwrap();
    let settings =
        format!("ANALYZE deliveries; SET plan_cache_mode = force_generic_plan; {}", store::Purpose::Write.settings());
    sqlx::raw_sql(sqlx::AssertSqlSafe(settings)).execute(&mut pg).await.unwrap();
    let (_, rows) = store::statements();
    for name in BY_ID {
        let (_, rows) = rows.iter().find(|(it, _)| it == name).unwrap();
        for size in store::sql::CHUNKS {
            let nulls = vec!["NULL"; size * rows.row.len()].join(",");
            let prepare = format!("PREPARE one AS {}", rows.text(size, true));
            sqlx::raw_sql(sqlx::AssertSqlSafe(prepare)).execute(&mut pg).await.unwrap();
            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN EXECUTE one({nulls})"));
            let plan: Vec<(String,)> = sqlx::query_as(explain).fetch_all(&mut pg).await.unwrap();
            let plan = plan.into_iter().map(|it| it.0).collect::<Vec<_>>().join("\n");
            assert!(plan.contains("deliveries_pkey") && !plan.contains("Hash"), "{name} × {size}\n{plan}");
            assert!(!plan.contains("deliveries_leased") && !plan.contains("deliveries_waiting"), "{name}\n{plan}");
            sqlx::raw_sql("DEALLOCATE one").execute(&mut pg).await.unwrap();

            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", rows.text(size, false)));
            let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(&mut lite).await.unwrap();
            let of_deliveries = |it: &&String| it.contains(" deliveries ") || it.contains(" d ");
            let plan: Vec<_> = plan.iter().map(|it| &it.3).filter(of_deliveries).collect();
            assert!(plan.len() == 1 && plan[0].contains("(id=?)"), "{name} × {size} on SQLite: {plan:?}");
        }
    }
}

/// sqlx looks up the name of each parameter in SQLite's list of all names, so hundreds of them are slow.
#[test]
fn many_rows_are_bound_without_names_on_sqlite() {
    let (_, rows) = store::statements();
    let named: Vec<_> = rows.iter().filter(|(_, rows)| rows.text(64, false).contains('$')).map(|it| &it.0).collect();
    assert!(named.is_empty(), "{named:?}");
}

async fn a_database_of_a_newer_release_is_refused(fresh: TestStore) {
    fresh.db.close().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (999, 'later', TRUE, 'x', 0)";
    match &fresh.postgres {
        Some(postgres) => postgres.run(newer),
        None => {
            let mut conn = SqliteConnection::connect(&fresh.url).await.unwrap();
            sqlx::query(newer).execute(&mut conn).await.unwrap();
        }
    }
    let error = Db::open(Options::new(&fresh.url, fresh.clock.clone())).await.unwrap_err();
    assert!(matches!(error, Error::Newer { database: 999, program: store::migrate::VERSION }), "{error:?}");
    assert!(error.to_string().contains("newer release"), "{error}");
}

async fn migrating_twice_changes_nothing(fresh: TestStore) {
    assert_eq!(store::migrate::migrate(&fresh.url).await.unwrap(), store::migrate::VERSION);
}

on_both!(TestStore: a_database_of_a_newer_release_is_refused, migrating_twice_changes_nothing);
