//! A small load generator: keep-alive HTTP/1.1 connections that send a request, read the whole response and repeat. It
//! counts the successful responses and their times. Loopback only, bounded in time.

use super::server::Tenant;
use std::{
    io,
    net::SocketAddr,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

/// The result of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Successful responses a second.
    pub rate: f64,
    /// Median response time.
    pub p50: Duration,
    /// The 99th percentile of response times.
    pub p99: Duration,
}

/// Replaced in every request by a new number.
pub(crate) const NUMBER: &str = "0000000000000000";

/// The bytes of a request.
pub(crate) fn request(method: &str, path: &str, key: &str, body: Option<&str>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n");
    if let Some(body) = body {
        text.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    } else {
        text.push_str("\r\n");
    }
    text.into_bytes()
}

/// The same request with another header.
pub(crate) fn with(request: &[u8], header: &str) -> Vec<u8> {
    let end = request.windows(2).position(|it| it == b"\r\n").map_or(0, |at| at + 2);
    [&request[..end], header.as_bytes(), b"\r\n", &request[end..]].concat()
}

/// Sends requests over `connections` connections for `length`, after a warm-up of a quarter of it. Every response must
/// have `status`.
pub(crate) async fn run(
    to: SocketAddr,
    request: &[u8],
    status: u16,
    connections: usize,
    length: Duration,
) -> io::Result<Run> {
    let begin = Instant::now() + length / 4;
    let end = begin + length;
    let mut callers = JoinSet::new();
    let next = Arc::new(AtomicUsize::new(1));
    for _ in 0..connections {
        callers.spawn(caller(to, request.to_vec(), status, begin..end, next.clone()));
    }
    let mut times = Vec::new();
    while let Some(done) = callers.join_next().await {
        times.extend(done.map_err(io::Error::other)??);
    }
    times.sort_unstable();
    let at =
        |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1))).copied();
    let (Some(p50), Some(p99)) = (at(0.5), at(0.99)) else { return Err(io::Error::other("no answer in time")) };
    Ok(Run { rate: times.len() as f64 / length.as_secs_f64(), p50, p99 })
}

/// Creates `count` tickets over this many connections, as fast as they are answered, each with its number as subject.
/// Returns the time of each request.
pub(crate) async fn numbered(
    to: SocketAddr,
    tenant: &Tenant,
    count: usize,
    connections: usize,
) -> io::Result<Vec<Instant>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..connections {
        let next = next.clone();
        let key = tenant.key.clone();
        let inbox = tenant.inbox.clone();
        callers.spawn(async move {
            let mut stream = TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            let mut asked = Vec::new();
            let mut buffer = Vec::with_capacity(16 * 1024);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<_, io::Error>(asked);
                }
                let body = serde_json::json!({"subject": format!("n{number}"), "inbox_id": inbox}).to_string();
                asked.push((number, Instant::now()));
                stream.write_all(&request("POST", "/api/v1/tickets", &key, Some(&body))).await?;
                let status = answer(&mut stream, &mut buffer).await?;
                if status != 201 {
                    return Err(io::Error::other(format!("status {status}: {}", String::from_utf8_lossy(&buffer))));
                }
            }
        });
    }
    let mut all = Vec::with_capacity(count);
    while let Some(done) = callers.join_next().await {
        all.extend(done.map_err(io::Error::other)??);
    }
    all.sort_unstable();
    Ok(all.into_iter().map(|(_, asked)| asked).collect())
}

/// Sends a request over an open connection; returns the status, and the start of the body in the buffer.
pub(crate) async fn call(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> io::Result<(u16, usize)> {
    stream.write_all(request).await?;
    let status = answer(stream, buffer).await?;
    Ok((status, buffer.windows(4).position(|it| it == b"\r\n\r\n").map_or(0, |at| at + 4)))
}

/// Sends one request; returns status and body.
pub(crate) async fn once(to: SocketAddr, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(to).await?;
    let mut buffer = Vec::new();
    let (status, head) = call(&mut stream, request, &mut buffer).await?;
    Ok((status, buffer.split_off(head)))
}

async fn caller(
    to: SocketAddr,
    mut request: Vec<u8>,
    status: u16,
    time: Range<Instant>,
    next: Arc<AtomicUsize>,
) -> io::Result<Vec<Duration>> {
    let number = request.windows(NUMBER.len()).position(|it| it == NUMBER.as_bytes());
    let mut stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let mut times = Vec::new();
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let asked = Instant::now();
        if asked >= time.end {
            return Ok(times);
        }
        if let Some(at) = number {
            let digits = format!("{:0width$}", next.fetch_add(1, Ordering::Relaxed), width = NUMBER.len());
            request[at..at + NUMBER.len()].copy_from_slice(digits.as_bytes());
        }
        stream.write_all(&request).await?;
        let got = answer(&mut stream, &mut buffer).await?;
        if got != status {
            return Err(io::Error::other(format!(
                "status {got} in place of {status}: {}",
                String::from_utf8_lossy(&buffer)
            )));
        }
        if asked >= time.start {
            times.push(asked.elapsed());
        }
    }
}

/// Reads a response with a fixed length; returns its status.
pub(crate) async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<u16> {
    buffer.clear();
    let head = loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(at) = buffer.windows(4).position(|it| it == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let text = std::str::from_utf8(&buffer[..head]).map_err(io::Error::other)?.to_ascii_lowercase();
    let status = text.get(9..12).and_then(|it| it.parse().ok()).ok_or_else(|| io::Error::other("no status line"))?;
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|it| it.trim().parse::<usize>().ok());
    let whole = head + length.ok_or_else(|| io::Error::other("an answer without a length"))?;
    while buffer.len() < whole {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(status)
}
