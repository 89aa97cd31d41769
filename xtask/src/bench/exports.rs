//! The speed of an export of 50,000 tickets with 200,000 messages, the memory that it takes, and what it costs callers
//! who create tickets meanwhile.

use super::{
    BoxResult,
    figures::{Figure, Goal},
    load,
    server::{Plan, ServerProcess, Tenant},
    usage,
};
use inboxops_core::bench;
use serde_json::json;
use std::{
    io,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time,
};

const TICKETS: u32 = 50_000;
/// Messages of each ticket.
const MESSAGES: u32 = 4;
/// How often everything is measured.
const ROUNDS: usize = 3;
/// Pace of the callers: 200 tickets a second.
const EVERY: Duration = Duration::from_millis(5);
/// Tickets of a measurement.
const POSTS: usize = 1_000;
/// Pause after which the slot of an export that was left is free.
const LET_GO: Duration = Duration::from_millis(500);
/// Bytes of an answer that are kept: its last line is in them.
const TAIL_BYTES: usize = 1024;
const MIB: f64 = 1024.0 * 1024.0;

/// The figures of one database, one set for each round.
pub(super) async fn measure(bin: &Path, url: Option<&str>) -> BoxResult<Vec<Vec<Figure>>> {
    let folder = tempfile::tempdir()?;
    let plan = Plan { bin, data: folder.path().to_owned(), database_url: url, write_group_max: None };
    let tenant = {
        let _server = plan.start()?;
        plan.tenant()?
    };
    let own = || format!("sqlite:{}", folder.path().join("inboxops.db").display());
    let database = url.map_or_else(own, str::to_owned);
    let begin = Instant::now();
    bench::fill_tickets(&database, tenant.id.parse()?, tenant.inbox.parse()?, TICKETS).await?;
    bench::fill_messages(&database, tenant.id.parse()?, MESSAGES).await?;
    eprintln!("{TICKETS} tickets: filled in {:.1} s", begin.elapsed().as_secs_f64());
    let server = plan.start()?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let figures = round(&server, &tenant).await?;
        figures.iter().for_each(|it| eprintln!("{} {:.2} {}", it.name, it.value, it.unit));
        rounds.push(figures);
    }
    Ok(rounds)
}

async fn round(server: &ServerProcess, tenant: &Tenant) -> BoxResult<Vec<Figure>> {
    let before = usage::memory(server.pid()).0 as f64 / MIB;
    let began = Instant::now();
    let lines = export(server.address, &tenant.key).await?;
    let took = began.elapsed().as_secs_f64();
    let after = usage::memory(server.pid()).1 as f64 / MIB;
    let alone = paced(server.address, tenant).await?;
    let mut exports = JoinSet::new();
    let (to, key) = (server.address, tenant.key.clone());
    exports.spawn(async move { again_and_again(to, &key).await });
    let beside = paced(server.address, tenant).await?;
    if let Some(ended) = exports.try_join_next() {
        ended??;
    }
    exports.shutdown().await;
    time::sleep(LET_GO).await;
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    Ok(vec![
        Figure::more("lines of an export", lines as f64 / took, "lines/s").goal(Goal::Value(10_000.0)),
        Figure::less(format!("all lines of {TICKETS} tickets"), took, "s").goal(Goal::Value(20.0)),
        Figure::less("memory that it takes at its most", (after - before).max(0.0), "MiB").goal(Goal::Value(64.0)),
        Figure::less("POST of a ticket, 200/s, p99", millis(alone), "ms"),
        Figure::less("the same beside an export", millis(beside), "ms"),
        Figure::less("beside ÷ without", millis(beside) / millis(alone), "×").goal(Goal::Value(1.5)),
    ])
}

/// Exports until it fails or is stopped.
async fn again_and_again(to: SocketAddr, key: &str) -> io::Result<()> {
    loop {
        export(to, key).await?;
    }
}

/// Takes a whole export; returns the number of its lines.
async fn export(to: SocketAddr, key: &str) -> io::Result<u64> {
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(&load::request("GET", "/api/v1/export", key, None)).await?;
    let mut buffer = Vec::with_capacity(256 * 1024);
    let mut begun = false;
    loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(io::Error::other("an export broke off"));
        }
        if !begun && !buffer.starts_with(b"HTTP/1.1 200") {
            return Err(io::Error::other(String::from_utf8_lossy(&buffer).into_owned()));
        }
        begun = true;
        if buffer.ends_with(b"\r\n0\r\n\r\n") {
            let tail = String::from_utf8_lossy(&buffer);
            let count = tail.rsplit_once("\"count\":").ok_or_else(|| io::Error::other("an export without an end"))?.1;
            let digits: String = count.chars().take_while(char::is_ascii_digit).collect();
            return digits.parse().map_err(io::Error::other);
        }
        let kept = buffer.len().min(TAIL_BYTES);
        buffer.drain(..buffer.len() - kept);
    }
}

/// Creates tickets at a steady pace; returns the 99th percentile of the times.
async fn paced(to: SocketAddr, tenant: &Tenant) -> BoxResult<Duration> {
    let body = json!({"subject": "Refund for order 1042", "inbox_id": tenant.inbox}).to_string();
    let request = load::request("POST", "/api/v1/tickets", &tenant.key, Some(&body));
    let mut stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    let mut times = Vec::with_capacity(POSTS);
    let mut ticks = time::interval(EVERY);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Burst);
    for _ in 0..POSTS {
        let due = ticks.tick().await;
        let (status, _) = load::call(&mut stream, &request, &mut buffer).await?;
        if status != 201 {
            return Err(format!("a ticket was answered with {status}").into());
        }
        // From when it was due: a slow answer makes those behind it late as well.
        times.push(due.elapsed());
    }
    times.sort_unstable();
    Ok(times[POSTS * 99 / 100])
}
