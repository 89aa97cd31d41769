//! The contract as plain data: what all generators read. It knows protobuf's words but none of its libraries.

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
pub const FORMATS: &[&str] = &["uuid", "uuid_or_none", "email", "url"];
/// The package whose RPCs may have REST routes.
pub const PUBLIC_PACKAGE: &str = "inboxops.v1";

impl Model {
    /// The message with this full name; reading the protos made sure that there is one.
    pub fn message(&self, full_name: &str) -> &Message {
        self.messages.iter().find(|message| message.full_name == full_name).expect("a message that the protos define")
    }

    /// The enum with this full name; reading the protos made sure that there is one.
    pub fn enumeration(&self, full_name: &str) -> &Enum {
        self.enums.iter().find(|item| item.full_name == full_name).expect("an enum that the protos define")
    }

    /// All RPCs with a REST route.
    pub fn routes(&self) -> impl Iterator<Item = (&Service, &Rpc, &Http)> {
        let rpcs = self.services.iter().flat_map(|service| service.rpcs.iter().map(move |rpc| (service, rpc)));
        rpcs.filter_map(|(service, rpc)| rpc.http.as_ref().map(|http| (service, rpc, http)))
    }

    /// Fields of the request that are query parameters.
    pub fn query_fields<'a>(&'a self, rpc: &'a Rpc, http: &'a Http) -> Vec<&'a Field> {
        let fields = self.message(&rpc.input).fields.iter();
        let elsewhere = |field: &Field| match &http.body {
            Body::All => true,
            Body::Field(name) => *name == field.name || field.kind == Kind::FieldMask,
            Body::None => false,
        };
        fields.filter(|field| !http.params.contains(&field.name) && !elsewhere(field)).collect()
    }

    /// The message that the body is read into, when there is a body.
    pub fn body_message<'a>(&'a self, rpc: &Rpc, http: &Http) -> Option<&'a Message> {
        match &http.body {
            Body::None => None,
            Body::All => Some(self.message(&rpc.input)),
            Body::Field(name) => match &self.message(&rpc.input).field(name)?.kind {
                Kind::Message(full_name) => Some(self.message(full_name)),
                _ => None,
            },
        }
    }

    /// The fields along a path of JSON names from a message on: `data.version`.
    pub fn path_fields<'a>(&'a self, message: &'a Message, path: &str) -> Option<Vec<&'a Field>> {
        let mut at = Some(message);
        let mut fields = Vec::new();
        for name in path.split('.') {
            let field = at?.fields.iter().find(|field| field.json == name && !field.list)?;
            at = match &field.kind {
                Kind::Message(full_name) => Some(self.message(full_name)),
                _ => None,
            };
            fields.push(field);
        }
        Some(fields)
    }
}

impl Service {
    /// `tickets`: its name among the services.
    pub fn field(&self) -> String {
        let noun = snake(self.name.strip_suffix("Service").unwrap_or(&self.name));
        match noun.as_str() {
            "identity" | "dispatch" => noun,
            _ if noun.ends_with('y') && !noun.ends_with("ey") => format!("{}ies", &noun[..noun.len() - 1]),
            _ if noun.ends_with('x') => format!("{noun}es"),
            _ => format!("{noun}s"),
        }
    }

    /// `inboxops.v1.TicketService`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.package, self.name)
    }
}

impl Rpc {
    /// Status of a success.
    pub fn success_status(&self) -> u16 {
        self.rest.success_status.unwrap_or(200)
    }
}

impl Message {
    /// The field with this proto name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Enum {
    /// The values that JSON knows.
    pub fn json_values(&self) -> impl Iterator<Item = &EnumValue> {
        self.values.iter().filter(|value| value.number != 0)
    }
}

impl Http {
    /// The path with its parameters nameless, so that equal shapes are equal.
    pub fn shape(&self) -> String {
        let parts = self.path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        parts.collect::<Vec<_>>().join("/")
    }
}

/// The path of a message or enum in the contract crate: `crate::v1::Ticket`.
pub fn rust_path(full_name: &str) -> String {
    format!("crate::{}", full_name.trim_start_matches("inboxops.").replace('.', "::"))
}

/// `GetTicket` to `get_ticket`.
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// `OUTBOUND_REPLY` to `OutboundReply`.
pub fn upper_camel(name: &str) -> String {
    name.split('_')
        .flat_map(|part| {
            let (first, rest) = part.split_at(part.len().min(1));
            [first.to_uppercase(), rest.to_lowercase()]
        })
        .collect()
}
