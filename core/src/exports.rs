//! Exports: the service that streams one snapshot of a tenant's resources, and names the place in the events that
//! continues it. A tenant has one export at a time. It reads on a connection of its own, in batches and at a bounded
//! pace, so that it never slows writers.

mod job;
mod lines;
mod slots;

use crate::{
    caller::Caller,
    error::{Error, Result},
    listing::{Binding, Paging},
    store::{self, Db, exports::Begun},
    time_and_chance::Stamps,
};
use futures_util::stream;
use inboxops_proto::{
    failure::Failure,
    gate::BoxStream,
    limits::EVENTS_KEPT,
    reason::Reason,
    v1::{self, export_service_server::ExportService},
};
use job::{Job, PIECES_MAX, Piece};
use lines::{Kind, LinePlace, Position};
use slots::{Pace, Slots};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status};

/// Seconds after which a client that came during another export may look again.
const LOOK_AGAIN_SECS: u32 = 5;

/// Limits of exports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Longest time in which a client may take nothing.
    pub(crate) stall: Duration,
    /// Longest life of an export: its snapshot keeps the database from cleaning up.
    pub(crate) life: Duration,
    /// Lines that all exports of this core together may read in a second.
    pub(crate) lines_per_second: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { stall: Duration::from_secs(30), life: Duration::from_secs(600), lines_per_second: 18_000 }
    }
}

pub(crate) struct Exports {
    db: Db,
    stamps: Stamps,
    slots: Slots,
    pace: Arc<Pace>,
    limits: Limits,
    /// The running exports, which end when the database closes or their clients go.
    tasks: TaskTracker,
}

impl Exports {
    pub(crate) fn new(db: Db, stamps: Stamps, limits: Limits) -> Exports {
        let pace = Arc::new(Pace::new(limits.lines_per_second));
        Exports { db, stamps, slots: Slots::default(), pace, limits, tasks: TaskTracker::new() }
    }

    async fn begin(&self, caller: &Caller, request: v1::ExportRequest) -> Result<BoxStream<v1::ExportResponse>> {
        let kinds = kinds(caller, &request.types);
        let first = *kinds.first().ok_or(Error::Broken("an export of nothing passed the gate"))?;
        let scope = caller.scope()?;
        let paging = Paging::by_cursor(None, request.after.as_deref())?;
        let binding = Binding::of("export", scope.tenant(), &filters(&request));
        let slot = self.slots.take(scope.tenant()).ok_or_else(in_progress)?;
        // Before the snapshot, so that the time of its place is not later than anything that it does not have.
        let now = self.stamps.now();
        let mut read = self.db.long_read(scope).await?.ok_or_else(too_many)?;
        let Begun::At(events) = store::exports::begin(&mut read).await? else { return Err(in_progress().into()) };
        let listing = paging.open(&mut read, binding, now).await?;
        let place = match listing.after() {
            Some(key) => LinePlace::of(key)?,
            None => LinePlace { kind: first, position: Position::START, events, at: now },
        };
        if place.at < now.minus(EVENTS_KEPT) {
            return Err(Reason::CursorExpired.into());
        }
        let kinds = kinds.into_iter().filter(|kind| *kind >= place.kind).collect();
        let (lines, pieces) = mpsc::channel(PIECES_MAX);
        let job = Job { read, listing, slot, kinds, place, pace: self.pace.clone(), limits: self.limits, lines };
        self.tasks.spawn(job.run(self.db.closing().clone()));
        Ok(taken(pieces))
    }
}

/// The kinds that are exported, in the order of the lines: those that are named, or all that the caller may read. The
/// gate has refused a key that may not read what it names, or nothing at all.
fn kinds(caller: &Caller, types: &[String]) -> Vec<Kind> {
    let may = |kind: &Kind| caller.has_any(&[kind.scope()]);
    let named = |kind: &Kind| types.is_empty() || types.iter().any(|name| name == kind.name());
    Kind::ALL.into_iter().filter(|kind| may(kind) && named(kind)).collect()
}

/// What a cursor is bound to: the types, in whatever order they were named.
fn filters(request: &v1::ExportRequest) -> v1::ExportRequest {
    let mut types = request.types.clone();
    types.sort_unstable();
    types.dedup();
    v1::ExportRequest { types, after: None }
}

fn in_progress() -> Failure {
    Failure::new(Reason::ExportInProgress).retry_after(LOOK_AGAIN_SECS)
}

fn too_many() -> Failure {
    Failure::new(Reason::ServiceUnavailable).message("Too many exports are running.").retry_after(LOOK_AGAIN_SECS)
}

/// The lines as the client takes them. A stream that ends without the last line ends with a failure.
fn taken(pieces: mpsc::Receiver<Piece>) -> BoxStream<v1::ExportResponse> {
    let waiting = Vec::<v1::ExportResponse>::new().into_iter();
    Box::pin(stream::unfold((Some(pieces), waiting), |(mut pieces, mut waiting)| async move {
        loop {
            if let Some(line) = waiting.next() {
                if line.r#type() == v1::ExportType::End {
                    pieces = None;
                }
                return Some((Ok(line), (pieces, waiting)));
            }
            waiting = match pieces.as_mut()?.recv().await {
                Some(Ok(piece)) => piece.into_iter(),
                Some(Err(status)) => return Some((Err(status), (None, waiting))),
                // The task gave up because nothing was taken for too long.
                None => return Some((Err(Failure::new(Reason::Timeout).status()), (None, waiting))),
            };
        }
    }))
}

#[tonic::async_trait]
impl ExportService for Exports {
    type ExportStream = BoxStream<v1::ExportResponse>;

    async fn export(&self, request: Request<v1::ExportRequest>) -> Result<Response<Self::ExportStream>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.begin(&caller, request.into_inner()).await?))
    }
}
