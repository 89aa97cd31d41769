//! Finished spans: taken from the queue in batches, and translated into those of the exporter. It runs in our own
//! runtime, where the exporter's connection lives.

use super::{Complaint, SCOPE};
use inboxops_proto::{
    clock::Timestamp,
    trace::{Kind, Span, Tracer, Value},
};
use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks},
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

/// The task that exports spans.
pub(super) struct Batches {
    pub(super) exporter: opentelemetry_otlp::SpanExporter,
    pub(super) tracer: Arc<Tracer>,
    pub(super) queue: mpsc::Receiver<Span>,
    /// Longest time that a span waits for others.
    pub(super) delay: Duration,
    /// Greatest number of spans in one request.
    pub(super) most: usize,
    pub(super) timeout: Duration,
}

impl Batches {
    /// Exports until `stop`, and then what is left.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let scope = InstrumentationScope::builder(SCOPE).with_version(env!("CARGO_PKG_VERSION")).build();
        let mut complaint = Complaint::about("spans");
        while let Some(first) = self.next(&stop, None).await {
            let until = Instant::now() + self.delay;
            let mut batch = vec![data(first, &scope)];
            while batch.len() < self.most
                && let Some(span) = self.next(&stop, Some(until)).await
            {
                batch.push(data(span, &scope));
            }
            let count = batch.len();
            let exported = tokio::time::timeout(self.timeout, self.exporter.export(batch)).await;
            let why = match exported {
                Ok(Ok(())) => {
                    complaint.worked();
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer in time".to_owned(),
            };
            self.tracer.lose(count);
            complaint.failed(&why);
        }
    }

    /// The next span; `None` when there is none and it is time to stop.
    async fn next(&mut self, stop: &CancellationToken, until: Option<Instant>) -> Option<Span> {
        let late = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            span = self.queue.recv() => span,
            () = stop.cancelled() => None,
            () = late => None,
        }
    }
}

/// The resource of the spans.
pub(super) fn resource(attributes: &[(String, String)]) -> Resource {
    let attributes = attributes.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    Resource::builder_empty().with_attributes(attributes).build()
}

fn data(span: Span, scope: &InstrumentationScope) -> SpanData {
    let Span { context, parent, of_another, kind, name, began, took, attributes, failed } = span;
    let start_time = time(began);
    let attributes = attributes.into_iter().map(|(name, value)| match value {
        Value::Text(text) => KeyValue::new(name, text.into_owned()),
        Value::Number(number) => KeyValue::new(name, number),
    });
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(context.trace),
            SpanId::from(context.span),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: SpanId::from(parent),
        parent_span_is_remote: of_another,
        span_kind: match kind {
            Kind::Server => SpanKind::Server,
            Kind::Client => SpanKind::Client,
            Kind::Internal => SpanKind::Internal,
        },
        name,
        start_time,
        end_time: start_time + took,
        attributes: attributes.collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: if failed { Status::error("") } else { Status::Unset },
        instrumentation_scope: scope.clone(),
    }
}

fn time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(at.micros()).unwrap_or(0))
}
