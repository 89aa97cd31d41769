//! Random moves of deliveries, as commits, workers, jobs and administrators make them.

use crate::tests::{
    store::moves::{claim, emit, lease, not_sent, park, reap, report, sent},
    support::{StoredTenant, TestStore},
};
use crate::{
    retention::Retention,
    store::{
        self, LEASE, Leased, Queue,
        deliveries::{NewDelivery, State},
        dispatch::{self, Claim, Next, Which},
    },
    time_and_chance::{Chance, Stamps},
};
use inboxops_proto::{
    id::{DeliveryId, EndpointId},
    limits::EVENTS_KEPT,
};
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};
use tokio_util::sync::CancellationToken;

/// One move; numbers select its objects.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Emit(usize),
    Test(usize),
    Park(usize),
    Claim(i64, u32),
    ClaimOf(usize, u32),
    ClaimTests,
    Report(usize, u8),
    Late(usize),
    Reap(Which),
    Stop(usize),
    Rearm(usize),
    RearmAll(usize, usize),
    Make(usize, usize),
    Switch(usize, bool),
    Wait(u64),
    Retain,
}

/// A sequence of moves.
pub(super) fn walk(count: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..6usize).prop_map(Step::Emit),
        1 => any::<usize>().prop_map(Step::Test),
        3 => (1..8usize).prop_map(Step::Park),
        4 => (1..4i64, 0..5u32).prop_map(|(lanes, room)| Step::Claim(lanes, room)),
        2 => (any::<usize>(), 0..5u32).prop_map(|(at, room)| Step::ClaimOf(at, room)),
        1 => Just(Step::ClaimTests),
        5 => (1..8usize, any::<u8>()).prop_map(|(count, how)| Step::Report(count, how)),
        1 => any::<usize>().prop_map(Step::Late),
        1 => prop_oneof![3 => Just(Which::Ended), 1 => Just(Which::All)].prop_map(Step::Reap),
        2 => any::<usize>().prop_map(Step::Stop),
        2 => any::<usize>().prop_map(Step::Rearm),
        1 => (any::<usize>(), 1..6usize).prop_map(|(at, count)| Step::RearmAll(at, count)),
        1 => (any::<usize>(), 1..4usize).prop_map(|(at, count)| Step::Make(at, count)),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(at, on)| Step::Switch(at, on)),
        3 => (1..90u64).prop_map(Step::Wait),
        1 => Just(Step::Retain),
    ];
    proptest::collection::vec(step, count)
}

/// Makes the moves of one tenant.
pub(super) struct Walker<'a> {
    fresh: &'a TestStore,
    tenant: &'a StoredTenant,
    pub(crate) endpoints: Vec<EndpointId>,
    held: Vec<Leased>,
    /// Leases that have ended.
    over: Vec<Leased>,
    all: BTreeMap<DeliveryId, EndpointId>,
}

impl Walker<'_> {
    fn take(&mut self, leased: Vec<Leased>) {
        self.all.extend(leased.iter().map(|it| (it.delivery, it.endpoint)));
        self.held.extend(leased);
    }

    fn give(&mut self, count: usize) -> Vec<Leased> {
        let given: Vec<Leased> = self.held.drain(..count.min(self.held.len())).collect();
        self.over.extend(given.iter().cloned());
        given
    }

    fn endpoint(&self, at: usize) -> EndpointId {
        self.endpoints[at % self.endpoints.len()]
    }

    fn delivery(&self, at: usize) -> Option<DeliveryId> {
        self.all.keys().nth(at % self.all.len().max(1)).copied()
    }

    /// A change of a delivery, with its row locked.
    async fn change(&self, at: usize, stop: bool) {
        let Some(id) = self.delivery(at) else { return };
        let now = self.fresh.now();
        let changed = self.fresh.db.write(self.tenant.scope.clone(), async move |tx| {
            let Some(row) = store::deliveries::lock(tx, id).await? else { return Ok(()) };
            if stop {
                store::deliveries::stop(tx, &row, now).await.map(drop)
            } else {
                store::deliveries::rearm(tx, &row, now).await.map(drop)
            }
        });
        changed.await.unwrap();
    }

    pub(super) async fn step(&mut self, step: Step) {
        let (fresh, now) = (self.fresh, self.fresh.now());
        match step {
            Step::Emit(count) => {
                let leased = emit(fresh, self.tenant, count).await;
                self.take(leased);
            }
            Step::Test(at) => {
                fresh.leased.lock().unwrap().clear();
                let event = store::NewEvent {
                    test_of: Some(store::events::TestOf { endpoint: self.endpoint(at), version: 1, thin: false }),
                    ..self.tenant.event(now)
                };
                let written = fresh.db.write(self.tenant.scope.clone(), async move |tx| -> store::Result<_> {
                    tx.emit(event.clone());
                    Ok(())
                });
                written.await.unwrap();
                let leased = std::mem::take(&mut *fresh.leased.lock().unwrap());
                self.take(leased);
            }
            Step::Park(count) => {
                let given = self.give(count);
                park(&fresh.db, &given).await;
            }
            Step::Claim(lanes, room) => {
                let leased = claim(&fresh.db, lanes, room).await;
                self.take(leased);
            }
            Step::ClaimOf(at, room) => {
                let claim = Claim { now, lease_until: now.plus(LEASE), lanes: 1 };
                let rooms = [(self.endpoint(at), room)];
                let claimed = async move |tx: &mut store::SystemTx<'_>| dispatch::claim_of(tx, claim, &rooms).await;
                let claimed = fresh.db.system(Queue::Claims, claimed).await.unwrap();
                self.take(claimed.leased);
            }
            Step::ClaimTests => {
                let claim = Claim { now, lease_until: now.plus(LEASE), lanes: 1 };
                let claimed = async move |tx: &mut store::SystemTx<'_>| dispatch::claim_tests(tx, claim, 3).await;
                let leased = fresh.db.system(Queue::Claims, claimed).await.unwrap();
                self.take(leased);
            }
            Step::Report(count, how) => {
                let given = self.give(count);
                let due_at = now.plus(Duration::from_secs(u64::from(how % 50)));
                let of = |(at, it): (usize, &Leased)| match (usize::from(how) + at) % 6 {
                    0 | 1 => sent(it, now, Next::Delivered),
                    2 | 3 => sent(it, now, Next::Failed),
                    4 => not_sent(it, due_at),
                    _ => sent(it, now, Next::Retry { due_at, failures: it.failures + 1 }),
                };
                report(&fresh.db, given.iter().enumerate().map(of).collect()).await;
            }
            Step::Late(at) => {
                let late: Vec<Leased> = self.over.iter().skip(at % self.over.len().max(1)).take(3).cloned().collect();
                park(&fresh.db, &late).await;
                report(&fresh.db, late.iter().map(|it| sent(it, now, Next::Delivered)).collect()).await;
                assert!(late.iter().all(|it| lease(it).token == it.token));
            }
            Step::Reap(which) => {
                reap(&fresh.db, which).await;
            }
            Step::Stop(at) => self.change(at, true).await,
            Step::Rearm(at) => self.change(at, false).await,
            Step::RearmAll(at, count) => self.rearm(self.endpoint(at), count).await,
            Step::Make(at, count) => self.make(self.endpoint(at), count).await,
            Step::Switch(at, on) => {
                let id = self.endpoint(at);
                let switched = fresh.db.write(self.tenant.scope.clone(), async move |tx| {
                    let old = store::endpoints::lock(tx, id).await?.expect("the endpoint is there");
                    let new = store::endpoints::Endpoint { enabled: on, ..old };
                    store::endpoints::update(tx, &new).await
                });
                switched.await.unwrap();
            }
            Step::Wait(secs) => {
                fresh.clock.advance(Duration::from_secs(secs));
            }
            Step::Retain => {
                fresh.clock.advance(EVENTS_KEPT);
                let stamps = Stamps::new(fresh.clock.clone(), Chance::seeded(1));
                Retention::new(fresh.db.clone(), stamps).pass(&CancellationToken::new()).await.unwrap();
            }
        }
    }

    /// As a resend job does: rearms some deliveries, with the states in which they were read.
    async fn rearm(&self, endpoint: EndpointId, count: usize) {
        let own = self.all.iter().filter(|(_, of)| **of == endpoint).map(|(id, _)| *id);
        let (ids, now): (Vec<DeliveryId>, _) = (own.collect(), self.fresh.now());
        let rearmed = self.fresh.db.write(self.tenant.scope.clone(), async move |tx| {
            let states = store::deliveries::states(tx, &ids).await?;
            let read = ids.iter().filter_map(|id| Some((*id, states.get(id)?.state)));
            let read: Vec<(DeliveryId, State)> = read.take(count).collect();
            store::deliveries::rearm_all(tx, endpoint, &read, now).await
        });
        rearmed.await.unwrap();
    }

    /// As a recovery does: makes deliveries for yesterday's undelivered events.
    async fn make(&mut self, endpoint: EndpointId, count: usize) {
        let now = self.fresh.now();
        let yesterday = now.minus(Duration::from_secs(86_400));
        let events: Vec<_> =
            (0..count).map(|_| store::NewEvent { kind: UNWANTED, ..self.tenant.event(yesterday) }).collect();
        let made: Vec<NewDelivery> = events
            .iter()
            .map(|event| NewDelivery { id: store::events::delivery_id(event.id, endpoint), event: event.id, kind: 3 })
            .collect();
        self.all.extend(made.iter().map(|it| (it.id, endpoint)));
        let written = self.fresh.db.write(self.tenant.scope.clone(), async move |tx| {
            events.iter().for_each(|event| tx.emit(event.clone()));
            store::deliveries::make(tx, endpoint, false, &made, now).await
        });
        written.await.unwrap();
    }
}

/// A kind of event that no endpoint of these tests subscribes to.
const UNWANTED: i16 = 9;

/// A walker with three endpoints.
pub(super) async fn walker<'a>(fresh: &'a TestStore, tenant: &'a StoredTenant) -> Walker<'a> {
    let mut endpoints = Vec::new();
    for _ in 0..3 {
        endpoints.push(fresh.endpoint(tenant).await);
    }
    Walker { fresh, tenant, endpoints, held: Vec::new(), over: Vec::new(), all: BTreeMap::new() }
}
