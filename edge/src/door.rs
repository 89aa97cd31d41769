//! Answers one request: selects the router (REST, gRPC, a document), determines the origin, and adds the headers of
//! every response. It is one hand-written service in place of a stack of layers, because every call goes through it.

use crate::{
    Result, Settings, compress, drain::ending, grpc, guides, headers, listener::Surface, origin, pages, probes,
    protocol::Protocol, reference, same_site, spans,
};
use axum::{body::Body, routing::MethodRouter};
use futures_util::FutureExt as _;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use inboxops_proto::{
    documents::Documents,
    gate::Called,
    mcp,
    reason::Reason,
    rest,
    services::{self, Services},
    wire::Way,
};
use std::{
    collections::HashSet,
    convert::Infallible,
    net::IpAddr,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::Service as _;

/// A request that takes longer is logged like a failure.
const SLOW: Duration = Duration::from_secs(1);
/// Prefix of the packages that a public listener does not serve if the operator has another listener for them.
const INTERNAL_PREFIX: &str = "/inboxops.internal.";

/// Which requests are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// None.
    Off,
    /// Failures on our side, and slow requests.
    #[default]
    Failures,
    /// All.
    All,
}

/// The routers that answer requests.
pub struct Door {
    /// REST, MCP, documents and probes.
    public: axum::Router,
    /// The same with the metrics.
    measured: axum::Router,
    /// Probes, for listeners without REST.
    probes: axum::Router,
    /// The same with the metrics.
    measured_probes: axum::Router,
    grpc: grpc::Router,
    /// Paths of the gRPC methods.
    calls: HashSet<String>,
    /// Answers requests to these paths that are no calls.
    beside_calls: MethodRouter,
    health: grpc::Health,
    drain: CancellationToken,
    settings: Settings,
}

impl Door {
    /// A door for these services and the documents of their API.
    pub fn new(services: &Services, documents: &Documents, settings: Settings) -> Result<Door> {
        Door::of(services::routes(services).merge(mcp::routes(services)), services.grpc(), documents, settings)
    }

    /// A door for these routers.
    pub fn of(rest: axum::Router, grpc: Routes, documents: &Documents, settings: Settings) -> Result<Door> {
        let drain = CancellationToken::new();
        let (grpc, health) = grpc::router(grpc, inboxops_proto::DESCRIPTORS, drain.clone())?;
        let metrics = probes::metrics(&settings);
        let probes = probes::probes(&settings).fallback(rest::route_not_found);
        let measured_probes = probes.clone().merge(metrics.clone()).with_state(());
        let probes = probes.with_state(());
        let public = rest.merge(probes::probes(&settings)).merge(reference::routes(documents)).merge(guides::routes());
        let measured = pages::add(public.clone().merge(metrics), settings.pages).with_state(());
        let public = pages::add(public, settings.pages).with_state(());
        let calls = grpc::paths(inboxops_proto::DESCRIPTORS);
        let beside_calls = rest::methods("OPTIONS, POST");
        Ok(Door { public, measured, probes, measured_probes, grpc, calls, beside_calls, health, drain, settings })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn health(&self) -> &grpc::Health {
        &self.health
    }

    /// Ends the streams.
    pub(crate) fn drain(&self) {
        self.drain.cancel();
    }

    /// Answers one request of a listener with this surface, with or without metrics.
    pub(crate) async fn answer(
        &self,
        (surface, metrics): (Surface, bool),
        peer: Option<IpAddr>,
        mut request: Request<Incoming>,
    ) -> std::result::Result<Response<Body>, Infallible> {
        let began = Instant::now();
        let protocol = Protocol::of(request.method(), request.headers());
        let way = if surface == Surface::Local { Way::Local } else { protocol.way() };
        let too_large = headers::are_too_large(&request);
        let Settings { secure, chance, access_log, .. } = self.settings;
        let peer = self.settings.proxies.client(request.headers(), peer);
        let origin = origin::origin(request.headers(), request.uri(), way, peer, secure, chance);
        let (request_id, client) = (origin.request_id.clone(), origin.peer);
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let seen = (access_log != AccessLog::Off).then(|| (request.method().clone(), request.uri().clone()));
        let guarded =
            same_site::check(&origin, request.method(), request.headers(), request.uri(), &self.settings.names);
        request.extensions_mut().insert(origin);
        if let Some(url) = &self.settings.public_url {
            request.extensions_mut().insert(rest::link::PublicUrl(url.clone()));
        }
        let tracer = self.settings.tracer.as_ref();
        let span = tracer.and_then(|tracer| spans::begin(tracer, surface, &mut request));
        let called = Called::default();
        if seen.is_some() || span.is_some() {
            request.extensions_mut().insert(called.clone());
        }

        let work = AssertUnwindSafe(async {
            match guarded {
                _ if too_large => protocol.refuse_headers(&request_id),
                Err(failure) => protocol.forbid(&failure, &request_id),
                Ok(()) if protocol.is_grpc() => self.grpc(surface, protocol, request).await,
                Ok(()) => self.http(surface, metrics, request).await,
            }
        });
        let mut response = match work.catch_unwind().await {
            Ok(response) => response,
            Err(_) => {
                // The panic hook has logged the message and the place.
                tracing::error!(request_id, "request {request_id} panicked");
                protocol.refuse(&Reason::InternalError.into(), &request_id)
            }
        };
        self.settings.counts.answered(response.status());
        headers::finish(response.headers_mut(), reads, &request_id);
        if protocol.is_grpc_web() {
            headers::pass_at_once(response.headers_mut());
        }
        if let Some(span) = span {
            spans::end(span, &called, &request_id, secure, &response);
        }
        if let Some((method, uri)) = seen {
            let request_id = called.request_id().unwrap_or(&request_id);
            let client = called.client().or(client);
            log(access_log, (&method, uri.path()), (request_id, client), &called, response.status(), began.elapsed());
        }
        Ok(response)
    }

    async fn grpc(&self, surface: Surface, protocol: Protocol, request: Request<Incoming>) -> Response<Body> {
        if is_hidden(surface, request.uri().path()) {
            return protocol.refuse(&Reason::RouteNotFound.into(), "");
        }
        let Ok(response) = self.grpc.clone().call(request).await;
        response.map(Body::new)
    }

    async fn http(&self, surface: Surface, metrics: bool, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path();
        if *request.method() != Method::POST && self.calls.contains(path) && !is_hidden(surface, path) {
            let Ok(response) = self.beside_calls.clone().call(request).await;
            return response;
        }
        let mut router = match (surface, metrics) {
            (Surface::Public { .. }, true) => self.measured.clone(),
            (Surface::Public { .. }, false) => self.public.clone(),
            (Surface::Internal | Surface::Local | Surface::Probes, true) => self.measured_probes.clone(),
            (Surface::Internal | Surface::Local | Surface::Probes, false) => self.probes.clone(),
        };
        let gzip = compress::accepts_gzip(request.headers());
        let Ok(response) = router.call(request.map(Body::new)).await;
        let response = ending(response, &self.drain);
        if gzip { compress::compress(response).await } else { response }
    }
}

/// Whether the listener does not serve calls to this path.
fn is_hidden(surface: Surface, path: &str) -> bool {
    match surface {
        Surface::Probes => true,
        Surface::Public { internal: false } => path.starts_with(INTERNAL_PREFIX),
        Surface::Public { internal: true } | Surface::Internal | Surface::Local => false,
    }
}

fn log(
    access_log: AccessLog,
    (method, path): (&Method, &str),
    (request_id, client): (&str, Option<IpAddr>),
    called: &Called,
    status: http::StatusCode,
    took: Duration,
) {
    let rpc = called.rpc();
    let tenant = called.tenant().map(tracing::field::display);
    let client = client.map(tracing::field::display);
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    // The path only: a query may contain a customer's search.
    if status.is_server_error() || took >= SLOW {
        tracing::warn!(
            %method, path, status = status.as_u16(), duration_ms, request_id, client, rpc, tenant, "request"
        );
    } else if access_log == AccessLog::All {
        tracing::info!(
            %method, path, status = status.as_u16(), duration_ms, request_id, client, rpc, tenant, "request"
        );
    }
}
