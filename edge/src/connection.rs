//! One connection: detects its HTTP version within a time limit, and serves it until it ends or shutdown drains it.
//! `hyper_util`'s automatic builder waits for the first bytes without a limit, so the detection is done here.

use crate::{
    Door, HEADER_BLOCK_MAX_BYTES, HEADER_LIST_READ_MAX_BYTES, INTERNAL_STREAMS_MAX, STREAMS_MAX, listener::Surface,
};
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use std::{
    future::Future,
    io,
    net::IpAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// First bytes of an HTTP/2 connection (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How often an HTTP/2 peer is pinged, and how long it may take to answer.
const PING_EVERY: Duration = Duration::from_secs(20);

/// What a connection shares with its listener.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) door: Arc<Door>,
    pub(crate) surface: Surface,
    pub(crate) metrics: bool,
    pub(crate) tasks: TaskTracker,
    /// Finish running requests and accept no more.
    pub(crate) drain: CancellationToken,
    /// Close at once.
    pub(crate) cut: CancellationToken,
}

/// Serves a stream, with or without TLS.
pub(crate) async fn serve<S>(stream: S, tls: Option<Arc<ServerConfig>>, peer: Option<IpAddr>, around: Surroundings)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let within = around.door.settings().header_read_timeout;
    let Some(config) = tls else {
        if let Ok(Ok((stream, http2))) = tokio::time::timeout(within, greet(stream)).await {
            speak(stream, http2, peer, around).await;
        }
        return;
    };
    let handshake = async {
        let stream = tokio_rustls::TlsAcceptor::from(config).accept(stream).await?;
        let agreed = stream.get_ref().1.alpn_protocol().map(|name| name == b"h2");
        // A client without ALPN may know that HTTP/2 is spoken here: some proxies are told so.
        let (stream, prefaced) = if agreed.is_none() { greet(stream).await? } else { PrefacedStream::unread(stream) };
        Ok::<_, io::Error>((stream, agreed.unwrap_or(prefaced)))
    };
    match tokio::time::timeout(within, handshake).await {
        Ok(Ok((stream, http2))) => speak(stream, http2, peer, around).await,
        Ok(Err(error)) => tracing::debug!(?peer, %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(?peer, "a TLS handshake took too long"),
    }
}

async fn speak<S>(stream: S, http2: bool, peer: Option<IpAddr>, around: Surroundings)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Surroundings { door, surface, metrics, tasks, drain, cut } = around;
    let header_read_timeout = door.settings().header_read_timeout;
    let streams_max = match surface {
        Surface::Public { .. } | Surface::Probes => STREAMS_MAX,
        Surface::Internal | Surface::Local => INTERNAL_STREAMS_MAX,
    };
    let service = service_fn(move |request| {
        let door = door.clone();
        async move { door.answer((surface, metrics), peer, request).await }
    });
    let io = TokioIo::new(stream);
    // The two connection types have no trait in common.
    macro_rules! drive {
        ($connection:expr) => {{
            let mut connection = pin!($connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => Some(ended),
                () = drain.cancelled() => None,
            };
            match ended {
                Some(ended) => ended,
                None => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        ended = connection => ended,
                        () = cut.cancelled() => Ok(()),
                    }
                }
            }
        }};
    }
    let ended = if http2 {
        drive!(
            http2::Builder::new(TaskExecutor(tasks))
                .timer(TokioTimer::new())
                .max_concurrent_streams(streams_max)
                .max_header_list_size(HEADER_LIST_READ_MAX_BYTES)
                .keep_alive_interval(PING_EVERY)
                .keep_alive_timeout(PING_EVERY)
                .serve_connection(io, service)
        )
    } else {
        drive!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(header_read_timeout)
                .max_buf_size(HEADER_BLOCK_MAX_BYTES)
                .serve_connection(io, service)
        )
    };
    if let Err(error) = ended {
        // A peer that hangs up is normal.
        tracing::debug!(?peer, %error, "a connection ended with an error");
    }
}

/// Reads until it is clear whether the HTTP/2 preface arrives; the server reads these bytes again.
async fn greet<S: AsyncRead + Unpin>(mut stream: S) -> io::Result<(PrefacedStream<S>, bool)> {
    let mut read = [0; PREFACE.len()];
    let mut filled = 0;
    while filled < read.len() && read[..filled] == PREFACE[..filled] {
        match stream.read(&mut read[filled..]).await? {
            0 => break,
            n => filled += n,
        }
    }
    Ok((PrefacedStream { read, filled, given: 0, stream }, read == *PREFACE))
}

/// A stream that replays the first bytes.
struct PrefacedStream<S> {
    read: [u8; PREFACE.len()],
    filled: usize,
    given: usize,
    stream: S,
}

impl<S> PrefacedStream<S> {
    /// A stream of which nothing was read, and so no preface.
    fn unread(stream: S) -> (PrefacedStream<S>, bool) {
        (PrefacedStream { read: [0; PREFACE.len()], filled: 0, given: 0, stream }, false)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PrefacedStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.given < this.filled {
            let left = &this.read[this.given..this.filled];
            let n = left.len().min(into.remaining());
            into.put_slice(&left[..n]);
            this.given += n;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PrefacedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Runs the streams of an HTTP/2 connection as tasks that the listener waits for.
#[derive(Clone)]
struct TaskExecutor(TaskTracker);

impl<F> hyper::rt::Executor<F> for TaskExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
