//! The data folder: private, locked by the process that uses it, with the socket by which commands reach that process.

use crate::error::{Error, Result};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::{
        fd::AsRawFd as _,
        unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::net::UnixListener;

const LOCK: &str = "inboxops.lock";
const SOCKET: &str = "inboxops.sock";
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

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
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
