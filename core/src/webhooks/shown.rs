//! An endpoint as its tenant sees it. It writes nothing.

use super::{failing, headers};
use crate::{
    error::Result,
    secrets::MasterKey,
    store::{backlog::Backlog, deliveries::State, endpoints::Endpoint, health::Health},
};
use inboxops_proto::{
    clock::Timestamp,
    v1::{self, DeliveryStatus, EndpointStatus},
};
use std::time::Duration;

/// What the view of endpoints at one moment depends on.
pub(crate) struct EndpointView {
    /// Whether the tenant may use webhooks.
    pub(crate) entitled: bool,
    pub(crate) now: Timestamp,
    /// An endpoint is behind when its oldest due delivery has waited this long.
    pub(crate) behind_after: Duration,
    /// The key that opens the names of custom headers.
    pub(crate) master_key: MasterKey,
}

impl EndpointView {
    /// The endpoint with its health and its backlog.
    pub(crate) fn of(
        &self,
        endpoint: &Endpoint,
        health: Option<&Health>,
        backlog: Option<&Backlog>,
    ) -> Result<v1::WebhookEndpoint> {
        let mut endpoint = endpoint.clone();
        endpoint.pass_time(self.now);
        let custom = headers::open(endpoint.headers.as_ref(), (endpoint.tenant, endpoint.id), &self.master_key)?;
        Ok(v1::WebhookEndpoint {
            id: endpoint.id.to_string(),
            status: self.status(&endpoint, health) as i32,
            rotation: endpoint.rotation(),
            failing: health.and_then(|health| failing::shown(health, self.now)),
            url: endpoint.url,
            description: endpoint.description,
            events: endpoint.events,
            enabled: endpoint.enabled,
            inbox_ids: endpoint.inboxes.iter().map(ToString::to_string).collect(),
            rate_per_second: endpoint.rate_per_second,
            payload: if endpoint.thin { v1::EndpointPayload::Thin } else { v1::EndpointPayload::Full } as i32,
            headers: custom.into_iter().map(|(name, _)| v1::EndpointHeader { name }).collect(),
            disabled_reason: endpoint.disabled_reason,
            secret: None,
            secret_hint: endpoint.secret_hint,
            last_delivery: last_delivery(health),
            backlog: Some(backlog.map(|backlog| self.backlog(backlog)).unwrap_or_default()),
            created_at: Some(endpoint.created_at.into()),
            updated_at: Some(endpoint.updated_at.into()),
        })
    }

    fn backlog(&self, backlog: &Backlog) -> v1::EndpointBacklog {
        let behind = backlog.behind(self.now);
        v1::EndpointBacklog {
            waiting: u32::try_from(backlog.waiting).unwrap_or(u32::MAX),
            oldest_at: backlog.oldest_at.map(Into::into),
            behind_seconds: u32::try_from(behind.as_secs()).unwrap_or(u32::MAX),
            behind: behind >= self.behind_after,
        }
    }

    fn status(&self, endpoint: &Endpoint, health: Option<&Health>) -> EndpointStatus {
        match (self.entitled, endpoint.enabled, &endpoint.disabled_reason) {
            (false, ..) => EndpointStatus::NotEntitled,
            (true, _, Some(_)) => EndpointStatus::Disabled,
            (true, false, None) => EndpointStatus::Paused,
            (true, true, _) if health.is_some_and(|health| health.failures_in_row > 0) => EndpointStatus::Failing,
            (true, true, _) => EndpointStatus::Active,
        }
    }
}

fn last_delivery(health: Option<&Health>) -> Option<v1::LastDelivery> {
    let last = health.and_then(|health| health.last.as_ref())?;
    Some(v1::LastDelivery {
        id: last.delivery.to_string(),
        // It was tried, so a waiting delivery waits for a retry.
        status: match last.state {
            State::Waiting | State::Leased => DeliveryStatus::Retrying,
            State::Delivered => DeliveryStatus::Delivered,
            State::Failed => DeliveryStatus::Failed,
            State::Stopped => DeliveryStatus::Canceled,
        } as i32,
        response_status: last.response_status.map(u32::from),
        at: Some(last.at.into()),
    })
}
