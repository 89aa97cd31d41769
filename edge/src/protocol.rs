//! The protocol that a request speaks, and refusals by the door itself in that protocol. It decides nothing.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header::CONTENT_TYPE};
use inboxops_proto::{
    failure::Failure,
    reason::{HEADERS_TOO_LARGE, Reason},
    rest,
    wire::Way,
};

const WEB: &str = "application/grpc-web+proto";
const WEB_TEXT: &str = "application/grpc-web-text+proto";

/// What a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Rest,
    Grpc,
    GrpcWeb,
    /// grpc-web in base64.
    GrpcWebText,
}

impl Protocol {
    /// Calls are made by POST alone, so every other method is answered as REST does.
    pub(crate) fn of(method: &Method, headers: &HeaderMap) -> Protocol {
        if *method != Method::POST {
            return Protocol::Rest;
        }
        match headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) {
            Some(kind) if kind.starts_with(b"application/grpc-web-text") => Protocol::GrpcWebText,
            Some(kind) if kind.starts_with(b"application/grpc-web") => Protocol::GrpcWeb,
            Some(kind) if kind.starts_with(b"application/grpc") => Protocol::Grpc,
            _ => Protocol::Rest,
        }
    }

    /// Whether the gRPC router answers.
    pub(crate) fn is_grpc(self) -> bool {
        self != Protocol::Rest
    }

    /// Whether the answer is a body that a proxy takes for any other.
    pub(crate) fn is_grpc_web(self) -> bool {
        matches!(self, Protocol::GrpcWeb | Protocol::GrpcWebText)
    }

    /// The way of a request in this protocol.
    pub(crate) fn way(self) -> Way {
        match self {
            Protocol::Rest => Way::Rest,
            Protocol::Grpc => Way::Grpc,
            Protocol::GrpcWeb | Protocol::GrpcWebText => Way::GrpcWeb,
        }
    }

    /// A refusal.
    pub(crate) fn refuse(self, failure: &Failure, request_id: &str) -> Response<Body> {
        let kind = match self {
            Protocol::Rest => return rest::failure(failure, request_id),
            Protocol::Grpc => None,
            Protocol::GrpcWeb => Some(WEB),
            Protocol::GrpcWebText => Some(WEB_TEXT),
        };
        let mut response: Response<Body> = failure.status().into_http();
        if let Some(kind) = kind {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        response
    }

    /// A refusal of the cross-site check. It is an HTTP error for gRPC as well, so that no client takes it for an
    /// answer.
    pub(crate) fn forbid(self, failure: &Failure, request_id: &str) -> Response<Body> {
        let mut response = self.refuse(failure, request_id);
        if let Ok(status) = StatusCode::from_u16(failure.reason.http_status()) {
            *response.status_mut() = status;
        }
        response
    }

    /// A refusal of headers that are too large. REST gets the empty answer that the HTTP/1.1 library makes as well.
    pub(crate) fn refuse_headers(self, request_id: &str) -> Response<Body> {
        if self.is_grpc() {
            let failure = Failure::new(Reason::PayloadTooLarge);
            return self.refuse(&failure.message("The metadata of the call is larger than 16 KiB."), request_id);
        }
        let mut response = Response::new(Body::empty());
        if let Ok(status) = StatusCode::from_u16(HEADERS_TOO_LARGE) {
            *response.status_mut() = status;
        }
        response
    }
}
