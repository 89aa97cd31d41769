//! Rows of `audit_log`: who did what, written in the transaction of what was done.

use super::{
    Result, Scoped, SystemTx, Tx,
    db::{
        conn::{Link, on},
        row::{codes, from_row},
        sql::{Sql, statements},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{AuditId, TenantId},
};
use std::time::Duration;
use uuid::Uuid;

const MILLISECOND: Duration = Duration::from_millis(1);

codes! {
    /// Kind of actor.
    ActorKind {
        /// A person of the tenant.
        Agent = 1 "agent",
        /// A program with an API key.
        ApiKey = 2 "api_key",
        /// A program of the operator.
        Service = 3 "service",
        Operator = 4 "operator",
        /// An unknown person.
        Nobody = 5 "nobody",
        /// InboxOps itself.
        System = 6 "system",
    }
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: AuditId,
    pub(crate) actor_kind: ActorKind,
    pub(crate) actor: Option<Uuid>,
    pub(crate) actor_name: String,
    pub(crate) action: String,
    pub(crate) target_kind: String,
    pub(crate) target: Option<Uuid>,
    /// Details: pairs of name and value, as JSON.
    pub(crate) detail: String,
    /// Address of the client.
    pub(crate) address: Option<String>,
    pub(crate) at: Timestamp,
}

from_row!(Entry in "audit_log", row => Ok(Entry {
    id: AuditId(row.get("id")?),
    actor_kind: row.code("actor_kind")?,
    actor: row.get("actor_id")?,
    actor_name: row.get("actor_name")?,
    action: row.get("action")?,
    target_kind: row.get("target_kind")?,
    target: row.get("target_id")?,
    detail: row.get("detail")?,
    address: row.get("origin")?,
    at: row.time("created_at")?,
}));

/// Which entries a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// From this time on.
    pub(crate) since: Option<Timestamp>,
    /// Before this time.
    pub(crate) until: Option<Timestamp>,
    pub(crate) actor: Option<Uuid>,
    pub(crate) action: Option<String>,
    /// Only entries before this one.
    pub(crate) before: Option<AuditId>,
}

impl Filter {
    /// The first id of the period, and the first one after it.
    fn bounds(&self) -> (Uuid, Uuid) {
        let from = self.since.map_or(Uuid::nil(), |at| AuditId::new(at, 0).0);
        let to = self.until.map_or(Uuid::max(), |at| AuditId::new(at.plus(MILLISECOND), 0).0);
        (from, self.before.map_or(to, |before| to.min(before.0)))
    }
}

macro_rules! columns {
    () => {
        "id, actor_kind, actor_id, actor_name, action, target_kind, target_id, detail, origin, created_at"
    };
}

// Ids begin with the time, to the millisecond.
macro_rules! search {
    ($more:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM audit_log WHERE tenant_id = $1 AND id >= $2 AND id < $3 AND created_at >= $4 AND created_at < $5 ",
            $more,
            "ORDER BY id DESC LIMIT $6"
        )
    };
}

statements! {
    INSERT = Sql::both(concat!(
        "INSERT INTO audit_log (", columns!(), ", tenant_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    ));
    LIST = Sql::both(concat!("SELECT ", columns!(), " FROM audit_log WHERE tenant_id = $1 ORDER BY id DESC LIMIT $2"));
    LIST_BEFORE = Sql::both(concat!(
        "SELECT ", columns!(), " FROM audit_log WHERE tenant_id = $1 AND id < $3 ORDER BY id DESC LIMIT $2"
    ));
    SEARCH = Sql::both(search!(""));
    SEARCH_ACTOR = Sql::both(search!("AND actor_id = $7 "));
    SEARCH_ACTION = Sql::both(search!("AND action = $7 "));
    SEARCH_BOTH = Sql::both(search!("AND actor_id = $7 AND action = $8 "));
}

pub(crate) async fn insert(tx: &mut Tx<'_>, entry: &Entry) -> Result<()> {
    let tenant = tx.tenant();
    write(tx.writing(), Some(tenant), entry).await
}

/// Records an action of the operator that belongs to no tenant.
pub(crate) async fn insert_for_nobody(tx: &mut SystemTx<'_>, entry: &Entry) -> Result<()> {
    write(tx.writing(), None, entry).await
}

/// Records an action of InboxOps itself for a tenant.
pub(crate) async fn insert_of(tx: &mut SystemTx<'_>, tenant: TenantId, entry: &Entry) -> Result<()> {
    write(tx.writing(), Some(tenant), entry).await
}

async fn write(link: &mut Link, tenant: Option<TenantId>, entry: &Entry) -> Result<()> {
    let sql = INSERT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(entry.id.0)
        .bind(entry.actor_kind.code())
        .bind(entry.actor)
        .bind(&entry.actor_name)
        .bind(&entry.action)
        .bind(&entry.target_kind)
        .bind(entry.target)
        .bind(&entry.detail)
        .bind(&entry.address)
        .bind(entry.at.micros())
        .bind(tenant.map(|tenant| tenant.0))
        .execute(c)
        .await
        .map(drop))
}

/// Entries before one, or the newest, newest first.
pub(crate) async fn list(tx: &mut impl Scoped, before: Option<AuditId>, limit: i64) -> Result<Vec<Entry>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = if before.is_some() { LIST_BEFORE } else { LIST }.on(link);
    on!(link, c, D => {
        let query = sqlx::query_as::<D, Entry>(sql).bind(tenant.0).bind(limit);
        match before {
            Some(id) => query.bind(id.0),
            None => query,
        }
        .fetch_all(c)
        .await
    })
}

/// The newest entries of a filter, at most `limit`.
pub(crate) async fn search(tx: &mut impl Scoped, filter: &Filter, limit: i64) -> Result<Vec<Entry>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let statement = match (&filter.actor, &filter.action) {
        (None, None) => SEARCH,
        (Some(_), None) => SEARCH_ACTOR,
        (None, Some(_)) => SEARCH_ACTION,
        (Some(_), Some(_)) => SEARCH_BOTH,
    };
    let sql = statement.on(link);
    let (from, to) = filter.bounds();
    on!(link, c, D => {
        let mut query = sqlx::query_as::<D, Entry>(sql)
            .bind(tenant.0)
            .bind(from)
            .bind(to)
            .bind(filter.since.map_or(i64::MIN, Timestamp::micros))
            .bind(filter.until.map_or(i64::MAX, Timestamp::micros))
            .bind(limit);
        if let Some(actor) = filter.actor {
            query = query.bind(actor);
        }
        if let Some(action) = &filter.action {
            query = query.bind(action);
        }
        query.fetch_all(c).await
    })
}
