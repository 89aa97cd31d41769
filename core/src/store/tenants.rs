//! Rows of `tenants`. The core defines what a plan includes; here are codes.

use super::{
    Db, Result, SystemTx,
    db::{
        conn::on,
        group::Writing,
        row::{self, codes, from_row},
        sql::{Rows, Sql, Type, row_statements, statements, write_rows},
    },
    fold,
};
use inboxops_proto::{clock::Timestamp, id::TenantId};

codes! {
    /// A tenant's plan.
    Plan {
        /// Neither API nor webhooks.
        Free = 1 "free",
        /// Neither API nor webhooks.
        Starter = 2 "starter",
        /// API and webhooks.
        Business = 3 "business",
        /// API and webhooks.
        Enterprise = 4 "enterprise",
    }
}

impl Plan {
    /// Whether the plan includes the entitlements `webhooks` and `public_api`.
    pub(crate) const fn includes_integrations(self) -> bool {
        matches!(self, Plan::Business | Plan::Enterprise)
    }
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    pub(crate) name: String,
    pub(crate) plan: Plan,
    /// Override of the entitlement `webhooks`.
    pub(crate) webhooks: Option<bool>,
    /// Override of the entitlement `public_api`.
    pub(crate) public_api: Option<bool>,
    /// Whether every call of its own is refused.
    pub(crate) suspended: bool,
    /// Requests a minute, if it has a limit of its own.
    pub(crate) requests_per_minute: Option<u32>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

from_row!(Tenant in "tenants", row => Ok(Tenant {
    id: TenantId(row.get("id")?),
    name: row.get("name")?,
    plan: row.code("plan")?,
    webhooks: overridden(row.get("webhooks")?),
    public_api: overridden(row.get("public_api")?),
    suspended: row.get("suspended")?,
    requests_per_minute: row.opt_number("requests_per_minute")?,
    created_at: row.time("created_at")?,
    updated_at: row.time("updated_at")?,
}));

/// The meaning of an override's code: none, on or off.
pub(super) fn overridden(code: i16) -> Option<bool> {
    match code {
        2 => Some(true),
        3 => Some(false),
        _ => None,
    }
}

fn code(overridden: Option<bool>) -> i16 {
    match overridden {
        None => 1,
        Some(true) => 2,
        Some(false) => 3,
    }
}

macro_rules! columns {
    () => {
        "id, name, plan, webhooks, public_api, suspended, requests_per_minute, created_at, updated_at"
    };
}

statements! {
    FIND = Sql::both(concat!("SELECT ", columns!(), " FROM tenants WHERE id = $1"));
    LIST = Sql::both(concat!("SELECT ", columns!(), " FROM tenants ORDER BY name_folded, id LIMIT $1 OFFSET $2"));
    COUNT = Sql::both("SELECT COUNT(*) FROM tenants");
    LOCK = Sql::each(
        concat!("SELECT ", columns!(), " FROM tenants WHERE id = $1"),
        concat!("SELECT ", columns!(), " FROM tenants WHERE id = $1 FOR NO KEY UPDATE"),
    );
    INSERT = Sql::both(
        "INSERT INTO tenants (id, name, name_folded, plan, webhooks, public_api, suspended, requests_per_minute, \
         last_ticket_number, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10)",
    );
    UPDATE = Sql::both(
        "UPDATE tenants SET name = $2, name_folded = $3, plan = $4, webhooks = $5, public_api = $6, suspended = $7, \
         requests_per_minute = $8, updated_at = $9 WHERE id = $1",
    );
    LAST_NUMBER = Sql::each(
        "SELECT last_ticket_number FROM tenants WHERE id = $1",
        "SELECT last_ticket_number FROM tenants WHERE id = $1 FOR NO KEY UPDATE",
    );
}

row_statements! {
    SET_NUMBERS = Rows {
        head: "WITH v (id, n) AS (VALUES",
        row: &[Type::Uuid, Type::Big],
        tail: ") UPDATE tenants SET last_ticket_number = v.n FROM v WHERE tenants.id = v.id",
        tail_pg: None,
    };
}

pub(crate) async fn find(db: &Db, id: TenantId) -> Result<Option<Tenant>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = FIND.on(link);
    on!(link, c, D => sqlx::query_as::<D, Tenant>(sql).bind(id.0).fetch_optional(c).await)
}

/// A page of all tenants by name, and how many there are.
pub(crate) async fn list(db: &Db, limit: i64, offset: i64) -> Result<(Vec<Tenant>, i64)> {
    let mut reader = db.snapshot().await?;
    let link = reader.link();
    let list = LIST.on(link);
    let count = COUNT.on(link);
    let total = on!(link, c, D => sqlx::query_scalar::<D, i64>(count).fetch_one(c).await)?;
    let tenants = on!(link, c, D => sqlx::query_as::<D, Tenant>(list).bind(limit).bind(offset).fetch_all(c).await)?;
    Ok((tenants, total))
}

/// Locks the tenant until the end of the transaction.
pub(crate) async fn lock(tx: &mut SystemTx<'_>, id: TenantId) -> Result<Option<Tenant>> {
    let link = tx.reading();
    let sql = LOCK.on(link);
    on!(link, c, D => sqlx::query_as::<D, Tenant>(sql).bind(id.0).fetch_optional(c).await)
}

pub(crate) async fn insert(tx: &mut SystemTx<'_>, tenant: &Tenant) -> Result<()> {
    let link = tx.writing();
    let sql = INSERT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(tenant.id.0)
        .bind(&tenant.name)
        .bind(fold(&tenant.name))
        .bind(tenant.plan.code())
        .bind(code(tenant.webhooks))
        .bind(code(tenant.public_api))
        .bind(tenant.suspended)
        .bind(tenant.requests_per_minute.map(i64::from))
        .bind(tenant.created_at.micros())
        .bind(tenant.updated_at.micros())
        .execute(c)
        .await
        .map(drop))
}

/// Updates a tenant, and pauses or resumes the lanes of its endpoints according to its new plan.
pub(crate) async fn update(tx: &mut SystemTx<'_>, tenant: &Tenant) -> Result<()> {
    let link = tx.writing();
    let sql = UPDATE.on(link);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(tenant.id.0)
        .bind(&tenant.name)
        .bind(fold(&tenant.name))
        .bind(tenant.plan.code())
        .bind(code(tenant.webhooks))
        .bind(code(tenant.public_api))
        .bind(tenant.suspended)
        .bind(tenant.requests_per_minute.map(i64::from))
        .bind(tenant.updated_at.micros())
        .execute(c)
        .await
        .map(drop))?;
    super::lanes::pause_as_entitled(tx.writing(), tenant.id).await
}

impl Writing {
    /// Returns the tenant's next ticket number. The counter is written once, at the end of the group.
    pub(super) async fn next_number(&mut self, tenant: TenantId) -> Result<u32> {
        self.hold_numbers(tenant).await?;
        let last = self.known_number(tenant).unwrap_or_default();
        let next = last.checked_add(1).ok_or_else(|| sqlx::Error::Encode("ticket numbers have run out".into()))?;
        self.job.numbers.insert(tenant, next);
        Ok(next)
    }

    /// Locks the tenant's counter until the end of the group. True if another core may have held it until now.
    pub(super) async fn hold_numbers(&mut self, tenant: TenantId) -> Result<bool> {
        if self.known_number(tenant).is_some() {
            return Ok(false);
        }
        let sql = LAST_NUMBER.on(&self.link);
        let last = on!(&mut self.link, c, D =>
            sqlx::query_scalar::<D, i64>(sql).bind(tenant.0).fetch_one(c).await)?;
        let last: u32 = row::number(last, "tenants", "last_ticket_number")?;
        self.job.numbers.insert(tenant, last);
        Ok(self.link.is_pg())
    }

    fn known_number(&self, tenant: TenantId) -> Option<u32> {
        self.job.numbers.get(&tenant).or_else(|| self.group.numbers.get(&tenant)).copied()
    }

    pub(super) async fn flush_numbers(&mut self) -> Result<()> {
        let mut numbers: Vec<_> = std::mem::take(&mut self.group.numbers).into_iter().collect();
        numbers.sort_unstable();
        write_rows!(&mut self.link, SET_NUMBERS, &numbers, |query, (tenant, number)| query
            .bind(tenant.0)
            .bind(i64::from(*number)));
        Ok(())
    }
}
