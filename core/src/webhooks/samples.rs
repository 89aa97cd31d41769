//! Sample events for tests, rendered by the same code as real ones, with `data.test` = true.

use crate::{
    caller::Actor,
    error::Result,
    events::{Group, Kind, RenderedEvent, Subject},
    time_and_chance::Ids,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{GroupId, InboxId, MessageId, TenantId, TicketId},
    v1::{self, AuthorType, Channel, InboxStatus, MessageType, TicketPriority, TicketStatus},
};
use serde_json::{Map, Value, json};

pub(crate) fn render(
    kind: Kind,
    tenant: TenantId,
    at: Timestamp,
    actor: &Actor,
    ids: &mut Ids,
) -> Result<RenderedEvent> {
    let ticket = ticket(kind, at, ids);
    let message = message(kind, &ticket, at, ids);
    let inbox = inbox(&ticket, at);
    let changes = changes(kind);
    let subject = match kind {
        Kind::TicketCreated => Subject { ticket: Some(&ticket), ..Subject::default() },
        Kind::MessageReceived | Kind::MessageSent => {
            Subject { ticket: Some(&ticket), message: Some(&message), ..Subject::default() }
        }
        Kind::InboxError => Subject { inbox: Some(&inbox), error: inbox.error.as_ref(), ..Subject::default() },
        Kind::TicketUpdated | Kind::TicketAssigned | Kind::TicketStatusChanged | Kind::TicketClosed => {
            Subject { ticket: Some(&ticket), changes: Some(&changes), ..Subject::default() }
        }
    };
    let group = Group { tenant, at, actor, id: ids.next(GroupId::new) };
    group.render(kind, &Subject { test: true, ..subject }, ids)
}

fn ticket(kind: Kind, at: Timestamp, ids: &mut Ids) -> v1::Ticket {
    let closed = kind == Kind::TicketClosed;
    v1::Ticket {
        id: ids.next(TicketId::new).to_string(),
        ticket_number: 1042,
        subject: "Sample: refund for order 1042".to_owned(),
        status: if closed { TicketStatus::Closed } else { TicketStatus::Open } as i32,
        priority: TicketPriority::Normal as i32,
        inbox_id: ids.next(InboxId::new).to_string(),
        assignee_id: None,
        requester: Some(v1::Requester { name: "Ada Lovelace".to_owned(), email: "ada@example.com".to_owned() }),
        tags: Vec::new(),
        channel: Channel::Email as i32,
        message_count: 1,
        last_message_at: Some(at.into()),
        created_at: Some(at.into()),
        updated_at: Some(at.into()),
        solved_at: None,
        closed_at: closed.then(|| at.into()),
        version: 1,
        messages: None,
        messages_truncated: None,
    }
}

fn message(kind: Kind, ticket: &v1::Ticket, at: Timestamp, ids: &mut Ids) -> v1::Message {
    let sent = kind == Kind::MessageSent;
    let author = v1::Author {
        r#type: if sent { AuthorType::Agent } else { AuthorType::Customer } as i32,
        id: None,
        name: if sent { "Grace Hopper" } else { "Ada Lovelace" }.to_owned(),
        email: Some(if sent { "grace@example.com" } else { "ada@example.com" }.to_owned()),
    };
    v1::Message {
        id: ids.next(MessageId::new).to_string(),
        ticket_id: ticket.id.clone(),
        r#type: if sent { MessageType::Outbound } else { MessageType::Inbound } as i32,
        author: Some(author),
        body_text: "This is a sample.".to_owned(),
        body_html: "<p>This is a sample.</p>".to_owned(),
        created_at: Some(at.into()),
        truncated: false,
        sent_at: (!sent).then(|| at.into()),
    }
}

fn inbox(ticket: &v1::Ticket, at: Timestamp) -> v1::Inbox {
    let error = v1::InboxError {
        code: "auth_failed".to_owned(),
        message: "The mail server refused the password.".to_owned(),
        since: Some(at.into()),
    };
    v1::Inbox {
        id: ticket.inbox_id.clone(),
        name: "Support".to_owned(),
        email_address: Some("support@example.com".to_owned()),
        channel: Channel::Email as i32,
        status: InboxStatus::Error as i32,
        error: Some(error),
        created_at: Some(at.into()),
        updated_at: Some(at.into()),
    }
}

fn changes(kind: Kind) -> Map<String, Value> {
    let (field, from, to) = match kind {
        Kind::TicketAssigned => ("assignee_id", json!("019ab5f0-0000-7000-8000-0000000000b1"), Value::Null),
        Kind::TicketStatusChanged => ("status", json!("pending"), json!("open")),
        Kind::TicketClosed => ("status", json!("open"), json!("closed")),
        _ => ("priority", json!("low"), json!("normal")),
    };
    Map::from_iter([(field.to_owned(), json!({"from": from, "to": to}))])
}
