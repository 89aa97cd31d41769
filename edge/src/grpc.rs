//! The gRPC half of the door: the contract's services, health and reflection, also reachable by grpc-web.

use crate::{Error, Result, drain::DrainedRouter};
use prost::Message as _;
use std::{collections::HashSet, sync::Arc};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::{ServingStatus, server::HealthReporter};
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::Layer as _;

/// The router of all gRPC services, for gRPC and grpc-web.
pub(crate) type Router = GrpcWebService<DrainedRouter>;

/// The gRPC health service and the names of the services that it covers.
#[derive(Clone)]
pub(crate) struct Health {
    reporter: HealthReporter,
    services: Arc<[String]>,
}

/// Adds health and reflection to the contract's services.
pub(crate) fn router(services: Routes, descriptors: &[u8], drain: CancellationToken) -> Result<(Router, Health)> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(descriptors)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = services
        .add_service(health)
        .add_service(reflection().build_v1().map_err(Error::Reflection)?)
        // Many clients still use the previous version.
        .add_service(reflection().build_v1alpha().map_err(Error::Reflection)?)
        .prepare();
    let health = Health { reporter, services: names(descriptors).into() };
    Ok((GrpcWebLayer::new().layer(DrainedRouter::new(routes.into_axum_router(), drain)), health))
}

/// Paths of all methods, for requests that are no calls.
pub(crate) fn paths(descriptors: &[u8]) -> HashSet<String> {
    use tonic_reflection::pb::{v1, v1alpha};
    let beside = [tonic_health::pb::FILE_DESCRIPTOR_SET, v1::FILE_DESCRIPTOR_SET, v1alpha::FILE_DESCRIPTOR_SET];
    let mut paths = HashSet::new();
    for bytes in std::iter::once(descriptors).chain(beside) {
        let set = prost_types::FileDescriptorSet::decode(bytes).unwrap_or_default();
        for file in &set.file {
            for service in &file.service {
                let of_method = |method: &prost_types::MethodDescriptorProto| {
                    format!("/{}.{}/{}", file.package(), service.name(), method.name())
                };
                paths.extend(service.method.iter().map(of_method));
            }
        }
    }
    paths
}

/// Full names of the services, and the empty name, which means the whole server.
fn names(descriptors: &[u8]) -> Vec<String> {
    let set = prost_types::FileDescriptorSet::decode(descriptors).unwrap_or_default();
    let of_file = |file: &prost_types::FileDescriptorProto| {
        let package = file.package().to_owned();
        file.service.iter().map(move |service| format!("{package}.{}", service.name())).collect::<Vec<_>>()
    };
    std::iter::once(String::new()).chain(set.file.iter().flat_map(of_file)).collect()
}

impl Health {
    /// Informs every watcher whether the services can answer.
    pub(crate) async fn set(&self, ready: bool) {
        let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in &*self.services {
            self.reporter.set_service_status(service, status).await;
        }
    }
}
