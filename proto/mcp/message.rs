//! JSON-RPC messages of both eras of MCP: what a message asks for, and the refusal of one that cannot be read. Until
//! 2025-11-25 a client begins with `initialize`; since 2026-07-28 each message stands alone, names its version in its
//! body, and over HTTP repeats in headers what it asks for.

use super::{TOOLS, Tool};
use crate::{
    json::Object,
    reason::{NO_SUCH_METHOD, OK, UNREADABLE},
};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::borrow::Cow;

/// The version of the era without a handshake.
pub(super) const NEW: &str = "2026-07-28";
/// Versions of the era with a handshake, the newest first.
pub(super) const OLD: &[&str] = &["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
const VERSION: &str = "mcp-protocol-version";
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";
/// Longest id of a message, in bytes: an answer repeats it.
const ID_MAX_BYTES: usize = 256;

const UNPARSABLE: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const HEADER_MISMATCH: i32 = -32020;
const UNSUPPORTED_VERSION: i32 = -32022;

/// The era of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// With a handshake.
    Old,
    /// Without one.
    New,
}

/// A message that can be answered.
pub(super) struct Asked<'a> {
    pub(super) id: Option<Value>,
    pub(super) era: Era,
    pub(super) work: Work<'a>,
}

/// What it asks for.
pub(super) enum Work<'a> {
    /// A notification, or an answer to a question that was never asked.
    Nothing,
    /// With the version that the client wants.
    Initialize(Option<String>),
    Discover,
    Ping,
    List,
    Call {
        tool: &'static Tool,
        arguments: Option<&'a RawValue>,
    },
}

/// A message that is refused.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) id: Option<Value>,
    era: Era,
    fault: Fault,
}

/// A JSON-RPC error.
#[derive(Debug)]
struct Fault {
    code: i32,
    message: Cow<'static, str>,
    data: Option<Value>,
}

impl Fault {
    fn new(code: i32, message: impl Into<Cow<'static, str>>) -> Fault {
        Fault { code, message: message.into(), data: None }
    }

    fn unsupported(asked: &str) -> Fault {
        let message = "This version of the protocol is not known here.";
        let asked: String = asked.chars().take(ID_MAX_BYTES).collect();
        let data = json!({ "supported": versions(), "requested": asked });
        Fault { data: Some(data), ..Fault::new(UNSUPPORTED_VERSION, message) }
    }

    /// The older era has errors of JSON-RPC in answers that HTTP calls successes, unless nothing could be read.
    fn status(&self, era: Era) -> u16 {
        match (self.code, era) {
            (METHOD_NOT_FOUND, Era::New) => NO_SUCH_METHOD,
            (METHOD_NOT_FOUND | INVALID_PARAMS, Era::Old) => OK,
            _ => UNREADABLE,
        }
    }
}

impl Refused {
    /// The HTTP status and the message that refuses.
    pub(super) fn answer(self) -> (u16, Value) {
        let status = self.fault.status(self.era);
        (status, error(self.id, self.fault.code, &self.fault.message, self.fault.data))
    }
}

/// Every version, the newest first.
pub(super) fn versions() -> Vec<&'static str> {
    std::iter::once(NEW).chain(OLD.iter().copied()).collect()
}

/// An error as a message. An id that could not be read is left out.
pub(super) fn error(id: Option<Value>, code: i32, text: &str, data: Option<Value>) -> Value {
    let mut message = json!({ "jsonrpc": "2.0" });
    if let Some(id) = id {
        message["id"] = id;
    }
    message["error"] = json!({ "code": code, "message": text });
    if let Some(data) = data {
        message["error"]["data"] = data;
    }
    message
}

/// A result as a message.
pub(super) fn result(id: Option<Value>, era: Era, mut result: Value) -> Value {
    if era == Era::New {
        result["resultType"] = "complete".into();
    }
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    jsonrpc: String,
    #[serde(default, deserialize_with = "crate::json::read_present")]
    id: Option<Value>,
    #[serde(default)]
    method: Option<String>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Params<'a> {
    #[serde(default)]
    name: Option<String>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(default, rename = "protocolVersion")]
    version: Option<String>,
    #[serde(default, rename = "_meta")]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default, rename = "io.modelcontextprotocol/protocolVersion")]
    version: Option<String>,
}

/// Reads a message; `headers` are those of HTTP, and absent on the stdio transport.
pub(super) fn read<'a>(bytes: &'a [u8], headers: Option<&HeaderMap>) -> Result<Asked<'a>, Box<Refused>> {
    let says_new = headers.and_then(|headers| headers.get(VERSION)).is_some_and(|version| version == NEW);
    let guessed = if says_new { Era::New } else { Era::Old };
    let refuse = |id: Option<&Value>, era: Era, fault: Fault| Box::new(Refused { id: id.cloned(), era, fault });
    let envelope: Envelope<'a> = match serde_json::from_slice(bytes) {
        Ok(Object(envelope)) => envelope,
        Err(broken) => return Err(refuse(None, guessed, unreadable(&broken, bytes))),
    };
    let Envelope { jsonrpc, id, method, params } = envelope;
    if let Some(fault) = malformed(&jsonrpc, id.as_ref()) {
        return Err(refuse(id.as_ref().filter(|id| is_id(id)), guessed, fault));
    }
    let Some(method) = method else {
        return match id {
            Some(_) => Ok(Asked { id: None, era: guessed, work: Work::Nothing }),
            None => Err(refuse(None, guessed, Fault::new(INVALID_REQUEST, "The message has no method."))),
        };
    };
    let params: Params<'a> = match params.map(|raw| serde_json::from_str(raw.get())) {
        None => Params::default(),
        Some(Ok(Object(params))) => params,
        Some(Err(_)) => {
            let fault = Fault::new(INVALID_PARAMS, "`params` must be an object, with members of the right types.");
            return Err(refuse(id.as_ref(), guessed, fault));
        }
    };
    let era = match era(headers, &method, &params, id.is_some()) {
        Ok(era) => era,
        Err(fault) => return Err(refuse(id.as_ref(), guessed, fault)),
    };
    if id.is_none() {
        return Ok(Asked { id, era, work: Work::Nothing });
    }
    if let (Era::New, Some(headers)) = (era, headers)
        && let Some(fault) = misrouted(headers, &method, params.name.as_deref())
    {
        return Err(refuse(id.as_ref(), era, fault));
    }
    match work(era, &method, params) {
        Ok(work) => Ok(Asked { id, era, work }),
        Err(fault) => Err(refuse(id.as_ref(), era, fault)),
    }
}

fn unreadable(broken: &serde_json::Error, bytes: &[u8]) -> Fault {
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Fault::new(INVALID_REQUEST, "Batches are not taken: send one message at a time.");
    }
    if broken.is_data() {
        return Fault::new(INVALID_REQUEST, "The message must be a JSON-RPC 2.0 object.");
    }
    Fault::new(UNPARSABLE, "The message is not well-formed JSON.")
}

fn malformed(jsonrpc: &str, id: Option<&Value>) -> Option<Fault> {
    if jsonrpc != "2.0" {
        return Some(Fault::new(INVALID_REQUEST, "`jsonrpc` must be \"2.0\"."));
    }
    let wrong = id.is_some_and(|id| !is_id(id));
    wrong.then(|| Fault::new(INVALID_REQUEST, "`id` must be a short string or a whole number."))
}

fn is_id(id: &Value) -> bool {
    match id {
        Value::String(text) => text.len() <= ID_MAX_BYTES,
        Value::Number(number) => number.is_i64() || number.is_u64(),
        _ => false,
    }
}

fn is_known(version: &str) -> bool {
    version == NEW || OLD.contains(&version)
}

/// The era that header and body agree on. A handshake has no version yet, so its header is not read.
fn era(headers: Option<&HeaderMap>, method: &str, params: &Params<'_>, asks: bool) -> Result<Era, Fault> {
    let said = params.meta.as_ref().and_then(|meta| meta.version.as_deref());
    let Some(headers) = headers else {
        return match said {
            Some(NEW) => Ok(Era::New),
            Some(version) if !is_known(version) => Err(Fault::unsupported(version)),
            _ => Ok(Era::Old),
        };
    };
    let header = single(headers, VERSION)?;
    if method == "initialize" && header != Some(NEW) {
        return Ok(Era::Old);
    }
    match (header, said) {
        (Some(version), _) | (_, Some(version)) if !is_known(version) => Err(Fault::unsupported(version)),
        (Some(NEW), None) if asks => {
            let message = "`params._meta` must name the version as `io.modelcontextprotocol/protocolVersion`.";
            Err(Fault::new(INVALID_PARAMS, message))
        }
        (Some(header), Some(said)) if header != said => Err(mismatch("MCP-Protocol-Version")),
        (None, Some(NEW)) => Err(mismatch("MCP-Protocol-Version")),
        (Some(NEW), _) => Ok(Era::New),
        _ => Ok(Era::Old),
    }
}

/// The value of a header that may be there once.
fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Fault::new(HEADER_MISMATCH, format!("The header `{name}` is there more than once.")));
    }
    // A value that is no text equals nothing in the body.
    Ok(first.map(|value| value.to_str().unwrap_or_default()))
}

fn mismatch(name: &str) -> Fault {
    Fault::new(HEADER_MISMATCH, format!("The header `{name}` must say what the body says."))
}

/// Whether the headers by which proxies route differ from the body.
fn misrouted(headers: &HeaderMap, method: &str, tool: Option<&str>) -> Option<Fault> {
    let wrong = |name: &'static str, body: Option<&str>| match single(headers, name) {
        Err(fault) => Some(fault),
        Ok(header) => (header != body).then(|| mismatch(name)),
    };
    let calls = method == "tools/call";
    wrong(METHOD, Some(method)).or_else(|| if calls { wrong(NAME, tool) } else { None })
}

fn work<'a>(era: Era, method: &str, params: Params<'a>) -> Result<Work<'a>, Fault> {
    match (era, method) {
        (Era::Old, "initialize") => Ok(Work::Initialize(params.version)),
        (Era::New, "server/discover") => Ok(Work::Discover),
        (_, "ping") => Ok(Work::Ping),
        (_, "tools/list") => Ok(Work::List),
        (_, "tools/call") => {
            let name = params.name.ok_or_else(|| Fault::new(INVALID_PARAMS, "`params.name` must name a tool."))?;
            let tool = TOOLS.iter().find(|tool| tool.name == name);
            let tool = tool.ok_or_else(|| Fault::new(INVALID_PARAMS, "There is no tool with this name."))?;
            Ok(Work::Call { tool, arguments: params.arguments })
        }
        _ => Err(Fault::new(METHOD_NOT_FOUND, "There is no such method.")),
    }
}
