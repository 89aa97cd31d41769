//! Dispatch: hands leased deliveries to workers, takes their outcomes, and sees to what waits in the database. The
//! decisions are the hub's; here they are carried out. Workers decide nothing durable.
//! `docs/delivery.md` draws the whole way of a delivery.

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

/// Batches that wait for one worker's stream; its credit ends first.
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
    /// When the database is worth a look for whatever is due.
    due: Due,
    /// A claim is worth it.
    hungry: Notify,
    /// An endpoint waits for its rate alone.
    paced: Notify,
    recording: ReportQueue,
    /// What is due by time alone may have changed.
    changed: Notify,
    /// Some core has jobs that are open.
    jobs: Notify,
    tasks: TaskTracker,
    live_cores: Arc<AtomicU32>,
    beats: Mutex<Beats>,
    parked: mpsc::UnboundedSender<Vec<Leased>>,
}

impl Dispatcher {
    /// A dispatcher on the store, which keeps `live_cores` true. Give the receiver to [`Dispatcher::run`].
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

    /// Deliveries that a writer has just committed, leased already. Called on the writer's thread, so it only hands over.
    pub(crate) fn handed(self: &Arc<Self>, leased: Vec<Leased>) {
        let deliveries = self.with_bodies(leased);
        self.drive(|hub| hub.offer(deliveries));
        self.look_again();
    }

    /// How thin events are made.
    pub(crate) fn thin(&self) -> &Thin {
        &self.thin
    }

    /// Gives deliveries the bytes that are sent. An event has one thin form, however many endpoints get it.
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

    /// An endpoint changed: what is sent from now on follows the new configuration.
    pub(crate) fn endpoint_changed(self: &Arc<Self>, endpoint: EndpointId) {
        self.drive(|hub| {
            hub.forget_route(endpoint);
            hub.pump()
        });
        self.wake();
    }

    /// What a tenant may use changed.
    pub(crate) fn tenant_changed(self: &Arc<Self>, tenant: TenantId) {
        self.drive(|hub| {
            hub.forget_routes_of(tenant);
            hub.pump()
        });
        self.wake();
    }

    /// Something became due: look now.
    pub(crate) fn wake(&self) {
        self.due.at(Timestamp::default());
        self.look_again();
    }

    /// Waits until a beat found that jobs are open, whosever they are.
    pub(crate) async fn jobs_are_open(&self) {
        self.jobs.notified().await;
    }

    fn hub(&self) -> MutexGuard<'_, Hub> {
        let mut hub = self.hub.lock().unwrap_or_else(PoisonError::into_inner);
        hub.at(self.stamps.now(), self.live_cores.load(Ordering::Relaxed).max(1));
        hub
    }

    /// Tells the hub something and does what it then wants, which nothing here waits for. The hub is held meanwhile:
    /// batches reach a worker in the order in which they were decided, or an old route could follow a newer one.
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
                    // Fails only after `run` ended; then the lease ends and the deliveries are found by it.
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
            }
        });
        let deliveries = deliveries.collect();
        let endpoints = routes.iter().map(|route| route.config.clone()).collect();
        let response = pb::WorkResponse { endpoints, payloads, deliveries };
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = workers.get(&worker) {
            // A stream that just ended takes nothing: its deliveries are found when their leases end.
            let _ = stream.try_send(Ok(response));
        }
    }

    fn join(self: &Arc<Self>, request: &pb::WorkRequest) -> Work {
        let key = self.next_worker.fetch_add(1, Ordering::Relaxed);
        let (stream, batches) = mpsc::channel(STREAM_BATCHES);
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).insert(key, stream);
        let window = request.window.min(WORKER_WINDOW_MAX);
        // A worker of an earlier release does not tell its slots; its window is twice as many.
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
