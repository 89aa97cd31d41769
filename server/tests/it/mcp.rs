//! `inboxops mcp` against a real server: lines in, lines out, and nothing else on standard output.

use crate::support::{TestFolder, TestServer};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A host's end of the command.
struct Host {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Host {
    fn start(mut command: Command, key: &str) -> Host {
        command.env("INBOXOPS_API_KEY", key).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Host { child, input, output }
    }

    fn say(&mut self, message: &Value) {
        writeln!(self.input.as_mut().expect("its input"), "{message}").expect("it reads");
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.say(&json!({ "jsonrpc": "2.0", "id": method, "method": method, "params": params }));
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(answer["id"], method, "{answer}");
        answer
    }

    /// Closes its input and waits.
    fn end(mut self) -> Option<i32> {
        self.input = None;
        let mut rest = String::new();
        self.output.read_line(&mut rest).expect("its end");
        assert_eq!(rest, "");
        self.child.wait().expect("a status").code()
    }
}

fn tenant(folder: &TestFolder) -> (String, String) {
    let tenant = folder.json(&["tenant", "create", "--name", "Acme", "--plan", "business"]);
    let id = tenant["id"].as_str().expect("an id");
    let inbox = folder.json(&["inbox", "create", "--tenant", id, "--name", "Support"]);
    let key = folder.json(&["key", "create", "--tenant", id, "--name", "model"]);
    (key["key"].as_str().expect("a key").to_owned(), inbox["id"].as_str().expect("an id").to_owned())
}

fn works(command: Command, key: &str, inbox: &str) {
    let mut host = Host::start(command, key);
    let begun =
        host.ask("initialize", json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {} }));
    assert_eq!(begun["result"]["protocolVersion"], "2025-11-25");
    host.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    let tools = host.ask("tools/list", json!({}));
    assert_eq!(tools["result"]["tools"].as_array().map(Vec::len), Some(13));
    let made = json!({ "name": "create_ticket", "arguments": { "subject": "By line", "inbox_id": inbox } });
    let made = host.ask("tools/call", made);
    let number = &made["result"]["structuredContent"]["data"]["ticket_number"];
    assert!(number.is_u64(), "{made}");
    let read = host.ask("tools/call", json!({ "name": "get_ticket", "arguments": { "ticket_id": number } }));
    assert_eq!(read["result"]["structuredContent"]["data"]["subject"], "By line");
    let refused = host.ask("tools/call", json!({ "name": "get_ticket", "arguments": { "ticket_id": "999" } }));
    let error = &refused["result"]["structuredContent"]["error"];
    assert_eq!(error["code"], "ticket_not_found");
    assert!(error["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{refused}");
    assert_eq!(host.end(), Some(0));
}

#[test]
fn a_host_reaches_the_server_by_its_folder_and_by_its_url() {
    let folder = TestFolder::new();
    let server: TestServer = folder.serve(&["--no-demo"]);
    let (key, inbox) = tenant(&folder);
    works(folder.command(&["mcp"]), &key, &inbox);
    works(folder.command(&["--json", "--server", server.url(), "mcp"]), &key, &inbox);
}

#[test]
fn what_is_wrong_at_the_start_is_said_on_standard_error_alone() {
    let folder = TestFolder::new();
    let done = folder.run(&["mcp"]);
    assert_eq!((done.code, done.out.as_str()), (Some(2), ""), "{done:?}");
    assert!(done.err.contains("INBOXOPS_API_KEY"), "{done:?}");
    let server = folder.serve(&["--no-demo"]);
    let wrong = format!("ixk_{}", "0".repeat(42));
    let done = folder.run(&["--json", "mcp", "--key", &wrong]);
    assert_eq!((done.code, done.out.as_str()), (Some(1), ""), "{done:?}");
    assert!(done.err.contains("not valid") && !done.err.contains(&wrong), "{done:?}");
    drop(server);
    let done = folder.run(&["--server", "http://127.0.0.1:1", "mcp", "--key", &wrong]);
    assert_eq!((done.code, done.out.as_str()), (Some(1), ""), "{done:?}");
}
