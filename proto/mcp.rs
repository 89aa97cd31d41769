//! MCP: the RPCs that are tools, offered to models. A stateless server for both eras of the protocol, over HTTP
//! ([`routes`]) and over lines of text ([`Server::line`]). The table of tools is generated; a call reads its arguments
//! into the request message as REST reads a body, and passes the gate like any other. It knows no noun.

mod answer;
mod arguments;
mod message;
mod shrink;
mod text;
mod transport;

pub use arguments::ITEMS_MAX;
pub use transport::{BODY_MAX_BYTES, PATH, routes};

use crate::{
    failure::Failure,
    gate::{Called, Rpc, Undecodable},
    reason::{OK, Reason},
    rest::{self, shape::Shaped},
    services::Services,
    trace::Parent,
    v1::GetKeyScopesRequest,
    wire::{self, Origin},
};
use arguments::{Arguments, Read};
use futures_util::future::BoxFuture;
use http::{HeaderMap, header, request::Parts};
use message::{Asked, Era, Work};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use tonic::{
    Code, Response, Status,
    metadata::{Ascii, MetadataMap, MetadataValue},
};

/// Greatest size of the result of a tool, in bytes of JSON.
pub const RESULT_MAX_BYTES: usize = 20_000;
/// Code of the JSON-RPC error for a refusal of the whole request, where HTTP has a status for it.
const REFUSED: i32 = -32000;

/// An RPC as a tool.
struct Tool {
    name: &'static str,
    /// What `tools/list` says of it, as JSON text.
    definition: &'static str,
    rpc: &'static Rpc,
    /// Its arguments that are in the path of REST, and whether each may be a number.
    params: &'static [(&'static str, bool)],
    /// Names of all its arguments.
    arguments: &'static [&'static str],
    /// A JSON object of further ones, which callers cannot give.
    fixed: &'static str,
    /// Whether it answers with a list, and not with one resource.
    lists: bool,
    /// Paths that the text of an answer shows.
    shows: &'static [&'static str],
    /// Members that an answer leaves out.
    leaves_out: &'static [&'static str],
    /// Paths that outsiders may have written.
    untrusted: &'static [&'static str],
    call: fn(&Services, Call) -> BoxFuture<'static, Outcome>,
}

#[allow(clippy::all)]
mod table {
    use super::*;
    include!(concat!(env!("OUT_DIR"), "/tools.rs"));
}
use table::TOOLS;

impl Tool {
    /// Whether a key with these scopes may call it.
    fn is_for(&self, scopes: &[String]) -> bool {
        let policy = &self.rpc.policy;
        let either = [policy.api_key, policy.or_api_key];
        either.into_iter().flatten().any(|scope| scope == "any" || scopes.iter().any(|has| has == scope))
    }
}

/// Who sends a message: the credential, and where it came from.
#[derive(Clone)]
pub struct Caller {
    metadata: MetadataMap,
    origin: Option<Origin>,
    called: Option<Called>,
    trace: Option<Parent>,
}

impl Caller {
    /// A caller with a value for `Authorization`; the server that is called determines the origin.
    pub fn with(bearer: MetadataValue<Ascii>) -> Caller {
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", bearer);
        Caller { metadata, origin: None, called: None, trace: None }
    }

    /// The caller of a request. Conditions and idempotency keys belong to one call, and here a client sends the same
    /// headers with every one.
    fn of(parts: &Parts) -> Caller {
        let mut headers = HeaderMap::new();
        for value in parts.headers.get_all(header::AUTHORIZATION) {
            headers.append(header::AUTHORIZATION, value.clone());
        }
        let trace = parts.extensions.get::<Parent>();
        let called = parts.extensions.get::<Called>();
        if let (Some(_), Some(called)) = (trace, called) {
            called.at(&parts.extensions);
        }
        Caller {
            metadata: MetadataMap::from_headers(headers),
            origin: parts.extensions.get::<Origin>().cloned(),
            called: called.cloned(),
            trace: trace.cloned(),
        }
    }

    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        if let Some(origin) = &self.origin {
            request.extensions_mut().insert(origin.clone());
        }
        if let Some(called) = &self.called {
            request.extensions_mut().insert(called.clone());
        }
        if let Some(trace) = &self.trace {
            request.extensions_mut().insert(trace.clone());
        }
        request
    }

    /// Id of the request: the one that the call's server has answered with, or that of this process.
    fn request_id<'a>(&'a self, answered: &'a MetadataMap) -> &'a str {
        let answered = answered.get(wire::REQUEST_ID).and_then(|id| id.to_str().ok());
        answered.or(self.origin.as_ref().map(|origin| origin.request_id.as_str())).unwrap_or_default()
    }
}

/// A call of a tool, for the generated code.
struct Call {
    tool: &'static Tool,
    caller: Caller,
    arguments: Arguments,
}

impl Call {
    /// Reads the arguments into a message.
    fn read<T: Shaped + DeserializeOwned + Default>(&mut self) -> Read<T> {
        self.arguments.read(self.tool)
    }

    /// The request of the call; the gate answers with the failure once it has admitted the caller.
    fn request<T>(&self, message: T, failure: Option<Failure>) -> tonic::Request<T> {
        let mut request = self.caller.request(message);
        if let Some(failure) = failure {
            request.extensions_mut().insert(Undecodable(failure));
        }
        request
    }
}

/// What a call has answered.
struct Outcome {
    metadata: MetadataMap,
    /// The JSON of REST.
    answer: Result<Value, Failure>,
}

fn outcome<T: Serialize>(answer: Result<Response<T>, Status>) -> Outcome {
    match answer {
        Err(status) => Outcome { metadata: status.metadata().clone(), answer: Err(Failure::of(&status)) },
        Ok(response) => {
            let (metadata, message, _) = response.into_parts();
            let answer = serde_json::to_value(&message).map_err(|error| {
                tracing::error!(%error, "the answer of a tool has no JSON form");
                Failure::new(Reason::InternalError)
            });
            Outcome { metadata, answer }
        }
    }
}

/// What is sent back.
enum Reply {
    /// A message, with the HTTP status that suits it.
    Message { status: u16, body: Value, metadata: MetadataMap },
    /// The client's message needs no answer.
    Nothing { metadata: MetadataMap },
    /// The caller is not let in.
    Refused { id: Option<Value>, failure: Failure, metadata: MetadataMap },
}

/// The server: it keeps nothing between two messages.
#[derive(Clone)]
pub struct Server {
    services: Services,
}

impl Server {
    /// A server whose tools call these services.
    pub fn new(services: Services) -> Server {
        Server { services }
    }

    /// The scopes of the caller's key. Neither counted nor refused for a plan, so that a client can always connect; a
    /// call of a tool then says what is missing.
    pub async fn scopes(&self, caller: &Caller) -> Result<Response<Vec<String>>, Status> {
        let asked = self.services.identity().get_key_scopes(caller.request(GetKeyScopesRequest {})).await;
        asked.map(|answer| answer.map(|told| told.scopes))
    }

    /// Answers a line of the stdio transport; `None` if it needs no answer.
    pub async fn line(&self, caller: &Caller, line: &[u8]) -> Option<String> {
        match self.answer(caller, None, line).await {
            Reply::Nothing { .. } => None,
            Reply::Message { body, .. } => Some(body.to_string()),
            Reply::Refused { id, failure, metadata } => {
                let data = rest::error_value(&failure, caller.request_id(&metadata), true);
                Some(message::error(id, REFUSED, &failure.message, Some(data)).to_string())
            }
        }
    }

    /// The refusal of a caller whose scopes are not told.
    fn refused(id: Option<Value>, status: &Status) -> Reply {
        Reply::Refused { id, failure: Failure::of(status), metadata: status.metadata().clone() }
    }

    /// Answers a message. A call of a tool is authenticated, counted and refused by its own RPC; for anything else, and
    /// for what cannot be read, the credential is checked first.
    async fn answer(&self, caller: &Caller, headers: Option<&HeaderMap>, bytes: &[u8]) -> Reply {
        let asked = match message::read(bytes, headers) {
            Ok(Asked { id, era, work: Work::Call { tool, arguments } }) => {
                return self.call(caller, (id, era), tool, arguments).await;
            }
            other => other,
        };
        let id = match &asked {
            Ok(asked) => asked.id.clone(),
            Err(refused) => refused.id.clone(),
        };
        let scopes = match self.scopes(caller).await {
            Ok(scopes) => scopes,
            Err(status) => return Server::refused(id, &status),
        };
        let (metadata, scopes, _) = scopes.into_parts();
        let (era, result) = match asked {
            Err(refused) => {
                let (status, body) = refused.answer();
                return Reply::Message { status, body, metadata };
            }
            Ok(Asked { era, work, .. }) => match work {
                Work::Nothing => return Reply::Nothing { metadata },
                Work::Initialize(version) => (era, answer::initialize(version.as_deref())),
                Work::Discover => (era, answer::discover()),
                Work::Ping => (era, answer::empty()),
                Work::List => (era, answer::tools(era, &scopes)),
                // It was answered above.
                Work::Call { .. } => return Reply::Nothing { metadata },
            },
        };
        Reply::Message { status: OK, body: message::result(id, era, result), metadata }
    }

    async fn call(
        &self,
        caller: &Caller,
        (id, era): (Option<Value>, Era),
        tool: &'static Tool,
        raw: Option<&RawValue>,
    ) -> Reply {
        let arguments = Arguments::of(tool, raw);
        let position = arguments.position.clone();
        let call = Call { tool, caller: caller.clone(), arguments };
        let Outcome { metadata, answer } = (tool.call)(&self.services, call).await;
        let result = match answer {
            Ok(value) => answer::success(tool, &position, value),
            Err(failure) if is_of_a_stranger(&failure) => {
                return Reply::Refused { id, failure, metadata };
            }
            Err(failure) => answer::failure(&failure, caller.request_id(&metadata), tool.rpc.has_body),
        };
        Reply::Message { status: OK, body: message::result(id, era, result), metadata }
    }
}

/// Whether the refusal is of a credential, and not of a caller who is known.
fn is_of_a_stranger(failure: &Failure) -> bool {
    let by_address = failure.facts.iter().any(|(name, value)| *name == "limit_scope" && value == "ip");
    failure.reason.code() == Code::Unauthenticated || by_address
}
