//! The floor of the benchmark: what an engineer would write by hand with axum for `GET /api/v1/tickets/{id}`, with
//! the same query on the same database and the same JSON, and none of the rest: no gate, no limits, no headers.

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{Response, StatusCode, header},
    routing::get,
};
use inboxops_core::store::{self, Db, Options, Queue, TenantScope, tickets::TicketRef};
use inboxops_proto::{clock::Clock, id::TenantId, v1};
use std::{error::Error, io::Write as _, sync::Arc};
use tokio::net::TcpListener;

struct Floor {
    db: Db,
    scope: TenantScope,
}

/// Serves until the process is ended; prints the address first.
pub fn serve(database_url: &str, tenant: &str) -> Result<(), Box<dyn Error>> {
    let tenant: TenantId = tenant.parse()?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let db = Db::open(Options::new(database_url, Clock::System)).await?;
        let scope = db.system(Queue::Claims, async move |tx| Ok(tx.scope_of(tenant))).await?;
        let app = Router::new().route("/api/v1/tickets/{id}", get(ticket)).with_state(Arc::new(Floor { db, scope }));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        axum::serve(listener, app).await?;
        Ok(())
    })
}

async fn ticket(State(floor): State<Arc<Floor>>, Path(id): Path<String>) -> Response<Body> {
    let found = match id.parse() {
        Ok(id) => store::tickets::find(&floor.db, floor.scope.clone(), TicketRef::Id(id)).await,
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
            let body = v1::GetTicketResponse { ticket: Some(v1::Ticket::from(&ticket)) };
            answer(StatusCode::OK, serde_json::to_vec(&body).unwrap_or_default())
        }
        Ok(None) => answer(StatusCode::NOT_FOUND, Vec::new()),
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, Vec::new()),
    }
}
