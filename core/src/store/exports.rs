//! What an export reads in its snapshot: the place in the log of events at which it was taken, and each table in
//! batches, by key. A batch ends early when its texts are long, so that memory does not grow with them.

use super::{
    ReadTx, Result, Scoped as _,
    agents::Agent,
    changes::Place,
    db::{
        conn::on,
        sql::{Sql, statements},
    },
    horizon::horizon,
    inboxes::{self, Inbox},
    messages::{self, Message, message_kind},
    tags::Tag,
    tickets::{self, Ticket},
};
use futures_util::{Stream, TryStreamExt as _};
use inboxops_proto::{
    clock::Timestamp,
    id::{MessageId, TenantId},
};
use std::time::Duration;
use uuid::Uuid;

/// Greatest number of rows of a batch.
pub(crate) const BATCH_MAX: i64 = 100;
/// Size of the bodies from which on no further message is added to a batch, in bytes.
const BATCH_MAX_BYTES: usize = 2 * 1024 * 1024;
/// How often a snapshot is taken again to find one that ends at a place in the log (PostgreSQL).
const TRIES_MAX: u32 = 300;
/// Pause between two of them: about the length of a commit.
const TRY_PAUSE: Duration = Duration::from_millis(10);

statements! {
    // The lock of a tenant's export, the horizon of events, and whether no event after that place is visible: then the
    // events after it are those that the snapshot does not have.
    BEGIN = Sql::each(
        "SELECT 1, 0, COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0), 1 \
         WHERE $1 IS NOT NULL AND $2 IS NOT NULL",
        concat!(
            "SELECT pg_try_advisory_xact_lock($2::bigint)::int::bigint, horizon.xact::text::bigint, 0::bigint, \
             (NOT EXISTS (SELECT 1 FROM events WHERE tenant_id = $1 AND events.xact >= horizon.xact \
             AND NOT test))::int::bigint FROM (SELECT ",
            horizon!(),
            " AS xact OFFSET 0) horizon"
        ),
    );
    // All of a tenant's are read by its index and sorted; there are few.
    INBOXES = Sql::each(
        concat!("SELECT ", inboxes::columns!(), " FROM inboxes INDEXED BY inboxes_name WHERE tenant_id = $1 \
         AND id > $2 ORDER BY id LIMIT $3"),
        concat!("SELECT ", inboxes::columns!(), " FROM (SELECT * FROM inboxes WHERE tenant_id = $1 OFFSET 0) own \
         WHERE id > $2 ORDER BY id LIMIT $3"),
    );
    AGENTS = Sql::each(
        "SELECT id, name, email, role, disabled_at, created_at FROM agents INDEXED BY agents_name \
         WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        "SELECT id, name, email, role, disabled_at, created_at \
         FROM (SELECT * FROM agents WHERE tenant_id = $1 OFFSET 0) own WHERE id > $2 ORDER BY id LIMIT $3",
    );
    TAGS = Sql::each(
        "SELECT id, name, color, created_at FROM tags INDEXED BY tags_name \
         WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        "SELECT id, name, color, created_at FROM (SELECT * FROM tags WHERE tenant_id = $1 OFFSET 0) own \
         WHERE id > $2 ORDER BY id LIMIT $3",
    );
    TICKETS = Sql::both(concat!(
        "SELECT ", tickets::columns!(), " FROM tickets WHERE tenant_id = $1 AND number > $2 ORDER BY number LIMIT $3"
    ));
    MESSAGES = Sql::both(concat!(
        "SELECT ", messages::columns!(), " FROM messages WHERE tenant_id = $1 AND (created_at, id) > ($2, $3) \
         AND kind <> ", message_kind!(internal_note), " ORDER BY created_at, id LIMIT $4"
    ));
}

/// The beginning of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// The snapshot, at this place in the log of events.
    At(Place),
    /// Another core exports this tenant.
    Elsewhere,
}

/// Takes the tenant's lock and finds the place of the snapshot in the log of events, which may be exchanged for a newer
/// one.
///
/// On PostgreSQL a reader of events stops before the oldest transaction that runs in this database. Events that were
/// committed meanwhile are in the snapshot, and after that place as well. So a snapshot is looked for that has no such
/// event of the tenant. When a transaction runs for long, there is none, and a reader gets a few events of changes that
/// it has.
pub(crate) async fn begin(tx: &mut ReadTx) -> Result<Begun> {
    let tenant = tx.tenant();
    let mut tries = 0;
    loop {
        let link = tx.link();
        let sql = BEGIN.on(link);
        let (free, xact, seq, exact) = on!(link, c, D => sqlx::query_as::<D, (i64, i64, i64, i64)>(sql)
            .bind(tenant.0)
            .bind(lock_of(tenant))
            .fetch_one(c)
            .await)?;
        if free == 0 {
            return Ok(Begun::Elsewhere);
        }
        tries += 1;
        if exact != 0 || tries == TRIES_MAX {
            return Ok(Begun::At(Place { xact, seq }));
        }
        tokio::time::sleep(TRY_PAUSE).await;
        tx.renew().await?;
    }
}

/// The number of the lock of a tenant's export, which lasts as long as its snapshot.
fn lock_of(tenant: TenantId) -> i64 {
    let (high, low) = tenant.0.as_u64_pair();
    // Other programs on the database may lock small numbers; ids are spread over all.
    (high.rotate_left(17) ^ low).cast_signed()
}

/// Inboxes after one, by id.
pub(crate) async fn inboxes(tx: &mut ReadTx, after: Uuid) -> Result<Vec<Inbox>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = INBOXES.on(link);
    on!(link, c, D =>
        sqlx::query_as::<D, Inbox>(sql).bind(tenant.0).bind(after).bind(BATCH_MAX).fetch_all(c).await)
}

/// Agents after one, by id.
pub(crate) async fn agents(tx: &mut ReadTx, after: Uuid) -> Result<Vec<Agent>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = AGENTS.on(link);
    on!(link, c, D =>
        sqlx::query_as::<D, Agent>(sql).bind(tenant.0).bind(after).bind(BATCH_MAX).fetch_all(c).await)
}

/// Tags after one, by id.
pub(crate) async fn tags(tx: &mut ReadTx, after: Uuid) -> Result<Vec<Tag>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = TAGS.on(link);
    on!(link, c, D =>
        sqlx::query_as::<D, Tag>(sql).bind(tenant.0).bind(after).bind(BATCH_MAX).fetch_all(c).await)
}

/// Tickets after a number, by number.
pub(crate) async fn tickets(tx: &mut ReadTx, after: i64) -> Result<Vec<Ticket>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = TICKETS.on(link);
    on!(link, c, D =>
        sqlx::query_as::<D, Ticket>(sql).bind(tenant.0).bind(after).bind(BATCH_MAX).fetch_all(c).await)
}

/// Messages after one, oldest first, without internal notes.
pub(crate) async fn messages(tx: &mut ReadTx, after: (Timestamp, MessageId)) -> Result<Vec<Message>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = MESSAGES.on(link);
    on!(link, c, D => fitting(
        sqlx::query_as::<D, Message>(sql)
            .bind(tenant.0)
            .bind(after.0.micros())
            .bind(after.1.0)
            .bind(BATCH_MAX)
            .fetch(c)
    )
    .await)
}

/// The first messages, up to [`BATCH_MAX_BYTES`]. What the database still has to send is discarded.
async fn fitting(mut rows: impl Stream<Item = sqlx::Result<Message>> + Unpin + Send) -> sqlx::Result<Vec<Message>> {
    let mut all = Vec::new();
    let mut size = 0;
    while let Some(message) = rows.try_next().await? {
        size += message.text.len() + message.html.len();
        all.push(message);
        if size >= BATCH_MAX_BYTES {
            break;
        }
    }
    Ok(all)
}
