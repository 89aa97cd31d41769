//! Answers one request: selects the router (REST, gRPC, a document), determines the origin, and adds the headers of
//! every response. It is one hand-written service in place of a stack of layers, because every call goes through it.

use crate::{
    Result, Settings, compress, drain::ending, grpc, headers, listener::Surface, origin, pages, probes, reference,
    same_site,
};
use axum::body::Body;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header::CONTENT_TYPE};
use hyper::body::Incoming;
use inboxops_proto::{
    documents::Documents,
    failure::Failure,
    gate::Called,
    reason::Reason,
    rest,
    services::{self, Services},
    wire::Way,
};
use std::{
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
    /// REST, documents and probes.
    public: axum::Router,
    /// The same with the metrics, for a listener that serves everything.
    whole: axum::Router,
    /// Probes and metrics, for internal listeners.
    probes: axum::Router,
    grpc: grpc::Router,
    health: grpc::Health,
    drain: CancellationToken,
    settings: Settings,
}

impl Door {
    /// A door for these services and the documents of their API.
    pub fn new(services: &Services, documents: &Documents, settings: Settings) -> Result<Door> {
        Door::of(services::routes(services), services.grpc(), documents, settings)
    }

    /// A door for these routers.
    pub fn of(rest: axum::Router, grpc: Routes, documents: &Documents, settings: Settings) -> Result<Door> {
        let drain = CancellationToken::new();
        let (grpc, health) = grpc::router(grpc, inboxops_proto::DESCRIPTORS, drain.clone())?;
        let metrics = probes::metrics(&settings);
        let probes = probes::probes(&settings).merge(metrics.clone()).fallback(rest::route_not_found).with_state(());
        let public = rest.merge(probes::probes(&settings)).merge(reference::routes(documents));
        let whole = pages::add(public.clone().merge(metrics), settings.pages).with_state(());
        let public = pages::add(public, settings.pages).with_state(());
        Ok(Door { public, whole, probes, grpc, health, drain, settings })
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

    /// Answers one request.
    pub(crate) async fn answer(
        &self,
        surface: Surface,
        peer: Option<IpAddr>,
        mut request: Request<Incoming>,
    ) -> std::result::Result<Response<Body>, Infallible> {
        let began = Instant::now();
        let way = way(surface, request.headers());
        let Settings { behind_proxy, secure, chance, access_log, .. } = self.settings;
        let origin = origin::origin(request.headers(), request.uri(), way, peer, behind_proxy, secure, chance);
        let request_id = origin.request_id.clone();
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let seen = (access_log != AccessLog::Off).then(|| (request.method().clone(), request.uri().clone()));
        let grpc = is_grpc(request.headers());
        let guarded =
            same_site::check(&origin, request.method(), request.headers(), request.uri(), &self.settings.names);
        request.extensions_mut().insert(origin);
        if let Some(url) = &self.settings.public_url {
            request.extensions_mut().insert(rest::link::PublicUrl(url.clone()));
        }
        let called = Called::default();
        if seen.is_some() {
            request.extensions_mut().insert(called.clone());
        }

        let work = AssertUnwindSafe(async {
            match guarded {
                Err(failure) => forbid(&failure, grpc, &request_id),
                Ok(()) if grpc => self.grpc(surface, request).await,
                Ok(()) => self.http(surface, request).await,
            }
        });
        let mut response = match work.catch_unwind().await {
            Ok(response) => response,
            Err(_) => {
                // The panic hook has logged the message and the place.
                tracing::error!(request_id, "request {request_id} panicked");
                refuse(Reason::InternalError, grpc, &request_id)
            }
        };
        headers::finish(response.headers_mut(), reads, &request_id);
        if let Some((method, uri)) = seen {
            let request_id = called.request_id().unwrap_or(&request_id);
            log(access_log, (&method, uri.path()), request_id, &called, response.status(), began.elapsed());
        }
        Ok(response)
    }

    async fn grpc(&self, surface: Surface, request: Request<Incoming>) -> Response<Body> {
        if surface == (Surface::Public { internal: false }) && request.uri().path().starts_with(INTERNAL_PREFIX) {
            return refuse(Reason::RouteNotFound, true, "");
        }
        let Ok(response) = self.grpc.clone().call(request).await;
        response.map(Body::new)
    }

    async fn http(&self, surface: Surface, request: Request<Incoming>) -> Response<Body> {
        let mut router = match surface {
            Surface::Public { internal: true } => self.whole.clone(),
            Surface::Public { internal: false } => self.public.clone(),
            Surface::Internal | Surface::Local => self.probes.clone(),
        };
        let gzip = compress::accepts_gzip(request.headers());
        let Ok(response) = router.call(request.map(Body::new)).await;
        let response = ending(response, &self.drain);
        if gzip { compress::compress(response).await } else { response }
    }
}

fn way(surface: Surface, headers: &HeaderMap) -> Way {
    if surface == Surface::Local {
        return Way::Local;
    }
    match headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) {
        Some(kind) if kind.starts_with(b"application/grpc-web") => Way::GrpcWeb,
        Some(kind) if kind.starts_with(b"application/grpc") => Way::Grpc,
        _ => Way::Rest,
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// A refusal by the door itself, in the protocol of the request.
fn refuse(reason: Reason, grpc: bool, request_id: &str) -> Response<Body> {
    let failure = Failure::new(reason);
    if grpc { failure.status().into_http() } else { rest::failure(&failure, request_id) }
}

/// A refusal of the cross-site check. It is an HTTP error for gRPC as well, so that no client takes it for an answer.
fn forbid(failure: &Failure, grpc: bool, request_id: &str) -> Response<Body> {
    if !grpc {
        return rest::failure(failure, request_id);
    }
    let mut response: Response<Body> = failure.status().into_http();
    if let Ok(status) = http::StatusCode::from_u16(failure.reason.http_status()) {
        *response.status_mut() = status;
    }
    response
}

fn log(
    access_log: AccessLog,
    (method, path): (&Method, &str),
    request_id: &str,
    called: &Called,
    status: http::StatusCode,
    took: Duration,
) {
    let rpc = called.rpc();
    let tenant = called.tenant().map(tracing::field::display);
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    // The path only: a query may contain a customer's search.
    if status.is_server_error() || took >= SLOW {
        tracing::warn!(%method, path, status = status.as_u16(), duration_ms, request_id, rpc, tenant, "request");
    } else if access_log == AccessLog::All {
        tracing::info!(%method, path, status = status.as_u16(), duration_ms, request_id, rpc, tenant, "request");
    }
}
