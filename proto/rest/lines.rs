//! Server streams as lines of JSON (`application/x-ndjson`), one for each message. What fails after the answer has
//! begun ends it, so its messages must tell a reader whether it is whole. It knows no message.

use super::Context;
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderName, HeaderValue, header};
use serde::Serialize;
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context as Task, Poll},
};
use tonic::metadata::MetadataMap;

use crate::{failure::Failure, gate::BoxStream, wire};

/// The media type.
pub const LINES: &str = "application/x-ndjson";
/// Size from which on no further line is added to a frame.
const FRAME_MAX_BYTES: usize = 32 * 1024;
/// Makes a proxy pass each line on at once.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

impl Context {
    /// The response of a call that is answered in lines.
    pub fn lines<T: Serialize + Send + 'static>(&self, metadata: &MetadataMap, messages: BoxStream<T>) -> Response {
        let frames = Frames { request_id: self.request_id.clone(), messages, over: false };
        let mut answer = Response::new(Body::from_stream(frames));
        wire::response_headers(metadata, answer.headers_mut());
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(LINES));
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer.headers_mut().extend([UNBUFFERED]);
        answer
    }
}

/// The lines of a stream's messages. Those that are ready at the same time form one frame.
struct Frames<T> {
    request_id: String,
    messages: BoxStream<T>,
    over: bool,
}

impl<T: Serialize> Frames<T> {
    /// Adds the line of a message; false at the end of the stream.
    fn add(&self, message: Option<Result<T, tonic::Status>>, text: &mut Vec<u8>) -> bool {
        let request_id = &self.request_id;
        match message {
            Some(Ok(message)) => {
                let before = text.len();
                match serde_json::to_writer(&mut *text, &message) {
                    Ok(()) => {
                        text.push(b'\n');
                        true
                    }
                    Err(error) => {
                        text.truncate(before);
                        tracing::error!(request_id, %error, "a line of request {request_id} has no JSON form");
                        false
                    }
                }
            }
            Some(Err(status)) => {
                let reason = Failure::of(&status).reason;
                tracing::debug!(request_id, reason = reason.rest_code(), "lines broke off: request {request_id}");
                false
            }
            None => false,
        }
    }
}

impl<T: Serialize> Stream for Frames<T> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut text = Vec::new();
        while !this.over && text.len() < FRAME_MAX_BYTES {
            match this.messages.as_mut().poll_next(task) {
                Poll::Ready(message) => this.over = !this.add(message, &mut text),
                Poll::Pending if text.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready((!text.is_empty()).then(|| Ok(Bytes::from(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;
    use futures_util::{FutureExt as _, StreamExt as _, stream};

    #[derive(Serialize)]
    struct Line {
        n: u32,
        text: String,
    }

    fn line(n: u32, text: &str) -> Result<Line, tonic::Status> {
        Ok(Line { n, text: text.to_owned() })
    }

    #[test]
    fn lines_that_are_ready_together_are_one_frame_and_a_failure_ends_them() {
        let mut waited = false;
        let pause = stream::poll_fn(move |task| {
            task.waker().wake_by_ref();
            if std::mem::replace(&mut waited, true) { Poll::Ready(None) } else { Poll::Pending }
        });
        let long = "x".repeat(FRAME_MAX_BYTES);
        let end = Err(Failure::new(Reason::ServiceUnavailable).status());
        let later = [line(3, &long), line(4, "a\nb"), end, line(5, "never")];
        let messages = stream::iter([line(1, "a"), line(2, "b")]).chain(pause).chain(stream::iter(later));
        let mut frames = Frames { request_id: String::new(), messages: Box::pin(messages), over: false };
        let mut next = || frames.next().now_or_never().map(|it| it.map(|it| it.expect("it does not fail")));
        assert_eq!(next(), Some(Some(Bytes::from("{\"n\":1,\"text\":\"a\"}\n{\"n\":2,\"text\":\"b\"}\n"))));
        assert_eq!(
            next(),
            Some(Some(Bytes::from(format!("{{\"n\":3,\"text\":\"{long}\"}}\n")))),
            "as much as a frame holds"
        );
        assert_eq!(next(), Some(Some(Bytes::from("{\"n\":4,\"text\":\"a\\nb\"}\n"))), "a line has no line break");
        assert_eq!((next(), next()), (Some(None), Some(None)));
    }
}
