//! When something in the database has had its time: rows of deleted endpoints, old changes, expired secrets, sessions
//! that are over. Who takes them away is not known here.

use super::{
    Db, Result, changes,
    db::{
        conn::on,
        sql::{Sql, statements},
    },
    endpoints,
};
use inboxops_proto::clock::Timestamp;

/// When the first of each is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chores {
    /// The rows of a deleted endpoint.
    pub(crate) endpoints: Option<Timestamp>,
    /// A row of the log of changes.
    pub(crate) changes: Option<Timestamp>,
    /// A secret that passes by time alone.
    pub(crate) secrets: Option<Timestamp>,
    /// A session or a login code.
    pub(crate) sessions: Option<Timestamp>,
}

impl Chores {
    /// When the first of all is due.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        [self.endpoints, self.changes, self.secrets, self.sessions].into_iter().flatten().min()
    }
}

macro_rules! due {
    ($order:literal) => {
        concat!(
            "SELECT (SELECT MIN(deleted_at) FROM endpoints WHERE deleted_at IS NOT NULL), \
             (SELECT at FROM changes ORDER BY ",
            $order,
            " LIMIT 1), \
             (SELECT MIN(other_secret_until) FROM endpoints WHERE other_secret_until IS NOT NULL), \
             (SELECT MIN(expires_at) FROM sessions), (SELECT MIN(expires_at) FROM login_codes)"
        )
    };
}

statements! {
    DUE = Sql::each(due!("seq"), due!("xact, seq"));
}

type Row = (Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

/// When something is due, in all tenants.
pub(crate) async fn due(db: &Db) -> Result<Chores> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = DUE.on(link);
    let row = on!(link, c, D => sqlx::query_as::<D, Row>(sql).fetch_one(c).await)?;
    let at = |at: Option<i64>| at.map(Timestamp::from_micros);
    let (deleted, changed, secret, session, code) = row;
    Ok(Chores {
        endpoints: at(deleted).map(|at| at.plus(endpoints::ROWS_KEPT)),
        // One that is as old as that stays; older ones go.
        changes: at(changed).map(|at| at.plus(changes::KEPT + std::time::Duration::from_micros(1))),
        secrets: at(secret),
        sessions: at(session).into_iter().chain(at(code)).min(),
    })
}
