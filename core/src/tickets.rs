//! Tickets: the service that lists, opens and changes them. A request reads top to bottom: caller, input, load, decide,
//! write. It knows its rules (`tickets/rules.rs`) and its rows, and nothing about REST.

mod included;
mod rules;

pub(crate) use rules::{Action, Change, MessageInEvent};

use crate::{
    caller::{Caller, Who},
    error::{Error, Result},
    events::emit,
    listing::{Binding, Key, Paging},
    store::{
        self, Db, Tx,
        inboxes::InboxState,
        tickets::{After, AssigneeFilter, Channel, Filter, Lookup, Priority, Sort, Status, Ticket, TicketRef},
    },
    time_and_chance::Stamps,
};
use inboxops_proto::{
    clock::Timestamp,
    failure::{Failure, Violation},
    id::{AgentId, InboxId, TicketId},
    reason::{DetailCode, Reason},
    v1::{self, ticket_service_server::TicketService},
};
use tonic::{Request, Response, Status as RpcStatus};

pub(crate) struct Tickets {
    db: Db,
    lookup: Lookup,
    stamps: Stamps,
}

impl TicketRef {
    /// Parses a path segment: a UUID in any letter case, or a decimal number in canonical form. Anything else names no
    /// ticket.
    pub(crate) fn parse(text: &str) -> Result<TicketRef> {
        let number = || {
            let shown = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| shown).map(TicketRef::Number)
        };
        text.parse().ok().map(TicketRef::Id).or_else(number).ok_or_else(|| Reason::TicketNotFound.into())
    }
}

impl Tickets {
    pub(crate) fn new(db: Db, stamps: Stamps) -> Tickets {
        Tickets { lookup: Lookup::new(db.clone()), db, stamps }
    }

    async fn list(&self, caller: &Caller, mut request: v1::ListTicketsRequest) -> Result<v1::ListTicketsResponse> {
        let with_messages = !std::mem::take(&mut request.include).is_empty();
        let cursor = request.cursor.take();
        let paging = Paging::parse(request.page.take(), request.per_page.take(), cursor.as_deref())?;
        let scope = caller.scope()?;
        let binding = Binding::of("tickets", scope.tenant(), &request);
        let mut filter = filter(request)?;
        let follows = filter.updated_since.is_some();
        if follows {
            // Taken before the snapshot, which therefore sees all writes that had ended by then.
            let settled = settled(&self.db, &self.stamps).await?;
            filter.updated_until = Some(filter.updated_until.map_or(settled, |until| until.min(settled)));
        }
        let mut read = self.db.read(scope).await?;
        let listing = paging.open(&mut read, binding, self.db.clock().now()).await?;
        let mut listed = match listing.after().map(Key::as_numbered).transpose()? {
            None => store::tickets::list(&mut read, &filter, listing.limit(), listing.offset()).await?,
            Some((key, id)) => {
                store::tickets::list_after(&mut read, &filter, listing.limit(), After { key, id }).await?
            }
        };
        let all = listed.tickets.len();
        listed.tickets.truncate(listing.per_page());
        let tickets = if with_messages {
            included::with_messages(&mut read, &listed.tickets, listing.after().is_some()).await?
        } else {
            listed.tickets.iter().map(v1::Ticket::from).collect()
        };
        let shown = &listed.tickets[..tickets.len()];
        let key = |ticket: &Ticket| Key::numbered(filter.sort.key_of(ticket), ticket.id.0);
        let meta = listing.meta_of(shown, shown.len() < all, listed.total, key);
        let safe_since = filter.updated_until.filter(|_| follows).map(Into::into);
        Ok(v1::ListTicketsResponse { tickets, meta: Some(v1::PageMeta { safe_since, ..meta }) })
    }

    async fn get(&self, caller: &Caller, request: v1::GetTicketRequest) -> Result<v1::GetTicketResponse> {
        let named = TicketRef::parse(&request.ticket_id)?;
        let ticket = self.lookup.find(caller.scope()?, named).await?.ok_or(Reason::TicketNotFound)?;
        Ok(v1::GetTicketResponse { ticket: Some(v1::Ticket::from(&ticket)) })
    }

    async fn create(&self, caller: &Caller, request: v1::CreateTicketRequest) -> Result<v1::CreateTicketResponse> {
        let new = NewTicket::parse(request, caller)?;
        let stamp = self.stamps.stamp();
        let actor = caller.actor();
        let write = caller.write(&self.db, async move |tx| {
            check_references(tx, Some(new.inbox), new.assignee).await?;
            let mut ids = stamp.ids();
            let ticket = Ticket {
                id: ids.next(TicketId::new),
                number: store::tickets::next_number(tx).await?,
                ..new.ticket(tx.tenant(), stamp.at)
            };
            let action = Action { actor: &actor, at: stamp.at };
            let events = action.opened(&ticket, &mut ids)?;
            store::tickets::insert(tx, &ticket);
            emit(tx, events, ticket.inbox, stamp.at);
            Ok(v1::CreateTicketResponse { ticket: Some(v1::Ticket::from(&ticket)) })
        });
        write.await
    }

    async fn update(&self, caller: &Caller, request: v1::UpdateTicketRequest) -> Result<v1::UpdateTicketResponse> {
        let named = TicketRef::parse(&request.ticket_id)?;
        let change = Change::parse(request.ticket.unwrap_or_default(), request.update_mask)?;
        let stamp = self.stamps.stamp();
        let actor = caller.actor();
        let expected = caller.expected();
        let write = caller.write(&self.db, async move |tx| {
            let answer = |ticket| v1::UpdateTicketResponse { ticket: Some(v1::Ticket::from(ticket)) };
            let old = store::tickets::lock(tx, named).await?.ok_or(Reason::TicketNotFound)?;
            expected.check(old.version)?;
            let inbox = change.inbox.filter(|inbox| *inbox != old.inbox);
            check_references(tx, inbox, change.assignee.flatten()).await?;
            let Some(new) = old.apply(&change, stamp.at) else { return Ok(answer(&old)) };
            let events = Action { actor: &actor, at: stamp.at }.changed(&old, &new, &mut stamp.ids())?;
            store::tickets::update(tx, &old, &new).await?;
            emit(tx, events, new.inbox, stamp.at);
            Ok(answer(&new))
        });
        write.await
    }
}

/// The time before which all writes have ended, of this core and of others.
pub(crate) async fn settled(db: &Db, stamps: &Stamps) -> Result<Timestamp> {
    let own = stamps.settled();
    if !db.is_shared() {
        return Ok(own);
    }
    Ok(store::cores::settled(db).await?.map_or(own, |(first, _)| own.min(first)))
}

/// Checks that everything a ticket refers to exists in its tenant and can be used.
async fn check_references(tx: &mut Tx<'_>, inbox: Option<InboxId>, assignee: Option<AgentId>) -> Result<()> {
    let mut violations = Vec::new();
    if let Some(inbox) = inbox {
        match store::inboxes::state(tx, inbox).await? {
            None => violations.push(Violation::dangling("inbox_id")),
            Some(InboxState::Disabled) => {
                violations.push(Violation::new(
                    "inbox_id",
                    DetailCode::InboxDisabled,
                    "is disabled and takes no tickets",
                ));
            }
            Some(_) => {}
        }
    }
    if let Some(assignee) = assignee
        && !store::agents::exists(tx, assignee).await?
    {
        violations.push(Violation::dangling("assignee_id"));
    }
    if violations.is_empty() { Ok(()) } else { Err(Failure::violations(Reason::ValidationFailed, violations).into()) }
}

struct NewTicket {
    subject: String,
    inbox: InboxId,
    priority: Priority,
    assignee: Option<AgentId>,
    channel: Channel,
}

impl NewTicket {
    fn parse(request: v1::CreateTicketRequest, caller: &Caller) -> Result<NewTicket> {
        Ok(NewTicket {
            subject: request.subject.unwrap_or_default(),
            inbox: id(request.inbox_id.as_deref().unwrap_or_default())?,
            priority: request.priority.map_or(Ok(Priority::Normal), priority)?,
            assignee: request.assignee_id.as_deref().map(id).transpose()?,
            channel: if matches!(caller.who(), Who::Agent { .. }) { Channel::Web } else { Channel::Api },
        })
    }

    fn ticket(&self, tenant: inboxops_proto::id::TenantId, at: Timestamp) -> Ticket {
        Ticket {
            tenant,
            subject: self.subject.clone(),
            priority: self.priority,
            inbox: self.inbox,
            assignee: self.assignee,
            channel: self.channel,
            ..Ticket::blank(at)
        }
    }
}

impl Change {
    /// The members that the mask names; without a mask, those that are set.
    fn parse(ticket: v1::TicketChanges, mask: Option<prost_types::FieldMask>) -> Result<Change> {
        let named =
            |name: &str, set: bool| mask.as_ref().map_or(set, |mask| mask.paths.iter().any(|path| path == name));
        let known = ["subject", "status", "priority", "assignee_id", "inbox_id"];
        if let Some(path) = mask.iter().flat_map(|mask| &mask.paths).find(|path| !known.contains(&path.as_str())) {
            return Err(Failure::invalid(Violation::new(
                path,
                DetailCode::UnknownField,
                "is not a member that can be changed",
            ))
            .into());
        }
        let required = |name: &'static str| Error::from(Failure::invalid(Violation::required(name)));
        let mut change = Change::default();
        if named("subject", ticket.subject.is_some()) {
            change.subject = Some(ticket.subject.ok_or_else(|| required("subject"))?);
        }
        if named("status", ticket.status.is_some()) {
            change.status = Some(status(ticket.status.ok_or_else(|| required("status"))?)?);
        }
        if named("priority", ticket.priority.is_some()) {
            change.priority = Some(priority(ticket.priority.ok_or_else(|| required("priority"))?)?);
        }
        if named("assignee_id", ticket.assignee_id.is_some()) {
            change.assignee = Some(ticket.assignee_id.as_deref().map(id).transpose()?);
        }
        if named("inbox_id", ticket.inbox_id.is_some()) {
            change.inbox = Some(id(ticket.inbox_id.as_deref().ok_or_else(|| required("inbox_id"))?)?);
        }
        Ok(change)
    }
}

fn filter(request: v1::ListTicketsRequest) -> Result<Filter> {
    let assignees = request.assignee_id.iter().map(|text| match text.as_str() {
        "none" => Ok(AssigneeFilter::Nobody),
        text => id(text).map(AssigneeFilter::Agent),
    });
    Ok(Filter {
        ids: request.ids.iter().map(|text| id(text)).collect::<Result<_>>()?,
        status: request.status.into_iter().map(status).collect::<Result<_>>()?,
        inbox: request.inbox_id.iter().map(|text| id(text)).collect::<Result<_>>()?,
        assignee: assignees.collect::<Result<_>>()?,
        priority: request.priority.into_iter().map(priority).collect::<Result<_>>()?,
        tag: request.tag,
        requester_email: request.requester_email,
        subject_contains: request.q,
        created_since: request.created_since.as_ref().map(Timestamp::from),
        updated_since: request.updated_since.as_ref().map(Timestamp::from),
        updated_until: request.updated_until.as_ref().map(Timestamp::from),
        sort: request
            .sort
            .as_deref()
            .map_or(Some(Sort::default()), Sort::parse)
            .ok_or(Error::Broken("the gate checks `sort`"))?,
    })
}

fn id<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::Broken("the gate checks ids"))
}

fn status(code: i32) -> Result<Status> {
    Status::from_code(code).ok_or(Error::Broken("the gate checks enums"))
}

fn priority(code: i32) -> Result<Priority> {
    Priority::from_code(code).ok_or(Error::Broken("the gate checks enums"))
}

impl From<&Ticket> for v1::Ticket {
    fn from(ticket: &Ticket) -> v1::Ticket {
        let requester =
            ticket.requester.as_ref().map(|it| v1::Requester { name: it.name.clone(), email: it.email.clone() });
        let tags = ticket.tags.iter().map(|tag| v1::TagRef { id: tag.id.to_string(), name: tag.name.clone() });
        v1::Ticket {
            id: ticket.id.to_string(),
            ticket_number: ticket.number,
            subject: ticket.subject.clone(),
            status: ticket.status.code().into(),
            priority: ticket.priority.code().into(),
            inbox_id: ticket.inbox.to_string(),
            assignee_id: ticket.assignee.map(String::from),
            requester,
            tags: tags.collect(),
            channel: ticket.channel.code().into(),
            message_count: ticket.message_count,
            last_message_at: ticket.last_message_at.map(Into::into),
            created_at: Some(ticket.created_at.into()),
            updated_at: Some(ticket.updated_at.into()),
            solved_at: ticket.solved_at.map(Into::into),
            closed_at: ticket.closed_at.map(Into::into),
            version: ticket.version,
            messages: None,
            messages_truncated: None,
        }
    }
}

#[tonic::async_trait]
impl TicketService for Tickets {
    async fn list_tickets(
        &self,
        request: Request<v1::ListTicketsRequest>,
    ) -> Result<Response<v1::ListTicketsResponse>, RpcStatus> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.list(&caller, request.into_inner()).await?))
    }

    async fn get_ticket(
        &self,
        request: Request<v1::GetTicketRequest>,
    ) -> Result<Response<v1::GetTicketResponse>, RpcStatus> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.get(&caller, request.into_inner()).await?))
    }

    async fn create_ticket(
        &self,
        request: Request<v1::CreateTicketRequest>,
    ) -> Result<Response<v1::CreateTicketResponse>, RpcStatus> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.create(&caller, request.into_inner()).await?))
    }

    async fn update_ticket(
        &self,
        request: Request<v1::UpdateTicketRequest>,
    ) -> Result<Response<v1::UpdateTicketResponse>, RpcStatus> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.update(&caller, request.into_inner()).await?))
    }
}
