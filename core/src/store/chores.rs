//! When the next cleanup is due: of rows of deleted endpoints, old changes, expired secrets, ended sessions.
//! `upkeep.rs` does it.

use super::{
    Db, Result, changes,
    db::{
        conn::on,
        row::from_row,
        sql::{Sql, statements},
    },
    endpoints,
};
use inboxops_proto::clock::Timestamp;

/// When the first row of each kind is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chores {
    /// Rows of a deleted endpoint.
    pub(crate) endpoints: Option<Timestamp>,
    /// A row of the log of changes.
    pub(crate) changes: Option<Timestamp>,
    /// A secret that time promotes or ends.
    pub(crate) secrets: Option<Timestamp>,
    /// A session or a login code.
    pub(crate) sessions: Option<Timestamp>,
}

impl Chores {
    /// When the first of all of them is due.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        [self.endpoints, self.changes, self.secrets, self.sessions].into_iter().flatten().min()
    }
}

macro_rules! due {
    ($order:literal) => {
        concat!(
            "SELECT (SELECT MIN(deleted_at) FROM endpoints WHERE deleted_at IS NOT NULL) AS deleted_at, \
             (SELECT at FROM changes ORDER BY ",
            $order,
            " LIMIT 1) AS changed_at, \
             (SELECT MIN(other_secret_until) FROM endpoints WHERE other_secret_until IS NOT NULL) AS secret_until, \
             (SELECT MIN(expires_at) FROM sessions) AS session_expires_at, \
             (SELECT MIN(expires_at) FROM login_codes) AS code_expires_at"
        )
    };
}

statements! {
    DUE = Sql::each(due!("seq"), due!("xact, seq"));
}

/// The first time of each kind, from the tables.
struct Firsts {
    deleted: Option<Timestamp>,
    changed: Option<Timestamp>,
    secret: Option<Timestamp>,
    session: Option<Timestamp>,
    code: Option<Timestamp>,
}

from_row!(Firsts in "endpoints", row => Ok(Firsts {
    deleted: row.opt_time("deleted_at")?,
    changed: row.of("changes").opt_time("changed_at")?,
    secret: row.opt_time("secret_until")?,
    session: row.of("sessions").opt_time("session_expires_at")?,
    code: row.of("login_codes").opt_time("code_expires_at")?,
}));

/// When the next rows are due, in all tenants.
pub(crate) async fn due(db: &Db) -> Result<Chores> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = DUE.on(link);
    let firsts = on!(link, c, D => sqlx::query_as::<D, Firsts>(sql).fetch_one(c).await)?;
    Ok(Chores {
        endpoints: firsts.deleted.map(|at| at.plus(endpoints::ROWS_KEPT)),
        // A row of exactly that age is kept; older ones are deleted.
        changes: firsts.changed.map(|at| at.plus(changes::KEPT + std::time::Duration::from_micros(1))),
        secrets: firsts.secret,
        sessions: firsts.session.into_iter().chain(firsts.code).min(),
    })
}
