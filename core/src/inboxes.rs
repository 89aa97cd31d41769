//! Inboxes: the service that lists and shows the inboxes of a tenant.

use crate::{
    caller::Caller,
    error::Result,
    listing::{Binding, Key, Paging},
    store::{
        self, Db,
        inboxes::{Inbox, SharedAddress},
    },
};
use inboxops_proto::{
    id::InboxId,
    reason::Reason,
    v1::{self, inbox_service_server::InboxService},
};
use tonic::{Request, Response, Status};

/// Greatest number of inboxes with a shared address that are logged at a start.
const SHARED_MAX: i64 = 1000;

/// Logs which inboxes share an address, as earlier releases allowed. All of them work, and the oldest gets the mails
/// that name the address alone.
pub(crate) async fn tell_shared(db: &Db) {
    match store::inboxes::shared_addresses(db, SHARED_MAX).await {
        Ok(shared) => {
            for SharedAddress { tenant, address, inboxes } in shared {
                let inboxes: Vec<String> = inboxes.iter().map(ToString::to_string).collect();
                let inboxes = inboxes.join(" ");
                tracing::warn!(
                    %tenant, address, inboxes,
                    "inboxes share the address {address}: the first gets its mails; give each other one its own"
                );
            }
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot look for inboxes that share an address");
        }
    }
}

pub(crate) struct Inboxes {
    db: Db,
}

impl Inboxes {
    pub(crate) fn new(db: Db) -> Inboxes {
        Inboxes { db }
    }

    async fn list(&self, caller: &Caller, request: v1::ListInboxesRequest) -> Result<v1::ListInboxesResponse> {
        let paging = Paging::parse(request.page, request.per_page, request.cursor.as_deref())?;
        let mut read = self.db.read(caller.scope()?).await?;
        let binding = Binding::of("inboxes", read.tenant(), &());
        let listing = paging.open(&mut read, binding, self.db.clock().now()).await?;
        let total = store::inboxes::count(&mut read).await?;
        let mut inboxes = store::inboxes::list(&mut read, listing.named()?).await?;
        let meta = listing.meta(&mut inboxes, total, |it| Key::named(&store::fold(&it.name), it.id.0));
        Ok(v1::ListInboxesResponse { inboxes: inboxes.iter().map(v1::Inbox::from).collect(), meta: Some(meta) })
    }

    async fn get(&self, caller: &Caller, request: v1::GetInboxRequest) -> Result<v1::GetInboxResponse> {
        let id: InboxId = request.inbox_id.parse().map_err(|_| Reason::InboxNotFound)?;
        let mut read = self.db.read(caller.scope()?).await?;
        let inbox = store::inboxes::get(&mut read, id).await?.ok_or(Reason::InboxNotFound)?;
        Ok(v1::GetInboxResponse { inbox: Some(v1::Inbox::from(&inbox)) })
    }
}

impl From<&Inbox> for v1::Inbox {
    fn from(inbox: &Inbox) -> v1::Inbox {
        let error = inbox.error.as_ref().map(|error| v1::InboxError {
            code: error.code.clone(),
            message: error.message.clone(),
            since: Some(error.since.into()),
        });
        v1::Inbox {
            id: inbox.id.to_string(),
            name: inbox.name.clone(),
            email_address: inbox.email_address.clone(),
            channel: inbox.channel.code().into(),
            status: inbox.state().code().into(),
            error,
            created_at: Some(inbox.created_at.into()),
            updated_at: Some(inbox.updated_at.into()),
        }
    }
}

#[tonic::async_trait]
impl InboxService for Inboxes {
    async fn list_inboxes(
        &self,
        request: Request<v1::ListInboxesRequest>,
    ) -> Result<Response<v1::ListInboxesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.list(&caller, request.into_inner()).await?))
    }

    async fn get_inbox(&self, request: Request<v1::GetInboxRequest>) -> Result<Response<v1::GetInboxResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.get(&caller, request.into_inner()).await?))
    }
}
