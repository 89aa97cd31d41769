//! The span of an attempt, where traces are exported. It names the receiver's host and nothing that a receiver or a
//! customer has written: a path may be a secret, too.

use crate::{attempt::Lease, request::Endpoint};
use http::{HeaderMap, HeaderName, HeaderValue, header::Entry};
use inboxops_proto::{
    internal::v1::Outcome,
    trace::{OpenSpan, SpanContext, TRACEPARENT, Tracer},
};
use std::sync::Arc;

/// The traces of a worker.
#[derive(Clone, Debug)]
pub struct Traces {
    pub tracer: Arc<Tracer>,
    /// Whether receivers get a `traceparent`.
    pub propagate: bool,
}

/// A request in its trace.
pub(crate) struct Traced {
    context: SpanContext,
    /// `None` if the trace is not kept.
    span: Option<OpenSpan>,
}

impl Traces {
    /// Begins the span of a request, and adds its `traceparent` to the headers if receivers are to have it.
    pub(crate) fn begin(&self, lease: &Lease, endpoint: &Endpoint, headers: &mut HeaderMap) -> Traced {
        let (context, span) = self.tracer.send(&lease.traceparent, "POST");
        let mut traced = Traced { context, span };
        if self.propagate {
            traced.write(headers);
        }
        if let Some(span) = &mut traced.span {
            let url = endpoint.target().url();
            span.add("http.request.method", "POST");
            span.add("server.address", url.host_str().unwrap_or_default().to_owned());
            span.add("server.port", i64::from(url.port_or_known_default().unwrap_or_default()));
            if lease.attempt > 1 {
                span.add("http.request.resend_count", i64::from(lease.attempt - 1));
            }
            span.add("inboxops.delivery", lease.delivery().to_string());
            span.add("inboxops.endpoint", lease.endpoint_id.to_string());
        }
        traced
    }
}

impl Traced {
    /// A header of the customer's own with this name stays.
    fn write(&self, headers: &mut HeaderMap) {
        if let (Entry::Vacant(free), Ok(value)) =
            (headers.entry(HeaderName::from_static(TRACEPARENT)), HeaderValue::try_from(self.context.to_string()))
        {
            free.insert(value);
        }
    }

    /// Ends the span with the outcome.
    pub(crate) fn end(self, outcome: &Outcome) {
        let Some(mut span) = self.span else { return };
        if outcome.response_status != 0 {
            span.add("http.response.status_code", i64::from(outcome.response_status));
        }
        if !outcome.error_code.is_empty() {
            span.fail(outcome.error_code.clone());
        }
    }
}
