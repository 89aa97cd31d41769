//! Messages: the service that lists the messages of a ticket or of all tickets, and adds internal notes. Lists of the
//! public API leave notes out, and a note never causes a message event.

use crate::{
    caller::{Caller, Who},
    error::{Error, Result},
    events::emit,
    html::{self, Bodies},
    listing::{
        Binding, Key, Paging,
        answer_size::{self, ROOM},
    },
    store::{
        self, Db, ReadTx,
        messages::{
            Author, AuthorKind, Message, MessageKind,
            list::{BEGIN, MessageSize, MessageSpan, NO_END},
        },
        tickets::TicketRef,
    },
    tickets::{Action, settled},
    time_and_chance::Stamps,
};
use inboxops_proto::{
    clock::Timestamp,
    failure::{Failure, Violation},
    id::{MessageId, TicketId},
    reason::{DetailCode, Reason},
    v1::{self, message_service_server::MessageService},
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

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
        let paging = Paging::parse(request.page, request.per_page, request.cursor.as_deref())?;
        let named = TicketRef::parse(&request.ticket_id)?;
        let mut read = self.db.read(caller.scope()?).await?;
        let ticket = store::tickets::read(&mut read, named).await?.ok_or(Reason::TicketNotFound)?;
        let of = v1::ListTicketMessagesRequest { ticket_id: ticket.id.to_string(), ..Default::default() };
        let binding = Binding::of("ticket_messages", read.tenant(), &of);
        let listing = paging.open(&mut read, binding, self.db.clock().now()).await?;
        let after = listing.after().map(Key::as_numbered).transpose()?;
        let (limit, offset) = (listing.limit(), listing.offset());
        let span = MessageSpan { after: after.unwrap_or(BEGIN), until: NO_END, limit, offset };
        let sizes = store::messages::list::of_ticket(&mut read, ticket.id, span).await?;
        let page = &sizes[..sizes.len().min(listing.per_page())];
        let messages = match after {
            Some(_) => as_many_as_fit(&mut read, page).await?,
            None => all_cut_to_fit(&mut read, page).await?,
        };
        let shown = &page[..messages.len()];
        let meta = listing.meta_of(shown, shown.len() < sizes.len(), i64::from(ticket.message_count), key);
        Ok(v1::ListTicketMessagesResponse { messages, meta: Some(meta) })
    }

    async fn list_all(&self, caller: &Caller, request: v1::ListMessagesRequest) -> Result<v1::ListMessagesResponse> {
        let paging = Paging::by_cursor(request.per_page, request.cursor.as_deref())?;
        let tickets =
            request.ticket_id.iter().map(|text| text.parse().map_err(|_| Error::Broken("the gate checks ids")));
        let mut tickets = tickets.collect::<Result<Vec<TicketId>>>()?;
        tickets.sort_unstable();
        tickets.dedup();
        let since = request.created_since.as_ref().map(Timestamp::from);
        // Taken before the snapshot, which therefore sees all writes that had ended by then.
        let settled = settled(&self.db, &self.stamps).await?;
        let until = request.created_until.as_ref().map_or(settled, |until| settled.min(until.into()));
        let mut read = self.db.read(caller.scope()?).await?;
        let of = v1::ListMessagesRequest { cursor: None, per_page: None, ..request };
        let binding = Binding::of("messages", read.tenant(), &of);
        let listing = paging.open(&mut read, binding, self.db.clock().now()).await?;
        let after = match listing.after() {
            Some(key) => key.as_numbered()?,
            None => since.map_or(BEGIN, |since| (since.micros().saturating_sub(1), Uuid::max())),
        };
        let span = MessageSpan { after, until, limit: listing.limit_beyond(), offset: 0 };
        let sizes = store::messages::list::of_tickets(&mut read, &tickets, span).await?;
        let page = &sizes[..sizes.len().min(listing.per_page())];
        let messages = as_many_as_fit(&mut read, page).await?;
        let shown = &page[..messages.len()];
        let meta = listing.cursor_meta(shown, shown.len() < sizes.len(), key);
        Ok(v1::ListMessagesResponse { messages, meta: Some(meta) })
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

fn key(message: &MessageSize) -> Key {
    Key::numbered(message.created_at.micros(), message.id.0)
}

/// Reads a page by cursor, which ends where its answer would become too large.
async fn as_many_as_fit(read: &mut ReadTx, page: &[MessageSize]) -> Result<Vec<v1::Message>> {
    let page = &page[..answer_size::first_that_fit(page, ROOM)];
    let mut messages = answer_size::read(read, page).await?;
    answer_size::cut(&mut messages, ROOM);
    Ok(messages)
}

/// Reads a page by number, whose longest bodies are cut.
async fn all_cut_to_fit(read: &mut ReadTx, page: &[MessageSize]) -> Result<Vec<v1::Message>> {
    let mut messages = answer_size::read(read, page).await?;
    answer_size::fit(&mut messages.iter_mut().collect::<Vec<_>>(), ROOM);
    Ok(messages)
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

    async fn list_messages(
        &self,
        request: Request<v1::ListMessagesRequest>,
    ) -> Result<Response<v1::ListMessagesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.list_all(&caller, request.into_inner()).await?))
    }

    async fn create_ticket_note(
        &self,
        request: Request<v1::CreateTicketNoteRequest>,
    ) -> Result<Response<v1::CreateTicketNoteResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.create_note(&caller, request.into_inner()).await?))
    }
}
