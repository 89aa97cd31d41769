//! Recounts lanes after cores of an earlier release moved deliveries without updating them (PostgreSQL, where several
//! releases may run at the same time). Every move updates its lane in the same transaction, so the numbers of a locked
//! lane are those of the committed deliveries.

pub(crate) use super::earlier::RecountStep;

use super::{
    Db, Result, SystemTx,
    db::{
        conn::on,
        sql::{Sql, statements},
    },
    deliveries::walk::class,
    earlier, lanes,
};
use inboxops_proto::{clock::Timestamp, id::EndpointId};

/// The name under which the database records that lanes must be recounted.
const NAME: &str = "recount";

statements! {
    COUNT = Sql::both(concat!(
        "UPDATE lanes SET \
         untried = (SELECT COUNT(*) FROM deliveries WHERE endpoint_id = $1 AND ", class!(untried), "), \
         tried = (SELECT COUNT(*) FROM deliveries WHERE endpoint_id = $1 AND ", class!(tried), ") \
         WHERE endpoint_id = $1"
    ));
}

/// The next step of the recount.
pub(crate) async fn look(db: &Db, now: Timestamp) -> Result<RecountStep> {
    let mut reader = db.lookup().await?;
    earlier::look(reader.link(), NAME, now).await
}

/// Records that the lanes must be recounted.
pub(crate) async fn note(tx: &mut SystemTx<'_>) -> Result<()> {
    earlier::note(tx, NAME).await
}

/// Recounts the waiting deliveries of an endpoint.
pub(crate) async fn count(tx: &mut SystemTx<'_>, endpoint: EndpointId) -> Result<()> {
    let link = tx.writing();
    lanes::hold(link, endpoint).await?;
    let sql = COUNT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(endpoint.0).execute(c).await.map(drop))
}

/// Records that all have been recounted.
pub(crate) async fn done(tx: &mut SystemTx<'_>) -> Result<()> {
    earlier::done(tx, NAME).await
}
