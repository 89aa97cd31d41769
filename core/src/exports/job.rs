//! A running export: a task that reads its snapshot batch by batch and passes the lines on in pieces. It waits for a
//! slow client, but not for one that takes nothing. When it ends, however it ends, the snapshot and the slot are free.

use super::{
    Limits,
    lines::{self, Kind, Line, LinePlace, Position},
    slots::{Pace, Slot},
};
use crate::{
    cursor::{Cursor, Of},
    listing::Listing,
    store::ReadTx,
};
use inboxops_proto::{
    failure::Failure,
    reason::Reason,
    v1::{self, ExportType},
};
use std::sync::Arc;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// Lines that are passed on together.
pub(super) type Piece = Result<Vec<v1::ExportResponse>, Status>;

/// Pieces that wait for the client.
pub(super) const PIECES_MAX: usize = 4;
/// Size from which on no further line is added to a piece, in bytes.
const PIECE_MAX_BYTES: usize = 32 * 1024;

/// What an export holds while it reads.
pub(super) struct Job {
    pub(super) read: ReadTx,
    pub(super) listing: Listing,
    pub(super) slot: Slot,
    pub(super) kinds: Vec<Kind>,
    /// After this line, or after a kind's beginning.
    pub(super) place: LinePlace,
    pub(super) pace: Arc<Pace>,
    pub(super) limits: Limits,
    pub(super) lines: mpsc::Sender<Piece>,
}

/// Why an export ends without its end.
enum Broken {
    /// The client is gone, or took nothing for too long: nobody listens.
    Unheard,
    Failed(Failure),
}

impl Job {
    /// Reads everything and passes it on; after a failure the client gets its status, if it still takes anything.
    pub(super) async fn run(self, closing: CancellationToken) {
        let (lines, limits) = (self.lines.clone(), self.limits);
        let ended = tokio::select! {
            ended = tokio::time::timeout(limits.life, self.pass_on()) => {
                ended.unwrap_or_else(|_| Err(Broken::Failed(Failure::new(Reason::Timeout))))
            }
            () = lines.closed() => Err(Broken::Unheard),
            () = closing.cancelled() => Err(Broken::Failed(Failure::new(Reason::ServiceUnavailable))),
        };
        if let Err(Broken::Failed(failure)) = ended {
            let _ = lines.send_timeout(Err(failure.status()), limits.stall).await;
        }
    }

    async fn pass_on(self) -> Result<(), Broken> {
        let Job { mut read, listing, slot, kinds, mut place, pace, limits, lines } = self;
        let outlet = Outlet { lines, listing, limits };
        let mut count = 0_u32;
        for kind in kinds {
            if kind != place.kind {
                place = LinePlace { kind, position: Position::START, ..place };
            }
            loop {
                let began = Instant::now();
                let found = lines::read(&mut read, kind, place.position).await;
                let batch = found.map_err(|error| Broken::Failed(error.into_failure()))?;
                let Some(last) = batch.last().map(|line| line.position) else { break };
                let go_on_at = pace.after(batch.len(), began);
                count = count.saturating_add(u32::try_from(batch.len()).unwrap_or(u32::MAX));
                outlet.pass_on(place, batch).await?;
                place.position = last;
                tokio::time::sleep_until(go_on_at).await;
            }
        }
        // Whoever has the last line may begin the next export.
        read.end().await;
        drop(slot);
        // Of a later part the point is later than the place; then the cursor is refused sooner than need be.
        let events = Cursor { place: place.events, at: place.at, made: Some(outlet.listing.point()) };
        let end = v1::ExportResponse {
            r#type: ExportType::End.into(),
            events_cursor: Some(events.text(Of::Events)),
            count: Some(count),
            ..Default::default()
        };
        outlet.send(vec![end]).await
    }
}

/// Where lines go: to the client, as fast as it takes them.
struct Outlet {
    lines: mpsc::Sender<Piece>,
    listing: Listing,
    limits: Limits,
}

impl Outlet {
    /// Passes on lines of one kind, each with its cursor.
    async fn pass_on(&self, place: LinePlace, batch: Vec<Line>) -> Result<(), Broken> {
        let (mut piece, mut size) = (Vec::new(), 0);
        for Line { position, size: more, mut shown } in batch {
            shown.cursor = Some(self.listing.cursor(LinePlace { position, ..place }.key()));
            piece.push(shown);
            size += more;
            if size >= PIECE_MAX_BYTES {
                self.send(std::mem::take(&mut piece)).await?;
                size = 0;
            }
        }
        if piece.is_empty() { Ok(()) } else { self.send(piece).await }
    }

    async fn send(&self, piece: Vec<v1::ExportResponse>) -> Result<(), Broken> {
        self.lines.send_timeout(Ok(piece), self.limits.stall).await.map_err(|_| Broken::Unheard)
    }
}
