//! Texts of statements: one for both databases, or one for each, in a registry that a test prepares as a whole; and
//! texts for many rows at once, in few sizes, so that a connection's statement cache holds all of them.

use super::{conn::Link, error::Result};
use sqlx::{
    Database, Encode, FromRow, Postgres, QueryBuilder, Sqlite, Type as SqlType, postgres::PgRow, sqlite::SqliteRow,
};
use std::{
    collections::HashMap,
    sync::{OnceLock, PoisonError, RwLock},
};
use uuid::Uuid;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql {
    /// For SQLite; `None` when only PostgreSQL runs it.
    pub(crate) sqlite: Option<&'static str>,
    /// For PostgreSQL; `None` when only SQLite runs it.
    pub(crate) pg: Option<&'static str>,
}

impl Sql {
    /// One text that both understand.
    pub(crate) const fn both(text: &'static str) -> Sql {
        Sql { sqlite: Some(text), pg: Some(text) }
    }

    /// A text for each database.
    pub(crate) const fn each(sqlite: &'static str, pg: &'static str) -> Sql {
        Sql { sqlite: Some(sqlite), pg: Some(pg) }
    }

    /// A text that only PostgreSQL runs.
    pub(crate) const fn pg(text: &'static str) -> Sql {
        Sql { sqlite: None, pg: Some(text) }
    }

    /// A text that only SQLite runs.
    pub(crate) const fn sqlite(text: &'static str) -> Sql {
        Sql { sqlite: Some(text), pg: None }
    }

    /// The text for the database of `link`.
    pub(in crate::store) fn on(&self, link: &Link) -> &'static str {
        let text = if link.is_pg() { self.pg } else { self.sqlite };
        text.expect("a statement of one database runs on that one")
    }
}

/// Type of a column in a statement of many rows; PostgreSQL needs it where it cannot infer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// An id.
    Uuid,
    /// A number of 64 bits.
    Big,
    /// A 16-bit number.
    Small,
    Text,
    /// Yes or no.
    Bool,
    Bytes,
}

impl Type {
    const fn name(self) -> &'static str {
        match self {
            Type::Uuid => "uuid",
            Type::Big => "bigint",
            Type::Small => "smallint",
            Type::Text => "text",
            Type::Bool => "boolean",
            Type::Bytes => "bytea",
        }
    }
}

/// A statement for many rows: `head (…), (…) tail`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    /// Text before the rows.
    pub(crate) head: &'static str,
    /// Types of a row's columns.
    pub(crate) row: &'static [Type],
    /// Text after the rows.
    pub(crate) tail: &'static str,
    /// The tail for PostgreSQL, where it differs.
    pub(crate) tail_pg: Option<&'static str>,
}

/// Sizes of statements of many rows. Any number up to the largest usually needs two statements: each is a hop between
/// threads, which costs more than a dozen rows.
pub(crate) const CHUNKS: [usize; 13] = [128, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1];

impl Rows {
    /// The text for `rows` rows, one of [`CHUNKS`].
    pub(crate) fn text(&self, rows: usize, pg: bool) -> &'static str {
        // Keyed by address: each statement is one constant, and comparing long texts would cost more than building
        // them.
        type Texts = RwLock<HashMap<(&'static str, &'static str, usize, bool), &'static str>>;
        static TEXTS: OnceLock<Texts> = OnceLock::new();
        let texts = TEXTS.get_or_init(Texts::default);
        let key = (self.head, self.tail, rows, pg);
        if let Some(text) = texts.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return text;
        }
        // There are few sizes of each statement, so the leak is bounded.
        let text: &'static str = Box::leak(self.build(rows, pg).into_boxed_str());
        texts.write().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(text)
    }

    fn build(&self, rows: usize, pg: bool) -> String {
        let width = self.row.len();
        let row = |at: usize| {
            let columns = self.row.iter().enumerate().map(|(column, of)| match (pg, at) {
                // Without numbers: SQLite would take them for names, and sqlx searches each name in a list of all.
                (false, _) => "?".to_owned(),
                (true, 0) => format!("${}::{}", column + 1, of.name()),
                (true, _) => format!("${}", at * width + column + 1),
            });
            format!("({})", columns.collect::<Vec<_>>().join(","))
        };
        let tail = self.tail_pg.filter(|_| pg).unwrap_or(self.tail);
        format!("{} {} {tail}", self.head, (0..rows).map(row).collect::<Vec<_>>().join(","))
    }
}

/// The smallest size in [`CHUNKS`] for `count` items; a statement of that size repeats some of them.
pub(in crate::store) fn padded(count: usize) -> usize {
    CHUNKS.into_iter().rev().find(|size| *size >= count).unwrap_or(CHUNKS[0])
}

/// Splits `items` into pieces whose sizes are in [`CHUNKS`].
pub(in crate::store) fn chunks<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = CHUNKS.into_iter().find(|size| *size <= items.len())?;
        let (chunk, rest) = items.split_at(size);
        items = rest;
        Some(chunk)
    })
}

/// Runs a statement of many rows for all items of a slice, in as few calls as possible, and returns how many rows it
/// wrote. The last argument binds one item: `|query, item| query.bind(…)`.
macro_rules! write_rows {
    ($link:expr, $rows:expr, $items:expr, |$query:ident, $item:pat_param| $bound:expr) => {{
        let link: &mut $crate::store::db::conn::Link = $link;
        let mut written = 0;
        for chunk in $crate::store::db::sql::chunks($items) {
            let sql = $rows.text(chunk.len(), link.is_pg());
            written += $crate::store::db::conn::on!(&mut *link, c, D => {
                let mut query = sqlx::query::<D>(sql);
                for $item in chunk {
                    let $query = query;
                    query = $bound;
                }
                query.execute(c).await.map(|done| done.rows_affected())
            })?;
        }
        written
    }};
}
pub(in crate::store) use write_rows;

/// The same; returns the rows that it read.
macro_rules! read_rows {
    ($link:expr, $rows:expr, $items:expr, $type:ty, |$query:ident, $item:pat_param| $bound:expr) => {{
        let link: &mut $crate::store::db::conn::Link = $link;
        let mut all: Vec<$type> = Vec::new();
        for chunk in $crate::store::db::sql::chunks($items) {
            let sql = $rows.text(chunk.len(), link.is_pg());
            all.append(&mut $crate::store::db::conn::on!(&mut *link, c, D => {
                let mut query = sqlx::query_as::<D, $type>(sql);
                for $item in chunk {
                    let $query = query;
                    query = $bound;
                }
                query.fetch_all(c).await
            })?);
        }
        all
    }};
}
pub(in crate::store) use read_rows;

/// Runs a statement of many keys for these, in as few calls as possible, and returns what it found.
pub(in crate::store) async fn found<T, K>(link: &mut Link, rows: &Rows, keys: &[K]) -> Result<Vec<T>>
where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    K: BindKey<Sqlite> + BindKey<Postgres>,
{
    Ok(read_rows!(link, rows, keys, T, |query, key| query.bind(*key)))
}

/// A type that can be a key in a statement.
pub(in crate::store) trait BindKey<D: Database>:
    Copy + Send + Sync + SqlType<D> + for<'q> Encode<'q, D> + 'static
{
}

impl<D: Database, K: Copy + Send + Sync + SqlType<D> + for<'q> Encode<'q, D> + 'static> BindKey<D> for K {}

/// Adds `condition (…)` with these values, or nothing if there are none.
pub(in crate::store) fn one_of<D: Database, K: BindKey<D>>(
    query: &mut QueryBuilder<D>,
    condition: &str,
    values: impl IntoIterator<Item = K>,
) {
    let mut values = values.into_iter().peekable();
    if values.peek().is_none() {
        return;
    }
    let mut list = query.push(condition).push(" (").separated(", ");
    for value in values {
        list.push_bind(value);
    }
    query.push(")");
}

/// Ids as one value, so that one text serves any number: an array literal of PostgreSQL, or JSON.
pub(in crate::store) fn keys(pg: bool, ids: impl Iterator<Item = Uuid>) -> String {
    let ids: Vec<String> = ids.map(|id| if pg { id.to_string() } else { format!("\"{}\"", id.simple()) }).collect();
    let list = ids.join(",");
    if pg { format!("{{{list}}}") } else { format!("[{list}]") }
}

/// The same for numbers.
pub(in crate::store) fn numbers(pg: bool, all: &[u16]) -> String {
    let list = all.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
    if pg { format!("{{{list}}}") } else { format!("[{list}]") }
}

/// Declares a file's statements as constants and lists them for the statement test in `ALL`.
macro_rules! statements {
    ($($name:ident = $sql:expr;)*) => {
        $(const $name: $crate::store::db::sql::Sql = $sql;)*
        /// The fixed statements of this table.
        #[cfg(test)]
        pub(in crate::store) const ALL: &[(&str, $crate::store::db::sql::Sql)] = &[$((stringify!($name), $name),)*];
    };
}
pub(in crate::store) use statements;

/// The same for statements of many rows, listed in `ALL_ROWS`.
macro_rules! row_statements {
    ($($name:ident = $rows:expr;)*) => {
        $(const $name: $crate::store::db::sql::Rows = $rows;)*
        /// The statements of many rows of this table.
        #[cfg(test)]
        pub(in crate::store) const ALL_ROWS: &[(&str, $crate::store::db::sql::Rows)] = &[$((stringify!($name), $name),)*];
    };
}
pub(in crate::store) use row_statements;
