//! The load: callers that open and close tickets over REST and gRPC, and record the acknowledged calls only. A call
//! without an answer may or may not have taken effect; the caller does not repeat it.

use super::dice::Dice;
use crate::bench::load as http;
use inboxops_proto::v1::{self as pb, ticket_service_client::TicketServiceClient};
use serde_json::Value;
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tonic::{Request, transport::Endpoint};
use uuid::Uuid;

/// Longest time for a call before its caller gives up.
const CALL_MAX: Duration = Duration::from_secs(12);
/// Pause after a failed call.
const PAUSE: Duration = Duration::from_millis(40);
/// One caller in this many uses gRPC.
const GRPC_EVERY: usize = 4;
/// One ticket in this many is closed after it was opened.
const CLOSE_EVERY: u64 = 4;

/// A tenant, as callers know it.
#[derive(Clone, Debug)]
pub(super) struct Tenant {
    pub id: Uuid,
    pub inbox: String,
    pub key: String,
}

/// An action that the product has acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AcknowledgedWrite {
    pub tenant: Uuid,
    pub ticket: Uuid,
    /// Version of the ticket after the action.
    pub version: u64,
    /// Whether the ticket was closed; otherwise it was opened.
    pub closed: bool,
}

impl AcknowledgedWrite {
    /// The events of the action.
    pub(super) fn events(&self) -> &'static [&'static str] {
        if self.closed { &["ticket.updated", "ticket.status_changed", "ticket.closed"] } else { &["ticket.created"] }
    }
}

/// The callers' ledger.
#[derive(Default)]
pub(super) struct Ledger {
    acknowledged: Mutex<Vec<AcknowledgedWrite>>,
    events: AtomicU64,
    failed: AtomicU64,
    over: AtomicBool,
}

impl Ledger {
    /// The acknowledged actions.
    pub(super) fn acknowledged(&self) -> MutexGuard<'_, Vec<AcknowledgedWrite>> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of acknowledged events.
    pub(super) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Number of calls that were refused or not answered.
    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Makes callers stop after their present call.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    fn note(&self, acknowledged: AcknowledgedWrite) {
        self.events.fetch_add(acknowledged.events().len() as u64, Ordering::Relaxed);
        self.acknowledged().push(acknowledged);
    }
}

/// Runs `callers` callers for a tenant, each with one action in `every`, until the ledger ends.
pub(super) fn start(
    tasks: &mut JoinSet<()>,
    door: SocketAddr,
    tenant: &Tenant,
    ledger: &Arc<Ledger>,
    callers: usize,
    every: Duration,
    dice: &mut Dice,
) {
    for n in 0..callers {
        let tenant = tenant.clone();
        let ledger = ledger.clone();
        let seed = dice.next();
        tasks.spawn(async move {
            let mut way = if n % GRPC_EVERY == GRPC_EVERY - 1 { Way::grpc(door) } else { Way::Rest(door, None) };
            caller(&mut way, &tenant, &ledger, every, Dice::new(seed)).await;
        });
    }
}

async fn caller(way: &mut Way, tenant: &Tenant, ledger: &Ledger, every: Duration, mut dice: Dice) {
    sleep(every.mul_f64(dice.between(0, 1000) as f64 / 1000.0)).await;
    let mut turn = interval(every);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !ledger.over.load(Ordering::Relaxed) {
        turn.tick().await;
        let opened = way.act(tenant, None).await;
        let Ok((ticket, version)) = opened else {
            ledger.failed.fetch_add(1, Ordering::Relaxed);
            sleep(PAUSE).await;
            continue;
        };
        ledger.note(AcknowledgedWrite { tenant: tenant.id, ticket, version, closed: false });
        if dice.between(1, CLOSE_EVERY) > 1 {
            continue;
        }
        match way.act(tenant, Some(ticket)).await {
            Ok((ticket, version)) => {
                ledger.note(AcknowledgedWrite { tenant: tenant.id, ticket, version, closed: true })
            }
            Err(_) => drop(ledger.failed.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

/// A transport.
enum Way {
    Rest(SocketAddr, Option<(TcpStream, Vec<u8>)>),
    Grpc(Box<TicketServiceClient<tonic::transport::Channel>>),
}

impl Way {
    fn grpc(door: SocketAddr) -> Way {
        // Connects at the first call, and reconnects after the other side died.
        let endpoint = Endpoint::from_shared(format!("http://{door}")).expect("an address makes a URL");
        Way::Grpc(Box::new(TicketServiceClient::new(endpoint.connect_lazy())))
    }

    /// Opens a ticket, or closes the given one; returns its id and version if that was acknowledged.
    async fn act(&mut self, tenant: &Tenant, close: Option<Uuid>) -> io::Result<(Uuid, u64)> {
        let begin = Instant::now();
        let acted = match self {
            Way::Rest(door, kept) => timeout(CALL_MAX, rest(*door, kept, tenant, close)).await,
            Way::Grpc(client) => timeout(CALL_MAX, grpc(client, tenant, close)).await,
        };
        let acted = acted.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)));
        if acted.is_err()
            && let Way::Rest(_, kept) = self
        {
            *kept = None;
        }
        debug_assert!(begin.elapsed() < CALL_MAX * 2);
        acted
    }
}

async fn rest(
    door: SocketAddr,
    kept: &mut Option<(TcpStream, Vec<u8>)>,
    tenant: &Tenant,
    close: Option<Uuid>,
) -> io::Result<(Uuid, u64)> {
    let (request, expected) = match close {
        None => {
            let body = format!(r#"{{"subject":"Refund for order 1042","inbox_id":"{}"}}"#, tenant.inbox);
            (http::request("POST", "/api/v1/tickets", &tenant.key, Some(&body)), 201)
        }
        Some(ticket) => {
            let path = format!("/api/v1/tickets/{ticket}");
            (http::request("PATCH", &path, &tenant.key, Some(r#"{"status":"closed"}"#)), 200)
        }
    };
    if kept.is_none() {
        let stream = TcpStream::connect(door).await?;
        stream.set_nodelay(true)?;
        *kept = Some((stream, Vec::new()));
    }
    let Some((stream, buffer)) = kept.as_mut() else { return Err(io::ErrorKind::NotConnected.into()) };
    let (status, head) = http::call(stream, &request, buffer).await?;
    if status != expected {
        return Err(io::Error::other(format!("status {status}")));
    }
    let answer: Value = serde_json::from_slice(&buffer[head..])?;
    let id = answer["data"]["id"].as_str().and_then(|it| it.parse().ok());
    let version = answer["data"]["version"].as_u64();
    id.zip(version).ok_or_else(|| io::Error::other("an answer without id or version"))
}

async fn grpc(
    client: &mut TicketServiceClient<tonic::transport::Channel>,
    tenant: &Tenant,
    close: Option<Uuid>,
) -> io::Result<(Uuid, u64)> {
    fn with<T>(message: T, key: &str) -> io::Result<Request<T>> {
        let mut request = Request::new(message);
        let value = format!("Bearer {key}").parse().map_err(io::Error::other)?;
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
    let ticket = match close {
        None => {
            let message = pb::CreateTicketRequest {
                subject: Some("Refund for order 1042".to_owned()),
                inbox_id: Some(tenant.inbox.clone()),
                ..Default::default()
            };
            client.create_ticket(with(message, &tenant.key)?).await.map_err(io::Error::other)?.into_inner().ticket
        }
        Some(id) => {
            let changes = pb::TicketChanges { status: Some(pb::TicketStatus::Closed.into()), ..Default::default() };
            let message =
                pb::UpdateTicketRequest { ticket_id: id.to_string(), ticket: Some(changes), ..Default::default() };
            client.update_ticket(with(message, &tenant.key)?).await.map_err(io::Error::other)?.into_inner().ticket
        }
    };
    let ticket = ticket.ok_or_else(|| io::Error::other("an answer without a ticket"))?;
    Ok((ticket.id.parse().map_err(io::Error::other)?, ticket.version.into()))
}
