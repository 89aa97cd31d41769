//! The feed of events: the service by which a program reads them without an endpoint, in pages or as a stream. The
//! order is that of commits, so a reader that continues from its cursor misses nothing and gets nothing twice.

use super::{
    subscription,
    tape::{self, FollowerPosition, Line, Passage, ReadLimit, Tape, Tapes},
};
use crate::{
    caller::Caller,
    cursor::{Cursor, Of},
    error::Result,
    listing::of_other_history,
    page::PER_PAGE_DEFAULT,
    store::{self, Db, Hearing, TenantScope, changes::Place},
    time_and_chance::Stamps,
};
use futures_util::stream;
use inboxops_proto::{
    gate::BoxStream,
    limits::EVENTS_KEPT,
    reason::Reason,
    v1::{self, StreamSignal, event_service_server::EventService},
};
use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};
use tokio::time::{Instant, Sleep};
use tonic::{Request, Response, Status};

/// Longest silence of a stream.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// The cursor of the newest place, for readers that begin there.
const LATEST: &str = "latest";

pub(crate) struct Events {
    db: Db,
    stamps: Stamps,
    tapes: Tapes,
}

impl Events {
    pub(crate) fn new(db: Db, stamps: Stamps) -> Events {
        Events { db, stamps, tapes: Tapes::default() }
    }

    async fn list(&self, caller: &Caller, request: v1::ListEventsRequest) -> Result<v1::ListEventsResponse> {
        if request.after.as_deref() == Some(LATEST) {
            let next_cursor = self.latest(caller.scope()?).await?.text(Of::Events);
            let meta = Some(v1::EventsMeta { has_more: false, next_cursor });
            return Ok(v1::ListEventsResponse { events: Vec::new(), meta });
        }
        let mask = mask(&request.types);
        let most = ReadLimit { events: request.limit.unwrap_or(PER_PAGE_DEFAULT), bytes: usize::MAX };
        let after = match request.after.as_deref() {
            Some(text) => self.resume(caller.scope()?, text).await?.place,
            None => Place::default(),
        };
        let passage = tape::read(&self.db, &self.stamps, caller.scope()?, after, mask, most).await?;
        Ok(v1::ListEventsResponse {
            events: passage.events.into_iter().map(|event| event.body).collect(),
            meta: Some(v1::EventsMeta { has_more: passage.more, next_cursor: passage.end.text(Of::Events) }),
        })
    }

    /// The cursor after all events.
    async fn latest(&self, scope: TenantScope) -> Result<Cursor> {
        let (place, point) = store::events::end_point(&mut self.db.peek(scope).await?).await?;
        Ok(Cursor { place, at: self.stamps.now(), made: Some(point) })
    }

    /// A cursor at the place of an earlier one, if no event after it has been deleted, and the place is one of the
    /// history of this database.
    async fn resume(&self, scope: TenantScope, text: &str) -> Result<Cursor> {
        let cursor = Cursor::parse(text, Of::Events)?;
        let mut read = self.db.peek(scope).await?;
        let (farthest, point) = store::events::farthest(&mut read).await?;
        if cursor.made.is_some_and(|made| !read.histories().cover(made, point.seq)) {
            return Err(of_other_history("after").into());
        }
        let now = self.stamps.now();
        // A place after all that were given comes from another database.
        if cursor.at < now.minus(EVENTS_KEPT) || cursor.place > farthest {
            return Err(Reason::CursorExpired.into());
        }
        Ok(Cursor { place: cursor.place, at: now, made: Some(point) })
    }

    async fn stream(
        &self,
        caller: &Caller,
        request: v1::StreamEventsRequest,
    ) -> Result<BoxStream<v1::StreamEventsResponse>> {
        let scope = caller.scope()?;
        // Subscribe first, then read: an event between the two is seen by both.
        let hearing = self.db.hear(scope.tenant());
        let (after, live) = match request.after.as_deref().filter(|text| *text != LATEST) {
            Some(text) => (self.resume(scope.clone(), text).await?, false),
            None => (self.latest(scope.clone()).await?, true),
        };
        let mut follower = Follower {
            db: self.db.clone(),
            stamps: self.stamps.clone(),
            tape: self.tapes.of(scope.tenant()),
            scope,
            hearing,
            stand: FollowerPosition { after, live, mask: mask(&request.types), told: 0 },
            lines: VecDeque::new(),
            end: None,
            behind: true,
            subscribed: false,
            spoken: Instant::now(),
            alarm: Box::pin(tokio::time::sleep(HEARTBEAT)),
        };
        follower.stand.told = follower.hearing.told();
        Ok(Box::pin(stream::unfold(Some(follower), |follower| async {
            let mut follower = follower?;
            match follower.next().await {
                Ok(message) => Some((Ok(message), Some(follower))),
                Err(error) => Some((Err(error.into()), None)),
            }
        })))
    }
}

/// An empty list means all types.
fn mask(types: &[String]) -> i64 {
    if types.is_empty() { subscription::mask(&["*".to_owned()]) } else { subscription::mask(types) }
}

/// One stream of events.
struct Follower {
    db: Db,
    stamps: Stamps,
    scope: TenantScope,
    tape: Arc<Tape>,
    hearing: Hearing,
    /// Its position; `after` is the cursor of what was sent.
    stand: FollowerPosition,
    /// To be sent next.
    lines: VecDeque<Arc<Line>>,
    /// The cursor after those lines.
    end: Option<Cursor>,
    /// Whether there may be more events.
    behind: bool,
    subscribed: bool,
    spoken: Instant,
    /// Goes off when the stream may have been silent for [`HEARTBEAT`].
    alarm: Pin<Box<Sleep>>,
}

impl Follower {
    async fn next(&mut self) -> Result<v1::StreamEventsResponse> {
        if !self.subscribed {
            self.subscribed = true;
            return Ok(self.message(StreamSignal::Subscribed, None));
        }
        loop {
            if let Some(line) = self.lines.pop_front() {
                self.stand.after = line.cursor;
                return Ok(self.message(StreamSignal::News, Some(&line)));
            }
            if let Some(end) = self.end.take() {
                self.stand.after = end;
            }
            if self.behind {
                self.read().await?;
            } else if self.spoken.elapsed() >= HEARTBEAT {
                return Ok(self.message(StreamSignal::Heartbeat, None));
            } else {
                self.hear().await?;
            }
        }
    }

    /// Takes the next events from the tape, or reads them if the tape no longer has them.
    async fn read(&mut self) -> Result<()> {
        let Passage { events, end, more } =
            match self.tape.after(&self.db, &self.stamps, &self.scope, self.stand).await? {
                Some(passage) => passage,
                None => {
                    let FollowerPosition { after, mask, .. } = self.stand;
                    let scope = self.scope.clone();
                    tape::read(&self.db, &self.stamps, scope, after.place, mask, ReadLimit::STREAM).await?.lines()
                }
            };
        (self.lines, self.end, self.behind) = (events, Some(end), more);
        self.stand.live = !more;
        Ok(())
    }

    /// Waits for news, or until the stream may have been silent for [`HEARTBEAT`].
    async fn hear(&mut self) -> Result<()> {
        tokio::select! {
            told = self.hearing.hear() => self.stand.told = told.ok_or(Reason::ServiceUnavailable)?,
            () = &mut self.alarm => {
                // The alarm is set again only when it goes off: waking once in vain costs less than setting it for each
                // event.
                let silent = self.spoken.elapsed() >= HEARTBEAT;
                self.alarm.as_mut().reset(if silent { Instant::now() } else { self.spoken } + HEARTBEAT);
                if !silent {
                    return Ok(());
                }
                // The events are read once in a while without news, because news can be lost.
                self.tape.doubt(HEARTBEAT);
            }
        }
        self.behind = true;
        Ok(())
    }

    fn message(&mut self, signal: StreamSignal, line: Option<&Line>) -> v1::StreamEventsResponse {
        self.spoken = Instant::now();
        v1::StreamEventsResponse {
            signal: signal.into(),
            cursor: line.map_or_else(|| self.stand.after.text(Of::Events), |line| line.id.clone()),
            event: line.map_or("", |line| line.event).to_owned(),
            payload: line.map(|line| line.body.clone()).unwrap_or_default(),
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
