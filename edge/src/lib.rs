//! The public door: REST, gRPC, grpc-web and documents on one port. It translates and decides nothing: who may call
//! is the gate's business, and what a call means the services'. It must not know a noun, a database or the core.

mod compress;
mod connection;
mod door;
mod drain;
mod error;
mod grpc;
mod headers;
mod listener;
mod origin;
mod pages;
mod probes;
mod reference;
mod same_site;
mod static_file;
pub mod tls;

pub use door::{AccessLog, Door};
pub use error::{Error, Result};
pub use listener::{Listener, Socket, Surface, run};
pub use pages::{BUILT, Page};

use futures_util::future::BoxFuture;
use std::{sync::Arc, time::Duration};

/// Longest time from the opening of a connection, or from the end of the answer before, to the end of a header block.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(20);
/// Greatest header block of a request, in bytes.
pub const HEADER_BLOCK_MAX_BYTES: usize = 16 * 1024;
/// Greatest number of requests that run at once on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 100;
/// Greatest number of connections at once, over all listeners; more wait in the system's backlog.
pub const CONNECTIONS_MAX: usize = 8192;
/// Longest time that running requests get to end once shutdown is asked for.
pub const DRAIN_MAX: Duration = Duration::from_secs(15);

/// What the door is told from outside.
#[derive(Clone)]
pub struct Settings {
    /// See [`HEADER_READ_TIMEOUT`].
    pub header_read_timeout: Duration,
    /// See [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// See [`DRAIN_MAX`].
    pub drain_max: Duration,
    /// A proxy in front says in `X-Forwarded-For` (its last entry) who the client is.
    pub behind_proxy: bool,
    /// Clients reach the server by TLS, here or at a proxy: the cookie of a session is then for TLS alone.
    pub secure: bool,
    /// Names of hosts that the server goes by, beside IP addresses and `localhost`.
    pub names: Vec<String>,
    /// Files of the browser UI.
    pub pages: &'static [Page],
    /// Which requests are written to the log.
    pub access_log: AccessLog,
    /// Random bits for the ids of requests that bring none.
    pub chance: fn() -> u128,
    /// Whether the services can answer; asked by `/readyz` and for gRPC health.
    pub ready: Arc<dyn Fn() -> bool + Send + Sync>,
    /// What `/metrics` answers, where it is served: on internal listeners, and on the public's when that is all there is.
    pub metrics: Option<Text>,
}

/// Makes a text when it is asked for.
pub type Text = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

impl Settings {
    /// The defaults.
    pub fn new(chance: fn() -> u128) -> Settings {
        Settings {
            header_read_timeout: HEADER_READ_TIMEOUT,
            connections_max: CONNECTIONS_MAX,
            drain_max: DRAIN_MAX,
            behind_proxy: false,
            secure: false,
            names: Vec::new(),
            pages: BUILT,
            access_log: AccessLog::default(),
            chance,
            ready: Arc::new(|| true),
            metrics: None,
        }
    }
}
