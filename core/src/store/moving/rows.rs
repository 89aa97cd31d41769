//! Reads and writes rows of any table, in the types that both databases have in common. What a column means is not
//! known here.

use super::{
    Result,
    catalogue::{Column, Kind, Table},
};
use crate::store::db::conn::{Conn, Link};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Postgres, Row as _, Sqlite, postgres::PgRow, sqlite::SqliteRow};
use std::collections::HashMap;

/// Rows in one statement and transaction. A row has at most two texts of a mail, so a page fits into memory.
pub(super) const PAGE: usize = 128;

/// A value of either database.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Value {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The values of a row, in the order of its table's columns.
pub(super) type Row = Vec<Value>;

/// Reads the value of a column, given as its carrier.
macro_rules! value {
    ($row:expr, $column:expr) => {{
        let (row, name) = ($row, $column.name.as_str());
        Ok(match $column.kind.carrier() {
            "bigint" => row.try_get::<Option<i64>, _>(name)?.map_or(Value::Null, Value::Number),
            "text" => row.try_get::<Option<String>, _>(name)?.map_or(Value::Null, Value::Text),
            _ => row.try_get::<Option<Vec<u8>>, _>(name)?.map_or(Value::Null, Value::Bytes),
        })
    }};
}

fn of_sqlite(row: &SqliteRow, table: &Table) -> sqlx::Result<Row> {
    table.columns.iter().map(|column| -> sqlx::Result<Value> { value!(row, column) }).collect()
}

fn of_pg(row: &PgRow, table: &Table) -> sqlx::Result<Row> {
    table.columns.iter().map(|column| -> sqlx::Result<Value> { value!(row, column) }).collect()
}

/// Binds a value; a NULL has the type of its column.
macro_rules! bind {
    ($query:expr, $column:expr, $value:expr) => {
        match ($value, $column.kind.carrier()) {
            (Value::Number(number), _) => $query.bind(*number),
            (Value::Text(text), _) => $query.bind(text.clone()),
            (Value::Bytes(bytes), _) => $query.bind(bytes.clone()),
            (Value::Null, "bigint") => $query.bind(None::<i64>),
            (Value::Null, "text") => $query.bind(None::<String>),
            (Value::Null, _) => $query.bind(None::<Vec<u8>>),
        }
    };
}

impl Table {
    pub(super) fn key_of(&self, row: &[Value]) -> Row {
        self.key.iter().map(|column| row[*column].clone()).collect()
    }

    fn keys(&self) -> impl Iterator<Item = &Column> {
        self.key.iter().map(|column| &self.columns[*column])
    }

    /// The columns as their carriers, of the table as `t`.
    fn selected(&self, pg: bool) -> String {
        let column = |it: &Column| {
            let name = format!("t.\"{}\"", it.name);
            let value = if pg { it.kind.given(&name) } else { name };
            format!("{value} AS \"{}\"", it.name)
        };
        self.columns.iter().map(column).collect::<Vec<_>>().join(", ")
    }

    fn page_sql(&self, pg: bool, first: bool) -> String {
        let names: Vec<_> = self.keys().map(|it| format!("t.\"{}\"", it.name)).collect();
        let names = names.join(", ");
        let after = self.keys().enumerate().map(|(at, it)| {
            let parameter = format!("${}", at + 1);
            if pg { it.kind.taken(&format!("{parameter}::{}", it.kind.carrier())) } else { parameter }
        });
        let after = after.collect::<Vec<_>>().join(", ");
        let begin = if first { String::new() } else { format!("WHERE ({names}) > ({after}) ") };
        format!("SELECT {} FROM \"{}\" t {begin}ORDER BY {names} LIMIT {PAGE}", self.selected(pg), self.name)
    }

    fn insert_sql(&self, pg: bool) -> String {
        let names: Vec<_> = self.columns.iter().map(|it| format!("\"{}\"", it.name)).collect();
        if !pg {
            let values = vec!["?"; names.len()].join(", ");
            return format!("INSERT INTO \"{}\" ({}) VALUES ({values})", self.name, names.join(", "));
        }
        let all = 0..self.columns.len();
        let (xact, nothing) = if self.xact { (", xact", ", '0'::xid8") } else { ("", "") };
        format!(
            "INSERT INTO \"{}\" ({}{xact}) OVERRIDING SYSTEM VALUE SELECT {}{nothing} FROM {}",
            self.name,
            names.join(", "),
            self.columns.iter().map(|it| it.kind.taken(&format!("r.\"{}\"", it.name))).collect::<Vec<_>>().join(", "),
            self.unnested(all)
        )
    }

    /// Parameters of these columns, an array for each, as rows of `r`.
    fn unnested(&self, columns: impl Iterator<Item = usize>) -> String {
        let (mut arrays, mut names) = (Vec::new(), Vec::new());
        for (at, column) in columns.enumerate() {
            let column = &self.columns[column];
            arrays.push(format!("${}::{}[]", at + 1, column.kind.carrier()));
            names.push(format!("\"{}\"", column.name));
        }
        format!("UNNEST({}) AS r ({})", arrays.join(", "), names.join(", "))
    }

    fn found_sql(&self, pg: bool) -> String {
        let (selected, name) = (self.selected(pg), &self.name);
        if pg {
            let same =
                self.keys().map(|it| format!("t.\"{0}\" = {1}", it.name, it.kind.taken(&format!("r.\"{}\"", it.name))));
            let same = same.collect::<Vec<_>>().join(" AND ");
            let keys = self.unnested(self.key.iter().copied());
            return format!("SELECT {selected} FROM {keys} JOIN \"{name}\" t ON {same}");
        }
        let same = self.keys().map(|it| format!("t.\"{}\" = ?", it.name)).collect::<Vec<_>>().join(" AND ");
        format!("SELECT {selected} FROM \"{name}\" t WHERE {same}")
    }
}

/// The next page of a table in the order of its key.
pub(super) async fn page(link: &mut Link, table: &Table, after: Option<&Row>) -> Result<Vec<Row>> {
    let sql = AssertSqlSafe(table.page_sql(link.is_pg(), after.is_none()));
    let after = || table.keys().zip(after.into_iter().flatten());
    let rows = match &mut link.conn {
        Conn::Sqlite(conn) => {
            let mut query = sqlx::query::<Sqlite>(sql);
            for (column, value) in after() {
                query = bind!(query, column, value);
            }
            let rows = query.fetch_all(&mut *conn).await;
            rows.and_then(|rows| rows.iter().map(|row| of_sqlite(row, table)).collect::<sqlx::Result<Vec<Row>>>())
        }
        Conn::Pg(conn) => {
            let mut query = sqlx::query::<Postgres>(sql);
            for (column, value) in after() {
                query = bind!(query, column, value);
            }
            let rows = query.fetch_all(&mut *conn).await;
            rows.and_then(|rows| rows.iter().map(|row| of_pg(row, table)).collect::<sqlx::Result<Vec<Row>>>())
        }
    };
    link.note(rows)
}

/// Writes rows of one page; the caller has the transaction.
pub(super) async fn insert(link: &mut Link, table: &Table, rows: &[Row]) -> Result<()> {
    let text = table.insert_sql(link.is_pg());
    let done = match &mut link.conn {
        Conn::Sqlite(conn) => {
            let mut done = Ok(());
            for row in rows {
                let mut query = sqlx::query::<Sqlite>(AssertSqlSafe(text.as_str()));
                for (column, value) in table.columns.iter().zip(row) {
                    query = bind!(query, column, value);
                }
                done = query.execute(&mut *conn).await.map(drop);
                if done.is_err() {
                    break;
                }
            }
            done
        }
        Conn::Pg(conn) => {
            let mut query = sqlx::query::<Postgres>(AssertSqlSafe(text));
            for (at, column) in table.columns.iter().enumerate() {
                query = bind_array(query, column.kind, rows.iter().map(|row| &row[at]));
            }
            query.execute(&mut *conn).await.map(drop)
        }
    };
    link.note(done)
}

/// The rows that have the keys of these, by key.
pub(super) async fn found(link: &mut Link, table: &Table, rows: &[Row]) -> Result<HashMap<Row, Row>> {
    let text = table.found_sql(link.is_pg());
    let found = match &mut link.conn {
        Conn::Sqlite(conn) => {
            let (mut all, mut failed) = (Vec::with_capacity(rows.len()), None);
            for row in rows {
                let mut query = sqlx::query::<Sqlite>(AssertSqlSafe(text.as_str()));
                for (column, value) in table.keys().zip(&table.key_of(row)) {
                    query = bind!(query, column, value);
                }
                let one = query.fetch_optional(&mut *conn).await;
                match one.and_then(|row| row.map(|row| of_sqlite(&row, table)).transpose()) {
                    Ok(row) => all.extend(row),
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            failed.map_or(Ok(all), Err)
        }
        Conn::Pg(conn) => {
            let mut query = sqlx::query::<Postgres>(AssertSqlSafe(text));
            for at in &table.key {
                query = bind_array(query, table.columns[*at].kind, rows.iter().map(|row| &row[*at]));
            }
            let rows = query.fetch_all(&mut *conn).await;
            rows.and_then(|rows| rows.iter().map(|row| of_pg(row, table)).collect::<sqlx::Result<Vec<Row>>>())
        }
    };
    Ok(link.note(found)?.into_iter().map(|row| (table.key_of(&row), row)).collect())
}

/// How many rows a table has.
pub(super) async fn count(link: &mut Link, table: &Table) -> Result<u64> {
    let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM \"{}\"", table.name));
    let count = match &mut link.conn {
        Conn::Sqlite(conn) => sqlx::query_scalar::<Sqlite, i64>(sql).fetch_one(&mut *conn).await,
        Conn::Pg(conn) => sqlx::query_scalar::<Postgres, i64>(sql).fetch_one(&mut *conn).await,
    };
    Ok(link.note(count)?.unsigned_abs())
}

type PgQuery<'q> = sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments>;

/// Binds the values of a column of many rows as one array.
fn bind_array<'q, 'v>(query: PgQuery<'q>, kind: Kind, values: impl Iterator<Item = &'v Value>) -> PgQuery<'q> {
    match kind.carrier() {
        "bigint" => query.bind(values.map(Value::number).collect::<Vec<Option<i64>>>()),
        "text" => query.bind(values.map(Value::text).collect::<Vec<Option<String>>>()),
        _ => query.bind(values.map(Value::bytes).collect::<Vec<Option<Vec<u8>>>>()),
    }
}

impl Value {
    fn number(&self) -> Option<i64> {
        if let Value::Number(number) = self { Some(*number) } else { None }
    }

    fn text(&self) -> Option<String> {
        if let Value::Text(text) = self { Some(text.clone()) } else { None }
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        if let Value::Bytes(bytes) = self { Some(bytes.clone()) } else { None }
    }
}
