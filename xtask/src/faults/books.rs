//! The product's records, read from its database with the suite's own SQL and none of the product's code: events,
//! deliveries, attempts. It only reads.

use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{collections::HashMap, error::Error, path::PathBuf, str::FromStr as _, time::Duration};
use uuid::Uuid;

type BoxResult<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// States of a delivery, as the schema numbers them.
pub(super) mod state {
    /// Waits until it is due.
    pub(crate) const WAITING: i64 = 0;
    /// A worker has it.
    pub(crate) const LEASED: i64 = 1;
    /// It was delivered.
    pub(crate) const DELIVERED: i64 = 2;
    /// It failed for good.
    pub(crate) const FAILED: i64 = 3;
}

/// The location of the product's database.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A file.
    Sqlite(PathBuf),
    /// A URL.
    Postgres(String),
}

/// An event.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub tenant: Uuid,
    pub name: String,
    /// The ticket that it is about, and that ticket's version.
    pub ticket: (Uuid, u64),
    /// Digest of its body.
    pub body: [u8; 32],
}

/// A delivery.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery {
    pub endpoint: Uuid,
    pub event: Uuid,
    /// See [`state`].
    pub state: i64,
    /// When it is due, or its lease ends; microseconds since 1970.
    pub due_at: i64,
}

/// An attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub n: i64,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// Whether its result is unknown.
    pub lost: bool,
    /// When it was recorded; microseconds since 1970.
    pub recorded_at: i64,
}

/// All records.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// By id.
    pub events: HashMap<Uuid, Event>,
    /// By id.
    pub deliveries: HashMap<Uuid, Delivery>,
    /// By delivery.
    pub attempts: HashMap<Uuid, Vec<Attempt>>,
    /// Endpoints that are disabled.
    pub off: Vec<Uuid>,
}

const EVENTS: &str = "SELECT id, tenant_id, body FROM events WHERE id > $1 ORDER BY id LIMIT 5000";
const DELIVERIES: &str = "SELECT id, endpoint_id, event_id, CAST(state AS BIGINT), due_at FROM deliveries \
                          WHERE id > $1 ORDER BY id LIMIT 20000";
const ATTEMPTS: &str = "SELECT delivery_id, n, succeeded, COALESCE(error_code = 'worker_lost', false), recorded_at \
                        FROM attempts";
const OFF: &str = "SELECT id FROM endpoints WHERE disabled_reason IS NOT NULL";
const OPEN: &str = "SELECT COUNT(*) FROM deliveries WHERE state IN (0, 1) \
                    AND endpoint_id NOT IN (SELECT id FROM endpoints WHERE disabled_reason IS NOT NULL)";

enum Link {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
}

macro_rules! rows {
    ($link:expr, $row:ty, $sql:expr $(, $bind:expr)*) => {
        match $link {
            Link::Sqlite(c) => sqlx::query_as::<sqlx::Sqlite, $row>($sql)$(.bind($bind))*.fetch_all(&mut **c).await,
            Link::Postgres(c) => sqlx::query_as::<sqlx::Postgres, $row>($sql)$(.bind($bind))*.fetch_all(&mut **c).await,
        }
    };
}

impl Place {
    async fn open(&self) -> BoxResult<Link> {
        Ok(match self {
            Place::Sqlite(path) => {
                let options = SqliteConnectOptions::from_str(&format!("sqlite:{}", path.display()))?;
                let options = options.read_only(true).busy_timeout(Duration::from_secs(10));
                Link::Sqlite(Box::new(SqliteConnection::connect_with(&options).await?))
            }
            Place::Postgres(url) => Link::Postgres(Box::new(PgConnection::connect(url).await?)),
        })
    }

    /// Number of deliveries that have not ended and are not paused.
    pub(super) async fn open_deliveries(&self) -> BoxResult<i64> {
        let rows: Vec<(i64,)> = rows!(&mut self.open().await?, (i64,), OPEN)?;
        Ok(rows.first().map_or(0, |row| row.0))
    }

    /// Reads all records.
    pub(super) async fn read(&self) -> BoxResult<Books> {
        let mut link = self.open().await?;
        let mut books = Books::default();
        let mut last = Uuid::nil();
        loop {
            let rows: Vec<(Uuid, Uuid, String)> = rows!(&mut link, (Uuid, Uuid, String), EVENTS, last)?;
            let Some((id, _, _)) = rows.last() else { break };
            last = *id;
            for (id, tenant, body) in rows {
                let digest = Sha256::digest(&body).into();
                let body: serde_json::Value = serde_json::from_str(&body)?;
                let ticket = &body["data"]["ticket"];
                let ticket_id = ticket["id"].as_str().unwrap_or_default().parse().unwrap_or_default();
                let ticket = (ticket_id, ticket["version"].as_u64().unwrap_or_default());
                let name = body["event"].as_str().unwrap_or_default().to_owned();
                books.events.insert(id, Event { tenant, name, ticket, body: digest });
            }
        }
        last = Uuid::nil();
        loop {
            type Row = (Uuid, Uuid, Uuid, i64, i64);
            let rows: Vec<Row> = rows!(&mut link, Row, DELIVERIES, last)?;
            let Some(row) = rows.last() else { break };
            last = row.0;
            for (id, endpoint, event, state, due_at) in rows {
                books.deliveries.insert(id, Delivery { endpoint, event, state, due_at });
            }
        }
        for (delivery, n, succeeded, lost, recorded_at) in rows!(&mut link, (Uuid, i64, bool, bool, i64), ATTEMPTS)? {
            books.attempts.entry(delivery).or_default().push(Attempt { n, succeeded, lost, recorded_at });
        }
        books.off = rows!(&mut link, (Uuid,), OFF)?.into_iter().map(|row| row.0).collect();
        Ok(books)
    }
}
