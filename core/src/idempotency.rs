//! Writes that may be repeated: the answer to a write that names an idempotency key is kept in the transaction of the
//! write for [`KEEP_ANSWERS`], and a repetition gets it. What of the contract a write is, and what its answer says, is
//! not known here.

use crate::{
    caller::Caller,
    error::Result,
    retention::KEEP_ANSWERS,
    secrets::MasterKey,
    stamp::Stamps,
    store::{
        self, Db, TenantScope, Tx,
        answers::{self, Answer, Answers},
    },
};
use inboxops_proto::{gate::Repetition, id::TenantId, reason::Reason};
use prost::Message;
use sha2::{Digest as _, Sha256};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};
use tonic::Extensions;

/// Tells two requests with one key apart.
type Fingerprint = [u8; 32];
/// What is being written, by tenant and key.
type Running = Arc<Mutex<HashMap<(TenantId, String), Fingerprint>>>;

/// Knows which writes of this process are under way, and finds the answers of those that are over.
pub struct Repetitions {
    answers: Answers,
    master_key: MasterKey,
    stamps: Stamps,
    running: Running,
}

/// A write whose answer is to be kept. While it lives, a repetition is told to wait.
pub struct Repeatable {
    tenant: TenantId,
    key: String,
    fingerprint: Fingerprint,
    master_key: MasterKey,
    stamps: Stamps,
    running: Running,
}

impl std::fmt::Debug for Repeatable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repeatable").field("tenant", &self.tenant).field("key", &self.key).finish_non_exhaustive()
    }
}

impl Drop for Repeatable {
    fn drop(&mut self) {
        let key = (self.tenant, std::mem::take(&mut self.key));
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
}

impl Repetitions {
    /// With nothing under way.
    pub fn new(db: Db, stamps: Stamps, master_key: MasterKey) -> Repetitions {
        Repetitions { answers: Answers::new(db), master_key, stamps, running: Running::default() }
    }

    /// The answer to the write that this one repeats; if there is none, leaves in `extensions` what keeps its own.
    pub(crate) async fn find(
        &self,
        scope: TenantScope,
        repetition: Repetition,
        extensions: &mut Extensions,
    ) -> Result<Option<Vec<u8>>> {
        let (tenant, key) = (scope.tenant(), repetition.key);
        let fingerprint: Fingerprint = Sha256::digest(&repetition.request).into();
        // First: a write that ends after this look and before the next would be found by neither.
        let repeatable = self.begin(tenant, key.clone(), fingerprint)?;
        let since = self.stamps.now().minus(KEEP_ANSWERS);
        let Some(answer) = self.answers.find(scope, &key, since).await? else {
            extensions.insert(Arc::new(repeatable));
            return Ok(None);
        };
        if answer.fingerprint != fingerprint {
            return Err(Reason::IdempotencyKeyReused.into());
        }
        match answer.sealed_with {
            None => Ok(Some(answer.message)),
            Some(_) => Ok(Some(self.master_key.open(&answer.message, &aad(&tenant, &key))?.to_vec())),
        }
    }

    fn begin(&self, tenant: TenantId, key: String, fingerprint: Fingerprint) -> Result<Repeatable> {
        match self.running.lock().unwrap_or_else(PoisonError::into_inner).entry((tenant, key.clone())) {
            Entry::Occupied(first) if *first.get() != fingerprint => return Err(Reason::IdempotencyKeyReused.into()),
            Entry::Occupied(_) => return Err(answers::in_progress().into()),
            Entry::Vacant(free) => _ = free.insert(fingerprint),
        }
        let (master_key, stamps, running) = (self.master_key.clone(), self.stamps.clone(), self.running.clone());
        Ok(Repeatable { tenant, key, fingerprint, master_key, stamps, running })
    }
}

/// Whether an answer may be read by whoever reads the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It holds nothing that other rows do not show.
    Plain,
    /// It holds a secret.
    Sealed,
}

impl Caller {
    /// Writes for the caller's tenant, as [`Db::write`] does, and keeps the answer in the same transaction when the
    /// caller has named the write.
    pub(crate) async fn write<R: Message + 'static>(
        &self,
        db: &Db,
        decide: impl AsyncFn(&mut Tx<'_>) -> store::Result<R> + Send + 'static,
    ) -> Result<R> {
        self.write_and_keep(db, Kept::Plain, decide).await
    }

    /// The same, where the answer may hold a secret.
    pub(crate) async fn write_and_keep<R: Message + 'static>(
        &self,
        db: &Db,
        kept: Kept,
        decide: impl AsyncFn(&mut Tx<'_>) -> store::Result<R> + Send + 'static,
    ) -> Result<R> {
        let scope = self.scope()?;
        let Some(repeatable) = self.repeatable().cloned() else { return Ok(db.write(scope, decide).await?) };
        let write = db.write(scope, async move |tx| {
            let answer = decide(tx).await?;
            answers::keep(tx, repeatable.answer(&answer, kept)?);
            Ok(answer)
        });
        Ok(write.await?)
    }
}

impl Repeatable {
    fn answer(&self, message: &impl Message, kept: Kept) -> Result<Answer> {
        let plain = message.encode_to_vec();
        let (message, sealed_with) = match kept {
            Kept::Plain => (plain, None),
            Kept::Sealed => {
                let sealed = self.master_key.seal(&plain, &aad(&self.tenant, &self.key), &self.stamps)?;
                (sealed.bytes, Some(sealed.key))
            }
        };
        let (key, fingerprint) = (self.key.clone(), self.fingerprint);
        Ok(Answer { key, fingerprint, message, sealed_with, at: self.stamps.now() })
    }
}

/// What the seal of an answer is bound to.
pub(crate) fn aad<'a>(tenant: &'a TenantId, key: &'a str) -> [&'a [u8]; 2] {
    [tenant.0.as_bytes(), key.as_bytes()]
}
