//! The contract: messages, services, the gate before them, their JSON and REST routes, and the catalogue of reasons.
//! Everything is generated from the protos beside this file, except the code that generated code calls.

pub mod address;
pub mod clock;
pub mod cookie;
pub mod custom_header;
pub mod documents;
pub mod entity_tag;
pub mod failpoint;
pub mod failure;
mod failure_code;
pub mod gate;
pub mod id;
pub mod json;
pub mod limits;
pub mod mcp;
pub mod metrics;
pub mod reason;
pub mod rest;
pub mod trace;
pub mod transport;
pub mod wire;

pub use failure_code::FailureCode;

/// Messages and services of `inboxops.v1`, the public API.
#[allow(clippy::all)]
pub mod v1 {
    tonic::include_proto!("inboxops.v1");
}

/// The browser UI's API.
pub mod admin {
    /// Messages and services of `inboxops.admin.v1`.
    #[allow(clippy::all)]
    pub mod v1 {
        tonic::include_proto!("inboxops.admin.v1");
    }
}

/// The API for trusted programs of the operator.
pub mod internal {
    /// Messages and services of `inboxops.internal.v1`.
    #[allow(clippy::all)]
    pub mod v1 {
        tonic::include_proto!("inboxops.internal.v1");
    }
}

pub mod services;

/// Code for the messages of all packages: names of enum values, field tables, field rules.
#[allow(clippy::all)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/json_enums.rs"));
    include!(concat!(env!("OUT_DIR"), "/shapes.rs"));
    include!(concat!(env!("OUT_DIR"), "/checks.rs"));
}

/// The encoded `FileDescriptorSet` of the contract, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The OpenAPI 3.1 document of the REST API, as JSON text.
pub const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));
