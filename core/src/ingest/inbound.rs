//! Records a mail from a customer and changes its ticket. It knows mails as `ingest/mail.rs` defines them.

use super::{
    mail::{self, Mail},
    raw, thread, ticket_of,
};
use crate::{
    caller::Actor,
    error::Result,
    events::{Kind, emit, fitting},
    html,
    store::{
        self, Tx,
        inboxes::{Inbox, InboxState},
        messages::{Author, AuthorKind, MailIdentity, Message, MessageKind},
        threads::MailFacts,
        tickets::{Channel, Requester, Status, Ticket, TicketRef},
    },
    tickets::{Action, MessageInEvent},
    time_and_chance::Stamp,
};
use inboxops_proto::{
    failure::{Failure, Violation},
    id::{InboxId, MessageId, TicketId},
    internal::v1 as pb,
    reason::{DetailCode, Reason},
    v1,
};
use uuid::Uuid;

/// A parsed mail, with everything that recording it needs.
pub(crate) struct Inbound {
    mail: Mail,
    /// The message to record, without the ids that the transaction finds.
    message: Message,
    recipient: String,
    /// The ticket, if it is already known.
    ticket: Option<TicketId>,
    stamp: Stamp,
}

/// What recording a mail did.
pub(crate) struct RecordedMail {
    /// The ticket after the change.
    pub(crate) ticket: Ticket,
    pub(crate) message: Message,
    /// Whether it had been recorded before.
    pub(crate) duplicate: bool,
    pub(crate) opened: bool,
    pub(crate) reopened: bool,
    /// Whether a machine sent it.
    pub(crate) automatic: bool,
}

impl Inbound {
    /// Parses the mail of a request. With `ticket` it belongs to that ticket, whatever it refers to.
    pub(crate) fn read(
        request: pb::IngestInboundMessageRequest,
        ticket: Option<TicketId>,
        stamp: Stamp,
    ) -> Result<Inbound> {
        let refused = |code, message| Failure::invalid(Violation::new("raw", code, message)).into();
        let mut mail = match (request.raw.is_empty(), request.parts) {
            (false, None) => raw::read(&request.raw),
            (true, Some(parts)) => Mail::from_parts(parts),
            (true, None) => return Err(refused(DetailCode::OneOfRequired, "or `parts` must be given")),
            (false, Some(_)) => return Err(refused(DetailCode::MutuallyExclusive, "and `parts` exclude each other")),
        };
        mail.automatic |= request.null_sender;
        let text = mail.text.take();
        let html = mail.html.take();
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
            sent_at: mail.sent_at,
        };
        Ok(Inbound { mail, message, recipient: request.recipient, ticket, stamp })
    }

    /// Records it in its ticket or in a new one, or finds the earlier record.
    pub(crate) async fn record(&self, tx: &mut Tx<'_>, inbox: Inbox) -> Result<RecordedMail> {
        let mailed = self.mailed(inbox.id);
        let mut known = self.known(tx, &mailed).await?;
        if let Some(repeat) = self.repeat(tx, &inbox, &known).await? {
            return Ok(repeat);
        }
        let mut old = self.standing(tx, &inbox, &known).await?;
        // If two cores each open a ticket at the same time, the later mail may belong to the other core's ticket.
        if old.is_none() && store::tickets::hold_opening(tx).await? {
            known = self.known(tx, &mailed).await?;
            if let Some(repeat) = self.repeat(tx, &inbox, &known).await? {
                return Ok(repeat);
            }
            old = self.standing(tx, &inbox, &known).await?;
        }
        if old.is_none() && inbox.state() == InboxState::Disabled {
            let disabled = Violation::new("inbox_id", DetailCode::InboxDisabled, "is disabled and takes no tickets");
            return Err(Failure::invalid(disabled).into());
        }
        let mut ids = self.stamp.ids();
        let id = ids.next(MessageId::new);
        let fresh = ids.next(TicketId::new);
        let ticket = old.as_ref().map_or(fresh, |old| old.id);
        let message = Message { id, ticket, ..self.message.clone() };
        // The message first: only its insert shows that the mail is no repeat, and nothing else has changed yet.
        if !store::messages::insert_mailed(tx, &message, &mailed).await? {
            let known = self.known(tx, &mailed).await?;
            return Ok(self.repeat(tx, &inbox, &known).await?.ok_or(Reason::Conflict)?);
        }
        known.unknown.retain(|id| self.may_be_shared(id, &inbox));
        store::threads::refer(tx, inbox.id, ticket, &known.unknown).await?;
        let automatic = self.mail.automatic || self.is_from(&inbox);
        let told = fitting(v1::Message::from(&message));
        let told = Some(MessageInEvent { kind: Kind::MessageReceived, message: &told });
        let actor = self.actor();
        let action = Action { actor: &actor, at: self.stamp.at };
        let opened = old.is_none();
        let reopened = old.as_ref().is_some_and(|old| old.status != Status::Open) && !automatic;
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
        Ok(RecordedMail { ticket, message, duplicate: false, opened, reopened, automatic })
    }

    fn mailed(&self, inbox: InboxId) -> MailIdentity {
        MailIdentity {
            inbox,
            dedup_key: Some(self.mail.dedup_key),
            message_id: self.mail.message_id.clone(),
            in_reply_to: self.mail.parents.first().cloned(),
            provider_id: None,
        }
    }

    async fn known(&self, tx: &mut Tx<'_>, mailed: &MailIdentity) -> Result<MailFacts> {
        Ok(store::threads::look(tx, mailed, &self.mail.parents, self.mail.earlier_key()).await?)
    }

    /// The earlier record of this mail.
    async fn repeat(&self, tx: &mut Tx<'_>, inbox: &Inbox, known: &MailFacts) -> Result<Option<RecordedMail>> {
        let mut message = None;
        if let Some(id) = known.same {
            message = store::messages::get(tx, id).await?;
        }
        // Earlier releases kept no content hash; then sender and text decide.
        if let (None, Some(id)) = (&message, known.same_id) {
            message = store::messages::get(tx, id).await?.filter(|it| self.is_by(&it.author) && self.says(it));
        }
        if let (None, Some(id)) = (&message, known.sent) {
            message = store::messages::get(tx, id).await?;
            if let Some(sent) = &message
                && !self.says(sent)
                && !self.is_ours(tx, inbox, &sent.author).await?
            {
                message = None;
            }
        }
        let Some(message) = message else { return Ok(None) };
        Ok(Some(RecordedMail::before(ticket_of(tx, &message).await?, message)))
    }

    fn is_by(&self, author: &Author) -> bool {
        author.email.as_deref().map(store::fold) == self.mail.from_email.as_deref().map(store::fold)
    }

    fn says(&self, message: &Message) -> bool {
        mail::lines(&message.text) == mail::lines(&self.message.text)
    }

    /// Whether the tenant itself wrote the mail, as one that it sent and that came back.
    async fn is_ours(&self, tx: &mut Tx<'_>, inbox: &Inbox, author: &Author) -> Result<bool> {
        let Some(from) = &self.mail.from_email else { return Ok(false) };
        Ok(self.is_by(author)
            || self.is_from(inbox)
            || store::inboxes::by_address(tx, from).await?.is_some()
            || store::agents::works_at(tx, from).await?)
    }

    /// Locks the ticket that the mail belongs to: the known one, or one that the mail refers to.
    async fn standing(&self, tx: &mut Tx<'_>, inbox: &Inbox, known: &MailFacts) -> Result<Option<Ticket>> {
        let mut ticket = self.ticket.or(known.ticket);
        if ticket.is_none() {
            ticket = store::threads::elsewhere(tx, self.mail.message_id.as_deref(), &self.mail.parents).await?;
        }
        if let Some(id) = ticket {
            return Ok(store::tickets::lock(tx, TicketRef::Id(id)).await?);
        }
        let own = inbox.email_address.as_deref();
        for number in thread::numbers(&self.recipient, &self.mail.to, own, &self.mail.subject) {
            if let Some(ticket) = store::tickets::lock(tx, TicketRef::Number(number)).await?
                && self.may_name(tx, &ticket).await?
            {
                return Ok(Some(ticket));
            }
        }
        Ok(None)
    }

    /// Whether a ticket number in the mail may select the ticket. Anybody can guess a number, and other systems number
    /// theirs in the same way, so the sender must already have a part in the ticket.
    async fn may_name(&self, tx: &mut Tx<'_>, ticket: &Ticket) -> Result<bool> {
        let Some(from) = &self.mail.from_email else { return Ok(false) };
        let is_from = |email: &str| store::fold(email) == store::fold(from);
        Ok(ticket.requester.as_ref().is_some_and(|it| is_from(&it.email))
            || store::messages::authors(tx, ticket.id).await?.iter().any(|email| is_from(email))
            || store::agents::works_at(tx, from).await?)
    }

    /// Whether a mail that it refers to and that never arrived may connect it to other mails. Some programs name a
    /// person in place of a mail, and that would connect mails that are unrelated.
    fn may_be_shared(&self, id: &str, inbox: &Inbox) -> bool {
        let folded = store::fold(id);
        let people = self.mail.from_email.iter().chain(&self.mail.to).chain(&inbox.email_address);
        thread::is_whole(id) && !people.into_iter().any(|address| store::fold(address) == folded)
    }

    /// Whether the mail's sender is the inbox itself: a mail loop.
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

impl RecordedMail {
    fn before(ticket: Ticket, message: Message) -> RecordedMail {
        RecordedMail { ticket, message, duplicate: true, opened: false, reopened: false, automatic: false }
    }
}
