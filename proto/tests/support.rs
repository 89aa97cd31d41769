//! Two small services that return what they received, a gate that knows two keys, and a client of the REST routes.

use axum::{Router, body::Body};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use inboxops_proto::{
    failure::Failure,
    gate::{Admission, AnyScope, BoxStream, Gate, Rpc},
    reason::Reason,
    rest,
    services::{self, Implementations, Services},
    v1::{
        self, event_service_server::EventService, export_service_server::ExportService,
        identity_service_server::IdentityService, tag_service_server::TagService, ticket_service_server::TicketService,
    },
    wire::{self, Origin, Way},
};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;
use tonic::{
    Extensions, Response, Status,
    metadata::{MetadataMap, MetadataValue},
    transport::Endpoint,
};
use tower::ServiceExt as _;

pub(crate) const EDGE: &str = "edge's own token";
type Answer<T> = Result<Response<T>, Status>;

/// Answers with tickets that show the request.
#[derive(Default)]
pub(crate) struct TestServices {
    pub listed: Mutex<Option<v1::ListTicketsRequest>>,
    /// The tickets of the list.
    pub tickets: Mutex<Vec<v1::Ticket>>,
}

/// A ticket whose subject shows what the service received.
pub(crate) fn ticket(subject: impl Into<String>) -> v1::Ticket {
    v1::Ticket {
        id: "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51".to_owned(),
        ticket_number: 7,
        subject: subject.into(),
        status: v1::TicketStatus::Open.into(),
        priority: v1::TicketPriority::Normal.into(),
        channel: v1::Channel::Api.into(),
        created_at: Some(prost_types::Timestamp { seconds: 1_769_851_800, nanos: 120_000_000 }),
        version: 3,
        ..v1::Ticket::default()
    }
}

#[tonic::async_trait]
impl TicketService for TestServices {
    async fn list_tickets(&self, request: tonic::Request<v1::ListTicketsRequest>) -> Answer<v1::ListTicketsResponse> {
        *self.listed.lock().expect("no panic") = Some(request.into_inner());
        let tickets = self.tickets.lock().expect("no panic").clone();
        let total = u32::try_from(tickets.len()).expect("few tickets");
        let meta = (total > 0).then(|| v1::PageMeta { total, ..Default::default() });
        Ok(Response::new(v1::ListTicketsResponse { tickets, meta }))
    }

    async fn get_ticket(&self, request: tonic::Request<v1::GetTicketRequest>) -> Answer<v1::GetTicketResponse> {
        let id = request.into_inner().ticket_id;
        if !id.starts_with(char::is_numeric) {
            return Err(Failure::new(Reason::TicketNotFound).into());
        }
        Ok(Response::new(v1::GetTicketResponse { ticket: Some(ticket(id)) }))
    }

    async fn create_ticket(
        &self,
        request: tonic::Request<v1::CreateTicketRequest>,
    ) -> Answer<v1::CreateTicketResponse> {
        let subject = request.into_inner().subject.unwrap_or_default();
        if subject == "library" {
            return Err(Status::internal("error returned from database: /var/lib/secret"));
        }
        Ok(Response::new(v1::CreateTicketResponse { ticket: Some(ticket(subject)) }))
    }

    async fn update_ticket(
        &self,
        request: tonic::Request<v1::UpdateTicketRequest>,
    ) -> Answer<v1::UpdateTicketResponse> {
        let request = request.into_inner();
        if request.ticket_id == "412" {
            return Err(Failure::new(Reason::PreconditionFailed).fact("etag", "9").into());
        }
        let mask = request.update_mask.map(|mask| mask.paths.join(",")).unwrap_or_default();
        Ok(Response::new(v1::UpdateTicketResponse { ticket: Some(ticket(mask)) }))
    }
}

#[tonic::async_trait]
impl TagService for TestServices {
    async fn list_tags(&self, _: tonic::Request<v1::ListTagsRequest>) -> Answer<v1::ListTagsResponse> {
        Err(Failure::new(Reason::Conflict).retry_after(0).into())
    }

    async fn list_ticket_tags(
        &self,
        _: tonic::Request<v1::ListTicketTagsRequest>,
    ) -> Answer<v1::ListTicketTagsResponse> {
        Ok(Response::new(v1::ListTicketTagsResponse::default()))
    }

    async fn add_ticket_tag(
        &self,
        request: tonic::Request<v1::AddTicketTagRequest>,
    ) -> Answer<v1::AddTicketTagResponse> {
        let name = request.into_inner().tag_name.unwrap_or_default();
        let attached = name != "again";
        Ok(Response::new(v1::AddTicketTagResponse { tag: Some(v1::Tag { name, ..v1::Tag::default() }), attached }))
    }

    async fn remove_ticket_tag(
        &self,
        _: tonic::Request<v1::RemoveTicketTagRequest>,
    ) -> Answer<v1::RemoveTicketTagResponse> {
        Ok(Response::new(v1::RemoveTicketTagResponse {}))
    }
}

#[tonic::async_trait]
impl IdentityService for TestServices {
    async fn who_am_i(&self, _: tonic::Request<v1::WhoAmIRequest>) -> Answer<v1::WhoAmIResponse> {
        Ok(Response::new(v1::WhoAmIResponse::default()))
    }

    async fn get_key_scopes(
        &self,
        request: tonic::Request<v1::GetKeyScopesRequest>,
    ) -> Answer<v1::GetKeyScopesResponse> {
        let good = request.metadata().get("authorization").is_some_and(|key| key == "Bearer good");
        let scopes: &[&str] = if good { &["tickets:read", "tickets:write", "tags:write"] } else { &[] };
        Ok(Response::new(v1::GetKeyScopesResponse { scopes: scopes.iter().map(|&scope| scope.to_owned()).collect() }))
    }
}

fn event(n: u32) -> v1::StreamEventsResponse {
    v1::StreamEventsResponse {
        signal: v1::StreamSignal::News.into(),
        cursor: format!("c{n}"),
        event: "ticket.created".to_owned(),
        payload: format!("{{\"n\": {n}}}"),
    }
}

#[tonic::async_trait]
impl EventService for TestServices {
    async fn list_events(&self, _: tonic::Request<v1::ListEventsRequest>) -> Answer<v1::ListEventsResponse> {
        let meta = v1::EventsMeta { has_more: false, next_cursor: "c2".to_owned() };
        Ok(Response::new(v1::ListEventsResponse { events: vec![event(1).payload, event(2).payload], meta: Some(meta) }))
    }

    type StreamEventsStream = BoxStream<v1::StreamEventsResponse>;

    async fn stream_events(
        &self,
        request: tonic::Request<v1::StreamEventsRequest>,
    ) -> Answer<BoxStream<v1::StreamEventsResponse>> {
        let first = v1::StreamEventsResponse {
            signal: v1::StreamSignal::Subscribed.into(),
            cursor: request.into_inner().after.unwrap_or_default(),
            ..Default::default()
        };
        let end = Err(Failure::new(Reason::CursorExpired).into());
        Ok(Response::new(Box::pin(futures_util::stream::iter([Ok(first), Ok(event(1)), Ok(event(2)), end]))))
    }
}

#[tonic::async_trait]
impl ExportService for TestServices {
    type ExportStream = BoxStream<v1::ExportResponse>;

    async fn export(&self, request: tonic::Request<v1::ExportRequest>) -> Answer<BoxStream<v1::ExportResponse>> {
        let after = request.into_inner().after;
        if after.as_deref() == Some("busy") {
            return Err(Failure::new(Reason::ExportInProgress).retry_after(5).into());
        }
        let tag = v1::ExportResponse {
            r#type: v1::ExportType::Tag.into(),
            tag: Some(v1::Tag { name: "vip".to_owned(), ..v1::Tag::default() }),
            cursor: Some("c1".to_owned()),
            ..Default::default()
        };
        let end = v1::ExportResponse {
            r#type: v1::ExportType::End.into(),
            events_cursor: Some("e1".to_owned()),
            count: Some(0),
            ..Default::default()
        };
        let end = if after.is_some() { Err(Failure::new(Reason::ServiceUnavailable).into()) } else { Ok(end) };
        Ok(Response::new(Box::pin(futures_util::stream::iter([Ok(tag), end]))))
    }
}

/// Admits `Bearer good`; `Bearer weak` lacks every scope.
struct Keys;

#[tonic::async_trait]
impl Gate for Keys {
    async fn admit(
        &self,
        rpc: &'static Rpc,
        _: &[AnyScope],
        metadata: &MetadataMap,
        extensions: &mut Extensions,
    ) -> Admission {
        if metadata.get(wire::EDGE_TOKEN).is_some_and(|token| token == EDGE) {
            wire::incoming(metadata, extensions);
        }
        let mut headers = MetadataMap::new();
        headers.insert("ratelimit", MetadataValue::from_static("\"tenant\";r=57;t=12"));
        let verdict = match metadata.get("authorization").and_then(|value| value.to_str().ok()) {
            Some("Bearer good") => Ok(()),
            Some("Bearer weak") if rpc.policy.credential_only => Ok(()),
            Some("Bearer weak") => {
                let scope = rpc.policy.api_key.unwrap_or_default();
                Err(Failure::new(Reason::InsufficientScope).fact("scope", scope))
            }
            _ => Err(Reason::MissingApiKey.into()),
        };
        Admission { headers, verdict }
    }

    async fn still_admitted(&self, _: &'static Rpc, _: &Extensions) -> Result<(), Failure> {
        Ok(())
    }
}

/// The services, direct and over gRPC.
pub(crate) struct Setup {
    pub services: Arc<TestServices>,
    pub direct: Services,
    pub remote: Services,
    server: JoinSet<()>,
}

impl Setup {
    /// Ends the gRPC server.
    pub(crate) async fn stop(&mut self) {
        self.server.shutdown().await;
    }
}

pub(crate) async fn setup() -> Setup {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let channel = Endpoint::from_shared(format!("http://{address}")).expect("a URI").connect_lazy();
    let remote = Services::remote(channel, MetadataValue::from_static(EDGE));
    let services = Arc::new(TestServices::default());
    // Any implementation will do for the nouns that no test calls.
    let inner = Implementations {
        tickets: services.clone(),
        tags: services.clone(),
        events: services.clone(),
        exports: services.clone(),
        messages: remote.messages().clone(),
        inboxes: remote.inboxes().clone(),
        agents: remote.agents().clone(),
        identity: services.clone(),
        webhooks: remote.webhooks().clone(),
        deliveries: remote.deliveries().clone(),
        api_keys: remote.api_keys().clone(),
        sessions: remote.sessions().clone(),
        audits: remote.audits().clone(),
        audit_logs: remote.audit_logs().clone(),
        ticket_desks: remote.ticket_desks().clone(),
        tenants: remote.tenants().clone(),
        service_tokens: remote.service_tokens().clone(),
        ingest: remote.ingest().clone(),
        dispatch: remote.dispatch().clone(),
    };
    let direct = Services::guarded(Arc::new(Keys), inner);
    let app = direct.grpc().prepare().into_axum_router();
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, app).await.expect("serves") });
    Setup { services, direct, remote, server }
}

/// An answer of the REST routes.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Status and code, then `field code` of every detail.
    pub(crate) fn outline(&self) -> String {
        let json = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let error = &json["error"];
        let mut parts = vec![format!("{} {}", self.status.as_u16(), text(&error["code"]))];
        for detail in error["details"].as_array().into_iter().flatten() {
            parts.push(format!("{} {}", text(&detail["field"]), text(&detail["code"])));
        }
        parts.join("; ")
    }
}

/// The REST routes over some services, as an edge serves them.
pub(crate) struct Client(Router);

impl Client {
    pub(crate) fn new(services: &Services) -> Client {
        Client(services::routes(services).fallback(rest::route_not_found))
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Reply {
        let request_id = "req_1".to_owned();
        let origin = Origin { peer: None, way: Way::Rest, request_id, same_origin: false, secure: false };
        request.extensions_mut().insert(origin);
        let (parts, body) = self.0.clone().oneshot(request).await.expect("infallible").into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Reply { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(request(Method::GET, path).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn write(&self, method: Method, path: &str, body: impl Into<Body>) -> Reply {
        let request = request(method, path).header("content-type", "application/json");
        self.send(request.body(body.into()).expect("a request")).await
    }
}

/// A request with a good key.
pub(crate) fn request(method: Method, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header("authorization", "Bearer good")
}
