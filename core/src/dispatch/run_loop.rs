//! The dispatcher's tasks: claiming, timers, the hub's ticks, and parking. When the database is unreachable, each of
//! them retries for ever.

use super::{Dispatcher, hub::Hub};
use crate::{
    error::{Result, chain},
    store::{self, Leased, Queue, dispatch::Lease},
};
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How often the hub gets a tick while something waits in it.
pub(crate) const TICK: Duration = Duration::from_millis(250);
/// Shortest time between two looks at endpoints that wait for their rates.
pub(crate) const PACE_MIN: Duration = Duration::from_millis(5);
impl Dispatcher {
    /// Runs until `shutdown`, then parks what waits in memory.
    pub(crate) async fn run(
        self: Arc<Self>,
        mut to_park: mpsc::UnboundedReceiver<Vec<Leased>>,
        shutdown: CancellationToken,
    ) {
        tokio::join!(
            self.claim_what_waits(&shutdown),
            self.upkeep(&shutdown),
            self.look_after_memory(&mut to_park, &shutdown)
        );
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let actions = self.hub().park_all();
        self.act(actions);
        while let Ok(deliveries) = to_park.try_recv() {
            self.park(deliveries, &mut to_park).await;
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn look_after_memory(
        self: &Arc<Self>,
        to_park: &mut mpsc::UnboundedReceiver<Vec<Leased>>,
        shutdown: &CancellationToken,
    ) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(deliveries) = to_park.recv() => self.park(deliveries, to_park).await,
                () = self.pace() => self.drive(Hub::pump),
                () = self.paced.notified() => {}
                _ = tick.tick() => {
                    let now = self.stamps.now();
                    if !self.hub().is_idle() {
                        self.drive(|hub| hub.tick(now));
                    }
                }
            }
        }
    }

    pub(super) async fn attempt(&self, what: &'static str, doing: impl Future<Output = Result<()>>) {
        // The database may be unreachable for minutes: the next round retries, for ever.
        if let Err(error) = doing.await {
            tracing::warn!(what, error = chain(&error), "dispatch cannot {what}, will retry");
        }
    }

    async fn park(self: &Arc<Self>, mut deliveries: Vec<Leased>, more: &mut mpsc::UnboundedReceiver<Vec<Leased>>) {
        while let Ok(next) = more.try_recv() {
            deliveries.extend(next);
        }
        let leases: Vec<Lease> =
            deliveries.iter().map(|leased| Lease { delivery: leased.delivery, token: leased.token }).collect();
        let now = self.stamps.now();
        let park = self.db.system(Queue::Claims, async move |tx| store::dispatch::park(tx, &leases, now).await);
        self.attempt("park leases", async { Ok(park.await.map(drop)?) }).await;
        self.drive(|hub| {
            hub.parked(&deliveries);
            Vec::new()
        });
        self.look_again();
    }

    /// Returns when an endpoint that waits for its rate alone may send.
    async fn pace(&self) {
        let Some(until) = self.hub().paced_until() else { return std::future::pending().await };
        tokio::time::sleep(until.since(self.stamps.now()).max(PACE_MIN)).await;
    }
}
