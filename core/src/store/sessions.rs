//! Rows of `sessions` and `login_codes`. They have the SHA-256 of a secret, never the secret.

use super::{
    Db, Queue, Result, SystemTx, Tx,
    agents::Role,
    db::{
        conn::on,
        row::from_row,
        sql::{Rows, Sql, Type, row_statements, statements, write_rows},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{AgentId, TenantId},
};

/// Sessions of one agent; a further one ends the oldest.
pub(crate) const PER_AGENT_MAX: i64 = 20;

/// A session, with its agent as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) tenant: TenantId,
    pub(crate) agent: AgentId,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) disabled: bool,
    pub(crate) created_at: Timestamp,
    /// Time of its last call, to the minute.
    pub(crate) last_seen_at: Timestamp,
}

from_row!(Session in "sessions", row => {
    let agent = row.of("agents");
    Ok(Session {
        tenant: TenantId(row.get("tenant_id")?),
        agent: AgentId(row.get("agent_id")?),
        name: agent.get("name")?,
        email: agent.get("email")?,
        role: agent.code("role")?,
        disabled: agent.opt_time("disabled_at")?.is_some(),
        created_at: row.time("created_at")?,
        last_seen_at: row.time("last_seen_at")?,
    })
});

statements! {
    FIND = Sql::both(
        "SELECT s.tenant_id, s.agent_id, a.name, a.email, a.role, a.disabled_at, s.created_at, s.last_seen_at \
         FROM sessions s JOIN agents a ON a.id = s.agent_id WHERE s.hash = $1",
    );
    INSERT = Sql::both(
        "INSERT INTO sessions (hash, tenant_id, agent_id, created_at, last_seen_at, expires_at) \
         VALUES ($1, $2, $3, $4, $4, $5)",
    );
    TRIM = Sql::both(
        "DELETE FROM sessions WHERE tenant_id = $1 AND agent_id = $2 AND hash <> $3 AND hash NOT IN \
         (SELECT hash FROM sessions WHERE tenant_id = $1 AND agent_id = $2 AND hash <> $3 \
         ORDER BY created_at DESC, hash LIMIT $4)",
    );
    DELETE = Sql::both("DELETE FROM sessions WHERE hash = $1 AND tenant_id = $2");
    DELETE_OTHERS = Sql::both("DELETE FROM sessions WHERE tenant_id = $1 AND agent_id = $2 AND hash <> $3");
    DELETE_OLD = Sql::both("DELETE FROM sessions WHERE expires_at <= $1");
    DELETE_OLD_CODES = Sql::both("DELETE FROM login_codes WHERE expires_at <= $1");
    INSERT_CODE = Sql::both(
        "INSERT INTO login_codes (hash, tenant_id, agent_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
    );
    CODE_TENANT = Sql::both("SELECT tenant_id FROM login_codes WHERE hash = $1");
    TAKE_CODE = Sql::both(
        "UPDATE login_codes SET used_at = $3 WHERE hash = $1 AND tenant_id = $2 AND used_at IS NULL AND expires_at > $3 \
         RETURNING agent_id",
    );
}

row_statements! {
    MARK_SEEN = Rows {
        head: "WITH v (hash, seen, ends) AS (VALUES",
        row: &[Type::Bytes, Type::Big, Type::Big],
        tail: ") UPDATE sessions SET last_seen_at = v.seen, expires_at = v.ends FROM v \
               WHERE sessions.hash = v.hash AND sessions.last_seen_at < v.seen",
        tail_pg: None,
    };
}

/// The session with this SHA-256, also one that has ended.
pub(crate) async fn find(db: &Db, hash: [u8; 32]) -> Result<Option<Session>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = FIND.on(link);
    on!(link, c, D => sqlx::query_as::<D, Session>(sql).bind(&hash[..]).fetch_optional(c).await)
}

/// Begins a session, and ends the agent's oldest ones if there are too many.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    hash: [u8; 32],
    agent: AgentId,
    at: Timestamp,
    ends: Timestamp,
) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let insert = INSERT.on(link);
    let trim = TRIM.on(link);
    on!(link, c, D => sqlx::query::<D>(insert)
        .bind(&hash[..])
        .bind(tenant.0)
        .bind(agent.0)
        .bind(at.micros())
        .bind(ends.micros())
        .execute(c)
        .await
        .map(drop))?;
    on!(link, c, D => sqlx::query::<D>(trim)
        .bind(tenant.0)
        .bind(agent.0)
        .bind(&hash[..])
        .bind(PER_AGENT_MAX - 1)
        .execute(c)
        .await
        .map(drop))
}

pub(crate) async fn delete(tx: &mut Tx<'_>, hash: [u8; 32]) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = DELETE.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(&hash[..]).bind(tenant.0).execute(c).await.map(drop))
}

/// Ends all sessions of an agent but one.
pub(crate) async fn delete_others(tx: &mut Tx<'_>, agent: AgentId, kept: [u8; 32]) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = DELETE_OTHERS.on(link);
    on!(link, c, D =>
        sqlx::query::<D>(sql).bind(tenant.0).bind(agent.0).bind(&kept[..]).execute(c).await.map(drop))
}

/// Records when sessions were last used and when they now end.
pub(crate) async fn mark_seen(db: &Db, mut seen: Vec<([u8; 32], Timestamp, Timestamp)>) -> Result<()> {
    seen.sort_unstable();
    db.system(Queue::Claims, async move |tx| {
        let link = tx.writing();
        write_rows!(link, MARK_SEEN, &seen, |query, (hash, at, ends)| query
            .bind(&hash[..])
            .bind(at.micros())
            .bind(ends.micros()));
        Ok(())
    })
    .await
}

/// Deletes sessions and codes that have ended.
pub(crate) async fn delete_old(tx: &mut SystemTx<'_>, now: Timestamp) -> Result<()> {
    let link = tx.writing();
    for sql in [DELETE_OLD.on(link), DELETE_OLD_CODES.on(link)] {
        on!(link, c, D => sqlx::query::<D>(sql).bind(now.micros()).execute(c).await.map(drop))?;
    }
    Ok(())
}

pub(crate) async fn insert_code(
    tx: &mut Tx<'_>,
    hash: [u8; 32],
    agent: AgentId,
    at: Timestamp,
    ends: Timestamp,
) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = INSERT_CODE.on(link);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(&hash[..])
        .bind(tenant.0)
        .bind(agent.0)
        .bind(at.micros())
        .bind(ends.micros())
        .execute(c)
        .await
        .map(drop))
}

/// The tenant of a code, used or not.
pub(crate) async fn tenant_of_code(db: &Db, hash: [u8; 32]) -> Result<Option<TenantId>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = CODE_TENANT.on(link);
    let found = on!(link, c, D => sqlx::query_scalar::<D, uuid::Uuid>(sql).bind(&hash[..]).fetch_optional(c).await)?;
    Ok(found.map(TenantId))
}

/// Uses a code up and returns its agent, if the code is valid.
pub(crate) async fn take_code(tx: &mut Tx<'_>, hash: [u8; 32], at: Timestamp) -> Result<Option<AgentId>> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = TAKE_CODE.on(link);
    let found = on!(link, c, D => sqlx::query_scalar::<D, uuid::Uuid>(sql)
        .bind(&hash[..])
        .bind(tenant.0)
        .bind(at.micros())
        .fetch_optional(c)
        .await)?;
    Ok(found.map(AgentId))
}
