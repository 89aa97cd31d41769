//! Loads an endpoint's route: its URL, the secrets that sign now, its custom headers, its limits.

use super::{Dispatcher, bytes, hub::Route};
use crate::{
    error::{Error, Result, chain},
    store::{
        self,
        endpoints::{Endpoint, SealedBytes},
    },
    webhooks::headers,
};
use inboxops_proto::{id::EndpointId, internal::v1 as pb};
use std::sync::Arc;

impl Dispatcher {
    /// Loads the route of an endpoint and gives it to the hub, which requested it under this serial number.
    pub(super) async fn load(self: Arc<Self>, endpoint: EndpointId, asked: u64) {
        let route = match self.route(endpoint).await {
            Ok(route) => route,
            Err(error) => {
                tracing::warn!(%endpoint, error = chain(&error), "cannot load the route of endpoint {endpoint}");
                None
            }
        };
        self.drive(|hub| hub.route(endpoint, asked, route.map(Arc::new)));
    }

    async fn route(&self, endpoint: EndpointId) -> Result<Option<Route>> {
        // Read before the endpoint's row: a change of the lane that comes between is followed by another load.
        let Some(standing) = store::lanes::standing(&self.db, endpoint).await? else { return Ok(None) };
        let now = self.stamps.now();
        let Some(mut row) = store::endpoints::load(&self.db, &[endpoint]).await?.pop() else { return Ok(None) };
        row.pass_time(now);
        let mut secrets = vec![self.open(&row, &row.secret)?];
        if let Some(other) = &row.other_secret {
            secrets.push(self.open(&row, &other.sealed)?);
        }
        let custom = headers::open(row.headers.as_ref(), (row.tenant, row.id), &self.master_key)?;
        let header = |(name, value): (String, zeroize::Zeroizing<String>)| pb::EndpointSecretHeader {
            name,
            value: value.to_string(),
        };
        Ok(Some(Route {
            valid_until: row.secrets_change_at(),
            rate_per_second: row.rate_per_second,
            enabled: !standing.paused,
            failures: standing.failures_in_row,
            behind: !standing.paused && standing.due_at.is_some_and(|at| at <= now),
            config: pb::EndpointConfig {
                endpoint_id: bytes(endpoint.0),
                version: row.version,
                url: row.url,
                secrets,
                headers: custom.into_iter().map(header).collect(),
            },
        }))
    }

    fn open(&self, endpoint: &Endpoint, sealed: &SealedBytes) -> Result<String> {
        let owner = [endpoint.tenant.0.as_bytes().as_slice(), endpoint.id.0.as_bytes()];
        let plain = self.master_key.open(&sealed.bytes, &owner)?;
        String::from_utf8(plain.to_vec()).map_err(|_| Error::Unseal)
    }
}
