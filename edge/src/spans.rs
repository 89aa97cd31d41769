//! The span of a request: its place in a trace, and what the door knows of it. Nothing here has a path, a query, a
//! header or a body: they hold links for login, keys and what customers wrote.

use crate::listener::Surface;
use http::{HeaderMap, Method, Request, Response};
use inboxops_proto::{
    gate::Called,
    trace::{OpenSpan, TRACEPARENT, Tracer},
};
use std::sync::Arc;

/// Calls of workers, which wait and report all the time: their traces are those of the deliveries.
const OF_WORKERS: &str = "/inboxops.internal.v1.DispatchService/";
/// Requests that machines repeat for ever.
const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Puts the request into its trace, and begins its span on a public listener. A call on another listener has no span
/// but that of the gate.
pub(crate) fn begin<B>(tracer: &Arc<Tracer>, surface: Surface, request: &mut Request<B>) -> Option<OpenSpan> {
    let path = request.uri().path();
    if path.starts_with(OF_WORKERS) || PROBES.contains(&path) {
        return None;
    }
    let given = traceparent(request.headers());
    match surface {
        Surface::Public { .. } => {
            let method = method(request.method());
            let (parent, mut span) = tracer.accept(given, method.into());
            if let Some(span) = &mut span {
                span.add("http.request.method", if method == "HTTP" { "_OTHER" } else { method });
            }
            request.extensions_mut().insert(parent);
            span
        }
        Surface::Internal => {
            let parent = tracer.follow(given);
            request.extensions_mut().insert(parent);
            None
        }
        Surface::Local | Surface::Probes => None,
    }
}

/// Ends the span with the head of the answer.
pub(crate) fn end<B>(mut span: OpenSpan, called: &Called, request_id: &str, secure: bool, response: &Response<B>) {
    if let Some(route) = called.route() {
        let name = format!("{} {route}", span.name());
        span.rename(name);
        span.add("http.route", route.to_owned());
    } else if let Some(rpc) = called.rpc() {
        span.rename(rpc.trim_start_matches('/'));
    }
    let status = response.status();
    span.add("http.response.status_code", i64::from(status.as_u16()));
    span.add("url.scheme", if secure { "https" } else { "http" });
    span.add("inboxops.request_id", request_id.to_owned());
    if status.is_server_error() {
        span.fail(status.as_str().to_owned());
    }
}

/// The one `traceparent`; several are none.
fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(TRACEPARENT).iter();
    let one = all.next()?;
    if all.next().is_some() { None } else { one.to_str().ok() }
}

/// The method as part of a name: strangers may invent any.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "HTTP",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inboxops_proto::trace::{Parent, Sampler, Value};

    fn one() -> u128 {
        1
    }

    fn request(path: &str, traceparents: &[&str]) -> Request<()> {
        let mut request = Request::builder().uri(path).body(()).expect("a request");
        for value in traceparents {
            request.headers_mut().append(TRACEPARENT, value.parse().expect("a header value"));
        }
        request
    }

    #[test]
    fn a_public_request_has_a_span_and_one_of_our_own_programs_only_a_parent() {
        let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        let (tracer, mut queue) = Tracer::new(Sampler::default(), one, 8);
        let public = Surface::Public { internal: false };
        let mut asked = request("/api/v1/tickets?q=secret", &[given]);
        let span = begin(&tracer, public, &mut asked).expect("a span");
        let answer = Response::builder().status(503).body(()).expect("an answer");
        end(span, &Called::default(), "req_1", true, &answer);
        let span = queue.try_recv().expect("the span");
        assert_eq!((&*span.name, span.parent, span.failed), ("GET", 0xb7ad_6b71_6920_3331, true));
        assert!(span.attributes.contains(&("http.response.status_code", Value::Number(503))));
        assert!(!format!("{span:?}").contains("secret"));
        assert!(asked.extensions().get::<Parent>().is_some_and(|parent| parent.context() == span.context));

        let mut asked = request("/inboxops.internal.v1.IngestService/IngestInboundMessage", &[given]);
        assert!(begin(&tracer, Surface::Internal, &mut asked).is_none());
        assert!(asked.extensions().get::<Parent>().is_some_and(|parent| parent.context().to_string() == given));
    }

    #[test]
    fn two_traceparents_are_none_and_probes_are_in_no_trace() {
        let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let (tracer, mut queue) = Tracer::new(Sampler::default(), one, 8);
        let public = Surface::Public { internal: true };
        drop(begin(&tracer, public, &mut request("/", &[given, given])));
        assert_eq!(queue.try_recv().expect("the span").parent, 0);
        for path in ["/healthz", "/readyz", "/metrics", "/inboxops.internal.v1.DispatchService/Work"] {
            let mut asked = request(path, &[given]);
            assert!(begin(&tracer, public, &mut asked).is_none(), "{path}");
            assert!(asked.extensions().get::<Parent>().is_none(), "{path}");
        }
        assert!(begin(&tracer, Surface::Local, &mut request("/x.Y/Z", &[given])).is_none());
    }
}
