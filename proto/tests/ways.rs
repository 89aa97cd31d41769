//! One request by three transports: a direct call, gRPC and REST give the same.

use crate::support::{Client, Setup, setup};
use inboxops_proto::{
    failure::Failure,
    reason::{DetailCode, Reason},
    services::Services,
    v1,
};
use tonic::{Request, metadata::MetadataValue};

fn with_key<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", MetadataValue::from_static("Bearer good"));
    request
}

fn ways(setup: &Setup) -> [&Services; 2] {
    [&setup.direct, &setup.remote]
}

#[tokio::test]
async fn a_call_gives_the_same_by_every_way() {
    let setup = setup().await;
    let mut found = Vec::new();
    for services in ways(&setup) {
        let call = services.tickets().get_ticket(with_key(v1::GetTicketRequest { ticket_id: "7".to_owned() })).await;
        let (metadata, message, _) = call.expect("a ticket").into_parts();
        assert_eq!(metadata.get("ratelimit").map(|value| value.as_bytes()), Some(&b"\"tenant\";r=57;t=12"[..]));
        let rest = Client::new(services).get("/api/v1/tickets/7").await;
        assert_eq!(rest.json(), serde_json::to_value(&message).expect("JSON"));
        found.push(message);
    }
    assert_eq!(found[0], found[1]);
}

#[tokio::test]
async fn field_rules_hold_for_grpc_callers_too() {
    let setup = setup().await;
    for services in ways(&setup) {
        let request = v1::ListTicketsRequest { status: vec![0, 99], per_page: Some(0), ..Default::default() };
        let status = services.tickets().list_tickets(with_key(request)).await.expect_err("refused");
        let failure = Failure::of(&status);
        assert_eq!(failure.reason, Reason::InvalidParameter);
        let fields: Vec<&str> = failure.violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["per_page", "status", "status"]);
    }
}

#[tokio::test]
async fn a_mask_must_name_what_is_there() {
    let setup = setup().await;
    let patch = |paths: &[&str]| {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let update_mask = Some(prost_types::FieldMask { paths });
        with_key(v1::UpdateTicketRequest { ticket_id: "1".to_owned(), ticket: None, update_mask })
    };
    for services in ways(&setup) {
        services.tickets().update_ticket(patch(&["assignee_id"])).await.expect("null unassigns");
        for (path, code) in [("subject", DetailCode::Required), ("version", DetailCode::UnknownField)] {
            let status = services.tickets().update_ticket(patch(&[path])).await.expect_err("refused");
            assert_eq!(Failure::of(&status).violations[0].code, code, "{path}");
        }
    }
}

#[tokio::test]
async fn a_client_cannot_send_the_edges_marker() {
    let setup = setup().await;
    let mut request = with_key(v1::GetTicketRequest { ticket_id: "7".to_owned() });
    let marker = Failure::new(Reason::MalformedJson).status();
    let marker = MetadataValue::from_bytes(marker.details());
    request.metadata_mut().insert_bin(inboxops_proto::wire::UNDECODABLE, marker);
    setup.direct.tickets().get_ticket(request).await.expect("the marker is not believed");
}

#[tokio::test]
async fn an_absent_core_is_a_503() {
    let mut setup = setup().await;
    setup.stop().await;
    let reply = Client::new(&setup.remote).get("/api/v1/tickets/7").await;
    assert_eq!(reply.outline(), "503 service_unavailable");
}

#[tokio::test(start_paused = true)]
async fn a_core_that_never_answers_is_a_504() {
    // Connections wait in the backlog; nobody accepts them.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("a URI").connect_lazy();
    let services = Services::remote(channel, MetadataValue::from_static("token"));
    let reply = Client::new(&services).get("/api/v1/tickets/7").await;
    assert_eq!(reply.outline(), "504 timeout");
}
