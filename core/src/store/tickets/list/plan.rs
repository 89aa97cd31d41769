//! Finds a page. Each part of a filter has an index, and a number of tickets that is known or counted by that index
//! alone. If the smallest part is small, its tickets are examined one by one. If an index has exactly the filter's
//! tickets in the order of the list, the page is read from it. Otherwise tickets are examined in the order of the list,
//! from its beginning, as many as an even spread of the filter's tickets makes likely; if that fails, all tickets
//! of the smallest part are examined. A page by cursor is found in the same ways, from the cursor's place on.

use super::{
    After, Filter, Sort, SortKey,
    source::{ResolvedFilter, Source, needle, rest},
    stream::{ALWAYS, Slice, Stream},
    text::{Text, Value},
    walk::walk,
};
use crate::store::{
    ReadTx, Result, Scoped as _, counts,
    db::{
        conn::on,
        sql::{Sql, statements},
    },
    fold,
    spans::{self, Kind, Position},
    subjects::{self, SubjectMatch},
};
use inboxops_proto::{clock::Timestamp, id::TagId};
use std::cmp::Reverse;
use uuid::Uuid;

/// A part with at most this many tickets is examined one by one.
const LOOK_MAX: i64 = 4096;
/// Tickets that are skipped one by one to reach a page.
const SKIP_MAX: i64 = 1024;
/// Cells with fewer tickets are not merged, but examined one by one.
const MERGE_MIN: i64 = 512;
/// Greatest number of tickets from merged cells; for a page beyond it, all are sorted.
const MERGE_MAX: i64 = 2048;

statements! {
    TAGS = Sql::both("SELECT id FROM tags WHERE tenant_id = $1 AND (name_folded = $2 OR id = $3)");
    COUNT_TAGGED = Sql::both("SELECT COUNT(*) FROM ticket_tags WHERE tag_id = $1");
    COUNT_REQUESTER = Sql::both("SELECT COUNT(*) FROM tickets WHERE tenant_id = $1 AND requester_folded = $2");
    LAST_NUMBER = Sql::both("SELECT last_ticket_number FROM tenants WHERE id = $1");
}

/// A part of a filter, and its number of tickets.
#[derive(Clone, Debug)]
struct Part {
    source: Source,
    size: i64,
    /// Whether the number is exact, and not an upper bound.
    exact: bool,
}

/// The total of a list, and the ids of a page.
type Page = (i64, Vec<Uuid>);

/// The ids of a page, and the number of tickets that match the filter.
pub(super) async fn page(
    tx: &mut ReadTx,
    filter: &Filter,
    limit: i64,
    offset: i64,
    after: Option<After>,
) -> Result<Page> {
    let newer = match filter.updated_until {
        Some(until) => since(tx, Kind::Updated, until).await?,
        None => 0,
    };
    // An upper bound that excludes no ticket is dropped.
    let endless = Filter { updated_until: None, ..filter.clone() };
    let filter = if newer == 0 { &endless } else { filter };
    let mut wanted = ResolvedFilter { tenant: tx.tenant(), filter, tags: Vec::new(), needle: needle(filter) };
    let asked = PageSpan { limit, offset, total: 0, newer, after };
    if !filter.ids.is_empty() {
        return of_ids(tx, &mut wanted, asked).await;
    }
    let Some(mut parts) = parts(tx, &mut wanted, newer).await? else { return Ok((0, Vec::new())) };
    parts.sort_by_key(|part| part.size);
    let Some(smallest) = parts.first() else { return whole(tx, &wanted, asked).await };
    // Other parts may have tickets beyond the upper bound.
    let bounded = filter.updated_until.is_none() || matches!(smallest.source, Source::Changed(..));
    let alone = parts.len() == 1 && bounded && wanted.needle.is_none();
    let ordered_by = if alone { smallest.stream(tx, filter) } else { None };
    if ordered_by.is_none() && smallest.size <= LOOK_MAX {
        return look(tx, &wanted, &smallest.source, asked).await;
    }
    let total = match &parts[..] {
        // With a text to look for, a large part that is alone is what the index of subjects found.
        [part] if part.exact && bounded => part.size,
        _ => count(tx, &wanted, &smallest.source).await?,
    };
    if offset >= total {
        return Ok((total, Vec::new()));
    }
    let asked = PageSpan { limit: limit.min(total - offset), total, ..asked };
    if let Some(stream) = ordered_by {
        return Ok((total, ordered(tx, &wanted, stream, asked).await?));
    }
    let ids = match stream(tx, &wanted, &parts).await? {
        (stream, _) if stream.seen(filter.since_of_sort()).all_of(&wanted) => {
            ordered(tx, &wanted, stream, asked).await?
        }
        (stream, base) => match walk(tx, &wanted, &stream, base, asked).await? {
            Some(ids) => ids,
            None => sorted(tx, &wanted, &smallest.source, asked).await?,
        },
    };
    Ok((total, ids))
}

/// A page that is asked for; the total is known when it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageSpan {
    pub(super) limit: i64,
    /// 0 with `after`.
    pub(super) offset: i64,
    pub(super) total: i64,
    /// Tickets that are excluded by the upper bound on their change.
    newer: i64,
    pub(super) after: Option<After>,
}

impl PageSpan {
    fn slice(self, sort: Sort) -> Slice {
        Slice { sort, limit: self.limit, skip: self.offset, after: self.after }
    }
}

impl Filter {
    /// Whether the filter bounds the time that the list is ordered by.
    pub(super) fn since_of_sort(&self) -> bool {
        match self.sort.key.kind() {
            Some(Kind::Created) => self.created_since.is_some(),
            Some(Kind::Updated) => self.updated_since.is_some() || self.updated_until.is_some(),
            None => false,
        }
    }
}

impl Part {
    /// The index that has exactly its tickets in the order of the list.
    fn stream(&self, tx: &ReadTx, filter: &Filter) -> Option<Stream> {
        let kind = filter.sort.key.kind();
        let created = filter.sort.key == SortKey::CreatedAt;
        match &self.source {
            Source::Cells if !filter.names_inner_cells() => kind.map(|kind| Stream::Time(kind, ALWAYS)),
            // Sorting a few is faster than merging many cells.
            Source::Cells => (created && self.size > MERGE_MIN).then_some(Stream::Cells),
            Source::Tags(tags) if created && tx.counts_add_up() => match tags[..] {
                [tag] => Some(Stream::Tag(tag)),
                _ => None,
            },
            Source::Requester(email) if created => Some(Stream::Requester(email.clone())),
            Source::Since(of, since) if kind == Some(*of) => Some(Stream::Time(*of, (since.micros(), i64::MAX))),
            Source::Changed(since, until) if kind == Some(Kind::Updated) => {
                Some(Stream::Time(Kind::Updated, (since.micros(), until.micros())))
            }
            _ => None,
        }
    }
}

/// The parts of a filter; `None` if one has no tickets.
async fn parts(tx: &mut ReadTx, wanted: &mut ResolvedFilter<'_>, newer: i64) -> Result<Option<Vec<Part>>> {
    let filter = wanted.filter;
    let mut parts = Vec::new();
    if filter.names_cells() {
        parts.push(Part { source: Source::Cells, size: counts::sum(tx, filter).await?, exact: true });
    }
    if let Some(tag) = &filter.tag {
        wanted.tags = tags(tx, tag).await?;
        let mut size = 0;
        for tag in &wanted.tags {
            size += tagged(tx, *tag).await?;
        }
        parts.push(Part { source: Source::Tags(wanted.tags.clone()), size, exact: wanted.tags.len() < 2 });
    }
    if let Some(email) = &filter.requester_email {
        let email = fold(email);
        let size = of_requester(tx, &email).await?;
        parts.push(Part { source: Source::Requester(email), size, exact: true });
    }
    if let Some(from) = filter.created_since {
        let size = since(tx, Kind::Created, from).await?;
        parts.push(Part { source: Source::Since(Kind::Created, from), size, exact: true });
    }
    match (filter.updated_since, filter.updated_until) {
        (None, None) => {}
        (Some(from), None) => {
            let size = since(tx, Kind::Updated, from).await?;
            parts.push(Part { source: Source::Since(Kind::Updated, from), size, exact: true });
        }
        (from, Some(until)) => {
            let from = from.unwrap_or(Timestamp::from_micros(i64::MIN));
            let size = (since(tx, Kind::Updated, from).await? - newer).max(0);
            parts.push(Part { source: Source::Changed(from, until), size, exact: true });
        }
    }
    if parts.iter().any(|part| part.size == 0) {
        return Ok(None);
    }
    // A part that is examined one by one anyway makes the subject search unnecessary.
    let searched = parts.iter().all(|part| part.size > LOOK_MAX);
    if let Some(needle) = wanted.needle.as_deref().filter(|_| searched) {
        let found = subjects::find(tx, needle).await?;
        let (size, exact) = match &found {
            SubjectMatch::Few { numbers, .. } => (i64::try_from(numbers.len()).unwrap_or(i64::MAX).max(1), false),
            SubjectMatch::Exactly(numbers) => (i64::try_from(numbers.len()).unwrap_or(i64::MAX), true),
        };
        parts.push(Part { source: Source::Subject(found), size, exact });
    }
    Ok(parts.iter().all(|part| part.size > 0).then_some(parts))
}

/// The number of tickets of this time or newer.
async fn since(tx: &mut ReadTx, kind: Kind, from: Timestamp) -> Result<i64> {
    if tx.counts_add_up() { spans::since(tx, kind, from).await } else { spans::counted_since(tx, kind, from).await }
}

/// The tags that a filter names: by name or by id.
async fn tags(tx: &mut ReadTx, tag: &str) -> Result<Vec<TagId>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = TAGS.on(link);
    let id = inboxops_proto::id::parse(tag).unwrap_or(Uuid::nil());
    let ids = on!(link, c, D =>
        sqlx::query_scalar::<D, Uuid>(sql).bind(tenant.0).bind(fold(tag)).bind(id).fetch_all(c).await)?;
    Ok(ids.into_iter().map(TagId).collect())
}

async fn tagged(tx: &mut ReadTx, tag: TagId) -> Result<i64> {
    if tx.counts_add_up() {
        return counts::tagged(tx, tag).await;
    }
    let link = tx.link();
    let sql = COUNT_TAGGED.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(tag.0).fetch_one(c).await)
}

async fn of_requester(tx: &mut ReadTx, email: &str) -> Result<i64> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = COUNT_REQUESTER.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(tenant.0).bind(email).fetch_one(c).await)
}

/// Examines the tickets with the ids that the filter names.
async fn of_ids(tx: &mut ReadTx, wanted: &mut ResolvedFilter<'_>, asked: PageSpan) -> Result<Page> {
    let filter = wanted.filter;
    if let Some(tag) = &filter.tag {
        wanted.tags = tags(tx, tag).await?;
        if wanted.tags.is_empty() {
            return Ok((0, Vec::new()));
        }
    }
    look(tx, wanted, &Source::Ids(filter.ids.clone()), asked).await
}

/// Examines each ticket of a part.
async fn look(tx: &mut ReadTx, wanted: &ResolvedFilter<'_>, source: &Source, asked: PageSpan) -> Result<Page> {
    let sort = wanted.filter.sort;
    let mut keys = select(tx, wanted, source).keys(tx, false).await?;
    if sort.descending {
        keys.sort_unstable_by_key(|key| Reverse(*key));
    } else {
        keys.sort_unstable();
    }
    let skip = match asked.after.map(|it| (it.key, it.id)) {
        Some(after) if sort.descending => keys.partition_point(|key| *key >= after),
        Some(after) => keys.partition_point(|key| *key <= after),
        None => usize::try_from(asked.offset).unwrap_or(usize::MAX),
    };
    let take = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let total = i64::try_from(keys.len()).unwrap_or(i64::MAX);
    Ok((total, keys.into_iter().skip(skip).take(take).map(|(_, id)| id).collect()))
}

fn select(tx: &mut ReadTx, wanted: &ResolvedFilter<'_>, source: &Source) -> Text {
    let column = wanted.filter.sort.key.column();
    let mut text = Text::new(tx.link().is_pg(), &format!("SELECT t.{column} AS k, t.id"));
    source.from(&mut text, wanted);
    rest(&mut text, wanted, source.seen());
    text
}

async fn count(tx: &mut ReadTx, wanted: &ResolvedFilter<'_>, source: &Source) -> Result<i64> {
    let mut text = Text::new(tx.link().is_pg(), "SELECT COUNT(*)");
    source.from(&mut text, wanted);
    rest(&mut text, wanted, source.seen());
    text.number(tx).await
}

/// Sorts all tickets of a part.
async fn sorted(tx: &mut ReadTx, wanted: &ResolvedFilter<'_>, source: &Source, asked: PageSpan) -> Result<Vec<Uuid>> {
    let mut text = select(tx, wanted, source);
    let Sort { key, descending } = wanted.filter.sort;
    let way = if descending { " DESC" } else { "" };
    if let Some(after) = asked.after {
        let than = if descending { "<" } else { ">" };
        text.push(&format!(" AND (t.{}, t.id) {than} (", key.column())).bind(Value::Big(after.key)).push(", ");
        text.bind(Value::Uuid(after.id)).push(")");
    }
    text.push(&format!(" ORDER BY k{way}, id{way} LIMIT ")).bind(Value::Big(asked.limit));
    text.push(" OFFSET ").bind(Value::Big(asked.offset));
    Ok(ids(text.keys(tx, false).await?))
}

pub(super) fn ids(keys: Vec<(i64, Uuid)>) -> Vec<Uuid> {
    keys.into_iter().map(|(_, id)| id).collect()
}

/// The index with the fewest tickets to examine in the order of the list, and their number.
async fn stream(tx: &mut ReadTx, wanted: &ResolvedFilter<'_>, parts: &[Part]) -> Result<(Stream, i64)> {
    let filter = wanted.filter;
    let mut streams = Vec::new();
    for part in parts {
        // Streams by time are added below, with the states.
        let stream = part.stream(tx, filter).filter(|stream| !matches!(stream, Stream::Time(..)));
        streams.extend(stream.map(|stream| (stream, part.size)));
    }
    let states = Filter { status: filter.status.clone(), ..Filter::default() };
    let all = counts::sum(tx, &states).await?;
    streams.push(match filter.sort.key.kind() {
        None => (Stream::Number(None), counts::sum(tx, &Filter::default()).await?),
        Some(kind) => {
            let since = match kind {
                Kind::Created => filter.created_since,
                // No ticket changes before it is created.
                Kind::Updated => filter.updated_since.max(filter.created_since),
            };
            let of_since = parts.iter().find(|part| match part.source {
                Source::Since(of, _) => of == kind,
                Source::Changed(..) => kind == Kind::Updated,
                _ => false,
            });
            let from = since.map_or(i64::MIN, |at| at.micros());
            let until = filter.updated_until.filter(|_| kind == Kind::Updated).map_or(i64::MAX, |at| at.micros());
            (Stream::Time(kind, (from, until)), of_since.map_or(all, |part| part.size.min(all)))
        }
    });
    // Of two with equally many tickets, the last one takes the fewest steps: it is one range, or four.
    Ok(streams.into_iter().rev().min_by_key(|(_, base)| *base).unwrap_or((Stream::Number(None), all)))
}

/// All tickets of the tenant.
async fn whole(tx: &mut ReadTx, wanted: &ResolvedFilter<'_>, asked: PageSpan) -> Result<Page> {
    let total = counts::sum(tx, wanted.filter).await?;
    if asked.offset >= total {
        return Ok((total, Vec::new()));
    }
    let asked = PageSpan { limit: asked.limit.min(total - asked.offset), total, newer: 0, ..asked };
    let stream = wanted.filter.sort.key.kind().map_or(Stream::Number(None), |kind| Stream::Time(kind, ALWAYS));
    Ok((total, ordered(tx, wanted, stream, asked).await?))
}

/// A page of an index that has exactly the tickets of the list.
async fn ordered(tx: &mut ReadTx, wanted: &ResolvedFilter<'_>, stream: Stream, asked: PageSpan) -> Result<Vec<Uuid>> {
    let sort = wanted.filter.sort;
    let pg = tx.link().is_pg();
    if asked.after.is_some() {
        return Ok(ids(stream.select(pg, wanted, asked.slice(sort)).keys(tx, true).await?));
    }
    if stream == Stream::Cells && asked.offset > MERGE_MAX {
        return sorted(tx, wanted, &Source::Cells, asked).await;
    }
    let (stream, asked, turned) = nearer(tx, wanted, stream, asked).await?;
    let sort = Sort { descending: sort.descending != turned, ..sort };
    let mut ids = ids(stream.select(pg, wanted, asked.slice(sort)).keys(tx, true).await?);
    if turned {
        ids.reverse();
    }
    Ok(ids)
}

/// The same page with fewer tickets before it: from the other end, or from a known position. Returns also whether it is
/// from the other end.
async fn nearer(
    tx: &mut ReadTx,
    wanted: &ResolvedFilter<'_>,
    stream: Stream,
    asked: PageSpan,
) -> Result<(Stream, PageSpan, bool)> {
    let filter = wanted.filter;
    let PageSpan { limit, offset, total, newer, after: _ } = asked;
    if let Stream::Number(None) = stream {
        let range = numbers(tx, filter.sort, total, offset, limit).await?;
        let left = if range.is_some() { 0 } else { offset };
        return Ok((Stream::Number(range), PageSpan { offset: left, ..asked }, false));
    }
    if offset <= SKIP_MAX {
        return Ok((stream, asked, false));
    }
    match stream {
        Stream::Time(kind, range) if !filter.names_cells() && tx.counts_add_up() => {
            // A list with a lower bound begins where the older tickets end; one with an upper bound, after the newer
            // ones.
            let newer = if kind == Kind::Updated { newer } else { 0 };
            let before =
                if filter.sort.descending { newer } else { counts::sum(tx, &Filter::default()).await? - total - newer };
            let place = spans::seek(tx, kind, offset + before, filter.sort.descending).await?;
            let inside = |place: &Position| {
                if filter.sort.descending { place.range.1 <= range.1 } else { place.range.0 > range.0 }
            };
            // A position before the start of the list counts tickets that are not in it; the page is near the beginning
            // then.
            if let Some(place) = place.filter(inside) {
                let range = (range.0.max(place.range.0), range.1.min(place.range.1));
                return Ok((Stream::Time(kind, range), PageSpan { offset: place.skip, ..asked }, false));
            }
            Ok((stream, asked, false))
        }
        stream if offset > total / 2 => Ok((stream, PageSpan { offset: total - offset - limit, ..asked }, true)),
        stream => Ok((stream, asked, false)),
    }
}

/// The range of ticket numbers of the page, if no numbers are missing. Numbers are missing only if rows were deleted
/// without the store.
pub(super) async fn numbers(
    tx: &mut ReadTx,
    sort: Sort,
    all: i64,
    skip: i64,
    count: i64,
) -> Result<Option<(i64, i64)>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = LAST_NUMBER.on(link);
    let last = on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(tenant.0).fetch_optional(c).await)?;
    let range = if sort.descending { (all - skip - count + 1, all - skip) } else { (skip + 1, skip + count) };
    Ok((last == Some(all)).then_some(range))
}
