//! The cost of followers: many streams of `GET /api/v1/events` of one tenant, while tickets are created at a steady
//! pace. The same pace without a follower shows the tickets' part.

use super::{
    BoxResult,
    figures::{Figure, Goal},
    house::House,
    load,
    usage::{self, Family},
};
use serde_json::json;
use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
    task::JoinSet,
    time,
};

/// Streams of one tenant.
const FOLLOWERS: usize = 300;
/// Pace: 100 events a second.
const EVERY: Duration = Duration::from_millis(10);
/// Events of a run.
const EVENTS: usize = 1_500;
/// Longest wait for the last line.
const LAST_MAX: Duration = Duration::from_secs(30);

/// The counts of all followers.
#[derive(Default)]
struct FollowerCounts {
    streams: AtomicU64,
    lines: AtomicU64,
    more: Notify,
}

/// The result for followers.
pub(super) async fn followers(bin: &Path, url: Option<&str>) -> BoxResult<Vec<Figure>> {
    let house = House::open(bin, url)?;
    let all = house.families()?;
    let alone = [Family { pid: house.server.pid(), children: false }];
    let without = paced(&house, &all, &alone, None).await?;
    let seen = Arc::new(FollowerCounts::default());
    let mut tasks = JoinSet::new();
    for _ in 0..FOLLOWERS {
        tasks.spawn(follow(house.server.address, house.tenant.key.clone(), seen.clone()));
    }
    until(&seen, || seen.streams.load(Ordering::Relaxed) == FOLLOWERS as u64).await?;
    let with = paced(&house, &all, &alone, Some(&seen)).await?;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / (FOLLOWERS * EVENTS) as f64;
    let memory = usage::memory(house.server.pid()).1 as f64 / 1024.0 / 1024.0;
    Ok(vec![
        Figure::less("300 followers, 100 events/s: the server's processor time a line", each(with.0), "µs")
            .goal(Goal::Value(10.0)),
        Figure::less("the same with the database", each(with.1), "µs"),
        Figure::less("of it for making the events", each(without.1), "µs"),
        Figure::less("followers: resident memory at its most", memory, "MiB"),
    ])
}

/// Creates the tickets and waits until each has reached each follower; returns the processor time of the server, and of
/// server and database.
async fn paced(
    house: &House<'_>,
    all: &[Family],
    alone: &[Family],
    seen: Option<&FollowerCounts>,
) -> BoxResult<(Duration, Duration)> {
    let body = json!({"subject": "Refund for order 1042", "inbox_id": house.tenant.inbox}).to_string();
    let request = load::request("POST", "/api/v1/tickets", &house.tenant.key, Some(&body));
    let mut stream = TcpStream::connect(house.server.address).await?;
    let mut buffer = Vec::new();
    stream.set_nodelay(true)?;
    let before = (usage::processor(alone), usage::processor(all));
    let mut ticks = time::interval(EVERY);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Burst);
    for _ in 0..EVENTS {
        ticks.tick().await;
        let (status, _) = load::call(&mut stream, &request, &mut buffer).await?;
        if status != 201 {
            return Err(format!("a ticket was answered with {status}").into());
        }
    }
    if let Some(seen) = seen {
        until(seen, || seen.lines.load(Ordering::Relaxed) >= (FOLLOWERS * EVENTS) as u64).await?;
    }
    Ok((usage::processor(alone) - before.0, usage::processor(all) - before.1))
}

async fn until(seen: &FollowerCounts, so: impl Fn() -> bool) -> BoxResult<()> {
    let end = Instant::now() + LAST_MAX;
    while !so() {
        if Instant::now() > end {
            let streams = seen.streams.load(Ordering::Relaxed);
            let lines = seen.lines.load(Ordering::Relaxed);
            return Err(format!("only {streams} streams and {lines} lines came").into());
        }
        let _ = time::timeout(Duration::from_millis(100), seen.more.notified()).await;
    }
    Ok(())
}

async fn follow(to: SocketAddr, key: String, seen: Arc<FollowerCounts>) -> std::io::Result<()> {
    const LINE: &[u8] = b"\ndata: ";
    let mut stream = TcpStream::connect(to).await?;
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nAccept: text/event-stream\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = Vec::with_capacity(64 * 1024);
    let mut subscribed = false;
    while stream.read_buf(&mut buffer).await? > 0 {
        if !subscribed && buffer.windows(3).any(|it| it == b"\n: ") {
            subscribed = true;
            seen.streams.fetch_add(1, Ordering::Relaxed);
        }
        let lines = buffer.windows(LINE.len()).filter(|it| *it == LINE).count();
        seen.lines.fetch_add(lines as u64, Ordering::Relaxed);
        seen.more.notify_one();
        // The line may be received in two pieces.
        let kept = buffer.len().min(LINE.len() - 1);
        buffer.drain(..buffer.len() - kept);
    }
    Ok(())
}
