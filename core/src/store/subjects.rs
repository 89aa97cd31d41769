//! The index of subjects: finds the tickets of a tenant whose subject contains a text. Ticket numbers follow the order
//! of commits, so tickets with a greater number than the index has reached are new; changes of older ones are in
//! `subject_changes`. A write therefore costs nothing extra but a row for a changed subject; a job brings the index up
//! to date block by block.

mod keep;
pub(crate) mod lists;
pub(crate) mod text;

pub(super) use keep::note;
#[cfg(test)]
pub(super) use keep::{ALL as KEEP_ALL, ALL_ROWS as KEEP_ALL_ROWS};
pub(crate) use keep::{LISTS_MAX, changes, full, lag, pack, refold_rest, seal};

use super::{
    ReadTx, Result, Scoped as _,
    db::{
        conn::{Link, on},
        row::from_row,
        sql::{Rows, Sql, Type, one_of, row_statements, statements},
    },
};
use futures_util::TryStreamExt as _;
use inboxops_proto::id::TenantId;
use lists::{Places, SEGMENT};
use sqlx::QueryBuilder;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};
use tokio::sync::Notify;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// Tickets of a block.
pub(crate) const BLOCK: u32 = 1024;
/// Blocks of a segment.
pub(crate) const BLOCKS: u32 = SEGMENT as u32 / BLOCK;
/// Tickets that are examined one by one: those that the lists name, and those that the index has not reached.
pub(crate) const LOOK_MAX: usize = 4096;

/// The folded form of a subject, for comparison without marks, letter case and variants of letters.
pub(crate) fn fold(subject: &str) -> String {
    if subject.is_ascii() {
        return subject.to_ascii_lowercase();
    }
    let letters = subject.nfkd().filter(|letter| !is_combining_mark(*letter));
    letters.flat_map(fold_letter).collect()
}

/// Unicode case folding: letters with one upper case are equal, except the dotless i.
fn fold_letter(letter: char) -> impl Iterator<Item = char> {
    let (plain, rest) = match letter {
        'ı' => (Some('ı'), None),
        letter => (None, Some(letter)),
    };
    let rest = rest.into_iter().flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    plain.into_iter().chain(rest)
}

/// The progress of the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    /// Blocks that are packed.
    blocks: i64,
    /// Segments that have lists.
    segments: i64,
    /// Grows with each change that the index has applied.
    revision: i64,
}

from_row!(Progress in "subject_index", row => Ok(Progress {
    blocks: row.get("blocks")?,
    segments: row.get("segments")?,
    revision: row.get("revision")?,
}));

impl Progress {
    /// The greatest number that the index has reached.
    fn last(self) -> i64 {
        self.blocks * i64::from(BLOCK)
    }
}

statements! {
    PROGRESS = Sql::both("SELECT blocks, segments, revision FROM subject_index WHERE tenant_id = $1");
    LAST_NUMBER = Sql::both("SELECT last_ticket_number FROM tenants WHERE id = $1");
    CHANGED = Sql::both("SELECT number FROM subject_changes WHERE tenant_id = $1 AND number <= $2");
    BLOCKS_FROM = Sql::both("SELECT block, body FROM subject_blocks WHERE tenant_id = $1 AND block >= $2 AND block < $3 ORDER BY block");
    // Tickets that the index has not reached.
    NEW = Sql::each(
        "SELECT number FROM tickets WHERE tenant_id = $1 AND number > $2 AND instr(subject_folded, $3) > 0 \
         UNION ALL SELECT t.number FROM subject_changes c CROSS JOIN tickets t ON t.tenant_id = $1 AND t.number = c.number \
         WHERE c.tenant_id = $1 AND c.number <= $2 AND instr(t.subject_folded, $3) > 0",
        "SELECT number FROM tickets WHERE tenant_id = $1 AND number > $2 AND strpos(subject_folded, $3) > 0 \
         UNION ALL SELECT t.number FROM subject_changes c CROSS JOIN LATERAL (SELECT number FROM tickets \
         WHERE tenant_id = $1 AND number = c.number AND strpos(subject_folded, $3) > 0 OFFSET 0) t \
         WHERE c.tenant_id = $1 AND c.number <= $2",
    );
}

row_statements! {
    CHANGE = Rows {
        head: "INSERT INTO subject_changes (tenant_id, number, version) VALUES",
        row: &[Type::Uuid, Type::Big, Type::Big],
        // Waits for the job that is applying a change, and is then applied as another change.
        tail: "ON CONFLICT (tenant_id, number) DO UPDATE SET version = excluded.version",
        tail_pg: None,
    };
}

/// Tenants with changes that the index has not applied, according to this core's commits.
#[derive(Debug, Default)]
pub(crate) struct LaggingTenants {
    tenants: Mutex<BTreeSet<TenantId>>,
    rung: Notify,
}

impl LaggingTenants {
    pub(crate) fn add(&self, tenant: TenantId) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        self.rung.notify_one();
    }

    /// Waits until there is one.
    pub(crate) async fn rung(&self) {
        self.rung.notified().await;
    }

    pub(crate) fn take(&self) -> BTreeSet<TenantId> {
        std::mem::take(&mut *self.tenants.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The tickets whose subject may contain a text, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SubjectMatch {
    /// They are among these or have a greater number than `above`; each must be examined.
    Few {
        /// Sorted.
        numbers: Vec<u32>,
        /// Up to this number, only tickets among `numbers` can match.
        above: u32,
    },
    /// Exactly these, sorted.
    Exactly(Vec<u32>),
}

/// Finds the tickets whose subject contains `needle`, which is folded.
pub(crate) async fn find(tx: &mut ReadTx, needle: &str) -> Result<SubjectMatch> {
    let tenant = tx.tenant();
    let link = tx.link();
    let progress = PROGRESS.on(link);
    let last = LAST_NUMBER.on(link);
    let changed = CHANGED.on(link);
    let progress = on!(link, c, D =>
        sqlx::query_as::<D, Progress>(progress).bind(tenant.0).fetch_optional(c).await)?
    .unwrap_or_default();
    let last = on!(link, c, D => sqlx::query_scalar::<D, i64>(last).bind(tenant.0).fetch_optional(c).await)?;
    let changed = on!(link, c, D =>
        sqlx::query_scalar::<D, i64>(changed).bind(tenant.0).bind(progress.last()).fetch_all(c).await)?;
    let changed: BTreeSet<u32> = changed.into_iter().filter_map(|number| u32::try_from(number).ok()).collect();
    let behind = usize::try_from(last.unwrap_or_default() - progress.last()).unwrap_or_default();
    // Without lists, and when the index is far behind, all texts are read.
    let named = if behind + changed.len() <= LOOK_MAX { named(tx, progress, needle).await? } else { None };
    let named = named.filter(|named| named.len() + behind + changed.len() <= LOOK_MAX);
    let search = text::Search::new(needle);
    let few = named.is_some();
    let mut numbers = named.unwrap_or_default();
    let from = if few { progress.segments * i64::from(BLOCKS) } else { 0 };
    texts(tx.link(), tenant, from..progress.blocks, |block, body| {
        search.places(body, |place| numbers.extend(number(block, place)));
    })
    .await?;
    if few {
        numbers.extend(&changed);
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.len() + behind <= LOOK_MAX {
            return Ok(SubjectMatch::Few { numbers, above: u32::try_from(progress.last()).unwrap_or(u32::MAX) });
        }
        // The blocks without lists contain many: read all texts after all.
        numbers.clear();
        texts(tx.link(), tenant, 0..progress.blocks, |block, body| {
            search.places(body, |place| numbers.extend(number(block, place)));
        })
        .await?;
    }
    numbers.retain(|number| !changed.contains(number));
    let link = tx.link();
    let new = NEW.on(link);
    let new = on!(link, c, D => sqlx::query_scalar::<D, i64>(new)
        .bind(tenant.0)
        .bind(progress.last())
        .bind(needle)
        .fetch_all(c)
        .await)?;
    numbers.extend(new.into_iter().filter_map(|number| u32::try_from(number).ok()));
    numbers.sort_unstable();
    Ok(SubjectMatch::Exactly(numbers))
}

/// The number of the ticket at a position of a block.
fn number(block: i64, place: usize) -> Option<u32> {
    u32::try_from(block * i64::from(BLOCK) + i64::try_from(place).ok()? + 1).ok()
}

/// The numbers that the lists name in the segments that have lists, sorted. `None` if the lists say nothing, because
/// the needle is too short.
async fn named(tx: &mut ReadTx, progress: Progress, needle: &str) -> Result<Option<Vec<u32>>> {
    let wanted = lists::lists_for(needle);
    if progress.segments == 0 {
        return Ok(Some(Vec::new()));
    }
    if wanted.is_empty() {
        return Ok(None);
    }
    let tenant = tx.tenant();
    let link = tx.link();
    let pg = link.is_pg();
    let read: Vec<(i64, Vec<u8>)> = on!(link, c, D => {
        let mut query = QueryBuilder::<D>::new(if pg {
            "SELECT l.segment, l.places FROM generate_series(0, "
        } else {
            "WITH RECURSIVE s (segment) AS (SELECT 0 UNION ALL SELECT segment + 1 FROM s WHERE segment < "
        });
        query.push_bind(progress.segments - 1);
        query.push(if pg {
            ") s (segment) CROSS JOIN LATERAL (SELECT segment, places FROM subject_lists WHERE tenant_id = "
        } else {
            ") SELECT l.segment, l.places FROM s CROSS JOIN subject_lists l ON l.tenant_id = "
        });
        query.push_bind(tenant.0).push(if pg { " AND segment = s.segment" } else { " AND l.segment = s.segment" });
        one_of(&mut query, " AND list IN", wanted.iter().copied());
        if pg {
            query.push(" OFFSET 0) l");
        }
        query.build_query_as().fetch_all(c).await
    })?;
    let mut segments: BTreeMap<i64, Vec<&[u8]>> = BTreeMap::new();
    for (segment, places) in &read {
        segments.entry(*segment).or_default().push(places);
    }
    let mut numbers = Vec::new();
    for (segment, places) in segments {
        // A segment that lacks one of the lists has no such ticket.
        if places.len() == wanted.len() {
            let first = segment * i64::from(BLOCKS);
            numbers.extend(Places::in_all(places).iter().filter_map(|place| number(first, place.into())));
        }
    }
    Ok(Some(numbers))
}

/// Reads blocks, each once and only a few at a time.
async fn texts(
    link: &mut Link,
    tenant: TenantId,
    blocks: std::ops::Range<i64>,
    mut each: impl FnMut(i64, &[u8]),
) -> Result<()> {
    if blocks.is_empty() {
        return Ok(());
    }
    let sql = BLOCKS_FROM.on(link);
    on!(link, c, D => {
        let mut rows = sqlx::query_as::<D, (i64, Vec<u8>)>(sql)
            .bind(tenant.0)
            .bind(blocks.start)
            .bind(blocks.end)
            .fetch(c);
        loop {
            match rows.try_next().await {
                Ok(Some((block, body))) => each(block, &body),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn letters_are_compared_without_marks_case_and_forms() {
        for (subject, folded) in [
            ("Ärger MIT 100%", "arger mit 100%"),
            ("A\u{308}rger", "arger"),
            ("Straße", "strasse"),
            ("STRASSE", "strasse"),
            ("STRAẞE", "strasse"),
            ("ﬁnal", "final"),
            ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
            ("σίσυφος", "σισυφοσ"),
            ("Ｆｕｌｌ", "full"),
            ("ｶﾞ", "カ"),
            ("가", "\u{1100}\u{1161}"),
            ("İstanbul", "istanbul"),
            ("ısı", "ısı"),
            ("Ⅳ", "iv"),
            ("a_b\\c'd\"", "a_b\\c'd\""),
            ("Ŀ·", "l··"),
            ("\u{301}", ""),
            ("ЁЛКА", "елка"),
        ] {
            assert_eq!(fold(subject), folded, "{subject}");
        }
    }

    #[test]
    fn what_is_folded_stays() {
        let all: String = ('\u{1}'..='\u{2ffff}').collect();
        let once = fold(&all);
        assert_eq!(fold(&once), once);
        let ascii: String = ('\u{1}'..='\u{7f}').collect();
        assert_eq!(fold(&ascii), fold(&format!("{ascii}é")).strip_suffix('e').unwrap_or_default());
    }
}
