//! The rules of changes to tickets: pure, without I/O and clock. The row is in `store/tickets.rs`.

use crate::{
    caller::Actor,
    error::Result,
    events::{Group, Kind, RenderedEvent, Subject},
    store::tickets::{Status, Ticket},
    time_and_chance::Ids,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{AgentId, GroupId, InboxId},
    v1,
};
use serde_json::{Map, Value, json};

/// New values of a ticket; `None` keeps a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) subject: Option<String>,
    pub(crate) status: Option<Status>,
    pub(crate) priority: Option<crate::store::tickets::Priority>,
    /// New assignee; the inner `None` unassigns.
    pub(crate) assignee: Option<Option<AgentId>>,
    pub(crate) inbox: Option<InboxId>,
}

impl Ticket {
    /// The ticket after a change, or `None` if the change has no effect.
    pub(crate) fn apply(&self, change: &Change, at: Timestamp) -> Option<Ticket> {
        let mut new = self.clone();
        if let Some(subject) = &change.subject {
            new.subject.clone_from(subject);
        }
        new.status = change.status.unwrap_or(new.status);
        new.priority = change.priority.unwrap_or(new.priority);
        new.assignee = change.assignee.unwrap_or(new.assignee);
        new.inbox = change.inbox.unwrap_or(new.inbox);
        if new == *self {
            return None;
        }
        if new.status != self.status {
            new.solved_at = (new.status == Status::Solved).then_some(at);
            new.closed_at = (new.status == Status::Closed).then_some(at);
        }
        Some(new.touched(at))
    }

    /// The ticket after a message was added; `reopen` opens it whatever its state.
    pub(crate) fn with_message(&self, reopen: bool, at: Timestamp) -> Ticket {
        let mut new = self.clone();
        if reopen {
            (new.status, new.solved_at, new.closed_at) = (Status::Open, None, None);
        }
        new.message_count = new.message_count.saturating_add(1);
        new.last_message_at = new.last_message_at.max(Some(at));
        new.touched(at)
    }

    /// The ticket one version later: something visible has changed.
    pub(crate) fn touched(mut self, at: Timestamp) -> Ticket {
        self.version += 1;
        // A clock that was set back must not move `updated_at` back: readers sync by it.
        self.updated_at = self.updated_at.max(at);
        self
    }

    /// The differences from `old`, by the names of the contract, without version and times.
    pub(crate) fn changes_from(&self, old: &Ticket) -> Map<String, Value> {
        let mut changes = Map::new();
        let (from, to) = (v1::Ticket::from(old), v1::Ticket::from(self));
        let mut compare = |name: &str, from: Value, to: Value| {
            if from != to {
                changes.insert(name.to_owned(), json!({"from": from, "to": to}));
            }
        };
        compare("subject", json!(from.subject), json!(to.subject));
        compare("status", json!(old.status.name()), json!(self.status.name()));
        compare("priority", json!(old.priority.name()), json!(self.priority.name()));
        compare("inbox_id", json!(from.inbox_id), json!(to.inbox_id));
        compare("assignee_id", json!(from.assignee_id), json!(to.assignee_id));
        compare("tags", names(&from.tags), names(&to.tags));
        compare("requester", json!(from.requester), json!(to.requester));
        compare("message_count", json!(from.message_count), json!(to.message_count));
        compare("last_message_at", time(old.last_message_at), time(self.last_message_at));
        changes
    }
}

fn names(tags: &[v1::TagRef]) -> Value {
    tags.iter().map(|tag| tag.name.as_str()).collect()
}

fn time(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| inboxops_proto::json::time::Text::of(&at.into()).as_str().into())
}

#[derive(Clone, Copy)]
pub(crate) struct MessageInEvent<'a> {
    /// `message.received` or `message.sent`.
    pub(crate) kind: Kind,
    /// The message, with bodies cut to the size of an event.
    pub(crate) message: &'a v1::Message,
}

impl MessageInEvent<'_> {
    fn render(&self, group: &Group<'_>, ticket: &v1::Ticket, ids: &mut Ids) -> Result<RenderedEvent> {
        let subject = Subject { ticket: Some(ticket), message: Some(self.message), ..Subject::default() };
        group.render(self.kind, &subject, ids)
    }
}

/// Who changes a ticket, and when.
pub(crate) struct Action<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) at: Timestamp,
}

impl Action<'_> {
    /// The events of a ticket that was opened, in the order of the contract.
    pub(crate) fn opened(&self, new: &Ticket, ids: &mut Ids) -> Result<Vec<RenderedEvent>> {
        self.opened_by(new, None, ids)
    }

    /// The same with the message that opened it.
    pub(crate) fn opened_by(
        &self,
        new: &Ticket,
        message: Option<MessageInEvent<'_>>,
        ids: &mut Ids,
    ) -> Result<Vec<RenderedEvent>> {
        let ticket = v1::Ticket::from(new);
        let group = self.group(new, ids);
        let mut events =
            vec![group.render(Kind::TicketCreated, &Subject { ticket: Some(&ticket), ..Subject::default() }, ids)?];
        if let Some(assignee) = new.assignee {
            let mut changes = Map::new();
            changes.insert("assignee_id".to_owned(), json!({"from": null, "to": assignee.to_string()}));
            let subject = Subject { ticket: Some(&ticket), changes: Some(&changes), ..Subject::default() };
            events.push(group.render(Kind::TicketAssigned, &subject, ids)?);
        }
        events.extend(message.map(|told| told.render(&group, &ticket, ids)).transpose()?);
        Ok(events)
    }

    /// The events of a ticket that changed from `old` to `new`, in the order of the contract.
    pub(crate) fn changed(&self, old: &Ticket, new: &Ticket, ids: &mut Ids) -> Result<Vec<RenderedEvent>> {
        self.changed_by(old, new, None, ids)
    }

    /// The same with the message that changed it.
    pub(crate) fn changed_by(
        &self,
        old: &Ticket,
        new: &Ticket,
        message: Option<MessageInEvent<'_>>,
        ids: &mut Ids,
    ) -> Result<Vec<RenderedEvent>> {
        self.happened(old, new, new.changes_from(old), message, ids)
    }

    /// The events of a ticket that got a note, in addition to `notes` earlier ones. They do not contain the note's
    /// text.
    pub(crate) fn noted(&self, old: &Ticket, new: &Ticket, notes: u32, ids: &mut Ids) -> Result<Vec<RenderedEvent>> {
        let mut changes = new.changes_from(old);
        changes.insert("note_count".to_owned(), json!({"from": notes, "to": notes.saturating_add(1)}));
        self.happened(old, new, changes, None, ids)
    }

    fn happened(
        &self,
        old: &Ticket,
        new: &Ticket,
        changes: Map<String, Value>,
        message: Option<MessageInEvent<'_>>,
        ids: &mut Ids,
    ) -> Result<Vec<RenderedEvent>> {
        let ticket = v1::Ticket::from(new);
        let subject = Subject { ticket: Some(&ticket), changes: Some(&changes), ..Subject::default() };
        let group = self.group(new, ids);
        let kinds = [
            (Kind::TicketUpdated, true),
            (Kind::TicketAssigned, old.assignee != new.assignee),
            (Kind::TicketStatusChanged, old.status != new.status),
            (Kind::TicketClosed, old.status != new.status && new.status == Status::Closed),
        ];
        let happened = kinds.into_iter().filter(|(_, happened)| *happened);
        let mut events = happened.map(|(kind, _)| group.render(kind, &subject, ids)).collect::<Result<Vec<_>>>()?;
        // An endpoint that is limited to the old inbox learns from one event that the ticket has left it.
        if let Some(updated) = events.iter_mut().find(|event| event.kind == Kind::TicketUpdated) {
            updated.left = Some(old.inbox).filter(|left| *left != new.inbox);
        }
        events.extend(message.map(|told| told.render(&group, &ticket, ids)).transpose()?);
        Ok(events)
    }

    fn group(&self, ticket: &Ticket, ids: &mut Ids) -> Group<'_> {
        Group { tenant: ticket.tenant, at: self.at, actor: self.actor, id: ids.next(GroupId::new) }
    }
}
