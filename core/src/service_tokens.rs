//! Service tokens: the service by which the operator makes, lists and ends the credentials of internal programs, edges
//! and workers.

use crate::{
    audit::Trail,
    auth::Authority,
    caller::Caller,
    error::Result,
    page::Page,
    secrets,
    store::{self, Db, Queue, SystemTx, service_tokens::ServiceToken},
    time_and_chance::Stamps,
    token::{self, TokenKind},
};
use inboxops_proto::{
    failure::Failure,
    id::ServiceTokenId,
    internal::v1::{self as pb, service_token_service_server::ServiceTokenService},
    reason::Reason,
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(crate) struct ServiceTokens {
    db: Db,
    stamps: Stamps,
    authority: Arc<Authority>,
}

impl ServiceTokens {
    /// A service on the store. It tells `authority` to drop cached tokens that end.
    pub(crate) fn new(db: Db, stamps: Stamps, authority: Arc<Authority>) -> ServiceTokens {
        ServiceTokens { db, stamps, authority }
    }

    async fn create(
        &self,
        caller: &Caller,
        request: pb::CreateServiceTokenRequest,
    ) -> Result<pb::CreateServiceTokenResponse> {
        let stamp = self.stamps.stamp();
        let trail = Trail::of(caller, stamp.at);
        let token = token::make(TokenKind::Service, &self.stamps);
        let row = ServiceToken {
            id: stamp.ids().next(ServiceTokenId::new),
            name: request.name.unwrap_or_default(),
            dispatch_only: request.dispatch_only,
            created_at: stamp.at,
            revoked_at: None,
        };
        let inserted = row.clone();
        let hash = secrets::hash(&token);
        let write = async move |tx: &mut SystemTx<'_>| {
            store::service_tokens::insert(tx, &inserted, hash).await?;
            let target = ("service_token", Some(inserted.id.0));
            let facts = [("name", inserted.name.as_str())];
            trail.note_for_nobody(tx, &mut stamp.ids(), "service_token.created", target, &facts).await
        };
        self.db.system(Queue::Claims, write).await?;
        Ok(pb::CreateServiceTokenResponse {
            service_token: Some(pb::ServiceToken::from(&row)),
            token: token.to_string(),
        })
    }

    async fn list(&self, request: pb::ListServiceTokensRequest) -> Result<pb::ListServiceTokensResponse> {
        let page = Page::parse(request.page, request.per_page);
        let (tokens, total) =
            store::service_tokens::list(&self.db, request.include_revoked, page.limit(), page.offset()).await?;
        Ok(pb::ListServiceTokensResponse {
            service_tokens: tokens.iter().map(pb::ServiceToken::from).collect(),
            meta: Some(page.meta(total)),
        })
    }

    async fn revoke(
        &self,
        caller: &Caller,
        request: pb::RevokeServiceTokenRequest,
    ) -> Result<pb::RevokeServiceTokenResponse> {
        let id: ServiceTokenId = request.service_token_id.parse().map_err(|_| unknown())?;
        let stamp = self.stamps.stamp();
        let trail = Trail::of(caller, stamp.at);
        let authority = self.authority.clone();
        let write = async move |tx: &mut SystemTx<'_>| -> store::Result<_> {
            let Some(token) = store::service_tokens::revoke(tx, id, stamp.at).await? else { return Ok(None) };
            let (target, facts) = (("service_token", Some(id.0)), [("name", token.name.as_str())]);
            trail.note_for_nobody(tx, &mut stamp.ids(), "service_token.revoked", target, &facts).await?;
            let authority = authority.clone();
            tx.after(move || authority.forget());
            Ok(Some(token))
        };
        let token = match self.db.system(Queue::Claims, write).await? {
            Some(token) => token,
            // Revoking again keeps the first time, and is nothing new.
            None => store::service_tokens::find(&self.db, id).await?.ok_or_else(unknown)?,
        };
        Ok(pb::RevokeServiceTokenResponse { service_token: Some(pb::ServiceToken::from(&token)) })
    }
}

fn unknown() -> Failure {
    Failure::new(Reason::ApiKeyNotFound).message("No such service token.")
}

impl From<&ServiceToken> for pb::ServiceToken {
    fn from(token: &ServiceToken) -> pb::ServiceToken {
        pb::ServiceToken {
            id: token.id.to_string(),
            name: token.name.clone(),
            dispatch_only: token.dispatch_only,
            created_at: Some(token.created_at.into()),
            revoked_at: token.revoked_at.map(Into::into),
        }
    }
}

#[tonic::async_trait]
impl ServiceTokenService for ServiceTokens {
    async fn create_service_token(
        &self,
        request: Request<pb::CreateServiceTokenRequest>,
    ) -> Result<Response<pb::CreateServiceTokenResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.create(&caller, request.into_inner()).await?))
    }

    async fn list_service_tokens(
        &self,
        request: Request<pb::ListServiceTokensRequest>,
    ) -> Result<Response<pb::ListServiceTokensResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn revoke_service_token(
        &self,
        request: Request<pb::RevokeServiceTokenRequest>,
    ) -> Result<Response<pb::RevokeServiceTokenResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.revoke(&caller, request.into_inner()).await?))
    }
}
