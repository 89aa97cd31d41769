//! The edge: REST, gRPC, grpc-web and documents on one port. It translates and decides nothing: the gate decides who
//! may call, the services what a call means. It must not know a noun, a database or the core.

mod compress;
mod connection;
mod counts;
mod door;
mod drain;
mod error;
mod exposition;
mod grpc;
mod guides;
mod headers;
mod listener;
mod origin;
mod pages;
mod probes;
mod protocol;
mod proxies;
mod reference;
mod same_site;
mod spans;
mod static_file;
pub mod tls;

pub use counts::Counts;
pub use door::{AccessLog, Door};
pub use error::{Error, Result};
pub use listener::{Listener, Socket, Surface, run};
pub use pages::{BUILT, Page};
pub use proxies::{Network, NotNetworks, Proxies};

use futures_util::future::BoxFuture;
use inboxops_proto::trace::Tracer;
use std::{sync::Arc, time::Duration};

/// Longest time from the start of a connection, or from the end of the previous response, to the end of a request's
/// headers.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(20);
/// Largest header block of a request, in bytes.
pub const HEADER_BLOCK_MAX_BYTES: usize = 16 * 1024;
/// Largest header block of an HTTP/2 request that is read at all, in bytes. What lies between the two bounds is refused
/// in the protocol of the request, so that 256 KiB of metadata do not cost a gRPC client its connection.
pub const HEADER_LIST_READ_MAX_BYTES: u32 = (256 + 16) * 1024;
/// Greatest number of concurrent requests on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 100;
/// The same on an internal listener: an edge sends the calls and streams of all its clients over one connection.
pub const INTERNAL_STREAMS_MAX: u32 = 10_000;
/// Greatest number of connections over all listeners; more wait in the system's backlog.
pub const CONNECTIONS_MAX: usize = 8192;
/// Longest time for running requests to end after shutdown begins.
pub const DRAIN_MAX: Duration = Duration::from_secs(15);

/// Settings of the edge.
#[derive(Clone)]
pub struct Settings {
    /// See [`HEADER_READ_TIMEOUT`].
    pub header_read_timeout: Duration,
    /// See [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// See [`DRAIN_MAX`].
    pub drain_max: Duration,
    /// The proxies in front, which name the client.
    pub proxies: Proxies,
    /// Clients reach the server by TLS, here or at a proxy; the session cookie is then marked `Secure`.
    pub secure: bool,
    /// URL at which clients reach the server, without a slash at its end, for links to pages; without it those are
    /// paths.
    pub public_url: Option<Arc<str>>,
    /// Host names of the server, besides IP addresses and `localhost`.
    pub names: Vec<String>,
    /// Files of the browser UI.
    pub pages: &'static [Page],
    /// Which requests are logged.
    pub access_log: AccessLog,
    /// Random bits for the ids of requests that have none.
    pub chance: fn() -> u128,
    /// Whether the services can answer, for `/readyz` and gRPC health.
    pub ready: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Further lines of `/readyz` when the services can answer.
    pub ready_details: Arc<dyn Fn() -> String + Send + Sync>,
    /// Makes `/metrics` in the format of OpenMetrics, for listeners that serve it.
    pub metrics: Option<Text>,
    /// What is counted here for `metrics`.
    pub counts: Arc<Counts>,
    /// Takes the spans of requests, if traces are exported.
    pub tracer: Option<Arc<Tracer>>,
}

/// Makes a text on request.
pub type Text = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

impl Settings {
    /// The default settings.
    pub fn new(chance: fn() -> u128) -> Settings {
        Settings {
            header_read_timeout: HEADER_READ_TIMEOUT,
            connections_max: CONNECTIONS_MAX,
            drain_max: DRAIN_MAX,
            proxies: Proxies::Absent,
            secure: false,
            public_url: None,
            names: Vec::new(),
            pages: BUILT,
            access_log: AccessLog::default(),
            chance,
            ready: Arc::new(|| true),
            ready_details: Arc::new(String::new),
            metrics: None,
            counts: Arc::default(),
            tracer: None,
        }
    }
}
