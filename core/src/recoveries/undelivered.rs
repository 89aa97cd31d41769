//! Lists the events of an endpoint's subscription that were not delivered successfully.

use super::{
    DISORDER_MAX, Recoveries,
    recover::{MissedEvent, missed},
    span,
};
use crate::{
    caller::Caller,
    error::Result,
    events::Kind,
    listing::{Binding, Key, KeyPart, Paging},
    store::{self, changes::Place},
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
        mut request: v1::ListUndeliveredRequest,
    ) -> Result<v1::ListUndeliveredResponse> {
        let cursor = request.cursor.take();
        let paging = Paging::by_cursor(request.per_page.take(), cursor.as_deref())?;
        let scope = caller.scope()?;
        let binding = Binding::of("undelivered", scope.tenant(), &request);
        let id: EndpointId = request.endpoint_id.parse().map_err(|_| Reason::EndpointNotFound)?;
        let now = self.stamps.now();
        let (since, until) = span(request.since.as_ref(), None, ["since", "since"], now, Reason::InvalidParameter)?;
        let mut read = self.db.read(scope).await?;
        let listing = paging.open(&mut read, binding, now).await?;
        let per_page = listing.per_page();
        let endpoint = store::endpoints::get(&mut read, id).await?.ok_or(Reason::EndpointNotFound)?;
        let mut place = match listing.after() {
            Some(key) => place_of(key)?,
            None => store::recoveries::place_before(&mut read, since.minus(DISORDER_MAX)).await?,
        };
        let end = store::events::end(&mut read).await?;
        let mut found = Vec::new();
        let mut looked = 0;
        let mut next = None;
        loop {
            let past = store::recoveries::settled_events_after(&mut read, place, end, READ_MAX).await?;
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
                next_cursor: next.map(|place| listing.cursor(key_of(place))),
            }),
        })
    }
}

fn key_of(place: Place) -> Key {
    Key(vec![KeyPart::Number(place.xact), KeyPart::Number(place.seq)])
}

fn place_of(key: &Key) -> Result<Place> {
    match key.0[..] {
        [KeyPart::Number(xact), KeyPart::Number(seq)] => Ok(Place { xact, seq }),
        _ => Err(Reason::InvalidCursor.into()),
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
