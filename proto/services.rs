//! Every service of the contract as an object: behind the gate, in another process, on a tonic server and as REST
//! routes. The code is generated; here are the types that it is written in. Only [`Services`] has a gate, and only
//! [`Services`] is taken by [`routes`] and served by [`Services::grpc`], so nothing is reachable without one.

use crate::{gate, rest, wire};
use std::sync::Arc;
use tonic::metadata::{Ascii, MetadataValue};

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
    fn outgoing<T>(&self, mut request: tonic::Request<T>) -> tonic::Request<T> {
        wire::outgoing(&mut request, &self.token);
        request
    }
}

/// An object as tonic's servers want it: with a size.
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
