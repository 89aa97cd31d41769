//! Whether each connection to PostgreSQL has a session of its own. It knows no table.
//!
//! A pooler may give a connection another session of the server for each transaction. Then a connection's settings,
//! which writers, readers and long reads make differently, would be those of whoever used the session before, and a
//! statement that was prepared on one session would be missing on the next. So such a pooler is refused at the start.

use super::{
    conn::{Link, Purpose, Target, close, on},
    error::{Error, Result},
};
use sqlx::Row as _;

/// Refuses a database whose connections share sessions. A pooler hands out the session that became free last, or first:
/// in the one case another connection gets this one's, in the other this one gets another.
pub(super) async fn check(link: &mut Link, target: &Target) -> Result<()> {
    if !link.is_pg() {
        return Ok(());
    }
    let own = process(link).await?;
    let mut other = target.connect(Purpose::Read).await?;
    let mut kept = process(link).await? == own && process(&mut other).await? != own;
    if kept {
        // The other one keeps what it has until it is closed.
        simple(&mut other, "BEGIN").await?;
        kept = process(link).await? == own;
    }
    close(other).await;
    if kept { Ok(()) } else { Err(Error::SharedSessions) }
}

/// The process of PostgreSQL that the next statement has met.
async fn process(link: &mut Link) -> Result<i32> {
    let sql = "SELECT pg_backend_pid()";
    on!(link, c, D => sqlx::raw_sql(sql).fetch_one(c).await.and_then(|row| row.try_get::<i32, _>(0)))
}

/// Runs a statement that is not prepared: where sessions are shared, its name could be another connection's.
async fn simple(link: &mut Link, sql: &'static str) -> Result<()> {
    on!(link, c, D => sqlx::raw_sql(sql).execute(c).await.map(drop))
}
