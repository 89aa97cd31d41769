//! A receiver of webhooks that answers 200 and counts: as little work as a receiver can do.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{net::TcpListener, task::JoinSet};

/// A running receiver; it ends with its runtime's tasks when dropped.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    count: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    /// Listens on a free port.
    pub async fn start() -> io::Result<Receiver> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, count) = (listener.local_addr()?, Arc::new(AtomicU64::new(0)));
        let (mut tasks, counted) = (JoinSet::new(), count.clone());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let counted = counted.clone();
                let answer = service_fn(move |request: Request<Incoming>| {
                    let counted = counted.clone();
                    async move {
                        let _ = request.into_body().collect().await;
                        counted.fetch_add(1, Ordering::Relaxed);
                        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
                    }
                });
                connections.spawn(async move {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Ok(Receiver { address, count, _tasks: tasks })
    }

    /// Requests received so far.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}
