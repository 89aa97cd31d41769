//! The tenants of rows that the operator names by their id alone. It reads nothing else of them.

use super::{
    Db, Result,
    db::{
        conn::on,
        sql::{Sql, statements},
    },
};
use inboxops_proto::id::{DeliveryId, EndpointId, TenantId};
use uuid::Uuid;

statements! {
    OF_ENDPOINT = Sql::both("SELECT tenant_id FROM endpoints WHERE id = $1 AND deleted_at IS NULL");
    OF_DELIVERY = Sql::both("SELECT tenant_id FROM deliveries WHERE id = $1");
}

/// The tenant of an endpoint that is not deleted.
pub(crate) async fn of_endpoint(db: &Db, id: EndpointId) -> Result<Option<TenantId>> {
    find(db, OF_ENDPOINT, id.0).await
}

/// The tenant of a delivery.
pub(crate) async fn of_delivery(db: &Db, id: DeliveryId) -> Result<Option<TenantId>> {
    find(db, OF_DELIVERY, id.0).await
}

async fn find(db: &Db, statement: Sql, id: Uuid) -> Result<Option<TenantId>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = statement.on(link);
    let owner = on!(link, c, D => sqlx::query_scalar::<D, Uuid>(sql).bind(id).fetch_optional(c).await)?;
    Ok(owner.map(TenantId))
}
