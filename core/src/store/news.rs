//! How those who follow hear of commits: one reader of the log in each core, rung by this core's own commits and by a
//! poll for those of others, tells all that listen. Who lags, or comes late, reads the log itself; nothing depends on
//! being told. It knows places, no delivery.

use super::{
    Db, Result,
    changes::{self, Changed, Place},
};
use inboxops_proto::id::TenantId;
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

/// How often the log is read for what other cores committed (PostgreSQL).
pub const POLL: Duration = Duration::from_millis(250);
/// Pause after a reading, so that a storm of commits becomes few messages.
const PAUSE: Duration = Duration::from_millis(25);
/// Passages that a listener may lag behind; then it reads the log.
const LAG_MAX: usize = 256;

/// A passage of the log, as it is told.
#[derive(Clone, Debug)]
pub struct Told {
    /// The place that it begins behind; none when something before may be missing.
    pub from: Option<Place>,
    /// The place behind it.
    pub to: Place,
    /// What changed.
    pub changed: Arc<Changed>,
}

impl Told {
    /// Whether it may concern the tenant.
    pub fn concerns(&self, tenant: TenantId) -> bool {
        self.from.is_none() || self.changed.contains_key(&tenant)
    }
}

/// Where news are told.
pub(super) struct News {
    bell: Notify,
    told: broadcast::Sender<Told>,
}

impl News {
    pub(super) fn new() -> News {
        News { bell: Notify::new(), told: broadcast::channel(LAG_MAX).0 }
    }

    /// This core committed something.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }
}

impl Db {
    /// Listens to what commits change. Something may be missed before the first message and after a lag: then read
    /// the log.
    pub fn listen(&self) -> broadcast::Receiver<Told> {
        let listener = self.news().told.subscribe();
        self.news().ring();
        listener
    }

    /// Tells those who listen, until `shutdown`.
    pub async fn tell(&self, shutdown: &CancellationToken) {
        let news = self.news();
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut place = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = news.bell.notified() => {}
                _ = poll.tick(), if self.is_shared() => {}
            }
            if news.told.receiver_count() == 0 {
                place = None;
                continue;
            }
            match self.tell_from(place).await {
                Ok(end) => place = Some(end),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "cannot read what changed");
                    place = None;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Tells what stands behind the place and returns the place behind that.
    async fn tell_from(&self, place: Option<Place>) -> Result<Place> {
        let news = self.news();
        let Some(mut place) = place else {
            let to = changes::end(self).await?;
            let _ = news.told.send(Told { from: None, to, changed: Arc::default() });
            return Ok(to);
        };
        loop {
            let passage = changes::since(self, place).await?;
            if passage.end != place {
                let told = Told { from: Some(place), to: passage.end, changed: Arc::new(passage.changed) };
                let _ = news.told.send(told);
                place = passage.end;
            }
            if !passage.more {
                return Ok(place);
            }
        }
    }
}
