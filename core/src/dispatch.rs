//! Dispatch: gives leased deliveries to workers, records the outcomes that they report, and claims what waits in the
//! database. The hub decides; this module carries its decisions out. Workers store nothing.
//! `docs/delivery.md` draws the states of a delivery and says who moves it.

mod claims;
mod disable;
pub(crate) mod hub;
mod reports;
mod routes;
mod run_loop;
mod service;
mod settle;
mod timers;

pub(crate) use service::Dispatch;
#[cfg(test)]
pub(crate) use {
    claims::CLAIM_MAX,
    run_loop::{PACE_MIN, TICK},
    timers::{BEAT, REAP},
};

use claims::Due;
use reports::ReportQueue;
use service::Work;
use timers::Beats;

use crate::{
    error::Result,
    events::{Kind, Thin},
    metrics::Metrics,
    secrets::MasterKey,
    store::{Db, Leased},
    time_and_chance::Stamps,
};
use hub::{Action, Hub, Route, WorkerKey};
use inboxops_proto::{
    clock::Timestamp,
    id::{EndpointId, EventId, TenantId},
    internal::v1 as pb,
    limits::WORKER_WINDOW_MAX,
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};
use tokio::sync::{Notify, mpsc};
use tokio_util::task::TaskTracker;
use tonic::Status;
use uuid::Uuid;

/// Batches that wait for one worker's stream; the worker's credit ends before they fill it.
const STREAM_BATCHES: usize = WORKER_WINDOW_MAX as usize + 1;

/// The dispatcher of one core.
pub(crate) struct Dispatcher {
    db: Db,
    stamps: Stamps,
    master_key: MasterKey,
    thin: Thin,
    metrics: Arc<Metrics>,
    hub: Mutex<Hub>,
    workers: Mutex<HashMap<WorkerKey, mpsc::Sender<Result<pb::WorkResponse, Status>>>>,
    next_worker: AtomicU64,
    /// When to look in the database for deliveries that are due.
    due: Due,
    /// Wakes the claimer: a claim is worth its transaction.
    hungry: Notify,
    /// Wakes the pacer: an endpoint waits for its rate alone.
    paced: Notify,
    recording: ReportQueue,
    /// Wakes the timers: the next lease's end or the next due test may have changed.
    changed: Notify,
    /// Wakes the jobs: some core has open ones.
    jobs: Notify,
    tasks: TaskTracker,
    live_cores: Arc<AtomicU32>,
    beats: Mutex<Beats>,
    parked: mpsc::UnboundedSender<Vec<Leased>>,
}

impl Dispatcher {
    /// A dispatcher on the store. It keeps `live_cores` up to date. Pass the receiver to [`Dispatcher::run`].
    pub(crate) fn new(
        db: Db,
        stamps: Stamps,
        master_key: MasterKey,
        thin: Thin,
        metrics: Arc<Metrics>,
        live_cores: Arc<AtomicU32>,
    ) -> (Arc<Dispatcher>, mpsc::UnboundedReceiver<Vec<Leased>>) {
        let (parked, to_park) = mpsc::unbounded_channel();
        let dispatcher = Dispatcher {
            db,
            stamps,
            master_key,
            thin,
            metrics,
            hub: Mutex::default(),
            workers: Mutex::default(),
            next_worker: AtomicU64::new(1),
            due: Due::now(),
            hungry: Notify::new(),
            paced: Notify::new(),
            recording: ReportQueue::default(),
            changed: Notify::new(),
            jobs: Notify::new(),
            tasks: TaskTracker::new(),
            live_cores,
            beats: Mutex::default(),
            parked,
        };
        (Arc::new(dispatcher), to_park)
    }

    /// Takes the leased deliveries of a commit. It runs on the writer's thread and must not block.
    pub(crate) fn handed(self: &Arc<Self>, leased: Vec<Leased>) {
        let deliveries = self.with_bodies(leased);
        self.drive(|hub| hub.offer(deliveries));
        self.look_again();
    }

    /// The maker of thin events.
    pub(crate) fn thin(&self) -> &Thin {
        &self.thin
    }

    /// Puts the bytes that are sent into the deliveries. An event has one thin form, however many endpoints get it.
    fn with_bodies(&self, mut leased: Vec<Leased>) -> Vec<Leased> {
        let mut made: HashMap<EventId, bytes::Bytes> = HashMap::new();
        for delivery in leased.iter_mut().filter(|it| it.thin) {
            delivery.body = made.entry(delivery.event).or_insert_with(|| self.thin_of(delivery)).clone();
        }
        leased
    }

    fn thin_of(&self, leased: &Leased) -> bytes::Bytes {
        let text = std::str::from_utf8(&leased.body).unwrap_or_default();
        match self.thin.of(text) {
            Ok(thin) => thin.into(),
            Err(error) => {
                tracing::error!(event = %leased.event, %error, "event {} has no thin form, sent whole", leased.event);
                leased.body.clone()
            }
        }
    }

    /// An endpoint has changed: requests from now on follow its new configuration.
    pub(crate) fn endpoint_changed(self: &Arc<Self>, endpoint: EndpointId) {
        self.drive(|hub| {
            hub.forget_route(endpoint);
            hub.pump()
        });
        self.wake();
    }

    /// A tenant's plan or entitlements have changed.
    pub(crate) fn tenant_changed(self: &Arc<Self>, tenant: TenantId) {
        self.drive(|hub| {
            hub.forget_routes_of(tenant);
            hub.pump()
        });
        self.wake();
    }

    /// Something is due: look for it now.
    pub(crate) fn wake(&self) {
        self.due.at(Timestamp::default());
        self.look_again();
    }

    /// Waits until a beat finds open jobs of any core.
    pub(crate) async fn jobs_are_open(&self) {
        self.jobs.notified().await;
    }

    fn hub(&self) -> MutexGuard<'_, Hub> {
        let mut hub = self.hub.lock().unwrap_or_else(PoisonError::into_inner);
        hub.at(self.stamps.now(), self.live_cores.load(Ordering::Relaxed).max(1));
        hub
    }

    /// Applies an event to the hub and carries out the resulting actions without blocking. The hub stays locked
    /// meanwhile, so that batches reach a worker in the order of the decisions; otherwise an old route could follow a
    /// newer one.
    fn drive(self: &Arc<Self>, tell: impl FnOnce(&mut Hub) -> Vec<Action>) {
        let mut hub = self.hub();
        let actions = tell(&mut hub);
        if hub.paced_until().is_some() {
            self.paced.notify_one();
        }
        if hub.is_hungry() {
            self.hungry.notify_one();
        }
        self.act(actions);
    }

    fn act(self: &Arc<Self>, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(worker, deliveries, routes) => self.send(worker, deliveries, routes),
                Action::Park(deliveries) => {
                    // Fails only after `run` has ended. Then the leases expire, and the deliveries are found by that.
                    let _ = self.parked.send(deliveries);
                }
                Action::Load(endpoint, asked) => {
                    let this = self.clone();
                    self.tasks.spawn(async move { this.load(endpoint, asked).await });
                }
            }
        }
    }

    fn send(&self, worker: WorkerKey, leased: Vec<Leased>, routes: Vec<Arc<Route>>) {
        let mut payloads: Vec<pb::Payload> = Vec::new();
        let mut index: HashMap<(EventId, bool), u32> = HashMap::new();
        let deliveries = leased.iter().map(|it| {
            let payload = *index.entry((it.event, it.thin)).or_insert_with(|| {
                payloads.push(pb::Payload {
                    event_id: bytes(it.event.0),
                    event: Kind::from_code(it.kind).map_or("", Kind::name).to_owned(),
                    body: it.body.clone(),
                });
                u32::try_from(payloads.len() - 1).unwrap_or(u32::MAX)
            });
            pb::LeasedDelivery {
                delivery_id: bytes(it.delivery.0),
                endpoint_id: bytes(it.endpoint.0),
                endpoint_version: it.endpoint_version,
                payload,
                attempt: it.attempt,
                token: it.token,
                lease_until_us: it.lease_until.micros(),
                fresh: it.fresh,
                traceparent: it.trace.map(|trace| trace.to_string()).unwrap_or_default(),
            }
        });
        let deliveries = deliveries.collect();
        let endpoints = routes.iter().map(|route| route.config.clone()).collect();
        let response = pb::WorkResponse { endpoints, payloads, deliveries };
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = workers.get(&worker) {
            // A stream that has just ended takes nothing; its deliveries are found when their leases expire.
            let _ = stream.try_send(Ok(response));
        }
    }

    fn join(self: &Arc<Self>, request: &pb::WorkRequest) -> Work {
        let key = self.next_worker.fetch_add(1, Ordering::Relaxed);
        let (stream, batches) = mpsc::channel(STREAM_BATCHES);
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).insert(key, stream);
        let window = request.window.min(WORKER_WINDOW_MAX);
        // A worker of an earlier release does not report its slots; its window is twice as large.
        let slots = if request.slots == 0 { window.div_ceil(2) } else { request.slots };
        self.drive(|hub| hub.join(key, window, slots));
        self.wake();
        tracing::info!(worker = request.worker_id, window, slots, "worker {:?} joined", request.worker_id);
        Work { batches, key, dispatcher: Arc::downgrade(self) }
    }

    fn leave(self: &Arc<Self>, key: WorkerKey) {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        self.drive(|hub| hub.leave(key));
    }
}

fn bytes(id: Uuid) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(id.as_bytes())
}

#[cfg(test)]
mod simulation;
