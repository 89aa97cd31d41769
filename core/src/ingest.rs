//! Ingest: the service by which the operator's programs record received mails, sent replies and errors of inboxes.
//! Recording something twice changes nothing. `ingest/raw.rs` parses a mail, `ingest/inbound.rs` decides what it does
//! to tickets.

mod inbound;
mod mail;
mod raw;
mod reply;
mod thread;

use crate::{
    auth::Authority,
    caller::{Caller, named_tenant},
    error::{Error, Result},
    events::{Group, Kind, Subject, emit},
    store::{
        self, Db, Queue, SystemTx, Tx,
        inboxes::{Inbox, InboxError},
        messages::Message,
        tickets::{Ticket, TicketRef},
    },
    time_and_chance::Stamps,
};
use inbound::Inbound;
use inboxops_proto::{
    failure::{Failure, Violation},
    id::{GroupId, InboxId, TenantId, TicketId},
    internal::v1::{self as pb, ingest_service_server::IngestService},
    reason::Reason,
    v1,
};
pub use raw::ids as mail_ids;
use reply::Reply;
use std::sync::Arc;
use tonic::{Request, Response, Status};
#[cfg(any(test, fuzzing))]
pub(crate) use {mail::Mail, raw::read};

/// Mails of at least this size, in bytes, are parsed on a blocking thread, where they delay nobody else.
const LONG_READ_BYTES: usize = 64 * 1024;

pub(crate) struct Ingest {
    db: Db,
    stamps: Stamps,
    authority: Arc<Authority>,
}

/// Names an inbox: by id or by its address.
enum InboxRef {
    Id(InboxId),
    Address(String),
}

impl InboxRef {
    fn parse(id: &str, address: &str) -> Result<InboxRef> {
        match (id.is_empty(), address.trim()) {
            (false, _) => Ok(InboxRef::Id(id.parse().map_err(|_| Reason::InboxNotFound)?)),
            (true, "") => Err(Failure::invalid(Violation::required("inbox_id")).into()),
            (true, address) => Ok(InboxRef::Address(address.to_owned())),
        }
    }

    async fn find(&self, tx: &mut Tx<'_>) -> Result<Inbox> {
        let inbox = match self {
            InboxRef::Id(id) => store::inboxes::get(tx, *id).await?,
            InboxRef::Address(address) => match store::inboxes::by_address(tx, address).await? {
                Some(inbox) => Some(inbox),
                // A mail server may pass on `support+t42@…` as it is.
                None => match thread::without_tag(address) {
                    Some(address) => store::inboxes::by_address(tx, &address).await?,
                    None => None,
                },
            },
        };
        inbox.ok_or_else(|| Reason::InboxNotFound.into())
    }

    async fn lock(&self, tx: &mut Tx<'_>) -> Result<Inbox> {
        let id = match self {
            InboxRef::Id(id) => *id,
            InboxRef::Address(_) => self.find(tx).await?.id,
        };
        store::inboxes::lock(tx, id).await?.ok_or_else(|| Reason::InboxNotFound.into())
    }
}

impl Ingest {
    /// On the store; `authority` knows the tenants.
    pub(crate) fn new(db: Db, stamps: Stamps, authority: Arc<Authority>) -> Ingest {
        Ingest { db, stamps, authority }
    }

    /// The tenant that a request names, in the message or in its metadata. A suspended tenant still gets its mail.
    async fn tenant(&self, caller: &Caller, named: &str) -> Result<TenantId> {
        let id = if named.is_empty() { caller.scope()?.tenant() } else { named_tenant(named)? };
        Ok(self.authority.tenant(id).await?.ok_or(Reason::TenantNotFound)?.id)
    }

    /// Writes for a tenant, whoever calls.
    async fn write<T: Send + 'static>(
        &self,
        tenant: TenantId,
        decide: impl AsyncFn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let entered = async move |tx: &mut SystemTx<'_>| decide(&mut tx.enter(tenant)).await;
        self.db.decide(Queue::Tenant(tenant), entered).await
    }

    /// Records a mail; if `ticket` is given, in that ticket.
    pub(crate) async fn inbound(
        &self,
        caller: &Caller,
        request: pb::IngestInboundMessageRequest,
        ticket: Option<TicketId>,
    ) -> Result<pb::IngestInboundMessageResponse> {
        let tenant = self.tenant(caller, &request.tenant_id).await?;
        let inbox = InboxRef::parse(&request.inbox_id, &request.inbox_address)?;
        let stamp = self.stamps.stamp();
        let inbound = match request.raw.len() {
            0..LONG_READ_BYTES => Inbound::read(request, ticket, stamp)?,
            _ => tokio::task::spawn_blocking(move || Inbound::read(request, ticket, stamp))
                .await
                .map_err(|_| Error::Broken("reading a mail does not panic"))??,
        };
        let record = async move |tx: &mut Tx<'_>| {
            let inbox = inbox.find(tx).await?;
            inbound.record(tx, inbox).await
        };
        let recorded = self.write(tenant, record).await?;
        Ok(pb::IngestInboundMessageResponse {
            ticket: Some(v1::Ticket::from(&recorded.ticket)),
            message: Some(v1::Message::from(&recorded.message)),
            duplicate: recorded.duplicate,
            opened: recorded.opened,
            reopened: recorded.reopened,
            automatic: recorded.automatic,
        })
    }

    async fn reply(&self, caller: &Caller, request: pb::RecordSentReplyRequest) -> Result<pb::RecordSentReplyResponse> {
        let tenant = self.tenant(caller, &request.tenant_id).await?;
        let reply = Reply::parse(request, caller.actor(), self.stamps.stamp())?;
        let (ticket, message, duplicate) =
            self.write(tenant, async move |tx: &mut Tx<'_>| reply.record(tx).await).await?;
        Ok(pb::RecordSentReplyResponse {
            ticket: Some(v1::Ticket::from(&ticket)),
            message: Some(v1::Message::from(&message)),
            duplicate,
        })
    }

    async fn fails(
        &self,
        caller: &Caller,
        request: pb::ReportInboxErrorRequest,
    ) -> Result<pb::ReportInboxErrorResponse> {
        let tenant = self.tenant(caller, &request.tenant_id).await?;
        let named = InboxRef::parse(&request.inbox_id, &request.inbox_address)?;
        let code = request.code.unwrap_or_default();
        let message = request.message.unwrap_or_default();
        let stamp = self.stamps.stamp();
        let actor = caller.actor();
        let report = async move |tx: &mut Tx<'_>| {
            let old = named.lock(tx).await?;
            if old.error.as_ref().is_some_and(|error| error.code == code) {
                return Ok((old, false));
            }
            // It has failed since it last worked, whatever the first error was.
            let since = old.error.as_ref().map_or(stamp.at, |error| error.since);
            let error = InboxError { code: code.clone(), message: message.clone(), since };
            let new = Inbox { error: Some(error), updated_at: old.updated_at.max(stamp.at), ..old };
            let shown = v1::Inbox::from(&new);
            let mut ids = stamp.ids();
            let group = Group { tenant, at: stamp.at, actor: &actor, id: ids.next(GroupId::new) };
            let subject = Subject { inbox: Some(&shown), error: shown.error.as_ref(), ..Subject::default() };
            let event = group.render(Kind::InboxError, &subject, &mut ids)?;
            store::inboxes::update(tx, &new).await?;
            emit(tx, vec![event], new.id, stamp.at);
            Ok((new, true))
        };
        let (inbox, changed) = self.write(tenant, report).await?;
        Ok(pb::ReportInboxErrorResponse { inbox: Some(v1::Inbox::from(&inbox)), changed })
    }

    async fn works(
        &self,
        caller: &Caller,
        request: pb::ResolveInboxErrorRequest,
    ) -> Result<pb::ResolveInboxErrorResponse> {
        let tenant = self.tenant(caller, &request.tenant_id).await?;
        let named = InboxRef::parse(&request.inbox_id, &request.inbox_address)?;
        let at = self.stamps.now();
        let resolve = async move |tx: &mut Tx<'_>| {
            let old = named.lock(tx).await?;
            if old.error.is_none() {
                return Ok((old, false));
            }
            let new = Inbox { error: None, updated_at: old.updated_at.max(at), ..old };
            store::inboxes::update(tx, &new).await?;
            Ok((new, true))
        };
        let (inbox, changed) = self.write(tenant, resolve).await?;
        Ok(pb::ResolveInboxErrorResponse { inbox: Some(v1::Inbox::from(&inbox)), changed })
    }
}

/// The ticket of a message that was recorded earlier.
async fn ticket_of(tx: &mut Tx<'_>, message: &Message) -> Result<Ticket> {
    let ticket = store::tickets::lock(tx, TicketRef::Id(message.ticket)).await?;
    ticket.ok_or(Error::Broken("a message has its ticket"))
}

#[tonic::async_trait]
impl IngestService for Ingest {
    async fn ingest_inbound_message(
        &self,
        request: Request<pb::IngestInboundMessageRequest>,
    ) -> Result<Response<pb::IngestInboundMessageResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.inbound(&caller, request.into_inner(), None).await?))
    }

    async fn record_sent_reply(
        &self,
        request: Request<pb::RecordSentReplyRequest>,
    ) -> Result<Response<pb::RecordSentReplyResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.reply(&caller, request.into_inner()).await?))
    }

    async fn report_inbox_error(
        &self,
        request: Request<pb::ReportInboxErrorRequest>,
    ) -> Result<Response<pb::ReportInboxErrorResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.fails(&caller, request.into_inner()).await?))
    }

    async fn resolve_inbox_error(
        &self,
        request: Request<pb::ResolveInboxErrorRequest>,
    ) -> Result<Response<pb::ResolveInboxErrorResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.works(&caller, request.into_inner()).await?))
    }
}
