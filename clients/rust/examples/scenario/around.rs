//! What stands around the client: a line to the server that breaks, and a receiver of webhooks.

use crate::Outcome;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, AtomicUsize, Ordering::SeqCst},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
};

/// A way to the server that breaks when it is told to.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) url: String,
    cuts: Arc<watch::Sender<usize>>,
    /// Bytes that still come from the server before the connection breaks.
    left: Arc<AtomicUsize>,
}

impl Line {
    pub(crate) async fn open(base_url: &str) -> Outcome<Line> {
        let far = base_url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let line = Line { url, cuts: Arc::new(watch::Sender::new(0)), left: Arc::new(AtomicUsize::new(usize::MAX)) };
        let opened = line.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(opened.clone(), near, far.clone()));
            }
        });
        Ok(line)
    }

    pub(crate) fn cuts(&self) -> usize {
        *self.cuts.borrow()
    }

    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    pub(crate) fn cut_after(&self, bytes: usize) {
        self.left.store(bytes, SeqCst);
    }
}

async fn carry(line: Line, near: TcpStream, far: String) {
    let mut cut = line.cuts.subscribe();
    let Ok(far) = TcpStream::connect(far).await else { return };
    let ((mut asks, mut hears), (mut says, mut gets)) = (near.into_split(), far.into_split());
    let back = async {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count) = says.read(&mut buffer).await {
            let left = line.left.load(SeqCst);
            let part = count.min(left);
            if count == 0 || hears.write_all(&buffer[..part]).await.is_err() {
                return;
            }
            if part < count {
                line.left.store(usize::MAX, SeqCst);
                line.cut();
                return;
            }
            if left < usize::MAX {
                line.left.fetch_sub(part, SeqCst);
            }
        }
    };
    select! {
        _ = copy(&mut asks, &mut gets) => {}
        () = back => {}
        _ = cut.changed() => {}
    }
}

/// A webhook that came.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A receiver of webhooks, which answers a status and keeps what came.
pub(crate) struct Receiver {
    pub(crate) url: String,
    status: Arc<AtomicU16>,
    hooks: Arc<Mutex<Vec<Hook>>>,
}

impl Receiver {
    pub(crate) async fn open() -> Outcome<Receiver> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let (status, hooks) = (Arc::new(AtomicU16::new(204)), Arc::default());
        let receiver = Receiver { url, status: Arc::clone(&status), hooks: Arc::clone(&hooks) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, Arc::clone(&status), Arc::clone(&hooks)));
            }
        });
        Ok(receiver)
    }

    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, SeqCst);
    }

    pub(crate) fn hooks(&self) -> Vec<Hook> {
        self.hooks.lock().unwrap().clone()
    }
}

async fn receive(mut stream: TcpStream, status: Arc<AtomicU16>, hooks: Arc<Mutex<Vec<Hook>>>) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(hook) = whole(&bytes) {
            hooks.lock().unwrap().push(hook);
            break;
        }
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let status = status.load(SeqCst);
    let answer = format!("HTTP/1.1 {status} Received\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    // A sender that went away has its answer in the log of deliveries.
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// The request, once all of it is there.
fn whole(bytes: &[u8]) -> Option<Hook> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let pairs = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let headers: Vec<(String, String)> =
        pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length?.1.parse().ok()?;
    let body = &bytes[end + 4..];
    (body.len() >= length).then(|| Hook { headers, body: body.to_vec() })
}
