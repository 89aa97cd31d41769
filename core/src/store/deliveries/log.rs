//! The log of deliveries: pages of one endpoint or of several, newest first, and how many a filter keeps. What is looked
//! at for a page is bounded, whatever the filter.

use super::{Delivery, Shown, columns, joins, select};
use crate::store::{ReadTx, Result, Scoped as _, conn::on, sql::one_of};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId},
};
use sqlx::QueryBuilder;
use std::time::Duration;
use uuid::Uuid;

/// Greatest number of deliveries that are looked at for a page of a filter that may keep few of them.
pub const LOOK_MAX: usize = 20_000;
/// Of each endpoint, at least so many.
const LOOK_PER_ENDPOINT_MIN: usize = 200;

/// Times of events, to the millisecond, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// From.
    pub since: Option<Timestamp>,
    /// To.
    pub until: Option<Timestamp>,
}

/// Where a list of deliveries starts, and what it keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In any of these states; all when empty.
    pub shown: Vec<Shown>,
    /// Of any of these kinds of events; all when empty.
    pub kinds: Vec<i16>,
    /// With any of these ids; all when `None`.
    pub ids: Option<Vec<DeliveryId>>,
    /// Of events of this time.
    pub range: Range,
    /// Only those before this one.
    pub before: Option<DeliveryId>,
}

impl Page {
    /// Ids from the first to before the second. Ids begin with the time of the event.
    fn bounds(&self) -> (Uuid, Uuid) {
        let from = self.range.since.map_or(Uuid::nil(), |at| DeliveryId::new(at, 0).0);
        let to = self.range.until.map_or(Uuid::max(), |at| DeliveryId::new(at.plus(Duration::from_millis(1)), 0).0);
        (from, self.before.map_or(to, |before| to.min(before.0)))
    }

    fn keeps_some(&self) -> bool {
        !self.shown.is_empty() || !self.kinds.is_empty()
    }
}

/// A page of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its deliveries, newest first.
    pub deliveries: Vec<Delivery>,
    /// Read on before this one; `None` at the end.
    pub next: Option<DeliveryId>,
}

macro_rules! filter {
    ($query:expr, $page:expr, $endpoint:expr, $tenant:expr, $from:expr, $to:expr) => {{
        let (query, page): (_, &Page) = (&mut $query, $page);
        query.push(" WHERE d.endpoint_id = ").push_bind($endpoint.0).push(" AND d.tenant_id = ").push_bind($tenant.0);
        query.push(" AND d.id >= ").push_bind($from).push(" AND d.id < ").push_bind($to);
        if let Some(ids) = &page.ids {
            let mut list = query.push(" AND d.id IN (").separated(", ");
            for id in ids {
                list.push_bind(id.0);
            }
            query.push(")");
        }
        one_of(query, " AND d.kind IN", page.kinds.iter().copied());
        if !page.shown.is_empty() {
            let mut any = query.push(" AND (").separated(" OR ");
            for shown in &page.shown {
                any.push(shown.condition());
            }
            query.push(")");
        }
    }};
}

/// Deliveries of these endpoints of the tenant, newest first, at most `limit`.
pub async fn list(tx: &mut ReadTx, endpoints: &[EndpointId], page: &Page, limit: usize) -> Result<Listed> {
    let (from, to) = page.bounds();
    let floor = floor(tx, endpoints, page).await?.filter(|floor| *floor > from);
    let (tenant, mut from) = (tx.tenant(), floor.unwrap_or(from));
    let mut found: Vec<Delivery> = Vec::new();
    for endpoint in endpoints {
        found.extend(on!(tx.link(), c, D => {
            let mut query = QueryBuilder::<D>::new(select!());
            filter!(query, page, endpoint, tenant, from, to);
            query.push(" ORDER BY d.id DESC LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1));
            query.build_query_as::<Delivery>().fetch_all(c).await
        })?);
        found.sort_unstable_by_key(|it| std::cmp::Reverse(it.id));
        found.truncate(limit + 1);
        if found.len() > limit {
            // What is older than the last one of the page is of no interest in the other endpoints.
            from = from.max(found[limit].id.0);
        }
    }
    let next = if found.len() > limit {
        found.truncate(limit);
        found.last().map(|last| last.id)
    } else {
        floor.map(DeliveryId)
    };
    Ok(Listed { deliveries: found, next })
}

/// How many deliveries of these endpoints a page would go on to list, counted up to `most`, and whether there may be
/// more.
pub async fn count(tx: &mut ReadTx, endpoint: EndpointId, page: &Page, most: i64) -> Result<(i64, bool)> {
    let (from, to) = page.bounds();
    let floor = floor(tx, &[endpoint], page).await?.filter(|floor| *floor > from);
    let (tenant, from) = (tx.tenant(), floor.unwrap_or(from));
    let count = on!(tx.link(), c, D => {
        let mut query = QueryBuilder::<D>::new(
            "SELECT COUNT(*) FROM (SELECT 1 FROM deliveries d JOIN lanes l ON l.endpoint_id = d.endpoint_id",
        );
        filter!(query, page, endpoint, tenant, from, to);
        query.push(" LIMIT ").push_bind(most.saturating_add(1)).push(") n");
        query.build_query_scalar::<i64>().fetch_one(c).await
    })?;
    Ok((count.min(most), count > most || floor.is_some()))
}

/// The id down to which the filter is applied, when it may keep few of many.
async fn floor(tx: &mut ReadTx, endpoints: &[EndpointId], page: &Page) -> Result<Option<Uuid>> {
    if !page.keeps_some() || page.ids.is_some() {
        return Ok(None);
    }
    let look = (LOOK_MAX / endpoints.len().max(1)).max(LOOK_PER_ENDPOINT_MIN);
    let ((_, to), mut floor) = (page.bounds(), None);
    for endpoint in endpoints {
        let id = on!(tx.link(), c, D => {
            let mut query = QueryBuilder::<D>::new("SELECT id FROM deliveries WHERE endpoint_id = ");
            query.push_bind(endpoint.0).push(" AND id < ").push_bind(to);
            query.push(" ORDER BY id DESC LIMIT 1 OFFSET ").push_bind(i64::try_from(look).unwrap_or(i64::MAX));
            query.build_query_scalar::<Uuid>().fetch_optional(c).await
        })?;
        floor = floor.max(id);
    }
    Ok(floor)
}

impl Shown {
    /// The same as a condition on rows; 0 and 1 are waiting and leased.
    const fn condition(self) -> &'static str {
        match self {
            Shown::Pending => {
                "((d.state = 0 AND d.attempt = 0 AND (d.test OR NOT l.paused)) OR (d.state = 1 AND d.attempt = 1 AND NOT d.stop))"
            }
            Shown::Retrying => {
                "((d.state = 0 AND d.attempt > 0 AND (d.test OR NOT l.paused)) OR (d.state = 1 AND d.attempt > 1 AND NOT d.stop))"
            }
            Shown::Delivered => "d.state = 2",
            Shown::Failed => "d.state = 3",
            Shown::Paused => "(d.state = 0 AND l.paused AND NOT d.test)",
            Shown::Canceled => "(d.state = 4 OR (d.state = 1 AND d.stop))",
        }
    }
}
