//! The gRPC service for workers, with the stream that brings each its deliveries.

use super::{Dispatcher, hub::WorkerKey};
use inboxops_proto::{
    failure::Failure,
    gate::BoxStream,
    internal::v1::{self as pb, dispatch_service_server::DispatchService},
    reason::Reason,
};
use std::{
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

/// The stream of one worker. When it is dropped, the worker leaves the hub.
pub(super) struct Work {
    pub(super) batches: mpsc::Receiver<Result<pb::WorkResponse, Status>>,
    pub(super) key: WorkerKey,
    pub(super) dispatcher: Weak<Dispatcher>,
}

impl futures_util::Stream for Work {
    type Item = Result<pb::WorkResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.poll_recv(cx)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(dispatcher) = self.dispatcher.upgrade() {
            dispatcher.leave(self.key);
        }
    }
}

/// The gRPC service for workers.
pub(crate) struct Dispatch {
    dispatcher: Arc<Dispatcher>,
}

impl Dispatch {
    pub(crate) fn new(dispatcher: Arc<Dispatcher>) -> Dispatch {
        Dispatch { dispatcher }
    }
}

#[tonic::async_trait]
impl DispatchService for Dispatch {
    type WorkStream = BoxStream<pb::WorkResponse>;

    async fn work(&self, request: Request<pb::WorkRequest>) -> Result<Response<Self::WorkStream>, Status> {
        let request = request.into_inner();
        if request.window == 0 {
            return Err(Failure::new(Reason::ValidationFailed)
                .message("A worker needs a window of at least 1.")
                .status());
        }
        Ok(Response::new(Box::pin(self.dispatcher.join(&request))))
    }

    async fn report(&self, request: Request<pb::ReportRequest>) -> Result<Response<pb::ReportResponse>, Status> {
        Ok(Response::new(self.dispatcher.report(request.into_inner()).await?))
    }
}
