//! The numbers of lanes, counted anew after cores of an earlier release moved deliveries without them (PostgreSQL, where
//! several releases may run at a time). Whoever moves a delivery tells its lane in the same transaction, so a lane that is
//! held has no other numbers than those of what is committed.

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

/// Under this name the database keeps that the lanes are to be counted.
const NAME: &str = "recount";

statements! {
    COUNT = Sql::both(concat!(
        "UPDATE lanes SET \
         untried = (SELECT COUNT(*) FROM deliveries WHERE endpoint_id = $1 AND ", class!(untried), "), \
         tried = (SELECT COUNT(*) FROM deliveries WHERE endpoint_id = $1 AND ", class!(tried), ") \
         WHERE endpoint_id = $1"
    ));
}

/// What is to be done about the numbers now.
pub(crate) async fn look(db: &Db, now: Timestamp) -> Result<RecountStep> {
    let mut reader = db.lookup().await?;
    earlier::look(reader.link(), NAME, now).await
}

/// Notes that the lanes are to be counted.
pub(crate) async fn note(tx: &mut SystemTx<'_>) -> Result<()> {
    earlier::note(tx, NAME).await
}

/// Counts what waits at an endpoint.
pub(crate) async fn count(tx: &mut SystemTx<'_>, endpoint: EndpointId) -> Result<()> {
    let link = tx.writing();
    lanes::hold(link, endpoint).await?;
    let sql = COUNT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(endpoint.0).execute(c).await.map(drop))
}

/// Notes that all are counted.
pub(crate) async fn done(tx: &mut SystemTx<'_>) -> Result<()> {
    earlier::done(tx, NAME).await
}
