//! The ticket desk: the service of the browser's ticket view. It lists all messages with notes, records messages as a
//! customer would send them, and shows where the newest events of a ticket went. The rules of tickets are in
//! `tickets.rs`.

use crate::{
    caller::Caller,
    error::Result,
    events::Kind,
    ingest::Ingest,
    page::Page,
    public_site::PublicSite,
    store::{
        self, Db,
        events::{Event, delivery_id},
        tickets::{Ticket, TicketRef},
    },
    time_and_chance::Stamps,
    webhooks::ENDPOINTS_PER_TENANT_MAX,
};
use inboxops_proto::{
    admin::v1::{self as pb, ticket_desk_service_server::TicketDeskService},
    clock::Timestamp,
    failure::{Failure, Violation},
    id::{DeliveryId, MessageId},
    internal::v1 as internal,
    reason::{DetailCode, Reason},
    v1,
};
use serde::Deserialize;
use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tonic::{Request, Response, Status};

/// Default and longest period of events.
const SINCE_DEFAULT: Duration = Duration::from_secs(60);
const SINCE_MAX: Duration = Duration::from_secs(3600);
/// Newest events of the tenant that are searched.
const SEARCHED_MAX: i64 = 500;
/// Greatest number of events in an answer.
const EVENTS_MAX: usize = 50;
/// The author when neither the request nor the ticket names one.
const SOMEBODY: &str = "customer@example.com";

pub(crate) struct TicketDesk {
    db: Db,
    stamps: Stamps,
    ingest: Arc<Ingest>,
    site: Arc<OnceLock<PublicSite>>,
}

impl TicketDesk {
    /// A service on the store. Customers' messages go through `ingest`, if `site` is in development mode.
    pub(crate) fn new(db: Db, stamps: Stamps, ingest: Arc<Ingest>, site: Arc<OnceLock<PublicSite>>) -> TicketDesk {
        TicketDesk { db, stamps, ingest, site }
    }

    async fn ticket(&self, caller: &Caller, named: &str) -> Result<Ticket> {
        let found = store::tickets::find(&self.db, caller.scope()?, TicketRef::parse(named)?).await?;
        Ok(found.ok_or(Reason::TicketNotFound)?)
    }

    async fn messages(&self, caller: &Caller, request: pb::ListMessagesRequest) -> Result<pb::ListMessagesResponse> {
        let named = TicketRef::parse(&request.ticket_id)?;
        let page = Page::parse(request.page, request.per_page);
        let mut read = self.db.read(caller.scope()?).await?;
        let ticket = store::tickets::read(&mut read, named).await?.ok_or(Reason::TicketNotFound)?;
        let total = store::messages::count(&mut read, ticket.id).await?;
        let messages = store::messages::list(&mut read, ticket.id, page.limit(), page.offset()).await?;
        Ok(pb::ListMessagesResponse {
            messages: messages.iter().map(v1::Message::from).collect(),
            meta: Some(page.meta(total)),
        })
    }

    async fn simulate(
        &self,
        caller: &Caller,
        request: pb::SimulateInboundMessageRequest,
    ) -> Result<pb::SimulateInboundMessageResponse> {
        if !self.site.get().is_some_and(|site| site.development) {
            let message = "Customers' messages can be simulated in development mode only.";
            return Err(Failure::new(Reason::RoleRequired).message(message).into());
        }
        let ticket = match &request.ticket_id {
            Some(named) => Some(self.ticket(caller, named).await?),
            None => None,
        };
        let inbox_id = match (&ticket, request.inbox_id) {
            (Some(ticket), None) => ticket.inbox.to_string(),
            (None, Some(inbox)) => inbox,
            (Some(_), Some(_)) => return Err(wrong(DetailCode::MutuallyExclusive, "excludes `ticket_id`")),
            (None, None) => return Err(wrong(DetailCode::OneOfRequired, "or `ticket_id` must be given")),
        };
        let requester = ticket.as_ref().and_then(|ticket| ticket.requester.as_ref());
        let from_email = request.from_email.or_else(|| requester.map(|it| it.email.clone()));
        let from_name = request.from_name.or_else(|| requester.map(|it| it.name.clone()));
        let id = self.stamps.stamp().ids().next(MessageId::new);
        let subject = ticket.as_ref().map(|ticket| format!("Re: {}", ticket.subject)).or(request.subject);
        let parts = internal::MailParts {
            message_id: Some(format!("<{id}@simulated.invalid>")),
            from_name: from_name.unwrap_or_default(),
            from_email: Some(from_email.unwrap_or_else(|| SOMEBODY.to_owned())),
            subject: subject.unwrap_or_default(),
            body_text: request.body_text.unwrap_or_default(),
            ..Default::default()
        };
        let mail = internal::IngestInboundMessageRequest { inbox_id, parts: Some(parts), ..Default::default() };
        let recorded = self.ingest.inbound(caller, mail, ticket.map(|ticket| ticket.id)).await?;
        Ok(pb::SimulateInboundMessageResponse { ticket: recorded.ticket, message: recorded.message })
    }

    async fn events(
        &self,
        caller: &Caller,
        request: pb::ListTicketEventsRequest,
    ) -> Result<pb::ListTicketEventsResponse> {
        let now = self.stamps.now();
        let since = request.since.as_ref().map_or(now.minus(SINCE_DEFAULT), Timestamp::from).max(now.minus(SINCE_MAX));
        let named = TicketRef::parse(&request.ticket_id)?;
        let mut read = self.db.read(caller.scope()?).await?;
        let ticket = store::tickets::read(&mut read, named).await?.ok_or(Reason::TicketNotFound)?;
        let id = ticket.id.to_string();
        let mut events = store::events::newest(&mut read, since, SEARCHED_MAX).await?;
        events.retain(|event| concerns(event, &id));
        events.truncate(EVENTS_MAX);
        let endpoints = store::endpoints::list(&mut read, ENDPOINTS_PER_TENANT_MAX, 0).await?;
        // The ids of deliveries follow from event and endpoint: no index leads from an event to its deliveries.
        let of = |event: &Event| -> Vec<DeliveryId> {
            endpoints.iter().map(|endpoint| delivery_id(event.id, endpoint.id)).collect()
        };
        let possible: Vec<DeliveryId> = events.iter().flat_map(of).collect();
        let there: HashSet<DeliveryId> = store::deliveries::existing(&mut read, &possible).await?.into_iter().collect();
        let shown = |event: &Event| {
            let ids = of(event).into_iter().filter(|id| there.contains(id));
            let delivery_ids: Vec<String> = ids.map(|id| id.to_string()).collect();
            pb::TicketEvent {
                id: event.id.to_string(),
                r#type: Kind::from_code(event.kind).map(Kind::name).unwrap_or_default().to_owned(),
                created_at: Some(event.at.into()),
                group_id: event.group.0.to_string(),
                endpoints: u32::try_from(delivery_ids.len()).unwrap_or(u32::MAX),
                delivery_ids,
            }
        };
        Ok(pb::ListTicketEventsResponse { events: events.iter().map(shown).collect() })
    }
}

fn wrong(code: DetailCode, message: &'static str) -> crate::Error {
    Failure::invalid(Violation::new("inbox_id", code, message)).into()
}

/// Whether an event is about the ticket.
fn concerns(event: &Event, ticket: &str) -> bool {
    #[derive(Deserialize)]
    struct Body {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        ticket: Option<TicketPart>,
    }
    #[derive(Deserialize)]
    struct TicketPart {
        id: String,
    }
    // Most events are about other tickets: a search in the text saves parsing them.
    event.body.contains(ticket)
        && serde_json::from_str::<Body>(&event.body)
            .is_ok_and(|body| body.data.ticket.is_some_and(|named| named.id == ticket))
}

#[tonic::async_trait]
impl TicketDeskService for TicketDesk {
    async fn list_messages(
        &self,
        request: Request<pb::ListMessagesRequest>,
    ) -> Result<Response<pb::ListMessagesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.messages(&caller, request.into_inner()).await?))
    }

    async fn simulate_inbound_message(
        &self,
        request: Request<pb::SimulateInboundMessageRequest>,
    ) -> Result<Response<pb::SimulateInboundMessageResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.simulate(&caller, request.into_inner()).await?))
    }

    async fn list_ticket_events(
        &self,
        request: Request<pb::ListTicketEventsRequest>,
    ) -> Result<Response<pb::ListTicketEventsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.events(&caller, request.into_inner()).await?))
    }
}
