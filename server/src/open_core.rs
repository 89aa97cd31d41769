//! Opens the core with its master key, and words its errors for the operator.

use crate::{
    error::{Error, Result},
    folder::Folder,
    master_key::{self, FoundKey},
    settings::{Settings, without_password},
};
use inboxops_core::{Chance, Core, MasterKey, Stamps, StoreError};
use inboxops_proto::clock::Clock;
use std::time::Duration;

/// Longest time that a migration waits for a command that uses the data folder.
const LOCK_MAX: Duration = Duration::from_secs(2);

/// Opens the core on the settings' database, and makes the database and the key if there is none. The caller holds the
/// data folder's lock where one is needed.
pub(crate) async fn core(settings: &Settings, allow_private_targets: bool) -> Result<Core> {
    let stamps = Stamps::new(Clock::System, Chance::System);
    let found = master_key::find_or_make(settings, &stamps)?;
    open(settings, allow_private_targets, found, &stamps).await
}

/// The same for a command that makes neither a database nor a key.
pub(crate) async fn existing_core(settings: &Settings) -> Result<Core> {
    must_exist(settings).await?;
    let stamps = Stamps::new(Clock::System, Chance::System);
    open(settings, settings.allow_private_targets, master_key::find(settings)?, &stamps).await
}

/// Fails where no database is, with the places that were looked at.
pub(crate) async fn must_exist(settings: &Settings) -> Result<()> {
    match Core::has_database(&settings.database_url).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(Error::NoDatabase { url: without_password(&settings.database_url), folder: settings.data_dir.clone() })
        }
        Err(error) => Err(told(&settings.database_url, error)),
    }
}

async fn open(settings: &Settings, allow_private_targets: bool, found: FoundKey, stamps: &Stamps) -> Result<Core> {
    let open = |key| Core::open(core_settings(settings, key, allow_private_targets), stamps.clone());
    let (opened, waiting) = match (open(found.key).await, found.waiting) {
        (Err(inboxops_core::Error::MasterKeyWrong), Some(waiting)) => return Err(waiting.discard()),
        (Err(inboxops_core::Error::MasterKeyWrong), None) => match master_key::next(settings) {
            Some(next) => (open(next.key).await, next.waiting),
            None => (Err(inboxops_core::Error::MasterKeyWrong), None),
        },
        found => found,
    };
    let core = opened.map_err(|error| told(&settings.database_url, error))?;
    if let Some(waiting) = waiting {
        waiting.settle()?;
    }
    Ok(core)
}

/// The core's settings.
pub(crate) fn core_settings(
    settings: &Settings,
    master_key: MasterKey,
    allow_private_targets: bool,
) -> inboxops_core::Settings {
    inboxops_core::Settings {
        database_url: settings.database_url.clone(),
        requests_per_minute: settings.requests_per_minute,
        failed_auth_per_minute: settings.failed_auth_per_minute,
        allow_private_targets,
        public_url: settings.public_url.clone(),
        behind_after: Duration::from_secs(settings.behind_after_seconds.into()),
        master_key,
        write_group_max: settings.write_group_max.map(|most| most as usize),
    }
}

/// An error of the core, worded for the operator.
pub(crate) fn told(database_url: &str, error: inboxops_core::Error) -> Error {
    match error {
        inboxops_core::Error::Store(source @ (StoreError::Url(_) | StoreError::Parameter(_))) => {
            Error::DatabaseUrl(source)
        }
        inboxops_core::Error::Store(source @ StoreError::SharedSessions) => Error::Pooler(source),
        inboxops_core::Error::Store(source) => Error::Database { url: without_password(database_url), source },
        error => Error::Core(error),
    }
}

/// Migrates the database, which opening it does.
pub(crate) async fn migrate(settings: &Settings) -> Result<()> {
    let folder = Folder::open(&settings.data_dir)?;
    let _lock = if settings.on_sqlite() { Some(folder.lock_within(LOCK_MAX).await?) } else { None };
    core(settings, settings.allow_private_targets).await?.close().await;
    Ok(())
}
