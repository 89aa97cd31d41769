//! Which tables, columns and keys both databases have, as their catalogues say: a migration that adds a table or a
//! column needs no change here, and one that is not understood ends a copy before it begins.

use super::{CopyRefusal, Result};
use crate::store::db::conn::{Link, on};
use std::collections::{BTreeMap, BTreeSet};

/// Tables that are not copied: the migrator's own, the state of the copy itself, what lives as long as a process
/// (cores, the shared rate limit), and the log of commits, which followers need for a quarter of an hour.
pub(crate) const NOT_COPIED: [&str; 5] = ["_sqlx_migrations", "copying", "cores", "rate_windows", "changes"];
/// A column that only PostgreSQL has: the transaction of an event, which readers go by. 0 is before every transaction,
/// so that events which were copied are read in the order of their numbers, as they were on SQLite.
const XACT: (&str, &str) = ("events", "xact");
/// Tables whose numbers (`seq`) never come back.
pub(super) const NUMBERED: [&str; 2] = ["events", "changes"];

// A partition belongs to its table.
const COLUMNS_PG: &str = "SELECT t.relname::text, c.attname::text, format_type(c.atttypid, c.atttypmod)::text, \
     COALESCE(array_position(k.indkey::int2[], c.attnum), -1)::bigint \
     FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped \
     LEFT JOIN pg_index k ON k.indrelid = t.oid AND k.indisprimary \
     WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition \
     ORDER BY t.relname, c.attnum";
const COLUMNS_SQLITE: &str =
    "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'";
/// What SQLite's own tables begin with.
const OF_SQLITE: &str = "sqlite_";

/// What a column holds, by its type on PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Small,
    Flag,
    Id,
    Text,
    Bytes,
}

impl Kind {
    fn of(name: &str) -> Option<Kind> {
        Some(match name {
            "bigint" => Kind::Number,
            "smallint" => Kind::Small,
            "boolean" => Kind::Flag,
            "uuid" => Kind::Id,
            "text" => Kind::Text,
            "bytea" => Kind::Bytes,
            _ => return None,
        })
    }

    /// The type in which PostgreSQL takes and gives a value that SQLite has as well.
    pub(super) fn carrier(self) -> &'static str {
        match self {
            Kind::Number | Kind::Small | Kind::Flag => "bigint",
            Kind::Text => "text",
            Kind::Id | Kind::Bytes => "bytea",
        }
    }

    /// An expression of PostgreSQL that gives a column as its carrier.
    pub(super) fn given(self, column: &str) -> String {
        match self {
            Kind::Small => format!("{column}::bigint"),
            Kind::Flag => format!("{column}::int::bigint"),
            Kind::Id => format!("uuid_send({column})"),
            Kind::Number | Kind::Text | Kind::Bytes => column.to_owned(),
        }
    }

    /// An expression of PostgreSQL that makes the column's value of its carrier.
    pub(super) fn taken(self, carrier: &str) -> String {
        match self {
            Kind::Small => format!("{carrier}::smallint"),
            Kind::Flag => format!("({carrier} <> 0)"),
            Kind::Id => format!("encode({carrier}, 'hex')::uuid"),
            Kind::Number | Kind::Text | Kind::Bytes => carrier.to_owned(),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// A table that is copied.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// The columns of the primary key, in its order, by their place among the columns.
    pub(super) key: Vec<usize>,
    /// Whether PostgreSQL has a column for the transaction.
    pub(super) xact: bool,
}

/// The tables to copy, and that both databases have them. One of the links is of each database.
pub(super) async fn tables(one: &mut Link, other: &mut Link) -> Result<Vec<Table>> {
    let (sqlite, pg) = if one.is_pg() { (other, one) } else { (one, other) };
    let mut on_sqlite = BTreeMap::<String, BTreeSet<String>>::new();
    let rows = on!(sqlite, c, D => sqlx::query_as::<D, (String, String)>(COLUMNS_SQLITE).fetch_all(c).await)?;
    for (table, column) in rows.into_iter().filter(|(table, _)| !table.starts_with(OF_SQLITE)) {
        on_sqlite.entry(table).or_default().insert(column);
    }
    let mut on_pg = BTreeMap::<String, Vec<(String, String, i64)>>::new();
    let rows = on!(pg, c, D => sqlx::query_as::<D, (String, String, String, i64)>(COLUMNS_PG).fetch_all(c).await)?;
    for (table, column, kind, at) in rows {
        on_pg.entry(table).or_default().push((column, kind, at));
    }
    let copied = |name: &&String| !NOT_COPIED.contains(&name.as_str());
    if let Some(name) = on_sqlite.keys().filter(copied).find(|name| !on_pg.contains_key(*name)) {
        return Err(CopyRefusal::Unknown(name.clone()).into());
    }
    let mut tables = Vec::new();
    for (name, columns) in on_pg.into_iter().filter(|(name, _)| copied(&name)) {
        let twin = on_sqlite.remove(&name).ok_or_else(|| CopyRefusal::Unknown(name.clone()))?;
        tables.push(table(name, columns, twin)?);
    }
    Ok(tables)
}

fn table(name: String, columns: Vec<(String, String, i64)>, mut twin: BTreeSet<String>) -> Result<Table> {
    let mut made = Table { name, columns: Vec::new(), key: Vec::new(), xact: false };
    let mut key = Vec::new();
    for (column, kind, at) in columns {
        if (made.name.as_str(), column.as_str()) == XACT {
            made.xact = true;
            continue;
        }
        let unknown = || CopyRefusal::Unknown(format!("{}.{column}", made.name));
        let kind = Kind::of(&kind).ok_or_else(unknown)?;
        if !twin.remove(&column) {
            return Err(unknown().into());
        }
        if at >= 0 {
            key.push((at, made.columns.len()));
        }
        made.columns.push(Column { name: column, kind });
    }
    if let Some(column) = twin.pop_first() {
        return Err(CopyRefusal::Unknown(format!("{}.{column}", made.name)).into());
    }
    if key.is_empty() {
        return Err(CopyRefusal::Unknown(format!("{} (it has no key)", made.name)).into());
    }
    key.sort_unstable();
    made.key = key.into_iter().map(|(_, column)| column).collect();
    Ok(made)
}
