//! The log of all endpoints, by everything that a client may ask for.

use super::{Deliveries, shown};
use crate::{
    caller::Caller,
    error::{Error, Result},
    listing::{Binding, Key, Paging},
    recoveries,
    store::{
        self, ReadTx,
        deliveries::{Search, StatusRange},
        events::delivery_id,
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{self, DeliveryId, EndpointId, EventId, TicketId},
    v1,
};
use std::cmp::Reverse;
use uuid::Uuid;

/// Events of one ticket whose deliveries are searched, the newest ones.
const TICKET_EVENTS_MAX: i64 = 5_000;

impl Deliveries {
    pub(super) async fn search(
        &self,
        caller: &Caller,
        mut request: v1::SearchDeliveriesRequest,
    ) -> Result<v1::SearchDeliveriesResponse> {
        let cursor = request.cursor.take();
        let paging = Paging::by_cursor(request.per_page.take(), cursor.as_deref())?;
        let scope = caller.scope()?;
        let binding = Binding::of("deliveries", scope.tenant(), &request);
        let statuses: Option<Vec<StatusRange>> = request.response_status.iter().map(|text| statuses(text)).collect();
        let mut search = Search {
            shown: recoveries::shown(&request.status)?,
            kinds: recoveries::kinds(&request.event)?,
            statuses: statuses.ok_or(Error::Broken("the gate checks statuses"))?,
            ids: None,
            ticket: None,
            since: request.since.as_ref().map(Timestamp::from),
            until: request.until.as_ref().map(Timestamp::from),
            before: None,
        };
        let only = request.endpoint_id.as_deref().map(parsed).transpose()?.map(EndpointId);
        let event = request.event_id.as_deref().map(parsed).transpose()?.map(EventId);
        let ticket = request.ticket_id.as_deref().map(parsed).transpose()?.map(TicketId);
        let mut read = self.db.read(scope).await?;
        let now = self.stamps.now();
        let listing = paging.open(&mut read, binding, now).await?;
        search.before = listing.after().map(Key::as_id).transpose()?.map(DeliveryId);
        let mut endpoints: Vec<EndpointId> =
            store::endpoints::list(&mut read, i64::MAX, 0).await?.into_iter().map(|it| it.id).collect();
        // An id that the tenant has no endpoint with selects nothing, as any other filter does.
        endpoints.retain(|id| only.is_none_or(|only| *id == only));
        search.ticket = ticket;
        search.ids = ids(&mut read, &endpoints, event, ticket).await?;
        let found = store::deliveries::search(&mut read, &endpoints, &search, listing.per_page()).await?;
        Ok(v1::SearchDeliveriesResponse {
            deliveries: found.deliveries.iter().map(|row| shown(row, now)).collect(),
            meta: Some(v1::CursorMeta {
                has_more: found.next.is_some(),
                next_cursor: found.next.map(|next| listing.cursor(Key::id(next.0))),
            }),
        })
    }
}

fn parsed(text: &str) -> Result<Uuid> {
    id::parse(text).map_err(|_| Error::Broken("the gate checks ids"))
}

/// `4xx` or `404`.
fn statuses(text: &str) -> Option<StatusRange> {
    let (from, to) = match text.strip_suffix("xx") {
        Some(hundreds) => {
            let from = hundreds.parse::<u16>().ok()?.checked_mul(100)?;
            (from, from.checked_add(99)?)
        }
        None => {
            let one = text.parse().ok()?;
            (one, one)
        }
    };
    Some(StatusRange { from, to })
}

/// The ids that deliveries of the event, or else of the events of the ticket, have at these endpoints, newest first.
async fn ids(
    read: &mut ReadTx,
    endpoints: &[EndpointId],
    event: Option<EventId>,
    ticket: Option<TicketId>,
) -> Result<Option<Vec<DeliveryId>>> {
    let events = match (event, ticket) {
        (None, None) => return Ok(None),
        // Its rows tell whether it is about the ticket, however many newer events the ticket has.
        (Some(event), _) => vec![event],
        (None, Some(ticket)) => store::events::of_ticket(read, ticket, TICKET_EVENTS_MAX).await?,
    };
    let of_event =
        |event: &EventId| endpoints.iter().map(|endpoint| delivery_id(*event, *endpoint)).collect::<Vec<_>>();
    let mut ids: Vec<DeliveryId> = events.iter().flat_map(of_event).collect();
    ids.sort_unstable_by_key(|id| Reverse(*id));
    Ok(Some(ids))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_number_or_a_hundred() {
        for (text, from, to) in [("2xx", 200, 299), ("5xx", 500, 599), ("404", 404, 404)] {
            assert_eq!(statuses(text), Some(StatusRange { from, to }), "{text}");
        }
        for text in ["xx", "999xx", "4x", "abc", ""] {
            assert_eq!(statuses(text), None, "{text}");
        }
    }
}
