//! The receivers of the suite: one port that counts every complete request before it answers, and a second one that
//! accepts no connection until it is healed. Their ledger is their own; it knows nothing about the product.

use super::{
    behaviour::Behaviour,
    signature::{self, SignedParts},
};
use inboxops_proto::clock::{Clock, Timestamp};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{HashMap, HashSet},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use uuid::Uuid;

/// Greatest request that is read, in bytes: events are smaller.
const REQUEST_MAX_BYTES: usize = 1024 * 1024;
/// Longest idle time of a connection.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// When the late receiver answers; the product gives up after 15 s.
const LATE: Duration = Duration::from_millis(14_500);

/// A complete request.
#[derive(Clone, Debug)]
pub(super) struct Receipt {
    /// The endpoint: the path of its URL after the slash.
    pub path: String,
    /// `X-InboxOps-Delivery`.
    pub delivery: Uuid,
    /// `webhook-id`.
    pub event: Uuid,
    /// `X-InboxOps-Attempt`.
    pub attempt: i64,
    /// When it was complete.
    pub at: Timestamp,
    /// Whether both signatures are valid.
    pub signed: bool,
    /// Digest of the body.
    pub body: [u8; 32],
    /// Whether the head of a 2xx answer was written.
    pub succeeded: bool,
}

#[derive(Default)]
struct Shared {
    ledger: Mutex<Vec<Receipt>>,
    secrets: Mutex<HashMap<String, String>>,
    /// Deliveries that have been misbehaved to.
    met: Mutex<HashSet<(Uuid, Behaviour)>>,
    healed: AtomicBool,
    /// Requests that ended before they were complete.
    broken: AtomicU32,
    /// The process to kill when the next request has arrived and is not answered.
    trap: Mutex<Option<rustix::process::Pid>>,
}

/// The receivers, in this process.
pub(super) struct Receiver {
    /// Address of the receiver that listens.
    pub address: SocketAddr,
    /// Address of the receiver that accepts nothing.
    pub deaf: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    /// Listens on free ports.
    pub(super) async fn start() -> io::Result<Receiver> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let deaf = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let deaf_address = deaf.local_addr()?;
        let shared = Arc::<Shared>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, shared.clone()));
        let healed = shared.clone();
        tasks.spawn(async move {
            while !healed.healed.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(100)).await;
            }
            // Connections that the system accepted meanwhile were never accepted here.
            while let Ok(Ok(_)) = timeout(Duration::from_millis(200), deaf.accept()).await {}
            accept(deaf, healed).await;
        });
        Ok(Receiver { address, deaf: deaf_address, shared, _tasks: tasks })
    }

    /// Sets the secret of an endpoint, as it was shown.
    pub(super) fn knows(&self, path: &str, secret: &str) {
        lock(&self.shared.secrets).insert(path.to_owned(), secret.to_owned());
    }

    /// From now on all receivers answer 200.
    pub(super) fn heal(&self) {
        self.shared.healed.store(true, Ordering::Relaxed);
    }

    /// Kills the process when the next request has arrived, before it is answered.
    pub(super) fn trap(&self, pid: rustix::process::Pid) {
        *lock(&self.shared.trap) = Some(pid);
    }

    /// Number of complete requests so far.
    pub(super) fn count(&self) -> usize {
        lock(&self.shared.ledger).len()
    }

    /// Number of incomplete requests.
    pub(super) fn broken(&self) -> u32 {
        self.shared.broken.load(Ordering::Relaxed)
    }

    /// All complete requests.
    pub(super) fn ledger(&self) -> Vec<Receipt> {
        lock(&self.shared.ledger).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = shared.clone();
                connections.spawn(async move {
                    // A killed sender breaks its connections.
                    let _ = serve(stream, &shared).await;
                });
            }
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some((head, length)) = read(&mut stream, &mut buffer, shared).await? {
        let body = &buffer[head..head + length];
        let (behaviour, receipt) = note(&buffer[..head], body, shared)?;
        buffer.drain(..head + length);
        if let Some(pid) = lock(&shared.trap).take() {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        if !answer(&mut stream, behaviour, receipt, shared).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads a complete request; returns the lengths of its head and body.
async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>, shared: &Shared) -> io::Result<Option<(usize, usize)>> {
    loop {
        if let Some(head) = buffer.windows(4).position(|it| it == b"\r\n\r\n").map(|at| at + 4) {
            let length = header(&buffer[..head], "content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
            if buffer.len() >= head + length {
                return Ok(Some((head, length)));
            }
        }
        let got = timeout(IDLE_MAX, stream.read_buf(buffer)).await.unwrap_or(Ok(0)).unwrap_or(0);
        if got == 0 || buffer.len() > REQUEST_MAX_BYTES {
            if !buffer.is_empty() {
                shared.broken.fetch_add(1, Ordering::Relaxed);
            }
            return Ok(None);
        }
    }
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(head).ok()?;
    text.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Records a request; returns how to answer it, and its place in the ledger.
fn note(head: &[u8], body: &[u8], shared: &Shared) -> io::Result<(Behaviour, usize)> {
    let bad = || io::Error::other("not a webhook");
    let text = std::str::from_utf8(head).map_err(io::Error::other)?;
    let path = text.split(' ').nth(1).and_then(|it| it.strip_prefix('/')).ok_or_else(bad)?;
    let id = |name| header(head, name).and_then(|it| it.parse::<Uuid>().ok()).unwrap_or_default();
    let text = |name| header(head, name).unwrap_or_default();
    let at = Clock::System.now();
    let signed = SignedParts {
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        standard: text("webhook-signature"),
        plain: text("x-inboxops-signature"),
        body,
    };
    let secret = lock(&shared.secrets).get(path).cloned().unwrap_or_default();
    let delivery = id("x-inboxops-delivery");
    let event = id("webhook-id");
    let receipt = Receipt {
        path: path.to_owned(),
        delivery,
        event,
        attempt: text("x-inboxops-attempt").parse().unwrap_or(-1),
        at,
        signed: signature::fits(&secret, signed, at.secs()),
        body: Sha256::digest(body).into(),
        succeeded: false,
    };
    let index = {
        let mut ledger = lock(&shared.ledger);
        ledger.push(receipt);
        ledger.len() - 1
    };
    let asked = path.rsplit('/').next().unwrap_or_default();
    let all = Behaviour::HOSTILE.iter().chain(&[Behaviour::Flaky]);
    let behaviour = all.copied().find(|it| format!("{it:?}").eq_ignore_ascii_case(asked)).unwrap_or(Behaviour::Ok);
    let misbehaves = !shared.healed.load(Ordering::Relaxed) && lock(&shared.met).insert((delivery, behaviour));
    Ok((if misbehaves { behaviour } else { Behaviour::Ok }, index))
}

/// Answers according to the behaviour; returns whether the connection stays open.
async fn answer(stream: &mut TcpStream, behaviour: Behaviour, receipt: usize, shared: &Shared) -> io::Result<bool> {
    let succeeded = || {
        if let Some(receipt) = lock(&shared.ledger).get_mut(receipt) {
            receipt.succeeded = true;
        }
    };
    let chance = lock(&shared.ledger).get(receipt).map_or(0, |it| it.delivery.as_bytes()[15]);
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    match behaviour {
        Behaviour::Flaky => match chance {
            0 => stream.write_all(b"HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\nno").await?,
            1 | 2 => return reset(stream),
            3 => return Ok(false),
            _ => {
                succeeded();
                stream.write_all(OK).await?;
            }
        },
        Behaviour::Ok | Behaviour::Deaf => {
            succeeded();
            stream.write_all(OK).await?;
        }
        Behaviour::Slow | Behaviour::Late => {
            sleep(if behaviour == Behaviour::Slow { Duration::from_secs(2) } else { LATE }).await;
            succeeded();
            stream.write_all(OK).await?;
        }
        Behaviour::Reset => return reset(stream),
        Behaviour::Hangup => return Ok(false),
        Behaviour::MidBody => {
            succeeded();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await?;
            return Ok(false);
        }
        Behaviour::Drip | Behaviour::Endless => {
            succeeded();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n").await?;
            let (piece, pause) = match behaviour {
                Behaviour::Drip => (vec![b'.'; 1], Duration::from_secs(1)),
                _ => (vec![b'.'; 16 * 1024], Duration::ZERO),
            };
            loop {
                stream.write_all(&piece).await?;
                sleep(pause).await;
            }
        }
        Behaviour::Garbage => {
            stream.write_all(b"\x16\x03\x01 what is this\r\n\r\n").await?;
            return Ok(false);
        }
        Behaviour::Bytes => {
            succeeded();
            stream
                .write_all(
                    b"HTTP/1.1 200 OK\r\nx-name: Ren\xe9\r\nx-odd: \xff\xfe\r\ncontent-length: 6\r\n\r\na\0b\xff\xfec",
                )
                .await?;
        }
        Behaviour::Redirect => {
            stream.write_all(b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n").await?;
        }
        Behaviour::Gone => stream.write_all(b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n").await?,
        Behaviour::Busy => {
            let status = if chance.is_multiple_of(2) { "429 Too Many Requests" } else { "503 Service Unavailable" };
            let text = format!("HTTP/1.1 {status}\r\nretry-after: 62\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(text.as_bytes()).await?;
        }
        Behaviour::Mute => {
            // Until the sender gives up.
            let mut rest = [0; 64];
            while stream.read(&mut rest).await? > 0 {}
            return Ok(false);
        }
    }
    Ok(true)
}

/// Closes with a reset.
fn reset(stream: &TcpStream) -> io::Result<bool> {
    rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?;
    Ok(false)
}
