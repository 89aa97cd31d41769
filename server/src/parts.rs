//! Runs the parts: starts them together, and stops them in the order of the work. The listeners close first and let
//! running requests end, then the worker reports what it holds, then the core stops.

use crate::{
    cores::Cores,
    error::{Error, Result},
    metrics::{self, Sources},
    open_files,
    otlp::Otlp,
    receiver::{self, Receiver},
    settings::Settings,
};
use inboxops_core::Core;
use inboxops_edge::{Door, Listener};
use inboxops_proto::{
    address::AllowPrivate,
    clock::Clock,
    documents::Documents,
    services::{DynDispatchService, Services},
};
use inboxops_worker::Trust;
use std::{
    io,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// How often the core's database is checked.
const READY_EVERY: Duration = Duration::from_secs(1);
/// Longest time for the listeners and the worker to end.
const FRONT_DRAIN_MAX: Duration = Duration::from_secs(17);
/// Longest time for the core to end after them; both together are under 20 s.
const CORE_DRAIN_MAX: Duration = Duration::from_millis(2500);
// The worker and the listeners end by themselves before that, and log what they leave behind.
const _: () = {
    let worker = inboxops_worker::DRAIN_MAX.as_millis() + inboxops_worker::END_MAX.as_millis();
    assert!(worker < FRONT_DRAIN_MAX.as_millis());
    assert!(inboxops_edge::DRAIN_MAX.as_millis() < FRONT_DRAIN_MAX.as_millis());
    assert!(FRONT_DRAIN_MAX.as_millis() + CORE_DRAIN_MAX.as_millis() < 20_000);
};

/// The signals that ask to stop.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// A closed terminal, or a service manager's reload; `None` if `nohup` ignores the signal.
    hang_up: Option<Signal>,
}

impl Signals {
    /// Listens from now on, so that a signal during the start is not lost.
    pub(crate) fn listen() -> io::Result<Signals> {
        let hang_up = if ignores_hang_up() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up,
        })
    }

    async fn stop(&mut self) {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = hang_up => {}
        }
    }
}

/// Whether the process was started with `SIGHUP` ignored. Listening for the signal would undo that.
fn ignores_hang_up() -> bool {
    // Linux shows it as a mask whose lowest bit is signal 1, `SIGHUP`; other systems show nothing.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Socket, secret and console of the built-in receiver.
pub(crate) type ReceiverParts = (TcpListener, String, fn(String));

/// Runs the core, and the other parts that the roles name.
pub(crate) async fn run_with_core(
    settings: &Settings,
    core: Arc<Core>,
    listeners: Vec<Listener>,
    receiver: Option<ReceiverParts>,
    development: bool,
    mut otlp: Option<Otlp>,
    signals: Signals,
) -> Result<()> {
    let ready = Arc::new(AtomicBool::new(core.ready().await));
    let watched = Arc::downgrade(&core);
    let details = move || watched.upgrade().and_then(|core| core.events_held_for()).map(held_line).unwrap_or_default();
    let of_core = OfCore { core: Arc::downgrade(&core), details: Arc::new(details) };
    let door = door(settings, &core.services(), ready.clone(), Some(of_core), &mut otlp)?;
    let front = CancellationToken::new();
    let back = CancellationToken::new();
    let mut behind = JoinSet::new();
    behind.spawn(watch(core.clone(), ready, back.clone()));
    let running = core.clone();
    let stop = back.clone();
    behind.spawn(async move {
        running.run(stop).await;
        "the core"
    });
    let mut before = JoinSet::new();
    before.spawn(serve(listeners, door, front.clone()));
    if let Some((listener, secret, tell)) = receiver {
        // Stops with the core, so that it still gets the webhooks that the worker holds.
        let receiver = Receiver { secret, clock: Clock::System, tell };
        let stop = back.clone();
        behind.spawn(async move {
            receiver::run(listener, receiver, stop).await;
            "the receiver"
        });
    }
    if settings.roles.worker {
        let settings = worker(settings, settings.allow_private_targets || development, &otlp)?;
        let cores = vec![core.implementations().dispatch.clone()];
        before.spawn(work(settings, cores, front.clone()));
    }
    let ended = until_stopped(signals, &mut before, &mut behind).await;
    front.cancel();
    join(&mut before, FRONT_DRAIN_MAX).await;
    back.cancel();
    // All spans are finished; the core has none of its own.
    tokio::join!(join(&mut behind, CORE_DRAIN_MAX), end(otlp));
    // A part that did not end in time still owns it; the database then closes as after a crash, which it survives.
    if let Some(core) = Arc::into_inner(core) {
        core.close().await;
    }
    ended
}

/// Runs an edge, a worker or both for remote cores: the edge for whichever is fit, the worker for each.
pub(crate) async fn run_without_core(
    settings: &Settings,
    services: &Services,
    cores: Arc<Cores>,
    each: &[Services],
    listeners: Vec<Listener>,
    mut otlp: Option<Otlp>,
    signals: Signals,
) -> Result<()> {
    let front = CancellationToken::new();
    let back = CancellationToken::new();
    let mut behind = JoinSet::new();
    let mut parts = JoinSet::new();
    // A worker may have a listener for probes and metrics, or export metrics without one.
    if !listeners.is_empty() || otlp.is_some() {
        let door = door(settings, services, cores.ready(), None, &mut otlp)?;
        behind.spawn(cores.run(back.clone()));
        if !listeners.is_empty() {
            parts.spawn(serve(listeners, door, front.clone()));
        }
    }
    if settings.roles.worker {
        let cores = each.iter().map(|core| core.dispatch().clone()).collect();
        parts.spawn(work(worker(settings, settings.allow_private_targets, &otlp)?, cores, front.clone()));
    }
    let ended = until_stopped(signals, &mut parts, &mut behind).await;
    front.cancel();
    join(&mut parts, FRONT_DRAIN_MAX).await;
    back.cancel();
    join(&mut behind, CORE_DRAIN_MAX).await;
    end(otlp).await;
    ended
}

/// Exports the last spans and metrics.
async fn end(otlp: Option<Otlp>) {
    if let Some(otlp) = otlp {
        otlp.end(CORE_DRAIN_MAX).await;
    }
}

/// What a door tells of a core in the same process. The references are weak: the core can be closed only when its last
/// part is the only owner.
struct OfCore {
    core: Weak<Core>,
    /// Further lines of `/readyz`.
    details: Arc<dyn Fn() -> String + Send + Sync>,
}

/// The line of `/readyz` about readers of events.
fn held_line(held: Duration) -> String {
    format!("event horizon: {} s old\n", held.as_secs())
}

fn door(
    settings: &Settings,
    services: &Services,
    ready: Arc<AtomicBool>,
    of_core: Option<OfCore>,
    otlp: &mut Option<Otlp>,
) -> Result<Arc<Door>> {
    let mut told = inboxops_edge::Settings::new(rand::random);
    told.connections_max = open_files::connections_max();
    told.proxies = settings.behind_proxy.clone();
    told.secure = settings.is_secure();
    told.public_url = settings.public_url.as_ref().map(|url| url.trim_end_matches('/').into());
    told.names = settings.public_host().into_iter().collect();
    told.access_log = settings.access_log;
    let counts = settings.roles.edge.then(|| told.counts.clone());
    let core = of_core.map(|OfCore { core, details }| {
        told.ready_details = details;
        core
    });
    told.tracer = otlp.as_ref().and_then(Otlp::tracer);
    let text = metrics::text(core, Sources { ready: ready.clone(), counts, tracer: told.tracer.clone() });
    if let Some(otlp) = otlp {
        otlp.measure(text.clone());
    }
    told.metrics = Some(text);
    told.ready = Arc::new(move || ready.load(Ordering::Relaxed));
    let documents = Documents::at(settings.public_url.as_deref());
    Ok(Arc::new(Door::new(services, &documents, told).map_err(Error::Door)?))
}

async fn serve(listeners: Vec<Listener>, door: Arc<Door>, shutdown: CancellationToken) -> &'static str {
    inboxops_edge::run(listeners, door, shutdown).await;
    "the listener"
}

/// The authorities that workers trust.
pub(crate) fn trust(settings: &Settings) -> Result<Trust> {
    let Some(path) = &settings.extra_ca_file else { return Ok(Trust::System) };
    Trust::with_file(path).map_err(|source| Error::Authorities { path: path.clone(), source })
}

fn worker(settings: &Settings, allow_private_targets: bool, otlp: &Option<Otlp>) -> Result<inboxops_worker::Settings> {
    let mut told = inboxops_worker::Settings::new(format!("worker-{:032x}", rand::random::<u128>()));
    told.allow_private = if allow_private_targets { AllowPrivate::Yes } else { AllowPrivate::No };
    told.window = settings.window;
    told.trust = trust(settings)?;
    told.traces = otlp.as_ref().and_then(Otlp::traces);
    Ok(told)
}

async fn work(
    settings: inboxops_worker::Settings,
    cores: Vec<Arc<DynDispatchService>>,
    shutdown: CancellationToken,
) -> &'static str {
    let worker = settings.worker_id.clone();
    if let Err(error) = inboxops_worker::run(settings, cores, Clock::System, shutdown).await {
        tracing::error!(worker, error = inboxops_core::chain(&error), "the worker cannot start");
    }
    "the worker"
}

/// Keeps readiness in step with the database.
async fn watch(core: Arc<Core>, ready: Arc<AtomicBool>, shutdown: CancellationToken) -> &'static str {
    let mut every = tokio::time::interval(READY_EVERY);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return "the check of readiness",
            _ = every.tick() => {
                let now = core.ready().await;
                match (ready.swap(now, Ordering::Relaxed), now) {
                    (true, false) => tracing::warn!("the database does not answer or takes no writes: not ready"),
                    (false, true) => tracing::info!("the database takes writes again: ready"),
                    _ => {}
                }
            }
        }
    }
}

/// Waits for a signal, or for a part that ends unexpectedly.
async fn until_stopped(
    mut signals: Signals,
    before: &mut JoinSet<&'static str>,
    behind: &mut JoinSet<&'static str>,
) -> Result<()> {
    let ended = tokio::select! {
        () = signals.stop() => {
            tracing::info!("the server is stopping");
            return Ok(());
        }
        Some(ended) = before.join_next() => ended,
        Some(ended) = behind.join_next() => ended,
    };
    Err(Error::Stopped { what: ended.unwrap_or("a part") })
}

async fn join(parts: &mut JoinSet<&'static str>, within: Duration) {
    let all = async { while parts.join_next().await.is_some() {} };
    if tokio::time::timeout(within, all).await.is_err() {
        tracing::warn!(parts = parts.len(), "parts of the server still run at the end of the drain and are cut off");
    }
}
