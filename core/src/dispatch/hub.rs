//! The dispatch decisions: which delivery goes to which worker now, which waits in memory, which is parked. A state
//! machine without I/O: events go in, actions come out. Endpoints take turns, so that one with a million waiting
//! deliveries delays no other.
//! `docs/delivery.md` draws the states of a delivery and says who moves it.

mod again;
#[cfg(test)]
mod invariants;
mod lane;
mod load;
mod pace;
mod shares;
mod waiting;

#[cfg(test)]
pub(crate) use shares::Shares;

use crate::store::Leased;
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, TenantId},
    internal::v1::EndpointConfig,
};
use lane::Lane;
use load::Load;
use pace::Permit;
use std::{
    collections::{HashMap, VecDeque, hash_map::DefaultHasher},
    hash::BuildHasherDefault,
    sync::Arc,
    time::Duration,
};

/// Greatest number of deliveries that commits leave in memory for one endpoint.
pub(crate) const QUEUE_PER_ENDPOINT_MAX: usize = 4096;
/// Greatest number of deliveries that wait in memory in all.
pub(crate) const QUEUE_MAX: usize = 20_000;
/// Lanes that are kept in memory while nothing waits in them.
pub(crate) const LANES_MAX: usize = 20_000;
/// Longest wait in memory; the rest of the lease must be long enough for the request.
pub(crate) const QUEUE_WAIT_MAX: Duration = Duration::from_secs(20);
/// Greatest number of requests in flight for a tenant.
pub(crate) const IN_FLIGHT_PER_TENANT_MAX: u32 = 256;

/// A delivery that was sent and whose outcome is not recorded yet.
#[derive(Debug)]
struct InFlight {
    leased: Leased,
    /// The worker whose slot it occupies; `None` once the worker has reported.
    worker: Option<WorkerKey>,
}

/// A stream of a worker.
pub(crate) type WorkerKey = u64;

/// What the hub and a worker need to send to an endpoint.
#[derive(Debug)]
pub(crate) struct Route {
    /// The part for the worker.
    pub(crate) config: EndpointConfig,
    /// Whether events are sent; tests are sent in any case.
    pub(crate) enabled: bool,
    /// End of its validity; `None` for no end.
    pub(crate) valid_until: Option<Timestamp>,
    /// Greatest number of requests a second.
    pub(crate) rate_per_second: Option<u32>,
    /// Failures in a row, as recorded.
    pub(crate) failures: u32,
    /// Whether the database has due deliveries for the endpoint.
    pub(crate) behind: bool,
}

/// An action that the hub decided on.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send these to the worker, with the routes that it does not have yet.
    Send(WorkerKey, Vec<Leased>, Vec<Arc<Route>>),
    /// Give these leases back, then call [`Hub::parked`].
    Park(Vec<Leased>),
    /// Load the route of this endpoint, then call [`Hub::route`] with the same number.
    Load(EndpointId, u64),
}

#[derive(Debug)]
struct Worker {
    window: u32,
    /// Requests that the worker makes at once.
    slots: u32,
    unreported: u32,
    /// Serial numbers of the routes that the worker has.
    routes: Map<EndpointId, u64>,
}

/// A map with the same order in every run, so that a simulation can be repeated. All keys are ids of ours.
type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// The dispatch state of one core.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    lanes: Map<EndpointId, Lane>,
    turns: VecDeque<EndpointId>,
    /// Endpoints for which a claim is worth it.
    hungry: VecDeque<EndpointId>,
    workers: Map<WorkerKey, Worker>,
    held: Map<DeliveryId, InFlight>,
    load: Load,
    /// How many times something was parked.
    parks: u64,
    now: Timestamp,
    /// Cores that share the endpoints' rates.
    cores: u32,
    /// Serial number of the last route that was requested.
    routes_asked: u64,
    /// When the first endpoint that waits for its rate may send.
    paced_until: Option<Timestamp>,
}

impl Hub {
    /// Sets the time and the number of cores that share the endpoints' rates. Call it before anything else.
    pub(crate) fn at(&mut self, now: Timestamp, cores: u32) -> &mut Hub {
        self.now = now;
        if self.cores != cores {
            self.cores = cores;
            self.lanes.values_mut().for_each(|lane| lane.pace = None);
        }
        self
    }

    /// When to call [`Hub::pump`] for an endpoint that waits for its rate alone.
    pub(crate) fn paced_until(&self) -> Option<Timestamp> {
        self.paced_until
    }

    /// A worker's stream began. The worker makes `slots` requests at once and holds at most `window` unreported
    /// deliveries.
    pub(crate) fn join(&mut self, worker: WorkerKey, window: u32, slots: u32) -> Vec<Action> {
        self.workers.insert(worker, Worker { window, slots, unreported: 0, routes: Map::default() });
        self.load.slots = self.workers.values().map(|worker| worker.slots).sum();
        self.pump()
    }

    /// A worker's stream ended. What it holds stays leased: the worker may still report, or the lease expires.
    pub(crate) fn leave(&mut self, worker: WorkerKey) -> Vec<Action> {
        self.workers.remove(&worker);
        self.load.slots = self.workers.values().map(|worker| worker.slots).sum();
        if self.workers.is_empty() { self.park_all() } else { Vec::new() }
    }

    pub(crate) fn has_workers(&self) -> bool {
        !self.workers.is_empty()
    }

    /// Whether nothing waits in memory and nothing is in flight, so that the hub needs no ticks.
    pub(crate) fn is_idle(&self) -> bool {
        self.held.is_empty() && self.load.queued == 0
    }

    /// Takes deliveries whose lease begins: just committed, or claimed.
    pub(crate) fn offer(&mut self, deliveries: Vec<Leased>) -> Vec<Action> {
        if self.workers.is_empty() {
            return self.give_back(deliveries);
        }
        let mut refused = Vec::new();
        for leased in deliveries {
            let lane = self.lanes.entry(leased.endpoint).or_insert_with(|| Lane::new(leased.tenant));
            if !lane.takes(&leased) || self.load.queued >= QUEUE_MAX {
                lane.parking += 1;
                refused.push(leased);
                continue;
            }
            self.load.enqueued(lane);
            if !lane.in_turn {
                lane.in_turn = true;
                self.load.turn_begins(lane.tenant);
                self.turns.push_back(leased.endpoint);
            }
            lane.queue.insert(leased);
        }
        let mut actions = self.pump();
        if !refused.is_empty() {
            actions.push(Action::Park(refused));
        }
        actions
    }

    /// Parks deliveries and notes that they are on their way to the database: what a commit brings later must not
    /// overtake them.
    fn give_back(&mut self, deliveries: Vec<Leased>) -> Vec<Action> {
        for leased in &deliveries {
            self.lanes.entry(leased.endpoint).or_insert_with(|| Lane::new(leased.tenant)).parking += 1;
        }
        if deliveries.is_empty() { Vec::new() } else { vec![Action::Park(deliveries)] }
    }

    /// An [`Action::Park`] is done or has failed. What was parked is in the database, where a claim finds it; otherwise
    /// its leases expire.
    pub(crate) fn parked<'a>(&mut self, deliveries: impl IntoIterator<Item = &'a Leased>) {
        self.parks += 1;
        for leased in deliveries {
            if let Some(lane) = self.lanes.get_mut(&leased.endpoint) {
                lane.parking = lane.parking.saturating_sub(1);
                lane.parked_last = self.parks;
                self.has_more(leased.endpoint, leased.tenant);
            }
        }
    }

    /// Takes the route of an endpoint that was loaded on request; `None` if the endpoint cannot be sent to. A route
    /// that was requested before the endpoint changed is ignored.
    pub(crate) fn route(&mut self, endpoint: EndpointId, asked: u64, route: Option<Arc<Route>>) -> Vec<Action> {
        let Some(lane) = self.lanes.get_mut(&endpoint).filter(|lane| lane.loading == Some(asked)) else {
            return Vec::new();
        };
        let back = lane.routed(route, asked, self.now);
        self.load.dequeued(lane, back.len());
        if lane.route.is_some() && !lane.queue.is_empty() && !lane.in_turn {
            lane.in_turn = true;
            self.load.turn_begins(lane.tenant);
            self.turns.push_back(endpoint);
        }
        self.feed(endpoint);
        let mut actions = self.pump();
        actions.extend(self.give_back(back));
        actions
    }

    /// An endpoint changed: its route is loaded again before anything else is sent to it.
    pub(crate) fn forget_route(&mut self, endpoint: EndpointId) {
        if let Some(lane) = self.lanes.get_mut(&endpoint) {
            (lane.route, lane.loading) = (None, None);
        }
    }

    /// The same for all endpoints of a tenant.
    pub(crate) fn forget_routes_of(&mut self, tenant: TenantId) {
        for lane in self.lanes.values_mut().filter(|lane| lane.tenant == tenant) {
            (lane.route, lane.loading) = (None, None);
        }
    }

    /// A worker reports how a request ended, with the token of its lease. The slot is free, and the endpoint's window
    /// adapts. The delivery is kept until [`Hub::close`], so that a report whose record failed can be repeated. `ended`
    /// says whether it succeeded and how long it took; it is `None` when nothing was sent.
    pub(crate) fn answer(
        &mut self,
        delivery: DeliveryId,
        token: i64,
        ended: Option<(bool, Duration)>,
    ) -> Option<Leased> {
        let held = self.held.get_mut(&delivery).filter(|held| held.leased.token == token)?;
        let leased = held.leased.clone();
        if let Some(worker) = held.worker.take() {
            self.release(leased.endpoint, leased.tenant, worker);
            // A test says nothing about the endpoint's health.
            if let Some((succeeded, took)) = ended.filter(|_| !leased.test)
                && let Some(lane) = self.lanes.get_mut(&leased.endpoint)
            {
                lane.settled(succeeded, took, self.now);
                self.load.classify(lane, self.now);
            }
            self.feed(leased.endpoint);
        }
        Some(leased)
    }

    /// The end of these deliveries' leases is recorded, or never will be. Returns what the hub kept of them.
    pub(crate) fn close(&mut self, deliveries: impl IntoIterator<Item = DeliveryId>) -> Vec<Leased> {
        deliveries.into_iter().filter_map(|delivery| self.held.remove(&delivery)).map(|held| held.leased).collect()
    }

    /// Frees the slots of leases that expired without a report.
    fn expire(&mut self, now: Timestamp) {
        let over: Vec<(DeliveryId, i64)> = self
            .held
            .iter()
            .filter(|(_, held)| held.leased.lease_until <= now)
            .map(|(id, held)| (*id, held.leased.token))
            .collect();
        for (delivery, token) in over {
            self.answer(delivery, token, None);
            self.held.remove(&delivery);
        }
    }

    /// Sends what can be sent, one endpoint after the other in rotation.
    pub(crate) fn pump(&mut self) -> Vec<Action> {
        let mut out = PumpOutput::default();
        self.paced_until = None;
        let mut idle = 0;
        while idle < self.turns.len() {
            let Some(endpoint) = self.turns.pop_front() else { break };
            match self.turn(endpoint, &mut out) {
                Turn::Sent => {
                    idle = 0;
                    self.turns.push_back(endpoint);
                }
                Turn::Waits => {
                    idle += 1;
                    self.turns.push_back(endpoint);
                }
                // Another endpoint may have waited for this one's tenant.
                Turn::Over => idle = 0,
                Turn::NoCredit => {
                    self.turns.push_front(endpoint);
                    break;
                }
            }
        }
        let mut actions = out.loads;
        let batches = out.batches.into_iter();
        actions.extend(batches.map(|(worker, (deliveries, routes))| Action::Send(worker, deliveries, routes)));
        if !out.parked.is_empty() {
            actions.push(Action::Park(out.parked));
        }
        actions
    }

    /// Handles what time alone brings: expired leases, waits that are too long, missing answers, endpoints whose turn
    /// has come. Call it on a timer while the hub is not idle.
    pub(crate) fn tick(&mut self, now: Timestamp) -> Vec<Action> {
        self.expire(now);
        if self.lanes.len() > LANES_MAX {
            self.lanes.retain(|_, lane| !lane.is_idle());
        }
        for lane in self.lanes.values_mut().filter(|lane| lane.in_flight > 0) {
            self.load.classify(lane, now);
        }
        let stale = self.stale(now);
        let mut actions = self.pump();
        actions.extend(self.give_back(stale));
        actions
    }

    fn turn(&mut self, endpoint: EndpointId, out: &mut PumpOutput) -> Turn {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return Turn::Over };
        if lane.is_dead() {
            // In due order, one at a time: the next one is claimed when this one has ended.
            let back = lane.queue.take_behind(1);
            self.load.dequeued(lane, back.len());
            lane.parking += back.len();
            out.parked.extend(back);
        }
        let Some(next) = lane.queue.front() else {
            lane.in_turn = false;
            self.load.turn_ends(lane.tenant);
            return Turn::Over;
        };
        let Some(route) = lane.route_for(next, self.now) else {
            if lane.loading.is_none() {
                self.routes_asked += 1;
                lane.loading = Some(self.routes_asked);
                out.loads.push(Action::Load(endpoint, self.routes_asked));
            }
            return Turn::Waits;
        };
        if !route.enabled && !next.test {
            out.parked.extend(lane.queue.pop_front());
            lane.parking += 1;
            self.load.dequeued(lane, 1);
            return Turn::Sent;
        }
        if lane.in_flight >= lane.limit || !self.load.admits(lane) {
            return Turn::Waits;
        }
        let free = |worker: &Worker| worker.window.saturating_sub(worker.unreported);
        let Some((key, worker)) =
            self.workers.iter_mut().max_by_key(|(_, worker)| free(worker)).filter(|(_, worker)| free(worker) > 0)
        else {
            return Turn::NoCredit;
        };
        if let Permit::NotBefore(ready_at) = lane.pace(route.rate_per_second, self.cores, self.now) {
            self.paced_until = Some(self.paced_until.map_or(ready_at, |at| at.min(ready_at)));
            return Turn::Waits;
        }
        let Some(mut leased) = lane.queue.pop_front() else { return Turn::Over };
        leased.endpoint_version = route.config.version;
        self.load.dequeued(lane, 1);
        self.load.begins(lane);
        lane.sent(self.now);
        worker.unreported += 1;
        let (deliveries, routes) = out.batches.entry(*key).or_default();
        if worker.routes.insert(endpoint, lane.serial) != Some(lane.serial) {
            routes.push(route);
        }
        self.held.insert(leased.delivery, InFlight { leased: leased.clone(), worker: Some(*key) });
        deliveries.push(leased);
        self.feed(endpoint);
        Turn::Sent
    }

    /// Takes out what has waited so long that its lease would expire during the request.
    fn stale(&mut self, now: Timestamp) -> Vec<Leased> {
        let moment = now.minus(QUEUE_WAIT_MAX);
        let mut stale = Vec::new();
        for lane in self.lanes.values_mut() {
            let old = lane.waiting_since_before(moment);
            self.load.dequeued(lane, old.len());
            stale.extend(old);
        }
        stale
    }

    /// Parks everything that waits in memory: the core stops, or no worker is left.
    pub(crate) fn park_all(&mut self) -> Vec<Action> {
        let mut all = Vec::new();
        for lane in self.lanes.values_mut() {
            let deliveries = lane.queue.take_behind(0);
            self.load.dequeued(lane, deliveries.len());
            all.extend(deliveries);
        }
        self.give_back(all)
    }

    fn release(&mut self, endpoint: EndpointId, tenant: TenantId, worker: WorkerKey) {
        if let Some(lane) = self.lanes.get_mut(&endpoint) {
            lane.in_flight = lane.in_flight.saturating_sub(1);
            self.load.ended(tenant, lane.slow);
        }
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.unreported = worker.unreported.saturating_sub(1);
        }
    }
}

/// The output of a pump, while it runs.
#[derive(Default)]
struct PumpOutput {
    batches: Map<WorkerKey, (Vec<Leased>, Vec<Arc<Route>>)>,
    loads: Vec<Action>,
    parked: Vec<Leased>,
}

/// How an endpoint's turn ended.
enum Turn {
    /// A delivery was sent or parked.
    Sent,
    /// The endpoint or its tenant is at its limit, or its route is being loaded.
    Waits,
    /// Nothing waits for it.
    Over,
    /// No worker has credit.
    NoCredit,
}

#[cfg(test)]
mod tests;
