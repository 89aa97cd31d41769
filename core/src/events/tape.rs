//! The latest events of a tenant, read once for all followers: the first follower that is notified reads for the others
//! too. What a follower missed it reads for itself, so that a slow one costs the others nothing and holds only what is
//! being sent to it.

use super::Kind;
use crate::{
    cursor::{Cursor, Of},
    error::Result,
    store::{self, Db, TenantScope, changes::Place, histories::HistoryPoint},
    time_and_chance::Stamps,
};
use inboxops_proto::id::TenantId;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::time::Instant;

/// Mask of all event types.
const ALL: i64 = i64::MAX;
/// Greatest number of events in one read.
pub(super) const READ_MAX: u32 = 50;
/// Greatest size of one read, in bytes of bodies; one event may be larger.
pub(super) const TAKE_MAX_BYTES: usize = 256 * 1024;
/// Greatest number of events that are kept for followers that come a little later.
const KEPT_MAX: usize = 256;
/// Size of those, in bytes of bodies; one event may be larger.
const KEPT_MAX_BYTES: usize = 512 * 1024;

/// An event as followers get it, made once for all of them.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) kind: i16,
    pub(super) cursor: Cursor,
    /// The cursor, as text.
    pub(super) id: String,
    /// Name of the event.
    pub(super) event: &'static str,
    pub(super) body: String,
}

/// Events after a place: as they were read, or as followers get them.
#[derive(Debug)]
pub(super) struct Passage<E = Arc<Line>> {
    pub(super) events: VecDeque<E>,
    /// The place after them and after all that were left out.
    pub(super) end: Cursor,
    /// Whether there may already be more.
    pub(super) more: bool,
}

impl Line {
    fn new(told: store::events::LoggedEvent, made: Option<HistoryPoint>) -> Arc<Line> {
        let cursor = Cursor { place: told.place, at: told.at, made };
        let event = Kind::from_code(told.kind).map_or("", Kind::name);
        Arc::new(Line { kind: told.kind, cursor, id: cursor.text(Of::Events), event, body: told.body })
    }

    /// Whether the event has one of these types.
    fn is_in(&self, mask: i64) -> bool {
        mask >> self.kind & 1 == 1
    }
}

impl Passage<store::events::LoggedEvent> {
    pub(super) fn lines(self) -> Passage {
        let Passage { events, end, more } = self;
        Passage { events: events.into_iter().map(|told| Line::new(told, end.made)).collect(), end, more }
    }
}

/// Limits of one read. One event may be larger than the size.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadLimit {
    pub(super) events: u32,
    pub(super) bytes: usize,
}

impl ReadLimit {
    /// For a stream, which holds the events until its client has taken them.
    pub(super) const STREAM: ReadLimit = ReadLimit { events: READ_MAX, bytes: TAKE_MAX_BYTES };
}

/// Reads events after a place, of the types in `mask`.
pub(super) async fn read(
    db: &Db,
    stamps: &Stamps,
    scope: TenantScope,
    after: Place,
    mask: i64,
    most: ReadLimit,
) -> Result<Passage<store::events::LoggedEvent>> {
    let now = stamps.now();
    let mut read = db.read(scope).await?;
    // Asked first: what appears meanwhile is then after the end.
    let (last, point) = store::events::end_point(&mut read).await?;
    let made = Some(point);
    let told = store::events::since(&mut read, after, last, mask, i64::from(most.events) + 1).await?;
    let found = told.len();
    let mut size = 0;
    let fits = |it: &store::events::LoggedEvent| {
        let before = size;
        size += it.body.len();
        before < most.bytes
    };
    let events: VecDeque<_> = told.into_iter().take(most.events as usize).take_while(fits).collect();
    let more = events.len() < found;
    let end = match events.back().filter(|_| more) {
        Some(event) => Cursor { place: event.place, at: event.at, made },
        // After the events that were left out as well, so that they are not examined again.
        None => Cursor { place: last.max(after), at: now, made },
    };
    Ok(Passage { events, end, more })
}

/// The tapes of the tenants that are followed.
#[derive(Default)]
pub(super) struct Tapes(Mutex<HashMap<TenantId, Weak<Tape>>>);

impl Tapes {
    /// The tape of a tenant, which lives as long as anybody holds it.
    pub(super) fn of(&self, tenant: TenantId) -> Arc<Tape> {
        let mut tapes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tape) = tapes.get(&tenant).and_then(Weak::upgrade) {
            return tape;
        }
        tapes.retain(|_, tape| tape.strong_count() > 0);
        let tape = Arc::<Tape>::default();
        tapes.insert(tenant, Arc::downgrade(&tape));
        tape
    }
}

/// The latest events of one tenant, without a gap.
#[derive(Default)]
pub(super) struct Tape {
    kept: Mutex<Option<TapeBuffer>>,
    /// Locked by the follower that reads for all.
    reading: tokio::sync::Mutex<()>,
}

struct TapeBuffer {
    lines: VecDeque<Arc<Line>>,
    /// Size of their bodies.
    bytes: usize,
    /// They are complete after this place …
    from: Place,
    /// … up to this one.
    to: Cursor,
    /// The notification after which they were last read, and when that was.
    looked: u64,
    looked_at: Instant,
}

/// The position of a follower.
#[derive(Clone, Copy, Debug)]
pub(super) struct FollowerPosition {
    /// Cursor of the last event that it has.
    pub(super) after: Cursor,
    /// Whether there was nothing more at its last read.
    pub(super) live: bool,
    /// The types that it wants.
    pub(super) mask: i64,
    /// Notifications that it has received.
    pub(super) told: u64,
}

/// What the tape has for a follower.
enum TapeLookup {
    /// The next events, all of them.
    Next(Passage),
    /// A follower must read from the database.
    Unread,
    /// The follower is behind everything that is kept.
    Before,
}

impl TapeBuffer {
    fn begin(from: Cursor) -> TapeBuffer {
        let lines = VecDeque::new();
        let looked_at = Instant::now();
        TapeBuffer { lines, bytes: 0, from: from.place, to: from, looked: 0, looked_at }
    }

    fn find(&self, stand: FollowerPosition) -> TapeLookup {
        let FollowerPosition { after: Cursor { place: after, .. }, mask, told, .. } = stand;
        if after < self.from {
            return TapeLookup::Before;
        }
        if after >= self.to.place {
            let end = Cursor { at: self.to.at, ..stand.after };
            let nothing = Passage { events: VecDeque::new(), end, more: false };
            return if self.looked >= told { TapeLookup::Next(nothing) } else { TapeLookup::Unread };
        }
        let first = self.lines.partition_point(|line| line.cursor.place <= after);
        let mut events = VecDeque::new();
        let mut size = 0;
        for line in self.lines.range(first..).filter(|line| line.is_in(mask)) {
            if size >= TAKE_MAX_BYTES {
                let end = events.back().map_or(self.to, |last: &Arc<Line>| last.cursor);
                return TapeLookup::Next(Passage { events, end, more: true });
            }
            size += line.body.len();
            events.push_back(line.clone());
        }
        TapeLookup::Next(Passage { events, end: self.to, more: self.looked < told })
    }

    fn add(&mut self, passage: Passage) {
        self.bytes += passage.events.iter().map(|line| line.body.len()).sum::<usize>();
        self.lines.extend(passage.events);
        self.to = passage.end;
        while self.lines.len() > KEPT_MAX || (self.bytes > KEPT_MAX_BYTES && self.lines.len() > 1) {
            let Some(first) = self.lines.pop_front() else { break };
            self.bytes -= first.body.len();
            self.from = first.cursor.place;
        }
    }
}

impl Tape {
    fn kept(&self) -> MutexGuard<'_, Option<TapeBuffer>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events after the place, if they are on the tape or can be read for all followers. `None` if the follower has
    /// to read for itself.
    pub(super) async fn after(
        &self,
        db: &Db,
        stamps: &Stamps,
        scope: &TenantScope,
        stand: FollowerPosition,
    ) -> Result<Option<Passage>> {
        let find = || match self.kept().as_ref() {
            Some(kept) => kept.find(stand),
            // A follower that returns after days does not read for all.
            None if stand.live => TapeLookup::Unread,
            None => TapeLookup::Before,
        };
        loop {
            match find() {
                TapeLookup::Next(passage) => return Ok(Some(passage)),
                TapeLookup::Before => return Ok(None),
                TapeLookup::Unread => {}
            }
            let _reading = self.reading.lock().await;
            if !matches!(find(), TapeLookup::Unread) {
                continue;
            }
            let from = self.kept().as_ref().map_or(stand.after, |kept| kept.to);
            let passage = read(db, stamps, scope.clone(), from.place, ALL, ReadLimit::STREAM).await?.lines();
            let mut kept = self.kept();
            let kept = kept.get_or_insert_with(|| TapeBuffer::begin(from));
            if !passage.more {
                (kept.looked, kept.looked_at) = (kept.looked.max(stand.told), Instant::now());
            }
            kept.add(passage);
        }
    }

    /// Makes the next follower read from the database, notified or not, unless one has done so within `age`.
    pub(super) fn doubt(&self, age: Duration) {
        if let Some(kept) = self.kept().as_mut().filter(|kept| kept.looked_at.elapsed() >= age) {
            kept.looked = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inboxops_proto::clock::Timestamp;

    fn at(seq: i64) -> Cursor {
        Cursor { place: Place { xact: 0, seq }, at: Timestamp::default(), made: None }
    }

    fn passage(seqs: std::ops::Range<i64>, end: i64, size: usize) -> Passage {
        let told = |seq: i64| {
            let kind = i16::try_from(seq % 2).expect("it is small");
            let body = "x".repeat(size);
            let told = store::events::LoggedEvent { place: at(seq).place, kind, at: Timestamp::default(), body };
            Line::new(told, None)
        };
        Passage { events: seqs.map(told).collect(), end: at(end), more: false }
    }

    fn stand(after: i64, mask: i64, told: u64) -> FollowerPosition {
        FollowerPosition { after: at(after), live: true, mask, told }
    }

    fn found(kept: &TapeBuffer, stand: FollowerPosition) -> Option<(Vec<i64>, i64, bool)> {
        match kept.find(stand) {
            TapeLookup::Next(it) => {
                Some((it.events.iter().map(|line| line.cursor.place.seq).collect(), it.end.place.seq, it.more))
            }
            TapeLookup::Unread | TapeLookup::Before => None,
        }
    }

    #[test]
    fn a_follower_is_given_what_comes_behind_its_place() {
        let mut kept = TapeBuffer::begin(at(10));
        assert!(matches!(kept.find(stand(9, ALL, 1)), TapeLookup::Before));
        assert!(matches!(kept.find(stand(10, ALL, 1)), TapeLookup::Unread));
        kept.looked = 1;
        assert_eq!(found(&kept, stand(10, ALL, 1)), Some((vec![], 10, false)), "somebody has looked");
        kept.add(passage(12..15, 20, 1));
        assert_eq!(found(&kept, stand(10, ALL, 1)), Some((vec![12, 13, 14], 20, false)));
        assert_eq!(found(&kept, stand(12, ALL, 1)), Some((vec![13, 14], 20, false)), "none twice");
        assert_eq!(found(&kept, stand(10, 1 << 1, 1)), Some((vec![13], 20, false)), "of its kinds");
        assert_eq!(found(&kept, stand(14, ALL, 2)), Some((vec![], 20, true)), "and there may be more");
        assert!(matches!(kept.find(stand(20, ALL, 2)), TapeLookup::Unread));
        assert_eq!(found(&kept, stand(25, ALL, 1)), Some((vec![], 25, false)), "one that is ahead stays there");
    }

    #[test]
    fn what_is_kept_and_what_is_taken_is_bounded() {
        let mut kept = TapeBuffer::begin(at(0));
        for n in 0..100 {
            kept.add(passage(n * 10..n * 10 + 10, n * 10 + 10, 100));
            assert!(kept.lines.len() <= KEPT_MAX && kept.bytes == kept.lines.len() * 100);
        }
        let first = kept.lines[0].cursor.place.seq;
        assert!(matches!(kept.find(stand(first - 2, ALL, 0)), TapeLookup::Before), "that would leave one out");
        assert_eq!(found(&kept, stand(first - 1, ALL, 0)).expect("kept").0[0], first);
        kept.add(passage(1000..1010, 1010, 100 * 1024));
        assert!(kept.bytes <= KEPT_MAX_BYTES, "{}", kept.bytes);
        let (taken, end, more) = found(&kept, stand(1004, ALL, 0)).expect("kept");
        assert_eq!((taken, end, more), (vec![1005, 1006, 1007], 1007, true));
        kept.add(passage(1010..1011, 1011, KEPT_MAX_BYTES + 1));
        assert_eq!(found(&kept, stand(1009, ALL, 0)).map(|it| it.0), Some(vec![1010]), "one may be larger");
    }
}
