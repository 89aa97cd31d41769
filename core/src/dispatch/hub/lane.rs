//! What the hub knows of one endpoint: what waits for it in memory, and how many requests it bears at once. That number
//! grows while answers are fast and good, is halved by a failure, and is one while the endpoint counts as dead. It knows
//! no other endpoint and no worker.

use super::{Item, Map, QUEUE_PER_ENDPOINT_MAX, QUEUE_WAIT_MAX, Route, pace::Pace};
use crate::store::dispatch::Room;
use inboxops_proto::{
    clock::Timestamp,
    id::{EndpointId, TenantId},
};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// Requests in flight to an endpoint that nothing is known of.
pub const IN_FLIGHT_START: u32 = 8;
/// Greatest number of requests in flight to an endpoint that answers fast and well.
pub const IN_FLIGHT_MAX: u32 = 64;
/// An answer within this time lets more requests go out at once.
pub const FAST: Duration = Duration::from_secs(1);
/// One in so many of an endpoint's requests is left to what is claimed, however much commits hand over.
const COMMITS_LEAVE: u32 = 4;
/// Failures in a row after which an endpoint counts as dead: it gets one request at a time.
pub const DEAD_AFTER: u32 = 20;

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) tenant: TenantId,
    pub(super) queue: VecDeque<Item>,
    pub(super) in_flight: u32,
    /// Greatest number of requests at once.
    pub(super) limit: u32,
    /// Failures in a row.
    failures: u32,
    /// Fast answers since the limit rose.
    fast: u32,
    pub(super) route: Option<Arc<Route>>,
    /// Number of the load that brought the route: by it, a worker's copy is known to be the same.
    pub(super) serial: u64,
    /// Number of the load that is under way.
    pub(super) loading: Option<u64>,
    /// When its route was loaded.
    routed_at: Timestamp,
    pub(super) in_turn: bool,
    pub(super) pace: Option<Pace>,
}

impl Lane {
    pub(super) fn new(tenant: TenantId) -> Lane {
        Lane {
            tenant,
            queue: VecDeque::new(),
            in_flight: 0,
            limit: IN_FLIGHT_START,
            failures: 0,
            fast: 0,
            route: None,
            serial: 0,
            loading: None,
            routed_at: Timestamp::default(),
            in_turn: false,
            pace: None,
        }
    }

    /// Whether one more may wait in memory. A dead endpoint is served in due order alone, so what a commit hands over
    /// goes back to the database; and what its rate lets go in time is all that need wait.
    pub(super) fn takes(&self, item: &Item) -> bool {
        // A claim takes what there is room for, whatever commits handed over.
        let most = if item.claimed { self.most() + self.limit as usize } else { self.most() };
        self.queue.len() < most && !(self.is_dead() && unordered(item))
    }

    /// Greatest number that commits may leave here.
    fn most(&self) -> usize {
        let rate = self.route.as_ref().and_then(|route| route.rate_per_second);
        let in_time =
            |rate: u32| rate.saturating_mul(u32::try_from(QUEUE_WAIT_MAX.as_secs() / 2).unwrap_or(1)) as usize;
        rate.map_or(QUEUE_PER_ENDPOINT_MAX, in_time).min(QUEUE_PER_ENDPOINT_MAX)
    }

    /// Puts one in its place: what a commit handed over at the end, what was claimed before everything that happened
    /// later, so that first attempts keep the order of events although some of them were parked.
    pub(super) fn enqueue(&mut self, item: Item) {
        let later = |waiting: &Item| !waiting.claimed && waiting.event > item.event;
        let at = if item.claimed { self.queue.iter().position(later) } else { None };
        self.queue.insert(at.unwrap_or(self.queue.len()), item);
    }

    /// Takes out what waits here since before a moment. It need not be in front.
    pub(super) fn waiting_since_before(&mut self, moment: Timestamp) -> VecDeque<Item> {
        let old = |item: &Item| item.since < moment;
        if !self.queue.iter().any(old) {
            return VecDeque::new();
        }
        let (old, kept) = self.queue.drain(..).partition(old);
        self.queue = kept;
        old
    }

    /// Its route was loaded. What cannot wait here any more is given back: everything when there is no route.
    pub(super) fn routed(&mut self, route: Option<Arc<Route>>, serial: u64, now: Timestamp) -> Vec<Item> {
        (self.loading, self.serial, self.routed_at) = (None, serial, now);
        let was_dead = self.is_dead();
        if let Some(route) = &route {
            self.failures = route.failures;
        }
        self.route = route;
        match (was_dead, self.is_dead()) {
            (_, true) => self.limit = 1,
            (true, false) => self.limit = IN_FLIGHT_START,
            (false, false) => {}
        }
        let (routed, dead) = (self.route.is_some(), self.is_dead());
        let keep = |item: &Item| routed && !(dead && unordered(item));
        let (kept, given_back): (VecDeque<Item>, VecDeque<Item>) = self.queue.drain(..).partition(keep);
        self.queue = kept;
        Vec::from(given_back)
    }

    /// The route that this delivery can be sent by.
    pub(super) fn route_for(&self, item: &Item, now: Timestamp) -> Option<Arc<Route>> {
        let holds = |route: &&Arc<Route>| {
            // A claim takes nothing of an endpoint that is switched off: it was switched on since, perhaps elsewhere.
            let on = route.enabled || !item.claimed || self.routed_at >= item.since;
            on && route.config.version >= item.endpoint_version && route.valid_until.is_none_or(|until| now < until)
        };
        self.route.as_ref().filter(holds).cloned()
    }

    /// Takes one request out of its rate, or says when there is one.
    pub(super) fn pace(&mut self, rate: Option<u32>, cores: u32, now: Timestamp) -> Result<(), Timestamp> {
        let Some(rate) = rate else {
            self.pace = None;
            return Ok(());
        };
        if self.pace.as_ref().is_none_or(|pace| pace.rate() != rate) {
            self.pace = Some(Pace::new(rate, cores, now));
        }
        self.pace.as_mut().map_or(Ok(()), |pace| pace.take(now))
    }

    /// How many more it is worth claiming; or, when only its rate holds it, when to look again.
    pub(super) fn room(&self, now: Timestamp) -> Result<u32, Timestamp> {
        let waiting = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
        let slots = self.limit.saturating_sub(self.in_flight);
        // While commits keep the queue full, retries and what was parked must not wait for its end.
        let claimed = u32::try_from(self.queue.iter().filter(|item| item.claimed).count()).unwrap_or(u32::MAX);
        let share = (self.limit / COMMITS_LEAVE).max(1).min(waiting - claimed.min(waiting)).saturating_sub(claimed);
        let Some(rate) = self.route.as_ref().and_then(|route| route.rate_per_second) else {
            return Ok(slots.saturating_sub(waiting).max(share));
        };
        if share > 0 && self.queue.len() >= self.most() / 4 * 3 {
            return Ok(share.min(rate));
        }
        // What it may send in a second waits here; then it is time for more.
        if waiting > 0 && waiting >= rate {
            // What its rate does not let go in time goes back before; another core may be the first to have it then.
            return Err(now.plus((Duration::from_secs(1) * waiting / rate.max(1)).min(QUEUE_WAIT_MAX) / 2));
        }
        Ok(slots.min(rate).saturating_sub(waiting))
    }

    /// A request ended.
    pub(super) fn settled(&mut self, succeeded: bool, took: Duration) {
        if !succeeded {
            self.failures = self.failures.saturating_add(1);
            self.fast = 0;
            self.limit = if self.is_dead() { 1 } else { (self.limit / 2).max(1) };
            return;
        }
        if self.is_dead() {
            self.limit = IN_FLIGHT_START;
        }
        self.failures = 0;
        if took > FAST {
            self.fast = 0;
            return;
        }
        self.fast += 1;
        // As many fast answers as requests may fly: then one more, as a window of TCP grows.
        if self.fast >= self.limit && self.limit < IN_FLIGHT_MAX {
            self.limit += 1;
            self.fast = 0;
        }
    }

    fn is_dead(&self) -> bool {
        self.failures >= DEAD_AFTER
    }
}

/// Whether it came in the order of commits and not of due times. A test has an order of its own.
fn unordered(item: &Item) -> bool {
    !item.claimed && !item.once
}

/// How many deliveries a claim may take of each endpoint, and in all.
#[derive(Clone, Debug)]
pub struct Shares {
    left: u32,
    /// Free slots of the endpoints that are busy, or when their rates have some; others have [`IN_FLIGHT_START`].
    rooms: Map<EndpointId, Result<u32, Timestamp>>,
}

impl Shares {
    pub(super) fn new(left: u32, rooms: Map<EndpointId, Result<u32, Timestamp>>) -> Shares {
        Shares { left, rooms }
    }

    /// How many may be taken in all.
    pub fn left(&self) -> u32 {
        self.left
    }

    /// The share of an endpoint whose turn it is.
    pub fn take(&mut self, endpoint: EndpointId) -> Room {
        match self.rooms.get(&endpoint).copied().unwrap_or(Ok(IN_FLIGHT_START)) {
            Ok(room) => {
                let share = room.min(self.left);
                self.left -= share;
                Room::Free(share)
            }
            Err(until) => Room::NotBefore(until),
        }
    }
}
