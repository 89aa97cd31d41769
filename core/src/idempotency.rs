//! Idempotency keys: the answer to a write with a key is stored in the transaction of the write for [`KEEP_ANSWERS`],
//! and a repeat gets the stored answer. It knows neither RPCs nor what an answer contains.

use crate::{
    caller::Caller,
    error::{Error, Result},
    retention::KEEP_ANSWERS,
    secrets::MasterKey,
    store::{
        Db, TenantScope, Tx,
        answers::{self, Answer},
    },
    time_and_chance::Stamps,
};
use inboxops_proto::{
    failure::Failure,
    gate::{Named, Repetition},
    id::TenantId,
    reason::Reason,
};
use prost::Message;
use sha2::{Digest as _, Sha256};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Distinguishes two requests with one key.
type Fingerprint = [u8; 32];
/// Writes under way, by tenant and key.
type RunningWrites = Arc<Mutex<HashMap<(TenantId, String), Fingerprint>>>;

/// The writes with a key that this process is running.
pub(crate) struct Repetitions {
    db: Db,
    master_key: MasterKey,
    stamps: Stamps,
    running: RunningWrites,
}

/// A write with a key. While it exists, a repeat is refused and may come later.
pub(crate) struct Repeatable {
    scope: TenantScope,
    key: String,
    fingerprint: Fingerprint,
    db: Db,
    master_key: MasterKey,
    stamps: Stamps,
    running: RunningWrites,
    /// Whether it was answered with an earlier answer.
    repeats: AtomicBool,
}

impl std::fmt::Debug for Repeatable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repeatable").field("scope", &self.scope).field("key", &self.key).finish_non_exhaustive()
    }
}

impl Drop for Repeatable {
    fn drop(&mut self) {
        let key = (self.scope.tenant(), std::mem::take(&mut self.key));
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
}

impl Repetitions {
    /// With nothing under way.
    pub(crate) fn new(db: Db, stamps: Stamps, master_key: MasterKey) -> Repetitions {
        Repetitions { db, master_key, stamps, running: RunningWrites::default() }
    }

    /// Begins a write with a key, unless one with this key is under way.
    pub(crate) fn begin(&self, scope: TenantScope, repetition: Repetition) -> Result<Arc<Repeatable>, Failure> {
        let key = repetition.key;
        let fingerprint: Fingerprint = Sha256::digest(&repetition.request).into();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.entry((scope.tenant(), key.clone())) {
            Entry::Occupied(first) if *first.get() != fingerprint => return Err(Reason::IdempotencyKeyReused.into()),
            Entry::Occupied(_) => return Err(answers::in_progress()),
            Entry::Vacant(free) => _ = free.insert(fingerprint),
        }
        Ok(Arc::new(Repeatable {
            scope,
            key,
            fingerprint,
            db: self.db.clone(),
            master_key: self.master_key.clone(),
            stamps: self.stamps.clone(),
            running: self.running.clone(),
            repeats: AtomicBool::new(false),
        }))
    }
}

/// Whether a stored answer may be readable in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerStorage {
    /// It contains nothing that other rows do not show.
    Plain,
    /// It contains a secret.
    Sealed,
}

impl Caller {
    /// Writes for the caller's tenant, as [`Db::write`] does. If the caller sent a key, the answer is stored in the
    /// same transaction.
    pub(crate) async fn write<R: Message + Default + 'static>(
        &self,
        db: &Db,
        decide: impl AsyncFn(&mut Tx<'_>) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        self.write_and_keep(db, AnswerStorage::Plain, decide).await
    }

    /// The same for an answer that may contain a secret.
    pub(crate) async fn write_and_keep<R: Message + Default + 'static>(
        &self,
        db: &Db,
        kept: AnswerStorage,
        decide: impl AsyncFn(&mut Tx<'_>) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let scope = self.scope()?;
        let Some(repeatable) = self.repeatable().cloned() else { return db.write(scope, decide).await };
        let key = repeatable.key.clone();
        let write = db.write_named(scope, key, async move |tx| {
            let before = answers::before(tx, &repeatable.key).map(|answer| repeatable.read(answer)).transpose()?;
            if let Some(message) = before.flatten() {
                repeatable.repeats.store(true, Ordering::Relaxed);
                return R::decode(&message[..]).map_err(|_| Error::Broken("an answer cannot be read"));
            }
            let answer = decide(tx).await?;
            answers::keep(tx, repeatable.answer(&answer, kept)?);
            Ok(answer)
        });
        write.await
    }
}

#[tonic::async_trait]
impl Named for Repeatable {
    fn is_repetition(&self) -> bool {
        self.repeats.load(Ordering::Relaxed)
    }

    async fn before(&self) -> Result<Option<Vec<u8>>, Failure> {
        let find = async || -> Result<Option<Vec<u8>>> {
            let answer = answers::find(&self.db, &self.scope, &self.key).await?;
            Ok(answer.map(|answer| self.read(&answer)).transpose()?.flatten())
        };
        find().await.map_err(Error::into_failure)
    }
}

impl Repeatable {
    /// The stored message of an earlier write with this key; `None` if it is too old.
    fn read(&self, answer: &Answer) -> Result<Option<Vec<u8>>> {
        if answer.at < self.stamps.now().minus(KEEP_ANSWERS) {
            return Ok(None);
        }
        if answer.fingerprint != self.fingerprint {
            return Err(Reason::IdempotencyKeyReused.into());
        }
        match answer.sealed_with {
            None => Ok(Some(answer.message.clone())),
            Some(_) => Ok(Some(self.master_key.open(&answer.message, &aad(&self.scope.tenant(), &self.key))?.to_vec())),
        }
    }

    fn answer(&self, message: &impl Message, kept: AnswerStorage) -> Result<Answer> {
        let plain = message.encode_to_vec();
        let (message, sealed_with) = match kept {
            AnswerStorage::Plain => (plain, None),
            AnswerStorage::Sealed => {
                let sealed = self.master_key.seal(&plain, &aad(&self.scope.tenant(), &self.key), &self.stamps)?;
                (sealed.bytes, Some(sealed.key))
            }
        };
        let key = self.key.clone();
        let fingerprint = self.fingerprint;
        Ok(Answer { key, fingerprint, message, sealed_with, at: self.stamps.now() })
    }
}

/// The associated data of an answer's seal.
pub(crate) fn aad<'a>(tenant: &'a TenantId, key: &'a str) -> [&'a [u8]; 2] {
    [tenant.0.as_bytes(), key.as_bytes()]
}
