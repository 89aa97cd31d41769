//! API keys: the service by which people and the operator manage them. An API key cannot manage keys. A key is shown
//! once; the store has its hash only.

use crate::{
    audit::Trail,
    auth::{Authority, Scope},
    caller::Caller,
    error::Result,
    page::Page,
    secrets,
    store::{self, Db, TenantScope, Tx, api_keys::ApiKey},
    time_and_chance::Stamps,
    token::{self, TokenKind},
};
use inboxops_proto::{
    admin::v1::{self as pb, api_key_service_server::ApiKeyService},
    clock::Timestamp,
    failure::{Failure, Violation},
    id::ApiKeyId,
    reason::{DetailCode, Reason},
};
use std::{sync::Arc, time::Duration};
use tonic::{Request, Response, Status};

/// Hours that a replaced key still works when the request does not say.
const GRACE_HOURS: u32 = 24;

pub(crate) struct ApiKeys {
    db: Db,
    stamps: Stamps,
    authority: Arc<Authority>,
}

impl ApiKeys {
    /// A service on the store. It tells `authority` to drop cached keys that change.
    pub(crate) fn new(db: Db, stamps: Stamps, authority: Arc<Authority>) -> ApiKeys {
        ApiKeys { db, stamps, authority }
    }

    async fn create(&self, caller: &Caller, request: pb::CreateApiKeyRequest) -> Result<pb::CreateApiKeyResponse> {
        // In the order of the catalogue, each once.
        let is_asked = |scope: &Scope| request.scopes.is_empty() || request.scopes.iter().any(|it| it == scope.name());
        let scopes: Vec<Scope> = Scope::ALL.iter().copied().filter(is_asked).collect();
        let stamp = self.stamps.stamp();
        let expires_at = request.expires_at.as_ref().map(Timestamp::from);
        if expires_at.is_some_and(|at| at <= stamp.at) {
            return Err(Failure::invalid(Violation::new(
                "expires_at",
                DetailCode::OutOfRange,
                "must lie in the future",
            ))
            .into());
        }
        let key = token::make(TokenKind::ApiKey, &self.stamps);
        let scope = caller.scope()?;
        let row = ApiKey {
            id: stamp.ids().next(ApiKeyId::new),
            tenant: scope.tenant(),
            name: request.name.unwrap_or_default(),
            prefix: token::prefix(&key).to_owned(),
            scopes: Scope::list(&scopes),
            created_at: stamp.at,
            last_used_at: None,
            expires_at,
            revoked_at: None,
            replaced_by: None,
            requests_per_minute: request.requests_per_minute,
        };
        let hash = secrets::hash(&key);
        let inserted = row.clone();
        let trail = Trail::of(caller, stamp.at);
        let write = async move |tx: &mut Tx<'_>| {
            store::api_keys::insert(tx, &inserted, hash).await?;
            let share = inserted.requests_per_minute.map(|share| share.to_string());
            let mut facts = vec![("name", inserted.name.as_str()), ("scopes", inserted.scopes.as_str())];
            facts.extend(share.as_deref().map(|share| ("requests_per_minute", share)));
            trail.note(tx, &mut stamp.ids(), "api_key.created", ("api_key", Some(inserted.id.0)), &facts).await
        };
        self.db.write(scope, write).await?;
        Ok(pb::CreateApiKeyResponse { api_key: Some(pb::ApiKey::from(&row)), key: key.to_string() })
    }

    async fn list(&self, caller: &Caller, request: pb::ListApiKeysRequest) -> Result<pb::ListApiKeysResponse> {
        let page = Page::parse(request.page, request.per_page);
        let mut read = self.db.read(caller.scope()?).await?;
        let total = store::api_keys::count(&mut read, request.include_revoked).await?;
        let keys = store::api_keys::list(&mut read, request.include_revoked, page.limit(), page.offset()).await?;
        Ok(pb::ListApiKeysResponse {
            api_keys: keys.iter().map(pb::ApiKey::from).collect(),
            meta: Some(page.meta(total)),
        })
    }

    async fn update(&self, caller: &Caller, request: pb::UpdateApiKeyRequest) -> Result<pb::UpdateApiKeyResponse> {
        let id: ApiKeyId = request.api_key_id.parse().map_err(|_| Reason::ApiKeyNotFound)?;
        let (name, share) = (request.name, request.requests_per_minute);
        let scope = self.scope_of(caller, id).await?;
        let authority = self.authority.clone();
        let stamp = self.stamps.stamp();
        let trail = Trail::of(caller, stamp.at);
        let key = self
            .db
            .write(scope, async move |tx| -> Result<_> {
                let old = store::api_keys::get(tx, id).await?.ok_or(Reason::ApiKeyNotFound)?;
                let changed = store::api_keys::update(tx, id, name.as_deref(), share).await?;
                let key = changed.ok_or(Reason::ApiKeyNotFound)?;
                let (target, mut ids) = (("api_key", Some(id.0)), stamp.ids());
                if key.name != old.name {
                    trail.note(tx, &mut ids, "api_key.renamed", target, &[("name", &key.name)]).await?;
                }
                if key.requests_per_minute != old.requests_per_minute {
                    let share = key.requests_per_minute.map_or("none".to_owned(), |share| share.to_string());
                    let facts = [("name", key.name.as_str()), ("requests_per_minute", &share)];
                    trail.note(tx, &mut ids, "api_key.share_changed", target, &facts).await?;
                }
                let authority = authority.clone();
                tx.after(move || authority.forget());
                Ok(key)
            })
            .await?;
        Ok(pb::UpdateApiKeyResponse { api_key: Some(pb::ApiKey::from(&key)) })
    }

    /// The scope of the tenant that owns the key. The operator may name a key without its tenant.
    async fn scope_of(&self, caller: &Caller, id: ApiKeyId) -> Result<TenantScope> {
        match caller.scope() {
            Err(_) if !caller.is_tenants_own() => {
                let owner = store::api_keys::owner(&self.db, id).await?.ok_or(Reason::ApiKeyNotFound)?;
                Ok(TenantScope::new(owner))
            }
            scope => scope,
        }
    }

    async fn rotate(&self, caller: &Caller, request: pb::RotateApiKeyRequest) -> Result<pb::RotateApiKeyResponse> {
        let id: ApiKeyId = request.api_key_id.parse().map_err(|_| Reason::ApiKeyNotFound)?;
        let scope = self.scope_of(caller, id).await?;
        let key = token::make(TokenKind::ApiKey, &self.stamps);
        let stamp = self.stamps.stamp();
        let hash = secrets::hash(&key);
        let prefix = token::prefix(&key).to_owned();
        let grace = Duration::from_secs(u64::from(request.grace_hours.unwrap_or(GRACE_HOURS)) * 3600);
        let ends = stamp.at.plus(grace);
        let trail = Trail::of(caller, stamp.at);
        let authority = self.authority.clone();
        let write = async move |tx: &mut Tx<'_>| -> Result<_> {
            let old = store::api_keys::get(tx, id).await?.ok_or(Reason::ApiKeyNotFound)?;
            if old.revoked_at.is_some() || old.expires_at.is_some_and(|at| at <= stamp.at) {
                return Err(Failure::new(Reason::Conflict).message("The key has ended; make a new one.").into());
            }
            let mut ids = stamp.ids();
            let new = ApiKey {
                id: ids.next(ApiKeyId::new),
                prefix: prefix.clone(),
                created_at: stamp.at,
                last_used_at: None,
                replaced_by: None,
                ..old
            };
            let replaced = store::api_keys::replace(tx, id, new.id, ends).await?;
            let message = "The key was replaced before.";
            let replaced = replaced.ok_or_else(|| Failure::new(Reason::Conflict).message(message))?;
            store::api_keys::insert(tx, &new, hash).await?;
            let by = new.id.to_string();
            let facts = [("name", new.name.as_str()), ("replaced_by", &by)];
            trail.note(tx, &mut ids, "api_key.rotated", ("api_key", Some(id.0)), &facts).await?;
            let authority = authority.clone();
            tx.after(move || authority.forget());
            Ok((new, replaced))
        };
        let (new, replaced) = self.db.write(scope, write).await?;
        Ok(pb::RotateApiKeyResponse {
            api_key: Some(pb::ApiKey::from(&new)),
            key: key.to_string(),
            replaced: Some(pb::ApiKey::from(&replaced)),
        })
    }

    async fn revoke(&self, caller: &Caller, request: pb::RevokeApiKeyRequest) -> Result<pb::RevokeApiKeyResponse> {
        let id: ApiKeyId = request.api_key_id.parse().map_err(|_| Reason::ApiKeyNotFound)?;
        let scope = self.scope_of(caller, id).await?;
        let stamp = self.stamps.stamp();
        let authority = self.authority.clone();
        let (at, trail) = (stamp.at, Trail::of(caller, stamp.at));
        let key = self
            .db
            .write(scope, async move |tx| -> Result<_> {
                // Revoking again keeps the first time, and is nothing new.
                let old = store::api_keys::get(tx, id).await?.ok_or(Reason::ApiKeyNotFound)?;
                if old.revoked_at.is_some() {
                    return Ok(old);
                }
                let key = store::api_keys::revoke(tx, id, at).await?.ok_or(Reason::ApiKeyNotFound)?;
                let target = ("api_key", Some(id.0));
                trail.note(tx, &mut stamp.ids(), "api_key.revoked", target, &[("name", &key.name)]).await?;
                let authority = authority.clone();
                tx.after(move || authority.forget());
                Ok(key)
            })
            .await?;
        Ok(pb::RevokeApiKeyResponse { api_key: Some(pb::ApiKey::from(&key)) })
    }
}

impl From<&ApiKey> for pb::ApiKey {
    fn from(key: &ApiKey) -> pb::ApiKey {
        pb::ApiKey {
            id: key.id.to_string(),
            name: key.name.clone(),
            key_prefix: key.prefix.clone(),
            scopes: Scope::parse_list(&key.scopes).into_iter().map(|scope| scope.name().to_owned()).collect(),
            created_at: Some(key.created_at.into()),
            last_used_at: key.last_used_at.map(Into::into),
            expires_at: key.expires_at.map(Into::into),
            revoked_at: key.revoked_at.map(Into::into),
            replaced_by: key.replaced_by.map(|id| id.to_string()),
            requests_per_minute: key.requests_per_minute,
        }
    }
}

#[tonic::async_trait]
impl ApiKeyService for ApiKeys {
    async fn create_api_key(
        &self,
        request: Request<pb::CreateApiKeyRequest>,
    ) -> Result<Response<pb::CreateApiKeyResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.create(&caller, request.into_inner()).await?))
    }

    async fn list_api_keys(
        &self,
        request: Request<pb::ListApiKeysRequest>,
    ) -> Result<Response<pb::ListApiKeysResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.list(&caller, request.into_inner()).await?))
    }

    async fn update_api_key(
        &self,
        request: Request<pb::UpdateApiKeyRequest>,
    ) -> Result<Response<pb::UpdateApiKeyResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.update(&caller, request.into_inner()).await?))
    }

    async fn rotate_api_key(
        &self,
        request: Request<pb::RotateApiKeyRequest>,
    ) -> Result<Response<pb::RotateApiKeyResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.rotate(&caller, request.into_inner()).await?))
    }

    async fn revoke_api_key(
        &self,
        request: Request<pb::RevokeApiKeyRequest>,
    ) -> Result<Response<pb::RevokeApiKeyResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.revoke(&caller, request.into_inner()).await?))
    }
}
