//! Claims waiting deliveries from the database: by name for endpoints that the hub knows to have more, as soon as there
//! is room and ahead of need; for all others when something is due. Only deliveries that other cores make due need a
//! poll.

use super::{Dispatcher, hub::Hub};
use crate::{
    error::{Error, Result, chain},
    store::{
        self, LEASE, Queue,
        dispatch::{CLAIM_LANES_MAX, Claim, ClaimResult, FULL_PAUSE},
    },
};
use inboxops_proto::{clock::Timestamp, failpoint, id::EndpointId};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Greatest number of deliveries that one claim takes.
pub(crate) const CLAIM_MAX: usize = 256;
/// The same while tenants' writes come in one by one between the system's.
const CLAIM_BETWEEN_WRITES_MAX: usize = 48;
/// How often a core asks the database for what other cores made due (PostgreSQL), and how long it pauses after a failed
/// claim.
pub(crate) const POLL: Duration = Duration::from_millis(250);

/// When this core should next look for anything due, as far as it knows.
#[derive(Debug)]
pub(super) struct Due {
    at: Mutex<Option<Timestamp>>,
    sooner: Notify,
}

impl Due {
    /// Now: a new core cannot know what is due.
    pub(super) fn now() -> Due {
        Due { at: Mutex::new(Some(Timestamp::default())), sooner: Notify::new() }
    }

    /// Something is due at this time.
    pub(super) fn at(&self, at: Timestamp) {
        let mut due = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        // An equal time counts as well: the delivery may have waited for a worker.
        if due.is_none_or(|before| at <= before) {
            *due = Some(at);
            self.sooner.notify_one();
        }
    }

    /// Whether the time has come; if so, the look counts as done.
    fn take(&self, now: Timestamp) -> bool {
        let mut due = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        due.take_if(|at| *at <= now).is_some()
    }

    fn get(&self) -> Option<Timestamp> {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dispatcher {
    /// Claims until `shutdown`.
    pub(super) async fn claim_what_waits(self: &Arc<Self>, shutdown: &CancellationToken) {
        let mut polled = tokio::time::Instant::now();
        while !shutdown.is_cancelled() {
            if self.db.is_shared() && polled.elapsed() >= POLL {
                polled = tokio::time::Instant::now();
                self.poll().await;
            }
            let (wanted, parks, works) = {
                let mut hub = self.hub();
                (hub.wanted(self.claim_max()), hub.parks(), hub.has_workers())
            };
            let looks = works && self.due.take(self.stamps.now());
            if wanted.is_empty() && !looks {
                self.wait_for_work(shutdown).await;
                continue;
            }
            let claims = async {
                if !wanted.is_empty() {
                    self.claim_wanted(&wanted, parks).await?;
                }
                if looks { self.claim_due(parks).await } else { Ok(()) }
            };
            if let Err(error) = claims.await {
                tracing::warn!(error = chain(&error), "claiming due deliveries failed, will retry");
                // The database may be unreachable for minutes: what was wanted is wanted again.
                tokio::time::sleep(POLL).await;
                self.wake();
            }
        }
    }

    fn claim_max(&self) -> usize {
        if self.db.writes_trickle() { CLAIM_BETWEEN_WRITES_MAX } else { CLAIM_MAX }
    }

    /// Returns when a claim may be worth it.
    async fn wait_for_work(&self, shutdown: &CancellationToken) {
        let clock = self.stamps.clock();
        let due = async {
            match self.due.get() {
                // Nothing can be sent without a worker; when one joins, a look is due.
                Some(at) if self.hub().has_workers() => clock.until(at).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.hungry.notified() => {}
            () = self.due.sooner.notified() => {}
            () = due => {}
            () = tokio::time::sleep(POLL), if self.db.is_shared() => {}
        }
    }

    /// Asks whether another core made something due.
    async fn poll(&self) {
        match store::lanes::next_due(&self.db).await {
            Ok(Some(at)) => self.due.at(at),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = chain(&Error::from(error)), "reading the earliest due time failed, will retry");
            }
        }
    }

    /// Claims for endpoints that are known to have more. If that fails, they are found when they are due, or at their
    /// next answer.
    async fn claim_wanted(self: &Arc<Self>, wanted: &[(EndpointId, u32)], parks: u64) -> Result<()> {
        let claim = self.claim();
        let rooms = wanted.to_vec();
        let claimed = self.db.system(Queue::Claims, async move |tx| store::dispatch::claim_of(tx, claim, &rooms).await);
        let claimed = claimed.await?;
        let seen = |endpoint| claimed.looked.iter().any(|it| it.turn.endpoint == endpoint);
        // Paused, or served by another core at the moment.
        let unseen = wanted.iter().map(|(endpoint, _)| *endpoint).filter(|endpoint| !seen(*endpoint)).collect();
        self.claimed(claimed, unseen, parks);
        Ok(())
    }

    /// Claims whatever is due.
    async fn claim_due(self: &Arc<Self>, parks: u64) -> Result<()> {
        let shares = self.hub().shares(self.claim_max());
        let claim = self.claim();
        if shares.left() == 0 {
            self.due.at(claim.now.plus(FULL_PAUSE));
            return Ok(());
        }
        let claimed = self.db.system(Queue::Claims, async move |tx| {
            let mut shares = shares.clone();
            store::dispatch::claim(tx, claim, |turn| shares.take(turn.endpoint)).await
        });
        let claimed = claimed.await?;
        if claimed.more {
            self.wake();
        } else if let Some(at) = claimed.next {
            // This claim saw what is due now, and claims it by name from here on. The time is for anything that this
            // would miss.
            self.due.at(if at <= claim.now { claim.now.plus(FULL_PAUSE) } else { at });
        }
        self.claimed(claimed, Vec::new(), parks);
        Ok(())
    }

    fn claim(&self) -> Claim {
        let now = self.stamps.now();
        Claim { now, lease_until: now.plus(LEASE), lanes: CLAIM_LANES_MAX }
    }

    /// Reports to the hub what a claim leased and which endpoints have more.
    fn claimed(self: &Arc<Self>, claimed: ClaimResult, unseen: Vec<EndpointId>, parks: u64) {
        let ClaimResult { leased, looked, .. } = claimed;
        if !leased.is_empty() {
            failpoint::fails("after_claim");
        }
        let deliveries = self.with_bodies(leased);
        self.drive(|hub| {
            let actions = hub.offer(deliveries);
            let drained = looked.iter().filter(|it| !it.more).map(|it| it.turn.endpoint);
            drained.chain(unseen).for_each(|endpoint| hub.is_drained(endpoint, parks));
            for it in looked.iter().filter(|it| it.more) {
                hub.has_more(it.turn.endpoint, it.turn.tenant);
            }
            actions
        });
        self.look_again();
    }

    /// Claims due tests of paused lanes, which an ordinary claim passes over.
    pub(super) async fn claim_tests(self: &Arc<Self>) -> Result<()> {
        let left = self.hub().shares(CLAIM_MAX).left();
        let claim = self.claim();
        if left == 0 {
            return Ok(());
        }
        let tests =
            self.db.system(Queue::Claims, async move |tx| store::dispatch::claim_tests(tx, claim, left.into()).await);
        let tests = self.with_bodies(tests.await?);
        if !tests.is_empty() {
            self.drive(|hub: &mut Hub| hub.offer(tests));
            self.look_again();
        }
        Ok(())
    }
}
