//! Service tokens: the service by which the operator makes credentials for internal programs, edges and workers.

use crate::{
    error::Result,
    secrets,
    store::{self, Db, Queue, service_tokens::ServiceToken},
    time_and_chance::Stamps,
    token::{self, TokenKind},
};
use inboxops_proto::{
    id::ServiceTokenId,
    internal::v1::{self as pb, service_token_service_server::ServiceTokenService},
};
use tonic::{Request, Response, Status};

pub(crate) struct ServiceTokens {
    db: Db,
    stamps: Stamps,
}

impl ServiceTokens {
    pub(crate) fn new(db: Db, stamps: Stamps) -> ServiceTokens {
        ServiceTokens { db, stamps }
    }

    async fn create(&self, request: pb::CreateServiceTokenRequest) -> Result<pb::CreateServiceTokenResponse> {
        let stamp = self.stamps.stamp();
        let token = token::make(TokenKind::Service, &self.stamps);
        let row = ServiceToken {
            id: stamp.ids().next(ServiceTokenId::new),
            name: request.name.unwrap_or_default(),
            dispatch_only: request.dispatch_only,
            created_at: stamp.at,
        };
        let inserted = row.clone();
        let hash = secrets::hash(&token);
        self.db.system(Queue::Claims, async move |tx| store::service_tokens::insert(tx, &inserted, hash).await).await?;
        let service_token = pb::ServiceToken {
            id: row.id.to_string(),
            name: row.name,
            dispatch_only: row.dispatch_only,
            created_at: Some(row.created_at.into()),
        };
        Ok(pb::CreateServiceTokenResponse { service_token: Some(service_token), token: token.to_string() })
    }
}

#[tonic::async_trait]
impl ServiceTokenService for ServiceTokens {
    async fn create_service_token(
        &self,
        request: Request<pb::CreateServiceTokenRequest>,
    ) -> Result<Response<pb::CreateServiceTokenResponse>, Status> {
        Ok(Response::new(self.create(request.into_inner()).await?))
    }
}
