//! Server streams as server-sent events (WHATWG HTML, 9.2): one event for each message, with its cursor as the id, so
//! that a client that reconnects continues where it was.

use super::Context;
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::{
    cmp::Reverse,
    convert::Infallible,
    pin::Pin,
    task::{Context as Task, Poll},
};
use tonic::metadata::MetadataMap;

use crate::{
    failure::Failure,
    gate::{BoxStream, Checked, Violations},
    wire,
};

/// The media type.
pub const EVENT_STREAM: &str = "text/event-stream";
/// The media type of the list at the same path.
const LIST: &str = "application/json";
/// The header with the client's last event id.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Size from which on no further event is added to a frame.
const FRAME_MAX_BYTES: usize = 32 * 1024;
/// Makes a proxy pass each event on at once.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// A message of a stream as a server-sent event.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub id: &'a str,
    pub event: &'a str,
    /// Its data; without data it is a comment. A block with an id alone is no event of the standard, but some clients
    /// hand it out as one, and others lose its id.
    pub data: &'a str,
}

/// Whether a request prefers a stream to a list (RFC 9110, 12.5.1): by quality, then by the order of the ranges. A list
/// ends and a stream does not, so whoever says nothing, or the same of both, gets the list.
pub fn wanted(method: &Method, headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<AcceptRange<'_>> =
        values.flat_map(|value| value.split(',')).filter_map(AcceptRange::read).collect();
    *method == Method::GET && preference(&ranges, EVENT_STREAM) > preference(&ranges, LIST)
}

/// A range of `Accept`. One whose quality cannot be read is none.
struct AcceptRange<'a> {
    media: &'a str,
    /// In thousandths; 0 refuses.
    quality: u16,
}

impl<'a> AcceptRange<'a> {
    fn read(text: &'a str) -> Option<AcceptRange<'a>> {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next()?;
        let mut quality = 1000;
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            if name.trim().eq_ignore_ascii_case("q") {
                quality = thousandths(value.trim())?;
            }
        }
        Some(AcceptRange { media, quality })
    }

    /// How closely the range names a media type; `None` if it does not cover it.
    fn closeness(&self, media: &str) -> Option<u8> {
        let group = |range: &str| range.split('/').next().unwrap_or_default().to_owned();
        match self.media {
            exact if exact.eq_ignore_ascii_case(media) => Some(2),
            wide if wide.ends_with("/*") && group(wide).eq_ignore_ascii_case(&group(media)) => Some(1),
            // The second is not in the standard; clients in Java send it.
            "*/*" | "*" => Some(0),
            _ => None,
        }
    }
}

/// A number from 0 to 1, in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part: u16 = format!("{:0<3}", part.get(..3).unwrap_or(part)).parse().ok()?;
    match (whole, part) {
        ("" | "0", part) => Some(part),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// What a client says of a media type: quality and place of the range that names it most closely. `None` if it does not
/// accept it.
fn preference(ranges: &[AcceptRange<'_>], media: &str) -> Option<(u16, Reverse<usize>)> {
    let fitting = ranges.iter().enumerate();
    let fitting = fitting.filter_map(|(at, range)| Some((range.closeness(media)?, range.quality, Reverse(at))));
    let (_, quality, at) = fitting.max()?;
    (quality > 0).then_some((quality, at))
}

/// Copies the last event id into the request's cursor; it is newer than the one in the URL.
pub fn resume<T: Checked>(headers: &HeaderMap, message: &mut T, after: fn(&mut T) -> &mut Option<String>) {
    let Some(last) = headers.get(LAST_EVENT_ID) else { return };
    // What the gate refuses without the header, it refuses with it.
    let mut broken = Violations::default();
    message.check(&mut broken);
    if broken.list.is_empty() {
        *after(message) = Some(String::from_utf8_lossy(last.as_bytes()).into_owned());
    }
}

impl Context {
    /// The response of a streaming call.
    pub fn stream<T: Send + 'static>(
        &self,
        metadata: &MetadataMap,
        messages: BoxStream<T>,
        event: fn(&T) -> Event<'_>,
    ) -> Response {
        let frames = Frames { request_id: self.request_id.clone(), messages, event, over: false };
        let mut answer = Response::new(Body::from_stream(frames));
        wire::response_headers(metadata, answer.headers_mut());
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer.headers_mut().extend([UNBUFFERED]);
        answer
    }
}

/// The text of a stream's messages. Messages that are ready at the same time form one frame, and one write to the
/// connection.
struct Frames<T> {
    request_id: String,
    messages: BoxStream<T>,
    event: fn(&T) -> Event<'_>,
    over: bool,
}

impl<T> Stream for Frames<T> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut text = String::new();
        while !this.over && text.len() < FRAME_MAX_BYTES {
            match this.messages.as_mut().poll_next(task) {
                Poll::Ready(Some(Ok(message))) => put(&mut text, (this.event)(&message)),
                // A failure ends the stream: the client reconnects, and then gets a status.
                Poll::Ready(Some(Err(status))) => {
                    let reason = Failure::of(&status).reason;
                    let request_id = &this.request_id;
                    tracing::debug!(request_id, reason = reason.rest_code(), "a stream ended: request {request_id}");
                    text.push_str(": ended: ");
                    text.push_str(reason.rest_code());
                    text.push_str("\n\n");
                }
                Poll::Ready(None) => this.over = true,
                Poll::Pending if text.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready((!text.is_empty()).then(|| Ok(Bytes::from(text))))
    }
}

/// Appends an event.
fn put(text: &mut String, event: Event<'_>) {
    text.reserve(event.data.len() + event.id.len() + 64);
    let mut line = |name: &str, value: &str| {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(value);
        text.push('\n');
    };
    if event.data.is_empty() {
        // Who reads comments learns the place.
        line("", if event.id.is_empty() { "alive" } else { event.id });
    } else {
        line("id", event.id);
        line("event", event.event);
        event.data.lines().for_each(|part| line("data", part));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;
    use futures_util::{FutureExt as _, StreamExt as _, stream};

    fn frame(event: Event<'_>) -> String {
        let mut text = String::new();
        put(&mut text, event);
        text
    }

    #[test]
    fn what_is_ready_together_is_one_frame() {
        let text = |text: &str| Ok(text.to_owned());
        let mut waited = false;
        let pause = stream::poll_fn(move |task| {
            task.waker().wake_by_ref();
            if std::mem::replace(&mut waited, true) { Poll::Ready(None) } else { Poll::Pending }
        });
        let long = "x".repeat(FRAME_MAX_BYTES);
        let later = [text("c"), text(&long), text("d"), Err(Failure::new(Reason::InvalidApiKey).status())];
        let messages = stream::iter([text("a"), text("b")]).chain(pause).chain(stream::iter(later));
        let event: fn(&String) -> Event<'_> = |data| Event { id: "1", event: "e", data };
        let mut frames = Frames { request_id: String::new(), messages: Box::pin(messages), event, over: false };
        let mut next = || frames.next().now_or_never().map(|it| it.map(|it| it.expect("it does not fail")));
        let event = |data: &str| format!("id: 1\nevent: e\ndata: {data}\n\n");
        assert_eq!(next(), Some(Some(Bytes::from(event("a") + &event("b")))));
        assert_eq!(next(), Some(Some(Bytes::from(event("c") + &event(&long)))), "as much as a frame holds");
        assert_eq!(next(), Some(Some(Bytes::from(event("d") + ": ended: invalid_api_key\n\n"))));
        assert_eq!((next(), next()), (Some(None), Some(None)));
    }

    #[test]
    fn a_message_becomes_an_event_and_an_empty_one_a_comment() {
        let event = Event { id: "e1-0-7-1", event: "ticket.created", data: "{\"a\":1}" };
        assert_eq!(frame(event), "id: e1-0-7-1\nevent: ticket.created\ndata: {\"a\":1}\n\n");
        assert_eq!(frame(Event { data: "", ..event }), ": e1-0-7-1\n\n");
        assert_eq!(frame(Event { data: "", id: "", ..event }), ": alive\n\n");
        assert_eq!(frame(Event { data: "a\nb", ..event }), "id: e1-0-7-1\nevent: ticket.created\ndata: a\ndata: b\n\n");
    }

    #[test]
    fn a_stream_is_given_to_those_who_prefer_it() {
        let cases = [
            ("text/event-stream", true),
            ("Text/Event-Stream", true),
            ("text/event-stream, application/json;q=0.5", true),
            ("text/event-stream, application/json", true),
            ("text/event-stream, */*;q=0.1", true),
            ("text/event-stream;charset=utf-8;q=0.9, application/json;q=0.899", true),
            ("text/event-stream, */*", true),
            ("text/*", true),
            ("text/event-stream;q=.5, *;q=.2", true),
            ("application/json;q=2, text/event-stream;q=0.1", true),
            ("application/json;q=0, text/event-stream;q=0.001", true),
            ("application/json", false),
            ("application/json,text/event-stream;q=0.9", false),
            ("application/json, text/event-stream", false),
            ("application/json;q=0.9, text/event-stream;q=0.5", false),
            ("Text/Event-Stream;q=0.9, application/json", false),
            ("text/event-stream;q=0.9, */*", false),
            ("text/event-stream;q=0, application/json", false),
            ("text/event-stream;q=0", false),
            ("text/event-stream;q=0.000, */*", false),
            ("text/event-stream;q=x", false),
            ("text/event-stream;q=0.5, text/*;q=1, application/*;q=0.6", false),
            ("*/*", false),
            ("*/*, text/event-stream", false),
            ("text/html, application/xhtml+xml, */*;q=0.8", false),
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
    fn the_last_event_goes_before_the_url_unless_that_is_to_be_refused() {
        use crate::v1::ListEventsRequest;
        let after = |after: &str, last: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(last.map(|last| (LAST_EVENT_ID, HeaderValue::from_static(last))));
            let mut message = ListEventsRequest { after: Some(after.to_owned()), ..Default::default() };
            resume(&headers, &mut message, |it| &mut it.after);
            message.after.unwrap_or_default()
        };
        assert_eq!(after("url", None), "url");
        assert_eq!(after("url", Some("header")), "header");
        assert_eq!(after("url", Some("")), "", "what is empty is no cursor, and refused");
        for bad in [" ", "\0", &"x".repeat(201)] {
            assert_eq!(after(bad, Some("header")), bad);
        }
    }
}
