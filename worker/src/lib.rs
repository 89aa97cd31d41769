//! Sends signed webhooks. A worker holds no database and decides nothing durable: it takes leased deliveries from the
//! cores over DispatchService, in this process or another, sends each once, and reports how that ended.
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

pub use backoff::Backoff;
pub use sender::{Addresses, IDLE_CONNECTIONS_MAX, Limits, READ_MAX_BYTES, Resolve, Resolver, Trust, Unreadable};

use inboxops_proto::{address::AllowPrivate, clock::Clock, services::DynDispatchService};
use sender::Sender;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;

/// Greatest number of requests that are under way.
pub const IN_FLIGHT_MAX: usize = 256;
/// Greatest number of deliveries that a core hands over and that are not reported. More than [`IN_FLIGHT_MAX`],
/// since a slot is free when the answer is read: the next deliveries are here while results are on their way.
pub const WINDOW: u32 = 512;
/// Part of a lease that must be left for a request to begin: its deadline, and time to report.
pub const LEASE_LEFT_MIN: Duration = Duration::from_secs(25);
/// Longest time from the shutdown to the end of the work: a request's deadline, and time to report.
pub const DRAIN_MAX: Duration = Duration::from_secs(16);
/// Longest time that connections get to end after it.
pub const END_MAX: Duration = Duration::from_millis(500);
/// How often connections that are unused too long are looked for.
const CLOSE_IDLE_EVERY: Duration = Duration::from_secs(1);

/// What a worker is told at its start.
#[derive(Clone)]
pub struct Settings {
    /// Its name, unique among the workers of a core, and new for every run.
    pub worker_id: String,
    /// Whether loopback and `http` are open.
    pub allow_private: AllowPrivate,
    /// How long the parts of an attempt may take.
    pub limits: Limits,
    /// Greatest number of requests that are under way.
    pub in_flight_max: usize,
    /// Greatest number of deliveries of one core that are handed over and not reported.
    pub window: u32,
    /// Where addresses come from.
    pub resolver: Resolver,
    /// Whose certificates are believed.
    pub trust: Trust,
}

impl Settings {
    /// The settings of a worker on the public internet.
    pub fn new(worker_id: impl Into<String>) -> Settings {
        Settings {
            worker_id: worker_id.into(),
            allow_private: AllowPrivate::No,
            limits: Limits::default(),
            in_flight_max: IN_FLIGHT_MAX,
            window: WINDOW,
            resolver: Resolver::System,
            trust: Trust::System,
        }
    }
}

/// Why a worker cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The list of authorities cannot be used.
    #[error("cannot set up TLS for webhooks")]
    Tls(#[source] rustls::Error),
}

/// What all parts of a running worker use.
struct Shared {
    worker_id: String,
    window: u32,
    in_flight_max: u32,
    allow_private: AllowPrivate,
    clock: Clock,
    sender: Sender,
    slots: Arc<Semaphore>,
}

/// Works for `cores` until `shutdown`, then finishes what is under way, reports it and joins all its tasks, within
/// [`DRAIN_MAX`] and [`END_MAX`]. A core that cannot be reached is tried for ever.
///
/// # Errors
/// Only before it begins.
pub async fn run(
    settings: Settings,
    cores: Vec<Arc<DynDispatchService>>,
    clock: Clock,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let Settings { worker_id, allow_private, limits, in_flight_max, window, resolver, trust } = settings;
    let sender = Sender::new(limits, allow_private, resolver, &trust).map_err(Error::Tls)?;
    let slots = Arc::new(Semaphore::new(in_flight_max));
    let in_flight_max = u32::try_from(in_flight_max).unwrap_or(u32::MAX);
    let shared = Arc::new(Shared { worker_id, window, in_flight_max, allow_private, clock, sender, slots });
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
