//! The master key: found, created at the first start, and changed. A key that is not the database's must never be in
//! the key's place, whenever the process ends: a new key waits in a file beside it until the database has accepted it.

use crate::{
    error::{Error, Result},
    folder::Folder,
    open_core,
    print::Output,
    settings::Settings,
};
use inboxops_core::{
    MasterKey, Stamps,
    rotation::{self, RotationOutcome},
};
use serde_json::json;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longest time that a change waits for a command that uses the data folder.
const LOCK_MAX: Duration = Duration::from_secs(2);

/// A master key, and its waiting file if the database may not have accepted it yet.
pub(crate) struct FoundKey {
    pub(crate) key: MasterKey,
    pub(crate) waiting: Option<WaitingKey>,
}

/// A key file that waits beside its place.
pub(crate) struct WaitingKey {
    file: PathBuf,
    place: PathBuf,
}

impl WaitingKey {
    fn named(place: &Path, suffix: &str) -> WaitingKey {
        WaitingKey { file: beside(place, suffix), place: place.to_owned() }
    }

    /// Moves the key into its place: the database has accepted it.
    pub(crate) fn settle(self) -> Result<()> {
        let put = || {
            fs::rename(&self.file, &self.place)?;
            let folder = self.place.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        match put() {
            // Another process of the same folder was faster, with the same key: the database accepted this one.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.place.exists() => Ok(()),
            Err(source) => Err(Error::Io { what: "keep the new master key", source }),
            Ok(()) => Ok(()),
        }
    }

    /// Deletes the key, which was created in vain because the database has another one. Returns the error to report.
    pub(crate) fn discard(self) -> Error {
        let _ = fs::remove_file(self.file);
        Error::MasterKeyMissing { path: self.place }
    }

    /// The waiting key, or a new one. An unreadable file was cut short before any database could accept it.
    fn load_or_make(&self, stamps: &Stamps) -> Result<MasterKey> {
        if let Ok(key) = MasterKey::load(&self.file) {
            return Ok(key);
        }
        let _ = fs::remove_file(&self.file);
        MasterKey::create(&self.file, stamps).map_err(Error::Core)
    }
}

fn beside(place: &Path, suffix: &str) -> PathBuf {
    let mut path = place.as_os_str().to_owned();
    path.push(suffix);
    PathBuf::from(path)
}

/// The key of the setting, or else of the file, or else a new one.
pub(crate) fn find_or_make(settings: &Settings, stamps: &Stamps) -> Result<FoundKey> {
    if let Some(found) = known(settings)? {
        return Ok(found);
    }
    let waiting = WaitingKey::named(&settings.master_key_file, FIRST);
    Ok(FoundKey { key: waiting.load_or_make(stamps)?, waiting: Some(waiting) })
}

/// The key of the setting, or else of the file; there must be one.
pub(crate) fn find(settings: &Settings) -> Result<FoundKey> {
    known(settings)?.ok_or_else(|| Error::MasterKeyMissing { path: settings.master_key_file.clone() })
}

fn known(settings: &Settings) -> Result<Option<FoundKey>> {
    if let Some(key) = &settings.master_key {
        return Ok(Some(FoundKey { key: key.clone(), waiting: None }));
    }
    let place = &settings.master_key_file;
    if let Some(key) = load(place)? {
        return Ok(Some(FoundKey { key, waiting: None }));
    }
    // A waiting file was left by a start that was interrupted; the database may have accepted it.
    let waiting = WaitingKey::named(place, FIRST);
    Ok(MasterKey::load(&waiting.file).ok().map(|key| FoundKey { key, waiting: Some(waiting) }))
}

/// The waiting key beside a key that is not the database's: a change was interrupted after the database had accepted
/// the new key.
pub(crate) fn next(settings: &Settings) -> Option<FoundKey> {
    if settings.master_key.is_some() {
        return None;
    }
    let waiting = WaitingKey::named(&settings.master_key_file, NEXT);
    let key = MasterKey::load(&waiting.file).ok()?;
    Some(FoundKey { key, waiting: Some(waiting) })
}

/// The key that has this fingerprint: of the setting, of the file, or of one beside it that waits or was replaced.
pub(crate) fn with_fingerprint(settings: &Settings, fingerprint: &str) -> Option<MasterKey> {
    let place = &settings.master_key_file;
    let replaced = beside(place, &format!(".{}.{OLD}", fingerprint.get(..SHORT)?));
    let files = [place.clone(), beside(place, FIRST), beside(place, NEXT), replaced];
    let of_files = files.iter().filter_map(|file| MasterKey::load(file).ok());
    settings.master_key.iter().cloned().chain(of_files).find(|key| key.fingerprint() == fingerprint)
}

/// Suffix of the first key of a database while it waits.
const FIRST: &str = ".new";
/// Suffix of a new key during a change.
const NEXT: &str = ".next";
/// Suffix of a replaced key, after its fingerprint; kept for older backups.
const OLD: &str = "old";
/// Length of the fingerprint in a file name.
const SHORT: usize = 8;

fn load(path: &Path) -> Result<Option<MasterKey>> {
    match MasterKey::load(path) {
        Ok(key) => Ok(Some(key)),
        Err(inboxops_core::Error::MasterKeyFile { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::Core(error)),
    }
}

/// `secrets rotate-master-key`: seals everything with a new key, which then replaces the old one. If the key is a
/// setting, the operator changes it there. `given` is the file of the new key; it is created if it is missing.
pub(crate) async fn rotate(settings: &Settings, given: Option<&Path>, stamps: &Stamps) -> Result<Output> {
    if settings.server.is_some() {
        return Err(Error::Usage("the database itself is worked on, so --server has no sense here".to_owned()));
    }
    open_core::must_exist(settings).await?;
    let folder = Folder::open(&settings.data_dir)?;
    let _lock = folder.lock_within(LOCK_MAX).await?;
    let given = match given {
        Some(path) => Some((path, given_key(path, stamps)?)),
        None => None,
    };
    let Some(old) = &settings.master_key else { return in_place(settings, given.map(|(_, key)| key), stamps).await };
    let Some((path, new)) = given else {
        let hint = "name a file for the new one with --new-key-file";
        return Err(Error::Usage(format!("the master key is a setting, which no command can change: {hint}")));
    };
    let rotated = turn(settings, old.clone(), &new, stamps).await?;
    let next = format!("Put the key of {} into the setting master_key before a server starts.", path.display());
    Ok(shown(rotated, path, None, &next))
}

fn given_key(path: &Path, stamps: &Stamps) -> Result<MasterKey> {
    match load(path)? {
        Some(key) => Ok(key),
        None => MasterKey::create(path, stamps).map_err(Error::Core),
    }
}

/// Changes the key's file. If this is interrupted before the database has accepted the new key, the old one is in its
/// place; after that, the next start finds the new one beside it.
async fn in_place(settings: &Settings, given: Option<MasterKey>, stamps: &Stamps) -> Result<Output> {
    let place = &settings.master_key_file;
    let missing = || Error::MasterKeyMissing { path: place.clone() };
    let mut old = load(place)?.ok_or_else(missing)?;
    let mut already = false;
    if let Some(FoundKey { key, waiting: Some(waiting) }) = next(settings) {
        let told = open_core::core_settings(settings, old.clone(), settings.allow_private_targets);
        already = rotation::is_sealed_with(&told, &key, stamps)
            .await
            .map_err(|error| open_core::told(&settings.database_url, error))?;
        if already {
            waiting.settle()?;
            old = key;
        }
    }
    if already && given.is_none() {
        return Ok(shown(RotationOutcome::Already, place, None, "A change that was cut short is finished."));
    }
    let waiting = WaitingKey::named(place, NEXT);
    let new = match given {
        Some(key) => {
            let _ = fs::remove_file(&waiting.file);
            key.save(&waiting.file).map(|()| key).map_err(Error::Core)?
        }
        None => waiting.load_or_make(stamps)?,
    };
    let kept = beside(place, &format!(".{}.{OLD}", &old.fingerprint()[..SHORT]));
    if load(&kept)?.is_none() {
        old.save(&kept).map_err(Error::Core)?;
    }
    let rotated = turn(settings, old, &new, stamps).await?;
    waiting.settle()?;
    let next = format!(
        "The old key is kept in {} for backups made before. Every core of this database needs the new key.",
        kept.display()
    );
    Ok(shown(rotated, place, Some(&kept), &next))
}

async fn turn(settings: &Settings, old: MasterKey, new: &MasterKey, stamps: &Stamps) -> Result<RotationOutcome> {
    let told = open_core::core_settings(settings, old, settings.allow_private_targets);
    match rotation::rotate(&told, new, stamps).await {
        Ok(RotationOutcome::InUse(cores)) => Err(Error::InUseByCores { cores }),
        Ok(rotated) => Ok(rotated),
        Err(error) => Err(open_core::told(&settings.database_url, error)),
    }
}

fn shown(rotated: RotationOutcome, key_file: &Path, old_key_file: Option<&Path>, next: &str) -> Output {
    let (text, endpoints, version) = match rotated {
        RotationOutcome::Done { endpoints, version } => (
            format!("The secrets of {endpoints} endpoints are sealed with the new key."),
            Some(endpoints),
            Some(version),
        ),
        _ => ("Everything was sealed with the new key already.".to_owned(), None, None),
    };
    let json = json!({
        "ok": true,
        "endpoints": endpoints,
        "key_version": version,
        "key_file": key_file,
        "old_key_file": old_key_file,
    });
    Output::Text(format!("{text} {next}"), json)
}
