//! Fresh PostgreSQL databases for tests: on the server that `INBOXOPS_TEST_POSTGRES_URL` names, or on a temporary
//! cluster that the first test of the process starts. It knows no schema.

use std::{
    ffi::OsString,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// Names a server on which tests may create databases; without it a temporary cluster is started.
pub(crate) const URL_VARIABLE: &str = "INBOXOPS_TEST_POSTGRES_URL";
/// Longest time for a temporary cluster to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The account under which a cluster runs when the tests run as root, which PostgreSQL refuses.
const ACCOUNT: &str = "postgres";

/// A fresh database.
#[derive(Clone, Debug)]
pub struct Postgres {
    pub url: String,
    server: String,
    name: String,
}

impl Postgres {
    /// Runs SQL as the database's owner, with the installed `psql`.
    pub fn run(&self, sql: &str) {
        psql(&self.url, sql);
    }

    /// Whether a query returns rows.
    pub fn has(&self, sql: &str) -> bool {
        !psql(&self.url, sql).is_empty()
    }

    /// Ends all its connections, as a restart of the server would.
    pub fn cut(&self) {
        let name = &self.name;
        psql(&self.server, &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
    }

    /// Stops the whole cluster as a power cut would, and starts it again. On a server of your own it only ends all
    /// connections.
    pub fn restart(&self) {
        if std::env::var(URL_VARIABLE).is_ok() {
            return self.cut();
        }
        let data = psql(&self.server, "SHOW data_directory");
        let done = as_account(is_root(), &program("pg_ctl"))
            .args(["restart", "-m", "immediate", "-l", "log-of-restarts", "-D", data.trim()])
            .current_dir(data.trim())
            .stdout(Stdio::null())
            .status()
            .expect("pg_ctl starts");
        assert!(done.success(), "pg_ctl could not restart the cluster");
    }

    /// Makes the database take writes or not, as a host with a full disk does. Sessions that run keep what they began
    /// with; when it stops taking writes, they are ended.
    pub fn take_writes(&self, yes: bool) {
        let name = &self.name;
        psql(&self.server, &format!("ALTER DATABASE {name} SET default_transaction_read_only = {}", !yes));
        if !yes {
            self.cut();
        }
    }

    /// Allows or refuses new connections.
    pub fn let_in(&self, yes: bool) {
        let name = &self.name;
        psql(&self.server, &format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {yes}"));
    }
}

/// A fresh database. It exists until the cluster ends; on a server of your own its name starts with `inboxops_test_`.
pub fn postgres() -> Postgres {
    static SERVER: OnceLock<String> = OnceLock::new();
    // No test outlives the machine; what a killed process has committed is safe without fsync.
    fresh(SERVER.get_or_init(|| std::env::var(URL_VARIABLE).unwrap_or_else(|_| start("fsync=off"))))
}

/// A fresh database whose commits wait for the disk, as in production, for benchmarks.
pub fn durable_postgres() -> Postgres {
    static SERVER: OnceLock<String> = OnceLock::new();
    fresh(SERVER.get_or_init(|| std::env::var(URL_VARIABLE).unwrap_or_else(|_| start("fsync=on"))))
}

/// Writes a dump of a database to a file, while it is used.
pub fn dump(url: &str, path: &Path) {
    let output = Command::new(program("pg_dump")).args(["-Fc", "-f"]).arg(path).arg(url).output();
    let output = output.expect("pg_dump starts: it is one of PostgreSQL's programs");
    assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
}

/// Restores a dump into an empty database.
pub fn restore(url: &str, path: &Path) {
    let output = Command::new(program("pg_restore")).args(["--no-owner", "-d", url]).arg(path).output();
    let output = output.expect("pg_restore starts: it is one of PostgreSQL's programs");
    assert!(output.status.success(), "pg_restore: {}", String::from_utf8_lossy(&output.stderr));
}

fn fresh(server: &str) -> Postgres {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("inboxops_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    // Two at a time would conflict over the template.
    static ONE: Mutex<()> = Mutex::new(());
    let held = ONE.lock();
    psql(server, &format!("CREATE DATABASE {name}"));
    drop(held);
    let (front, query) = server.split_once('?').map_or((server, None), |(front, query)| (front, Some(query)));
    let base = match front.splitn(4, '/').count() {
        4 => front.rsplit_once('/').map_or(front, |(base, _)| base),
        _ => front,
    };
    let url = format!("{base}/{name}{}", query.map(|query| format!("?{query}")).unwrap_or_default());
    Postgres { url, server: server.to_owned(), name }
}

fn psql(url: &str, sql: &str) -> String {
    let mut command = Command::new(program("psql"));
    let output = command.args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).output();
    let output = output.expect("psql starts: tests need PostgreSQL's programs");
    assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Starts a cluster in a temporary folder. A shell watches this process and stops the cluster when the process has
/// ended for any reason.
#[expect(clippy::zombie_processes, reason = "it runs until after this process has ended")]
fn start(durability: &str) -> String {
    let folder = tempfile::Builder::new().prefix("inboxops-postgres-").tempdir().expect("a temporary folder").keep();
    let data = folder.join("data");
    let root = is_root();
    if root {
        own(&folder);
    }
    let initdb = as_account(root, &program("initdb"))
        .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-instructions", "-D"])
        .arg(&data)
        .current_dir(&folder)
        .output()
        .expect("initdb starts");
    assert!(initdb.status.success(), "initdb: {}", String::from_utf8_lossy(&initdb.stderr));
    let port = free_port();
    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        format!("unix_socket_directories={}", folder.display()),
        "max_connections=300".to_owned(),
        durability.to_owned(),
        "shared_buffers=64MB".to_owned(),
        "max_prepared_transactions=8".to_owned(),
    ];
    let mut server = as_account(root, &program("postgres"));
    server.arg("-D").arg(&data).current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::null());
    server.stderr(fs::File::create(folder.join("log")).expect("a log file"));
    for setting in &settings {
        server.args(["-c", setting]);
    }
    let server = server.spawn().expect("postgres starts");
    watch(&server, &data, &folder);
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    wait_until_ready(&url, &folder);
    url
}

fn wait_until_ready(url: &str, folder: &Path) {
    let begin = Instant::now();
    let ready = || {
        let mut command = Command::new(program("psql"));
        command.args(["-X", "-q", "-c", "SELECT 1", url]).stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    while !ready().is_ok_and(|status| status.success()) {
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(begin.elapsed() < START_TIMEOUT, "PostgreSQL does not answer: {}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Starts a shell that outlives even `kill -9` of the tests. It has its own process group, so that Ctrl-C does not
/// reach it too early.
#[expect(clippy::zombie_processes, reason = "it runs until after this process has ended")]
fn watch(server: &Child, data: &Path, folder: &Path) {
    use std::os::unix::process::CommandExt as _;
    let script = "while kill -0 \"$1\" 2>/dev/null; do sleep 0.5; done; \
                  pid=$(head -n 1 \"$2/postmaster.pid\" 2>/dev/null); \
                  kill -QUIT \"${pid:-$3}\" 2>/dev/null; sleep 1; rm -rf \"$4\"";
    Command::new("sh")
        .args(["-c", script, "sh", &std::process::id().to_string()])
        .arg(data)
        .arg(server.id().to_string())
        .arg(folder)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh starts");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("the address of a listener").port()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id starts");
    id.stdout == b"0\n"
}

fn own(folder: &Path) {
    let done = Command::new("chown").arg(ACCOUNT).arg(folder).status().expect("chown starts");
    assert!(done.success(), "cannot give the cluster's folder to the account {ACCOUNT}");
}

fn as_account(root: bool, program: &Path) -> Command {
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"]).arg(program);
    command
}

/// The program of the newest installation, or the one on the PATH.
fn program(name: &str) -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = installed
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin").join(name))))
        .filter(|(_, path)| path.exists())
        .collect();
    versions.sort();
    versions.pop().map_or_else(|| PathBuf::from(OsString::from(name)), |(_, path)| path)
}
