//! Checkpoints SQLite's WAL on a thread and a connection of its own. If the writer did it, the commit that fills the
//! log would wait for the disk several times as long as others. It knows no table.

use super::{
    CommitBell,
    conn::{Link, Purpose, Target},
    error::{Error, Result},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Pause between two checkpoints, so that pages that change often are written once.
const PAUSE: Duration = Duration::from_millis(250);

/// Starts the thread, which ends after `closing`. Every commit of the writer notifies `committed`. `ending` is dropped
/// when the thread has ended.
pub(in crate::store) fn start(
    target: Target,
    mut committed: CommitBell,
    closing: CancellationToken,
    ending: impl Send + 'static,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Db(sqlx::Error::Io(error)))?;
    let work = move || {
        runtime.block_on(run(&target, &mut committed, &closing));
        drop(ending);
    };
    let thread = std::thread::Builder::new().name("inboxops-checkpoint".to_owned()).spawn(work);
    thread.map(drop).map_err(|error| Error::Db(sqlx::Error::Io(error)))
}

async fn run(target: &Target, committed: &mut CommitBell, closing: &CancellationToken) {
    let mut link: Option<Link> = None;
    while closing.run_until_cancelled(committed.wait()).await.is_some() {
        if closing.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
            break;
        }
        if let Err(error) = checkpoint(target, &mut link).await {
            // The writer checkpoints a log that grows too long.
            let database = target.name();
            let error = &error as &dyn std::error::Error;
            tracing::warn!(database, error, "the WAL checkpoint of {database} failed, will retry");
            link = None;
        }
    }
    if let Some(link) = link {
        super::conn::close(link).await;
    }
}

/// Checkpoints as much as is possible without waiting for anybody.
async fn checkpoint(target: &Target, link: &mut Option<Link>) -> Result<()> {
    if link.is_none() {
        *link = Some(target.connect(Purpose::Write).await?);
    }
    match link {
        Some(link) => link.run("PRAGMA wal_checkpoint(PASSIVE)").await,
        None => Ok(()),
    }
}
