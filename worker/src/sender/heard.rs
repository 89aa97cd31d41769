//! Records what a receiver sent on a connection, beside the HTTP library: whether a byte arrived since the request
//! began, the first bytes of the response, and the alert that ended TLS. A library that rejects a response keeps none
//! of this. It knows no endpoint.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Greatest number of a response's first bytes that are kept until it is parsed.
pub(super) const KEPT_MAX_BYTES: usize = 16 * 1024;

/// The transcript of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Transcript(Arc<Mutex<TranscriptState>>);

#[derive(Debug, Default)]
struct TranscriptState {
    /// The first bytes since the last request began.
    first: Vec<u8>,
    /// Whether the bytes are kept, or only noticed.
    keeps: bool,
    tls: Option<rustls::Error>,
    /// Whether the receiver asked for a client certificate.
    asked: bool,
}

/// A response as far as it could be parsed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EarlyAnswer {
    pub status: StatusCode,
    /// The lines that are valid headers.
    pub headers: HeaderMap,
    /// The received part of the body.
    pub body: Vec<u8>,
}

impl Transcript {
    /// An empty transcript; `asked` says whether the receiver asked for a client certificate in the handshake.
    pub(super) fn after_handshake(asked: bool) -> Transcript {
        Transcript(Arc::new(Mutex::new(TranscriptState { asked, ..TranscriptState::default() })))
    }

    /// A request begins whose response comes next, as in HTTP/1: its first bytes are kept.
    pub(super) fn begin(&self) {
        let mut said = self.lock();
        said.first.clear();
        said.keeps = true;
    }

    /// Whether no byte has arrived since the request began.
    pub(super) fn is_silent(&self) -> bool {
        self.lock().first.is_empty()
    }

    /// The error that ended TLS, if there was one, and whether a client certificate had been asked for.
    pub(super) fn tls(&self) -> Option<(rustls::Error, bool)> {
        let said = self.lock();
        said.tls.clone().map(|error| (error, said.asked))
    }

    /// The response, if its first line is complete.
    pub(super) fn answer(&self) -> Option<EarlyAnswer> {
        told(&self.lock().first)
    }

    fn lock(&self) -> MutexGuard<'_, TranscriptState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket that records what it reads. After a failed write the error is taken from the next read: what the receiver
/// sent before it closed (an early response, a TLS alert) can still be read, and says more.
pub(super) struct TranscribedSocket<T> {
    io: T,
    heard: Transcript,
    deaf: bool,
}

impl<T> TranscribedSocket<T> {
    /// Records what `io` reads.
    pub(super) fn new(io: T, heard: Transcript) -> TranscribedSocket<T> {
        TranscribedSocket { io, heard, deaf: false }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for TranscribedSocket<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        match &read {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => {
                let came = &buf.filled()[before..];
                let mut said = self.heard.lock();
                let most = if said.keeps { KEPT_MAX_BYTES } else { 1 };
                let room = most.saturating_sub(said.first.len());
                said.first.extend_from_slice(&came[..came.len().min(room)]);
            }
            Poll::Ready(Err(error)) => {
                if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                    self.heard.lock().tls = Some(error.clone());
                }
            }
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for TranscribedSocket<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.deaf {
            return Poll::Ready(Ok(buf.len()));
        }
        let wrote = Pin::new(&mut self.io).poll_write(cx, buf);
        self.told_by_the_read(wrote, buf.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = bufs.iter().map(|buf| buf.len()).sum();
        if self.deaf {
            return Poll::Ready(Ok(all));
        }
        let wrote = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.told_by_the_read(wrote, all)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.deaf {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.told_by_the_read(flushed, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<T> TranscribedSocket<T> {
    fn told_by_the_read<R>(&mut self, done: Poll<io::Result<R>>, as_if: R) -> Poll<io::Result<R>> {
        match done {
            Poll::Ready(Err(_)) => {
                self.deaf = true;
                Poll::Ready(Ok(as_if))
            }
            done => done,
        }
    }
}

/// Parses a response that a strict parser rejected, line by line: the status counts, whatever follows it. Interim
/// responses are skipped.
fn told(mut bytes: &[u8]) -> Option<EarlyAnswer> {
    loop {
        while let [b'\r' | b'\n', rest @ ..] = bytes {
            bytes = rest;
        }
        let (first, mut rest) = line(bytes)?;
        let status = status(first)?;
        let mut headers = HeaderMap::new();
        let whole = loop {
            let Some((next, after)) = line(rest) else { break false };
            rest = after;
            if next.is_empty() {
                break true;
            }
            if let Some((name, value)) = header(next) {
                headers.append(name, value);
            }
        };
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            let body = if whole { rest.to_vec() } else { Vec::new() };
            return Some(EarlyAnswer { status, headers, body });
        }
        if !whole {
            return None;
        }
        bytes = rest;
    }
}

/// The first line without its line end, and the rest; `None` if it is incomplete.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..]))
}

/// The status of `HTTP/1.1 200 OK`, whatever the reason phrase is.
fn status(line: &[u8]) -> Option<StatusCode> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let [b'0'..=b'9', b' ' | b'\t', rest @ ..] = rest else { return None };
    let rest = rest.trim_ascii_start();
    let (code, after) = rest.split_at_checked(3)?;
    let ends = after.first().is_none_or(|byte| !byte.is_ascii_alphanumeric());
    StatusCode::from_bytes(code).ok().filter(|_| ends)
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = HeaderName::from_bytes(line[..colon].trim_ascii_end()).ok()?;
    Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &str) -> Option<(u16, Vec<String>, String)> {
        told(bytes.as_bytes()).map(|told| {
            let headers = told.headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap_or("?")));
            (told.status.as_u16(), headers.collect(), String::from_utf8(told.body).unwrap())
        })
    }

    #[test]
    fn an_answer_is_its_status_whatever_follows() {
        for (bytes, status, headers, body) in [
            ("HTTP/1.1 200 OK\r\nA : b\r\nno colon\r\nx\u{1}: y\r\n\r\nhi", 200, vec!["a=b"], "hi"),
            ("HTTP/1.1 200 OK\r\n", 200, vec![], ""),
            ("HTTP/1.1 200 OK\r\na: b\r\nhalf", 200, vec!["a=b"], ""),
            ("HTTP/1.0 204\n\n", 204, vec![], ""),
            ("\r\nHTTP/1.1  201  Made\r\n\r\n", 201, vec![], ""),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nretry-after: 9\r\n\r\nx",
                503,
                vec!["retry-after=9"],
                "x",
            ),
            ("HTTP/1.1 200 \u{0}\r\n\r\n", 200, vec![], ""),
            ("HTTP/1.1 410 Gone\r\na: b\u{0}\r\n\r\n", 410, vec![], ""),
            ("HTTP/1.1 101 Switching\r\n\r\n", 101, vec![], ""),
        ] {
            let headers = headers.into_iter().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(read(bytes), Some((status, headers, body.to_owned())), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for bytes in [
            "",
            "HTTP/1.1 200 OK",
            "HTTP/1.1 20\r\n",
            "HTTP/1.1 2000 OK\r\n",
            "HTTP/1.1 OK\r\n",
            "HTTP/2 200\r\n",
            "SSH-2.0-x 200 OK\r\n",
            "HTTP/1.1 100 Continue\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
        ] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_comes_brings_it_down(bytes: Vec<u8>, cut in 0usize..40) {
            let _ = told(&bytes);
            let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
            answer.extend_from_slice(&bytes);
            prop_assert!(told(&answer).is_some_and(|told| told.status == 200));
            let _ = told(&answer[..answer.len().min(cut)]);
        }
    }
}
