//! A receiver of webhooks that answers 200, counts, and records when the ticket with subject `n42` arrived, with as
//! little work as possible.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, sync::Notify, task::JoinSet, time};

/// A running receiver; it ends with its runtime's tasks when dropped.
pub(super) struct Receiver {
    pub address: SocketAddr,
    seen: Arc<RequestCounts>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct RequestCounts {
    count: AtomicU64,
    numbers: Mutex<HashMap<usize, Instant>>,
    arrivals: Mutex<Vec<(usize, Instant)>>,
    more: Notify,
}

impl RequestCounts {
    fn numbers(&self) -> MutexGuard<'_, HashMap<usize, Instant>> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrivals(&self) -> MutexGuard<'_, Vec<(usize, Instant)>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, body: &[u8]) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if let Some(number) = number(body) {
            let now = Instant::now();
            self.numbers().entry(number).or_insert(now);
            self.arrivals().push((number, now));
            self.more.notify_one();
        }
    }
}

/// 42 for a body with `"subject":"n42"`.
fn number(body: &[u8]) -> Option<usize> {
    const MARK: &[u8] = b"\"subject\":\"n";
    let at = body.windows(MARK.len()).position(|it| it == MARK)? + MARK.len();
    let end = at + body[at..].iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&body[at..end]).ok()?.parse().ok()
}

impl Receiver {
    /// Listens on a free port and answers at once.
    pub(super) async fn start() -> io::Result<Receiver> {
        Receiver::after(Duration::ZERO).await
    }

    /// Listens on a free port and answers after `pause`.
    pub(super) async fn after(pause: Duration) -> io::Result<Receiver> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(RequestCounts::default());
        let mut tasks = JoinSet::new();
        let noted = seen.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let noted = noted.clone();
                let answer = service_fn(move |request: Request<Incoming>| {
                    let noted = noted.clone();
                    async move {
                        if let Ok(body) = request.into_body().collect().await {
                            noted.note(&body.to_bytes());
                        }
                        if !pause.is_zero() {
                            time::sleep(pause).await;
                        }
                        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
                    }
                });
                connections.spawn(async move {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Ok(Receiver { address, seen, _tasks: tasks })
    }

    /// Requests received so far.
    pub(super) fn count(&self) -> u64 {
        self.seen.count.load(Ordering::Relaxed)
    }

    /// Drops the recorded arrivals.
    pub(super) fn forget(&self) {
        self.seen.numbers().clear();
        self.seen.arrivals().clear();
    }

    /// All arrivals so far, in order: the number, and when.
    pub(super) fn arrivals(&self) -> Vec<(usize, Instant)> {
        self.seen.arrivals().clone()
    }

    /// Waits until there were this many arrivals, of any number.
    pub(super) async fn wait_for_all(&self, count: usize, at_most: Duration) -> io::Result<Vec<(usize, Instant)>> {
        let all = async {
            while self.seen.arrivals().len() < count {
                self.seen.more.notified().await;
            }
        };
        let came = time::timeout(at_most, all).await;
        let arrivals = self.arrivals();
        came.map_err(|_| io::Error::other(format!("{} of {count} webhooks came", arrivals.len())))?;
        Ok(arrivals)
    }

    /// Waits until the first `count` numbers have arrived; returns when each did.
    pub(super) async fn wait_for(&self, count: usize, at_most: Duration) -> io::Result<HashMap<usize, Instant>> {
        let all = async {
            while self.seen.numbers().len() < count {
                self.seen.more.notified().await;
            }
        };
        let came = time::timeout(at_most, all).await;
        let numbers = self.seen.numbers().clone();
        came.map_err(|_| io::Error::other(format!("{} of {count} webhooks came", numbers.len())))?;
        Ok(numbers)
    }
}
