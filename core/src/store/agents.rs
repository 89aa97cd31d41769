//! Rows of `agents`.

use super::{
    Db, Result, Scoped, Tx,
    by_name::{self, NamedPage, after_name},
    db::{
        conn::on,
        row::{codes, from_row},
        sql::{Sql, statements},
    },
    fold,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{AgentId, TenantId},
};

codes! {
    /// What an agent may do.
    Role {
        /// Manages keys, endpoints and agents, and all that an agent does.
        Admin = 1 "admin",
        /// Works on tickets.
        Agent = 2 "agent",
    }
}

/// A person of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: Role,
    /// When it was disabled; a disabled agent can neither sign in nor be assigned.
    pub(crate) disabled_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
}

from_row!(Agent in "agents", row => Ok(Agent {
    id: AgentId(row.get("id")?),
    name: row.get("name")?,
    email: row.get("email")?,
    role: row.code("role")?,
    disabled_at: row.opt_time("disabled_at")?,
    created_at: row.time("created_at")?,
}));

statements! {
    INSERT = Sql::both(
        "INSERT INTO agents (id, tenant_id, name, name_folded, email, email_folded, role, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (tenant_id, email_folded) DO NOTHING",
    );
    EXISTS = Sql::both("SELECT 1 FROM agents WHERE id = $1 AND tenant_id = $2 AND disabled_at IS NULL");
    GET = Sql::both("SELECT id, name, email, role, disabled_at, created_at FROM agents WHERE id = $1 AND tenant_id = $2");
    WORKS_AT = Sql::both(
        "SELECT 1 FROM agents WHERE tenant_id = $1 AND email_folded = $2 AND disabled_at IS NULL",
    );
    OWNER = Sql::both("SELECT tenant_id FROM agents WHERE id = $1");
    UPDATE = Sql::both(
        "UPDATE agents SET name = $3, name_folded = $4, role = $5, disabled_at = $6, updated_at = $7 \
         WHERE id = $1 AND tenant_id = $2",
    );
    LIST = Sql::both(
        "SELECT id, name, email, role, disabled_at, created_at FROM agents WHERE tenant_id = $1 \
         ORDER BY name_folded, id LIMIT $2 OFFSET $3",
    );
    LIST_AFTER = Sql::both(concat!(
        "SELECT id, name, email, role, disabled_at, created_at FROM agents WHERE tenant_id = $1 AND ",
        after_name!("agents"), " ORDER BY name_folded, id LIMIT $5"
    ));
    COUNT = Sql::both("SELECT COUNT(*) FROM agents WHERE tenant_id = $1");
}

/// Inserts an agent; false if the tenant has one with this address.
pub(crate) async fn insert(tx: &mut Tx<'_>, agent: &Agent) -> Result<bool> {
    let tenant = tx.tenant();
    tx.writing.lookups.agents.clear();
    let link = tx.writing();
    let sql = INSERT.on(link);
    let done = on!(link, c, D => sqlx::query::<D>(sql)
        .bind(agent.id.0)
        .bind(tenant.0)
        .bind(&agent.name)
        .bind(fold(&agent.name))
        .bind(&agent.email)
        .bind(fold(&agent.email))
        .bind(agent.role.code())
        .bind(agent.created_at.micros())
        .execute(c)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Whether the tenant has this agent and it is not disabled.
pub(crate) async fn exists(tx: &mut Tx<'_>, id: AgentId) -> Result<bool> {
    let key = (tx.tenant(), id);
    if let Some(known) = tx.writing.lookups.agents.get(&key) {
        return Ok(*known);
    }
    let link = tx.link();
    let sql = EXISTS.on(link);
    let found = on!(link, c, D =>
        sqlx::query::<D>(sql).bind(id.0).bind(key.0.0).fetch_optional(c).await.map(|row| row.is_some()))?;
    tx.writing.lookups.agents.insert(key, found);
    Ok(found)
}

/// Whether an agent that is not disabled has this mail address, ignoring letter case.
pub(crate) async fn works_at(tx: &mut Tx<'_>, email: &str) -> Result<bool> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = WORKS_AT.on(link);
    on!(link, c, D =>
        sqlx::query::<D>(sql).bind(tenant.0).bind(fold(email)).fetch_optional(c).await.map(|row| row.is_some()))
}

pub(crate) async fn get(tx: &mut impl Scoped, id: AgentId) -> Result<Option<Agent>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = GET.on(link);
    on!(link, c, D => sqlx::query_as::<D, Agent>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
}

/// The tenant of an agent, for the operator, who may name an agent without its tenant.
pub(crate) async fn owner(db: &Db, id: AgentId) -> Result<Option<TenantId>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = OWNER.on(link);
    let owner = on!(link, c, D => sqlx::query_scalar::<D, uuid::Uuid>(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(owner.map(TenantId))
}

/// Updates an agent; its address never changes.
pub(crate) async fn update(tx: &mut Tx<'_>, agent: &Agent, at: Timestamp) -> Result<()> {
    let tenant = tx.tenant();
    tx.writing.lookups.agents.clear();
    let link = tx.writing();
    let sql = UPDATE.on(link);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(agent.id.0)
        .bind(tenant.0)
        .bind(&agent.name)
        .bind(fold(&agent.name))
        .bind(agent.role.code())
        .bind(agent.disabled_at.map(Timestamp::micros))
        .bind(at.micros())
        .execute(c)
        .await
        .map(drop))
}

/// A page of agents by name.
pub(crate) async fn list(tx: &mut impl Scoped, page: NamedPage<'_>) -> Result<Vec<Agent>> {
    by_name::page(tx, LIST, LIST_AFTER, page).await
}

/// How many agents the tenant has.
pub(crate) async fn count(tx: &mut impl Scoped) -> Result<i64> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = COUNT.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(tenant.0).fetch_one(c).await)
}
