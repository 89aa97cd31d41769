//! The cores of an edge in a process of its own: a connection to each, watched, and for each call one that is fit for
//! it. A call that no core can have got is sent to another one; a call that a core may have got never is. It knows
//! neither the calls nor the settings.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use inboxops_proto::transport::{Answer, BoxError, Chooser};
use std::{
    error::Error,
    io,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpStream,
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tower::ServiceExt as _;

/// Longest time that a call waits for a core to which it can be sent.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// How often a core is asked for its health, and the longest time for its answer.
const CHECK_EVERY: Duration = Duration::from_secs(1);
const CHECK_MAX: Duration = Duration::from_secs(2);
/// Pause before a core that could not be reached is tried again.
const CONNECT_EVERY: Duration = Duration::from_millis(200);

/// The cores. Calls go to those that serve, in turn.
pub(crate) struct Cores {
    cores: Vec<Core>,
    /// Whether any serves.
    ready: Arc<AtomicBool>,
    /// Counts calls, so that they begin with different cores.
    turn: AtomicUsize,
    /// The number of the next connection.
    next: AtomicU64,
    /// Tells waiting calls that a connection is there.
    changed: watch::Sender<()>,
}

struct Core {
    url: String,
    endpoint: Endpoint,
    connection: RwLock<Option<Connection>>,
    /// A call found the connection ended.
    lost: Notify,
}

/// A connection over which the core has answered.
#[derive(Clone)]
struct Connection {
    number: u64,
    channel: Channel,
    /// Whether the core says that it serves. Calls go to one that does not if none does: its own refusal says more
    /// than ours.
    serving: bool,
}

/// Why a call failed for which there was no connection.
#[derive(Debug, thiserror::Error)]
#[error("no core can be reached")]
struct NoCore;

impl Cores {
    /// The cores at these endpoints, not yet connected.
    pub(crate) fn new(endpoints: Vec<Endpoint>) -> Cores {
        let core = |endpoint: Endpoint| Core {
            url: endpoint.uri().to_string().trim_end_matches('/').to_owned(),
            endpoint,
            connection: RwLock::new(None),
            lost: Notify::new(),
        };
        Cores {
            cores: endpoints.into_iter().map(core).collect(),
            ready: Arc::default(),
            turn: AtomicUsize::new(0),
            next: AtomicU64::new(0),
            changed: watch::Sender::new(()),
        }
    }

    /// Whether any core serves.
    pub(crate) fn ready(&self) -> Arc<AtomicBool> {
        self.ready.clone()
    }

    /// Keeps a connection to each core until `shutdown`.
    pub(crate) async fn run(self: Arc<Self>, shutdown: CancellationToken) -> &'static str {
        let mut keepers = JoinSet::new();
        for index in 0..self.cores.len() {
            let cores = self.clone();
            keepers.spawn(async move { cores.keep(index).await });
        }
        shutdown.cancelled().await;
        keepers.shutdown().await;
        "the connections to the cores"
    }

    async fn keep(&self, index: usize) {
        let core = &self.cores[index];
        let mut away = false;
        loop {
            let why: BoxError = match core.connect().await {
                Ok(channel) => self.watch(core, channel, &mut away).await,
                Err(error) => error.into(),
            };
            // Told once, however often it is tried.
            if !std::mem::replace(&mut away, true) {
                let (core, error) = (&core.url, inboxops_core::chain(&*why));
                tracing::warn!(
                    core,
                    error,
                    "the core {core} cannot be reached; others take its calls, if there are any"
                );
            }
            sleep(CONNECT_EVERY).await;
        }
    }

    /// Asks the core for its health until the connection ends. Returns why it ended.
    async fn watch(&self, core: &Core, channel: Channel, away: &mut bool) -> BoxError {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut health = HealthClient::new(channel.clone());
        let mut answered = false;
        loop {
            let answer = timeout(CHECK_MAX, health.check(HealthCheckRequest::default())).await;
            let serving = match answer {
                Ok(Ok(answer)) => answer.get_ref().status() == ServingStatus::Serving,
                // A status with a source was made here, for a broken connection.
                Ok(Err(status)) if status.source().is_some() => {
                    self.withdraw(core, number);
                    return status.into();
                }
                Ok(Err(_)) => false,
                // The system accepts connections for a process that does not run yet, or no more.
                Err(late) if !answered => return late.into(),
                Err(_) => false,
            };
            answered = true;
            self.offer(core, Connection { number, channel: channel.clone(), serving });
            if serving && std::mem::take(away) {
                tracing::info!(core = core.url, "the core {} can be reached again", core.url);
            }
            tokio::select! {
                () = sleep(CHECK_EVERY) => {}
                () = core.lost.notified() => {}
            }
        }
    }

    fn offer(&self, core: &Core, connection: Connection) {
        *core.connection.write().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        self.tell();
    }

    /// Takes the connection away, if it is still the core's.
    fn withdraw(&self, core: &Core, number: u64) {
        let mut held = core.connection.write().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|connection| connection.number == number) {
            *held = None;
        }
        drop(held);
        self.tell();
    }

    fn tell(&self) {
        let serves = |core: &Core| core.connection().is_some_and(|connection| connection.serving);
        self.ready.store(self.cores.iter().any(serves), Ordering::Relaxed);
        self.changed.send_replace(());
    }

    async fn send(&self, request: http::Request<Body>) -> Answer {
        let (head, body) = request.into_parts();
        // Every RPC has one request message, which is in memory.
        let body = body.collect().await?.to_bytes();
        let until = Instant::now() + WAIT_MAX;
        let mut refused = Vec::new();
        let mut why: BoxError = NoCore.into();
        while let Some((core, Connection { number, channel, .. })) = self.fit(&refused, until).await {
            match channel.oneshot(repeated(&head, body.clone())).await {
                Ok(answer) => return Ok(answer),
                Err(error) if never_sent(&error) => {
                    self.withdraw(core, number);
                    core.lost.notify_one();
                    refused.push(number);
                    why = error.into();
                }
                Err(error) => {
                    core.lost.notify_one();
                    return Err(error.into());
                }
            }
        }
        Err(why)
    }

    /// A connection that did not refuse the call yet; waits for one until the time has come.
    async fn fit(&self, refused: &[u64], until: Instant) -> Option<(&Core, Connection)> {
        if let Some(found) = self.choose(refused) {
            return Some(found);
        }
        let mut changes = self.changed.subscribe();
        loop {
            if let Some(found) = self.choose(refused) {
                return Some(found);
            }
            timeout_at(until, changes.changed()).await.ok()?.ok()?;
        }
    }

    fn choose(&self, refused: &[u64]) -> Option<(&Core, Connection)> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut spare = None;
        for step in 0..self.cores.len() {
            let core = &self.cores[first.wrapping_add(step) % self.cores.len()];
            match core.connection() {
                Some(connection) if refused.contains(&connection.number) => {}
                Some(connection) if connection.serving => return Some((core, connection)),
                Some(connection) => spare = spare.or(Some((core, connection))),
                None => {}
            }
        }
        spare
    }
}

impl Chooser for Cores {
    fn call(
        self: Arc<Self>,
        request: http::Request<Body>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Answer> + Send + 'static>> {
        Box::pin(async move { self.send(request).await })
    }
}

impl Core {
    fn connection(&self) -> Option<Connection> {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A channel of one connection. It never connects by itself: a new connection may be to a process that accepts and
    /// does not serve, and must answer before a call is sent over it.
    async fn connect(&self) -> Result<Channel, tonic::transport::Error> {
        let mut first = true;
        let connector = tower::service_fn(move |uri: http::Uri| {
            let first = std::mem::replace(&mut first, false);
            async move {
                if first {
                    dial(&uri).await.map(TokioIo::new)
                } else {
                    Err(io::Error::new(io::ErrorKind::NotConnected, "the connection has ended"))
                }
            }
        });
        self.endpoint.connect_with_connector(connector).await
    }
}

async fn dial(uri: &http::Uri) -> io::Result<TcpStream> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The call once more. What it had in its extensions was for this process.
fn repeated(head: &http::request::Parts, body: Bytes) -> http::Request<Body> {
    let mut request = http::Request::new(Body::new(Full::new(body)));
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = head.uri.clone();
    *request.version_mut() = head.version;
    *request.headers_mut() = head.headers.clone();
    request
}

/// Whether the core cannot have got the call: the channel has no connection any more, or the connection was ending and
/// its core does not take the call (RFC 9113 §6.8), whose message was not sent then. A connection that breaks gives
/// other errors.
fn never_sent(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let canceled = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        let went_away = error.downcast_ref::<h2::Error>().is_some_and(|error| error.is_go_away() && error.is_remote());
        if canceled || went_away || error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests;
