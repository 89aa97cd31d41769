//! Creates tickets at a steady pace, each with its number as subject, and measures how long each takes to arrive as a
//! webhook: from just before the request is written to the last byte of the webhook. The API call is included.

use super::{BoxResult, load, receiver::Receiver, server::Tenant};
use serde_json::json;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::Semaphore, task::JoinSet, time};

/// Connections that take turns, so that a slow response does not delay the pace.
const CONNECTIONS: usize = 16;
/// Longest wait for the last webhook.
const LAST_MAX: Duration = Duration::from_secs(20);

/// Times from call to arrival.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrivals {
    /// Median.
    pub p50: Duration,
    /// The 99th percentile.
    pub p99: Duration,
}

/// Creates `count` tickets, one every `every`, and waits until all have arrived at the receiver. The first tenth does
/// not count.
pub(super) async fn run(
    to: SocketAddr,
    tenant: &Tenant,
    receiver: &Receiver,
    count: usize,
    every: Duration,
) -> BoxResult<Arrivals> {
    receiver.forget();
    let mut free = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        free.push(stream);
    }
    let free = Arc::new((Semaphore::new(CONNECTIONS), std::sync::Mutex::new(free)));
    let mut sent = Vec::with_capacity(count);
    let mut calls = JoinSet::new();
    let mut ticks = time::interval(every);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Burst);
    for number in 0..count {
        ticks.tick().await;
        let body = json!({"subject": format!("n{number}"), "inbox_id": tenant.inbox}).to_string();
        let request = load::request("POST", "/api/v1/tickets", &tenant.key, Some(&body));
        sent.push(Instant::now());
        let free = free.clone();
        calls.spawn(async move {
            let Ok(_turn) = free.0.acquire().await else { return Err("closed".to_owned()) };
            let stream = free.1.lock().map_err(|_| "poisoned")?.pop();
            let mut stream = stream.ok_or("no connection")?;
            let told = ask(&mut stream, &request).await.map_err(|error| error.to_string())?;
            free.1.lock().map_err(|_| "poisoned")?.push(stream);
            if told == 201 { Ok(()) } else { Err(format!("status {told}")) }
        });
    }
    while let Some(done) = calls.join_next().await {
        done??;
    }
    let arrived = receiver.wait_for(count, LAST_MAX).await?;
    let counted = count / 10..count;
    let mut times: Vec<_> = counted.map(|number| arrived[&number].duration_since(sent[number])).collect();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() as f64 * share) as usize).min(times.len() - 1)];
    Ok(Arrivals { p50: at(0.5), p99: at(0.99) })
}

async fn ask(stream: &mut TcpStream, request: &[u8]) -> std::io::Result<u16> {
    stream.write_all(request).await?;
    let mut buffer = Vec::with_capacity(4096);
    load::answer(stream, &mut buffer).await
}
