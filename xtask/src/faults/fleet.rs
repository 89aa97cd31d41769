//! The processes under test: all parts in one, or cores, an edge and workers. Each keeps its address when it restarts,
//! so that callers find it again. It starts, kills, freezes and stops only processes that it started itself, by their
//! ids.

use serde_json::Value;
use std::{
    error::Error,
    fs::{File, OpenOptions},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::time::{Instant, sleep};

type BoxResult<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Longest wait for a process to be ready.
const START_MAX: Duration = Duration::from_secs(60);
/// Longest time for a process to end after SIGTERM.
const STOP_MAX: Duration = Duration::from_secs(25);

/// Role of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Core, edge and worker.
    All,
    /// A core; PostgreSQL has several.
    Core(usize),
    /// An edge.
    Edge,
    /// A worker.
    Worker(usize),
}

/// A process, or the slot of one that died.
pub(super) struct Process {
    pub role: Role,
    address: SocketAddr,
    child: Option<Child>,
}

/// The processes of a run.
pub(super) struct Fleet {
    bin: PathBuf,
    folder: PathBuf,
    /// Folder of the database, if it is SQLite, and of the master key.
    data: PathBuf,
    database_url: Option<String>,
    /// Address of the edge for callers, whichever process has it.
    pub door: SocketAddr,
    cores: Vec<SocketAddr>,
    /// Service tokens of the edge and of workers.
    tokens: Option<(String, String)>,
    processes: Vec<Process>,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for child in self.processes.iter_mut().filter_map(|it| it.child.as_mut()) {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Fleet {
    /// A fleet without processes: programs, folder of the run, and the database if it is not SQLite.
    pub(super) fn new(bin: PathBuf, folder: &Path, data: &Path, database_url: Option<String>) -> BoxResult<Fleet> {
        let cores = if database_url.is_some() { 2 } else { 1 };
        let cores = (0..cores).map(|_| free()).collect::<BoxResult<_>>()?;
        Ok(Fleet {
            bin,
            folder: folder.to_owned(),
            data: data.to_owned(),
            database_url,
            door: free()?,
            cores,
            tokens: None,
            processes: Vec::new(),
        })
    }

    /// Starts all parts in one process.
    pub(super) async fn together(&mut self) -> BoxResult<()> {
        self.processes = vec![Process { role: Role::All, address: self.door, child: None }];
        self.start(Role::All, None).await
    }

    /// Starts separate processes: one core on SQLite, two on PostgreSQL, an edge, two workers.
    pub(super) async fn apart(&mut self) -> BoxResult<()> {
        let edge = self.ask(&["token", "create", "--name", "edge"], "token").await?;
        let worker = self.ask(&["token", "create", "--name", "worker", "--dispatch-only"], "token").await?;
        self.tokens = Some((edge, worker));
        self.stop(Role::All).await?;
        let cores = self.cores.iter().enumerate().map(|(n, address)| (Role::Core(n), *address));
        let workers = [(Role::Worker(0), free()?), (Role::Worker(1), free()?)];
        let all = cores.chain([(Role::Edge, self.door)]).chain(workers);
        self.processes = all.map(|(role, address)| Process { role, address, child: None }).collect();
        for role in self.roles() {
            self.start(role, None).await?;
        }
        Ok(())
    }

    /// The processes that run or should run.
    pub(super) fn roles(&self) -> Vec<Role> {
        self.processes.iter().map(|process| process.role).collect()
    }

    /// Starts a dead process with its fail points, and waits until it is ready.
    pub(super) async fn start(&mut self, role: Role, points: Option<&str>) -> BoxResult<()> {
        let mut command = self.command(&["serve", "--no-demo"]);
        command.env("INBOXOPS_FAILPOINTS", points.unwrap_or_default());
        let address = self.at(role)?.address;
        command.args(["--listen", &address.to_string()]);
        let own = match role {
            Role::All => None,
            Role::Core(_) => {
                command.args(["--role", "core"]);
                None
            }
            Role::Edge | Role::Worker(_) => {
                let (edge, worker) = self.tokens.as_ref().ok_or("no tokens yet")?;
                let (name, token) = if role == Role::Edge { ("edge", edge) } else { ("worker", worker) };
                command.args(["--role", name]).env("INBOXOPS_TOKEN", token);
                let cores: Vec<String> = self.cores.iter().map(|core| format!("http://{core}")).collect();
                command.env("INBOXOPS_CORE", cores.join(","));
                Some(self.folder.join(format!("{role:?}").replace(['(', ')'], "-")))
            }
        };
        if let Some(own) = own {
            command.env("INBOXOPS_DATA_DIR", own).env_remove("INBOXOPS_DATABASE_URL");
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.log()?).spawn()?;
        self.at(role)?.child = Some(child);
        let begin = Instant::now();
        while !matches!(role, Role::Worker(_)) && !ready(address, role).await {
            // A fail point may end it before it is ready: that is a death like any other.
            if self.dead(role)? {
                return Ok(());
            }
            if begin.elapsed() > START_MAX {
                return Err(format!("{role:?} is not ready; see {}", self.folder.join("log").display()).into());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Kills a process as `kill -9` does; returns whether it was alive.
    pub(super) fn kill(&mut self, role: Role) -> BoxResult<bool> {
        let Some(mut child) = self.at(role)?.child.take() else { return Ok(false) };
        let alive = child.try_wait()?.is_none();
        child.kill()?;
        child.wait()?;
        Ok(alive)
    }

    /// Stops a process, and waits until it has ended.
    pub(super) async fn stop(&mut self, role: Role) -> BoxResult<()> {
        self.signal(role, rustix::process::Signal::TERM)?;
        let begin = Instant::now();
        while !self.dead(role)? {
            if begin.elapsed() > STOP_MAX {
                return Err(format!("{role:?} did not stop within {STOP_MAX:?}").into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        let status = self.at(role)?.child.take().and_then(|mut child| child.try_wait().ok().flatten());
        match status {
            Some(status) if status.success() => Ok(()),
            other => Err(format!("{role:?} ended with {other:?} after SIGTERM").into()),
        }
    }

    /// Sends a signal.
    pub(super) fn signal(&mut self, role: Role, signal: rustix::process::Signal) -> BoxResult<()> {
        Ok(rustix::process::kill_process(self.pid(role)?, signal)?)
    }

    /// Its process id.
    pub(super) fn pid(&mut self, role: Role) -> BoxResult<rustix::process::Pid> {
        let id = self.at(role)?.child.as_ref().ok_or("it is dead")?.id();
        rustix::process::Pid::from_raw(i32::try_from(id)?).ok_or_else(|| "no id".into())
    }

    /// Whether a process was killed by a fail point or a trap. Any other end fails the run.
    pub(super) fn dead(&mut self, role: Role) -> BoxResult<bool> {
        let Some(child) = self.at(role)?.child.as_mut() else { return Ok(true) };
        let Some(status) = child.try_wait()? else { return Ok(false) };
        const ABORT: i32 = 6;
        const KILL: i32 = 9;
        match status.signal() {
            Some(ABORT | KILL) => Ok(true),
            None if status.success() => Ok(true),
            _ => Err(format!("{role:?} ended by itself: {status}; see {}", self.folder.join("log").display()).into()),
        }
    }

    /// Runs one of the product's commands; returns a member of its answer.
    pub(super) async fn ask(&self, words: &[&str], member: &str) -> BoxResult<String> {
        let mut command = self.command(words);
        let output = tokio::task::spawn_blocking(move || command.arg("--json").stderr(Stdio::inherit()).output());
        let value: Value = serde_json::from_slice(&output.await??.stdout)?;
        Ok(value[member].as_str().ok_or_else(|| format!("{words:?} has no {member}"))?.to_owned())
    }

    fn at(&mut self, role: Role) -> BoxResult<&mut Process> {
        self.processes.iter_mut().find(|it| it.role == role).ok_or_else(|| format!("no {role:?}").into())
    }

    fn log(&self) -> BoxResult<File> {
        Ok(OpenOptions::new().create(true).append(true).open(self.folder.join("log"))?)
    }

    fn command(&self, words: &[&str]) -> Command {
        // A file that cannot grow must be an error, not a signal.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(&self.bin);
        command.args(words).env("INBOXOPS_DATA_DIR", &self.data);
        command.env("INBOXOPS_LOG_LEVEL", "warn,inboxops_core=info").env("INBOXOPS_ACCESS_LOG", "off");
        command.env("INBOXOPS_WEBHOOKS__ALLOW_PRIVATE_TARGETS", "true");
        command.env("INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE", "1000000");
        if let Some(url) = &self.database_url {
            command.env("INBOXOPS_DATABASE_URL", url);
        }
        command
    }
}

fn free() -> BoxResult<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

async fn ready(address: SocketAddr, role: Role) -> bool {
    let ask = async {
        let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else { return false };
        if matches!(role, Role::Core(_)) {
            return true;
        }
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut start = [0; 12];
        let asked = stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        asked.is_ok() && stream.read_exact(&mut start).await.is_ok() && start.ends_with(b"200")
    };
    tokio::time::timeout(Duration::from_secs(2), ask).await.unwrap_or(false)
}
