//! Documents of the edge itself: probes and metrics. None of them needs a key or counts against a rate limit.

use crate::{Settings, exposition};
use axum::{
    Router,
    extract::Request,
    response::{IntoResponse as _, Response},
    routing::MethodRouter,
};
use http::{
    HeaderMap,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use inboxops_proto::{failure::Failure, reason::Reason, rest};

/// Liveness and readiness.
pub(crate) fn probes(settings: &Settings) -> Router {
    let (ready, details) = (settings.ready.clone(), settings.ready_details.clone());
    let readiness = move |request: Request| {
        std::future::ready(if ready() { probe(format!("ready\n{}", details())) } else { unready(request) })
    };
    Router::new()
        .route("/healthz", reads().get(|| std::future::ready(probe("ok\n"))))
        .route("/readyz", reads().get(readiness))
}

/// The metrics, if there are any.
pub(crate) fn metrics(settings: &Settings) -> Router {
    let Some(text) = settings.metrics.clone() else { return Router::new() };
    let answer = move |headers: HeaderMap| {
        let text = text();
        async move {
            let (format, text) = exposition::answer(text.await, &headers);
            ([(CACHE_CONTROL, "no-store"), (CONTENT_TYPE, format)], text)
        }
    };
    Router::new().route("/metrics", reads().get(answer))
}

/// The methods for reading.
pub(crate) fn reads() -> MethodRouter {
    rest::methods("GET, HEAD, OPTIONS")
}

fn probe(text: impl Into<String>) -> Response {
    ([(CACHE_CONTROL, "no-store")], text.into()).into_response()
}

fn unready(request: Request) -> Response {
    rest::refuse(&request.into_parts().0, &Failure::new(Reason::ServiceUnavailable))
}
