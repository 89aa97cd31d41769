//! Rows of `inboxes`.

use super::{
    Db, Result, Scoped, Tx,
    by_name::{self, NamedPage, after_name},
    db::{
        conn::on,
        row::{codes, from_row},
        sql::{Sql, statements},
    },
    fold,
    tickets::Channel,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{InboxId, TenantId},
};
use uuid::Uuid;

codes! {
    /// State of an inbox in the API.
    InboxState {
        /// It works.
        Active = 1 "active",
        /// Disabled; it takes no new tickets.
        Disabled = 2 "disabled",
        /// It fails.
        Error = 3 "error",
    }
}

/// The error of an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InboxError {
    /// Short name of the error.
    pub(crate) code: String,
    /// A sentence for a person.
    pub(crate) message: String,
    /// When it began to fail.
    pub(crate) since: Timestamp,
}

/// An inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inbox {
    pub(crate) id: InboxId,
    pub(crate) name: String,
    pub(crate) email_address: Option<String>,
    /// Channel of its messages.
    pub(crate) channel: Channel,
    /// Whether it takes new tickets.
    pub(crate) enabled: bool,
    pub(crate) error: Option<InboxError>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Inbox {
    /// Its state: a disabled inbox is disabled even if it fails.
    pub(crate) fn state(&self) -> InboxState {
        state_of(self.enabled, self.error.is_some())
    }
}

fn state_of(enabled: bool, fails: bool) -> InboxState {
    match (enabled, fails) {
        (false, _) => InboxState::Disabled,
        (true, true) => InboxState::Error,
        (true, false) => InboxState::Active,
    }
}

from_row!(Inbox in "inboxes", row => Ok(Inbox {
    id: InboxId(row.get("id")?),
    name: row.get("name")?,
    email_address: row.get("email_address")?,
    channel: row.code("channel")?,
    enabled: row.get("enabled")?,
    error: match (row.get("error_code")?, row.get("error_message")?, row.opt_time("error_since")?) {
        (Some(code), Some(message), Some(since)) => Some(InboxError { code, message, since }),
        _ => None,
    },
    created_at: row.time("created_at")?,
    updated_at: row.time("updated_at")?,
}));

macro_rules! columns {
    () => {
        "id, name, email_address, channel, enabled, error_code, error_message, error_since, created_at, updated_at"
    };
}
pub(super) use columns;

statements! {
    INSERT = Sql::both(
        "INSERT INTO inboxes (id, tenant_id, name, name_folded, email_address, email_folded, channel, enabled, \
         error_code, error_message, error_since, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    );
    UPDATE = Sql::both(
        "UPDATE inboxes SET name = $3, name_folded = $4, email_address = $5, email_folded = $6, channel = $7, \
         enabled = $8, error_code = $9, error_message = $10, error_since = $11, updated_at = $12 \
         WHERE id = $1 AND tenant_id = $2",
    );
    STATE = Sql::both("SELECT enabled, error_code FROM inboxes WHERE id = $1 AND tenant_id = $2");
    GET = Sql::both(concat!("SELECT ", columns!(), " FROM inboxes WHERE id = $1 AND tenant_id = $2"));
    LOCK = Sql::each(
        concat!("SELECT ", columns!(), " FROM inboxes WHERE id = $1 AND tenant_id = $2"),
        concat!("SELECT ", columns!(), " FROM inboxes WHERE id = $1 AND tenant_id = $2 FOR UPDATE"),
    );
    LIST = Sql::both(concat!(
        "SELECT ", columns!(), " FROM inboxes WHERE tenant_id = $1 ORDER BY name_folded, id LIMIT $2 OFFSET $3"
    ));
    LIST_AFTER = Sql::both(concat!(
        "SELECT ", columns!(), " FROM inboxes WHERE tenant_id = $1 AND ", after_name!("inboxes"),
        " ORDER BY name_folded, id LIMIT $5"
    ));
    // Earlier releases let several inboxes share an address; the oldest gets its mail.
    BY_ADDRESS = Sql::both(concat!(
        "SELECT ", columns!(), " FROM inboxes WHERE tenant_id = $1 AND email_folded = $2 ORDER BY id LIMIT 1"
    ));
    COUNT = Sql::both("SELECT COUNT(*) FROM inboxes WHERE tenant_id = $1");
    OWNER = Sql::both("SELECT tenant_id FROM inboxes WHERE id = $1");
    // Reads all inboxes by the index of names; no other statement reads those of all tenants.
    SHARED = Sql::both(
        "SELECT tenant_id, email_folded, id FROM (SELECT tenant_id, email_folded, id, \
         COUNT(*) OVER (PARTITION BY tenant_id, email_folded) AS sharers \
         FROM inboxes WHERE tenant_id >= $1 AND email_folded IS NOT NULL) AS addressed \
         WHERE sharers > 1 ORDER BY tenant_id, email_folded, id LIMIT $2",
    );
}

pub(crate) async fn insert(tx: &mut Tx<'_>, inbox: &Inbox) -> Result<()> {
    let tenant = tx.tenant();
    tx.writing.lookups.inboxes.clear();
    let link = tx.writing();
    let sql = INSERT.on(link);
    let error = inbox.error.as_ref();
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(inbox.id.0)
        .bind(tenant.0)
        .bind(&inbox.name)
        .bind(fold(&inbox.name))
        .bind(&inbox.email_address)
        .bind(inbox.email_address.as_deref().map(fold))
        .bind(inbox.channel.code())
        .bind(inbox.enabled)
        .bind(error.map(|error| &error.code))
        .bind(error.map(|error| &error.message))
        .bind(error.map(|error| error.since.micros()))
        .bind(inbox.created_at.micros())
        .bind(inbox.updated_at.micros())
        .execute(c)
        .await
        .map(drop))
}

pub(crate) async fn update(tx: &mut Tx<'_>, inbox: &Inbox) -> Result<()> {
    let tenant = tx.tenant();
    tx.writing.lookups.inboxes.clear();
    let link = tx.writing();
    let sql = UPDATE.on(link);
    let error = inbox.error.as_ref();
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(inbox.id.0)
        .bind(tenant.0)
        .bind(&inbox.name)
        .bind(fold(&inbox.name))
        .bind(&inbox.email_address)
        .bind(inbox.email_address.as_deref().map(fold))
        .bind(inbox.channel.code())
        .bind(inbox.enabled)
        .bind(error.map(|error| &error.code))
        .bind(error.map(|error| &error.message))
        .bind(error.map(|error| error.since.micros()))
        .bind(inbox.updated_at.micros())
        .execute(c)
        .await
        .map(drop))
}

/// The state of an inbox, looked up once for each group.
pub(crate) async fn state(tx: &mut Tx<'_>, id: InboxId) -> Result<Option<InboxState>> {
    let key = (tx.tenant(), id);
    if let Some(known) = tx.writing.lookups.inboxes.get(&key) {
        return Ok(*known);
    }
    let link = tx.link();
    let sql = STATE.on(link);
    let row = on!(link, c, D => sqlx::query_as::<D, (bool, Option<String>)>(sql)
        .bind(id.0)
        .bind(key.0.0)
        .fetch_optional(c)
        .await)?;
    let state = row.map(|(enabled, error)| state_of(enabled, error.is_some()));
    tx.writing.lookups.inboxes.insert(key, state);
    Ok(state)
}

pub(crate) async fn get(tx: &mut impl Scoped, id: InboxId) -> Result<Option<Inbox>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = GET.on(link);
    on!(link, c, D => sqlx::query_as::<D, Inbox>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
}

/// The inbox with this mail address, ignoring letter case.
pub(crate) async fn by_address(tx: &mut impl Scoped, address: &str) -> Result<Option<Inbox>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = BY_ADDRESS.on(link);
    on!(link, c, D =>
        sqlx::query_as::<D, Inbox>(sql).bind(tenant.0).bind(fold(address)).fetch_optional(c).await)
}

/// Another inbox of the tenant with the address, ignoring letter case. The caller must hold the tenant's lock, so that
/// no other core gives the address away meanwhile.
pub(crate) async fn taken(tx: &mut Tx<'_>, address: &str, than: InboxId) -> Result<Option<Inbox>> {
    Ok(by_address(tx, address).await?.filter(|other| other.id != than))
}

/// Whether two addresses are equal, ignoring letter case.
pub(crate) fn same_address(one: Option<&str>, other: Option<&str>) -> bool {
    one.map(fold) == other.map(fold)
}

/// The tenant of an inbox, for the operator, who may name an inbox without its tenant.
pub(crate) async fn owner(db: &Db, id: InboxId) -> Result<Option<TenantId>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = OWNER.on(link);
    let owner = on!(link, c, D => sqlx::query_scalar::<D, Uuid>(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(owner.map(TenantId))
}

/// An address that several inboxes of a tenant share, as earlier releases allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SharedAddress {
    pub(crate) tenant: TenantId,
    /// The address, folded.
    pub(crate) address: String,
    /// The inboxes; the first one gets the mails that name the address alone.
    pub(crate) inboxes: Vec<InboxId>,
}

/// Addresses that several inboxes of a tenant share; at most `most` inboxes are returned.
pub(crate) async fn shared_addresses(db: &Db, most: i64) -> Result<Vec<SharedAddress>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = SHARED.on(link);
    let rows = on!(link, c, D =>
        sqlx::query_as::<D, (Uuid, String, Uuid)>(sql).bind(Uuid::nil()).bind(most).fetch_all(c).await)?;
    let mut shared: Vec<SharedAddress> = Vec::new();
    for (tenant, address, id) in rows {
        match shared.last_mut().filter(|last| last.tenant.0 == tenant && last.address == address) {
            Some(last) => last.inboxes.push(InboxId(id)),
            None => shared.push(SharedAddress { tenant: TenantId(tenant), address, inboxes: vec![InboxId(id)] }),
        }
    }
    Ok(shared)
}

/// Locks the inbox until the end of the transaction.
pub(crate) async fn lock(tx: &mut Tx<'_>, id: InboxId) -> Result<Option<Inbox>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = LOCK.on(link);
    on!(link, c, D => sqlx::query_as::<D, Inbox>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
}

/// A page of inboxes by name.
pub(crate) async fn list(tx: &mut impl Scoped, page: NamedPage<'_>) -> Result<Vec<Inbox>> {
    by_name::page(tx, LIST, LIST_AFTER, page).await
}

/// How many inboxes the tenant has.
pub(crate) async fn count(tx: &mut impl Scoped) -> Result<i64> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = COUNT.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(tenant.0).fetch_one(c).await)
}
