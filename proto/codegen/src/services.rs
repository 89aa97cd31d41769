//! Generates the module `services`: for each service its trait object, the `Guard` that puts the gate before it, the
//! `Remote` that calls it in another process, and the handle by which tonic serves it.

use crate::model::{Model, Rpc, Service, rust_path, snake};
use std::fmt::Write as _;

const MIB: usize = 1024 * 1024;

/// Greatest sizes of a service's messages, in bytes: (requests, responses).
fn limits(service: &Service) -> (usize, usize) {
    match service.name.as_str() {
        "IngestService" => (32 * MIB, 4 * MIB),
        // A page has 100 messages with bodies of 256 KiB in two forms.
        "MessageService" => (4 * MIB, 64 * MIB),
        // A page has 100 events of 256 KiB.
        "EventService" => (4 * MIB, 32 * MIB),
        // Batches: bodies of events to the worker, recorded responses from it.
        "DispatchService" => (32 * MIB, 64 * MIB),
        _ => (4 * MIB, 4 * MIB),
    }
}

/// All generated code except the REST routes.
pub(crate) fn generate(model: &Model) -> String {
    let mut out = String::new();
    for service in &model.services {
        rpcs(&mut out, service);
        object(&mut out, service);
        wrapper(&mut out, service, "Guard<{dyn}>", &guarded);
        wrapper(&mut out, service, "Remote<{client}>", &remote);
        wrapper(&mut out, service, "Handle<{dyn}>", &handed);
    }
    collections(&mut out, model);
    out
}

fn module(service: &Service) -> String {
    format!("crate::{}", service.package.trim_start_matches("inboxops.").replace('.', "::"))
}

/// The server trait: `crate::v1::ticket_service_server::TicketService`.
fn server(service: &Service) -> String {
    format!("{}::{}_server::{}", module(service), snake(&service.name), service.name)
}

fn client(service: &Service) -> String {
    let transport = "crate::transport::Transport";
    format!("{}::{}_client::{}Client<{transport}>", module(service), snake(&service.name), service.name)
}

/// The static of an RPC: `TICKET_SERVICE_GET_TICKET`.
pub(crate) fn rpc_static(service: &Service, rpc: &Rpc) -> String {
    format!("{}_{}", snake(&service.name), snake(&rpc.name)).to_uppercase()
}

fn rpcs(out: &mut String, service: &Service) {
    for rpc in &service.rpcs {
        let policy = rpc.policy.clone().unwrap_or_default();
        let session = policy.session.map(|role| format!("crate::v1::Role::{role}"));
        let repeatable = rpc.http.as_ref().is_some_and(|http| http.verb != "get");
        let conditional = rpc.http.as_ref().is_some_and(|http| rpc.is_conditional(http));
        let has_body = rpc.http.as_ref().is_none_or(|http| http.body != crate::model::Body::None);
        let _ = writeln!(
            out,
            "/// `{full}.{name}`.\npub static {id}: gate::Rpc = gate::Rpc {{ path: \"/{full}/{name}\", policy: \
             gate::Policy {{ api_key: {api_key:?}, or_api_key: {or_api_key:?}, session: {session}, service: {programs}, worker: {worker}, public: \
             {public}, operator: {operator}, entitlement: {entitlement:?}, spares_sessions: {spares_sessions}, credential_only: {credential_only} }}, has_body: {has_body}, repeatable: {repeatable}, conditional: {conditional} }};",
            full = service.full_name(),
            name = rpc.name,
            id = rpc_static(service, rpc),
            api_key = policy.api_key,
            or_api_key = policy.or_api_key,
            session = session.map_or("None".to_owned(), |role| format!("Some({role})")),
            programs = policy.service,
            worker = policy.worker,
            public = policy.public,
            operator = policy.operator,
            entitlement = policy.entitlement,
            spares_sessions = policy.spares_sessions,
            credential_only = policy.credential_only,
        );
    }
}

fn object(out: &mut String, service: &Service) {
    let streams = service.rpcs.iter().filter(|rpc| rpc.server_streaming);
    let streams = streams.map(|rpc| format!("{}Stream = gate::BoxStream<{}>", rpc.name, rust_path(&rpc.output)));
    let streams = streams.collect::<Vec<_>>().join(", ");
    let generics = if streams.is_empty() { String::new() } else { format!("<{streams}>") };
    let _ = writeln!(
        out,
        "/// `{}` as an object with boxed streams.\npub type Dyn{} = dyn {}{generics};",
        service.full_name(),
        service.name,
        server(service)
    );
}

/// The server trait for one of the wrapper types; `body` writes each method.
fn wrapper(out: &mut String, service: &Service, of: &str, body: &dyn Fn(&Service, &Rpc) -> String) {
    let of = of.replace("{dyn}", &format!("Dyn{}", service.name)).replace("{client}", &client(service));
    let _ = writeln!(out, "#[tonic::async_trait]\nimpl {} for {of} {{", server(service));
    for rpc in &service.rpcs {
        let input = rust_path(&rpc.input);
        let output = rust_path(&rpc.output);
        let answer = if rpc.server_streaming {
            let _ = writeln!(out, "    type {}Stream = gate::BoxStream<{output}>;", rpc.name);
            format!("gate::BoxStream<{output}>")
        } else {
            output
        };
        let _ = writeln!(
            out,
            "    async fn {}(&self, request: tonic::Request<{input}>) -> Result<tonic::Response<{answer}>, \
             tonic::Status> {{ {} }}",
            rpc.ident,
            body(service, rpc)
        );
    }
    out.push_str("}\n");
}

fn guarded(service: &Service, rpc: &Rpc) -> String {
    let id = rpc_static(service, rpc);
    let ident = &rpc.ident;
    if rpc.server_streaming {
        format!("gate::streaming(self.gate.clone(), &{id}, request, |request| self.inner.{ident}(request)).await")
    } else {
        format!("gate::unary(&*self.gate, &{id}, request, |request| self.inner.{ident}(request)).await")
    }
}

fn remote(service: &Service, rpc: &Rpc) -> String {
    let id = rpc_static(service, rpc);
    let call = format!("bounded(self.client.clone().{}(self.outgoing(&{id}, request))).await", rpc.ident);
    if rpc.server_streaming { format!("Ok({call}?.map(boxed))") } else { call }
}

fn handed(_: &Service, rpc: &Rpc) -> String {
    format!("self.0.{}(request).await", rpc.ident)
}

fn collections(out: &mut String, model: &Model) {
    let each = |line: &dyn Fn(&Service) -> String| model.services.iter().map(line).collect::<String>();
    let fields = |public: &str| {
        each(&|service| {
            format!("    /// `{}`.\n    {public}{}: Arc<Dyn{}>,\n", service.full_name(), service.field(), service.name)
        })
    };
    let public = fields("pub ");
    let _ = writeln!(
        out,
        "/// One implementation of every service.\n#[derive(Clone)]\npub struct Implementations {{\n{public}}}"
    );
    let private = fields("");
    let _ = writeln!(
        out,
        "/// Every service behind its gate, here or in another process.\n#[derive(Clone)]\npub struct Services {{\n{private}}}"
    );
    let guarded = each(&|service| {
        let field = service.field();
        format!("            {field}: Arc::new(Guard {{ gate: gate.clone(), inner: inner.{field} }}),\n")
    });
    let remote = each(&|service| {
        let field = service.field();
        let client = client(service);
        let (to, from) = limits(service);
        let client = client.replacen("<", "::<", 1);
        format!(
            "            {field}: Arc::new(Remote {{ client: {client}::new(transport.clone())\
             .max_encoding_message_size({to}).max_decoding_message_size({from}), token: token.clone() }}),\n"
        )
    });
    let accessors = each(&|service| {
        let field = service.field();
        let name = &service.name;
        let full = service.full_name();
        format!("    /// `{full}`.\n    pub fn {field}(&self) -> &Arc<Dyn{name}> {{ &self.{field} }}\n")
    });
    let servers = each(&|service| {
        let (to, from) = limits(service);
        format!(
            "            .add_service({}Server::new(Handle(self.{}.clone())).max_decoding_message_size({to})\
             .max_encoding_message_size({from}))\n",
            server(service),
            service.field()
        )
    });
    let servers = servers.replacen("            .add_service(", "        tonic::service::Routes::new(", 1);
    let _ = writeln!(
        out,
        "impl Services {{\n    /// Puts `gate` before each of `inner`.\n    pub fn guarded(gate: Arc<dyn gate::Gate>, inner: \
         Implementations) -> Services {{\n        Services {{\n{guarded}        }}\n    }}\n    /// The services of a core \
         behind `transport`, which has the gate; `token` is this program's own service token.\n    pub fn remote(transport: \
         impl Into<crate::transport::Transport>, token: Token) -> Services {{\n        let transport = transport.into();\n        \
         Services {{\n{remote}        }}\n    }}\n    /// \
         All services as tonic serves them, with their message limits.\n    pub fn grpc(&self) -> tonic::service::Routes \
         {{\n{servers}    }}\n{accessors}}}"
    );
    let all = model.services.iter().flat_map(|service| service.rpcs.iter().map(|rpc| rpc_static(service, rpc)));
    let all = all.map(|id| format!("&{id}, ")).collect::<String>();
    let _ = writeln!(out, "/// Every RPC.\npub static RPCS: &[&gate::Rpc] = &[{all}];");
    let _ = writeln!(out, "/// Every scope of API keys.\npub const SCOPES: &[&str] = &{:?};", crate::model::SCOPES);
}
