//! Test events: a sample, or data of the caller's own, sent to one endpoint. Own data goes out as it came, whatever it
//! is, but for the members that the server owns.

use super::{Webhooks, endpoint_id, samples};
use crate::{
    caller::{Actor, Caller},
    deliveries,
    error::{Error, Result},
    events::{Group, Kind, RenderedEvent},
    store::{self, events::TestOf},
    time_and_chance::Stamp,
};
use inboxops_proto::{
    failure::{Failure, Violation},
    id::{GroupId, TenantId},
    limits::EVENT_BODY_MAX_BYTES,
    reason::{DetailCode, Reason},
    v1,
};
use serde::{
    Deserializer as _, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeMap as _,
};
use serde_json::value::RawValue;
use std::fmt;

/// Members of an event's `data` that only the server says.
const OWNED: [&str; 3] = ["actor", "group", "test"];

/// What a caller asked for.
struct Order {
    kind: Kind,
    tenant: TenantId,
    stamp: Stamp,
    actor: Actor,
    /// Own data, the text of an object.
    data: Option<String>,
}

impl Webhooks {
    pub(super) async fn test(
        &self,
        caller: &Caller,
        request: v1::SendTestEventRequest,
    ) -> Result<v1::SendTestEventResponse> {
        let kind = request.event.as_deref().and_then(Kind::from_name).ok_or(Error::Broken("the gate checks events"))?;
        let tenant = caller.scope()?.tenant();
        let order = Order { kind, tenant, stamp: self.stamps.stamp(), actor: caller.actor(), data: request.data };
        // What is too large is refused before anything is looked up.
        order.event()?;
        let id = endpoint_id(&request.endpoint_id)?;
        let write = caller.write(&self.db, async move |tx| {
            let endpoint = store::endpoints::lock(tx, id).await?.ok_or(Reason::EndpointNotFound)?;
            let event = order.event()?;
            let delivery = deliveries::new_test(&event, &endpoint, order.stamp.at);
            let row = event.row(order.tenant, None, order.stamp.at);
            let thin = endpoint.thin && order.data.is_none();
            let of = TestOf { endpoint: endpoint.id, version: endpoint.version, thin };
            tx.emit(store::NewEvent { test_of: Some(of), ..row });
            Ok(v1::SendTestEventResponse { delivery: Some(delivery) })
        });
        write.await
    }
}

impl Order {
    /// The event, the same each time.
    fn event(&self) -> Result<RenderedEvent> {
        let (at, mut ids) = (self.stamp.at, self.stamp.ids());
        let Some(data) = &self.data else { return samples::render(self.kind, self.tenant, at, &self.actor, &mut ids) };
        let group = Group { tenant: self.tenant, at, actor: &self.actor, id: ids.next(GroupId::new) };
        let event = group.render_test(self.kind, &OwnData::read(data)?, &mut ids)?;
        if event.body.len() > EVENT_BODY_MAX_BYTES {
            let message = format!("makes an event of more than {} KiB", EVENT_BODY_MAX_BYTES >> 10);
            return Err(Failure::invalid(Violation::new("data", DetailCode::TooLong, message)).into());
        }
        Ok(event)
    }
}

/// Members of a caller's own, in their order, each value as it was written.
struct OwnData<'a>(Vec<(String, &'a RawValue)>);

impl<'a> OwnData<'a> {
    fn read(text: &'a str) -> Result<OwnData<'a>> {
        let members = serde_json::Deserializer::from_str(text).deserialize_map(Members);
        Ok(OwnData(members.map_err(|_| Error::Broken("the gate checks own data"))?))
    }
}

impl Serialize for OwnData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("test", &true)?;
        map.end()
    }
}

/// Reads the members that a caller may give.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            if !OWNED.contains(&name.as_str()) {
                members.push((name, value));
            }
        }
        Ok(members)
    }
}
