//! Copies of a whole database: backups of a SQLite file, and the move to the other kind of database. Folders, files of
//! keys and locks are not known here.

pub use crate::store::{
    backups::{BackupRefusal, FileCopy},
    moving::{CopiedTables, CopyProgress, CopyRefusal, CopyStep},
};

use crate::{error::Result, store, time_and_chance::Stamps};
use std::path::{Path, PathBuf};

/// Writes the present contents of a SQLite database to a file, which must be missing or empty, while others use it.
pub async fn backup(database_url: &str, into: &Path) -> Result<FileCopy> {
    Ok(store::backups::backup(database_url, into).await?)
}

/// Checks a SQLite file that was copied, and marks it, so that whoever opens it begins a new history.
pub async fn settle(file: &Path) -> Result<FileCopy> {
    Ok(store::backups::settle(file).await?)
}

/// Copies everything from one database to another of the other kind, and compares each row. The target must be empty,
/// or the target of a copy that was cut short. The caller sees to it that no server uses a SQLite file.
pub async fn copy(
    from: &str,
    to: &str,
    stamps: &Stamps,
    tell: &mut dyn FnMut(CopyProgress<'_>),
) -> Result<CopiedTables> {
    Ok(store::moving::copy(from, to, stamps.clock().now(), tell).await?)
}

/// The file of a SQLite database; `None` for PostgreSQL.
pub fn sqlite_file(database_url: &str) -> Result<Option<PathBuf>> {
    Ok(store::backups::file(database_url)?)
}
