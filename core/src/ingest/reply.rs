//! Records a reply that was sent and changes its ticket. It knows nothing about sending.

use super::{thread, ticket_of};
use crate::{
    caller::Actor,
    error::Result,
    events::{Kind, emit, fitting},
    html::{self, Bodies},
    store::{
        self, Tx,
        messages::{Author, AuthorKind, MailIdentity, Message, MessageKind},
        tickets::{Ticket, TicketRef},
    },
    tickets::{Action, MessageInEvent},
    time_and_chance::Stamp,
};
use inboxops_proto::{
    failure::{Failure, Violation},
    id::{AgentId, MessageId},
    internal::v1 as pb,
    reason::{DetailCode, Reason},
    v1,
};

/// A reply that was sent.
pub(crate) struct Reply {
    ticket: TicketRef,
    provider_id: String,
    message_id: Option<String>,
    agent: Option<AgentId>,
    bodies: Bodies,
    by: Actor,
    stamp: Stamp,
}

impl Reply {
    /// Parses a request of the program `by`.
    pub(crate) fn parse(request: pb::RecordSentReplyRequest, by: Actor, stamp: Stamp) -> Result<Reply> {
        let clean = |body: Option<String>| body.map(|body| body.replace('\0', ""));
        let text = clean(request.body_text);
        let html = clean(request.body_html);
        let bodies = html::mail_bodies(text.as_deref(), html.as_deref(), &[]);
        if bodies.text.is_empty() {
            let nothing = Violation::new("body_text", DetailCode::OneOfRequired, "or `body_html` must say something");
            return Err(Failure::invalid(nothing).into());
        }
        Ok(Reply {
            ticket: TicketRef::parse(&request.ticket_id)?,
            provider_id: request.provider_id.unwrap_or_default(),
            message_id: thread::ids(&request.message_id).into_iter().next(),
            agent: request.agent_id.as_deref().and_then(|id| id.parse().ok()),
            bodies,
            by,
            stamp,
        })
    }

    /// Records it, or finds the earlier record; the last value is true for a repeat.
    pub(crate) async fn record(&self, tx: &mut Tx<'_>) -> Result<(Ticket, Message, bool)> {
        if let Some(known) = store::messages::sent(tx, &self.provider_id).await? {
            return Ok((ticket_of(tx, &known).await?, known, true));
        }
        let old = store::tickets::lock(tx, self.ticket).await?.ok_or(Reason::TicketNotFound)?;
        let (author, actor) = self.writer(tx).await?;
        let mut ids = self.stamp.ids();
        let message = Message {
            id: ids.next(MessageId::new),
            ticket: old.id,
            kind: MessageKind::Outbound,
            author,
            text: self.bodies.text.clone(),
            html: self.bodies.html.clone(),
            truncated: self.bodies.truncated,
            created_at: self.stamp.at,
            sent_at: None,
        };
        let mailed = MailIdentity {
            inbox: old.inbox,
            dedup_key: None,
            message_id: self.message_id.clone(),
            in_reply_to: None,
            provider_id: Some(self.provider_id.clone()),
        };
        if !store::messages::insert_mailed(tx, &message, &mailed).await? {
            // Another core recorded it first.
            let known = store::messages::sent(tx, &self.provider_id).await?.ok_or(Reason::Conflict)?;
            return Ok((ticket_of(tx, &known).await?, known, true));
        }
        let new = old.with_message(false, self.stamp.at);
        let told = fitting(v1::Message::from(&message));
        let told = MessageInEvent { kind: Kind::MessageSent, message: &told };
        let events = Action { actor: &actor, at: self.stamp.at }.changed_by(&old, &new, Some(told), &mut ids)?;
        store::tickets::update(tx, &old, &new).await?;
        emit(tx, events, new.inbox, self.stamp.at);
        Ok((new, message, false))
    }

    /// The author: the agent that is named, or the program that records it.
    async fn writer(&self, tx: &mut Tx<'_>) -> Result<(Author, Actor)> {
        let Some(id) = self.agent else {
            let author = Author { kind: AuthorKind::System, id: None, name: self.by.name.clone(), email: None };
            return Ok((author, self.by.clone()));
        };
        let dangling = || Failure::invalid(Violation::dangling("agent_id"));
        let agent = store::agents::get(tx, id).await?.ok_or_else(dangling)?;
        let actor = Actor { kind: "agent", id: Some(id.to_string()), name: agent.name.clone() };
        Ok((Author { kind: AuthorKind::Agent, id: Some(id.0), name: agent.name, email: Some(agent.email) }, actor))
    }
}
