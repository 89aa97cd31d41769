//! Opens the core: the master key found or made, the core's errors put into words for the operator.

use crate::{
    error::{Error, Result},
    folder::Folder,
    settings::{Settings, without_password},
};
use inboxops_core::{
    Core,
    secrets::MasterKey,
    stamp::{Chance, Stamps},
};
use inboxops_proto::clock::Clock;
use std::{fs, io, path::PathBuf, time::Duration};

/// Longest time that a migration waits for a command that works in the data folder.
const LOCK_MAX: Duration = Duration::from_secs(2);

/// A master key and whether it is new.
struct Key {
    key: MasterKey,
    /// Where a new key waits until the database has taken it, and where it belongs.
    new: Option<(PathBuf, PathBuf)>,
}

/// Opens the core on the settings' database. The caller has the data folder's lock where one is needed.
pub(crate) async fn core(settings: &Settings, allow_private_targets: bool) -> Result<Core> {
    let stamps = Stamps::new(Clock::System, Chance::System);
    let Key { key, new } = key(settings, &stamps)?;
    let opened = Core::open(
        inboxops_core::Settings {
            database_url: settings.database_url.clone(),
            requests_per_minute: settings.requests_per_minute,
            failed_auth_per_minute: settings.failed_auth_per_minute,
            allow_private_targets,
            master_key: key,
            write_group_max: settings.write_group_max.map(|most| most as usize),
        },
        stamps,
    );
    match (opened.await, new) {
        (Ok(core), None) => Ok(core),
        (Ok(core), Some((waiting, place))) => {
            match fs::rename(waiting, &place) {
                // Another process of the same folder was faster, with the same key: the database took this one.
                Err(error) if error.kind() == io::ErrorKind::NotFound && place.exists() => Ok(core),
                Err(source) => Err(Error::Io { what: "keep the new master key", source }),
                Ok(()) => Ok(core),
            }
        }
        (Err(inboxops_core::Error::MasterKeyWrong), Some((waiting, path))) => {
            // Made in vain: the database knows another one.
            let _ = fs::remove_file(waiting);
            Err(Error::MasterKeyMissing { path })
        }
        (Err(inboxops_core::Error::Store(source)), _) => {
            Err(Error::Database { url: without_password(&settings.database_url), source })
        }
        (Err(error), _) => Err(Error::Core(error)),
    }
}

/// Brings the database to this version's schema, which opening it does.
pub(crate) async fn migrate(settings: &Settings) -> Result<()> {
    let folder = Folder::open(&settings.data_dir)?;
    let _lock = if settings.on_sqlite() { Some(folder.lock_within(LOCK_MAX).await?) } else { None };
    core(settings, settings.allow_private_targets).await?.close().await;
    Ok(())
}

/// From the setting, else from the file, else a new one. A new key lies beside its place until the database has been
/// opened with it: a key that is not the database's must not look like one.
fn key(settings: &Settings, stamps: &Stamps) -> Result<Key> {
    if let Some(key) = &settings.master_key {
        return Ok(Key { key: key.clone(), new: None });
    }
    let place = &settings.master_key_file;
    match MasterKey::load(place) {
        Ok(key) => return Ok(Key { key, new: None }),
        Err(inboxops_core::Error::MasterKeyFile { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::Core(error)),
    }
    let waiting = place.with_extension("key.new");
    // One that is there was made by a start that did not get to its end; the database may know it already.
    let key = match MasterKey::load(&waiting) {
        Ok(key) => key,
        Err(_) => {
            let _ = fs::remove_file(&waiting);
            MasterKey::create(&waiting, stamps).map_err(Error::Core)?
        }
    };
    Ok(Key { key, new: Some((waiting, place.clone())) })
}
