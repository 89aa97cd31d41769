//! Every service of the contract as an object: behind the gate, in another process, on a tonic server and as REST
//! routes. The code is generated; its types are here. Only [`Services`] has a gate, and only [`Services`] is accepted
//! by [`routes`] and served by [`Services::grpc`], so nothing is reachable without one.

use crate::{failure::Failure, gate, reason::Reason, rest, wire};
use std::{error::Error as _, future::Future, sync::Arc, time::Duration};
use tonic::{
    Response, Status,
    metadata::{Ascii, MetadataValue},
};

/// Longest time until a service in another process answers, or begins to stream. Its gate ends a call before that, so
/// this limit is reached only if the process or the network is down.
pub const REMOTE_TIMEOUT: Duration = Duration::from_secs(12);

/// A service token as metadata.
pub type Token = MetadataValue<Ascii>;

/// The gate before a service.
struct Guard<S: ?Sized> {
    gate: Arc<dyn gate::Gate>,
    inner: Arc<S>,
}

/// A service in another process, which has the gate.
struct Remote<C> {
    client: C,
    token: Token,
}

impl<C> Remote<C> {
    fn outgoing<T>(&self, rpc: &'static gate::Rpc, mut request: tonic::Request<T>) -> tonic::Request<T> {
        gate::note(rpc, || None, request.metadata(), request.extensions());
        wire::outgoing(&mut request, &self.token);
        request
    }
}

async fn bounded<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<Response<T>, Status> {
    match tokio::time::timeout(REMOTE_TIMEOUT, call).await {
        // A status with a source was made here, for a broken connection; a status that was sent has none.
        Ok(Err(broken)) if broken.source().is_some() => {
            let mut status = Failure::new(Reason::ServiceUnavailable).status();
            status.set_source(Arc::new(broken));
            Err(status)
        }
        Ok(answer) => answer,
        Err(_) => Err(Failure::new(Reason::Timeout).status()),
    }
}

const _: () = assert!(REMOTE_TIMEOUT.as_secs() > gate::DEADLINE.as_secs(), "the gate's own answer comes first");

/// A sized object, as tonic's servers require.
struct Handle<S: ?Sized>(Arc<S>);

fn boxed<T: Send + 'static>(stream: tonic::Streaming<T>) -> gate::BoxStream<T> {
    Box::pin(stream)
}

#[allow(clippy::all)]
mod generated {
    use super::*;
    include!(concat!(env!("OUT_DIR"), "/services.rs"));
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}
pub use generated::*;
