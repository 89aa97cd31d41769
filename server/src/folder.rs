//! The data folder: private, locked by the process that uses it, with the socket by which commands reach that process.

use crate::error::{Error, Result};
use rustix::{
    fs::{FlockOperation, Mode, flock},
    process::umask,
};
use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::{
        fd::AsRawFd as _,
        unix::{
            ffi::OsStrExt as _,
            fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
        },
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::net::UnixListener;

const LOCK: &str = "inboxops.lock";
const SOCKET: &str = "inboxops.sock";
/// How the names of our files begin: the database with its log, the lock, the keys, the demo.
const OURS: &[&str] = &["inboxops.db", LOCK, "master.key", "demo.json"];
/// Longest path in a socket's address.
const ADDRESS_MAX_BYTES: usize = 107;
/// How often to retry a lock that another process has.
const LOCK_EVERY: Duration = Duration::from_millis(50);

/// A writable data folder.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// The lock on the folder; released when it is dropped, or when the process ends for any reason.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// The socket file; removed when it is dropped.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl Folder {
    /// Opens the folder, and creates it if it is missing.
    pub(crate) fn open(path: &Path) -> Result<Folder> {
        let failed = |source| Error::Folder { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        Ok(Folder { path: path.to_owned() })
    }

    /// Takes the lock; fails while another process has it.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let failed = |source| Error::Folder { path: self.path.clone(), source };
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(self.path.join(LOCK)).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(Error::Locked { path: self.path.clone() }),
            Err(errno) => return Err(failed(errno.into())),
        }
        // The database's own files may be read-only in a writable folder; SQLite would report that much later.
        let probe = self.path.join(".inboxops.probe");
        fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(failed)?;
        Ok(Lock { _file: file })
    }

    /// Takes the lock; waits a while for another process to release it, since commands are short.
    pub(crate) async fn lock_within(&self, patience: Duration) -> Result<Lock> {
        let deadline = Instant::now() + patience;
        loop {
            match self.lock() {
                Err(Error::Locked { .. }) if Instant::now() < deadline => tokio::time::sleep(LOCK_EVERY).await,
                other => return other,
            }
        }
    }

    /// Path of a running server's socket.
    pub(crate) fn socket_path(&self) -> PathBuf {
        socket_path(&self.path)
    }

    /// Creates the socket with mode 0600 from the start: it is bound in a folder that nobody else can enter, and then
    /// moved. Because of the lock, an existing socket file belongs to a dead process.
    pub(crate) fn socket(&self, _lock: &Lock) -> Result<(UnixListener, SocketFile)> {
        let path = self.socket_path();
        let make = || -> io::Result<UnixListener> {
            let private = self.path.join(".inboxops.sock.new");
            let _ = fs::remove_dir_all(&private);
            DirBuilder::new().mode(0o700).create(&private)?;
            let inner = private.join("s");
            let short = ShortPath::of(&inner)?;
            let listener = UnixListener::bind(short.path())?;
            fs::set_permissions(&inner, Permissions::from_mode(0o600))?;
            fs::rename(&inner, &path)?;
            fs::remove_dir(&private)?;
            Ok(listener)
        };
        let listener = make().map_err(|source| Error::Socket { path: path.clone(), source })?;
        Ok((listener, SocketFile(path)))
    }

    /// Takes the rights of other users on our files away: an earlier release left the database, which has mails, to
    /// the process's mask. What cannot be private gets a warning, since some file systems have no modes.
    pub(crate) fn keep_private(&self, database: Option<&Path>) {
        let database = database.filter(|file| file.parent() == Some(self.path.as_path())).and_then(Path::file_name);
        let ours = |name: &OsStr| {
            let begins = |start: &OsStr| name.as_bytes().starts_with(start.as_bytes());
            OURS.iter().map(OsStr::new).chain(database).any(begins)
        };
        if fs::metadata(&self.path).is_ok_and(|folder| is_open(&folder)) {
            let folder = self.path.display();
            tracing::warn!(
                %folder,
                "other users may look into the data folder {folder}; only its own files are private (chmod 700 helps)"
            );
        }
        // What a link leads to is not looked at: it may be anybody's.
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let open = entry.metadata().is_ok_and(|file| file.is_file() && is_open(&file));
            if !open || !ours(&entry.file_name()) {
                continue;
            }
            if let Err(error) = fs::set_permissions(entry.path(), Permissions::from_mode(0o600)) {
                let file = entry.path();
                let file = file.display();
                tracing::warn!(%file, %error, "other users may read {file}: its mode cannot be set to 600");
            }
        }
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Whether other users have any right.
fn is_open(file: &fs::Metadata) -> bool {
    file.permissions().mode() & 0o077 != 0
}

/// Leaves other users no right on files that this process creates. SQLite takes the mask for its files.
pub(crate) fn make_private_files() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// A path short enough for a socket's address, which has 107 bytes. A longer path is reached through its open folder.
pub(crate) struct ShortPath {
    path: PathBuf,
    _folder: Option<File>,
}

impl ShortPath {
    /// For a path whose folder exists.
    pub(crate) fn of(path: &Path) -> io::Result<ShortPath> {
        let (true, Some(folder), Some(name)) =
            (path.as_os_str().len() > ADDRESS_MAX_BYTES, path.parent(), path.file_name())
        else {
            return Ok(ShortPath { path: path.to_owned(), _folder: None });
        };
        let folder = File::open(folder)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
        Ok(ShortPath { path, _folder: Some(folder) })
    }

    /// Valid while this exists.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether a process has ever locked the folder, so that it is one of InboxOps.
pub(crate) fn was_used(data_dir: &Path) -> bool {
    data_dir.join(LOCK).exists()
}

/// Path of the socket of a server with this data folder.
pub(crate) fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join(SOCKET)
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes a file that only its owner can read, completely or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_has_the_lock() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("made/on/the/way");
        let folder = Folder::open(&path).expect("a folder");
        assert_eq!(fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o700);
        let lock = folder.lock().expect("the lock");
        assert!(matches!(folder.lock(), Err(Error::Locked { .. })));
        drop(lock);
        folder.lock().expect("the lock again");
    }

    #[test]
    fn our_files_become_private_and_others_stay_as_they_are() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("data");
        let folder = Folder::open(&path).expect("a folder");
        let ours = [
            "inboxops.db",
            "inboxops.db-wal",
            "inboxops.lock",
            "master.key",
            "master.key.0.old",
            "own.db",
            "own.db-shm",
        ];
        let mode = |name: &str| fs::metadata(path.join(name)).expect("metadata").permissions().mode() & 0o777;
        for name in ours.iter().chain(&["notes.txt"]) {
            fs::write(path.join(name), b"x").expect("a file");
            fs::set_permissions(path.join(name), Permissions::from_mode(0o644)).expect("a mode");
        }
        fs::set_permissions(path.join("master.key"), Permissions::from_mode(0o400)).expect("a mode");
        fs::write(parent.path().join("theirs"), b"x").expect("a file");
        fs::set_permissions(parent.path().join("theirs"), Permissions::from_mode(0o644)).expect("a mode");
        std::os::unix::fs::symlink(parent.path().join("theirs"), path.join("inboxops.db.link")).expect("a link");
        folder.keep_private(Some(&path.join("own.db")));
        assert_eq!(ours.map(mode), [0o600, 0o600, 0o600, 0o400, 0o600, 0o600, 0o600]);
        assert_eq!((mode("notes.txt"), mode("inboxops.db.link")), (0o644, 0o644));
        folder.keep_private(None);
    }

    #[tokio::test]
    async fn a_folder_deep_down_has_a_socket_too() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(&parent.path().join("deep".repeat(30)).join("down".repeat(30))).expect("a folder");
        let lock = folder.lock().expect("the lock");
        let (_listener, _file) = folder.socket(&lock).expect("a socket");
        let path = ShortPath::of(&folder.socket_path()).expect("a way to it");
        tokio::net::UnixStream::connect(path.path()).await.expect("a connection");
    }

    #[tokio::test]
    async fn the_socket_is_the_owners_alone_and_replaces_a_dead_one() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(parent.path()).expect("a folder");
        fs::write(folder.socket_path(), b"dead").expect("a file in the way");
        let lock = folder.lock().expect("the lock");
        let (_listener, file) = folder.socket(&lock).expect("a socket");
        let mode = fs::metadata(folder.socket_path()).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        tokio::net::UnixStream::connect(folder.socket_path()).await.expect("a connection");
        drop(file);
        assert!(!folder.socket_path().exists());
    }
}
