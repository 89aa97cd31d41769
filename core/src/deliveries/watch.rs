//! The live log: a stream of a tenant's deliveries as they change. It waits for news of commits and then reads; changes
//! that it missed while its reader was slow it finds in the log of changes, after its place.

use super::shown;
use crate::{
    cursor::{Cursor, Of},
    error::Result,
    store::{
        self, CommitNews, Db, TenantScope,
        changes::{self, Place},
        deliveries::Delivery,
    },
    time_and_chance::Stamps,
};
use futures_util::stream;
use inboxops_proto::{
    gate::BoxStream,
    id::{DeliveryId, EndpointId},
    reason::Reason,
    v1::{self, StreamSignal},
};
use std::time::Duration;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::Instant,
};

/// Longest silence of a stream.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a cursor stays valid; the log is kept longer, so that none of it is missing.
pub(crate) const CURSOR_LIFE: Duration = Duration::from_secs(10 * 60);
const _: () = assert!(CURSOR_LIFE.as_secs() + 60 < changes::KEPT.as_secs(), "longer by more than a commit may take");
/// Greatest number of deliveries in one message.
pub(crate) const BATCH_MAX: usize = 200;

struct Watch {
    db: Db,
    stamps: Stamps,
    scope: TenantScope,
    endpoint: Option<EndpointId>,
    told: Receiver<CommitNews>,
    place: Place,
    /// Everything up to here has been sent.
    sent: Place,
    /// Read from the log up to `place`, and not sent yet.
    waiting: Vec<DeliveryId>,
    /// The last news of commits, up to `place`, while it is not sent yet: few rows, read once for all watchers.
    told_last: Option<CommitNews>,
    /// Whether the log may hold more after `place` than the next news will contain.
    behind: bool,
    subscribed: bool,
    spoken: Instant,
}

/// Starts the stream. After an error its reader continues from the last cursor.
pub(super) async fn watch(
    db: &Db,
    stamps: &Stamps,
    scope: TenantScope,
    request: v1::WatchDeliveriesRequest,
) -> Result<BoxStream<v1::WatchDeliveriesResponse>> {
    let endpoint: Option<EndpointId> =
        request.endpoint_id.map(|text| text.parse().map_err(|_| Reason::EndpointNotFound)).transpose()?;
    if let Some(endpoint) = endpoint {
        store::endpoints::get(&mut db.peek(scope.clone()).await?, endpoint).await?.ok_or(Reason::EndpointNotFound)?;
    }
    // Subscribe first, then look up the end of the log: a commit between the two is in both.
    let told = db.listen();
    let end = changes::end(db).await?;
    let place = match request.cursor.as_deref() {
        None => end,
        Some(text) => {
            let cursor = Cursor::parse(text, Of::Changes)?;
            if cursor.at < stamps.now().minus(CURSOR_LIFE) || cursor.place > changes::farthest(db).await? {
                return Err(Reason::CursorExpired.into());
            }
            cursor.place
        }
    };
    let watch = Watch {
        db: db.clone(),
        stamps: stamps.clone(),
        scope,
        endpoint,
        told,
        place,
        sent: place,
        waiting: Vec::new(),
        told_last: None,
        behind: true,
        subscribed: false,
        spoken: Instant::now(),
    };
    Ok(Box::pin(stream::unfold(Some(watch), |watch| async {
        let mut watch = watch?;
        match watch.next().await {
            Ok(message) => Some((Ok(message), Some(watch))),
            Err(error) => Some((Err(error.into()), None)),
        }
    })))
}

impl Watch {
    async fn next(&mut self) -> Result<v1::WatchDeliveriesResponse> {
        if !self.subscribed {
            self.subscribed = true;
            return Ok(self.message(StreamSignal::Subscribed, Vec::new()));
        }
        loop {
            if let Some(told) = self.told_last.take() {
                let rows = told.deliveries(&self.db, &self.scope).await?;
                let rows = self.shown(&rows);
                if !rows.is_empty() {
                    return Ok(self.message(StreamSignal::News, rows));
                }
            } else if !self.waiting.is_empty() {
                let batch = self.waiting.split_off(self.waiting.len().saturating_sub(BATCH_MAX));
                let rows = self.rows(&batch).await?;
                if !rows.is_empty() {
                    return Ok(self.message(StreamSignal::News, rows));
                }
            } else if self.behind {
                self.read().await?;
            } else if self.spoken.elapsed() >= HEARTBEAT {
                return Ok(self.message(StreamSignal::Heartbeat, Vec::new()));
            } else {
                self.hear().await?;
            }
        }
    }

    /// Reads the log after the place.
    async fn read(&mut self) -> Result<()> {
        let mut passage = changes::since(&self.db, self.place).await?;
        self.place = passage.end;
        self.behind = passage.more;
        self.waiting = passage.changed.remove(&self.scope.tenant()).unwrap_or_default();
        Ok(())
    }

    /// Waits for news, or until the stream has been silent for [`HEARTBEAT`].
    async fn hear(&mut self) -> Result<()> {
        let told = match tokio::time::timeout_at(self.spoken + HEARTBEAT, self.told.recv()).await {
            // The log is read once in a while without news, because news can be lost.
            Err(_) | Ok(Err(RecvError::Lagged(_))) => {
                self.behind = true;
                return Ok(());
            }
            Ok(Err(RecvError::Closed)) => return Err(Reason::ServiceUnavailable.into()),
            Ok(Ok(told)) => told,
        };
        if told.from == Some(self.place) {
            self.place = told.to;
            match told.changed.get(&self.scope.tenant()) {
                Some(ids) if ids.len() <= BATCH_MAX => self.told_last = Some(told),
                Some(ids) => self.waiting = ids.clone(),
                None => {}
            }
        } else if told.to > self.place {
            self.behind = true;
        }
        Ok(())
    }

    async fn rows(&self, ids: &[DeliveryId]) -> Result<Vec<v1::Delivery>> {
        let mut read = self.db.read(self.scope.clone()).await?;
        let mut rows = store::deliveries::these(&mut read, ids).await?;
        rows.sort_unstable_by_key(|row| row.id);
        Ok(self.shown(&rows))
    }

    /// Keeps the deliveries of the endpoint that is watched.
    fn shown(&self, rows: &[Delivery]) -> Vec<v1::Delivery> {
        let now = self.stamps.now();
        let watched = rows.iter().filter(|row| self.endpoint.is_none_or(|endpoint| row.endpoint == endpoint));
        watched.map(|row| shown(row, now)).collect()
    }

    fn message(&mut self, signal: StreamSignal, deliveries: Vec<v1::Delivery>) -> v1::WatchDeliveriesResponse {
        self.spoken = Instant::now();
        if self.waiting.is_empty() {
            self.sent = self.place;
        }
        let cursor = Cursor { place: self.sent, at: self.stamps.now(), made: None }.text(Of::Changes);
        v1::WatchDeliveriesResponse { signal: signal.into(), deliveries, cursor }
    }
}
