//! MCP over Streamable HTTP: one path that takes messages by POST and answers each with JSON. There are no sessions and
//! no stream of the server's own, so GET and DELETE have nothing to do.

use super::{Caller, Reply, Server};
use crate::{
    reason::{ACCEPTED, Reason},
    rest::{self, body},
    services::Services,
    wire::{self, Origin},
};
use axum::{Router, body::Body, extract::Request, response::Response};
use http::{HeaderValue, header};

/// Where messages are posted.
pub const PATH: &str = "/mcp";
/// Greatest size of a message.
pub const BODY_MAX_BYTES: usize = 4 * 1024 * 1024;
const TOO_LARGE: &str = "The message is larger than 4 MiB.";

/// The endpoint, whose tools call these services.
pub fn routes(services: &Services) -> Router {
    let server = Server::new(services.clone());
    let post = move |request: Request| {
        let server = server.clone();
        async move { answer(server, request).await }
    };
    Router::new().route(PATH, rest::methods("OPTIONS, POST").post(post))
}

async fn answer(server: Server, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = match body::read_up_to(BODY_MAX_BYTES, &parts.headers, body).await {
        Ok(bytes) => bytes,
        Err(failure) if failure.reason == Reason::PayloadTooLarge => {
            return rest::refuse(&parts, &failure.message(TOO_LARGE));
        }
        Err(failure) => return rest::refuse(&parts, &failure),
    };
    let caller = Caller::of(&parts);
    let reply = if rest::is_json(&parts.headers, false) {
        server.answer(&caller, Some(&parts.headers), &bytes).await
    } else {
        // Whoever has no key learns nothing about what the body should be.
        match server.scopes(&caller).await {
            Err(status) => Server::refused(None, &status),
            Ok(known) => {
                let mut response = rest::refuse(&parts, &Reason::UnsupportedMediaType.into());
                wire::response_headers(known.metadata(), response.headers_mut());
                return response;
            }
        }
    };
    match reply {
        Reply::Message { status, body, metadata } => {
            let mut response = Response::new(Body::from(body.to_string()));
            *response.status_mut() = rest::status_code(status);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            wire::response_headers(&metadata, response.headers_mut());
            response
        }
        Reply::Nothing { metadata } => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = rest::status_code(ACCEPTED);
            wire::response_headers(&metadata, response.headers_mut());
            response
        }
        Reply::Refused { failure, metadata, .. } => {
            let request_id = parts.extensions.get::<Origin>().map_or("", |origin| &origin.request_id);
            let mut response = rest::failure(&failure, request_id);
            wire::response_headers(&metadata, response.headers_mut());
            response
        }
    }
}
