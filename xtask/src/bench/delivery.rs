//! The cost and latency of deliveries: alone, fanned out, beside a slow endpoint, beside a dead one with a million
//! waiting deliveries.

use super::{
    BoxResult, CALLERS, LENGTH, ROUNDS, endpoint,
    house::House,
    load,
    pace::{self, Arrivals},
    receiver::Receiver,
    server::Plan,
    usage,
};
use inboxops_core::bench;
use serde_json::json;
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// Endpoints of the fan-out.
const FAN_OUT: usize = 10;
/// Deliveries that wait for a dead endpoint.
const BACKLOG: usize = 1_000_000;
/// Waiting deliveries in the run to compare with: a few more than are claimed.
const FEW: usize = 4_000;
/// Claims that are timed.
const CLAIMS: usize = 400;
/// The slow endpoint's response time.
const SLOW: Duration = Duration::from_secs(10);
/// Pace of the runs beside another endpoint: 400 events a second.
const BUSY_EVERY: Duration = Duration::from_micros(2500);
/// Tickets of such a run.
const BUSY_COUNT: usize = 8_000;
/// Pace at which nothing waits.
const IDLE_EVERY: Duration = Duration::from_millis(20);
/// Tickets of such a run.
const IDLE_COUNT: usize = 500;

/// Creates a database for a run; `None` for SQLite.
pub(super) type Fresh<'a> = &'a mut dyn FnMut() -> BoxResult<Option<String>>;

/// A measurement of deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// One delivery at a time.
    Idle,
    /// As many as possible, to one endpoint and to several.
    Flood,
    /// Beside a slow endpoint.
    Slow,
    /// Beside a dead endpoint, with few and with many waiting deliveries.
    Dead,
}

/// Names and figures of a measurement.
type Lines = Vec<(String, String)>;

/// The section of one database.
pub(super) async fn measure(bin: &Path, name: &str, parts: &[Part], fresh: Fresh<'_>) -> BoxResult<String> {
    let mut text = format!("### Deliveries, {name}\n\n| | measured |\n|---|---|\n");
    for part in parts {
        let lines = match part {
            Part::Idle => idle(bin, &mut *fresh).await,
            Part::Flood => floods(bin, &mut *fresh).await,
            Part::Slow => slow(bin, &mut *fresh).await,
            Part::Dead => dead(bin, &mut *fresh).await,
        };
        lines?.iter().for_each(|(what, figure)| text.push_str(&format!("| {what} | {figure} |\n")));
    }
    Ok(text)
}

async fn idle(bin: &Path, fresh: Fresh<'_>) -> BoxResult<Lines> {
    let url = fresh()?;
    let house = House::open(bin, url.as_deref())?;
    let receiver = Receiver::start().await?;
    endpoint(&house.server, &house.tenant, &receiver).await?;
    let idle = pace::run(house.server.address, &house.tenant, &receiver, IDLE_COUNT, IDLE_EVERY).await?;
    Ok(vec![
        ("idle, from the API call to the arrival, p50 · p99".to_owned(), both(idle)),
        ("resident memory, idle".to_owned(), mebibytes(usage::memory(house.server.pid()).0)),
    ])
}

async fn floods(bin: &Path, fresh: Fresh<'_>) -> BoxResult<Lines> {
    let mut lines = Lines::new();
    for (count, what) in [(1, "one endpoint"), (FAN_OUT, "fan-out to 10 endpoints")] {
        let mut runs = Vec::new();
        for _ in 0..ROUNDS {
            let url = fresh()?;
            runs.push(flood(&House::open(bin, url.as_deref())?, count).await?);
        }
        runs.sort_by(|one, other| one.rate.total_cmp(&other.rate));
        let run = &runs[runs.len() / 2];
        lines.push((format!("{what}, {CALLERS} callers: deliveries"), format!("{:.0}/s", run.rate)));
        lines.push((format!("{what}: processor time per 1,000 deliveries"), format!("{:.3} s", run.processor)));
        lines.push((format!("{what}: resident memory at its most"), mebibytes(run.memory)));
    }
    Ok(lines)
}

async fn slow(bin: &Path, fresh: Fresh<'_>) -> BoxResult<Lines> {
    let url = fresh()?;
    let house = House::open(bin, url.as_deref())?;
    let receiver = Receiver::start().await?;
    let slow = Receiver::after(SLOW).await?;
    for one in [&receiver, &slow] {
        endpoint(&house.server, &house.tenant, one).await?;
    }
    let beside = pace::run(house.server.address, &house.tenant, &receiver, BUSY_COUNT, BUSY_EVERY).await?;
    Ok(vec![("400 events/s beside a neighbour that answers after 10 s, p50 · p99".to_owned(), both(beside))])
}

async fn dead(bin: &Path, fresh: Fresh<'_>) -> BoxResult<Lines> {
    let mut lines = Lines::new();
    let mut claims = Vec::new();
    let mut beside = Vec::new();
    for waiting in [FEW, BACKLOG] {
        let url = fresh()?;
        let (arrivals, claim) = backlog(bin, url.as_deref(), waiting).await?;
        lines.push((format!("400 events/s beside a dead endpoint with {waiting} due, p50 · p99"), both(arrivals)));
        lines.push((format!("one claim of {} with {waiting} due, p50 · p99", bench::LANE_ROOM), both(claim)));
        beside.push(arrivals.p99);
        claims.push(claim.p99);
    }
    let ratio = |of: &[Duration]| of[1].as_secs_f64() / of[0].as_secs_f64();
    lines.push((
        "p99 with 1,000,000 due against 4,000: arrival · claim".to_owned(),
        format!("{:.2} · {:.2}", ratio(&beside), ratio(&claims)),
    ));
    Ok(lines)
}

struct Flood {
    rate: f64,
    /// Seconds per 1,000 deliveries.
    processor: f64,
    memory: u64,
}

/// Tickets from many callers, as fast as they are accepted.
async fn flood(house: &House<'_>, endpoints: usize) -> BoxResult<Flood> {
    let receiver = Receiver::start().await?;
    for _ in 0..endpoints {
        endpoint(&house.server, &house.tenant, &receiver).await?;
    }
    let body = json!({"subject": "Refund for order 1042", "inbox_id": house.tenant.inbox}).to_string();
    let request = load::request("POST", "/api/v1/tickets", &house.tenant.key, Some(&body));
    let families = house.families()?;
    let begin = Instant::now();
    let used = usage::processor(&families);
    let before = receiver.count();
    load::run(house.server.address, &request, 201, CALLERS, LENGTH).await?;
    let length = begin.elapsed();
    let came = (receiver.count() - before) as f64;
    let used = usage::processor(&families) - used;
    Ok(Flood {
        rate: came / length.as_secs_f64(),
        processor: used.as_secs_f64() * 1000.0 / came,
        memory: usage::memory(house.server.pid()).1,
    })
}

/// A healthy endpoint beside a dead one with `waiting` due deliveries, and the duration of a claim of those.
async fn backlog(bin: &Path, url: Option<&str>, waiting: usize) -> BoxResult<(Arrivals, Arrivals)> {
    let House { plan, server, tenant, _folder } = House::open(bin, url)?;
    let dead = Receiver::start().await?;
    let receiver = Receiver::start().await?;
    endpoint(&server, &tenant, &dead).await?;
    // One event, so that there is a delivery to copy; then the receiver stops for good.
    pace::run(server.address, &tenant, &dead, 1, IDLE_EVERY).await?;
    drop((server, dead));
    fill(&plan, waiting)?;
    let claim = claims(&plan).await?;
    let server = plan.start()?;
    endpoint(&server, &tenant, &receiver).await?;
    let arrivals = pace::run(server.address, &tenant, &receiver, BUSY_COUNT, BUSY_EVERY).await?;
    Ok((arrivals, claim))
}

/// Inserts due deliveries for an endpoint that failed 40 times in a row into the database of a stopped server, as
/// copies of the first delivery. Their ids are in the order of time, as those of events are.
pub(super) fn fill(plan: &Plan<'_>, waiting: usize) -> BoxResult<()> {
    let columns = "tenant_id, endpoint_id, event_id, kind, test, attempt, failures, token, incarnation, created_at";
    let (id, numbers) = match plan.database_url {
        None => (
            "unhex(printf('%012x', 1700000000000 + n.i) || '7000' || hex(randomblob(8)))",
            format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {waiting})"),
        ),
        Some(_) => (
            "(lpad(to_hex(1700000000000 + n.i), 12, '0') || '7000' || left(md5(random()::text), 16))::uuid",
            format!("WITH n(i) AS (SELECT generate_series(1, {waiting}))"),
        ),
    };
    let first = "SELECT * FROM deliveries ORDER BY id LIMIT 1";
    plan.sql(&format!(
        "CREATE TABLE first_one AS {first};
         {numbers} INSERT INTO deliveries (id, {columns}, state, due_at)
             SELECT {id}, {columns}, 0, 1 + n.i FROM first_one, n;
         UPDATE lanes SET due_at = 1 WHERE endpoint_id = (SELECT endpoint_id FROM first_one);
         UPDATE endpoint_health SET failures_in_row = 40 WHERE endpoint_id = (SELECT endpoint_id FROM first_one);
         DROP TABLE first_one;"
    ))?;
    // The other build may be older than these counts.
    let counted = plan.sql(&format!("UPDATE lanes SET untried = {waiting}, tried = 0 WHERE due_at = 1"));
    if counted.is_err() {
        eprintln!("bench: this build keeps no numbers of what waits");
    }
    Ok(())
}

/// Claims in turn; no two take the same deliveries.
async fn claims(plan: &Plan<'_>) -> BoxResult<Arrivals> {
    let own = || format!("sqlite:{}", plan.data.join("inboxops.db").display());
    let database = plan.database_url.map_or_else(own, str::to_owned);
    let mut times = bench::claims(&database, CLAIMS).await?;
    times.sort_unstable();
    Ok(Arrivals { p50: times[CLAIMS / 2], p99: times[CLAIMS * 99 / 100] })
}

fn both(of: Arrivals) -> String {
    format!("{:.2} ms · {:.2} ms", of.p50.as_secs_f64() * 1000.0, of.p99.as_secs_f64() * 1000.0)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / 1024.0 / 1024.0)
}
