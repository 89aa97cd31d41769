//! Reads protos into a [`Model`]: compiles them and extracts what the generators need. It validates nothing.

use crate::{
    Error,
    model::{
        Body, Enum, EnumValue, Field, Http, Kind, Message, Model, Policy, Rest, RestStream, Rpc, Rules, Service, Tool,
        snake, upper_camel,
    },
};
use prost_reflect::{DescriptorPool, DynamicMessage, FileDescriptor, Kind as ProtoKind, ReflectMessage as _, Value};
use std::{collections::HashMap, path::Path, path::PathBuf};

/// Compiles and reads everything under `source/inboxops`.
pub(crate) fn read(source: &Path, include: &[&Path]) -> Result<Model, Error> {
    let mut files = Vec::new();
    collect(&source.join("inboxops"), &mut files)?;
    let roots = std::iter::once(source).chain(include.iter().copied());
    let mut compiler = protox::Compiler::new(roots).map_err(|error| Error::Source(format!("{error:?}")))?;
    compiler.include_imports(true).include_source_info(true);
    for file in &files {
        compiler.open_file(file).map_err(|error| Error::Source(format!("{error:?}")))?;
    }
    let descriptors = compiler.encode_file_descriptor_set();
    // prost's own descriptor types drop custom options; the pool keeps them.
    let pool = DescriptorPool::decode(descriptors.as_slice())
        .map_err(|error| Error::Source(format!("descriptors: {error}")))?;
    let mut model = Model { descriptors, ..Model::default() };
    for file in pool.files().filter(|file| file.package_name().starts_with("inboxops.")) {
        Reader { comments: comments(&file), pool: &pool }.file(&file, &mut model);
    }
    Ok(model)
}

/// Options are the language of the contract, not a part of it; only their enums are used elsewhere.
fn is_options(file: &FileDescriptor) -> bool {
    file.name().ends_with("/options.proto")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let fail = |error: std::io::Error| Error::Source(format!("{}: {error}", folder.display()));
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        entries.push(entry.map_err(fail)?.path());
    }
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}

fn comments(file: &FileDescriptor) -> HashMap<Vec<i32>, String> {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let locations = info.map(|info| info.location.as_slice()).unwrap_or_default();
    let text = |comment: &str| {
        let lines = comment.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n").trim().to_owned()
    };
    let commented = locations.iter().filter_map(|at| Some((at.path.clone(), text(at.leading_comments.as_ref()?))));
    commented.collect()
}

struct Reader<'a> {
    comments: HashMap<Vec<i32>, String>,
    pool: &'a DescriptorPool,
}

impl Reader<'_> {
    fn file(&self, file: &FileDescriptor, model: &mut Model) {
        model.enums.extend(file.enums().map(|item| self.enumeration(&item)));
        if is_options(file) {
            return;
        }
        model.messages.extend(file.messages().map(|item| self.message(&item)));
        model.services.extend(file.services().map(|service| Service {
            name: service.name().to_owned(),
            package: service.package_name().to_owned(),
            comment: self.comment(service.path()),
            rpcs: service.methods().map(|method| self.rpc(&method)).collect(),
        }));
    }

    fn comment(&self, path: &[i32]) -> String {
        self.comments.get(path).cloned().unwrap_or_default()
    }

    fn enumeration(&self, item: &prost_reflect::EnumDescriptor) -> Enum {
        let prefix = format!("{}_", snake(item.name()).to_uppercase());
        let values = item.values().map(|value| EnumValue {
            name: value.name().to_owned(),
            json: value.name().strip_prefix(&prefix).unwrap_or(value.name()).to_lowercase(),
            number: value.number(),
            comment: self.comment(value.path()),
        });
        Enum {
            name: item.name().to_owned(),
            full_name: item.full_name().to_owned(),
            package: item.package_name().to_owned(),
            comment: self.comment(item.path()),
            values: values.collect(),
        }
    }

    fn message(&self, item: &prost_reflect::MessageDescriptor) -> Message {
        Message {
            name: item.name().to_owned(),
            full_name: item.full_name().to_owned(),
            package: item.package_name().to_owned(),
            comment: self.comment(item.path()),
            fields: item.fields().map(|field| self.field(&field)).collect(),
            nested: item.child_messages().len() > 0
                || item.child_enums().len() > 0
                || item.oneofs().any(|oneof| !oneof.is_synthetic()),
        }
    }

    fn field(&self, field: &prost_reflect::FieldDescriptor) -> Field {
        let options = field.options();
        let behaviour = self.pool.get_extension_by_name("google.api.field_behavior");
        let required = behaviour.is_some_and(|extension| {
            let values = options.get_extension(&extension).into_owned();
            values.as_list().is_some_and(|list| list.iter().any(|value| value.as_enum_number() == Some(2)))
        });
        let name = field.name().to_owned();
        let explicit = field.json_name() != lower_camel(&name);
        let json = if explicit { field.json_name().to_owned() } else { name.clone() };
        let rules: Rules =
            self.extension(&options, "inboxops.v1.rules").map(|rules| read_rules(&rules)).unwrap_or_default();
        Field {
            json: rules.shown_as.clone().unwrap_or(json),
            ident: ident(&name),
            name,
            kind: kind(field),
            list: field.is_list(),
            optional: field.supports_presence(),
            required,
            rules,
            comment: self.comment(field.path()),
        }
    }

    fn rpc(&self, method: &prost_reflect::MethodDescriptor) -> Rpc {
        let options = method.options();
        Rpc {
            name: method.name().to_owned(),
            full_name: method.full_name().to_owned(),
            ident: snake(method.name()),
            comment: self.comment(method.path()),
            input: method.input().full_name().to_owned(),
            output: method.output().full_name().to_owned(),
            client_streaming: method.is_client_streaming(),
            server_streaming: method.is_server_streaming(),
            policy: self.extension(&options, "inboxops.v1.policy").map(|policy| read_policy(&policy)),
            rest: self.extension(&options, "inboxops.v1.rest").map(|rest| read_rest(&rest)).unwrap_or_default(),
            http: self.extension(&options, "google.api.http").and_then(|rule| read_http(&rule)),
            tool: self.extension(&options, "inboxops.v1.tool").map(|tool| read_tool(&tool)),
        }
    }

    fn extension(&self, options: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
        let extension = self.pool.get_extension_by_name(name)?;
        if !options.has_extension(&extension) {
            return None;
        }
        options.get_extension(&extension).as_message().cloned()
    }
}

fn kind(field: &prost_reflect::FieldDescriptor) -> Kind {
    match field.kind() {
        ProtoKind::String => Kind::String,
        ProtoKind::Bool => Kind::Bool,
        ProtoKind::Int32 => Kind::I32,
        ProtoKind::Uint32 => Kind::U32,
        ProtoKind::Int64 => Kind::I64,
        ProtoKind::Uint64 => Kind::U64,
        ProtoKind::Bytes => Kind::Bytes,
        ProtoKind::Enum(item) => Kind::Enum(item.full_name().to_owned()),
        ProtoKind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" => Kind::Timestamp,
            "google.protobuf.FieldMask" => Kind::FieldMask,
            name if name.starts_with("inboxops.") && !message.is_map_entry() => Kind::Message(name.to_owned()),
            name => Kind::Other(name.to_owned()),
        },
        other => Kind::Other(format!("{other:?}")),
    }
}

fn read_policy(policy: &DynamicMessage) -> Policy {
    let role = get(policy, "session").and_then(|value| value.as_enum_number());
    let roles = policy.descriptor().get_field_by_name("session").map(|field| field.kind());
    let session = match (role, roles) {
        (Some(number), Some(ProtoKind::Enum(item))) if number != 0 => {
            item.get_value(number).map(|value| upper_camel(value.name().trim_start_matches("ROLE_")))
        }
        _ => None,
    };
    Policy {
        api_key: text(policy, "api_key"),
        or_api_key: text(policy, "or_api_key"),
        session,
        service: flag(policy, "service"),
        worker: flag(policy, "worker"),
        public: flag(policy, "public"),
        operator: flag(policy, "operator"),
        entitlement: text(policy, "entitlement"),
        spares_sessions: flag(policy, "spares_sessions"),
        credential_only: flag(policy, "credential_only"),
    }
}

fn read_tool(tool: &DynamicMessage) -> Tool {
    let word = |name| text(tool, name).unwrap_or_default();
    Tool {
        name: word("name"),
        title: word("title"),
        description: word("description"),
        destructive: flag(tool, "destructive"),
        idempotent: flag(tool, "idempotent"),
        fixed: text(tool, "fixed"),
        shows: texts(tool, "shows"),
        leaves_out: texts(tool, "leaves_out"),
    }
}

fn read_rest(rest: &DynamicMessage) -> Rest {
    Rest {
        success_status: number(rest, "success_status").and_then(|status| u16::try_from(status).ok()),
        success_flag: text(rest, "success_flag"),
        etag: text(rest, "etag"),
        location: text(rest, "location"),
        tag: text(rest, "tag"),
        stream: get(rest, "stream").and_then(|value| value.as_message().map(read_stream)),
        body_optional: flag(rest, "body_optional"),
        lines: text(rest, "lines"),
        reasons: texts(rest, "reasons"),
    }
}

fn read_stream(stream: &DynamicMessage) -> RestStream {
    let field = |name| text(stream, name).unwrap_or_default();
    RestStream { id: field("id"), event: field("event"), data: field("data"), resume: field("resume") }
}

fn read_http(rule: &DynamicMessage) -> Option<Http> {
    let verbs = ["get", "put", "post", "delete", "patch"];
    let (verb, path) = verbs.into_iter().find_map(|verb| Some((verb, text(rule, verb)?)))?;
    let params = path.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0.to_owned())).collect();
    let body = match text(rule, "body").as_deref() {
        None => Body::None,
        Some("*") => Body::All,
        Some(field) => Body::Field(field.to_owned()),
    };
    Some(Http { verb, path, body, params })
}

fn read_rules(rules: &DynamicMessage) -> Rules {
    let mut broken_json = None;
    let mut json = |name| {
        let text = text(rules, name)?;
        serde_json::from_str(&text).map_err(|_| broken_json = Some(text)).ok()
    };
    let example = json("example");
    let default = json("default");
    let small = |name| number(rules, name).and_then(|value| u32::try_from(value).ok());
    Rules {
        min_len: small("min_len"),
        max_len: small("max_len"),
        min: number(rules, "min"),
        max: number(rules, "max"),
        min_items: small("min_items"),
        max_items: small("max_items"),
        format: text(rules, "format"),
        allowed: texts(rules, "in"),
        scopes: texts(rules, "scopes"),
        any_scope: flag(rules, "any_scope"),
        trim: flag(rules, "trim"),
        nullable: flag(rules, "nullable"),
        csv: flag(rules, "csv"),
        example,
        reason: text(rules, "reason"),
        json_text: flag(rules, "json_text"),
        grpc_only: flag(rules, "grpc_only"),
        omitted: flag(rules, "omitted"),
        unset: flag(rules, "unset"),
        alone: flag(rules, "alone"),
        shown_as: text(rules, "shown_as"),
        untrusted: flag(rules, "untrusted"),
        default,
        broken_json,
    }
}

fn get(message: &DynamicMessage, name: &str) -> Option<Value> {
    let field = message.descriptor().get_field_by_name(name)?;
    message.has_field(&field).then(|| message.get_field(&field).into_owned())
}

fn text(message: &DynamicMessage, name: &str) -> Option<String> {
    get(message, name)?.as_str().map(str::to_owned)
}

fn texts(message: &DynamicMessage, name: &str) -> Vec<String> {
    match get(message, name) {
        Some(Value::List(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

fn flag(message: &DynamicMessage, name: &str) -> bool {
    get(message, name).and_then(|value| value.as_bool()).unwrap_or(false)
}

fn number(message: &DynamicMessage, name: &str) -> Option<i64> {
    match get(message, name)? {
        Value::U32(value) => Some(value.into()),
        Value::I32(value) => Some(value.into()),
        Value::I64(value) => Some(value),
        _ => None,
    }
}

fn lower_camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| name + &upper_camel(part))
}

/// Field names that are Rust keywords get `r#`, as in prost's code.
fn ident(name: &str) -> String {
    const WORDS: &[&str] = &[
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
        "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut",
        "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "try", "type", "typeof", "unsafe",
        "unsized", "use", "virtual", "where", "while", "yield",
    ];
    if WORDS.contains(&name) { format!("r#{name}") } else { name.to_owned() }
}
