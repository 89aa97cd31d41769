//! Traces: the place of a request in one, `traceparent` as W3C writes it, and spans on their way to an exporter. A span
//! is a plain value that exists only in a trace that is kept. Nothing here knows how spans are exported.

mod sampler;

pub use sampler::Sampler;

use crate::{
    clock::{Clock, Timestamp},
    gate::Rpc,
};
use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use tonic::{Code, Extensions};

/// The header that names the trace of a request (W3C Trace Context).
pub const TRACEPARENT: &str = "traceparent";

/// A span as others name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanContext {
    /// Id of the trace, never 0.
    pub trace: u128,
    /// Id of the span; 0 if the trace has none yet.
    pub span: u64,
    /// Whether the trace is kept.
    pub sampled: bool,
}

impl SpanContext {
    /// Reads a `traceparent`; `None` if it is malformed.
    pub fn read(text: &str) -> Option<SpanContext> {
        let mut parts = text.splitn(5, '-');
        let version = hex(parts.next()?, 2)?;
        let trace = hex(parts.next()?, 32)?;
        let span = u64::try_from(hex(parts.next()?, 16)?).ok()?;
        let flags = hex(parts.next()?, 2)?;
        // A later version may have more parts; 255 is no version.
        let too_long = version == 0 && parts.next().is_some();
        if too_long || version == 0xff || trace == 0 || span == 0 {
            return None;
        }
        Some(SpanContext { trace, span, sampled: flags & 1 == 1 })
    }
}

/// The header's form.
impl fmt::Display for SpanContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// A number of exactly so many digits. Capital letters are malformed.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let well_formed = text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if well_formed { u128::from_str_radix(text, 16).ok() } else { None }
}

/// What a span is to its caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// It answers a request from another process.
    Server,
    /// It makes a request.
    Client,
    #[default]
    Internal,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(Cow<'static, str>),
    Number(i64),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Value {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Number(number)
    }
}

/// A finished span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    pub context: SpanContext,
    /// Id of the span that it is part of; 0 if it is the first of its trace.
    pub parent: u64,
    /// Whether that span is of another process.
    pub of_another: bool,
    pub kind: Kind,
    pub name: Cow<'static, str>,
    pub began: Timestamp,
    pub took: Duration,
    /// Names are those of OpenTelemetry's semantic conventions, or begin with `inboxops.`.
    pub attributes: Vec<(&'static str, Value)>,
    /// Whether it failed.
    pub failed: bool,
}

/// A span that has begun. It ends when it is dropped, also if its request was given up.
#[derive(Debug)]
pub struct OpenSpan {
    span: Span,
    began: Instant,
    tracer: Arc<Tracer>,
}

impl OpenSpan {
    pub fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        self.span.attributes.push((name, value.into()));
    }

    pub fn name(&self) -> &str {
        &self.span.name
    }

    pub fn rename(&mut self, name: impl Into<Cow<'static, str>>) {
        self.span.name = name.into();
    }

    /// Marks it as failed; `kind` is one of few words.
    pub fn fail(&mut self, kind: impl Into<Value>) {
        self.span.failed = true;
        self.add("error.type", kind);
    }

    /// Adds the outcome of a call. The caller's own mistakes are no failure of the server.
    pub fn called(&mut self, code: Code) {
        self.add("rpc.grpc.status_code", i64::from(i32::from(code)));
        let failed = [
            Code::Unknown,
            Code::DeadlineExceeded,
            Code::Unimplemented,
            Code::Internal,
            Code::Unavailable,
            Code::DataLoss,
        ];
        if failed.contains(&code) {
            self.fail(crate::reason::code_name(code));
        }
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        self.span.took = self.began.elapsed();
        self.tracer.take(std::mem::take(&mut self.span));
    }
}

/// The span that the spans of a request are part of. It travels in the request's extensions, where no client can write,
/// also if the trace is not kept: then nothing that follows is kept either.
#[derive(Clone, Debug)]
pub struct Parent {
    context: SpanContext,
    of_another: bool,
    tracer: Arc<Tracer>,
}

impl Parent {
    pub fn context(&self) -> SpanContext {
        self.context
    }

    /// Begins a span below, which becomes the parent; `None` if the trace is not kept.
    fn enter(&mut self, name: &'static str) -> Option<OpenSpan> {
        if !self.context.sampled {
            return None;
        }
        let kind = if self.of_another { Kind::Server } else { Kind::Internal };
        let (context, span) = self.tracer.open(self.context, self.of_another, kind, name.into());
        *self = Parent { context, of_another: false, tracer: self.tracer.clone() };
        span
    }
}

/// Begins the span of a call, which becomes the parent of what its service does; `None` if its trace is not kept.
pub(crate) fn enter(rpc: &'static Rpc, extensions: &mut Extensions) -> Option<OpenSpan> {
    let name = rpc.path.trim_start_matches('/');
    let mut span = extensions.get_mut::<Parent>()?.enter(name)?;
    let (service, method) = name.split_once('/').unwrap_or((name, ""));
    span.add("rpc.system", "grpc");
    span.add("rpc.service", service);
    span.add("rpc.method", method);
    Some(span)
}

/// Decides which traces are kept, and takes their spans. There is one in a process that exports traces.
#[derive(Debug)]
pub struct Tracer {
    sampler: Sampler,
    chance: fn() -> u128,
    finished: mpsc::Sender<Span>,
    lost: AtomicU64,
}

impl Tracer {
    /// A tracer, and the queue of at most `most` finished spans.
    pub fn new(sampler: Sampler, chance: fn() -> u128, most: usize) -> (Arc<Tracer>, mpsc::Receiver<Span>) {
        let (finished, queue) = mpsc::channel(most);
        (Arc::new(Tracer { sampler, chance, finished, lost: AtomicU64::new(0) }), queue)
    }

    /// Begins the span of a request from a stranger, with its `traceparent`. The trace's id is taken over, and nothing
    /// else: a stranger has no say in what is kept.
    pub fn accept(self: &Arc<Self>, given: Option<&str>, name: Cow<'static, str>) -> (Parent, Option<OpenSpan>) {
        let above = match given.and_then(SpanContext::read) {
            // Not by the trace's id, which the stranger has chosen.
            Some(given) => SpanContext { sampled: self.sampler.keeps((self.chance)()), ..given },
            None => self.resume(None),
        };
        let (context, span) = self.open(above, above.span != 0, Kind::Server, name);
        (Parent { context, of_another: false, tracer: self.clone() }, span)
    }

    /// The parent of what a request of our own programs does, with its `traceparent`: the decision in it holds.
    pub fn follow(self: &Arc<Self>, given: Option<&str>) -> Parent {
        let context = self.resume(given.and_then(SpanContext::read));
        Parent { context, of_another: true, tracer: self.clone() }
    }

    /// Begins the span of a request that this process makes, with the `traceparent` of its cause; an empty one begins a
    /// trace. The context is for the request, also if the trace is not kept.
    pub fn send(self: &Arc<Self>, cause: &str, name: &'static str) -> (SpanContext, Option<OpenSpan>) {
        let above = self.resume(SpanContext::read(cause));
        self.open(above, above.span != 0, Kind::Client, name.into())
    }

    /// Counts spans that were not exported.
    pub fn lose(&self, spans: usize) {
        self.lost.fetch_add(u64::try_from(spans).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Number of spans that were not exported.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// A context whose flag is trusted, or a new trace.
    fn resume(&self, given: Option<SpanContext>) -> SpanContext {
        if let Some(given) = given {
            return SpanContext { sampled: self.sampler.follows(given), ..given };
        }
        let trace = (self.chance)().max(1);
        let sampled = self.sampler.keeps(trace);
        // Its first span has no parent. A trace that is not kept gets no span; its decision still needs a valid name.
        let span = if sampled { 0 } else { self.span_id() };
        SpanContext { trace, span, sampled }
    }

    fn open(
        self: &Arc<Self>,
        above: SpanContext,
        of_another: bool,
        kind: Kind,
        name: Cow<'static, str>,
    ) -> (SpanContext, Option<OpenSpan>) {
        let context = SpanContext { span: self.span_id(), ..above };
        let open = || OpenSpan {
            span: Span {
                context,
                parent: above.span,
                of_another,
                kind,
                name,
                began: Clock::System.now(),
                took: Duration::ZERO,
                attributes: Vec::new(),
                failed: false,
            },
            began: Instant::now(),
            tracer: self.clone(),
        };
        (context, above.sampled.then(open))
    }

    fn span_id(&self) -> u64 {
        ((self.chance)() as u64).max(1)
    }

    fn take(&self, span: Span) {
        if self.finished.try_send(span).is_err() {
            self.lose(1);
        }
    }
}

#[cfg(test)]
mod tests;
