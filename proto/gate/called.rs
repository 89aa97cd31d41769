//! The RPC, the tenant and the client of a request, for the door's log, and its route, for the door's span: the door does
//! not know them all when it accepts the request. The value travels with the request, within one process.

use super::Rpc;
use crate::{
    id::TenantId,
    wire::{self, Origin},
};
use axum::extract::MatchedPath;
use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};
use tonic::{Extensions, metadata::MetadataMap};

/// Filled in by the gate; the door keeps a copy.
#[derive(Clone, Debug, Default)]
pub struct Called(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    rpc: OnceLock<&'static str>,
    tenant: OnceLock<TenantId>,
    request_id: OnceLock<String>,
    client: OnceLock<IpAddr>,
    route: OnceLock<MatchedPath>,
}

impl Called {
    /// Path of the RPC; `None` if the request was no call.
    pub fn rpc(&self) -> Option<&'static str> {
        self.0.rpc.get().copied()
    }

    /// The tenant of the call. An edge in another process never learns it; its core does.
    pub fn tenant(&self) -> Option<TenantId> {
        self.0.tenant.get().copied()
    }

    /// The request id that an edge in another process has given.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.get().map(String::as_str)
    }

    /// The REST route of the request, for its span.
    pub fn route(&self) -> Option<&str> {
        self.0.route.get().map(MatchedPath::as_str)
    }

    /// Records the REST route.
    pub(crate) fn at(&self, extensions: &Extensions) {
        if let Some(route) = extensions.get::<MatchedPath>() {
            // A value that is already set is the same.
            let _ = self.0.route.set(route.clone());
        }
    }

    /// The client's address as an edge in another process has seen it.
    pub fn client(&self) -> Option<IpAddr> {
        self.0.client.get().copied()
    }
}

/// Records the RPC and the tenant of a request, if the door asked for them.
pub(crate) fn note(
    rpc: &'static Rpc,
    tenant: impl FnOnce() -> Option<TenantId>,
    metadata: &MetadataMap,
    extensions: &Extensions,
) {
    if let Some(Called(known)) = extensions.get::<Called>() {
        // A value that is already set is the same.
        let _ = known.rpc.set(rpc.path);
        if let Some(tenant) = tenant() {
            let _ = known.tenant.set(tenant);
        }
        // An edge has given it an id, if the call proved to come from one.
        if let (true, Some(origin)) = (metadata.contains_key(wire::ORIGIN), extensions.get::<Origin>()) {
            let _ = known.request_id.set(origin.request_id.clone());
            if let Some(peer) = origin.peer {
                let _ = known.client.set(peer);
            }
        }
    }
}
