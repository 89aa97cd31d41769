//! Browser sessions at the gate: finds the session of a cookie, checks that it has not ended and that the call comes
//! from our pages. How a session begins is not known here.

use super::{Authority, SessionFacts};
use crate::{
    cache::Cache,
    caller::Caller,
    error::{Error, Result},
    secrets, store,
};
use inboxops_proto::{
    clock::Timestamp,
    cookie,
    failure::Failure,
    reason::Reason,
    wire::{Origin, Way},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tonic::{Extensions, metadata::MetadataMap};

/// Shortest time between two updates of a session's last use.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// Sessions that were looked up, and when they were last used.
pub(super) struct Sessions {
    known: Cache<[u8; 32], Arc<SessionFacts>>,
    /// Last uses that are not written to the database yet.
    seen: Mutex<HashMap<[u8; 32], (Timestamp, Timestamp)>>,
}

impl Sessions {
    pub(super) fn new(keep: Duration) -> Sessions {
        Sessions { known: Cache::new(keep), seen: Mutex::default() }
    }

    pub(super) fn forget(&self) {
        self.known.clear();
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], (Timestamp, Timestamp)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Authority {
    /// The caller of a browser's call; `None` without a session. Only grpc-web carries sessions: on other transports
    /// the cookie is not even read.
    pub(super) async fn browser(&self, metadata: &MetadataMap, extensions: &Extensions) -> Result<Option<Caller>> {
        let Some(origin) = extensions.get::<Origin>().filter(|origin| origin.way == Way::GrpcWeb) else {
            return Ok(None);
        };
        let Some(cookie) = cookie::find(metadata.as_ref(), origin.secure) else { return Ok(None) };
        if metadata.contains_key("authorization") {
            let message = "Send either a session's cookie or an API key, not both.";
            return Err(Failure::new(Reason::InvalidRequest).message(message).into());
        }
        if !origin.same_origin {
            return Err(Reason::CrossOrigin.into());
        }
        let hash = secrets::hash(cookie);
        let now = self.stamps.now();
        let facts = self.session(hash, now).await?;
        let seen = self.sessions.seen().get(&hash).map_or(facts.last_seen_at, |(at, _)| *at).max(facts.last_seen_at);
        if now >= facts.ends(seen) {
            return Err(Reason::InvalidSession.into());
        }
        if now >= seen.plus(SEEN_EVERY) {
            self.sessions.seen().insert(hash, (now, facts.ends(now)));
        }
        Ok(Some(Caller::of_session(facts)))
    }

    async fn session(&self, hash: [u8; 32], now: Timestamp) -> Result<Arc<SessionFacts>> {
        if let Some(facts) = self.sessions.known.get(&hash, now) {
            return Ok(facts);
        }
        let generation = self.sessions.known.generation();
        let facts = self.load_session(hash).await?;
        self.sessions.known.fill(hash, facts.clone(), generation, now);
        Ok(facts)
    }

    async fn load_session(&self, hash: [u8; 32]) -> Result<Arc<SessionFacts>> {
        let row = store::sessions::find(&self.db, hash).await?.filter(|row| !row.disabled);
        let row = row.ok_or(Reason::InvalidSession)?;
        let tenant = self.tenant(row.tenant).await?.ok_or(Error::Broken("a session has its tenant"))?;
        Ok(Arc::new(SessionFacts {
            hash,
            agent: row.agent,
            name: row.name,
            email: row.email,
            role: row.role,
            tenant,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
        }))
    }

    /// The present caller of the session that a stream began with. A stream does not keep its session alive.
    pub(super) async fn session_again(&self, hash: [u8; 32]) -> Result<Caller> {
        let facts = self.load_session(hash).await?;
        let now = self.stamps.now();
        let seen = self.sessions.seen().get(&hash).map_or(facts.last_seen_at, |(at, _)| *at).max(facts.last_seen_at);
        if now >= facts.ends(seen) {
            return Err(Reason::InvalidSession.into());
        }
        Ok(Caller::of_session(facts))
    }

    /// Records when sessions were last used. What cannot be written is kept for the next call.
    pub(super) async fn flush_seen(&self) -> Result<()> {
        let seen: Vec<_> = self.sessions.seen().iter().map(|(hash, (at, ends))| (*hash, *at, *ends)).collect();
        if seen.is_empty() {
            return Ok(());
        }
        store::sessions::mark_seen(&self.db, seen.clone()).await?;
        self.sessions.known.clear();
        self.sessions.seen().retain(|hash, (at, _)| !seen.iter().any(|(it, then, _)| it == hash && then == at));
        Ok(())
    }

    /// Deletes sessions and login codes that have ended.
    pub(crate) async fn delete_old_sessions(&self) -> Result<()> {
        let now = self.stamps.now();
        Ok(self.db.system(store::Queue::Claims, async move |tx| store::sessions::delete_old(tx, now).await).await?)
    }
}
