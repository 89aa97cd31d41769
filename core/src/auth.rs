//! The core's gate: authenticates callers, limits their rate and decides whether they may call. Every call passes it,
//! and refusals come in the order of the contract: authentication, rate limit, entitlement, scope or role. It knows RPCs
//! by their policy only.

use crate::{
    cache::Cache,
    caller::{Caller, Who},
    error::{Error, Result},
    idempotency::Repetitions,
    limits::{FailedAuth, RateLimitState, Refusals, Windows},
    plan::{self, Entitlement},
    secrets::{self, MasterKey},
    store::{self, Db, TenantScope},
    time_and_chance::Stamps,
    token::{self, TokenKind},
};
use inboxops_proto::{
    clock::Timestamp,
    failure::Failure,
    gate::{self, Admission, AnyScope, Gate, Named, Policy, Repetition, Rpc},
    id::{ApiKeyId, TenantId},
    reason::Reason,
    wire::{self, Origin, Way},
};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU32},
    time::Duration,
};
use tonic::{Extensions, metadata::MetadataMap};

pub(crate) mod facts;
mod rate;
mod scope;
mod sessions;
mod words;

pub(crate) use facts::{KeyFacts, SESSION_LIFE, SessionFacts, TenantFacts, TokenFacts, session_ends};
pub(crate) use scope::Scope;

/// Longest time that a cached key is trusted when this process is the only one that can change it.
const KEEP: Duration = Duration::from_secs(5);
/// The same when another process may change it.
const KEEP_SHARED: Duration = Duration::from_secs(1);

/// The gate of the core.
pub(crate) struct Authority {
    db: Db,
    stamps: Stamps,
    settings: Limits,
    keys: Cache<[u8; 32], Arc<KeyFacts>>,
    tokens: Cache<[u8; 32], Arc<TokenFacts>>,
    tenants: Cache<TenantId, Arc<TenantFacts>>,
    sessions: sessions::Sessions,
    windows: Windows,
    refusals: Refusals,
    failed: FailedAuth,
    used: Mutex<HashMap<ApiKeyId, Timestamp>>,
    live_cores: Arc<AtomicU32>,
    repetitions: Repetitions,
}

/// Limits from the settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Requests a minute for a tenant without a limit of its own.
    pub(crate) requests_per_minute: u32,
    /// Failed authentications a minute for each client address.
    pub(crate) failed_auth_per_minute: u32,
}

impl Authority {
    /// A gate with empty caches and windows.
    pub(crate) fn new(db: Db, stamps: Stamps, settings: Limits, master_key: MasterKey) -> Authority {
        let keep = if db.is_shared() { KEEP_SHARED } else { KEEP };
        Authority {
            keys: Cache::new(keep),
            tokens: Cache::new(keep),
            tenants: Cache::new(keep),
            sessions: sessions::Sessions::new(keep),
            windows: Windows::default(),
            refusals: Refusals::default(),
            failed: FailedAuth::new(settings.failed_auth_per_minute),
            used: Mutex::default(),
            live_cores: Arc::new(AtomicU32::new(1)),
            repetitions: Repetitions::new(db.clone(), stamps.clone(), master_key),
            db,
            stamps,
            settings,
        }
    }

    /// Empties the caches, because a key, a token or a tenant changed.
    pub(crate) fn forget(&self) {
        self.keys.clear();
        self.tokens.clear();
        self.tenants.clear();
        self.sessions.forget();
    }

    /// The number of live cores on the database, which the dispatcher keeps up to date. High rate limits are divided by
    /// it.
    pub(crate) fn live_cores(&self) -> Arc<AtomicU32> {
        self.live_cores.clone()
    }

    /// Drops what no longer counts from the limiters. Call it about once a minute.
    pub(crate) fn forget_old(&self) {
        let now = self.stamps.now();
        self.windows.retain_recent(now);
        self.refusals.retain_recent(now);
        self.failed.retain_recent();
    }

    /// Records when keys and sessions were last used, with one batch of statements for each.
    pub(crate) async fn flush_last_used(&self) -> Result<()> {
        self.flush_seen().await?;
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        if used.is_empty() {
            return Ok(());
        }
        let used: Vec<_> = used.into_iter().collect();
        Ok(store::api_keys::mark_used(&self.db, used).await?)
    }

    /// The cached facts of a tenant.
    pub(crate) async fn tenant(&self, id: TenantId) -> Result<Option<Arc<TenantFacts>>> {
        let now = self.stamps.now();
        if let Some(facts) = self.tenants.get(&id, now) {
            return Ok(Some(facts));
        }
        let generation = self.tenants.generation();
        let Some(row) = store::tenants::find(&self.db, id).await? else { return Ok(None) };
        let facts = Arc::new(self.facts(row));
        self.tenants.fill(id, facts.clone(), generation, now);
        Ok(Some(facts))
    }

    fn facts(&self, row: store::tenants::Tenant) -> TenantFacts {
        TenantFacts {
            webhooks: plan::entitled(row.plan, row.webhooks),
            public_api: plan::entitled(row.plan, row.public_api),
            requests_per_minute: row.requests_per_minute.unwrap_or(self.settings.requests_per_minute),
            id: row.id,
            name: row.name,
            plan: row.plan,
            suspended: row.suspended,
        }
    }

    async fn key(&self, key: &str) -> Result<Arc<KeyFacts>> {
        let hash = secrets::hash(key);
        let now = self.stamps.now();
        if let Some(facts) = self.keys.get(&hash, now) {
            return Ok(facts);
        }
        let generation = self.keys.generation();
        let row = store::api_keys::find_by_hash(&self.db, hash).await?.ok_or(Reason::InvalidApiKey)?;
        let tenant = self.tenant(row.tenant).await?.ok_or(Error::Broken("a key has its tenant"))?;
        let facts = Arc::new(KeyFacts {
            id: row.id,
            name: row.name,
            prefix: row.prefix,
            scopes: Scope::parse_list(&row.scopes),
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            requests_per_minute: row.requests_per_minute,
            tenant,
        });
        self.keys.fill(hash, facts.clone(), generation, now);
        Ok(facts)
    }

    async fn token(&self, token: &str) -> Result<Arc<TokenFacts>> {
        if token::kind(token) != Some(TokenKind::Service) {
            return Err(words::unknown_token().into());
        }
        let hash = secrets::hash(token);
        let now = self.stamps.now();
        if let Some(facts) = self.tokens.get(&hash, now) {
            return Ok(facts);
        }
        let generation = self.tokens.generation();
        let row = store::service_tokens::find_by_hash(&self.db, hash).await?.ok_or_else(words::unknown_token)?;
        let facts = Arc::new(TokenFacts { id: row.id, name: row.name, dispatch_only: row.dispatch_only });
        self.tokens.fill(hash, facts.clone(), generation, now);
        Ok(facts)
    }

    /// Authenticates the call.
    async fn authenticate(&self, metadata: &MetadataMap, extensions: &mut Extensions) -> Result<Caller> {
        if let Some(edge) = metadata.get(wire::EDGE_TOKEN) {
            let facts = self.token(edge.to_str().map_err(|_| words::unknown_token())?).await?;
            // An edge forwards calls with their origin. A call without an origin is the token holder's own: a worker's,
            // which acts for nobody else.
            if facts.dispatch_only || (metadata.get_bin(wire::ORIGIN).is_none() && bearer(metadata)?.is_none()) {
                return self.for_tenant(Who::from(&*facts), metadata).await;
            }
            wire::incoming(metadata, extensions);
        }
        if let Some(caller) = extensions.get::<Caller>() {
            // Only the operator's own process can have put the caller there.
            return self.for_tenant(caller.who().clone(), metadata).await;
        }
        if let Some(caller) = self.browser(metadata, extensions).await? {
            return Ok(caller);
        }
        let Some(credential) = bearer(metadata)? else {
            let local = extensions.get::<Origin>().is_some_and(|origin| origin.way == Way::Local);
            if local {
                return self.for_tenant(Who::Operator, metadata).await;
            }
            if extensions.get::<Origin>().is_some_and(|origin| origin.way == Way::GrpcWeb) {
                return Err(Reason::InvalidSession.into());
            }
            return Err(Reason::MissingApiKey.into());
        };
        match token::kind(credential) {
            Some(TokenKind::ApiKey) => self.api_key(credential).await,
            Some(TokenKind::Service) => {
                let who = Who::from(&*self.token(credential).await?);
                self.for_tenant(who, metadata).await
            }
            None if credential.starts_with(TokenKind::Service.prefix()) => Err(words::unknown_token().into()),
            None => Err(Reason::InvalidApiKey.into()),
        }
    }

    async fn api_key(&self, key: &str) -> Result<Caller> {
        let facts = self.key(key).await?;
        let now = self.stamps.now();
        if facts.revoked_at.is_some_and(|at| at <= now) {
            return Err(Reason::RevokedApiKey.into());
        }
        if facts.expires_at.is_some_and(|at| at <= now) {
            return Err(Reason::ExpiredApiKey.into());
        }
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(facts.id, now);
        let who = Who::ApiKey { id: facts.id, name: facts.name.clone() };
        Ok(Caller::new(who, Some(TenantScope::new(facts.tenant.id))).with_key(facts))
    }

    async fn for_tenant(&self, who: Who, metadata: &MetadataMap) -> Result<Caller> {
        let Some(named) = metadata.get(wire::TENANT) else { return Ok(Caller::new(who, None)) };
        let id = named.to_str().ok().and_then(|text| text.parse().ok()).ok_or(Reason::TenantNotFound)?;
        let facts = self.tenant(id).await?.ok_or(Reason::TenantNotFound)?;
        Ok(Caller::new(who, Some(TenantScope::new(facts.id))))
    }

    /// The failed authentication, or the rate limit's refusal when the address has failed too often.
    fn failed(&self, failure: Failure, extensions: &Extensions) -> Failure {
        let guessed = matches!(
            failure.reason,
            Reason::InvalidApiKey | Reason::RevokedApiKey | Reason::ExpiredApiKey | Reason::MissingApiKey
        );
        let peer =
            extensions.get::<Origin>().and_then(|origin| origin.peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        match guessed.then(|| self.failed.count(peer)) {
            Some(Err(limited)) => limited,
            _ => failure,
        }
    }

    /// Checks that the caller may call the RPC: suspension, entitlement, then scope or role. A key needs one scope of each
    /// of `needs` as well.
    async fn allow(&self, policy: &Policy, needs: &[AnyScope], caller: &Caller) -> Result<()> {
        if policy.public {
            return Ok(());
        }
        match caller.who() {
            Who::ApiKey { .. } if policy.credential_only => Ok(()),
            Who::ApiKey { .. } => {
                let key = caller.key().ok_or(Error::Broken("a key's caller knows its key"))?;
                own(&key.tenant, Some(Entitlement::PublicApi), policy.entitlement)?;
                let scope = policy.api_key.ok_or_else(|| denied(words::KEY))?;
                let has = |name: &str| Scope::from_name(name).is_none_or(|scope| key.scopes.contains(&scope));
                let lacks_own = !has(scope) && !policy.or_api_key.is_some_and(has);
                let lacking = needs.iter().find(|any| !any.iter().any(|name| has(name)));
                match lacks_own.then_some(scope).or_else(|| lacking.and_then(|any| any.first().copied())) {
                    Some(missing) => Err(Failure::new(Reason::InsufficientScope).fact("scope", missing).into()),
                    None => Ok(()),
                }
            }
            Who::Agent { role, .. } => {
                let tenant = self.tenant(caller.scope()?.tenant()).await?.ok_or(Reason::TenantNotFound)?;
                own(&tenant, None, policy.entitlement.filter(|_| !policy.spares_sessions))?;
                let least = policy.session.ok_or_else(|| denied("Sessions may not make this call."))?;
                // Roles are numbered from the most powerful down.
                if (*role as i32) > (least as i32) {
                    return Err(Failure::new(Reason::RoleRequired).fact("role", "admin").into());
                }
                Ok(())
            }
            Who::Service { .. } if policy.service || policy.worker => Ok(()),
            Who::Operator if policy.service || policy.operator => Ok(()),
            Who::Worker { .. } if policy.worker => Ok(()),
            Who::Worker { .. } => Err(denied(words::WORKER).into()),
            _ => Err(denied("This credential may not make this call.").into()),
        }
    }

    async fn decide(
        &self,
        rpc: &'static Rpc,
        needs: &[AnyScope],
        metadata: &MetadataMap,
        extensions: &mut Extensions,
    ) -> (Option<RateLimitState>, Result<()>) {
        if rpc.policy.public {
            extensions.insert(Caller::new(Who::Anybody, None));
            return (None, Ok(()));
        }
        let caller = match self.authenticate(metadata, extensions).await {
            Ok(caller) => caller,
            Err(error) => return (None, Err(error)),
        };
        let allowed = self.allow(&rpc.policy, needs, &caller).await;
        let key = caller.key().cloned();
        extensions.insert(caller);
        match key {
            Some(key) if rpc.policy.credential_only => (self.told(&key).await, allowed),
            Some(key) => self.limit(&key, allowed).await,
            None => (None, allowed),
        }
    }
}

#[tonic::async_trait]
impl Gate for Authority {
    async fn admit(
        &self,
        rpc: &'static Rpc,
        needs: &[AnyScope],
        metadata: &MetadataMap,
        extensions: &mut Extensions,
    ) -> Admission {
        let (standing, decided) = self.decide(rpc, needs, metadata, extensions).await;
        let headers = standing.map(|standing| standing.headers(self.stamps.now())).unwrap_or_default();
        let told = |error: Error| gate::during(rpc, extensions, || error.into_failure());
        let verdict = decided.map_err(|error| words::of(&rpc.policy, self.failed(told(error), extensions)));
        Admission { headers, verdict }
    }

    fn begin(&self, repetition: Repetition, extensions: &mut Extensions) -> Result<Option<Arc<dyn Named>>, Failure> {
        // Idempotency keys belong to a tenant: a caller without one cannot use them.
        let Some(scope) = extensions.get::<Caller>().and_then(|caller| caller.scope().ok()) else { return Ok(None) };
        let named = self.repetitions.begin(scope, repetition)?;
        extensions.insert(named.clone());
        Ok(Some(named))
    }

    async fn still_admitted(&self, rpc: &'static Rpc, extensions: &Extensions) -> Result<(), Failure> {
        let Some(caller) = extensions.get::<Caller>() else { return Err(Reason::MissingApiKey.into()) };
        let again = async {
            if let (Who::ApiKey { .. }, Some(id)) = (caller.who(), caller.key().map(|key| key.id)) {
                let row = store::api_keys::get(&mut self.db.peek(caller.scope()?).await?, id)
                    .await?
                    .ok_or(Reason::InvalidApiKey)?;
                if row.revoked_at.is_some_and(|at| at <= self.stamps.now()) {
                    return Err(Reason::RevokedApiKey.into());
                }
            }
            if let Who::Service { id, .. } | Who::Worker { id } = caller.who() {
                let token = store::service_tokens::find(&self.db, *id).await?;
                if token.is_none_or(|token| token.revoked_at.is_some()) {
                    return Err(words::unknown_token().into());
                }
            }
            match caller.session() {
                // The agent's role may have changed.
                Some(session) => self.allow(&rpc.policy, &[], &self.session_again(session.hash).await?).await,
                // What a stream asked for was allowed at its beginning: the scopes of a key never change.
                None => self.allow(&rpc.policy, &[], caller).await,
            }
        };
        again.await.map_err(|error| gate::during(rpc, extensions, || error.into_failure()))
    }
}

/// Checks the conditions for a tenant's own callers: the tenant is not suspended and has the entitlements.
fn own(tenant: &TenantFacts, way: Option<Entitlement>, asked: Option<&str>) -> Result<()> {
    if tenant.suspended {
        return Err(Reason::TenantSuspended.into());
    }
    let asked = asked.and_then(Entitlement::from_name);
    match way.into_iter().chain(asked).find(|entitlement| !tenant.has(*entitlement)) {
        Some(missing) => Err(missing.refusal().into()),
        None => Ok(()),
    }
}

fn denied(message: &'static str) -> Failure {
    Failure::new(Reason::RoleRequired).message(message)
}

/// The bearer token of the call; the scheme is matched without letter case.
fn bearer(metadata: &MetadataMap) -> Result<Option<&str>> {
    let Some(header) = metadata.get("authorization") else { return Ok(None) };
    let text = header.to_str().map_err(|_| Reason::InvalidApiKey)?.trim();
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim())) } else { Err(Reason::MissingApiKey.into()) }
}

#[cfg(test)]
mod tests;
