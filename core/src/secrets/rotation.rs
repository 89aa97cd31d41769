//! Changes the master key: everything sealed is sealed again in one transaction, together with the fingerprint by which
//! a start recognises its key. So exactly one of the two keys is right at any moment. Which file has which key is not
//! known here.

use super::{FIRST, MasterKey};
use crate::{
    Settings,
    error::{Error, Result},
    idempotency,
    store::{
        self, Db, Queue, SystemTx, answers,
        endpoints::{SealedBytes, sealed},
        meta,
    },
    time_and_chance::Stamps,
    webhooks::{headers, secret},
};

/// Where the database keeps the fingerprint of the master key that seals its secrets.
const FINGERPRINT: &str = "master_key";
/// Where it stores the key's version; if that is missing, it is the first.
const VERSION: &str = "master_key_version";

/// The result of a change of the master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationOutcome {
    /// Everything is sealed with the new key.
    Done {
        /// Endpoints whose secrets and headers were sealed again.
        endpoints: u64,
        /// Version of the new key.
        version: i16,
    },
    /// It was sealed with the new key before.
    Already,
    /// Nothing was changed: this many other cores use the database and know only the old key.
    InUse(i64),
}

/// The key with its version. A new database accepts any key; later it must be the same.
pub(crate) async fn claim(db: &Db, key: MasterKey) -> Result<MasterKey> {
    let fingerprint = key.fingerprint();
    let claim = db.system(Queue::Claims, async move |tx| {
        Ok((meta::get_or_insert(tx, FINGERPRINT, &fingerprint).await? == fingerprint, version(tx).await?))
    });
    match claim.await? {
        (true, version) => Ok(key.with_version(version)),
        (false, _) => Err(Error::MasterKeyWrong),
    }
}

/// Seals everything again with `new`. No core may use the database meanwhile. If this is interrupted at any moment, the
/// database fits one of the two keys.
pub async fn rotate(settings: &Settings, new: &MasterKey, stamps: &Stamps) -> Result<RotationOutcome> {
    let db = Db::open(settings.options(stamps)).await?;
    let old = settings.master_key.clone();
    let new = new.clone();
    let stamps = stamps.clone();
    let rotated = db.decide(Queue::Claims, async move |tx| turn(tx, &old, &new, &stamps).await).await;
    db.close().await;
    rotated
}

/// Whether this key sealed the database's secrets.
pub async fn is_sealed_with(settings: &Settings, key: &MasterKey, stamps: &Stamps) -> Result<bool> {
    let db = Db::open(settings.options(stamps)).await?;
    let known = meta::get(&db, FINGERPRINT).await;
    db.close().await;
    Ok(known? == Some(key.fingerprint()))
}

async fn turn(tx: &mut SystemTx<'_>, old: &MasterKey, new: &MasterKey, stamps: &Stamps) -> Result<RotationOutcome> {
    // Locked to the end: a core that starts meanwhile waits here, and then has the wrong key.
    let known = meta::lock(tx, FINGERPRINT).await?;
    if known.as_ref() == Some(&new.fingerprint()) {
        return Ok(RotationOutcome::Already);
    }
    if known.is_some_and(|known| known != old.fingerprint()) {
        return Err(Error::MasterKeyWrong);
    }
    let others = store::cores::others(tx).await?;
    if others > 0 {
        return Ok(RotationOutcome::InUse(others));
    }
    let version = version(tx).await?.checked_add(1).ok_or(Error::Broken("master keys have 15 bits of versions"))?;
    let new = new.clone().with_version(version);
    let mut endpoints = 0;
    let mut after = None;
    loop {
        let rows = sealed::after(tx, after).await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.id);
        for row in rows {
            sealed::update(tx, &anew(row, old, &new, stamps)?).await?;
            endpoints += 1;
        }
    }
    let mut after = None;
    loop {
        let rows = answers::sealed_after(tx, after).await?;
        let Some(last) = rows.last() else { break };
        after = Some((last.tenant, last.key.clone()));
        for row in rows {
            let aad = idempotency::aad(&row.tenant, &row.key);
            let sealed = new.seal(&old.open(&row.message, &aad)?, &aad, stamps)?;
            answers::reseal(tx, &answers::SealedAnswer { message: sealed.bytes, ..row }, sealed.key).await?;
        }
    }
    meta::put(tx, FINGERPRINT, &new.fingerprint()).await?;
    meta::put(tx, VERSION, &version.to_string()).await?;
    Ok(RotationOutcome::Done { endpoints, version })
}

async fn version(tx: &mut SystemTx<'_>) -> Result<i16, store::Error> {
    let version = meta::lock(tx, VERSION).await?;
    Ok(version.and_then(|text| text.parse().ok()).unwrap_or(FIRST))
}

/// The same secrets under the new key. Nonces are drawn here although the transaction may run again: its results are
/// then discarded as well.
fn anew(row: sealed::Row, old: &MasterKey, new: &MasterKey, stamps: &Stamps) -> Result<sealed::Row> {
    let owner = (row.tenant, row.id);
    let again = |sealed: &SealedBytes, aad: &[&[u8]]| new.seal(&old.open(&sealed.bytes, aad)?, aad, stamps);
    Ok(sealed::Row {
        secret: again(&row.secret, &secret::aad(&owner))?,
        other_secret: row.other_secret.as_ref().map(|it| again(it, &secret::aad(&owner))).transpose()?,
        headers: row.headers.as_ref().map(|it| again(it, &headers::aad(&owner))).transpose()?,
        ..row
    })
}
