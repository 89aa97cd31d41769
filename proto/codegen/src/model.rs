//! The contract as plain data: what all generators read. It knows protobuf's words but none of its libraries.

mod lookup;
mod names;

pub use names::{rust_path, snake, upper_camel};

/// Everything that the protos say.
#[derive(Debug, Default)]
pub struct Model {
    /// All services, by file and position.
    pub services: Vec<Service>,
    /// All messages; those of `options.proto` are left out.
    pub messages: Vec<Message>,
    /// All enums.
    pub enums: Vec<Enum>,
    /// The encoded `FileDescriptorSet`, imports and custom options included.
    pub descriptors: Vec<u8>,
}

/// A service.
#[derive(Debug)]
pub struct Service {
    /// `TicketService`.
    pub name: String,
    /// `inboxops.v1`.
    pub package: String,
    /// Text of its comment.
    pub comment: String,
    /// Its RPCs.
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
    /// Text of its comment; the first paragraph is the summary.
    pub comment: String,
    /// Full name of the request.
    pub input: String,
    /// Full name of the response.
    pub output: String,
    /// Whether the client sends a stream; refused.
    pub client_streaming: bool,
    /// Whether the server answers with a stream.
    pub server_streaming: bool,
    /// Who may call; a missing one is refused.
    pub policy: Option<Policy>,
    /// What REST adds; all unset when the option is missing.
    pub rest: Rest,
    /// The REST route, when it has one.
    pub http: Option<Http>,
}

/// `inboxops.v1.Policy`.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Scope of an API key.
    pub api_key: Option<String>,
    /// Least role of a session, as the Rust variant: `Admin`.
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
    /// Sessions do without the entitlement.
    pub spares_sessions: bool,
}

/// `inboxops.v1.Rest`.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    /// Status of a success; see [`Rpc::success_status`].
    pub success_status: Option<u16>,
    /// Bool of the response that chooses between `success_status` and 200; left out of the JSON.
    pub success_flag: Option<String>,
    /// Path of the response field, by JSON names, that is the `ETag`.
    pub etag: Option<String>,
    /// Template of `Location`.
    pub location: Option<String>,
    /// Group in the OpenAPI document.
    pub tag: Option<String>,
    /// How a server stream becomes server-sent events.
    pub stream: Option<RestStream>,
}

/// `inboxops.v1.RestStream`: names of fields.
#[derive(Clone, Debug, Default)]
pub struct RestStream {
    /// Of the message: the `id`.
    pub id: String,
    /// Of the message: the `event`.
    pub event: String,
    /// Of the message: the `data`.
    pub data: String,
    /// Of the request: where `Last-Event-ID` goes.
    pub resume: String,
}

/// `google.api.HttpRule`.
#[derive(Clone, Debug)]
pub struct Http {
    /// `get`, `put`, `post`, `delete` or `patch`.
    pub verb: &'static str,
    /// `/api/v1/tickets/{ticket_id}`.
    pub path: String,
    /// What the body is.
    pub body: Body,
    /// Names of the path parameters, in order.
    pub params: Vec<String>,
}

/// What the body of a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none.
    None,
    /// The request message, path parameters aside.
    All,
    /// This field of it.
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
    /// Text of its comment.
    pub comment: String,
    /// Its fields, in the order of the file.
    pub fields: Vec<Field>,
    /// Whether it nests types, maps or `oneof`s; refused.
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
    /// Type.
    pub kind: Kind,
    /// Whether it repeats.
    pub list: bool,
    /// Whether Rust has an `Option`: `optional` scalars and all single messages.
    pub optional: bool,
    /// `field_behavior = REQUIRED`.
    pub required: bool,
    /// Its rules.
    pub rules: Rules,
    /// Text of its comment.
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
    /// A message of ours, by full name.
    Message(String),
    /// `google.protobuf.Timestamp`
    Timestamp,
    /// `google.protobuf.FieldMask`
    FieldMask,
    /// Anything else; refused.
    Other(String),
}

/// `inboxops.v1.FieldRules`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Least number of Unicode scalar values.
    pub min_len: Option<u32>,
    /// Greatest number of Unicode scalar values.
    pub max_len: Option<u32>,
    /// Least number.
    pub min: Option<i64>,
    /// Greatest number.
    pub max: Option<i64>,
    /// Least number of items.
    pub min_items: Option<u32>,
    /// Greatest number of items.
    pub max_items: Option<u32>,
    /// Shape of a string, one of [`FORMATS`].
    pub format: Option<String>,
    /// The strings that are allowed; empty for all.
    pub allowed: Vec<String>,
    /// White space is removed at both ends first.
    pub trim: bool,
    /// JSON `null` is allowed.
    pub nullable: bool,
    /// Query parameter with commas.
    pub csv: bool,
    /// Example.
    pub example: Option<serde_json::Value>,
    /// Reason that a value outside `allowed` is refused with.
    pub reason: Option<String>,
    /// The string is JSON text.
    pub json_text: bool,
    /// The JSON of answers leaves the field out.
    pub grpc_only: bool,
    /// The JSON of answers leaves the field out when it is absent.
    pub omitted: bool,
    /// The JSON of answers always has null.
    pub unset: bool,
    /// Default, for the document only.
    pub default: Option<serde_json::Value>,
    /// What `example` or `default` held when it is no JSON; refused.
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
    /// Text of its comment.
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
    /// Number; 0 is the unspecified one, which JSON does not know.
    pub number: i32,
    /// Text of its comment.
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
    "webhooks:manage",
];
/// Entitlements of plans.
pub const ENTITLEMENTS: &[&str] = &["webhooks", "public_api"];
/// Shapes of strings.
pub const FORMATS: &[&str] = &["uuid", "uuid_or_none", PATH_FORMAT, "email", "url", "header_name", "header_value"];
/// The shape that only path parameters have; the noun judges them, so the gate does not know it.
pub const PATH_FORMAT: &str = "uuid_or_number";
/// The package whose RPCs may have REST routes.
pub const PUBLIC_PACKAGE: &str = "inboxops.v1";
