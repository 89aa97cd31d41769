//! The simulation's store: does to rows in memory what the statements of `store/dispatch` do, with the same decision
//! functions.

use crate::store::dispatch::{
    CLAIM_LANES_MAX, FULL_PAUSE, Next, REAP_MAX, Report, Room, STALE_CONNECTION, Use, served,
};
use crate::{
    dispatch::hub::Shares,
    store::{LEASE, Leased},
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, EventId, TenantId},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// State of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Leased,
    Delivered,
    Failed,
}

/// A row of `deliveries`.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) endpoint: EndpointId,
    pub(super) tenant: TenantId,
    pub(super) event: EventId,
    pub(super) state: State,
    pub(super) attempt: u32,
    pub(super) failures: u32,
    pub(super) due_at: Timestamp,
    pub(super) token: i64,
    pub(super) incarnation: u64,
    /// Whether its last request ended with a stale connection.
    pub(super) fresh: bool,
    /// Numbers of the recorded attempts, with whether each succeeded; `None` when that is unknown.
    pub(super) attempts: BTreeMap<u32, Option<bool>>,
    /// What happened to it, for readers of a failure.
    pub(super) history: Vec<(Timestamp, &'static str)>,
}

/// A row of `lanes`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lane {
    pub(super) due_at: Option<Timestamp>,
    pub(super) paused: bool,
}

/// Which leases are taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Ended,
    All,
    OfDeadCores,
}

/// The deliveries of a claim, and the lanes that it read, with whether they have more that is due.
pub(super) type MemoryClaim = (Vec<Leased>, Vec<(EndpointId, bool)>);

/// How long a core may be silent before it counts as dead.
const SILENCE: Duration = crate::store::cores::SILENCE;

#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) rows: BTreeMap<DeliveryId, Row>,
    pub(super) lanes: BTreeMap<EndpointId, Lane>,
    /// Rows in a state that is not an end state, so that hours of ended ones cost nothing.
    waiting: BTreeMap<EndpointId, BTreeSet<(Timestamp, DeliveryId)>>,
    leased: BTreeSet<(Timestamp, DeliveryId)>,
    pub(super) cores: BTreeMap<u64, Timestamp>,
    pub(super) lost: u64,
    /// Recorded failures in a row of each endpoint.
    pub(super) failing: BTreeMap<EndpointId, u32>,
}

impl Memory {
    /// Fan-out: a row that is leased from the start.
    pub(super) fn insert(&mut self, id: DeliveryId, row: Row) {
        self.lanes.entry(row.endpoint).or_default();
        let before = self.rows.insert(id, row);
        assert!(before.is_none(), "a delivery is made twice");
        self.index(id);
    }

    fn index(&mut self, id: DeliveryId) {
        let row = &self.rows[&id];
        match row.state {
            State::Waiting => drop(self.waiting.entry(row.endpoint).or_default().insert((row.due_at, id))),
            State::Leased => drop(self.leased.insert((row.due_at, id))),
            State::Delivered | State::Failed => {}
        }
    }

    fn change(&mut self, id: DeliveryId, at: Timestamp, what: &'static str, change: impl FnOnce(&mut Row)) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        row.history.push((at, what));
        self.leased.remove(&(row.due_at, id));
        if let Some(waiting) = self.waiting.get_mut(&row.endpoint) {
            waiting.remove(&(row.due_at, id));
        }
        change(row);
        self.index(id);
    }

    fn mark(&mut self, endpoint: EndpointId, at: Timestamp) {
        let lane = self.lanes.entry(endpoint).or_default();
        lane.due_at = Some(lane.due_at.map_or(at, |due| due.min(at)));
    }

    fn fenced(&self, id: DeliveryId, token: i64) -> bool {
        self.rows.get(&id).is_some_and(|row| row.token == token && row.state == State::Leased)
    }

    /// When the first delivery that waits for the endpoint is due.
    pub(super) fn head(&self, endpoint: EndpointId) -> Option<Timestamp> {
        Some(self.waiting.get(&endpoint)?.first()?.0)
    }

    /// When the next lane is due or the next lease ends.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let lease = self.leased.first().map(|(at, _)| *at);
        self.next_lane().into_iter().chain(lease).min()
    }

    /// When the next lane is due.
    pub(super) fn next_lane(&self) -> Option<Timestamp> {
        self.lanes.values().filter(|lane| !lane.paused).filter_map(|lane| lane.due_at).min()
    }

    /// Rows that have not ended and are not paused.
    pub(super) fn open(&self) -> usize {
        let waiting =
            |(endpoint, all): (&EndpointId, &BTreeSet<_>)| if self.lanes[endpoint].paused { 0 } else { all.len() };
        self.leased.len() + self.waiting.iter().map(waiting).sum::<usize>()
    }

    pub(super) fn park(&mut self, deliveries: &[Leased], now: Timestamp) {
        for leased in deliveries {
            if self.fenced(leased.delivery, leased.token) {
                self.change(leased.delivery, now, "parked", |row| {
                    (row.state, row.due_at) = (State::Waiting, now);
                    row.token += 1;
                    row.attempt -= 1;
                });
                self.mark(leased.endpoint, now);
            }
        }
    }

    pub(super) fn reap(&mut self, which: Which, now: Timestamp) {
        loop {
            let over = |(at, id): &&(Timestamp, DeliveryId)| match which {
                Which::Ended => *at <= now,
                Which::All => true,
                Which::OfDeadCores => {
                    let seen = self.cores.get(&self.rows[id].incarnation);
                    seen.is_none_or(|seen| *seen <= now.minus(SILENCE))
                }
            };
            let max = usize::try_from(REAP_MAX).expect("it is small");
            let lost: Vec<DeliveryId> = self.leased.iter().filter(over).take(max).map(|(_, id)| *id).collect();
            let what = match which {
                Which::Ended => "taken back: it ended",
                Which::All => "taken back: a start",
                Which::OfDeadCores => "taken back: its core is silent",
            };
            for id in &lost {
                self.change(*id, now, what, |row| {
                    let before = row.attempts.insert(row.attempt, None);
                    assert_eq!(before, None, "an attempt is on record twice");
                    (row.state, row.due_at, row.fresh) = (State::Waiting, now, false);
                    row.token += 1;
                });
                self.mark(self.rows[id].endpoint, now);
            }
            self.lost += lost.len() as u64;
            if lost.len() < max {
                return;
            }
        }
    }

    /// Claims whatever is due; returns also the lanes that it read, with whether they have more.
    pub(super) fn claim(&mut self, mut shares: Shares, incarnation: u64, now: Timestamp) -> MemoryClaim {
        let mut due: Vec<(Timestamp, EndpointId)> = self
            .lanes
            .iter()
            .filter(|(_, lane)| !lane.paused)
            .filter_map(|(endpoint, lane)| Some((lane.due_at.filter(|at| *at <= now)?, *endpoint)))
            .collect();
        due.sort_unstable();
        due.truncate(usize::try_from(CLAIM_LANES_MAX).expect("it is small"));
        let rooms: Vec<(EndpointId, Room)> =
            due.into_iter().map(|(_, endpoint)| (endpoint, shares.take(endpoint))).collect();
        self.serve(&rooms, incarnation, now)
    }

    /// The same for endpoints by name.
    pub(super) fn claim_of(&mut self, wanted: &[(EndpointId, u32)], incarnation: u64, now: Timestamp) -> MemoryClaim {
        let waits = |endpoint| self.lanes.get(endpoint).is_some_and(|lane| !lane.paused && lane.due_at.is_some());
        let rooms = wanted.iter().filter(|(endpoint, _)| waits(endpoint));
        let rooms: Vec<(EndpointId, Room)> = rooms.map(|(endpoint, room)| (*endpoint, Room::Free(*room))).collect();
        self.serve(&rooms, incarnation, now)
    }

    fn serve(&mut self, rooms: &[(EndpointId, Room)], incarnation: u64, now: Timestamp) -> MemoryClaim {
        let mut claimed = Vec::new();
        let mut looked = Vec::new();
        for (endpoint, room) in rooms {
            let full = now.plus(FULL_PAUSE);
            let room = match *room {
                Room::Free(room) if room > 0 => room as usize,
                not_now => {
                    let at = if let Room::NotBefore(at) = not_now { at.max(full) } else { full };
                    self.lanes.entry(*endpoint).or_default().due_at = Some(at);
                    looked.push((*endpoint, true));
                    continue;
                }
            };
            let waiting = self.waiting.get(endpoint);
            let heads: Vec<(DeliveryId, i64)> =
                waiting.into_iter().flatten().take(room + 1).map(|(at, id)| (*id, at.micros())).collect();
            let (taken, then) = served(&heads, room, now.micros());
            self.lanes.entry(*endpoint).or_default().due_at = then.map(Timestamp::from_micros);
            looked.push((*endpoint, then.is_some_and(|at| at <= now.micros())));
            for (id, _) in &heads[..taken] {
                self.change(*id, now, "claimed", |row| {
                    (row.state, row.due_at, row.incarnation) = (State::Leased, now.plus(LEASE), incarnation);
                    row.attempt += 1;
                    row.token += 1;
                });
                claimed.push(Leased { claimed: true, ..self.delivery(*id, now) });
            }
        }
        (claimed, looked)
    }

    /// A leased row as dispatch has it.
    pub(super) fn delivery(&self, id: DeliveryId, now: Timestamp) -> Leased {
        let row = &self.rows[&id];
        Leased {
            delivery: id,
            endpoint: row.endpoint,
            tenant: row.tenant,
            event: row.event,
            kind: 1,
            created_at: now,
            body: bytes::Bytes::new(),
            thin: false,
            endpoint_version: 1,
            token: row.token,
            attempt: row.attempt,
            failures: row.failures,
            fresh: row.fresh,
            test: false,
            claimed: false,
            lease_until: row.due_at,
            since: now,
            trace: None,
        }
    }

    /// Records reports; returns those whose lease was still theirs.
    pub(super) fn report(&mut self, reports: Vec<Report>, now: Timestamp) -> BTreeSet<DeliveryId> {
        let mut accepted = BTreeSet::new();
        for report in reports {
            let id = report.lease.delivery;
            if !self.fenced(id, report.lease.token) || accepted.contains(&id) {
                continue;
            }
            accepted.insert(id);
            self.change(id, now, if report.used.sent().is_some() { "recorded" } else { "given back" }, |row| {
                match &report.used {
                    Use::NotSent { due_at } => {
                        (row.state, row.due_at) = (State::Waiting, *due_at);
                        row.attempt -= 1;
                        row.token += 1;
                    }
                    Use::Sent(sent) => {
                        let before = row.attempts.insert(sent.attempt.n, Some(sent.attempt.succeeded));
                        assert_eq!(before, None, "an attempt is on record twice");
                        row.fresh = sent.attempt.error_code.as_deref() == Some(STALE_CONNECTION);
                        if let Next::Again { .. } = sent.next {
                            row.attempt += 1;
                            row.token += 1;
                        }
                        (row.state, row.failures, row.due_at) = match sent.next {
                            Next::Again { lease_until } => (State::Leased, report.failures, lease_until),
                            Next::Delivered => (State::Delivered, report.failures, now),
                            Next::Retry { due_at, failures } => (State::Waiting, failures, due_at),
                            Next::Failed => (State::Failed, report.failures + 1, now),
                        };
                    }
                }
            });
            if let Some(sent) = report.used.sent()
                && sent.attempt.error_code.as_deref() != Some(STALE_CONNECTION)
            {
                let failing = self.failing.entry(report.endpoint).or_default();
                *failing = if sent.attempt.succeeded { 0 } else { *failing + 1 };
            }
            let row = &self.rows[&id];
            if row.state == State::Waiting {
                self.mark(row.endpoint, row.due_at);
            }
        }
        accepted
    }
}
