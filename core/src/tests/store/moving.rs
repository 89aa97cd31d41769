//! An installation moves to the other kind of database as a whole. Tables and columns are taken from the catalogues
//! here as well, but apart from the copy's own reading of them, so that what a migration adds cannot be left behind.

use crate::store::{
    Db, Error, Options,
    moving::{self, CopiedTables, CopyRefusal, CopyStep},
};
use crate::tests::support::{NOON, TestStore};
use inboxops_proto::clock::Clock;
use inboxops_testkit::Postgres;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

/// Rows that a test adds to each table: more than two pages of a copy.
const ROWS: i64 = 600;
/// What no copy has to bring: the least that a test must agree with.
const LEFT_OUT: [&str; 5] = ["_sqlx_migrations", "cores", "rate_windows", "changes", "copying"];

/// Name, type, whether it may be NULL, whether it is in the key.
type Column = (String, String, bool, bool);
type Columns = Vec<Column>;

struct File {
    url: String,
    _folder: tempfile::TempDir,
}

fn file() -> File {
    let folder = tempfile::tempdir().unwrap();
    File { url: format!("sqlite:{}", folder.path().join("moved.db").display()), _folder: folder }
}

async fn tables_of_sqlite(conn: &mut SqliteConnection) -> BTreeMap<String, Columns> {
    let rows: Vec<(String, String, String, bool, i64)> = sqlx::query_as(
        "SELECT t.name, c.name, c.type, c.\"notnull\", c.pk FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid",
    )
    .fetch_all(conn)
    .await
    .unwrap();
    let mut tables = BTreeMap::<String, Columns>::new();
    for (table, column, kind, not_null, key) in rows {
        tables.entry(table).or_default().push((column, kind, !not_null, key > 0));
    }
    tables
}

async fn tables_of_pg(conn: &mut PgConnection) -> BTreeMap<String, Columns> {
    let rows: Vec<(String, String, String, bool, bool)> = sqlx::query_as(
        "SELECT c.table_name::text, c.column_name::text, c.data_type::text, c.is_nullable = 'YES', EXISTS (\
         SELECT 1 FROM information_schema.table_constraints k JOIN information_schema.key_column_usage u \
         ON u.constraint_name = k.constraint_name AND u.table_name = k.table_name \
         WHERE k.table_name = c.table_name AND k.constraint_type = 'PRIMARY KEY' AND u.column_name = c.column_name) \
         FROM information_schema.columns c WHERE c.table_schema = 'public' ORDER BY c.table_name, c.ordinal_position",
    )
    .fetch_all(conn)
    .await
    .unwrap();
    let mut tables = BTreeMap::<String, Columns>::new();
    for (table, column, kind, null, key) in rows {
        // Transactions are numbers of a server.
        if kind != "xid8" {
            tables.entry(table).or_default().push((column, kind, null, key));
        }
    }
    tables
}

/// A statement that adds rows to a table. Every second one has nothing where nothing may be.
fn filling(table: &str, columns: &[Column], pg: bool) -> String {
    let numbered = columns.iter().filter(|(.., key)| *key).all(|(_, kind, ..)| kind == "bigint" || kind == "INTEGER");
    let value = |(_, kind, null, key): &Column| {
        let value = match kind.as_str() {
            "bigint" | "INTEGER" if *key && numbered => "n",
            "bigint" | "smallint" | "INTEGER" => "1",
            "text" | "TEXT" => "'täg ' || n",
            "boolean" => "n % 3 = 0",
            "uuid" => "md5(n::text)::uuid",
            "bytea" => "decode(md5('b' || n), 'hex')",
            "BLOB" => "CAST(printf('%016d', n) AS BLOB)",
            other => panic!("{table} has a column of type {other}"),
        };
        if *null { format!("CASE WHEN n % 2 = 0 THEN NULL ELSE {value} END") } else { value.to_owned() }
    };
    let names = columns.iter().map(|it| format!("\"{}\"", it.0)).collect::<Vec<_>>().join(", ");
    let values = columns.iter().map(value).collect::<Vec<_>>().join(", ");
    let last = 1000 + ROWS;
    if pg {
        let numbers = format!("generate_series(1001, {last}) n");
        return format!("INSERT INTO \"{table}\" ({names}) OVERRIDING SYSTEM VALUE SELECT {values} FROM {numbers}");
    }
    let numbers = format!("WITH RECURSIVE s (n) AS (SELECT 1001 UNION ALL SELECT n + 1 FROM s WHERE n < {last})");
    format!("INSERT INTO \"{table}\" ({names}) {numbers} SELECT {values} FROM s")
}

/// Each row of a table as a text that is the same on both databases.
async fn lines_of_sqlite(conn: &mut SqliteConnection, table: &str, columns: &[Column]) -> BTreeSet<String> {
    let text = |it: &Column| {
        format!(
            "COALESCE(CASE typeof(\"{0}\") WHEN 'blob' THEN lower(hex(\"{0}\")) ELSE CAST(\"{0}\" AS TEXT) END, '-')",
            it.0
        )
    };
    let line = columns.iter().map(text).collect::<Vec<_>>().join(" || '|' || ");
    let sql = AssertSqlSafe(format!("SELECT {line} FROM \"{table}\""));
    let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(conn).await.unwrap();
    rows.into_iter().collect()
}

async fn lines_of_pg(conn: &mut PgConnection, table: &str, columns: &[Column], like: &[Column]) -> BTreeSet<String> {
    let text = |it: &Column| {
        let (_, kind, ..) = columns.iter().find(|column| column.0 == it.0).unwrap();
        let value = match kind.as_str() {
            "uuid" => format!("encode(uuid_send(\"{}\"), 'hex')", it.0),
            "bytea" => format!("encode(\"{}\", 'hex')", it.0),
            "boolean" => format!("\"{}\"::int::text", it.0),
            _ => format!("\"{}\"::text", it.0),
        };
        format!("COALESCE({value}, '-')")
    };
    let line = like.iter().map(text).collect::<Vec<_>>().join(" || '|' || ");
    let sql = AssertSqlSafe(format!("SELECT {line} FROM \"{table}\""));
    let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(conn).await.unwrap();
    rows.into_iter().collect()
}

/// A closed database with rows in every table, their numbers far ahead of the newest row.
async fn full(store: TestStore) -> TestStore {
    store.db.close().await;
    let pg = store.postgres.is_some();
    let tables = if pg {
        tables_of_pg(&mut PgConnection::connect(&store.url).await.unwrap()).await
    } else {
        tables_of_sqlite(&mut SqliteConnection::connect(&store.url).await.unwrap()).await
    };
    for (table, columns) in tables.iter().filter(|(table, _)| !LEFT_OUT.contains(&table.as_str())) {
        store.run(&filling(table, columns, pg)).await;
    }
    // None is at work: where a number stands for yes and no, 1 is yes.
    store.run(if pg { "UPDATE recoveries SET done = TRUE" } else { "UPDATE recoveries SET done = 1" }).await;
    store
        .run(if pg {
            "SELECT setval(pg_get_serial_sequence('events', 'seq'), 9000)"
        } else {
            "UPDATE sqlite_sequence SET seq = 9000 WHERE name = 'events'"
        })
        .await;
    store
}

async fn copy(from: &str, to: &str) -> Result<CopiedTables, Error> {
    moving::copy(from, to, NOON, &mut |_| ()).await
}

/// Compares all tables of both but those.
async fn assert_same(sqlite: &str, pg: &str, but: &[&str]) {
    let mut lite = SqliteConnection::connect(sqlite).await.unwrap();
    let mut pg = PgConnection::connect(pg).await.unwrap();
    let (on_sqlite, on_pg) = (tables_of_sqlite(&mut lite).await, tables_of_pg(&mut pg).await);
    let mut compared = 0;
    for (table, columns) in on_sqlite.iter().filter(|(table, _)| !but.contains(&table.as_str())) {
        let left = lines_of_sqlite(&mut lite, table, columns).await;
        let right = lines_of_pg(&mut pg, table, &on_pg[table], columns).await;
        assert!(left.len() >= usize::try_from(ROWS).unwrap(), "{table} has {} rows", left.len());
        let different: Vec<_> = left.symmetric_difference(&right).take(4).collect();
        assert!(different.is_empty(), "{table}: {different:#?}");
        compared += 1;
    }
    assert!(compared > 25, "{compared} tables");
    assert!(!on_sqlite.contains_key("copying") && !on_pg.contains_key("copying"), "the state of the copy is left");
}

async fn number_of(postgres: &Postgres, url: &str) -> (bool, i64) {
    let mut lite = SqliteConnection::connect(url).await.unwrap();
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'events'";
    let seq = sqlx::query_scalar(sql).fetch_one(&mut lite).await.unwrap();
    (
        postgres.has("SELECT 1 WHERE pg_sequence_last_value(pg_get_serial_sequence('events', 'seq')::regclass) = 9000"),
        seq,
    )
}

#[tokio::test]
async fn every_table_moves_to_postgres() {
    let source = full(TestStore::sqlite().await).await;
    let target = inboxops_testkit::postgres();
    let copied = copy(&source.url, &target.url).await.unwrap();
    assert!(!copied.resumed);
    assert_same(&source.url, &target.url, &LEFT_OUT).await;
    assert_eq!(number_of(&target, &source.url).await, (true, 9000));
    let left_out: BTreeSet<_> = moving::left_out(true).into_iter().collect();
    assert_eq!(left_out, LEFT_OUT.into_iter().collect::<BTreeSet<_>>(), "what is left out here has its reason there");
    // Events are before every transaction, in the order of their numbers.
    assert!(!target.has("SELECT 1 FROM events WHERE xact <> '0'::xid8"));
    // A new history begins after all that was copied: after the newest event, which no retention deletes.
    Db::open(Options::new(&target.url, Clock::manual(NOON))).await.unwrap().close().await;
    assert!(target.has(
        "SELECT 1 FROM histories WHERE ordinal = (SELECT MAX(ordinal) FROM histories) \
         AND began_after = (SELECT MAX(seq) FROM events)"
    ));
}

#[tokio::test]
async fn every_table_but_the_histories_moves_to_sqlite() {
    let source = full(TestStore::postgres().await).await;
    let target = file();
    copy(&source.url, &target.url).await.unwrap();
    let mut but = LEFT_OUT.to_vec();
    but.push("histories");
    assert_same(&target.url, &source.url, &but).await;
    assert_eq!(number_of(source.postgres.as_ref().unwrap(), &target.url).await, (true, 9000));
    let left_out: BTreeSet<_> = moving::left_out(false).into_iter().collect();
    assert_eq!(left_out, but.into_iter().collect::<BTreeSet<_>>());
    Db::open(Options::new(&target.url, Clock::manual(NOON))).await.unwrap().close().await;
}

/// Begins a copy and drops it in the middle of its writing.
async fn cut_short(from: &str, to: &str) {
    let told = Cell::new(0);
    let (cut, mut is_cut) = tokio::sync::watch::channel(());
    let mut tell = |progress: moving::CopyProgress<'_>| {
        told.set(told.get() + 1);
        if told.get() == 20 && progress.step == CopyStep::Copying {
            let _ = cut.send(());
        }
    };
    tokio::select! {
        biased;
        _ = is_cut.changed() => {}
        done = moving::copy(from, to, NOON, &mut tell) => panic!("it was done before it was cut: {done:?}"),
    }
}

#[tokio::test]
async fn a_copy_that_was_cut_short_goes_on() {
    let source = full(TestStore::sqlite().await).await;
    let target = inboxops_testkit::postgres();
    cut_short(&source.url, &target.url).await;
    let refused = Db::open(Options::new(&target.url, Clock::manual(NOON))).await.unwrap_err();
    assert!(matches!(refused, Error::HalfCopied), "{refused:?}");
    assert!(target.has("SELECT 1 FROM copying"), "it had begun");
    let copied = until_free(&source.url, &target.url).await;
    assert!(copied.resumed);
    assert_same(&source.url, &target.url, &LEFT_OUT).await;
}

/// The server ends the session of the copy that was dropped a moment later.
async fn until_free(from: &str, to: &str) -> CopiedTables {
    for _ in 0..100 {
        match copy(from, to).await {
            Err(Error::Copy(CopyRefusal::Locked)) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            other => return other.unwrap(),
        }
    }
    panic!("the session of the copy that was dropped goes on")
}

#[tokio::test]
async fn what_changed_since_a_copy_was_cut_short_is_found() {
    let source = full(TestStore::postgres().await).await;
    let target = file();
    cut_short(&source.url, &target.url).await;
    source.run("UPDATE agents SET name = 'Eve' WHERE id = md5('1500')::uuid").await;
    let refused = copy(&source.url, &target.url).await.unwrap_err();
    assert!(matches!(&refused, Error::Copy(CopyRefusal::Differs(table)) if table == "agents"), "{refused:?}");
    let refused = Db::open(Options::new(&target.url, Clock::manual(NOON))).await.unwrap_err();
    assert!(matches!(refused, Error::HalfCopied), "{refused:?}");
}

#[tokio::test]
async fn a_copy_that_would_harm_is_refused() {
    let (sqlite, pg) = (TestStore::sqlite().await, TestStore::postgres().await);
    let other = file();
    let refusal = async |from: &str, to: &str| match copy(from, to).await.unwrap_err() {
        Error::Copy(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refusal(&sqlite.url, &other.url).await, CopyRefusal::SameKind));
    assert!(matches!(refusal(&sqlite.url, &pg.url).await, CopyRefusal::NotEmpty));
    let live = refusal(&pg.url, &other.url).await;
    assert!(matches!(live, CopyRefusal::InUse(1)), "{live:?}");
    pg.db.close().await;
    let fresh = inboxops_testkit::postgres();
    assert!(matches!(refusal(&fresh.url, &other.url).await, CopyRefusal::NoSource));
    assert!(matches!(refusal(&format!("{}-nowhere", sqlite.url), &fresh.url).await, CopyRefusal::NoSource));
    assert!(!fresh.has("SELECT 1 FROM pg_tables WHERE schemaname = 'public'"), "a refusal leaves nothing behind");
    let table = "CREATE TABLE later (id UUID NOT NULL PRIMARY KEY)";
    pg.run(table).await;
    let unknown = refusal(&pg.url, &other.url).await;
    assert!(matches!(&unknown, CopyRefusal::Unknown(name) if name == "later"), "{unknown:?}");
}
