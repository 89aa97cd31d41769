//! Maintains the index of subjects: packs new tickets into blocks, builds the lists of full segments, applies changes.
//! Each step is one transaction that locks the tenant's row of `subject_index`, so that several cores may do it.

use super::{
    BLOCK, BLOCKS, CHANGE, Progress, fold,
    lists::{self, SEGMENT},
    text,
};
use crate::store::{
    Db, Result, Scoped as _, Tx,
    db::{
        conn::on,
        row::from_row,
        sql::{Rows, Sql, Type, row_statements, statements, write_rows},
    },
    tickets::Ticket,
};
use inboxops_proto::id::{TenantId, TicketId};
use uuid::Uuid;

/// Greatest number of changes that one step applies.
const CHANGES_MAX: i64 = 64;
/// Greatest number of lists that one transaction writes, so that a writer waits no longer than for a group of other
/// writes.
pub(crate) const LISTS_MAX: usize = 512;

statements! {
    LAG = Sql::both(
        "SELECT t.id FROM tenants t LEFT JOIN subject_index i ON i.tenant_id = t.id \
         WHERE t.id > $1 AND (t.last_ticket_number >= (COALESCE(i.blocks, 0) + 1) * 1024 \
         OR i.blocks >= (i.segments + 1) * 16 OR EXISTS (SELECT 1 FROM subject_changes c WHERE c.tenant_id = t.id))",
    );
    BEGIN = Sql::both(
        "INSERT INTO subject_index (tenant_id, blocks, segments, revision) VALUES ($1, 0, 0, 0) \
         ON CONFLICT (tenant_id) DO NOTHING",
    );
    HOLD = Sql::each(
        "SELECT blocks, segments, revision FROM subject_index WHERE tenant_id = $1",
        "SELECT blocks, segments, revision FROM subject_index WHERE tenant_id = $1 FOR UPDATE",
    );
    ADVANCE = Sql::both(
        "UPDATE subject_index SET blocks = $2, segments = $3, revision = $4 WHERE tenant_id = $1",
    );
    LAST_NUMBER = Sql::both("SELECT last_ticket_number FROM tenants WHERE id = $1");
    SUBJECTS = Sql::both(
        "SELECT id, number, subject, subject_folded FROM tickets WHERE tenant_id = $1 AND number > $2 AND number <= $3 \
         ORDER BY number",
    );
    SUBJECT = Sql::both("SELECT subject FROM tickets WHERE tenant_id = $1 AND number = $2");
    REFOLD = Sql::both("UPDATE tickets SET subject_folded = $3 WHERE id = $1 AND subject = $2");
    PUT_BLOCK = Sql::both(
        "INSERT INTO subject_blocks (tenant_id, block, body) VALUES ($1, $2, $3) \
         ON CONFLICT (tenant_id, block) DO UPDATE SET body = excluded.body",
    );
    GET_BLOCK = Sql::both("SELECT body FROM subject_blocks WHERE tenant_id = $1 AND block = $2");
    CHANGES = Sql::both("SELECT number, version FROM subject_changes WHERE tenant_id = $1 ORDER BY number LIMIT $2");
    FOLLOWED = Sql::both("DELETE FROM subject_changes WHERE tenant_id = $1 AND number = $2 AND version = $3");
    GET_LIST = Sql::both("SELECT places FROM subject_lists WHERE tenant_id = $1 AND segment = $2 AND list = $3");
}

row_statements! {
    PUT_LISTS = Rows {
        head: "INSERT INTO subject_lists (tenant_id, segment, list, places) VALUES",
        row: &[Type::Uuid, Type::Big, Type::Small, Type::Bytes],
        tail: "ON CONFLICT (tenant_id, segment, list) DO UPDATE SET places = excluded.places",
        tail_pg: None,
    };
}

/// A ticket to be packed.
struct Row {
    id: TicketId,
    number: i64,
    subject: String,
    folded: String,
}

from_row!(Row in "tickets", row => Ok(Row {
    id: TicketId(row.get("id")?),
    number: row.get("number")?,
    subject: row.get("subject")?,
    folded: row.get("subject_folded")?,
}));

/// Tenants with changes that the index can apply.
pub(crate) async fn lag(db: &Db) -> Result<Vec<TenantId>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = LAG.on(link);
    let ids = on!(link, c, D => sqlx::query_scalar::<D, Uuid>(sql).bind(Uuid::nil()).fetch_all(c).await)?;
    Ok(ids.into_iter().map(TenantId).collect())
}

/// Records a changed subject for the index, if necessary; returns whether it was.
pub(in crate::store) async fn note(tx: &mut Tx<'_>, old: &Ticket, new: &Ticket) -> Result<bool> {
    if old.subject == new.subject || fold(&old.subject) == fold(&new.subject) {
        return Ok(false);
    }
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = CHANGE.text(1, link.is_pg());
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(tenant.0)
        .bind(i64::from(new.number))
        .bind(i64::from(new.version))
        .execute(c)
        .await
        .map(drop))?;
    Ok(true)
}

async fn hold(tx: &mut Tx<'_>) -> Result<Progress> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let begin = BEGIN.on(link);
    let hold = HOLD.on(link);
    on!(link, c, D => sqlx::query::<D>(begin).bind(tenant.0).execute(c).await.map(drop))?;
    on!(link, c, D => sqlx::query_as::<D, Progress>(hold).bind(tenant.0).fetch_one(c).await)
}

async fn advance(tx: &mut Tx<'_>, to: Progress) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = ADVANCE.on(link);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(tenant.0)
        .bind(to.blocks)
        .bind(to.segments)
        .bind(to.revision)
        .execute(c)
        .await
        .map(drop))
}

/// Packs the next block of new tickets, if it is full; returns whether it was. Subjects folded by an earlier release
/// are folded again.
pub(crate) async fn pack(tx: &mut Tx<'_>) -> Result<bool> {
    let progress = hold(tx).await?;
    let tenant = tx.tenant();
    let first = progress.last();
    let last = first + i64::from(BLOCK);
    let link = tx.link();
    let number = LAST_NUMBER.on(link);
    let subjects = SUBJECTS.on(link);
    let given = on!(link, c, D => sqlx::query_scalar::<D, i64>(number).bind(tenant.0).fetch_optional(c).await)?;
    if given.unwrap_or_default() < last {
        return Ok(false);
    }
    let rows = on!(link, c, D =>
        sqlx::query_as::<D, Row>(subjects).bind(tenant.0).bind(first).bind(last).fetch_all(c).await)?;
    let mut folded = vec![String::new(); BLOCK as usize];
    for row in &rows {
        let today = refold(tx, row).await?;
        if let Some(place) = usize::try_from(row.number - first - 1).ok().and_then(|place| folded.get_mut(place)) {
            *place = today;
        }
    }
    put_block(tx, progress.blocks, text::pack(folded.iter().map(String::as_str))).await?;
    advance(tx, Progress { blocks: progress.blocks + 1, ..progress }).await?;
    Ok(true)
}

/// Folds again the tickets that do not fill a block yet.
pub(crate) async fn refold_rest(tx: &mut Tx<'_>) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.link();
    let number = LAST_NUMBER.on(link);
    let subjects = SUBJECTS.on(link);
    let last = on!(link, c, D => sqlx::query_scalar::<D, i64>(number).bind(tenant.0).fetch_optional(c).await)?;
    let last = last.unwrap_or_default();
    let first = last - last % i64::from(BLOCK);
    let rows = on!(link, c, D =>
        sqlx::query_as::<D, Row>(subjects).bind(tenant.0).bind(first).bind(last).fetch_all(c).await)?;
    for row in &rows {
        refold(tx, row).await?;
    }
    Ok(())
}

async fn refold(tx: &mut Tx<'_>, row: &Row) -> Result<String> {
    let folded = fold(&row.subject);
    if folded != row.folded {
        let link = tx.writing();
        let sql = REFOLD.on(link);
        on!(link, c, D =>
            sqlx::query::<D>(sql).bind(row.id.0).bind(&row.subject).bind(&folded).execute(c).await.map(drop))?;
    }
    Ok(folded)
}

async fn put_block(tx: &mut Tx<'_>, block: i64, body: Vec<u8>) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = PUT_BLOCK.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(tenant.0).bind(block).bind(body).execute(c).await.map(drop))
}

/// A full segment without lists.
#[derive(Debug)]
pub(crate) struct FullSegment {
    segment: i64,
    revision: i64,
    texts: Vec<u8>,
}

/// The next full segment of a tenant.
pub(crate) async fn full(db: &Db, tenant: TenantId) -> Result<Option<FullSegment>> {
    let mut reader = db.snapshot().await?;
    let link = reader.link();
    let sql = super::PROGRESS.on(link);
    let progress = on!(link, c, D => sqlx::query_as::<D, Progress>(sql).bind(tenant.0).fetch_optional(c).await)?
        .unwrap_or_default();
    let first = progress.segments * i64::from(BLOCKS);
    if progress.blocks < first + i64::from(BLOCKS) {
        return Ok(None);
    }
    let mut texts = Vec::new();
    super::texts(link, tenant, first..first + i64::from(BLOCKS), |_, body| texts.extend_from_slice(body)).await?;
    Ok(Some(FullSegment { segment: progress.segments, revision: progress.revision, texts }))
}

impl FullSegment {
    /// Its lists. This takes about 30 ms of processor time.
    pub(crate) fn lists(&self) -> Vec<(i16, Vec<u8>)> {
        let subjects = text::subjects(&self.texts).take(SEGMENT);
        // Only folded subjects are ever packed.
        lists::build(subjects.map(|subject| std::str::from_utf8(subject).unwrap_or_default()))
    }
}

/// Writes some lists of a segment; the `last` ones complete it. Returns whether the segment still needed them.
pub(crate) async fn seal(tx: &mut Tx<'_>, full: &FullSegment, lists: &[(i16, Vec<u8>)], last: bool) -> Result<bool> {
    let progress = hold(tx).await?;
    if (progress.segments, progress.revision) != (full.segment, full.revision) {
        return Ok(false);
    }
    put_lists(tx, full.segment, lists).await?;
    if last {
        advance(tx, Progress { segments: progress.segments + 1, ..progress }).await?;
    }
    Ok(true)
}

async fn put_lists(tx: &mut Tx<'_>, segment: i64, lists: &[(i16, Vec<u8>)]) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    write_rows!(link, PUT_LISTS, lists, |query, (list, places)| query
        .bind(tenant.0)
        .bind(segment)
        .bind(*list)
        .bind(&places[..]));
    Ok(())
}

/// Applies some changes; returns whether there may be more.
pub(crate) async fn changes(tx: &mut Tx<'_>) -> Result<bool> {
    let progress = hold(tx).await?;
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = CHANGES.on(link);
    let changes = on!(link, c, D =>
        sqlx::query_as::<D, (i64, i64)>(sql).bind(tenant.0).bind(CHANGES_MAX).fetch_all(c).await)?;
    let mut moved = false;
    for (number, version) in &changes {
        // Tickets that are not packed yet will be packed in their new form.
        if *number <= progress.last() {
            carry(tx, progress, *number).await?;
            moved |= *number > progress.segments * SEGMENT as i64;
        }
        let link = tx.writing();
        let sql = FOLLOWED.on(link);
        on!(link, c, D =>
            sqlx::query::<D>(sql).bind(tenant.0).bind(*number).bind(*version).execute(c).await.map(drop))?;
    }
    // Lists that are being built come from texts that are now outdated.
    if moved {
        advance(tx, Progress { revision: progress.revision + 1, ..progress }).await?;
    }
    Ok(i64::try_from(changes.len()).is_ok_and(|count| count == CHANGES_MAX))
}

async fn carry(tx: &mut Tx<'_>, progress: Progress, number: i64) -> Result<()> {
    let tenant = tx.tenant();
    let at = number - 1;
    let block = at / i64::from(BLOCK);
    let segment = at / i64::from(BLOCK * BLOCKS);
    let link = tx.link();
    let subject = SUBJECT.on(link);
    let body = GET_BLOCK.on(link);
    let subject = on!(link, c, D =>
        sqlx::query_scalar::<D, String>(subject).bind(tenant.0).bind(number).fetch_optional(c).await)?;
    let body = on!(link, c, D =>
        sqlx::query_scalar::<D, Vec<u8>>(body).bind(tenant.0).bind(block).fetch_optional(c).await)?;
    let (Some(subject), Some(body)) = (subject.map(|it| fold(&it)), body) else { return Ok(()) };
    let place = usize::try_from(at % i64::from(BLOCK)).unwrap_or_default();
    put_block(tx, block, text::replace(&body, place, &subject)).await?;
    if segment < progress.segments {
        let place = u16::try_from(at % i64::from(BLOCK * BLOCKS)).unwrap_or_default();
        add_to_lists(tx, segment, place, &subject).await?;
    }
    Ok(())
}

/// The ticket stays in the lists of its old subject: lists may name too many tickets.
async fn add_to_lists(tx: &mut Tx<'_>, segment: i64, place: u16, subject: &str) -> Result<()> {
    let tenant = tx.tenant();
    let mut grown = Vec::new();
    for list in lists::lists_of(subject) {
        let link = tx.link();
        let sql = GET_LIST.on(link);
        let places = on!(link, c, D => sqlx::query_scalar::<D, Vec<u8>>(sql)
            .bind(tenant.0)
            .bind(segment)
            .bind(list)
            .fetch_optional(c)
            .await)?;
        grown.extend(lists::with(&places.unwrap_or_default(), place).map(|places| (list, places)));
    }
    put_lists(tx, segment, &grown).await
}
