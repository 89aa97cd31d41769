//! Sends signed webhooks. A worker has no database: it receives leased deliveries from the cores over DispatchService,
//! in this process or another, sends each once, and reports the outcome.
//! `docs/delivery.md` draws the states of a delivery and says who moves it.

mod attempt;
mod backoff;
pub mod forward;
mod intake;
pub mod outcome;
mod report;
pub mod request;
mod sender;
pub mod signature;
mod span;

pub use backoff::Backoff;
pub use sender::{Addresses, IDLE_CONNECTIONS_MAX, Limits, READ_MAX_BYTES, Resolve, Resolver, Trust, Unreadable};
pub use span::Traces;

use inboxops_proto::{address::AllowPrivate, clock::Clock, services::DynDispatchService};
use sender::Sender;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;

/// Greatest number of requests in flight.
pub const IN_FLIGHT_MAX: usize = 256;
/// Greatest number of unreported deliveries of a core. It is larger than [`IN_FLIGHT_MAX`]: a slot is free as soon as
/// the response is read, so the next deliveries must be here while results are being reported.
pub const WINDOW: u32 = 512;
/// Remaining lease time that a request needs to start: its deadline, and time to report.
pub const LEASE_LEFT_MIN: Duration = Duration::from_secs(25);
/// Longest time from the shutdown to the last report: a request's deadline, and time to report.
pub const DRAIN_MAX: Duration = Duration::from_secs(16);
/// Longest time for connections to close after that.
pub const END_MAX: Duration = Duration::from_millis(500);
/// How often connections that have been idle too long are closed.
const CLOSE_IDLE_EVERY: Duration = Duration::from_secs(1);

/// Settings of a worker.
#[derive(Clone)]
pub struct Settings {
    /// Name of the worker, unique among the workers of a core, and new for every run.
    pub worker_id: String,
    /// Whether loopback addresses and `http` are allowed.
    pub allow_private: AllowPrivate,
    /// Time limits of an attempt.
    pub limits: Limits,
    /// Greatest number of requests in flight.
    pub in_flight_max: usize,
    /// Greatest number of unreported deliveries of one core.
    pub window: u32,
    /// How names are resolved.
    pub resolver: Resolver,
    /// The trusted certificate authorities.
    pub trust: Trust,
    /// Where the spans of attempts go, if traces are exported.
    pub traces: Option<Traces>,
}

impl Settings {
    /// Settings for a worker on the public internet.
    pub fn new(worker_id: impl Into<String>) -> Settings {
        Settings {
            worker_id: worker_id.into(),
            allow_private: AllowPrivate::No,
            limits: Limits::default(),
            in_flight_max: IN_FLIGHT_MAX,
            window: WINDOW,
            resolver: Resolver::System,
            trust: Trust::System,
            traces: None,
        }
    }
}

/// Why a worker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The list of authorities cannot be used.
    #[error("cannot set up TLS for webhooks")]
    Tls(#[source] rustls::Error),
}

/// What all parts of a running worker share.
struct Shared {
    worker_id: String,
    window: u32,
    in_flight_max: u32,
    allow_private: AllowPrivate,
    clock: Clock,
    sender: Sender,
    slots: Arc<Semaphore>,
    traces: Option<Traces>,
}

/// Works for `cores` until `shutdown`, then finishes the requests in flight, reports them and joins all its tasks,
/// within [`DRAIN_MAX`] and [`END_MAX`]. A core that cannot be reached is retried for ever.
///
/// # Errors
/// Only before it starts.
pub async fn run(
    settings: Settings,
    cores: Vec<Arc<DynDispatchService>>,
    clock: Clock,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let Settings { worker_id, allow_private, limits, in_flight_max, window, resolver, trust, traces } = settings;
    let sender = Sender::new(limits, allow_private, resolver, &trust).map_err(Error::Tls)?;
    let slots = Arc::new(Semaphore::new(in_flight_max));
    let in_flight_max = u32::try_from(in_flight_max).unwrap_or(u32::MAX);
    let shared = Arc::new(Shared { worker_id, window, in_flight_max, allow_private, clock, sender, slots, traces });
    let mut parts = JoinSet::new();
    for core in cores {
        let (reports, queue) = mpsc::channel(report::QUEUE_MAX);
        parts.spawn(intake::run(shared.clone(), core.clone(), reports, shutdown.clone()));
        parts.spawn(report::run(shared.clone(), core, queue));
    }
    let mut every = interval(CLOSE_IDLE_EVERY);
    let running = async {
        while !parts.is_empty() {
            tokio::select! {
                _ = parts.join_next() => {}
                _ = every.tick() => shared.sender.close_idle(),
            }
        }
    };
    let over = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN_MAX).await;
    };
    tokio::select! {
        () = running => {}
        () = over => {
            let worker = &shared.worker_id;
            tracing::error!(worker, "the worker stops with deliveries under way; their leases will end");
        }
    }
    parts.shutdown().await;
    if timeout(END_MAX, shared.sender.end()).await.is_err() {
        tracing::error!(worker = shared.worker_id, "the worker stops with connections to receivers still open");
    }
    Ok(())
}
