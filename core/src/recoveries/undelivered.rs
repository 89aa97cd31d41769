//! Lists the events of an endpoint's subscription that were not delivered successfully.

use super::{
    DISORDER_MAX, Recoveries,
    recover::{MissedEvent, missed},
    span,
};
use crate::{
    caller::Caller,
    cursor::{Cursor, Of},
    error::Result,
    events::Kind,
    page::PER_PAGE_DEFAULT,
    store,
};
use inboxops_proto::{id::EndpointId, reason::Reason, v1};

/// Events that one statement reads.
const READ_MAX: i64 = 500;
/// Greatest number of events that are read for one page.
const LOOK_MAX: usize = 10_000;

impl Recoveries {
    /// A page of undelivered events.
    pub(crate) async fn undelivered(
        &self,
        caller: &Caller,
        request: v1::ListUndeliveredRequest,
    ) -> Result<v1::ListUndeliveredResponse> {
        let id: EndpointId = request.endpoint_id.parse().map_err(|_| Reason::EndpointNotFound)?;
        let now = self.stamps.now();
        let (since, until) = span(request.since.as_ref(), None, ["since", "since"], now)?;
        let cursor = request.cursor.map(|text| Cursor::parse(&text, Of::Undelivered)).transpose()?;
        let per_page = request.per_page.unwrap_or(PER_PAGE_DEFAULT) as usize;
        let mut read = self.db.read(caller.scope()?).await?;
        let endpoint = store::endpoints::get(&mut read, id).await?.ok_or(Reason::EndpointNotFound)?;
        let mut place = match cursor {
            // Whatever its age: events that have been deleted since would not be on the first page either.
            Some(cursor) => cursor.place,
            None => store::recoveries::place_before(&mut read, since.minus(DISORDER_MAX)).await?,
        };
        let mut found = Vec::new();
        let mut looked = 0;
        let mut next = None;
        loop {
            let past = store::recoveries::settled_events_after(&mut read, place, READ_MAX).await?;
            found.extend(missed(&mut read, &endpoint, &past, since, until).await?);
            if found.len() > per_page {
                found.truncate(per_page);
                next = found.last().map(|last| last.event.place);
                break;
            }
            looked += past.len();
            place = past.last().map_or(place, |last| last.place);
            if i64::try_from(past.len()).is_ok_and(|read| read < READ_MAX) {
                break;
            }
            if looked >= LOOK_MAX {
                next = Some(place);
                break;
            }
        }
        Ok(v1::ListUndeliveredResponse {
            events: found.iter().map(shown).collect(),
            meta: Some(v1::CursorMeta {
                has_more: next.is_some(),
                next_cursor: next.map(|place| Cursor { place, at: now }.text(Of::Undelivered)),
            }),
        })
    }
}

fn shown(missed: &MissedEvent) -> v1::Undelivered {
    v1::Undelivered {
        event_id: missed.event.id.to_string(),
        event: Kind::from_code(missed.event.kind).map_or("", Kind::name).to_owned(),
        created_at: Some(missed.event.at.into()),
        delivery_id: missed.standing.map(|_| missed.delivery.to_string()),
        status: missed.standing.map(|standing| standing.shown.code().into()),
    }
}
