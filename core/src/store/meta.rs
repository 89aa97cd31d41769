//! Rows of `meta`: a few values of the installation by name.

use super::{
    Db, Result, SystemTx,
    db::{
        conn::on,
        sql::{Sql, statements},
    },
};

statements! {
    GET = Sql::both("SELECT value FROM meta WHERE key = $1");
    // Waits for a change that is under way.
    HOLD = Sql::each(
        "SELECT value FROM meta WHERE key = $1",
        "SELECT value FROM meta WHERE key = $1 FOR SHARE",
    );
    LOCK = Sql::each(
        "SELECT value FROM meta WHERE key = $1",
        "SELECT value FROM meta WHERE key = $1 FOR UPDATE",
    );
    INSERT = Sql::both("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING");
    PUT = Sql::both(
        "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    );
}

pub(crate) async fn get(db: &Db, key: &str) -> Result<Option<String>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = GET.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, String>(sql).bind(key).fetch_optional(c).await)
}

/// The value of this name: the existing one, or `value`.
pub(crate) async fn get_or_insert(tx: &mut SystemTx<'_>, key: &str, value: &str) -> Result<String> {
    let link = tx.writing();
    let insert = INSERT.on(link);
    let get = HOLD.on(link);
    on!(link, c, D => sqlx::query::<D>(insert).bind(key).bind(value).execute(c).await.map(drop))?;
    on!(link, c, D => sqlx::query_scalar::<D, String>(get).bind(key).fetch_one(c).await)
}

/// Locks the value of this name until the end of the transaction.
pub(crate) async fn lock(tx: &mut SystemTx<'_>, key: &str) -> Result<Option<String>> {
    let link = tx.writing();
    let sql = LOCK.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, String>(sql).bind(key).fetch_optional(c).await)
}

pub(crate) async fn put(tx: &mut SystemTx<'_>, key: &str, value: &str) -> Result<()> {
    let link = tx.writing();
    let sql = PUT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(key).bind(value).execute(c).await.map(drop))
}
