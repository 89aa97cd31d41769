//! The words of `backup`, `restore` and `copy`.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  inboxops backup /var/backups/inboxops/monday --data-dir /var/lib/inboxops\n\n\
        Copies a SQLite database, also while a server uses it, and the master key to a file of its own. See docs/backup.md.")]
pub(crate) struct Backup {
    /// Folder of the backup; made if it is missing, and refused if anything is in it
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  inboxops restore /var/backups/inboxops/monday --data-dir /var/lib/inboxops\n\n\
        Overwrites nothing: the data folder may have neither a database nor a key. See docs/backup.md.")]
pub(crate) struct Restore {
    /// Folder that `backup` made
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  inboxops copy --to postgres://inboxops@db/inboxops --data-dir /var/lib/inboxops\n  \
        inboxops copy --database-url postgres://inboxops@db/inboxops --to sqlite:/var/lib/inboxops/inboxops.db\n\n\
        Copies every row from the database of the settings and compares each. Stop the server first. A copy that was cut\n\
        short goes on when the command is repeated. The database copied from is not changed. See docs/backup.md."
)]
pub(crate) struct CopyTo {
    /// Database to copy to, of the other kind and empty: sqlite:FILE or postgres://…
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
}
