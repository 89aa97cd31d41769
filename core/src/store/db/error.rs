//! Errors of the store, and how errors of a database map to them. It knows no status code: a refusal has a reason.

use super::conn::{is_full, is_locked, is_lost, is_read_only};
use crate::store::{backups::BackupRefusal, moving::CopyRefusal};
use inboxops_proto::{failure::Failure, reason::Reason};
use std::error::Error as StdError;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The closure refused, with an answer for the caller.
    #[error("the write is refused: {}", .0.reason.name())]
    Refused(Box<Failure>),
    /// The database refused a statement.
    #[error("a statement failed")]
    Db(#[source] sqlx::Error),
    /// The database is unreachable or overloaded; a retry may succeed.
    #[error("the database is not available")]
    Unavailable,
    /// The database takes no writes: a standby, or a server or file that is read-only.
    #[error("the database takes no writes")]
    ReadOnly,
    /// The closure panicked.
    #[error("the closure of a write panicked")]
    Panic,
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// The database URL is malformed.
    #[error("the database URL must be sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")]
    Url(#[source] Box<dyn StdError + Send + Sync>),
    /// The database URL has a parameter that nothing would come of.
    #[error("the database URL has the parameter {0:?}, which is not known")]
    Parameter(String),
    /// A pooler gives each transaction of a connection another session of PostgreSQL.
    #[error(
        "a pooler gives each transaction another session, but a connection needs one of its own: use session pooling \
         (PgBouncer: pool_mode = session), or no pooler"
    )]
    SharedSessions,
    /// The database was migrated by a newer release.
    #[error("the database has schema {database}, this program knows only {program}: start the newer release")]
    Newer {
        /// Version of the schema in the database.
        database: i64,
        /// Newest version that this program knows.
        program: i64,
    },
    /// A copy into the database was begun and is not complete.
    #[error(
        "a copy into this database was cut short: repeat `inboxops copy`, which goes on, or drop the database and begin anew"
    )]
    HalfCopied,
    #[error("cannot copy everything to another database")]
    Copy(#[from] CopyRefusal),
    #[error("cannot copy the database's file")]
    Backup(#[from] BackupRefusal),
    #[error("cannot migrate the database's schema")]
    Migrate(#[source] Box<dyn StdError + Send + Sync>),
}

/// The error type of a write's closure, which can hold an error of the store.
pub(crate) trait WriteError: From<Error> + Send + 'static {
    /// The store's error, if it is one.
    fn of_store(&self) -> Option<&Error>;
}

impl WriteError for Error {
    fn of_store(&self) -> Option<&Error> {
        Some(self)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Error {
        if is_lost(&error) {
            tracing::warn!(%error, "the database connection is lost");
            return Error::Unavailable;
        }
        if is_locked(&error) {
            return Failure::new(Reason::Conflict)
                .message("Another change holds this; try again.")
                .retry_after(1)
                .into();
        }
        if is_read_only(&error) {
            tracing::warn!(%error, "the database takes no writes; its connection is given up");
            return Error::ReadOnly;
        }
        if is_full(&error) {
            tracing::error!(%error, "the database is full");
            return Error::Unavailable;
        }
        Error::Db(error)
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Error {
        Failure::new(reason).into()
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error::Refused(Box::new(failure))
    }
}
