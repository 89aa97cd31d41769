//! A mail of a customer, and what recording it does to tickets. It knows mails as `ingest/mail.rs` has them.

use super::{mail::Mail, raw, thread, ticket_of};
use crate::{
    caller::Actor,
    error::Result,
    events::{Kind, emit, fitting},
    html,
    stamp::Stamp,
    store::{
        self, Tx,
        inboxes::{Inbox, InboxState},
        messages::{Author, AuthorKind, Mailed, Message, MessageKind},
        tickets::{Channel, Requester, Status, Ticket, TicketRef},
    },
    tickets::{Action, Told},
};
use inboxops_proto::{
    failure::{Failure, Violation},
    id::{InboxId, MessageId, TicketId},
    internal::v1 as pb,
    reason::{DetailCode, Reason},
    v1,
};
use uuid::Uuid;

/// A mail that was read, with all that its recording needs.
pub struct Inbound {
    mail: Mail,
    /// The message as it will be, without the ids that are found in the transaction.
    message: Message,
    recipient: String,
    stamp: Stamp,
}

/// What recording a mail did.
pub struct Recorded {
    /// The ticket, after it.
    pub ticket: Ticket,
    /// The message.
    pub message: Message,
    /// Whether it had been recorded before.
    pub duplicate: bool,
    /// Whether it opened the ticket.
    pub opened: bool,
    /// Whether it opened the ticket again.
    pub reopened: bool,
    /// Whether a machine sent it.
    pub automatic: bool,
}

impl Inbound {
    /// Reads the mail of a request.
    pub fn read(request: pb::IngestInboundMessageRequest, stamp: Stamp) -> Result<Inbound> {
        let refused = |code, message| Failure::invalid(Violation::new("raw", code, message)).into();
        let mut mail = match (request.raw.is_empty(), request.parts) {
            (false, None) => raw::read(&request.raw),
            (true, Some(parts)) => Mail::from_parts(parts),
            (true, None) => return Err(refused(DetailCode::OneOfRequired, "or `parts` must be given")),
            (false, Some(_)) => return Err(refused(DetailCode::MutuallyExclusive, "and `parts` exclude each other")),
        };
        mail.automatic |= request.null_sender;
        let (text, html) = (mail.text.take(), mail.html.take());
        let bodies = html::mail_bodies(text.as_deref(), html.as_deref(), &mail.file_lines());
        let author = Author {
            kind: AuthorKind::Customer,
            id: None,
            name: mail.from_name.clone(),
            email: mail.from_email.clone(),
        };
        let message = Message {
            id: MessageId(Uuid::nil()),
            ticket: TicketId(Uuid::nil()),
            kind: MessageKind::Inbound,
            author,
            text: bodies.text,
            html: bodies.html,
            truncated: bodies.truncated,
            created_at: stamp.at,
        };
        Ok(Inbound { mail, message, recipient: request.recipient, stamp })
    }

    /// Records it in its ticket or in a new one, or finds what was recorded before.
    pub async fn record(&self, tx: &mut Tx<'_>, inbox: Inbox) -> Result<Recorded> {
        let mailed = self.mailed(inbox.id);
        if let Some(message) = store::messages::repeated(tx, &mailed).await? {
            return Ok(Recorded::before(ticket_of(tx, &message).await?, message));
        }
        let old = self.standing(tx, &inbox).await?;
        if old.is_none() && inbox.state() == InboxState::Disabled {
            let disabled = Violation::new("inbox_id", DetailCode::InboxDisabled, "is disabled and takes no tickets");
            return Err(Failure::invalid(disabled).into());
        }
        let mut ids = self.stamp.ids();
        let (id, fresh) = (ids.next(MessageId::new), ids.next(TicketId::new));
        let ticket = old.as_ref().map_or(fresh, |old| old.id);
        let message = Message { id, ticket, ..self.message.clone() };
        // The message first: only now it is certain that it is no repeat, and nothing else has changed yet.
        if !store::messages::insert_mailed(tx, &message, &mailed).await? {
            let message = store::messages::repeated(tx, &mailed).await?.ok_or(Reason::Conflict)?;
            return Ok(Recorded::before(ticket_of(tx, &message).await?, message));
        }
        let automatic = self.mail.automatic || self.is_from(&inbox);
        let told = fitting(v1::Message::from(&message));
        let told = Some(Told { kind: Kind::MessageReceived, message: &told });
        let actor = self.actor();
        let action = Action { actor: &actor, at: self.stamp.at };
        let (opened, reopened) =
            (old.is_none(), old.as_ref().is_some_and(|old| old.status != Status::Open) && !automatic);
        let (ticket, events) = match old {
            Some(old) => {
                let new = old.with_message(reopened, self.stamp.at);
                let events = action.changed_by(&old, &new, told, &mut ids)?;
                store::tickets::update(tx, &old, &new).await?;
                (new, events)
            }
            None => {
                let new = self.opening(tx, fresh, inbox.id).await?;
                let events = action.opened_by(&new, told, &mut ids)?;
                store::tickets::insert(tx, &new);
                (new, events)
            }
        };
        emit(tx, events, ticket.inbox, self.stamp.at);
        Ok(Recorded { ticket, message, duplicate: false, opened, reopened, automatic })
    }

    fn mailed(&self, inbox: InboxId) -> Mailed {
        Mailed {
            inbox,
            dedup_key: Some(self.mail.dedup_key),
            message_id: self.mail.message_id.clone(),
            in_reply_to: self.mail.parents.first().cloned(),
            provider_id: None,
        }
    }

    /// The ticket that the mail belongs to, held: the one of a mail that it answers, or one that it names.
    async fn standing(&self, tx: &mut Tx<'_>, inbox: &Inbox) -> Result<Option<Ticket>> {
        for parent in &self.mail.parents {
            if let Some(id) = store::messages::ticket_of(tx, parent).await? {
                return Ok(store::tickets::lock(tx, TicketRef::Id(id)).await?);
            }
        }
        let own = inbox.email_address.as_deref();
        for number in thread::numbers(&self.recipient, &self.mail.to, own, &self.mail.subject) {
            if let Some(ticket) = store::tickets::lock(tx, TicketRef::Number(number)).await? {
                return Ok(Some(ticket));
            }
        }
        Ok(None)
    }

    /// Whether the inbox seems to write to itself: a loop.
    fn is_from(&self, inbox: &Inbox) -> bool {
        let own = inbox.email_address.as_deref().map(store::fold);
        own.is_some() && own == self.mail.from_email.as_deref().map(store::fold)
    }

    async fn opening(&self, tx: &mut Tx<'_>, id: TicketId, inbox: InboxId) -> Result<Ticket> {
        let email = self.mail.from_email.clone();
        Ok(Ticket {
            id,
            tenant: tx.tenant(),
            number: store::tickets::next_number(tx).await?,
            subject: self.mail.subject.clone(),
            inbox,
            requester: email.map(|email| Requester { name: self.mail.from_name.clone(), email }),
            channel: Channel::Email,
            message_count: 1,
            last_message_at: Some(self.stamp.at),
            ..Ticket::blank(self.stamp.at)
        })
    }

    fn actor(&self) -> Actor {
        let named = (!self.mail.from_name.is_empty()).then_some(&self.mail.from_name);
        let name = named.or(self.mail.from_email.as_ref()).cloned().unwrap_or_default();
        Actor { kind: "customer", id: None, name }
    }
}

impl Recorded {
    fn before(ticket: Ticket, message: Message) -> Recorded {
        Recorded { ticket, message, duplicate: true, opened: false, reopened: false, automatic: false }
    }
}
