//! Dispatch: hands leased deliveries to workers, takes their outcomes, and sees to what waits in the database. The
//! decisions are the hub's; here they are carried out. Workers decide nothing durable.

pub mod hub;
mod service;
mod settle;

pub use service::Dispatch;

use service::Work;
use settle::{GONE, GONE_SAID, settle};

use crate::{
    error::{Error, Result, chain},
    events::Kind,
    secrets::MasterKey,
    stamp::Stamps,
    store::{
        self, Db, Handed, LEASE, Lane,
        dispatch::{Claim, Lease, Report, Which},
        endpoints::{Endpoint, Sealed},
    },
};
use hub::{Action, Hub, Item, Route, WorkerKey};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, EventId},
    internal::v1 as pb,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Status;
use uuid::Uuid;

/// How often the database is asked for due deliveries.
pub const POLL: Duration = Duration::from_millis(250);
/// How often leases that ended are looked for.
pub const REAP: Duration = Duration::from_secs(1);
/// How often this core tells the others that it lives.
pub const BEAT: Duration = Duration::from_secs(2);
/// Greatest number of deliveries that one claim takes.
pub const CLAIM_MAX: usize = 256;
/// Greatest window that a worker gets.
pub const WINDOW_MAX: u32 = 1024;
/// Batches that wait for one worker's stream; its credit ends first.
const STREAM_BATCHES: usize = WINDOW_MAX as usize + 1;

/// The dispatcher of one core.
pub struct Dispatcher {
    db: Db,
    stamps: Stamps,
    master_key: MasterKey,
    hub: Mutex<Hub>,
    workers: Mutex<HashMap<WorkerKey, mpsc::Sender<Result<pb::WorkResponse, Status>>>>,
    next_worker: AtomicU64,
    wake: Notify,
    /// Whether the last claim found something, or something was parked since: then a free slot is worth a claim.
    backlog: AtomicBool,
    tasks: TaskTracker,
    live_cores: Arc<AtomicU32>,
    parked: mpsc::UnboundedSender<Vec<Item>>,
}

impl Dispatcher {
    /// A dispatcher on the store, which keeps `live_cores` true. Give the receiver to [`Dispatcher::run`].
    pub fn new(
        db: Db,
        stamps: Stamps,
        master_key: MasterKey,
        live_cores: Arc<AtomicU32>,
    ) -> (Arc<Dispatcher>, mpsc::UnboundedReceiver<Vec<Item>>) {
        let (parked, to_park) = mpsc::unbounded_channel();
        let dispatcher = Dispatcher {
            db,
            stamps,
            master_key,
            hub: Mutex::default(),
            workers: Mutex::default(),
            next_worker: AtomicU64::new(1),
            wake: Notify::new(),
            backlog: AtomicBool::new(true),
            tasks: TaskTracker::new(),
            live_cores,
            parked,
        };
        (Arc::new(dispatcher), to_park)
    }

    /// Deliveries that a lane has just committed, leased already. Called on the lane, so it only hands over.
    pub fn handed(self: &Arc<Self>, handed: Vec<Handed>) {
        let now = self.stamps.now();
        let items = handed.into_iter().map(|handed| item(handed, now)).collect();
        let actions = self.hub().offer(items);
        self.act(actions);
    }

    /// An endpoint changed: what is sent from now on follows the new configuration.
    pub fn endpoint_changed(self: &Arc<Self>, endpoint: EndpointId) {
        self.hub().forget_route(endpoint);
        let actions = self.hub().pump();
        self.act(actions);
        self.wake();
    }

    /// Something became due: look now and not only at the next poll.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn act(self: &Arc<Self>, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(worker, items, routes) => self.send(worker, items, routes),
                Action::Park(items) => {
                    // Fails only after `run` ended; then the lease ends and the deliveries are found by it.
                    let _ = self.parked.send(items);
                }
                Action::Load(endpoint) => {
                    let this = self.clone();
                    self.tasks.spawn(async move { this.load(endpoint).await });
                }
            }
        }
    }

    fn send(&self, worker: WorkerKey, items: Vec<Item>, routes: Vec<Arc<Route>>) {
        let mut payloads: Vec<pb::Payload> = Vec::new();
        let mut index: HashMap<EventId, u32> = HashMap::new();
        let deliveries = items.iter().map(|item| {
            let payload = *index.entry(item.event).or_insert_with(|| {
                payloads.push(pb::Payload {
                    event_id: bytes(item.event.0),
                    event: item.event_name.to_owned(),
                    body: item.body.clone(),
                });
                u32::try_from(payloads.len() - 1).unwrap_or(u32::MAX)
            });
            pb::LeasedDelivery {
                delivery_id: bytes(item.delivery.0),
                endpoint_id: bytes(item.endpoint.0),
                endpoint_version: item.endpoint_version,
                payload,
                attempt: item.attempt,
                token: item.token,
                lease_until_us: item.lease_until.micros(),
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

    async fn load(self: Arc<Self>, endpoint: EndpointId) {
        let route = match self.route(endpoint).await {
            Ok(route) => route,
            Err(error) => {
                tracing::warn!(%endpoint, error = chain(&error), "cannot load an endpoint's route");
                None
            }
        };
        let actions = self.hub().route(endpoint, route.map(Arc::new));
        self.act(actions);
    }

    async fn route(&self, endpoint: EndpointId) -> Result<Option<Route>> {
        let Some(row) = store::endpoints::load(&self.db, &[endpoint]).await?.pop() else { return Ok(None) };
        let secrets = vec![self.open(&row, &row.secret)?];
        let config = pb::EndpointConfig {
            endpoint_id: bytes(endpoint.0),
            version: row.version,
            url: row.url,
            secrets,
            headers: Vec::new(),
        };
        Ok(Some(Route { config, enabled: row.enabled && row.disabled_reason.is_none() }))
    }

    fn open(&self, endpoint: &Endpoint, sealed: &Sealed) -> Result<String> {
        let owner = [endpoint.tenant.0.as_bytes().as_slice(), endpoint.id.0.as_bytes()];
        let plain = self.master_key.open(&sealed.bytes, &owner)?;
        String::from_utf8(plain.to_vec()).map_err(|_| Error::Unseal)
    }

    /// Runs until `shutdown`: parks, polls, reaps. Then gives back what waits in memory.
    pub async fn run(self: Arc<Self>, mut to_park: mpsc::UnboundedReceiver<Vec<Item>>, shutdown: CancellationToken) {
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut reaped, mut beaten) = (tokio::time::Instant::now(), tokio::time::Instant::now());
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(items) = to_park.recv() => self.park(items, &mut to_park).await,
                _ = poll.tick() => {
                    let actions = self.hub().tick(self.stamps.now());
                    self.act(actions);
                    if reaped.elapsed() >= REAP {
                        self.attempt("reap", self.reap()).await;
                        reaped = tokio::time::Instant::now();
                    }
                    if beaten.elapsed() >= BEAT {
                        self.attempt("beat", self.beat()).await;
                        beaten = tokio::time::Instant::now();
                    }
                    self.claim_all().await;
                }
                () = self.wake.notified() => self.claim_all().await,
            }
        }
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let actions = self.hub().park_all();
        self.act(actions);
        while let Ok(items) = to_park.try_recv() {
            self.park(items, &mut to_park).await;
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn attempt(&self, what: &'static str, doing: impl Future<Output = Result<()>>) {
        // The database may be away for minutes: the next turn tries again, for ever.
        if let Err(error) = doing.await {
            tracing::warn!(what, error = chain(&error), "dispatch could not use the database");
        }
    }

    async fn park(&self, mut items: Vec<Item>, more: &mut mpsc::UnboundedReceiver<Vec<Item>>) {
        while let Ok(next) = more.try_recv() {
            items.extend(next);
        }
        let leases: Vec<Lease> =
            items.iter().map(|item| Lease { delivery: item.delivery, token: item.token }).collect();
        let now = self.stamps.now();
        let park = self.db.system(Lane::Claims, async move |tx| store::dispatch::park(tx, &leases, now).await);
        self.attempt("park", async { Ok(park.await.map(drop)?) }).await;
        self.backlog.store(true, Ordering::Relaxed);
    }

    /// Takes back the leases of a predecessor that died: where this is the only process, all that there are. Call it
    /// once, before anything can be leased.
    pub async fn void(&self) -> Result<()> {
        if self.db.is_shared() { Ok(()) } else { self.take_back(Which::All).await }
    }

    async fn reap(&self) -> Result<()> {
        self.take_back(Which::Ended).await?;
        // After silence, as when the database was away, this core would find itself among the dead.
        self.beat().await?;
        self.take_back(Which::OfDeadCores).await
    }

    async fn beat(&self) -> Result<()> {
        self.live_cores.store(store::cores::beat(&self.db).await?, Ordering::Relaxed);
        Ok(())
    }

    async fn take_back(&self, which: Which) -> Result<()> {
        let mut all = 0;
        loop {
            let now = self.stamps.now();
            let taken =
                self.db.system(Lane::Claims, async move |tx| store::dispatch::reap(tx, which, now).await).await?;
            all += taken;
            if i64::try_from(taken).is_ok_and(|taken| taken < store::dispatch::REAP_MAX) {
                break;
            }
        }
        if all > 0 {
            tracing::warn!(leases = all, ?which, "leases ended without a report");
        }
        Ok(())
    }

    /// Claims until nothing is due or no worker has room.
    async fn claim_all(self: &Arc<Self>) {
        loop {
            let (room, rooms) = {
                let hub = self.hub();
                (hub.room().min(CLAIM_MAX), hub.rooms())
            };
            if room == 0 {
                return;
            }
            let now = self.stamps.now();
            let claim = Claim { now, lease_until: now.plus(LEASE), lanes: store::dispatch::CLAIM_LANES_MAX };
            let claimed = self.db.system(Lane::Claims, async move |tx| {
                let mut left = u32::try_from(room).unwrap_or(u32::MAX);
                let share = |turn: store::dispatch::Turn| {
                    let room = rooms.get(&turn.endpoint).copied().unwrap_or(hub::IN_FLIGHT_START).min(left);
                    left -= room;
                    room
                };
                store::dispatch::claim(tx, claim, share).await
            });
            let claimed = match claimed.await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::warn!(error = chain(&Error::from(error)), "dispatch could not claim");
                    return;
                }
            };
            self.backlog.store(!claimed.is_empty(), Ordering::Relaxed);
            if claimed.is_empty() {
                return;
            }
            let items = claimed.into_iter().map(|handed| item(handed, now)).collect();
            let actions = self.hub().offer(items);
            self.act(actions);
        }
    }

    fn join(self: &Arc<Self>, request: &pb::WorkRequest) -> Work {
        let key = self.next_worker.fetch_add(1, Ordering::Relaxed);
        let (stream, batches) = mpsc::channel(STREAM_BATCHES);
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).insert(key, stream);
        let actions = self.hub().join(key, request.window.min(WINDOW_MAX));
        self.act(actions);
        self.wake();
        tracing::info!(worker = request.worker_id, window = request.window, "a worker joined");
        Work { batches, key, dispatcher: Arc::downgrade(self) }
    }

    fn leave(self: &Arc<Self>, key: WorkerKey) {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        let actions = self.hub().leave(key);
        self.act(actions);
    }

    async fn report(self: &Arc<Self>, request: pb::ReportRequest) -> Result<pb::ReportResponse> {
        let (all, now) = (request.outcomes.len(), self.stamps.now());
        let mut settles: Vec<Report> = Vec::with_capacity(all);
        let mut gone = BTreeMap::new();
        {
            let mut hub = self.hub();
            for outcome in request.outcomes {
                let Some(id) = uuid(&outcome.delivery_id) else { continue };
                let ended = (!outcome.not_sent)
                    .then(|| (outcome.error_code.is_empty(), Duration::from_millis(outcome.duration_ms.into())));
                let Some(item) = hub.answer(DeliveryId(id), outcome.token, ended) else { continue };
                if outcome.response_status == GONE && !item.once {
                    gone.insert(item.delivery, item.endpoint);
                }
                settles.push(settle(item, outcome, now, self.chance()));
            }
        }
        let actions = self.hub().pump();
        self.act(actions);
        let accepted = if settles.is_empty() { 0 } else { self.record(settles, gone, now).await? };
        if self.backlog.load(Ordering::Relaxed) {
            self.wake();
        }
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(pb::ReportResponse { accepted: count(accepted), refused: count(all - accepted) })
    }

    /// Writes what came of the reports. On failure nothing is forgotten: the worker repeats the report.
    async fn record(
        self: &Arc<Self>,
        reports: Vec<Report>,
        mut gone: BTreeMap<DeliveryId, EndpointId>,
        now: Timestamp,
    ) -> Result<usize> {
        let reported: Vec<DeliveryId> = reports.iter().map(|report| report.lease.delivery).collect();
        let recorded = self.db.system(Lane::Outcomes, async move |tx| store::dispatch::report(tx, &reports, now).await);
        let accepted = recorded.await?.accepted;
        self.hub().close(reported);
        gone.retain(|delivery, _| accepted.contains(delivery));
        if !gone.is_empty() {
            self.disable(gone.into_values().collect(), now).await;
        }
        Ok(accepted.len())
    }

    /// Switches off endpoints whose receivers say that they are gone. Not in the transaction of the results, which
    /// locks lanes before endpoints; when it fails, the next delivery's 410 does it.
    async fn disable(self: &Arc<Self>, endpoints: BTreeSet<EndpointId>, now: Timestamp) {
        let ids = endpoints.clone();
        let disabled = self.db.system(Lane::Outcomes, async move |tx| {
            for id in &ids {
                store::endpoints::disable(tx, *id, GONE_SAID, now).await?;
            }
            Ok(())
        });
        self.attempt("disable an endpoint", async { Ok(disabled.await?) }).await;
        for endpoint in endpoints {
            self.endpoint_changed(endpoint);
        }
    }

    fn chance(&self) -> u16 {
        let mut bytes = [0; 2];
        self.stamps.fill(&mut bytes);
        u16::from_be_bytes(bytes)
    }
}

fn item(handed: Handed, now: Timestamp) -> Item {
    Item {
        delivery: handed.delivery,
        endpoint: handed.endpoint,
        tenant: handed.tenant,
        event: handed.event,
        event_name: Kind::from_code(handed.kind).map_or("", Kind::name),
        body: handed.body,
        endpoint_version: handed.endpoint_version,
        token: handed.token,
        attempt: handed.attempt,
        failures: handed.failures,
        once: handed.test,
        lease_until: handed.lease_until,
        since: now,
    }
}

fn bytes(id: Uuid) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(id.as_bytes())
}

fn uuid(bytes: &[u8]) -> Option<Uuid> {
    Uuid::from_slice(bytes).ok()
}
