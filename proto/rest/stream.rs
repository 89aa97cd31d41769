//! Server streams as server-sent events (WHATWG HTML, 9.2): one event a message, its cursor as the id, so that a client
//! that comes again says where it was.

use super::Context;
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tonic::metadata::MetadataMap;

use crate::{failure::Failure, gate::BoxStream, wire};

/// The media type.
pub const EVENT_STREAM: &str = "text/event-stream";
/// Where a client says which event it had last.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells a proxy in between to pass on each event at once.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// What a message of a stream is as a server-sent event.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its type.
    pub event: &'a str,
    /// Its data; without any it is a comment, which moves the id on.
    pub data: &'a str,
}

/// Whether a request wants a stream and not a list.
pub fn wanted(method: &Method, headers: &HeaderMap) -> bool {
    let accepts = |value: &HeaderValue| {
        let kinds =
            value.to_str().unwrap_or_default().split(',').map(|kind| kind.split(';').next().unwrap_or_default());
        kinds.into_iter().any(|kind| kind.trim().eq_ignore_ascii_case(EVENT_STREAM))
    };
    *method == Method::GET && headers.get_all(header::ACCEPT).iter().any(accepts)
}

/// Puts the last event's id where the request says where to go on; it is newer than what the URL says.
pub fn resume(headers: &HeaderMap, after: &mut Option<String>) {
    let last = headers.get(LAST_EVENT_ID).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    if let Some(last) = last.filter(|last| !last.is_empty()) {
        *after = Some(last);
    }
}

impl Context {
    /// The answer to a call that streams.
    pub fn stream<T: Send + 'static>(
        &self,
        metadata: &MetadataMap,
        messages: BoxStream<T>,
        event: fn(&T) -> Event<'_>,
    ) -> Response {
        let request_id = self.request_id.clone();
        // A failure ends the stream: the client comes again, and is then told by a status.
        let frames = messages.map(move |message| -> Result<Bytes, std::convert::Infallible> {
            Ok(match message {
                Ok(message) => frame(event(&message)),
                Err(status) => {
                    let reason = Failure::of(&status).reason;
                    tracing::debug!(request_id, reason = reason.rest_code(), "a stream of events ended");
                    Bytes::from(format!(": ended: {}\n\n", reason.rest_code()))
                }
            })
        });
        let mut answer = Response::new(Body::from_stream(frames));
        wire::response_headers(metadata, answer.headers_mut());
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer.headers_mut().extend([UNBUFFERED]);
        answer
    }
}

fn frame(event: Event<'_>) -> Bytes {
    let mut text = String::with_capacity(event.data.len() + event.id.len() + 64);
    let mut line = |name: &str, value: &str| {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(value);
        text.push('\n');
    };
    if event.data.is_empty() {
        line("", "alive");
        line("id", event.id);
    } else {
        line("id", event.id);
        line("event", event.event);
        event.data.lines().for_each(|part| line("data", part));
    }
    text.push('\n');
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_becomes_an_event_and_an_empty_one_a_comment() {
        let event = Event { id: "e1-0-7-1", event: "ticket.created", data: "{\"a\":1}" };
        assert_eq!(frame(event), "id: e1-0-7-1\nevent: ticket.created\ndata: {\"a\":1}\n\n");
        assert_eq!(frame(Event { data: "", ..event }), ": alive\nid: e1-0-7-1\n\n");
        assert_eq!(frame(Event { data: "a\nb", ..event }), "id: e1-0-7-1\nevent: ticket.created\ndata: a\ndata: b\n\n");
    }

    #[test]
    fn a_stream_is_given_to_those_who_name_it() {
        let cases = [
            ("text/event-stream", true),
            ("Text/Event-Stream;q=0.9, application/json", true),
            ("application/json", false),
            ("*/*", false),
            ("text/*", false),
            ("", false),
        ];
        for (accept, stream) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(wanted(&Method::GET, &headers), stream, "{accept}");
            assert!(!wanted(&Method::HEAD, &headers), "a HEAD asks for the list's");
        }
        assert!(!wanted(&Method::GET, &HeaderMap::new()));
    }

    #[test]
    fn the_last_event_goes_before_the_url() {
        let mut headers = HeaderMap::new();
        let mut after = Some("url".to_owned());
        resume(&headers, &mut after);
        assert_eq!(after.as_deref(), Some("url"));
        headers.insert(LAST_EVENT_ID, HeaderValue::from_static("header"));
        resume(&headers, &mut after);
        assert_eq!(after.as_deref(), Some("header"));
    }
}
