//! A server of the benchmark: the release binary in a process of its own, with a tenant, an inbox, a key and an
//! endpoint at a receiver in this process. Dropping it ends the process.

use serde_json::Value;
use std::{
    error::Error,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Longest wait for a server to answer.
const START_MAX: Duration = Duration::from_secs(30);

/// A process that ends when this is dropped.
pub(super) struct ServerProcess {
    child: Child,
    pub address: SocketAddr,
}

impl ServerProcess {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a server is started.
pub(super) struct Plan<'a> {
    pub bin: &'a Path,
    pub data: PathBuf,
    /// Database; SQLite in the data folder if unset.
    pub database_url: Option<&'a str>,
    /// Greatest number of writes in one transaction, if not the default.
    pub write_group_max: Option<usize>,
}

/// The tenant's ids and key, for requests.
pub(crate) struct Tenant {
    pub id: String,
    pub inbox: String,
    /// A full API key.
    pub key: String,
}

impl Plan<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.bin);
        command
            .args(arguments)
            .arg("--data-dir")
            .arg(&self.data)
            .env("INBOXOPS_LOG_LEVEL", "error")
            .env("INBOXOPS_ACCESS_LOG", "off");
        command
            .env("INBOXOPS_WEBHOOKS__ALLOW_PRIVATE_TARGETS", "true")
            .env("INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE", "1000000");
        if let Some(url) = self.database_url {
            command.env("INBOXOPS_DATABASE_URL", url);
        }
        if let Some(max) = self.write_group_max {
            command.env("INBOXOPS_WRITE_GROUP_MAX", max.to_string());
        }
        command
    }

    /// Starts the server and waits until it is ready.
    pub(super) fn start(&self) -> Result<ServerProcess, Box<dyn Error>> {
        self.start_with(&[])
    }

    /// The same with more flags.
    pub(super) fn start_with(&self, flags: &[&str]) -> Result<ServerProcess, Box<dyn Error>> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listen = address.to_string();
        let mut command = self.command(&["serve", "--no-demo", "--listen", &listen]);
        command.args(flags);
        let child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()?;
        let running = ServerProcess { child, address };
        let begin = Instant::now();
        // The port is bound before the core is open, so a connection alone proves nothing.
        while !ready(address) {
            if begin.elapsed() > START_MAX {
                return Err("the server does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }

    /// Makes a tenant through the running server's local socket.
    pub(super) fn tenant(&self) -> Result<Tenant, Box<dyn Error>> {
        let id = self.ask(&["tenant", "create", "--name", "Bench", "--plan", "business", "--json"], "id")?;
        let inbox = self.ask(
            &["inbox", "create", "--tenant", &id, "--name", "Support", "--address", "s@example.com", "--json"],
            "id",
        )?;
        let key = self.ask(&["key", "create", "--tenant", &id, "--name", "bench", "--json"], "key")?;
        Ok(Tenant { id, inbox, key })
    }

    /// Runs statements in the database of a stopped server.
    pub(super) fn sql(&self, sql: &str) -> Result<(), Box<dyn Error>> {
        let mut command = match self.database_url {
            Some(url) => {
                let mut psql = Command::new("psql");
                psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, url]);
                psql
            }
            None => {
                // Python's own SQLite may be older than this function.
                const SCRIPT: &str = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\n\
                                      db.create_function('unhex', 1, bytes.fromhex)\ndb.executescript(sys.argv[2])";
                let mut python = Command::new("python3");
                python.args(["-c", SCRIPT]).arg(self.data.join("inboxops.db")).arg(sql);
                python
            }
        };
        if command.status()?.success() { Ok(()) } else { Err("the rows could not be made".into()) }
    }

    fn ask(&self, arguments: &[&str], member: &str) -> Result<String, Box<dyn Error>> {
        let output = self.command(arguments).stderr(Stdio::inherit()).output()?;
        let value: Value = serde_json::from_slice(&output.stdout)?;
        Ok(value[member].as_str().ok_or_else(|| format!("{arguments:?} has no {member}"))?.to_owned())
    }
}

fn ready(address: SocketAddr) -> bool {
    use std::io::{Read as _, Write as _};
    let ask = || {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok::<_, std::io::Error>(start.ends_with(b"200"))
    };
    ask().unwrap_or(false)
}

/// Starts the floor on a database that no server has open.
pub(super) fn floor(database_url: &str, tenant: &str) -> Result<ServerProcess, Box<dyn Error>> {
    let mut child =
        Command::new(std::env::current_exe()?).args(["floor", database_url, tenant]).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    Ok(ServerProcess { child, address: line.trim().parse()? })
}
