//! What a request turned out to be: the door that took it in cannot know, and logs it. It travels with the request,
//! within one process.

use super::Rpc;
use crate::{
    id::TenantId,
    wire::{self, Origin},
};
use std::sync::{Arc, OnceLock};
use tonic::{Extensions, metadata::MetadataMap};

/// Filled in on the way by whoever knows; the door keeps a copy.
#[derive(Clone, Debug, Default)]
pub struct Called(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    rpc: OnceLock<&'static str>,
    tenant: OnceLock<TenantId>,
    request_id: OnceLock<String>,
}

impl Called {
    /// Path of the RPC; none when the request was no call.
    pub fn rpc(&self) -> Option<&'static str> {
        self.0.rpc.get().copied()
    }

    /// The tenant that the call is for. An edge in a process of its own never learns it; its core does.
    pub fn tenant(&self) -> Option<TenantId> {
        self.0.tenant.get().copied()
    }

    /// The name that an edge in another process has given to the request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.get().map(String::as_str)
    }
}

/// Notes which RPC a request calls, and for whom, where somebody wants to know.
pub(crate) fn note(
    rpc: &'static Rpc,
    tenant: impl FnOnce() -> Option<TenantId>,
    metadata: &MetadataMap,
    extensions: &Extensions,
) {
    if let Some(Called(known)) = extensions.get::<Called>() {
        // What is known already was the same.
        let _ = known.rpc.set(rpc.path);
        if let Some(tenant) = tenant() {
            let _ = known.tenant.set(tenant);
        }
        // An edge has given it a name, if it could show that it is one.
        if let (true, Some(origin)) = (metadata.contains_key(wire::ORIGIN), extensions.get::<Origin>()) {
            let _ = known.request_id.set(origin.request_id.clone());
        }
    }
}
