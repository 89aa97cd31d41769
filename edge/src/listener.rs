//! Accepts a bounded number of connections from bound sockets until shutdown, then lets running requests finish. It
//! knows nothing about requests.

use crate::{Door, connection};
use backoff::{Failing, Next};
use connection::Surroundings;
use rustls::ServerConfig;
use std::{
    io,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, UnixListener},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

mod backoff;

/// How often gRPC health is updated.
const HEALTH_EVERY: Duration = Duration::from_secs(1);

/// A bound socket and what it serves.
pub struct Listener {
    pub socket: Socket,
    /// TLS, if this listener terminates it.
    pub tls: Option<Arc<ServerConfig>>,
    pub surface: Surface,
    /// Whether it serves `/metrics`.
    pub metrics: bool,
}

/// A bound socket.
pub enum Socket {
    /// TCP.
    Tcp(TcpListener),
    /// A socket file.
    Unix(UnixListener),
}

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// REST, documents, gRPC and grpc-web.
    Public {
        /// Whether the packages of the operator's own programs are included.
        internal: bool,
    },
    /// gRPC and the probes, for edges, workers and the operator's programs.
    Internal,
    /// gRPC for the operator, who alone can open the socket file.
    Local,
    /// The probes alone.
    Probes,
}

/// Serves until `shutdown`, then drains. All its tasks have ended when it returns.
pub async fn run(listeners: Vec<Listener>, door: Arc<Door>, shutdown: CancellationToken) {
    let tasks = TaskTracker::new();
    let cut = CancellationToken::new();
    let places = Arc::new(Semaphore::new(door.settings().connections_max));
    let mut accepting = JoinSet::new();
    for Listener { socket, tls, surface, metrics } in listeners {
        let door = door.clone();
        let tasks = tasks.clone();
        let drain = shutdown.clone();
        let cut = cut.clone();
        // Connections from outside must not take the places of operators, workers and probes.
        let places = match surface {
            Surface::Public { .. } => places.clone(),
            _ => Arc::new(Semaphore::new(door.settings().connections_max)),
        };
        let around = Surroundings { door, surface, metrics, tasks, drain, cut };
        accepting.spawn(accept(socket, tls, places, around));
    }
    accepting.spawn(report(door.clone(), shutdown));
    while accepting.join_next().await.is_some() {}
    door.drain();
    tasks.close();
    if tokio::time::timeout(door.settings().drain_max, tasks.wait()).await.is_err() {
        tracing::warn!(left = tasks.len(), "requests still run at the end of the drain and are cut off");
        cut.cancel();
        // Tasks that do not notice that their connection is closed end with the runtime.
        let _ = tokio::time::timeout(Duration::from_secs(1), tasks.wait()).await;
    }
}

async fn accept(socket: Socket, tls: Option<Arc<ServerConfig>>, places: Arc<Semaphore>, around: Surroundings) {
    let mut failing = Failing::default();
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((place, socket.accept().await?))
        };
        let next = tokio::select! {
            biased;
            () = around.drain.cancelled() => return,
            next = next => next,
        };
        match next {
            Ok((place, accepted)) => {
                failing.ended();
                let (tls, around, tasks) = (tls.clone(), around.clone(), around.tasks.clone());
                tasks.spawn(async move {
                    match accepted {
                        IncomingStream::Tcp(stream, peer) => connection::serve(stream, tls, Some(peer), around).await,
                        IncomingStream::Unix(stream) => connection::serve(stream, tls, None, around).await,
                    }
                    drop(place);
                });
            }
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                let Next { pause, tell } = failing.failed(Instant::now());
                if let Some(times) = tell {
                    let listener = socket.name();
                    tracing::error!(
                        listener, %error, times,
                        "listener {listener} cannot accept connections, which wait; {times} attempts since the last line"
                    );
                }
                tokio::select! {
                    () = around.drain.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }
}

enum IncomingStream {
    Tcp(tokio::net::TcpStream, IpAddr),
    Unix(tokio::net::UnixStream),
}

impl Socket {
    /// The listener's address, for the log.
    fn name(&self) -> String {
        match self {
            Socket::Tcp(listener) => listener.local_addr().map(|address| address.to_string()).unwrap_or_default(),
            Socket::Unix(_) => "of the socket file".to_owned(),
        }
    }

    async fn accept(&self) -> io::Result<IncomingStream> {
        match self {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(IncomingStream::Tcp(stream, peer.ip().to_canonical()))
            }
            Socket::Unix(listener) => Ok(IncomingStream::Unix(listener.accept().await?.0)),
        }
    }
}

/// Whether the peer closed the connection before it was accepted, which is no fault here.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput)
}

/// Keeps gRPC health in step with readiness. Only changes are set, because every update reaches all watchers.
async fn report(door: Arc<Door>, shutdown: CancellationToken) {
    let mut every = tokio::time::interval(HEALTH_EVERY);
    let mut told = None;
    loop {
        let ready = tokio::select! {
            () = shutdown.cancelled() => break,
            _ = every.tick() => (door.settings().ready)(),
        };
        if told.replace(ready) != Some(ready) {
            door.health().set(ready).await;
        }
    }
    door.health().set(false).await;
}
