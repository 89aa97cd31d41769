//! Runs the real binary in a folder of its own, and talks to it over real sockets.

use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longest time for anything here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder to run in, with a data folder of its own.
pub(crate) struct TestFolder {
    folder: TempDir,
}

/// The result of a command.
#[derive(Debug)]
pub(crate) struct CommandOutput {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl TestFolder {
    pub(crate) fn new() -> TestFolder {
        TestFolder { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The binary in this folder, without settings from the environment.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inboxops"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("INBOXOPS_")) {
            command.env_remove(name);
        }
        command.current_dir(self.path()).args(words).stdin(Stdio::null()).env("INBOXOPS_LOG_LEVEL", "error");
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> CommandOutput {
        CommandOutput::of(self.command(words).output().expect("the binary runs"))
    }

    /// Runs a command that must succeed and print one JSON value.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let done = self.run(&[words, &["--json"]].concat());
        assert_eq!(done.code, Some(0), "{words:?}: {done:?}");
        serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{words:?}: {error}: {done:?}"))
    }

    /// Starts a server and waits until it prints its address.
    pub(crate) fn serve(&self, words: &[&str]) -> TestServer {
        self.serve_with(words, &[])
    }

    pub(crate) fn serve_with(&self, words: &[&str], environment: &[(&str, &str)]) -> TestServer {
        let mut command = self.command(&[&["serve", "--listen", "127.0.0.1:0", "--json"], words].concat());
        command.envs(environment.iter().copied());
        let mut server = TestServer::start(command);
        let line = server.line();
        server.said = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        server
    }
}

impl CommandOutput {
    fn of(output: Output) -> CommandOutput {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        CommandOutput { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A running server; it is killed when it is dropped.
pub(crate) struct TestServer {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// What it printed at the start.
    pub said: Value,
}

impl TestServer {
    pub(crate) fn start(mut command: Command) -> TestServer {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary runs");
        let lines = BufReader::new(child.stdout.take().expect("its output"));
        TestServer { child, lines, said: Value::Null }
    }

    /// The next line on its standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).expect("a line");
        assert!(read > 0, "the server has ended: {:?}", self.child.try_wait());
        line.trim_end().to_owned()
    }

    /// The next line that begins with this.
    pub(crate) fn line_of(&mut self, start: &str) -> String {
        loop {
            let line = self.line();
            if line.trim_start().starts_with(start) {
                return line.trim_start().to_owned();
            }
        }
    }

    pub(crate) fn url(&self) -> &str {
        self.said["url"].as_str().expect("a URL")
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("a signal");
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let from = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a status") {
                return status;
            }
            assert!(from.elapsed() < PATIENCE, "the server does not end");
            std::thread::yield_now();
        }
    }

    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.end()
    }

    /// One request; returns the status and the JSON.
    pub(crate) fn ask(&self, method: &str, path: &str, key: &str, body: Option<&Value>) -> (u16, Value) {
        let address = self.url().trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a header block");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
