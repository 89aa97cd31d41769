//! The hub's state of one endpoint: the deliveries that wait in memory, whether the database has more, and how many
//! requests may run at once. That number, the window, doubles with each round of good answers, however slow they are,
//! until a failure halves it; from then on it grows by one each round. It is one while the endpoint counts as dead.
//! This file knows no other endpoint and no worker.

use super::{
    QUEUE_PER_ENDPOINT_MAX, QUEUE_WAIT_MAX, Route,
    pace::{Pace, Permit},
    waiting::WaitQueue,
};
use crate::store::{Leased, dispatch::Room};
use inboxops_proto::{
    clock::Timestamp,
    id::TenantId,
    limits::{DEAD_AFTER, ENDPOINT_IN_FLIGHT_MAX, ENDPOINT_IN_FLIGHT_START},
};
use std::{sync::Arc, time::Duration};

/// An endpoint whose answers take longer than this is slow. All slow endpoints together get a part of the slots.
pub(crate) const SLOW: Duration = Duration::from_secs(1);
/// Claims ahead of free slots take what the endpoint answers in this time.
pub(crate) const CLAIMED_AHEAD: Duration = Duration::from_millis(500);
/// Greatest number of deliveries that are claimed ahead of an endpoint's free slots.
pub(crate) const CLAIMED_AHEAD_MAX: u32 = 512;
/// Fewest deliveries of a fast endpoint that are worth a claim.
const CLAIM_MIN: u32 = 128;
/// Weight of the latest answer in the average response time, as one part in so many.
const TOOK_WEIGHT: u32 = 4;

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) tenant: TenantId,
    pub(super) queue: WaitQueue,
    pub(super) in_flight: u32,
    /// The window: requests that may run at once.
    pub(super) limit: u32,
    /// Below this limit the window grows by one with each good answer; above it, by one with each round of good
    /// answers.
    doubles_below: u32,
    /// Good answers since the window last grew, above `doubles_below`.
    answered: u32,
    /// Failures in a row.
    failures: u32,
    /// Average response time; `None` before the first answer.
    took: Option<Duration>,
    /// When it last answered, or when the first of the requests in flight was sent.
    heard: Timestamp,
    /// Whether its answers are slow, or it has not answered yet.
    pub(super) slow: bool,
    /// Whether the database has more deliveries that are due.
    pub(super) more: bool,
    /// Deliveries that are on their way back to the database.
    pub(super) parking: usize,
    /// When the last of them arrived there, counted by [`super::Hub::parks`].
    pub(super) parked_last: u64,
    /// Whether it is queued among the endpoints that are worth a claim.
    pub(super) hungry: bool,
    pub(super) route: Option<Arc<Route>>,
    /// Serial number of the route, by which the hub knows whether a worker has the same.
    pub(super) serial: u64,
    /// Serial number of the load that is under way.
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
            queue: WaitQueue::default(),
            in_flight: 0,
            limit: ENDPOINT_IN_FLIGHT_START,
            doubles_below: ENDPOINT_IN_FLIGHT_MAX,
            answered: 0,
            failures: 0,
            took: None,
            heard: Timestamp::default(),
            slow: true,
            more: false,
            parking: 0,
            parked_last: 0,
            hungry: false,
            route: None,
            serial: 0,
            loading: None,
            routed_at: Timestamp::default(),
            in_turn: false,
            pace: None,
        }
    }

    /// Whether it has no state that a new lane would not have.
    pub(super) fn is_idle(&self) -> bool {
        !self.in_turn && self.in_flight == 0 && self.parking == 0 && !self.more
    }

    /// Whether one more delivery may wait in memory. While the database has older ones, and while the endpoint is dead,
    /// deliveries go out in the order of the database only: those of new commits are parked.
    pub(super) fn takes(&self, leased: &Leased) -> bool {
        // A claim takes what there is room for, whatever commits have left here.
        let ahead = (self.limit + CLAIMED_AHEAD_MAX) as usize;
        let most = if leased.claimed { self.most() + ahead } else { self.most() };
        self.queue.len() < most && !(self.is_ordered() && unordered(leased))
    }

    /// Whether its deliveries go out in the order of the database only.
    fn is_ordered(&self) -> bool {
        self.more || self.parking > 0 || self.is_dead()
    }

    /// Greatest number of deliveries from commits: what can be sent before it has waited too long.
    fn most(&self) -> usize {
        let secs = u32::try_from(QUEUE_WAIT_MAX.as_secs() / 2).unwrap_or(1);
        let by_rate = self.rate().map(|rate| rate.saturating_mul(secs));
        let by_speed = self.took.filter(|took| *took > SLOW).map(|_| self.sent_in(QUEUE_WAIT_MAX / 2));
        let most = by_rate.into_iter().chain(by_speed).min();
        most.map_or(QUEUE_PER_ENDPOINT_MAX, |most| most as usize).min(QUEUE_PER_ENDPOINT_MAX)
    }

    fn rate(&self) -> Option<u32> {
        self.route.as_ref().and_then(|route| route.rate_per_second)
    }

    /// Requests in a time at the present response time.
    fn sent_in(&self, time: Duration) -> u32 {
        let Some(took) = self.took else { return 0 };
        let rounds = time.as_micros() / took.as_micros().max(1);
        u32::try_from(rounds.saturating_mul(self.limit.into())).unwrap_or(u32::MAX)
    }

    /// Takes out what has waited here since before a moment, wherever it is in the queue.
    pub(super) fn waiting_since_before(&mut self, moment: Timestamp) -> Vec<Leased> {
        self.queue.take_older(moment)
    }

    /// Takes a loaded route. Returns what can no longer wait here: everything, if there is no route.
    pub(super) fn routed(&mut self, route: Option<Arc<Route>>, serial: u64, now: Timestamp) -> Vec<Leased> {
        (self.loading, self.serial, self.routed_at) = (None, serial, now);
        let was_dead = self.is_dead();
        if let Some(route) = &route {
            self.failures = route.failures;
            self.more |= route.behind;
        }
        self.route = route;
        match (was_dead, self.is_dead()) {
            (_, true) => self.limit = 1,
            (true, false) => self.revive(),
            (false, false) => {}
        }
        let routed = self.route.is_some();
        let ordered = self.is_ordered();
        self.queue.take_unless(|leased| routed && !(ordered && unordered(leased)))
    }

    /// The route by which this delivery can be sent.
    pub(super) fn route_for(&self, leased: &Leased, now: Timestamp) -> Option<Arc<Route>> {
        let holds = |route: &&Arc<Route>| {
            // A claim takes nothing of a disabled endpoint, so it was enabled after this route was loaded, perhaps by
            // another core.
            let on = route.enabled || !leased.claimed || self.routed_at >= leased.since;
            on && route.config.version >= leased.endpoint_version && route.valid_until.is_none_or(|until| now < until)
        };
        self.route.as_ref().filter(holds).cloned()
    }

    /// Takes one request from its rate, if the rate allows one.
    pub(super) fn pace(&mut self, rate: Option<u32>, cores: u32, now: Timestamp) -> Permit {
        let Some(rate) = rate else {
            self.pace = None;
            return Permit::Taken;
        };
        if self.pace.as_ref().is_none_or(|pace| pace.rate() != rate) {
            self.pace = Some(Pace::new(rate, cores, now));
        }
        self.pace.as_mut().map_or(Permit::Taken, |pace| pace.take(now))
    }

    /// How many deliveries should be here or in flight: the window and, while the endpoint answers well, what it sends
    /// while the next ones are claimed.
    fn wants(&self) -> u32 {
        let ahead = if self.failures == 0 { self.sent_in(CLAIMED_AHEAD).min(CLAIMED_AHEAD_MAX) } else { 0 };
        self.limit + ahead
    }

    /// How many more may be claimed; if only the rate limits it, when to look again.
    pub(super) fn room(&self, now: Timestamp) -> Room {
        let waiting = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
        let Some(rate) = self.rate() else {
            return Room::Free(self.wants().saturating_sub(self.in_flight).saturating_sub(waiting));
        };
        // The queue already holds what the rate allows in a second: it is soon time to claim more.
        if waiting > 0 && waiting >= rate {
            // What the rate does not allow in time is parked before that; then another core may get it first.
            let wait = (Duration::from_secs(1) * waiting / rate.max(1)).min(QUEUE_WAIT_MAX) / 2;
            return Room::NotBefore(now.plus(wait));
        }
        let slots = self.limit.saturating_sub(self.in_flight);
        Room::Free(slots.min(rate).saturating_sub(waiting))
    }

    /// Whether the database has more and a claim is worth its transaction. An endpoint that waits for its rate is found
    /// when its lane is due again.
    pub(super) fn is_hungry(&self, now: Timestamp) -> bool {
        let least = (self.wants() - self.limit).clamp(1, CLAIM_MIN);
        self.more && self.rate().is_none() && matches!(self.room(now), Room::Free(room) if room >= least)
    }

    /// A request is sent.
    pub(super) fn sent(&mut self, now: Timestamp) {
        if self.in_flight == 0 {
            self.heard = now;
        }
        self.in_flight += 1;
    }

    /// A request ended.
    pub(super) fn settled(&mut self, succeeded: bool, took: Duration, now: Timestamp) {
        self.heard = now;
        self.took = Some(self.took.map_or(took, |before| (before * (TOOK_WEIGHT - 1) + took) / TOOK_WEIGHT));
        if !succeeded {
            self.failures = self.failures.saturating_add(1);
            self.answered = 0;
            self.limit = if self.is_dead() { 1 } else { (self.limit / 2).max(1) };
            self.doubles_below = self.limit.max(ENDPOINT_IN_FLIGHT_START);
            return;
        }
        if self.is_dead() {
            self.revive();
        }
        self.failures = 0;
        if self.limit >= ENDPOINT_IN_FLIGHT_MAX {
            return;
        }
        self.answered += 1;
        if self.limit < self.doubles_below || self.answered >= self.limit {
            self.limit += 1;
            self.answered = 0;
        }
    }

    fn revive(&mut self) {
        (self.limit, self.doubles_below, self.answered) = (ENDPOINT_IN_FLIGHT_START, ENDPOINT_IN_FLIGHT_MAX, 0);
    }

    /// Whether it is slow now: by its answers, or because none arrive.
    pub(super) fn seems_slow(&self, now: Timestamp) -> bool {
        self.took.is_none_or(|took| took > SLOW) || (self.in_flight > 0 && now.since(self.heard) > SLOW)
    }

    /// Whether it has never answered.
    pub(super) fn is_unproven(&self) -> bool {
        self.took.is_none()
    }

    pub(super) fn is_dead(&self) -> bool {
        self.failures >= DEAD_AFTER
    }
}

/// Whether it came from a commit and not from a claim. Tests have an order of their own.
fn unordered(leased: &Leased) -> bool {
    !leased.claimed && !leased.test
}
