//! The run-time part of the generated `Guard`: the gate that every call passes, whatever its transport. The order is:
//! authentication, rate limit, entitlement, scope or role (all by the [`Gate`], which the core implements), then the
//! edge's *undecodable* marker, conditional and idempotency headers, field rules, an earlier answer for the idempotency
//! key, the deadline, and finally the service. It knows no noun and no database.

mod called;
mod repeat;
pub mod rules;

pub use called::Called;
pub(crate) use called::note;
pub use repeat::{Named, Repetition};

use crate::{
    failure::{Failure, Violation},
    id::TenantId,
    reason::Reason,
    trace::{self, OpenSpan, Parent, SpanContext},
    v1::Role,
    wire,
};
use futures_util::{Stream, StreamExt as _};
use std::{
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tonic::{Code, Extensions, Request, Response, Status, metadata::MetadataMap};

/// A server stream of any service, in process or remote.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Longest time of a unary call, counted from the gate; a caller may ask for less by `grpc-timeout`.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// How often the credentials of a running stream are checked again.
pub const STREAM_RECHECK: Duration = Duration::from_secs(30);

/// Who may call an RPC; see `inboxops.v1.Policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Scope that an API key needs; `any` for every key, `None` if keys may not call.
    pub api_key: Option<&'static str>,
    /// Scope that is enough as well.
    pub or_api_key: Option<&'static str>,
    /// Least role of a session; `None` if sessions may not call.
    pub session: Option<Role>,
    /// Service tokens and the operator may call.
    pub service: bool,
    /// Dispatch-only tokens may call.
    pub worker: bool,
    /// Anybody may call.
    pub public: bool,
    /// Only the operator may call.
    pub operator: bool,
    /// Entitlement that the tenant of a key or session needs.
    pub entitlement: Option<&'static str>,
    /// Sessions need no entitlement: people can still read what they had before a downgrade.
    pub spares_sessions: bool,
    /// Only the credential is checked: no limit is counted, no plan asked.
    pub credential_only: bool,
}

/// The properties of an RPC that generated code knows.
#[derive(Debug)]
pub struct Rpc {
    /// Path on the wire: `/inboxops.v1.TicketService/GetTicket`.
    pub path: &'static str,
    /// Who may call.
    pub policy: Policy,
    /// Whether the REST route has a body: violations are then a 422, otherwise query parameters and a 400.
    pub has_body: bool,
    /// Whether it is a write that may have an idempotency key.
    pub repeatable: bool,
    /// Whether a call may be conditional: a read by `If-None-Match`, a write by `If-Match`.
    pub conditional: bool,
}

/// Scopes of which a key needs one.
pub type AnyScope = &'static [&'static str];

/// The gate's decision about a call.
pub struct Admission {
    /// Metadata of every answer to an authenticated call: the rate limit's headers.
    pub headers: MetadataMap,
    /// The refusal, if the call may not proceed.
    pub verdict: Result<(), Failure>,
}

/// Decides which calls are admitted. The core has the only implementation.
#[tonic::async_trait]
pub trait Gate: Send + Sync + 'static {
    /// Authenticates the caller, checks the rate limit, entitlement, scope and role, and counts the call if all permit
    /// it. A key also needs one scope of each of `needs`, which are those of the request. Puts the caller and, from a
    /// trusted edge, origin and marker into `extensions`.
    async fn admit(
        &self,
        rpc: &'static Rpc,
        needs: &[AnyScope],
        metadata: &MetadataMap,
        extensions: &mut Extensions,
    ) -> Admission;

    /// Checks again whether the caller of a running stream may have it.
    async fn still_admitted(&self, rpc: &'static Rpc, extensions: &Extensions) -> Result<(), Failure>;

    /// Begins an admitted call that has an idempotency key: puts into `extensions` what the service needs to find an
    /// earlier answer and to store its own. Refused while another call with the key is running. `None` if keys have no
    /// meaning for this caller.
    fn begin(&self, _: Repetition, _: &mut Extensions) -> Result<Option<Arc<dyn Named>>, Failure> {
        Ok(None)
    }

    /// The tenant of an admitted call, for the log.
    fn tenant(&self, _: &Extensions) -> Option<TenantId> {
        None
    }

    /// A call was answered, or its stream began.
    fn called(&self, _: &'static Rpc, _: Code, _: Duration) {}
}

/// A request message with its field rules.
pub trait Checked: Default {
    /// Normalises as the rules say (trim), then collects all violations. Violations that have a reason of their own go
    /// into the second list; they are answered first and alone.
    fn check(&mut self, violations: &mut Violations);

    /// Scopes that a key needs for what the fields ask for, besides the RPC's own.
    fn needs(&self) -> Vec<AnyScope>;
}

/// Violations being collected.
#[derive(Debug, Default)]
pub struct Violations {
    /// Violated rules, in the order of the fields.
    pub list: Vec<Violation>,
    /// The first refusal that is answered alone, before all others.
    pub alone: Option<Reason>,
}

/// The edge could not decode the request; the gate answers with this failure if it admits the caller.
#[derive(Clone, Debug)]
pub struct Undecodable(pub Failure);

/// The call that a task is answering, for log lines. A task-local costs far less than a span.
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// Path of the RPC.
    pub rpc: &'static str,
    /// Id of the request.
    pub request_id: String,
    /// Its tenant, once known.
    pub tenant: Option<TenantId>,
    /// Address of the client.
    pub client: Option<IpAddr>,
    /// Its span, or the one that a span would be part of; `None` if this process exports no traces.
    pub trace: Option<SpanContext>,
}

tokio::task_local! {
    static CURRENT: Current;
}

impl Current {
    fn of(rpc: &Rpc, extensions: &Extensions) -> Current {
        let origin = extensions.get::<wire::Origin>();
        let request_id = origin.map(|origin| origin.request_id.clone()).unwrap_or_default();
        let trace = extensions.get::<Parent>().map(Parent::context);
        Current { rpc: rpc.path, request_id, tenant: None, client: origin.and_then(|origin| origin.peer), trace }
    }
}

/// The call that this task is answering; empty if there is none.
pub fn current() -> Current {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// The place in a trace of the call that this task is answering.
pub fn current_trace() -> Option<SpanContext> {
    CURRENT.try_with(|current| current.trace).unwrap_or_default()
}

/// Runs `work` as part of a call that has not reached its service yet.
pub fn during<T>(rpc: &Rpc, extensions: &Extensions, work: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(Current::of(rpc, extensions), work)
}

/// Passes a unary call through the gate.
pub async fn unary<Q, R, F, C>(
    gate: &dyn Gate,
    rpc: &'static Rpc,
    request: Request<Q>,
    call: C,
) -> Result<Response<R>, Status>
where
    Q: Checked + prost::Message,
    R: prost::Message + Default,
    C: FnOnce(Request<Q>) -> F,
    F: Future<Output = Result<Response<R>, Status>>,
{
    let began = Instant::now();
    let answer = admitted(gate, rpc, request, call).await;
    gate.called(rpc, code(&answer), began.elapsed());
    answer
}

/// Ends the span of a call.
fn end(span: Option<OpenSpan>, current: Option<&Current>, code: Code) {
    let Some(mut span) = span else { return };
    if let Some(Current { request_id, tenant, .. }) = current {
        span.add("inboxops.request_id", request_id.clone());
        if let Some(tenant) = tenant {
            span.add("inboxops.tenant", tenant.to_string());
        }
    }
    span.called(code);
}

fn code<T>(answer: &Result<T, Status>) -> Code {
    answer.as_ref().map_or_else(Status::code, |_| Code::Ok)
}

async fn admitted<Q, R, F, C>(
    gate: &dyn Gate,
    rpc: &'static Rpc,
    mut request: Request<Q>,
    call: C,
) -> Result<Response<R>, Status>
where
    Q: Checked + prost::Message,
    R: prost::Message + Default,
    C: FnOnce(Request<Q>) -> F,
    F: Future<Output = Result<Response<R>, Status>>,
{
    // The gate uses the database as well, which may hang like any service.
    let deadline = wire::timeout(request.metadata()).map_or(DEADLINE, |asked| asked.min(DEADLINE));
    let mut headers = MetadataMap::new();
    let mut logged = None;
    let span = trace::enter(rpc, request.extensions_mut());
    let wanted = span.is_some() || tracing::enabled!(tracing::Level::DEBUG);
    let work = async {
        let (mut request, told) = enter(gate, rpc, request).await?;
        headers = told;
        let named = repeat::begin(gate, rpc, &mut request).map_err(|failure| failure.status())?;
        let current = Current { tenant: gate.tenant(request.extensions()), ..Current::of(rpc, request.extensions()) };
        logged = wanted.then(|| current.clone());
        CURRENT.scope(current, async { repeat::settle(named, call(request).await).await }).await
    };
    let answer = match tokio::time::timeout(deadline, work).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::new(Reason::Timeout).status()),
    };
    end(span, logged.as_ref(), code(&answer));
    if let Some(current) = logged {
        let Current { rpc, request_id, tenant, client, trace: _ } = current;
        let (tenant, client) = (tenant.map(tracing::field::display), client.map(tracing::field::display));
        tracing::debug!(rpc, request_id, tenant, client, code = ?code(&answer), "a call ended");
    }
    match answer {
        Ok(mut response) => {
            merge(response.metadata_mut(), headers);
            Ok(response)
        }
        Err(status) => Err(with_headers(status, headers)),
    }
}

/// Passes a server-streaming call through the gate; its credentials are checked again every [`STREAM_RECHECK`].
pub async fn streaming<Q, R, F, C>(
    gate: Arc<dyn Gate>,
    rpc: &'static Rpc,
    request: Request<Q>,
    call: C,
) -> Result<Response<BoxStream<R>>, Status>
where
    Q: Checked,
    R: Send + 'static,
    C: FnOnce(Request<Q>) -> F,
    F: Future<Output = Result<Response<BoxStream<R>>, Status>>,
{
    let began = Instant::now();
    let opened = opened(&*gate, rpc, request, call).await;
    gate.called(rpc, code(&opened), began.elapsed());
    let (response, extensions) = opened?;
    Ok(response.map(|stream| recheck(gate, rpc, extensions, stream)))
}

async fn opened<Q, R, F, C>(
    gate: &dyn Gate,
    rpc: &'static Rpc,
    mut request: Request<Q>,
    call: C,
) -> Result<(Response<BoxStream<R>>, Extensions), Status>
where
    Q: Checked,
    C: FnOnce(Request<Q>) -> F,
    F: Future<Output = Result<Response<BoxStream<R>>, Status>>,
{
    let span = trace::enter(rpc, request.extensions_mut());
    let entered = match tokio::time::timeout(DEADLINE, enter(gate, rpc, request)).await {
        Ok(entered) => entered,
        Err(_) => Err(Failure::new(Reason::Timeout).status()),
    };
    let (request, headers) = match entered {
        Ok(entered) => entered,
        Err(status) => {
            end(span, None, status.code());
            return Err(status);
        }
    };
    let extensions = request.extensions().clone();
    let current = Current { tenant: gate.tenant(&extensions), ..Current::of(rpc, &extensions) };
    let logged = span.is_some().then(|| current.clone());
    let opened = CURRENT.scope(current, call(request)).await;
    end(span, logged.as_ref(), code(&opened));
    match opened {
        Ok(mut response) => {
            merge(response.metadata_mut(), headers);
            Ok((response, extensions))
        }
        Err(status) => Err(with_headers(status, headers)),
    }
}

/// Ends a stream with a status as soon as its caller may no longer have it.
fn recheck<R: Send + 'static>(
    gate: Arc<dyn Gate>,
    rpc: &'static Rpc,
    extensions: Extensions,
    stream: BoxStream<R>,
) -> BoxStream<R> {
    let mut every = tokio::time::interval_at(tokio::time::Instant::now() + STREAM_RECHECK, STREAM_RECHECK);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let state = (gate, extensions, stream, every, false);
    Box::pin(futures_util::stream::unfold(state, move |(gate, extensions, mut stream, mut every, over)| async move {
        if over {
            return None;
        }
        loop {
            tokio::select! {
                biased;
                _ = every.tick() => if let Err(failure) = gate.still_admitted(rpc, &extensions).await {
                    return Some((Err(failure.status()), (gate, extensions, stream, every, true)));
                },
                item = stream.next() => return item.map(|item| (item, (gate, extensions, stream, every, false))),
            }
        }
    }))
}

async fn enter<Q: Checked>(
    gate: &dyn Gate,
    rpc: &'static Rpc,
    request: Request<Q>,
) -> Result<(Request<Q>, MetadataMap), Status> {
    let (metadata, mut extensions, mut message) = request.into_parts();
    let needs = message.needs();
    let Admission { headers, verdict } = gate.admit(rpc, &needs, &metadata, &mut extensions).await;
    note(rpc, || gate.tenant(&extensions), &metadata, &extensions);
    let verdict = verdict.and_then(|()| {
        let undecodable = extensions.remove::<Undecodable>();
        if undecodable.as_ref().is_none_or(|Undecodable(failure)| is_rule(rpc, failure.reason)) {
            repeat::check(rpc, &metadata, &mut extensions)?;
        }
        check(rpc, &mut message, undecodable)
    });
    match verdict {
        Ok(()) => Ok((Request::from_parts(metadata, extensions, message), headers)),
        Err(failure) => Err(with_headers(failure.status(), headers)),
    }
}

/// Applies field rules. Their violations and those that the edge found in the same step are one answer.
fn check<Q: Checked>(rpc: &'static Rpc, message: &mut Q, undecodable: Option<Undecodable>) -> Result<(), Failure> {
    let (found, reason) = match undecodable {
        // Violations do not end the decoding: the message has the readable part, and its rules apply as well.
        Some(Undecodable(failure)) if is_rule(rpc, failure.reason) => (failure.violations, Some(failure.reason)),
        Some(Undecodable(failure)) => return Err(failure),
        None => (Vec::new(), None),
    };
    let mut violations = Violations { list: found, alone: None };
    let decoded = violations.list.len();
    message.check(&mut violations);
    if let Some(alone) = violations.alone {
        return Err(Failure::new(alone));
    }
    // A field or an item that could not be decoded is absent from the message, so "is required" would report it twice.
    let (first, rest) = violations.list.split_at(decoded);
    let reports = |old: &Violation, new: &Violation| {
        old.field.strip_prefix(&*new.field).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
    };
    let more: Vec<Violation> = rest.iter().filter(|new| !first.iter().any(|old| reports(old, new))).cloned().collect();
    let all = [first, &more].concat();
    if all.is_empty() {
        return Ok(());
    }
    let rule = if rpc.has_body { Reason::ValidationFailed } else { Reason::InvalidParameter };
    Err(Failure::violations(reason.unwrap_or(rule), all))
}

/// Whether the edge's failure is of the same step as the field rules: of the body, or of the query.
fn is_rule(rpc: &Rpc, reason: Reason) -> bool {
    match reason {
        Reason::ValidationFailed => rpc.has_body,
        Reason::InvalidParameter | Reason::UnknownParameter => !rpc.has_body,
        _ => false,
    }
}

fn with_headers(mut status: Status, headers: MetadataMap) -> Status {
    merge(status.metadata_mut(), headers);
    status
}

fn merge(into: &mut MetadataMap, from: MetadataMap) {
    if !from.is_empty() {
        into.as_mut().extend(from.into_headers());
    }
}
