//! Finds the tenant of a resource that the operator names by its id alone.

use super::Tenants;
use crate::{error::Result, store};
use inboxops_proto::{
    id::{DeliveryId, EndpointId},
    internal::v1 as pb,
    reason::Reason,
};

impl Tenants {
    pub(super) async fn find_owner(&self, request: pb::FindOwnerRequest) -> Result<pb::FindOwnerResponse> {
        let owner = if request.endpoint_id.is_empty() {
            let id: DeliveryId = request.delivery_id.parse().map_err(|_| Reason::DeliveryNotFound)?;
            store::owners::of_delivery(&self.db, id).await?.ok_or(Reason::DeliveryNotFound)?
        } else {
            let id: EndpointId = request.endpoint_id.parse().map_err(|_| Reason::EndpointNotFound)?;
            store::owners::of_endpoint(&self.db, id).await?.ok_or(Reason::EndpointNotFound)?
        };
        Ok(pb::FindOwnerResponse { tenant_id: owner.to_string() })
    }
}
