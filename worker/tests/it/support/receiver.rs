//! Receivers that write HTTP by hand, so that they can also write it wrong.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

/// An empty success that keeps the connection open.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// One received request.
#[derive(Debug)]
pub(crate) struct Webhook {
    pub head: String,
    pub body: Vec<u8>,
}

/// A receiver on a port of its own; it ends with the test.
pub(crate) struct Receiver {
    pub url: String,
    pub port: u16,
    counts: Arc<Counts>,
    seen: mpsc::UnboundedReceiver<Webhook>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
}

/// One connection, for a receiver's behaviour.
pub(crate) struct Visit {
    pub tcp: TcpStream,
    buffer: Vec<u8>,
    /// Whether a request waits for its response.
    asked: bool,
    counts: Arc<Counts>,
    seen: mpsc::UnboundedSender<Webhook>,
}

impl Receiver {
    /// Runs `behave` for every connection.
    pub(crate) async fn start<F, R>(behave: F) -> Receiver
    where
        F: Fn(Visit) -> R + Send + Sync + 'static,
        R: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let counts = Arc::new(Counts::default());
        let (sender, seen) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let shared = counts.clone();
        tasks.spawn(async move {
            let mut visits = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (counts, seen) = (shared.clone(), sender.clone());
                let visit = behave(Visit { tcp, buffer: Vec::new(), asked: false, counts, seen });
                // A connection that the worker drops is no failure of the test.
                visits.spawn(async move { drop(visit.await) });
            }
        });
        Receiver { url: format!("http://127.0.0.1:{port}/hook?a=b"), port, counts, seen, _tasks: tasks }
    }

    /// Answers every request with the same bytes and keeps the connection open.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Receiver {
        let answer: Arc<[u8]> = answer.into().into();
        Receiver::start(move |mut visit| {
            let answer = answer.clone();
            async move {
                while visit.request().await? {
                    visit.write(&answer).await?;
                }
                Ok(())
            }
        })
        .await
    }

    /// Answers the first request of every connection with these bytes and closes it.
    pub(crate) async fn closing_after(answer: impl Into<Vec<u8>>) -> Receiver {
        let answer: Arc<[u8]> = answer.into().into();
        Receiver::start(move |mut visit| {
            let answer = answer.clone();
            async move {
                visit.request().await?;
                visit.write(&answer).await
            }
        })
        .await
    }

    pub(crate) fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }

    /// Greatest number of concurrent requests.
    pub(crate) fn most_at_once(&self) -> usize {
        self.counts.most.load(Ordering::SeqCst)
    }

    /// The next request.
    pub(crate) async fn seen(&mut self) -> Webhook {
        super::soon(self.seen.recv()).await.expect("the receiver runs")
    }
}

impl Visit {
    /// Reads and counts one request; false if there are no more.
    pub(crate) async fn request(&mut self) -> io::Result<bool> {
        let Some(seen) = read_request(&mut self.tcp, &mut self.buffer).await? else { return Ok(false) };
        self.counts.requests.fetch_add(1, Ordering::SeqCst);
        self.answered();
        self.asked = true;
        let now = self.counts.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.counts.most.fetch_max(now, Ordering::SeqCst);
        let _ = self.seen.send(seen);
        Ok(true)
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.answered();
        self.tcp.write_all(bytes).await
    }

    fn answered(&mut self) {
        if std::mem::take(&mut self.asked) {
            self.counts.now.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Keeps the connection open until the other side closes it.
    pub(crate) async fn hold(&mut self) -> io::Result<()> {
        let mut rest = [0; 1024];
        while self.tcp.read(&mut rest).await? > 0 {}
        Ok(())
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.answered();
    }
}

async fn read_request<T: AsyncRead + Unpin>(io: &mut T, buffer: &mut Vec<u8>) -> io::Result<Option<Webhook>> {
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).expect("our own heads are ASCII");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.expect("our requests say their length").parse().unwrap();
            if buffer.len() >= end + 4 + length {
                let body = buffer[end + 4..end + 4 + length].to_vec();
                buffer.drain(..end + 4 + length);
                return Ok(Some(Webhook { head, body }));
            }
        }
        let read = io.read(&mut chunk).await?;
        if read == 0 {
            assert!(buffer.is_empty(), "half a request: {:?}", String::from_utf8_lossy(buffer));
            return Ok(None);
        }
        buffer.extend_from_slice(&chunk[..read]);
    }
}
