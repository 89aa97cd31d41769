//! How calls reach a core in another process: over one channel, or by an object that chooses a channel for each call.
//! It opens no connection.

use futures_util::future::BoxFuture;
use std::{
    sync::Arc,
    task::{Context, Poll},
};
use tonic::{body::Body, codegen::Service, transport::Channel};

/// Why a call got no answer.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The answer to a call.
pub type Answer = Result<http::Response<Body>, BoxError>;

/// Sends each call to a core that it chooses.
pub trait Chooser: Send + Sync {
    /// Sends one call.
    fn call(self: Arc<Self>, request: http::Request<Body>) -> BoxFuture<'static, Answer>;
}

/// The way of calls to a core in another process.
#[derive(Clone)]
pub enum Transport {
    /// Over one channel.
    Channel(Channel),
    /// Over one of several.
    Chosen(Arc<dyn Chooser>),
}

impl From<Channel> for Transport {
    fn from(channel: Channel) -> Transport {
        Transport::Channel(channel)
    }
}

impl Service<http::Request<Body>> for Transport {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Answer>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Transport::Channel(channel) => {
                <Channel as Service<http::Request<Body>>>::poll_ready(channel, cx).map_err(BoxError::from)
            }
            Transport::Chosen(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: http::Request<Body>) -> BoxFuture<'static, Answer> {
        match self {
            Transport::Channel(channel) => {
                let answer = <Channel as Service<http::Request<Body>>>::call(channel, request);
                Box::pin(async move { answer.await.map_err(BoxError::from) })
            }
            Transport::Chosen(chooser) => chooser.clone().call(request),
        }
    }
}
