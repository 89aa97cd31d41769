//! Copies of a SQLite file: made beside the server that uses it, and checked before they take its place. It knows
//! `histories`, whose last row it marks, and the fingerprint of the master key in `meta`.

use super::{
    Error, Result,
    db::{
        conn::{Conn, Link, Purpose, Target, on},
        migrate,
        sql::{Sql, statements},
    },
};
use sqlx::{
    ConnectOptions as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::path::{Path, PathBuf};

statements! {
    VACUUM_INTO = Sql::sqlite("VACUUM INTO $1");
    QUICK_CHECK = Sql::sqlite("PRAGMA quick_check(1)");
    TABLES = Sql::sqlite(
        "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('_sqlx_migrations', 'meta', 'tenants')",
    );
    HAS_HISTORIES = Sql::sqlite("SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'histories'");
    // No file is at this place, so whoever opens the copy begins a history.
    MARK = Sql::sqlite(
        "UPDATE histories SET origin = 'copy' WHERE ordinal = (SELECT MAX(ordinal) FROM histories)",
    );
    SCHEMA = Sql::sqlite("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations");
    MASTER_KEY = Sql::sqlite("SELECT value FROM meta WHERE key = 'master_key'");
}

/// Why a file is not backed up or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupRefusal {
    #[error("only a SQLite database is a file; PostgreSQL has pg_dump and pg_basebackup (docs/backup.md)")]
    NotSqlite,
    #[error("there is no database of InboxOps")]
    NoDatabase,
    #[error("the path must be UTF-8")]
    Path,
    #[error("the file is damaged: {0}")]
    Damaged(String),
}

/// A copy of a database's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCopy {
    /// Version of its schema.
    pub schema: i64,
    /// Fingerprint of the master key that sealed its secrets; `None` if no server has ever opened it.
    pub master_key: Option<String>,
}

/// The file of a SQLite database; `None` for PostgreSQL.
pub(crate) fn file(url: &str) -> Result<Option<PathBuf>> {
    Ok(match Target::parse(url)? {
        Target::Sqlite(options) => Some(options.get_filename().to_owned()),
        Target::Pg(_) => None,
    })
}

/// Writes the database's present contents to `into`, which must be missing or empty. Others read and write meanwhile.
pub(crate) async fn backup(url: &str, into: &Path) -> Result<FileCopy> {
    let from = file(url)?.ok_or(BackupRefusal::NotSqlite)?;
    if !from.exists() {
        return Err(BackupRefusal::NoDatabase.into());
    }
    let path = into.to_str().ok_or(BackupRefusal::Path)?;
    // It writes nothing here, but a connection that may only read could not write the copy either.
    let mut link = Target::parse(url)?.connect(Purpose::Write).await?;
    must_be_ours(&mut link).await?;
    let sql = VACUUM_INTO.on(&link);
    let live = &mut link;
    on!(live, c, D => sqlx::query::<D>(sql).bind(path).execute(c).await.map(drop))?;
    super::db::conn::close(link).await;
    settle(into).await
}

/// Checks a copy, and marks it as one: whoever opens it begins a new history, wherever it lies.
pub(crate) async fn settle(file: &Path) -> Result<FileCopy> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Delete)
        .synchronous(SqliteSynchronous::Full);
    let conn = options.connect().await.map_err(damaged)?;
    let mut link = Link::new(Conn::Sqlite(conn));
    let check = QUICK_CHECK.on(&link);
    let all = &mut link;
    let found = on!(all, c, D => sqlx::query_scalar::<D, String>(check).fetch_one(c).await).map_err(damaged)?;
    if found != "ok" {
        return Err(BackupRefusal::Damaged(found).into());
    }
    must_be_ours(&mut link).await?;
    let schema = scalar(&mut link, SCHEMA).await?;
    if schema > migrate::VERSION {
        return Err(Error::Newer { database: schema, program: migrate::VERSION });
    }
    // A release before histories has none to mark; the first release that has them begins one.
    if scalar(&mut link, HAS_HISTORIES).await? > 0 {
        let mark = MARK.on(&link);
        link.run(mark).await?;
    }
    let sql = MASTER_KEY.on(&link);
    let of_meta = &mut link;
    let master_key = on!(of_meta, c, D => sqlx::query_scalar::<D, String>(sql).fetch_optional(c).await)?;
    super::db::conn::close(link).await;
    Ok(FileCopy { schema, master_key })
}

fn damaged(error: impl std::error::Error) -> Error {
    BackupRefusal::Damaged(crate::chain(&error)).into()
}

async fn must_be_ours(link: &mut Link) -> Result<()> {
    if scalar(link, TABLES).await? == 3 { Ok(()) } else { Err(BackupRefusal::NoDatabase.into()) }
}

async fn scalar(link: &mut Link, sql: Sql) -> Result<i64> {
    let sql = sql.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).fetch_one(c).await)
}
