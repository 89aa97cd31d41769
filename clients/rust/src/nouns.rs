//! The calls by noun, over the generated ones: they give what is in `data`.

use crate::{
    Client, Error, List,
    api::{
        AddTicketTagRequest, Agent, AuditLogEntry, CreateTicketNoteRequest, CreateTicketRequest,
        CreateWebhookEndpointRequest, Delivery, DeliveryDetail, EndpointStats, EventType, Inbox, ListAgentsQuery,
        ListAuditLogQuery, ListDeliveriesQuery, ListInboxesQuery, ListMessagesQuery, ListTagsQuery,
        ListTicketMessagesQuery, ListTicketTagsQuery, ListTicketsQuery, ListUndeliveredQuery,
        ListWebhookEndpointsQuery, Message, PromoteSecretRequest, RecoverDeliveriesRequest, Recovery,
        ResendEndpointDeliveriesRequest, RotateSecretRequest, SearchDeliveriesQuery, SendTestEventRequest, Tag, Ticket,
        TicketChanges, Undelivered, WebhookEndpoint, WebhookEndpointChanges,
    },
};
use std::fmt::Display;

/// Tickets. A ticket is named by its id or by its number.
#[derive(Clone, Copy, Debug)]
pub struct Tickets<'a>(pub(crate) &'a Client);

impl Tickets<'_> {
    pub fn list(self, query: &ListTicketsQuery) -> List<Ticket> {
        List::new(self.0, query, Vec::new())
    }

    pub async fn get(self, id: impl Display) -> Result<Ticket, Error> {
        Ok(self.0.calls().get_ticket(&id.to_string()).await?.data)
    }

    /// Mails nobody.
    pub async fn create(self, body: &CreateTicketRequest) -> Result<Ticket, Error> {
        Ok(self.0.calls().create_ticket(body).await?.data)
    }

    pub async fn update(self, id: impl Display, body: &TicketChanges) -> Result<Ticket, Error> {
        Ok(self.0.calls().update_ticket(&id.to_string(), body).await?.data)
    }

    /// The conversation, oldest first, without internal notes.
    pub fn messages(self, id: impl Display, query: &ListTicketMessagesQuery) -> List<Message> {
        List::new(self.0, query, vec![("ticket_id", id.to_string())])
    }

    /// Adds an internal note, which no customer sees.
    pub async fn add_note(self, id: impl Display, body: &CreateTicketNoteRequest) -> Result<Message, Error> {
        Ok(self.0.calls().create_ticket_note(&id.to_string(), body).await?.data)
    }

    pub fn tags(self, id: impl Display, query: &ListTicketTagsQuery) -> List<Tag> {
        List::new(self.0, query, vec![("ticket_id", id.to_string())])
    }

    /// Adds a tag by its id or its name; an unknown name makes the tag.
    pub async fn add_tag(self, id: impl Display, body: &AddTicketTagRequest) -> Result<Tag, Error> {
        Ok(self.0.calls().add_ticket_tag(&id.to_string(), body).await?.data)
    }

    pub async fn remove_tag(self, id: impl Display, tag_id: &str) -> Result<(), Error> {
        self.0.calls().remove_ticket_tag(&id.to_string(), tag_id).await
    }
}

/// Messages.
#[derive(Clone, Copy, Debug)]
pub struct Messages<'a>(pub(crate) &'a Client);

impl Messages<'_> {
    /// The messages of all tickets, oldest first, without internal notes.
    pub fn list(self, query: &ListMessagesQuery) -> List<Message> {
        List::new(self.0, query, Vec::new())
    }
}

/// Tags.
#[derive(Clone, Copy, Debug)]
pub struct Tags<'a>(pub(crate) &'a Client);

impl Tags<'_> {
    pub fn list(self, query: &ListTagsQuery) -> List<Tag> {
        List::new(self.0, query, Vec::new())
    }
}

/// Inboxes.
#[derive(Clone, Copy, Debug)]
pub struct Inboxes<'a>(pub(crate) &'a Client);

impl Inboxes<'_> {
    pub fn list(self, query: &ListInboxesQuery) -> List<Inbox> {
        List::new(self.0, query, Vec::new())
    }

    pub async fn get(self, id: &str) -> Result<Inbox, Error> {
        Ok(self.0.calls().get_inbox(id).await?.data)
    }
}

/// Agents.
#[derive(Clone, Copy, Debug)]
pub struct Agents<'a>(pub(crate) &'a Client);

impl Agents<'_> {
    pub fn list(self, query: &ListAgentsQuery) -> List<Agent> {
        List::new(self.0, query, Vec::new())
    }
}

/// Webhook endpoints.
#[derive(Clone, Copy, Debug)]
pub struct Webhooks<'a>(pub(crate) &'a Client);

impl Webhooks<'_> {
    pub fn list(self, query: &ListWebhookEndpointsQuery) -> List<WebhookEndpoint> {
        List::new(self.0, query, Vec::new())
    }

    pub async fn get(self, id: &str) -> Result<WebhookEndpoint, Error> {
        Ok(self.0.calls().get_webhook_endpoint(id).await?.data)
    }

    /// The answer has the signing secret, this once.
    pub async fn create(self, body: &CreateWebhookEndpointRequest) -> Result<WebhookEndpoint, Error> {
        Ok(self.0.calls().create_webhook_endpoint(body).await?.data)
    }

    pub async fn update(self, id: &str, body: &WebhookEndpointChanges) -> Result<WebhookEndpoint, Error> {
        Ok(self.0.calls().update_webhook_endpoint(id, body).await?.data)
    }

    pub async fn delete(self, id: &str) -> Result<(), Error> {
        self.0.calls().delete_webhook_endpoint(id).await
    }

    /// The answer has the new secret, this once.
    pub async fn rotate_secret(self, id: &str, body: &RotateSecretRequest) -> Result<WebhookEndpoint, Error> {
        Ok(self.0.calls().rotate_secret(id, body).await?.data)
    }

    pub async fn promote_secret(self, id: &str) -> Result<WebhookEndpoint, Error> {
        Ok(self.0.calls().promote_secret(id, &PromoteSecretRequest::default()).await?.data)
    }

    /// Sends a signed sample of an event, or `data` of your own. Its end is seen in the log of deliveries.
    pub async fn test(self, id: &str, body: &SendTestEventRequest) -> Result<Delivery, Error> {
        Ok(self.0.calls().send_test_event(id, body).await?.data)
    }

    pub async fn event_types(self) -> Result<Vec<EventType>, Error> {
        Ok(self.0.calls().list_event_types().await?.data)
    }

    pub fn deliveries(self, id: &str, query: &ListDeliveriesQuery) -> List<Delivery> {
        List::new(self.0, query, vec![("endpoint_id", id.to_owned())])
    }

    /// Makes deliveries for every event since a time that never succeeded.
    pub async fn recover(self, id: &str, body: &RecoverDeliveriesRequest) -> Result<Recovery, Error> {
        Ok(self.0.calls().recover_deliveries(id, body).await?.data)
    }

    pub async fn recovery(self, id: &str, recovery_id: &str) -> Result<Recovery, Error> {
        Ok(self.0.calls().get_recovery(id, recovery_id).await?.data)
    }

    /// Sends again what has one of these states.
    pub async fn resend(self, id: &str, body: &ResendEndpointDeliveriesRequest) -> Result<Recovery, Error> {
        Ok(self.0.calls().resend_endpoint_deliveries(id, body).await?.data)
    }

    pub async fn stats(self, id: &str) -> Result<EndpointStats, Error> {
        Ok(self.0.calls().get_endpoint_stats(id).await?.data)
    }

    /// The events that the endpoint never got.
    pub fn undelivered(self, id: &str, query: &ListUndeliveredQuery) -> List<Undelivered> {
        List::new(self.0, query, vec![("endpoint_id", id.to_owned())])
    }
}

/// Deliveries of webhooks.
#[derive(Clone, Copy, Debug)]
pub struct Deliveries<'a>(pub(crate) &'a Client);

impl Deliveries<'_> {
    /// The log of all endpoints.
    pub fn list(self, query: &SearchDeliveriesQuery) -> List<Delivery> {
        List::new(self.0, query, Vec::new())
    }

    /// With its payload and attempts.
    pub async fn get(self, id: &str) -> Result<DeliveryDetail, Error> {
        Ok(self.0.calls().get_delivery(id).await?.data)
    }

    pub async fn resend(self, id: &str) -> Result<Delivery, Error> {
        Ok(self.0.calls().resend_delivery(id).await?.data)
    }

    /// Stops its attempts.
    pub async fn cancel(self, id: &str) -> Result<Delivery, Error> {
        Ok(self.0.calls().cancel_delivery(id).await?.data)
    }
}

/// The audit log.
#[derive(Clone, Copy, Debug)]
pub struct Audit<'a>(pub(crate) &'a Client);

impl Audit<'_> {
    pub fn list(self, query: &ListAuditLogQuery) -> List<AuditLogEntry> {
        List::new(self.0, query, Vec::new())
    }
}
