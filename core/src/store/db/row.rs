//! Reads rows of either database into structs by the names of their columns, in any order. A value that no release
//! writes is an error that names table and column, with the number or code that was found. Text is left out of such an
//! error, since it may be a customer's.

use inboxops_proto::clock::Timestamp;
use sqlx::{ColumnIndex, Decode, Row, Type};
use std::error::Error as StdError;

/// A row of a table, as [`from_row!`] hands it to its body.
pub(in crate::store) struct TableRow<'r, R> {
    row: &'r R,
    table: &'static str,
}

impl<'r, R: Row> TableRow<'r, R>
where
    &'static str: ColumnIndex<R>,
{
    pub(in crate::store) fn new(row: &'r R, table: &'static str) -> TableRow<'r, R> {
        TableRow { row, table }
    }

    /// The same row, for the columns of another table.
    pub(in crate::store) fn of(&self, table: &'static str) -> TableRow<'r, R> {
        TableRow { row: self.row, table }
    }

    /// The value of a column.
    pub(in crate::store) fn get<T>(&self, column: &'static str) -> sqlx::Result<T>
    where
        T: Decode<'r, R::Database> + Type<R::Database>,
    {
        self.row.try_get(column).map_err(|error| match error {
            sqlx::Error::ColumnDecode { source, .. } => corrupt(self.table, column, source),
            sqlx::Error::ColumnNotFound(_) => sqlx::Error::ColumnNotFound(name(self.table, column)),
            other => other,
        })
    }

    /// Converts the value of a column with `of`; `None` for NULL.
    pub(in crate::store) fn opt<T, U>(&self, column: &'static str, of: impl FnOnce(T) -> U) -> sqlx::Result<Option<U>>
    where
        T: Decode<'r, R::Database> + Type<R::Database>,
    {
        let value: Option<T> = self.get(column)?;
        Ok(value.map(of))
    }

    /// Parses the value of a column with `read`; its refusal is an error.
    pub(in crate::store) fn parsed<T, U, E>(
        &self,
        column: &'static str,
        read: impl FnOnce(T) -> Result<U, E>,
    ) -> sqlx::Result<U>
    where
        T: Decode<'r, R::Database> + Type<R::Database>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        read(self.get(column)?).map_err(|error| corrupt(self.table, column, error))
    }

    /// A number; the 64-bit column may hold more than its type.
    pub(in crate::store) fn number<N: TryFrom<i64>>(&self, column: &'static str) -> sqlx::Result<N>
    where
        i64: Decode<'r, R::Database> + Type<R::Database>,
    {
        let value: i64 = self.get(column)?;
        number(value, self.table, column)
    }

    /// The same for a column that may be NULL.
    pub(in crate::store) fn opt_number<N: TryFrom<i64>>(&self, column: &'static str) -> sqlx::Result<Option<N>>
    where
        i64: Decode<'r, R::Database> + Type<R::Database>,
    {
        let value: Option<i64> = self.get(column)?;
        value.map(|value| number(value, self.table, column)).transpose()
    }

    /// A timestamp.
    pub(in crate::store) fn time(&self, column: &'static str) -> sqlx::Result<Timestamp>
    where
        i64: Decode<'r, R::Database> + Type<R::Database>,
    {
        let micros: i64 = self.get(column)?;
        Ok(Timestamp::from_micros(micros))
    }

    /// The same for a column that may be NULL.
    pub(in crate::store) fn opt_time(&self, column: &'static str) -> sqlx::Result<Option<Timestamp>>
    where
        i64: Decode<'r, R::Database> + Type<R::Database>,
    {
        self.opt(column, Timestamp::from_micros)
    }

    /// The enum variant of a code.
    pub(in crate::store) fn code<C: Coded>(&self, column: &'static str) -> sqlx::Result<C>
    where
        i16: Decode<'r, R::Database> + Type<R::Database>,
    {
        let code: i16 = self.get(column)?;
        coded(code, self.table, column)
    }

    /// The same for a column that may be NULL.
    pub(in crate::store) fn opt_code<C: Coded>(&self, column: &'static str) -> sqlx::Result<Option<C>>
    where
        i16: Decode<'r, R::Database> + Type<R::Database>,
    {
        let code: Option<i16> = self.get(column)?;
        code.map(|code| coded(code, self.table, column)).transpose()
    }
}

/// An enum that rows store by code; [`codes!`] declares them.
pub(in crate::store) trait Coded: Sized {
    /// Name of the enum.
    const NAME: &'static str;

    /// The variant with this code.
    fn of_code(code: i16) -> Option<Self>;
}

/// A number that was read without its row.
pub(in crate::store) fn number<N: TryFrom<i64>>(value: i64, table: &str, column: &str) -> sqlx::Result<N> {
    N::try_from(value).map_err(|_| corrupt(table, column, format!("{value} is out of range")))
}

fn coded<C: Coded>(code: i16, table: &str, column: &str) -> sqlx::Result<C> {
    C::of_code(code).ok_or_else(|| corrupt(table, column, format!("{} has no code {code}", C::NAME)))
}

fn corrupt(table: &str, column: &str, why: impl Into<Box<dyn StdError + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: name(table, column), source: why.into() }
}

fn name(table: &str, column: &str) -> String {
    format!("{table}.{column}")
}

/// Reads a row of either database into a struct, as a [`TableRow`] of the named table. With `of` and a row type it
/// reads rows of that database only.
macro_rules! from_row {
    ($type:ident in $table:literal, $row:ident => $body:expr) => {
        $crate::store::db::row::from_row!($type in $table of sqlx::sqlite::SqliteRow, $row => $body);
        $crate::store::db::row::from_row!($type in $table of sqlx::postgres::PgRow, $row => $body);
    };
    ($type:ident in $table:literal of $from:ty, $row:ident => $body:expr) => {
        impl sqlx::FromRow<'_, $from> for $type {
            fn from_row(row: &$from) -> sqlx::Result<$type> {
                let $row = $crate::store::db::row::TableRow::new(row, $table);
                $body
            }
        }
    };
}
pub(in crate::store) use from_row;

/// Declares an enum with its codes in rows, which are those of the contract where the contract has the enum.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $code:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum $name { $($(#[$item_doc])* $item = $code,)* }

        impl $name {
            /// All of them, by code.
            #[allow(dead_code, reason = "not every enum needs it")]
            pub(crate) const ALL: &'static [$name] = &[$($name::$item,)*];

            /// Code in rows and in the contract.
            pub(crate) const fn code(self) -> i16 { self as i16 }

            /// Name on the wire of REST.
            #[allow(dead_code, reason = "not every enum needs it")]
            pub(crate) const fn name(self) -> &'static str { match self { $($name::$item => $text,)* } }

            /// The one with this code.
            pub(crate) const fn from_code(code: i32) -> Option<$name> { match code { $($code => Some($name::$item),)* _ => None } }
        }

        impl $crate::store::db::row::Coded for $name {
            const NAME: &'static str = stringify!($name);

            fn of_code(code: i16) -> Option<$name> { $name::from_code(code.into()) }
        }
    };
}
pub(in crate::store) use codes;

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection};

    codes! {
        /// A state.
        State {
            /// The only one.
            Fine = 1 "fine",
        }
    }

    #[derive(Debug, PartialEq)]
    struct Thing {
        state: State,
        count: u32,
        key: [u8; 2],
    }

    from_row!(Thing in "things", row => {
        let key = |bytes: Vec<u8>| <[u8; 2]>::try_from(bytes).map_err(|_| "a key has 2 bytes");
        Ok(Thing {
            state: row.code("state")?,
            count: row.of("counts").number("count")?,
            key: row.parsed("key", key)?,
        })
    });

    async fn read(sql: &'static str) -> sqlx::Result<Thing> {
        let mut conn = SqliteConnection::connect("sqlite::memory:").await?;
        sqlx::query_as::<_, Thing>(sql).fetch_one(&mut conn).await
    }

    #[tokio::test]
    async fn columns_are_found_by_name_and_named_when_they_cannot_be_read() {
        let thing = read("SELECT X'0102' AS key, 7 AS count, 1 AS state").await.unwrap();
        assert_eq!(thing, Thing { state: State::Fine, count: 7, key: [1, 2] });
        assert_eq!(thing.state.code(), 1);
        for (sql, expected) in [
            ("SELECT 99 AS state, 7 AS count, X'0102' AS key", "things.state: State has no code 99"),
            ("SELECT 1 AS state, -1 AS count, X'0102' AS key", "counts.count: -1 is out of range"),
            ("SELECT 1 AS state, 7 AS count, X'01' AS key", "things.key: a key has 2 bytes"),
        ] {
            let error = read(sql).await.unwrap_err().to_string();
            assert_eq!(error, format!("error occurred while decoding column {expected}"));
        }
        let mistyped = read("SELECT 'fine' AS state, 7 AS count, X'0102' AS key").await.unwrap_err().to_string();
        assert!(mistyped.contains("things.state"), "{mistyped}");
        let missing = read("SELECT 1 AS state, 7 AS count").await.unwrap_err().to_string();
        assert_eq!(missing, "no column found for name: things.key");
    }
}
