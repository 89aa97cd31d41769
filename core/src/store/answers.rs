//! Rows of `answers`: the answers to writes with an idempotency key. They are written at the end of a group.

use super::{
    Db, Result, SystemTx, TenantScope, Tx,
    db::{
        conn::{Link, on},
        group::Writing,
        row::from_row,
        sql::{Rows, Sql, Type, read_rows, row_statements, statements, write_rows},
    },
};
use inboxops_proto::{clock::Timestamp, failure::Failure, id::TenantId, reason::Reason};
use uuid::Uuid;

/// Greatest number of rows that are read at once.
pub(crate) const BATCH_MAX: i64 = 256;

/// A stored answer.
pub(crate) struct Answer {
    /// The idempotency key.
    pub(crate) key: String,
    /// Distinguishes the request from others with this key.
    pub(crate) fingerprint: [u8; 32],
    /// The encoded message, sealed or not.
    pub(crate) message: Vec<u8>,
    /// Version of the master key that sealed it; `None` if it is not sealed.
    pub(crate) sealed_with: Option<i16>,
    /// When the write was made.
    pub(crate) at: Timestamp,
}

/// A sealed answer of any tenant.
pub(crate) struct SealedAnswer {
    pub(crate) tenant: TenantId,
    /// The idempotency key.
    pub(crate) key: String,
    pub(crate) message: Vec<u8>,
}

from_row!(SealedAnswer in "answers", row => Ok(SealedAnswer {
    tenant: TenantId(row.get("tenant_id")?),
    key: row.get("key")?,
    message: row.get("answer")?,
}));

statements! {
    SEALED = Sql::both(
        "SELECT tenant_id, key, answer FROM answers WHERE answer_key IS NOT NULL AND (tenant_id, key) > ($1, $2) \
         ORDER BY tenant_id, key LIMIT $3",
    );
    RESEAL = Sql::both("UPDATE answers SET answer = $3, answer_key = $4 WHERE tenant_id = $1 AND key = $2");
}

row_statements! {
    FIND = Rows {
        head: "WITH asked (owner, name) AS (VALUES",
        row: &[Type::Uuid, Type::Text],
        tail: ") SELECT tenant_id, key, fingerprint, answer, answer_key, created_at FROM asked \
               JOIN answers ON tenant_id = owner AND key = name",
        // One lookup for each key: PostgreSQL reads a small young table as a whole for a join, and keeps that plan when
        // the table has grown.
        tail_pg: Some(
            ") SELECT found.* FROM asked, LATERAL (\
               SELECT tenant_id, key, fingerprint, answer, answer_key, created_at FROM answers \
               WHERE tenant_id = owner AND key = name OFFSET 0) found",
        ),
    };
    // An answer that is too old is ignored and overwritten, whether or not it was deleted yet.
    INSERT = Rows {
        head: "INSERT INTO answers (tenant_id, key, fingerprint, answer, answer_key, created_at) VALUES",
        row: &[Type::Uuid, Type::Text, Type::Bytes, Type::Bytes, Type::Small, Type::Big],
        tail: "ON CONFLICT (tenant_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, answer = excluded.answer, \
               answer_key = excluded.answer_key, created_at = excluded.created_at \
               WHERE answers.created_at < excluded.created_at - 86400000000",
        tail_pg: None,
    };
}

/// The answer to a tenant's write with this key.
pub(crate) async fn find(db: &Db, scope: &TenantScope, key: &str) -> Result<Option<Answer>> {
    let found = named(db.lookup().await?.link(), &[(scope.tenant(), key.to_owned())]).await?;
    Ok(found.into_iter().next().map(|TenantAnswer(_, answer)| answer))
}

/// The answer to an earlier write with this key, which was looked up when the group began.
pub(crate) fn before<'a>(tx: &'a Tx<'_>, key: &str) -> Option<&'a Answer> {
    tx.writing.lookups.answers.get(&tx.tenant())?.get(key)
}

struct TenantAnswer(TenantId, Answer);

from_row!(TenantAnswer in "answers", row => {
    let fingerprint = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).map_err(|_| "a fingerprint has 32 bytes");
    let answer = Answer {
        key: row.get("key")?,
        fingerprint: row.parsed("fingerprint", fingerprint)?,
        message: row.get("answer")?,
        sealed_with: row.get("answer_key")?,
        at: row.time("created_at")?,
    };
    Ok(TenantAnswer(TenantId(row.get("tenant_id")?), answer))
});

async fn named(link: &mut Link, names: &[(TenantId, String)]) -> Result<Vec<TenantAnswer>> {
    Ok(read_rows!(link, FIND, names, TenantAnswer, |query, (tenant, key)| query.bind(tenant.0).bind(key)))
}

/// Adds the answer of this write; it is stored if the write is.
pub(crate) fn keep(tx: &mut Tx<'_>, answer: Answer) {
    let tenant = tx.tenant();
    tx.writing.job.answers.push((tenant, answer));
}

/// The refusal of a write whose first run is still under way elsewhere.
pub(crate) fn in_progress() -> Failure {
    Failure::new(Reason::IdempotencyInProgress).retry_after(1)
}

impl Writing {
    /// Looks up the answers to earlier writes with these keys, for [`before`].
    pub(super) async fn look_for_answers(&mut self, names: &[(TenantId, String)]) -> Result<()> {
        for TenantAnswer(tenant, answer) in named(&mut self.link, names).await? {
            self.lookups.answers.entry(tenant).or_default().insert(answer.key.clone(), answer);
        }
        Ok(())
    }

    /// Writes the answers of the group. If one exists already, its write was made by another core, or by this one for a
    /// caller that did not wait: then the group fails, and each of its writes runs alone.
    pub(super) async fn flush_answers(&mut self) -> Result<()> {
        let mut all = std::mem::take(&mut self.group.answers);
        // In one order on every core.
        all.sort_unstable_by(|(one, a), (other, b)| (one, &a.key).cmp(&(other, &b.key)));
        let written = write_rows!(&mut self.link, INSERT, &all, |query, (tenant, answer)| query
            .bind(tenant.0)
            .bind(&answer.key)
            .bind(&answer.fingerprint[..])
            .bind(&answer.message)
            .bind(answer.sealed_with)
            .bind(answer.at.micros()));
        if written < all.len() as u64 { Err(in_progress().into()) } else { Ok(()) }
    }
}

/// Sealed answers of all tenants after one, at most [`BATCH_MAX`].
pub(crate) async fn sealed_after(
    tx: &mut SystemTx<'_>,
    after: Option<(TenantId, String)>,
) -> Result<Vec<SealedAnswer>> {
    let link = tx.reading();
    let sql = SEALED.on(link);
    let (tenant, key) = after.map_or((Uuid::nil(), String::new()), |(tenant, key)| (tenant.0, key));
    on!(link, c, D =>
        sqlx::query_as::<D, SealedAnswer>(sql).bind(tenant).bind(key).bind(BATCH_MAX).fetch_all(c).await)
}

/// Updates the seal of an answer.
pub(crate) async fn reseal(tx: &mut SystemTx<'_>, sealed: &SealedAnswer, with: i16) -> Result<()> {
    let link = tx.writing();
    let sql = RESEAL.on(link);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(sealed.tenant.0)
        .bind(&sealed.key)
        .bind(&sealed.message)
        .bind(with)
        .execute(c)
        .await
        .map(drop))
}
