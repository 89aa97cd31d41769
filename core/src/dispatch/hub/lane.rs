//! What the hub knows of one endpoint: what waits for it in memory, whether the database has more, and how many requests
//! it bears at once. That number doubles with each round of good answers, however long they take, until a failure halves
//! it; from there it grows by one a round. It is one while the endpoint counts as dead. It knows no other endpoint and no
//! worker.

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

/// An endpoint whose answers take longer than this is slow: all such endpoints together get a part of the slots.
pub(crate) const SLOW: Duration = Duration::from_secs(1);
/// What is claimed ahead of free slots suffices for this long, at the rate at which the endpoint answers.
pub(crate) const CLAIMED_AHEAD: Duration = Duration::from_millis(500);
/// Greatest number of deliveries that are claimed ahead of an endpoint's free slots.
pub(crate) const CLAIMED_AHEAD_MAX: u32 = 512;
/// Least number of an endpoint that answers fast which is worth a claim.
const CLAIM_MIN: u32 = 128;
/// The last answer counts as one in so many for the time that answers take.
const TOOK_WEIGHT: u32 = 4;

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) tenant: TenantId,
    pub(super) queue: WaitQueue,
    pub(super) in_flight: u32,
    /// Greatest number of requests at once.
    pub(super) limit: u32,
    /// Below it, each good answer lets one more go out; above, each round of them.
    doubles_below: u32,
    /// Good answers since the limit rose, above that.
    answered: u32,
    /// Failures in a row.
    failures: u32,
    /// How long answers take; `None` until there is one.
    took: Option<Duration>,
    /// When it answered last, or when the first of what is in flight went out.
    heard: Timestamp,
    /// Whether its answers take long, or nothing is known of them yet.
    pub(super) slow: bool,
    /// The database has more for it that is due.
    pub(super) more: bool,
    /// Deliveries that are on their way back to the database.
    pub(super) parking: usize,
    /// When some of them arrived there last, by [`super::Hub::parks`].
    pub(super) parked_last: u64,
    /// It stands among those for which a claim is worth it.
    pub(super) hungry: bool,
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

    /// Whether nothing is known of it that a new one would not know.
    pub(super) fn is_idle(&self) -> bool {
        !self.in_turn && self.in_flight == 0 && self.parking == 0 && !self.more
    }

    /// Whether one more may wait in memory. While the database has older ones, and while the endpoint is dead, it is
    /// served in the order of the database alone: what a commit hands over goes back there.
    pub(super) fn takes(&self, leased: &Leased) -> bool {
        // A claim takes what there is room for, whatever commits handed over.
        let ahead = (self.limit + CLAIMED_AHEAD_MAX) as usize;
        let most = if leased.claimed { self.most() + ahead } else { self.most() };
        self.queue.len() < most && !(self.is_ordered() && unordered(leased))
    }

    /// Whether it is served in the order of the database alone.
    fn is_ordered(&self) -> bool {
        self.more || self.parking > 0 || self.is_dead()
    }

    /// Greatest number that commits may leave here: what can be sent before it has waited too long.
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

    /// How many go out in a time at the speed of its answers.
    fn sent_in(&self, time: Duration) -> u32 {
        let Some(took) = self.took else { return 0 };
        let rounds = time.as_micros() / took.as_micros().max(1);
        u32::try_from(rounds.saturating_mul(self.limit.into())).unwrap_or(u32::MAX)
    }

    /// Takes out what waits here since before a moment. It need not be in front.
    pub(super) fn waiting_since_before(&mut self, moment: Timestamp) -> Vec<Leased> {
        self.queue.take_older(moment)
    }

    /// Its route was loaded. What cannot wait here any more is given back: everything when there is no route.
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

    /// The route that this delivery can be sent by.
    pub(super) fn route_for(&self, leased: &Leased, now: Timestamp) -> Option<Arc<Route>> {
        let holds = |route: &&Arc<Route>| {
            // A claim takes nothing of an endpoint that is switched off: it was switched on since, perhaps elsewhere.
            let on = route.enabled || !leased.claimed || self.routed_at >= leased.since;
            on && route.config.version >= leased.endpoint_version && route.valid_until.is_none_or(|until| now < until)
        };
        self.route.as_ref().filter(holds).cloned()
    }

    /// Takes one request out of its rate, if there is one.
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

    /// How many are worth having here or under way: what it bears at once and, while it answers well, what it sends
    /// while the next ones are claimed.
    fn wants(&self) -> u32 {
        let ahead = if self.failures == 0 { self.sent_in(CLAIMED_AHEAD).min(CLAIMED_AHEAD_MAX) } else { 0 };
        self.limit + ahead
    }

    /// How many more may be claimed; or, when only its rate holds it, when to look again.
    pub(super) fn room(&self, now: Timestamp) -> Room {
        let waiting = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
        let Some(rate) = self.rate() else {
            return Room::Free(self.wants().saturating_sub(self.in_flight).saturating_sub(waiting));
        };
        // What it may send in a second waits here; then it is time for more.
        if waiting > 0 && waiting >= rate {
            // What its rate does not let go in time goes back before; another core may be the first to have it then.
            let wait = (Duration::from_secs(1) * waiting / rate.max(1)).min(QUEUE_WAIT_MAX) / 2;
            return Room::NotBefore(now.plus(wait));
        }
        let slots = self.limit.saturating_sub(self.in_flight);
        Room::Free(slots.min(rate).saturating_sub(waiting))
    }

    /// Whether the database has more and a claim of it is worth a transaction. One that waits for its rate is found by
    /// the time at which it is due again.
    pub(super) fn is_hungry(&self, now: Timestamp) -> bool {
        let least = (self.wants() - self.limit).clamp(1, CLAIM_MIN);
        self.more && self.rate().is_none() && matches!(self.room(now), Room::Free(room) if room >= least)
    }

    /// A request goes out.
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

    /// Whether it is slow now: by its answers, or because none comes.
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

/// Whether it came in the order of commits and not of due times. A test has an order of its own.
fn unordered(leased: &Leased) -> bool {
    !leased.claimed && !leased.test
}
