//! `inboxops backup` and `inboxops restore`: a folder with the database and, in a file of its own, the master key. What
//! is in the database is not known here.

use crate::{
    error::{Error, Result},
    folder::Folder,
    master_key, open_core,
    print::Output,
    settings::Settings,
};
use inboxops_core::{MasterKey, copies};
use serde_json::json;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

const DATABASE: &str = "inboxops.db";
const KEY: &str = "master.key";
/// Longest time that a restore waits for a command that uses the data folder.
const LOCK_MAX: Duration = Duration::from_secs(2);

/// Copies the database, while a server may use it, and its key.
pub(crate) async fn backup(settings: &Settings, folder: &Path) -> Result<Output> {
    for_sqlite(settings)?;
    make(folder)?;
    let (new, place) = (folder.join("inboxops.db.new"), folder.join(DATABASE));
    let copied = copy_live(settings, folder, &new).await;
    if copied.is_err() {
        // What is half done shall not be taken for a backup, nor be in the way of the next one.
        for left in [&new, &folder.join("inboxops.db.new-journal"), &folder.join(KEY)] {
            let _ = fs::remove_file(left);
        }
    }
    let (copy, key_file) = copied?;
    // Last of all: a folder with this name in it is complete.
    move_into_place(&new, &place)?;
    sync_folder(folder.parent())?;
    let bytes = fs::metadata(&place).map_err(of_file(&place))?.len();
    let about_key = match (&key_file, &copy.master_key) {
        (Some(file), _) => format!(" The master key is in {}: keep it apart from the database.", file.display()),
        (None, Some(_)) => " The master key is a setting and was not copied: keep it as well.".to_owned(),
        (None, None) => String::new(),
    };
    let text = format!("The database is in {}, {bytes} bytes.{about_key}", place.display());
    let json = json!({
        "ok": true, "database": place, "bytes": bytes, "key_file": key_file, "schema": copy.schema,
    });
    Ok(Output::Text(text, json))
}

/// Copies the database to `new` and the key into the folder; returns the key's file.
async fn copy_live(settings: &Settings, folder: &Path, new: &Path) -> Result<(copies::FileCopy, Option<PathBuf>)> {
    private_file(new)?;
    let copied = copies::backup(&settings.database_url, new).await;
    let copy = copied.map_err(|error| open_core::told(&settings.database_url, error))?;
    let mut key_file = None;
    if let Some(fingerprint) = &copy.master_key {
        let missing = || Error::NoKey { path: settings.master_key_file.clone() };
        let key = master_key::with_fingerprint(settings, fingerprint).ok_or_else(missing)?;
        if settings.master_key.is_none() {
            let file = folder.join(KEY);
            key.save(&file).map_err(Error::Core)?;
            key_file = Some(file);
        }
    }
    File::open(new).and_then(|file| file.sync_all()).map_err(of_file(new))?;
    Ok((copy, key_file))
}

/// Puts a backup into an empty data folder. The database begins a new history there.
pub(crate) async fn restore(settings: &Settings, from: &Path) -> Result<Output> {
    for_sqlite(settings)?;
    let source = from.join(DATABASE);
    check(from, &source)?;
    let wrong_url = |error| open_core::told(&settings.database_url, error);
    let Some(place) = copies::sqlite_file(&settings.database_url).map_err(wrong_url)? else {
        return Err(Error::Usage(FOR_SQLITE.to_owned()));
    };
    let folder = Folder::open(&settings.data_dir)?;
    let _lock = folder.lock_within(LOCK_MAX).await?;
    let of_database = ["", "-wal", "-shm", "-journal", ".new"].map(|end| with_end(&place, end));
    let waiting = [".new", ".next"].map(|end| with_end(&settings.master_key_file, end));
    for path in of_database.into_iter().chain(waiting).chain([folder.file("demo.json")]) {
        if path.exists() {
            return Err(Error::InTheWay { path, hint: "restore into an empty data folder (--data-dir)" });
        }
    }
    let new = with_end(&place, ".new");
    let restored = bring(settings, from, &source, &new).await;
    if restored.is_err() {
        let _ = fs::remove_file(&new);
    }
    let copy = restored?;
    move_into_place(&new, &place)?;
    // It brings the schema up to date and begins the history, and fails if the key is not the database's.
    open_core::core(settings, settings.allow_private_targets).await?.close().await;
    let key_file = settings.master_key.is_none().then_some(&settings.master_key_file);
    let text = format!("The database is restored to {}. Start the server.", place.display());
    Ok(Output::Text(text, json!({ "ok": true, "database": place, "key_file": key_file, "schema": copy.schema })))
}

/// Copies the database to `new` and the key to its place.
async fn bring(settings: &Settings, from: &Path, source: &Path, new: &Path) -> Result<copies::FileCopy> {
    let mut written = private_file(new)?;
    let mut read = File::open(source).map_err(of_file(source))?;
    io::copy(&mut read, &mut written).map_err(of_file(new))?;
    drop(written);
    let copy = copies::settle(new).await.map_err(|error| open_core::told(&settings.database_url, error))?;
    File::open(new).and_then(|file| file.sync_all()).map_err(of_file(new))?;
    let Some(fingerprint) = &copy.master_key else { return Ok(copy) };
    let kept = from.join(KEY);
    let right = |key: &MasterKey| key.fingerprint() == *fingerprint;
    if settings.master_key.as_ref().is_some_and(|key| !right(key)) {
        return Err(Error::Core(inboxops_core::Error::MasterKeyWrong));
    }
    let of_backup = MasterKey::load(&kept).ok().filter(right);
    let Some(key) = of_backup.or_else(|| master_key::with_fingerprint(settings, fingerprint)) else {
        return Err(Error::NoKey { path: kept });
    };
    let place = &settings.master_key_file;
    if settings.master_key.is_none() {
        match MasterKey::load(place) {
            Ok(found) if right(&found) => {}
            _ if place.exists() => {
                return Err(Error::InTheWay { path: place.clone(), hint: "it is not the key of this backup" });
            }
            _ => key.save(place).map_err(Error::Core)?,
        }
    }
    Ok(copy)
}

const FOR_SQLITE: &str =
    "the database is PostgreSQL, which pg_dump and pg_basebackup copy and restore; docs/backup.md has the commands";

fn for_sqlite(settings: &Settings) -> Result<()> {
    if settings.server.is_some() {
        return Err(Error::Usage("the files themselves are copied, so --server has no sense here".to_owned()));
    }
    if settings.on_sqlite() { Ok(()) } else { Err(Error::Usage(FOR_SQLITE.to_owned())) }
}

/// Whether a folder looks like a backup; the log of a running database would be left out.
fn check(from: &Path, source: &Path) -> Result<()> {
    let no = |why| Err(Error::NoBackup { path: from.to_owned(), why });
    if !source.is_file() {
        return no("it has no inboxops.db");
    }
    if fs::metadata(with_end(source, "-wal")).is_ok_and(|log| log.len() > 0) {
        return no("a server uses or used it; make a backup of it with `inboxops backup`");
    }
    Ok(())
}

/// The folder of a backup: a new one, which only its owner can enter, or one that is empty.
fn make(folder: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(of_file(folder))?;
    match fs::read_dir(folder).map_err(of_file(folder))?.next() {
        None => Ok(()),
        Some(_) => Err(Error::InTheWay { path: folder.to_owned(), hint: "a backup needs a folder with nothing in it" }),
    }
}

/// A new file that only its owner can read.
pub(crate) fn private_file(path: &Path) -> Result<File> {
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).map_err(of_file(path))
}

fn move_into_place(new: &Path, place: &Path) -> Result<()> {
    fs::rename(new, place).map_err(of_file(place))?;
    sync_folder(place.parent())
}

/// Makes the names in a folder last.
fn sync_folder(folder: Option<&Path>) -> Result<()> {
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(of_file(folder))
}

fn of_file(path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::File { path: path.to_owned(), source }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    PathBuf::from(path)
}
