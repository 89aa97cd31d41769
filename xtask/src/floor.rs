//! The floor of the benchmark: a handler that an engineer would write by hand with axum for `GET /api/v1/tickets/{id}`,
//! with the same query on the same database and the same JSON, but without gate, limits and headers.

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{Response, StatusCode, header},
    routing::get,
};
use inboxops_core::bench::TicketReader;
use inboxops_proto::{id::TenantId, v1};
use std::{error::Error, io::Write as _, sync::Arc};
use tokio::net::TcpListener;

/// Serves until the process is ended; prints the address first.
pub(crate) fn serve(database_url: &str, tenant: &str) -> Result<(), Box<dyn Error>> {
    let tenant: TenantId = tenant.parse()?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let tickets = Arc::new(TicketReader::open(database_url, tenant).await?);
        let app = Router::new().route("/api/v1/tickets/{id}", get(ticket)).with_state(tickets);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        axum::serve(listener, app).await?;
        Ok(())
    })
}

async fn ticket(State(tickets): State<Arc<TicketReader>>, Path(id): Path<String>) -> Response<Body> {
    let found = match id.parse() {
        Ok(id) => tickets.get(id).await,
        Err(_) => Ok(None),
    };
    let answer = |status, body: Vec<u8>| {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        response
    };
    match found {
        Ok(Some(ticket)) => {
            let body = v1::GetTicketResponse { ticket: Some(ticket) };
            answer(StatusCode::OK, serde_json::to_vec(&body).unwrap_or_default())
        }
        Ok(None) => answer(StatusCode::NOT_FOUND, Vec::new()),
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, Vec::new()),
    }
}
