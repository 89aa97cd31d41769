//! Examines tickets in the order of a list, from its beginning or from a cursor, for the few that match the filter.

use super::{
    plan::{PageSpan, ids, numbers},
    source::ResolvedFilter,
    stream::{Slice, Stream},
};
use crate::store::{ReadTx, Result, Scoped as _};
use uuid::Uuid;

/// Least and greatest number of tickets that are examined in the order of the list before another plan is taken.
const WALK: (i64, i64) = (256, 8192);
/// Factor on the number that an even spread makes likely.
const WALK_SPARE: i64 = 4;

/// Examines the first tickets of an index; `None` if they are not enough, or would not be.
pub(super) async fn walk(
    tx: &mut ReadTx,
    wanted: &ResolvedFilter<'_>,
    stream: &Stream,
    base: i64,
    asked: PageSpan,
) -> Result<Option<Vec<Uuid>>> {
    let pg = tx.link().is_pg();
    let sort = wanted.filter.sort;
    let page = (asked.limit, asked.offset);
    let likely = (asked.offset + asked.limit).saturating_mul(base) / asked.total.max(1);
    if likely > WALK.1 {
        return Ok(None);
    }
    let mut left = None;
    let first = likely.saturating_mul(WALK_SPARE).clamp(WALK.0, WALK.1);
    // If the first ones are not enough, the tickets may be spread less evenly.
    for most in [first, WALK.1].into_iter().take(if first < WALK.1 { 2 } else { 1 }) {
        let of_most = match stream {
            Stream::Number(_) if asked.after.is_none() => Stream::Number(numbers(tx, sort, base, 0, most).await?),
            other => other.clone(),
        };
        let seen = of_most.seen(wanted.filter.since_of_sort());
        let slice = Slice { sort, limit: most, skip: 0, after: asked.after };
        let found = ids(of_most.walk(pg, wanted, slice, seen, page).keys(tx, false).await?);
        if i64::try_from(found.len()).is_ok_and(|found| found == asked.limit) {
            return Ok(Some(found));
        }
        if asked.after.is_some() {
            // The total does not tell how many tickets are left: the list may end here.
            let all = match left {
                Some(all) => all,
                None => of_most.count(pg, wanted, Slice { limit: WALK.1, ..slice }).number(tx).await?,
            };
            if all < WALK.1 && all <= most {
                return Ok(Some(found));
            }
            left = Some(all);
        }
    }
    Ok(None)
}
