//! Rows of `passwords`: hashes in the PHC format, never a password.

use super::{
    Db, Result, Scoped, Tx,
    db::{
        conn::on,
        row::from_row,
        sql::{Sql, statements},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{AgentId, TenantId},
};

/// Greatest number of a mail address's tenants that a login checks.
pub(crate) const TENANTS_MAX: i64 = 8;

/// An agent whom a mail address may belong to.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) tenant: TenantId,
    pub(crate) agent: AgentId,
    pub(crate) name: String,
    /// Hash of the password, if there is one.
    pub(crate) phc: Option<String>,
}

from_row!(Candidate in "agents", row => Ok(Candidate {
    tenant: TenantId(row.get("tenant_id")?),
    agent: AgentId(row.get("id")?),
    name: row.get("name")?,
    phc: row.of("passwords").get("phc")?,
}));

statements! {
    BY_EMAIL = Sql::both(
        "SELECT a.tenant_id, a.id, a.name, p.phc FROM agents a LEFT JOIN passwords p ON p.agent_id = a.id \
         WHERE a.email_folded = $1 AND a.disabled_at IS NULL ORDER BY p.phc IS NULL, a.id LIMIT $2",
    );
    GET = Sql::both("SELECT phc FROM passwords WHERE agent_id = $1 AND tenant_id = $2");
    PUT = Sql::both(
        "INSERT INTO passwords (agent_id, tenant_id, phc, failures, updated_at) VALUES ($1, $2, $3, 0, $4) \
         ON CONFLICT (agent_id) DO UPDATE SET phc = excluded.phc, failures = 0, updated_at = excluded.updated_at",
    );
}

/// The agents of all tenants with this folded mail address who may sign in.
pub(crate) async fn by_email(db: &Db, folded: &str) -> Result<Vec<Candidate>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = BY_EMAIL.on(link);
    on!(link, c, D => sqlx::query_as::<D, Candidate>(sql).bind(folded).bind(TENANTS_MAX).fetch_all(c).await)
}

/// The hash of an agent's password.
pub(crate) async fn get(tx: &mut impl Scoped, agent: AgentId) -> Result<Option<String>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = GET.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, String>(sql).bind(agent.0).bind(tenant.0).fetch_optional(c).await)
}

pub(crate) async fn put(tx: &mut Tx<'_>, agent: AgentId, phc: &str, at: Timestamp) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = PUT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(agent.0)
        .bind(tenant.0)
        .bind(phc)
        .bind(at.micros())
        .execute(c)
        .await
        .map(drop))
}
