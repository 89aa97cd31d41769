//! One connection to a receiver, HTTP/1.1 or HTTP/2, over an open socket. It knows requests, but no endpoints.

use super::heard::{TranscribedSocket, Transcript};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
};
use hyper_util::rt::TokioIo;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// Largest response head that is parsed whole.
pub(super) const HEAD_MAX_BYTES: usize = 256 * 1024;
/// Greatest number of response headers that are parsed; of more, the first ones count.
pub(super) const HEADERS_MAX: usize = 512;
/// Longest wait until a connection can be reused.
const READY_MAX: Duration = Duration::from_millis(100);
/// HTTP/2's flow-control window for a response: no more is sent than is read of it.
const WINDOW_BYTES: u32 = 64 * 1024;

/// A request as it is sent.
pub(super) type Outgoing = Request<Full<Bytes>>;

/// An open connection.
pub(super) enum Connection {
    /// For one request at a time.
    Http1(Http1),
    /// For many requests at a time.
    Http2(Http2),
}

/// HTTP/1.1. Dropping it closes the socket, whatever is in flight.
pub(super) struct Http1 {
    sender: http1::SendRequest<Full<Bytes>>,
    /// When it was opened.
    pub born: Instant,
    heard: Transcript,
    _open: DropGuard,
}

/// HTTP/2. Dropping the last clone closes the socket.
#[derive(Clone)]
pub(super) struct Http2 {
    sender: http2::SendRequest<Full<Bytes>>,
    /// When it was opened.
    pub born: Instant,
    /// When the last request on it ended.
    pub used: Instant,
    heard: Transcript,
    open: Arc<DropGuard>,
}

/// The tasks of connections. They run until their connection is dropped, or until the worker ends and joins them.
#[derive(Clone, Default)]
pub(super) struct Tasks {
    tracker: TaskTracker,
    end: CancellationToken,
}

impl Tasks {
    fn spawn<F: Future<Output: Send> + Send + 'static>(&self, end: CancellationToken, task: F) {
        self.tracker.spawn(async move { end.run_until_cancelled(task).await.map(drop) });
    }

    /// Closes all connections and waits until they are closed.
    pub(super) async fn end(&self) {
        self.end.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl<F: Future<Output: Send> + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.spawn(self.end.clone(), task);
    }
}

impl Connection {
    /// Speaks HTTP/1.1 on a socket. Small errors in a response head are tolerated: servers and proxies make them, and
    /// the status is what counts.
    ///
    /// # Errors
    /// The HTTP library's.
    pub(super) async fn http1<T>(io: T, heard: Transcript, tasks: &Tasks) -> hyper::Result<Connection>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = http1::Builder::new();
        builder
            .max_header_size(HEAD_MAX_BYTES)
            .max_headers(HEADERS_MAX)
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .ignore_invalid_headers_in_responses(true);
        let (sender, task) = builder.handshake(TokioIo::new(TranscribedSocket::new(io, heard.clone()))).await?;
        let end = tasks.end.child_token();
        tasks.spawn(end.clone(), task);
        Ok(Connection::Http1(Http1 { sender, born: Instant::now(), heard, _open: end.drop_guard() }))
    }

    /// Speaks HTTP/2 on a socket.
    ///
    /// # Errors
    /// The HTTP library's.
    pub(super) async fn http2<T>(io: T, heard: Transcript, tasks: &Tasks) -> hyper::Result<Connection>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // The library's tasks end with this connection, not only with the worker.
        let own = Tasks { tracker: tasks.tracker.clone(), end: tasks.end.child_token() };
        let mut builder = http2::Builder::new(own.clone());
        builder
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(16 * WINDOW_BYTES)
            .max_header_list_size(HEAD_MAX_BYTES as u32);
        let (sender, task) = builder.handshake(TokioIo::new(TranscribedSocket::new(io, heard.clone()))).await?;
        own.spawn(own.end.clone(), task);
        let now = Instant::now();
        Ok(Connection::Http2(Http2 { sender, born: now, used: now, heard, open: Arc::new(own.end.drop_guard()) }))
    }

    /// Waits briefly until the connection accepts a request; one that does not is useless.
    pub(super) async fn ready(&mut self) -> bool {
        match self {
            Connection::Http1(connection) if connection.sender.is_ready() => true,
            Connection::Http1(connection) => {
                matches!(tokio::time::timeout(READY_MAX, connection.sender.ready()).await, Ok(Ok(())))
            }
            Connection::Http2(connection) => connection.is_open(),
        }
    }

    /// Sends a request. The error returns the request if none of its bytes was written.
    ///
    /// # Errors
    /// The HTTP library's.
    pub(super) async fn send(&mut self, request: Outgoing) -> Result<Response<Incoming>, TrySendError<Outgoing>> {
        match self {
            Connection::Http1(connection) => {
                connection.heard.begin();
                connection.sender.try_send_request(request).await
            }
            Connection::Http2(connection) => connection.sender.try_send_request(request).await,
        }
    }

    /// The transcript of the connection.
    pub(super) fn heard(&self) -> &Transcript {
        match self {
            Connection::Http1(connection) => &connection.heard,
            Connection::Http2(connection) => &connection.heard,
        }
    }
}

impl Http1 {
    /// Whether the receiver has not closed it, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }
}

impl Http2 {
    /// Whether the receiver has not closed it, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Whether another request uses it as well.
    pub(super) fn is_busy(&self) -> bool {
        Arc::strong_count(&self.open) > 1
    }

    /// Whether both are the same connection.
    pub(super) fn is_same(&self, other: &Http2) -> bool {
        Arc::ptr_eq(&self.open, &other.open)
    }
}
