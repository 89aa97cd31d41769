//! The text of one statement with its values, built piece by piece for either database, and run. It knows no table.

use crate::store::{
    ReadTx, Result, Scoped as _,
    db::conn::{Link, on},
    tickets::Ticket,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Uuid(Uuid),
    Big(i64),
    Small(i16),
    Text(String),
}

/// A statement under construction.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) pg: bool,
    sql: String,
    values: Vec<Value>,
}

impl Text {
    pub(super) fn new(pg: bool, sql: &str) -> Text {
        Text { pg, sql: sql.to_owned(), values: Vec::new() }
    }

    pub(super) fn push(&mut self, sql: &str) -> &mut Text {
        self.sql.push_str(sql);
        self
    }

    /// Adds one text for SQLite and another for PostgreSQL.
    pub(super) fn each(&mut self, sqlite: &str, pg: &str) -> &mut Text {
        self.push(if self.pg { pg } else { sqlite })
    }

    pub(super) fn bind(&mut self, value: Value) -> &mut Text {
        self.values.push(value);
        if self.pg {
            let number = self.values.len().to_string();
            self.push("$").push(&number)
        } else {
            self.push("?")
        }
    }

    /// Adds `condition (…)` with these values, or nothing if there are none.
    pub(super) fn one_of(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) -> &mut Text {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return self;
        }
        self.push(condition).push(" (");
        let mut first = true;
        for value in values {
            if !std::mem::take(&mut first) {
                self.push(", ");
            }
            self.bind(value);
        }
        self.push(")")
    }

    /// The sort key and the id of each row. A statement that finds few rows whatever its values is `kept`. PostgreSQL
    /// plans others for the values of each call, since a generic plan would read whole tables for a page.
    pub(super) async fn keys(self, tx: &mut ReadTx, kept: bool) -> Result<Vec<(i64, Uuid)>> {
        self.tell(tx, kept);
        let link: &mut Link = tx.link();
        let Text { pg, sql, values } = self;
        on!(link, c, D => {
            let query = sqlx::query_as::<D, (i64, Uuid)>(AssertSqlSafe(sql));
            let query = values.into_iter().fold(query, |query, value| match value {
                Value::Uuid(value) => query.bind(value),
                Value::Big(value) => query.bind(value),
                Value::Small(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
            });
            query.persistent(kept || !pg).fetch_all(c).await
        })
    }

    /// Whole tickets, a few whatever the values are.
    pub(super) async fn tickets(self, tx: &mut ReadTx) -> Result<Vec<Ticket>> {
        self.tell(tx, true);
        let link: &mut Link = tx.link();
        let Text { sql, values, .. } = self;
        on!(link, c, D => {
            let query = sqlx::query_as::<D, Ticket>(AssertSqlSafe(sql));
            let query = values.into_iter().fold(query, |query, value| match value {
                Value::Uuid(value) => query.bind(value),
                Value::Big(value) => query.bind(value),
                Value::Small(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
            });
            query.fetch_all(c).await
        })
    }

    /// The number in a single row.
    pub(super) async fn number(self, tx: &mut ReadTx) -> Result<i64> {
        self.tell(tx, false);
        let link: &mut Link = tx.link();
        let Text { pg, sql, values } = self;
        on!(link, c, D => {
            let query = sqlx::query_scalar::<D, i64>(AssertSqlSafe(sql));
            let query = values.into_iter().fold(query, |query, value| match value {
                Value::Uuid(value) => query.bind(value),
                Value::Big(value) => query.bind(value),
                Value::Small(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
            });
            query.persistent(!pg).fetch_one(c).await
        })
    }

    fn tell(&self, tx: &mut ReadTx, kept: bool) {
        if let Some(asked) = &mut tx.asked {
            let values = self.values.iter().map(|value| value.literal(self.pg)).collect();
            asked.push(StatementRun { sql: self.sql.clone(), values, kept });
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatementRun {
    /// Its text, with parameters.
    pub(crate) sql: String,
    /// Its values: their types in PostgreSQL, and their SQL literals.
    pub(crate) values: Vec<(&'static str, String)>,
    /// Whether PostgreSQL may keep a generic plan.
    pub(crate) kept: bool,
}

impl Value {
    fn literal(&self, pg: bool) -> (&'static str, String) {
        match self {
            Value::Uuid(value) if pg => ("uuid", format!("'{value}'")),
            Value::Uuid(value) => ("uuid", format!("X'{}'", value.simple())),
            Value::Big(value) => ("bigint", format!("({value})")),
            Value::Small(value) => ("smallint", format!("({value})")),
            Value::Text(value) => ("text", format!("'{}'", value.replace('\'', "''"))),
        }
    }
}
