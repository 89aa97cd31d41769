//! Messages: the service that lists the messages of a ticket and adds internal notes. Lists of the public API leave
//! notes out, and a note never causes a message event.

use crate::{
    caller::{Caller, Who},
    error::Result,
    events::emit,
    html::{self, Bodies},
    page::Page,
    store::{
        self, Db,
        messages::{Author, AuthorKind, Message, MessageKind},
        tickets::TicketRef,
    },
    tickets::Action,
    time_and_chance::Stamps,
};
use inboxops_proto::{
    failure::{Failure, Violation},
    id::MessageId,
    reason::{DetailCode, Reason},
    v1::{self, message_service_server::MessageService},
};
use tonic::{Request, Response, Status};

pub(crate) struct Messages {
    db: Db,
    stamps: Stamps,
}

impl Messages {
    pub(crate) fn new(db: Db, stamps: Stamps) -> Messages {
        Messages { db, stamps }
    }

    async fn list(
        &self,
        caller: &Caller,
        request: v1::ListTicketMessagesRequest,
    ) -> Result<v1::ListTicketMessagesResponse> {
        let named = TicketRef::parse(&request.ticket_id)?;
        let page = Page::parse(request.page, request.per_page);
        let mut read = self.db.read(caller.scope()?).await?;
        let ticket = store::tickets::read(&mut read, named).await?.ok_or(Reason::TicketNotFound)?;
        let messages = store::messages::list_without_notes(&mut read, ticket.id, page.limit(), page.offset()).await?;
        Ok(v1::ListTicketMessagesResponse {
            messages: messages.iter().map(v1::Message::from).collect(),
            meta: Some(page.meta(i64::from(ticket.message_count))),
        })
    }

    async fn create_note(
        &self,
        caller: &Caller,
        request: v1::CreateTicketNoteRequest,
    ) -> Result<v1::CreateTicketNoteResponse> {
        let named = TicketRef::parse(&request.ticket_id);
        let bodies = note_bodies(&request)?;
        let named = named?;
        let stamp = self.stamps.stamp();
        let actor = caller.actor();
        let author = author(caller);
        let write = caller.write(&self.db, async move |tx| {
            let old = store::tickets::lock(tx, named).await?.ok_or(Reason::TicketNotFound)?;
            let mut ids = stamp.ids();
            let note = Message {
                id: ids.next(MessageId::new),
                ticket: old.id,
                kind: MessageKind::InternalNote,
                author: author.clone(),
                text: bodies.text.clone(),
                html: bodies.html.clone(),
                truncated: bodies.truncated,
                created_at: stamp.at,
                sent_at: None,
            };
            let new = old.clone().touched(stamp.at);
            let notes = store::messages::count_notes(tx, old.id).await?;
            let events = Action { actor: &actor, at: stamp.at }.noted(&old, &new, notes, &mut ids)?;
            store::messages::insert(tx, &note).await?;
            store::tickets::update(tx, &old, &new).await?;
            emit(tx, events, new.inbox, stamp.at);
            Ok(v1::CreateTicketNoteResponse { message: Some(v1::Message::from(&note)) })
        });
        write.await
    }
}

/// The bodies of a note; at least one must have text after cleaning.
fn note_bodies(request: &v1::CreateTicketNoteRequest) -> Result<Bodies> {
    let text = request.body_text.as_deref();
    let html = request.body_html.as_deref();
    if let Some(bodies) = html::bodies(text, html) {
        return Ok(bodies);
    }
    let violation = match (text, html) {
        (None, None) => Violation::new("body_text", DetailCode::OneOfRequired, "or `body_html` must be given"),
        (Some(_), _) => Violation::new("body_text", DetailCode::Blank, "must not be blank"),
        (None, Some(_)) => Violation::new("body_html", DetailCode::Blank, "must not be blank once it is sanitised"),
    };
    Err(Failure::invalid(violation).into())
}

fn author(caller: &Caller) -> Author {
    let named = |kind, id, name: &str| Author { kind, id, name: name.to_owned(), email: None };
    match caller.who() {
        Who::ApiKey { id, name } => named(AuthorKind::ApiKey, Some(id.0), name),
        Who::Agent { id, name, .. } => named(AuthorKind::Agent, Some(id.0), name),
        Who::Service { name, .. } => named(AuthorKind::System, None, name),
        Who::Worker { .. } | Who::Operator | Who::Anybody => named(AuthorKind::System, None, "InboxOps"),
    }
}

impl From<&Message> for v1::Message {
    fn from(message: &Message) -> v1::Message {
        let author = v1::Author {
            r#type: message.author.kind.code().into(),
            id: message.author.id.map(|id| id.to_string()),
            name: message.author.name.clone(),
            email: message.author.email.clone(),
        };
        v1::Message {
            id: message.id.to_string(),
            ticket_id: message.ticket.to_string(),
            r#type: message.kind.code().into(),
            author: Some(author),
            body_text: message.text.clone(),
            body_html: message.html.clone(),
            created_at: Some(message.created_at.into()),
            truncated: message.truncated,
            sent_at: message.sent_at.map(Into::into),
        }
    }
}

#[tonic::async_trait]
impl MessageService for Messages {
    async fn list_ticket_messages(
        &self,
        request: Request<v1::ListTicketMessagesRequest>,
    ) -> Result<Response<v1::ListTicketMessagesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.list(&caller, request.into_inner()).await?))
    }

    async fn create_ticket_note(
        &self,
        request: Request<v1::CreateTicketNoteRequest>,
    ) -> Result<Response<v1::CreateTicketNoteResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.create_note(&caller, request.into_inner()).await?))
    }
}
