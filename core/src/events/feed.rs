//! The feed of events: the service by which a program reads them without an endpoint, page by page or as a stream. Its
//! order is that of commits, so that a cursor has everything behind it and nothing twice.

use super::{Kind, subscription};
use crate::{
    caller::Caller,
    cursor::{Cursor, Of},
    error::Result,
    page::PER_PAGE_DEFAULT,
    stamp::Stamps,
    store::{self, Db, TenantScope, Told, changes::Place, events::KEPT},
};
use futures_util::stream;
use inboxops_proto::{
    gate::BoxStream,
    reason::Reason,
    v1::{self, StreamSignal, event_service_server::EventService},
};
use std::{collections::VecDeque, time::Duration};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::Instant,
};
use tonic::{Request, Response, Status};

/// Longest silence of a stream.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events that a stream reads at a time: 256 KiB each at most.
const READ_MAX: u32 = 50;

/// The service of events.
pub struct Events {
    db: Db,
    stamps: Stamps,
}

/// Events behind a place.
struct Passage {
    events: VecDeque<store::events::Told>,
    /// The place behind them.
    end: Cursor,
    more: bool,
}

impl Events {
    /// On the store.
    pub fn new(db: Db, stamps: Stamps) -> Events {
        Events { db, stamps }
    }

    async fn list(&self, caller: &Caller, request: v1::ListEventsRequest) -> Result<v1::ListEventsResponse> {
        let mask = mask(&request.types);
        let limit = request.limit.unwrap_or(PER_PAGE_DEFAULT);
        let after = match request.after.as_deref() {
            Some(text) => self.resume(caller.scope()?, text).await?,
            None => Place::default(),
        };
        let passage = read(&self.db, &self.stamps, caller.scope()?, after, mask, limit).await?;
        Ok(v1::ListEventsResponse {
            events: passage.events.into_iter().map(|event| event.body).collect(),
            meta: Some(v1::EventsMeta { has_more: passage.more, next_cursor: passage.end.text(Of::Events) }),
        })
    }

    /// The place of a cursor behind which nothing has been forgotten.
    async fn resume(&self, scope: TenantScope, text: &str) -> Result<Place> {
        let cursor = Cursor::parse(text, Of::Events)?;
        let end = store::events::end(&mut self.db.peek(scope).await?).await?;
        // One from behind the end is of a database that is no more.
        if cursor.at < self.stamps.now().minus(KEPT) || cursor.place > end {
            return Err(Reason::CursorExpired.into());
        }
        Ok(cursor.place)
    }

    async fn stream(
        &self,
        caller: &Caller,
        request: v1::StreamEventsRequest,
    ) -> Result<BoxStream<v1::StreamEventsResponse>> {
        let scope = caller.scope()?;
        // First listen, then look: what comes between is in both.
        let told = self.db.listen();
        let place = match request.after.as_deref() {
            Some(text) => self.resume(scope.clone(), text).await?,
            None => store::events::end(&mut self.db.peek(scope.clone()).await?).await?,
        };
        let follower = Follower {
            db: self.db.clone(),
            stamps: self.stamps.clone(),
            scope,
            mask: mask(&request.types),
            told,
            cursor: Cursor { place, at: self.stamps.now() },
            read: VecDeque::new(),
            end: None,
            behind: true,
            subscribed: false,
            spoken: Instant::now(),
        };
        Ok(Box::pin(stream::unfold(Some(follower), |follower| async {
            let mut follower = follower?;
            match follower.next().await {
                Ok(message) => Some((Ok(message), Some(follower))),
                Err(error) => Some((Err(error.into()), None)),
            }
        })))
    }
}

/// No type at all keeps all of them.
fn mask(types: &[String]) -> i64 {
    if types.is_empty() { subscription::mask(&["*".to_owned()]) } else { subscription::mask(types) }
}

async fn read(db: &Db, stamps: &Stamps, scope: TenantScope, after: Place, mask: i64, limit: u32) -> Result<Passage> {
    let now = stamps.now();
    let mut read = db.read(scope).await?;
    let mut events = VecDeque::from(store::events::since(&mut read, after, mask, i64::from(limit) + 1).await?);
    let more = events.len() > limit as usize;
    events.truncate(limit as usize);
    let end = match events.back().filter(|_| more) {
        Some(last) => Cursor { place: last.place, at: last.at },
        // Behind those that were left out, too, so that they are not looked through again.
        None => Cursor { place: store::events::end(&mut read).await?.max(after), at: now },
    };
    Ok(Passage { events, end, more })
}

/// One stream of events.
struct Follower {
    db: Db,
    stamps: Stamps,
    scope: TenantScope,
    mask: i64,
    told: Receiver<Told>,
    /// Behind what was sent.
    cursor: Cursor,
    /// Read and not sent yet.
    read: VecDeque<store::events::Told>,
    /// Behind what was read.
    end: Option<Cursor>,
    /// Whether there may be more to read.
    behind: bool,
    subscribed: bool,
    spoken: Instant,
}

impl Follower {
    async fn next(&mut self) -> Result<v1::StreamEventsResponse> {
        if !self.subscribed {
            self.subscribed = true;
            return Ok(self.message(StreamSignal::Subscribed, None));
        }
        loop {
            if let Some(event) = self.read.pop_front() {
                self.cursor = Cursor { place: event.place, at: event.at };
                return Ok(self.message(StreamSignal::News, Some(event)));
            }
            if let Some(end) = self.end.take() {
                self.cursor = end;
            }
            if self.behind {
                let (scope, after) = (self.scope.clone(), self.cursor.place);
                let passage = read(&self.db, &self.stamps, scope, after, self.mask, READ_MAX).await?;
                (self.read, self.end, self.behind) = (passage.events, Some(passage.end), passage.more);
            } else if self.spoken.elapsed() >= HEARTBEAT {
                return Ok(self.message(StreamSignal::Heartbeat, None));
            } else {
                self.hear().await?;
            }
        }
    }

    /// Waits until it is told of something, or has been silent for long.
    async fn hear(&mut self) -> Result<()> {
        self.behind = match tokio::time::timeout_at(self.spoken + HEARTBEAT, self.told.recv()).await {
            Ok(Ok(told)) => told.concerns(self.scope.tenant()),
            Ok(Err(RecvError::Closed)) => return Err(Reason::ServiceUnavailable.into()),
            // Once in a while it looks unasked: to be told is a help and no promise.
            Ok(Err(RecvError::Lagged(_))) | Err(_) => true,
        };
        Ok(())
    }

    fn message(&mut self, signal: StreamSignal, event: Option<store::events::Told>) -> v1::StreamEventsResponse {
        self.spoken = Instant::now();
        let name = event.as_ref().and_then(|event| Kind::from_code(event.kind)).map_or("", Kind::name);
        v1::StreamEventsResponse {
            signal: signal.into(),
            cursor: self.cursor.text(Of::Events),
            event: name.to_owned(),
            payload: event.map(|event| event.body).unwrap_or_default(),
        }
    }
}

#[tonic::async_trait]
impl EventService for Events {
    type StreamEventsStream = BoxStream<v1::StreamEventsResponse>;

    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.list(&caller, request.into_inner()).await?))
    }

    async fn stream_events(
        &self,
        request: Request<v1::StreamEventsRequest>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.stream(&caller, request.into_inner()).await?))
    }
}
