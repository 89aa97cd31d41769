//! Look-ups in the [`Model`] for generators.

use super::{Body, Enum, EnumValue, Field, Http, Kind, Message, Model, Rpc, Service, snake};

impl Model {
    /// The message with this full name. Reading the protos has checked that it exists.
    pub fn message(&self, full_name: &str) -> &Message {
        self.messages.iter().find(|message| message.full_name == full_name).expect("a message that the protos define")
    }

    /// The enum with this full name. Reading the protos has checked that it exists.
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

    /// The `meta` of a list's response, and the parameter by which the list is continued; `None` for other responses.
    pub fn continued(&self, rpc: &Rpc, http: &Http) -> Option<(&Message, &'static str)> {
        let meta = self.message(&rpc.output).field("meta")?;
        let Kind::Message(name) = &meta.kind else { return None };
        let meta = self.message(name);
        let input = self.message(&rpc.input);
        let by = ["cursor", "after"].into_iter().find(|name| input.field(name).is_some())?;
        (http.verb == "get" && !rpc.server_streaming && meta.field("next_cursor").is_some()).then_some((meta, by))
    }

    /// The message that the body is read into, if there is a body.
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

    /// The fields along a path of JSON names, starting at a message: `data.version`.
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
    /// `tickets`: the name of its field in `Services`.
    pub fn field(&self) -> String {
        let noun = snake(self.name.strip_suffix("Service").unwrap_or(&self.name));
        match noun.as_str() {
            "identity" | "dispatch" | "ingest" => noun,
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

    /// Whether requests may be conditional (`If-Match`, `If-None-Match`).
    pub fn is_conditional(&self, http: &Http) -> bool {
        self.rest.etag.is_some() && !http.params.is_empty()
    }
}

impl Message {
    /// The field in whose place the message stands, as JSON has it.
    pub fn alone(&self) -> Option<&Field> {
        self.fields.iter().find(|field| field.rules.alone)
    }

    /// The field with this proto name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Enum {
    /// The values that have a JSON name.
    pub fn json_values(&self) -> impl Iterator<Item = &EnumValue> {
        self.values.iter().filter(|value| value.number != 0)
    }
}

impl Http {
    /// The path without the names of its parameters, so that equal shapes are equal.
    pub fn shape(&self) -> String {
        let parts = self.path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        parts.collect::<Vec<_>>().join("/")
    }
}
