//! The log of deliveries: pages for one endpoint or several, newest first, and counts for a filter. Only deliveries
//! that the filter selects are read.

use super::{
    Delivery, Shown,
    bulk::tests_among,
    walk::{self, Class, Walk, Way},
};
use crate::store::{ReadTx, Result, Scoped, lanes};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId},
};
use std::{cmp::Reverse, time::Duration};
use uuid::Uuid;

/// A period of event times, to the millisecond, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

/// The start and the filter of a list of deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// In any of these states; empty for all.
    pub(crate) shown: Vec<Shown>,
    /// Of any of these kinds of events; empty for all.
    pub(crate) kinds: Vec<i16>,
    /// With any of these ids; `None` for all.
    pub(crate) ids: Option<Vec<DeliveryId>>,
    /// Of events in this period.
    pub(crate) range: Range,
    /// Only deliveries before this one.
    pub(crate) before: Option<DeliveryId>,
}

impl Page {
    /// The first id of the period, and the first one after it. Ids begin with the time of the event.
    pub(super) fn bounds(&self) -> (Uuid, Uuid) {
        let from = self.range.since.map_or(Uuid::nil(), |at| DeliveryId::new(at, 0).0);
        let to = self.range.until.map_or(Uuid::max(), |at| DeliveryId::new(at.plus(Duration::from_millis(1)), 0).0);
        (from, self.before.map_or(to, |before| to.min(before.0)))
    }

    /// Whether the filter selects a delivery with this id, kind and state.
    fn keeps(&self, id: DeliveryId, kind: i16, shown: Shown) -> bool {
        let (from, to) = self.bounds();
        (self.shown.is_empty() || self.shown.contains(&shown))
            && (self.kinds.is_empty() || self.kinds.contains(&kind))
            && (from..to).contains(&id.0)
    }

    /// Whether the filter may select leased deliveries.
    fn keeps_leased(&self) -> bool {
        let leased = [Shown::Pending, Shown::Retrying, Shown::Canceled];
        self.shown.is_empty() || self.shown.iter().any(|shown| leased.contains(shown))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogPage {
    /// Its deliveries, newest first.
    pub(crate) deliveries: Vec<Delivery>,
    /// Where the next page continues; `None` at the end.
    pub(crate) next: Option<DeliveryId>,
}

/// Deliveries of these endpoints of the tenant, newest first, at most `limit`.
pub(crate) async fn list(tx: &mut ReadTx, endpoints: &[EndpointId], page: &Page, limit: usize) -> Result<LogPage> {
    let mut rows = match &page.ids {
        Some(ids) => {
            let mut rows = super::these(tx, ids).await?;
            rows.retain(|row| endpoints.contains(&row.endpoint) && page.keeps(row.id, row.kind, row.shown()));
            rows
        }
        None => {
            let ids = ids(tx, endpoints, page, limit.saturating_add(1)).await?;
            super::these(tx, &ids).await?
        }
    };
    rows.sort_unstable_by_key(|row| Reverse(row.id));
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|last| last.id);
    Ok(LogPage { deliveries: rows, next })
}

/// The number of deliveries of an endpoint that the following pages list, without tests, counted up to `most`, and
/// whether there are more.
pub(crate) async fn count(tx: &mut ReadTx, endpoint: EndpointId, page: &Page, most: i64) -> Result<(i64, bool)> {
    let limit = usize::try_from(most).unwrap_or(0).saturating_add(1);
    let mut page = page.clone();
    let mut count = 0;
    loop {
        let wanted = limit - count;
        let ids = ids(tx, &[endpoint], &page, wanted).await?;
        count += ids.len() - tests_among(tx, &ids).await?;
        if ids.len() < wanted || count >= limit {
            break;
        }
        page.before = ids.last().copied();
    }
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    Ok((count.min(most), count > most))
}

/// The ids of a page, newest first.
pub(super) async fn ids(
    tx: &mut ReadTx,
    endpoints: &[EndpointId],
    page: &Page,
    limit: usize,
) -> Result<Vec<DeliveryId>> {
    let (from, to) = page.bounds();
    let mut ids = Vec::new();
    for (paused, endpoints) in lanes::by_pause(tx, endpoints).await? {
        let classes = Class::of(&page.shown, paused);
        let walk = Walk { endpoints: &endpoints, kinds: &page.kinds, classes: &classes, from, to, limit };
        ids.extend(walk::walk(tx.link(), Way::Newest, walk).await?);
    }
    if page.keeps_leased() {
        let few = walk::few(tx.link(), endpoints).await?;
        ids.extend(few.iter().filter(|it| page.keeps(it.id, it.kind, it.shown)).map(|it| it.id));
    }
    ids.sort_unstable_by_key(|id| Reverse(*id));
    ids.truncate(limit);
    Ok(ids)
}
