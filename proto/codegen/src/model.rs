//! The contract as plain data, which all generators read. It knows protobuf's terms but none of its libraries.

mod lookup;
mod names;

pub use names::{rust_path, snake, upper_camel};

/// Everything that the protos define.
#[derive(Debug, Default)]
pub struct Model {
    /// All services, by file and position.
    pub services: Vec<Service>,
    /// All messages, without those of `options.proto`.
    pub messages: Vec<Message>,
    pub enums: Vec<Enum>,
    /// The encoded `FileDescriptorSet`, with imports and custom options.
    pub descriptors: Vec<u8>,
}

/// A service.
#[derive(Debug)]
pub struct Service {
    /// `TicketService`.
    pub name: String,
    /// `inboxops.v1`.
    pub package: String,
    /// Its comment.
    pub comment: String,
    pub rpcs: Vec<Rpc>,
}

/// An RPC.
#[derive(Debug)]
pub struct Rpc {
    /// `GetTicket`.
    pub name: String,
    /// `inboxops.v1.TicketService.GetTicket`.
    pub full_name: String,
    /// Name of the Rust method: `get_ticket`.
    pub ident: String,
    /// Its comment; the first paragraph is the summary.
    pub comment: String,
    /// Full name of the request message.
    pub input: String,
    /// Full name of the response message.
    pub output: String,
    /// Whether the client sends a stream, which is refused.
    pub client_streaming: bool,
    /// Whether the server answers with a stream.
    pub server_streaming: bool,
    /// Who may call; a missing policy is refused.
    pub policy: Option<Policy>,
    /// The REST options; all unset if the option is missing.
    pub rest: Rest,
    /// The REST route, if it has one.
    pub http: Option<Http>,
    /// The tool of MCP that it is, if any.
    pub tool: Option<Tool>,
}

/// `inboxops.v1.Tool`.
#[derive(Clone, Debug, Default)]
pub struct Tool {
    /// `search_tickets`.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// What it does, for a model.
    pub description: String,
    /// It overwrites or removes something.
    pub destructive: bool,
    /// A repeat changes nothing more.
    pub idempotent: bool,
    /// Text of the JSON object of the arguments that are fixed.
    pub fixed: Option<String>,
    /// Paths that the text of an answer shows.
    pub shows: Vec<String>,
    /// Members that an answer leaves out.
    pub leaves_out: Vec<String>,
}

/// `inboxops.v1.Policy`.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Scope that an API key needs.
    pub api_key: Option<String>,
    /// Scope that is enough as well.
    pub or_api_key: Option<String>,
    /// Least role that a session needs, as the Rust variant: `Admin`.
    pub session: Option<String>,
    /// Service tokens may call.
    pub service: bool,
    /// Dispatch-only tokens may call.
    pub worker: bool,
    /// Anybody may call.
    pub public: bool,
    /// The operator may call.
    pub operator: bool,
    /// Entitlement that the tenant needs.
    pub entitlement: Option<String>,
    /// Sessions need no entitlement.
    pub spares_sessions: bool,
    /// Only the credential is checked.
    pub credential_only: bool,
}

/// `inboxops.v1.Rest`.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    /// Status of a success; see [`Rpc::success_status`].
    pub success_status: Option<u16>,
    /// The bool of the response that selects `success_status` instead of 200; left out of the JSON.
    pub success_flag: Option<String>,
    /// Path of the response field, by JSON names, that becomes the `ETag`.
    pub etag: Option<String>,
    /// Template of `Location`.
    pub location: Option<String>,
    /// Group in the OpenAPI document.
    pub tag: Option<String>,
    /// How a server stream becomes server-sent events.
    pub stream: Option<RestStream>,
    /// No body counts as `{}`.
    pub body_optional: bool,
    /// A server stream is answered as lines of JSON, of which this is an example.
    pub lines: Option<String>,
    /// Names of reasons for refusals that follow from nothing else here.
    pub reasons: Vec<String>,
}

/// `inboxops.v1.RestStream`: names of fields.
#[derive(Clone, Debug, Default)]
pub struct RestStream {
    /// Field of the message: the `id`.
    pub id: String,
    /// Field of the message: the `event`.
    pub event: String,
    /// Field of the message: the `data`.
    pub data: String,
    /// Field of the request: receives `Last-Event-ID`.
    pub resume: String,
}

/// `google.api.HttpRule`.
#[derive(Clone, Debug)]
pub struct Http {
    /// `get`, `put`, `post`, `delete` or `patch`.
    pub verb: &'static str,
    /// `/api/v1/tickets/{ticket_id}`.
    pub path: String,
    /// What the body is read into.
    pub body: Body,
    /// Names of the path parameters, in order.
    pub params: Vec<String>,
}

/// What the body of a request is read into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// No body.
    None,
    /// The request message without its path parameters.
    All,
    /// This field of the request message.
    Field(String),
}

/// A message.
#[derive(Debug)]
pub struct Message {
    /// `Ticket`.
    pub name: String,
    /// `inboxops.v1.Ticket`.
    pub full_name: String,
    /// `inboxops.v1`.
    pub package: String,
    /// Its comment.
    pub comment: String,
    /// Its fields, in file order.
    pub fields: Vec<Field>,
    /// Whether it contains nested types, maps or `oneof`s, which are refused.
    pub nested: bool,
}

/// A field.
#[derive(Debug)]
pub struct Field {
    /// `ticket_number`.
    pub name: String,
    /// Name in JSON: `name`, or the explicit `json_name`.
    pub json: String,
    /// Name in Rust: `r#type`.
    pub ident: String,
    pub kind: Kind,
    /// Whether it is repeated.
    pub list: bool,
    /// Whether Rust has an `Option`: `optional` scalars and all single messages.
    pub optional: bool,
    /// `field_behavior = REQUIRED`.
    pub required: bool,
    pub rules: Rules,
    /// Its comment.
    pub comment: String,
}

/// Type of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `string`
    String,
    /// `bool`
    Bool,
    /// `int32`
    I32,
    /// `uint32`
    U32,
    /// `int64`
    I64,
    /// `uint64`
    U64,
    /// `bytes`
    Bytes,
    /// An enum, by full name.
    Enum(String),
    /// A message of the contract, by full name.
    Message(String),
    /// `google.protobuf.Timestamp`
    Timestamp,
    /// `google.protobuf.FieldMask`
    FieldMask,
    /// Any other type, which is refused.
    Other(String),
}

/// `inboxops.v1.FieldRules`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Least length in Unicode scalar values.
    pub min_len: Option<u32>,
    /// Greatest length in Unicode scalar values.
    pub max_len: Option<u32>,
    /// Least number.
    pub min: Option<i64>,
    /// Greatest number.
    pub max: Option<i64>,
    /// Least number of items.
    pub min_items: Option<u32>,
    /// Greatest number of items.
    pub max_items: Option<u32>,
    /// Format of a string, one of [`FORMATS`].
    pub format: Option<String>,
    /// The allowed strings; empty for all.
    pub allowed: Vec<String>,
    /// Scopes that the values of `allowed` need, in their order.
    pub scopes: Vec<String>,
    /// Without a value, any of `scopes` is needed.
    pub any_scope: bool,
    /// White space at both ends is removed first.
    pub trim: bool,
    /// JSON `null` is allowed.
    pub nullable: bool,
    /// A query parameter with values separated by commas.
    pub csv: bool,
    pub example: Option<serde_json::Value>,
    /// Reason for refusing a value outside `allowed`.
    pub reason: Option<String>,
    /// The string is JSON text, in requests of an object.
    pub json_text: bool,
    /// Left out of the JSON of responses.
    pub grpc_only: bool,
    /// Left out of the JSON of responses when it is absent.
    pub omitted: bool,
    /// Always null in the JSON of responses.
    pub unset: bool,
    /// The only field of its message, in whose place the JSON has its value.
    pub alone: bool,
    /// Name in the JSON of responses, which several fields share of which one is set.
    pub shown_as: Option<String>,
    /// Somebody outside the workspace may have written it.
    pub untrusted: bool,
    /// Default, for the document only.
    pub default: Option<serde_json::Value>,
    /// The text of `example` or `default` if it is not JSON, which is refused.
    pub broken_json: Option<String>,
}

/// An enum.
#[derive(Debug)]
pub struct Enum {
    /// `TicketStatus`.
    pub name: String,
    /// `inboxops.v1.TicketStatus`.
    pub full_name: String,
    /// `inboxops.v1`.
    pub package: String,
    /// Its comment.
    pub comment: String,
    /// Its values, the unspecified one included.
    pub values: Vec<EnumValue>,
}

/// A value of an enum.
#[derive(Debug)]
pub struct EnumValue {
    /// `TICKET_STATUS_OPEN`.
    pub name: String,
    /// Name in JSON: `open`.
    pub json: String,
    /// Number; 0 is the unspecified value, which has no JSON name.
    pub number: i32,
    /// Its comment.
    pub comment: String,
}

/// Scopes of API keys.
pub const SCOPES: &[&str] = &[
    "tickets:read",
    "tickets:write",
    "messages:read",
    "messages:write",
    "tags:read",
    "tags:write",
    "inboxes:read",
    "events:read",
    "webhooks:read",
    "webhooks:manage",
    "audit:read",
];
/// Entitlements of plans.
pub const ENTITLEMENTS: &[&str] = &["webhooks", "public_api"];
/// Formats of strings.
pub const FORMATS: &[&str] =
    &["uuid", "uuid_or_none", PATH_FORMAT, "email", "url", "header_name", "header_value", "http_status"];
/// The format of path parameters only; the noun validates them, so the gate does not know it.
pub const PATH_FORMAT: &str = "uuid_or_number";
/// The package whose RPCs may have REST routes.
pub const PUBLIC_PACKAGE: &str = "inboxops.v1";
