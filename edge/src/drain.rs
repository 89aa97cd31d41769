//! Ends streams at shutdown: a single response ends by itself, a stream may never. Once the drain has begun, an idle
//! stream ends; a gRPC stream with UNAVAILABLE, which makes its client reconnect elsewhere.

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, header::CONTENT_TYPE};
use http_body::{Frame, SizeHint};
use inboxops_proto::{failure::Failure, reason::Reason, rest};
use std::{
    convert::Infallible,
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tower::Service;

/// A router of gRPC services whose streams end at shutdown.
#[derive(Clone)]
pub(crate) struct DrainedRouter {
    router: axum::Router,
    drain: CancellationToken,
}

impl DrainedRouter {
    pub(crate) fn new(router: axum::Router, drain: CancellationToken) -> DrainedRouter {
        DrainedRouter { router, drain }
    }
}

impl Service<Request<tonic::body::Body>> for DrainedRouter {
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<tonic::body::Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let answer = self.router.call(request);
        let drain = self.drain.clone();
        Box::pin(async move {
            let response = answer.await?;
            Ok(response.map(|body| tonic::body::Body::new(DrainedBody::new(body, drain, true))))
        })
    }
}

/// A response that ends at shutdown if it streams.
pub(crate) fn ending(response: Response<Body>, drain: &CancellationToken) -> Response<Body> {
    let kind = response.headers().get(CONTENT_TYPE);
    if kind.is_some_and(|kind| kind == rest::stream::EVENT_STREAM || kind == rest::lines::LINES) {
        return response.map(|body| Body::new(DrainedBody::new(body, drain.clone(), false)));
    }
    response
}

struct DrainedBody {
    body: Body,
    drain: CancellationToken,
    /// Whether the end is signalled in trailers.
    grpc: bool,
    /// Created when the body is first idle; the body of a single response never is.
    drained: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    ended: bool,
}

impl DrainedBody {
    fn new(body: Body, drain: CancellationToken, grpc: bool) -> DrainedBody {
        DrainedBody { body, drain, grpc, drained: None, ended: false }
    }
}

impl http_body::Body for DrainedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        let drain = self.drain.clone();
        let drained = self.drained.get_or_insert_with(|| Box::pin(drain.cancelled_owned()));
        if drained.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.ended = true;
        if !self.grpc {
            return Poll::Ready(None);
        }
        let status = Failure::new(Reason::ServiceUnavailable).status();
        let trailers = status.into_http::<()>().into_parts().0.headers;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
