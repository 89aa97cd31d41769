//! Connections: one enum for both databases, how they are opened, and which errors mean that one is lost. It knows no
//! table.

use super::{
    error::{Error, Result},
    servers::Servers,
};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{str::FromStr as _, time::Duration};

/// Longest wait of a write for a lock that another core holds (PostgreSQL).
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait for the write lock that another process, such as a command of the operator, holds (SQLite).
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time that one statement may run (PostgreSQL).
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest pause between two statements of a long read (PostgreSQL): longer than its client may keep it waiting.
pub(crate) const LONG_READ_PAUSE: Duration = Duration::from_secs(60);
/// Longest time that opening a connection to one server may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Size of SQLite's WAL in pages, 64 MiB, from which on a commit checkpoints it itself; below that `checkpoint` does.
const LOG_PAGES_MAX: &str = "16384";
/// Plans that writers must not use (PostgreSQL). Every statement of a writer finds few rows by their keys, but the
/// statistics of tables that fill and empty within seconds would make the planner read and hash all leased deliveries.
const WRITER_PLANS_OFF: [&str; 3] = ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"];
/// Plans that long reads must not use (PostgreSQL): each batch is read from an index, in its order.
const LONG_READ_PLANS_OFF: [&str; 2] = ["enable_seqscan", "enable_bitmapscan"];
/// Settings of every connection (PostgreSQL). JIT compilation takes a hundred times as long as any statement runs.
const SETTINGS: [(&str, &str); 2] = [("timezone", "UTC"), ("jit", "off")];
/// Prepared statements that a connection keeps: all fixed ones in all chunk sizes fit.
pub(super) const STATEMENT_CACHE: usize = 1024;

/// A connection to either database.
#[derive(Debug)]
pub(crate) enum Conn {
    Sqlite(SqliteConnection),
    Pg(PgConnection),
}

/// A connection and its state.
#[derive(Debug)]
pub(crate) struct Link {
    pub(in crate::store) conn: Conn,
    /// A statement began and its future has not completed.
    pub(in crate::store) busy: bool,
    /// A statement failed since [`Link::clear`]; a transaction of PostgreSQL is then aborted.
    failed: bool,
    /// The connection is lost.
    pub(in crate::store) lost: bool,
}

/// Runs one expression on the database of a [`Link`]: `$c` is the connection, `$db` its database type.
macro_rules! on {
    ($link:expr, $c:ident, $db:ident => $($body:tt)*) => {{
        let link: &mut $crate::store::db::conn::Link = $link;
        link.busy = true;
        let result = match &mut link.conn {
            $crate::store::db::conn::Conn::Sqlite($c) => {
                #[allow(dead_code)]
                type $db = sqlx::Sqlite;
                let $c = &mut *$c;
                $($body)*
            }
            $crate::store::db::conn::Conn::Pg($c) => {
                #[allow(dead_code)]
                type $db = sqlx::Postgres;
                let $c = &mut *$c;
                $($body)*
            }
        };
        link.note(result)
    }};
}
pub(in crate::store) use on;

impl Link {
    pub(in crate::store) fn new(conn: Conn) -> Link {
        Link { conn, busy: false, failed: false, lost: false }
    }

    /// Records how a statement ended.
    pub(in crate::store) fn note<T>(&mut self, result: sqlx::Result<T>) -> Result<T> {
        self.busy = false;
        result.map_err(|error| {
            self.failed = true;
            self.lost |= is_lost(&error) || is_read_only(&error);
            Error::from(error)
        })
    }

    /// Whether a statement failed since [`Link::clear`].
    pub(in crate::store) fn failed(&self) -> bool {
        self.failed
    }

    /// Resets the failure for a new transaction.
    pub(in crate::store) fn clear(&mut self) {
        self.failed = false;
    }

    pub(in crate::store) fn is_pg(&self) -> bool {
        matches!(self.conn, Conn::Pg(_))
    }

    /// Runs a statement without parameters and rows.
    pub(in crate::store) async fn run(&mut self, sql: &'static str) -> Result<()> {
        on!(self, c, D => sqlx::query(sql).execute(c).await.map(drop))
    }
}

/// The database that a URL names.
#[derive(Clone, Debug)]
pub(in crate::store) enum Target {
    Sqlite(Box<SqliteConnectOptions>),
    Pg(Servers),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    /// A snapshot that lives for minutes.
    LongRead,
    /// A writer's connection.
    Write,
}

impl Purpose {
    /// Statements that configure a new connection to PostgreSQL. They are not startup parameters, because a pooler may
    /// refuse or drop those.
    pub(crate) fn settings(self) -> String {
        let millis = |time: Duration| format!("{}ms", time.as_millis());
        let mut settings: Vec<(&str, String)> = SETTINGS.map(|(name, value)| (name, value.to_owned())).into();
        settings.push(("lock_timeout", millis(LOCK_TIMEOUT)));
        settings.push(("statement_timeout", millis(STATEMENT_TIMEOUT)));
        let pause = if self == Purpose::LongRead { LONG_READ_PAUSE } else { STATEMENT_TIMEOUT };
        settings.push(("idle_in_transaction_session_timeout", millis(pause)));
        match self {
            // The only write of a reader is the shared rate window, which may be lost.
            Purpose::Read => settings.push(("synchronous_commit", "off".to_owned())),
            Purpose::LongRead => settings.extend(LONG_READ_PLANS_OFF.map(|name| (name, "off".to_owned()))),
            Purpose::Write => settings.extend(WRITER_PLANS_OFF.map(|name| (name, "off".to_owned()))),
        }
        settings.into_iter().map(|(name, value)| format!("SET {name} = '{value}';")).collect()
    }
}

impl Target {
    /// Parses `sqlite:PATH` or `postgres://…`.
    pub(in crate::store) fn parse(url: &str) -> Result<Target> {
        let bad = |source| Error::Url(Box::new(source));
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Servers::parse(url).map(Target::Pg);
        }
        let options = SqliteConnectOptions::from_str(url).map_err(bad)?;
        Ok(Target::Sqlite(Box::new(
            options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(BUSY_TIMEOUT)
                .statement_cache_capacity(STATEMENT_CACHE)
                .pragma("wal_autocheckpoint", LOG_PAGES_MAX)
                .pragma("temp_store", "memory")
                .pragma("cache_size", "-16000"),
        )))
    }

    pub(in crate::store) fn is_pg(&self) -> bool {
        matches!(self, Target::Pg(_))
    }

    /// The location without a password, for the log.
    pub(in crate::store) fn name(&self) -> String {
        match self {
            Target::Sqlite(options) => format!("sqlite:{}", options.get_filename().display()),
            Target::Pg(servers) => servers.name(),
        }
    }

    pub(in crate::store) async fn connect(&self, purpose: Purpose) -> Result<Link> {
        let opening = async {
            match self {
                Target::Sqlite(options) => {
                    let options = match purpose {
                        Purpose::Read | Purpose::LongRead => {
                            options.as_ref().clone().create_if_missing(false).pragma("query_only", "1")
                        }
                        Purpose::Write => options.as_ref().clone(),
                    };
                    options.connect().await.map(Conn::Sqlite)
                }
                Target::Pg(servers) => servers.connect(purpose).await.map(Conn::Pg),
            }
        };
        let limit = match self {
            Target::Sqlite(_) => CONNECT_TIMEOUT,
            Target::Pg(servers) => servers.connect_timeout(),
        };
        match tokio::time::timeout(limit, opening).await {
            Ok(Ok(conn)) => Ok(Link::new(conn)),
            Ok(Err(error)) if is_lost(&error) => {
                let database = self.name();
                tracing::warn!(database, %error, "cannot connect to the database {database}");
                Err(Error::Unavailable)
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => {
                let database = self.name();
                tracing::warn!(database, "connecting to the database {database} took too long");
                Err(Error::Unavailable)
            }
        }
    }
}

/// Whether the error means that the connection is lost.
pub(in crate::store) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::PoolClosed | sqlx::Error::PoolTimedOut => true,
        // 08: connection exception; 57P0x: the server shuts down, crashed or is starting, or the session was idle for
        // too long; 53300: too many connections; 25P03 and 25P04: a transaction was idle or ran for too long.
        error => code(error).is_some_and(|code| {
            let ended = ["57P01", "57P02", "57P03", "57P05", "53300", "25P03", "25P04"];
            code.starts_with("08") || ended.contains(&code.as_str())
        }),
    }
}

/// Whether the database takes no writes: a standby, a primary that was demoted, a server that its host made read-only,
/// a file on a file system that is. The connection is given up, since another one may lead to a server that does.
pub(in crate::store) fn is_read_only(error: &sqlx::Error) -> bool {
    // SQLite's are READONLY with its extensions.
    let of_sqlite = ["8", "264", "520", "776", "1032", "1288", "1544"];
    code(error).is_some_and(|code| code == "25006" || of_sqlite.contains(&code.as_str()))
}

/// Whether PostgreSQL asks for another run of the transaction: serialization failure or deadlock.
pub(in crate::store) fn is_conflict(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code == "40001" || code == "40P01")
}

/// Whether a lock was not available in time: PostgreSQL's lock timeout, SQLite's BUSY.
pub(in crate::store) fn is_locked(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| matches!(code.as_str(), "55P03" | "5" | "261" | "517" | "773"))
}

/// Whether the disk is full.
pub(in crate::store) fn is_full(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code == "13" || code == "53100")
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned())
}

pub(in crate::store) async fn close(link: Link) {
    let closed = match link.conn {
        Conn::Sqlite(conn) => conn.close().await,
        Conn::Pg(conn) => conn.close().await,
    };
    if let Err(error) = closed {
        tracing::debug!(%error, "closing a database connection failed");
    }
}
