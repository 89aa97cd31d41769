//! How fast a backlog is delivered: after a time without a worker, in a burst, at a receiver that is slow but good, and
//! after an outage with a million deliveries.

use super::{
    BoxResult, CALLERS, delivery,
    figures::{Figure, Goal},
    house::House,
    load, pace,
    receiver::Receiver,
    usage,
};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Events that wait for one endpoint.
const ONE: usize = 20_000;
/// Endpoints of a fan-out.
const FAN_OUT: usize = 10;
/// Events of a fan-out.
const EVENTS: usize = 5_000;
/// Longest wait for all of them: enough for the build that is compared with.
const DRAIN_MAX: Duration = Duration::from_secs(240);
/// Events for a receiver that answers after [`SLOW`].
const SLOW_EVENTS: usize = 2_000;
const SLOW: Duration = Duration::from_secs(10);
/// The period, counted from the first request, in which responses are counted: whole rounds, after a minute.
const SLOW_FROM: Duration = Duration::from_secs(55);
const SLOW_TO: Duration = Duration::from_secs(85);
/// Waiting deliveries after an outage.
const OUTAGE: usize = 1_000_000;
const OUTAGE_MAX: Duration = Duration::from_secs(420);
/// Pace of the other endpoint: 400 events a second.
const BUSY_EVERY: Duration = Duration::from_micros(2500);
const BUSY_COUNT: usize = 8_000;

/// 20,000 events for one endpoint, as fast as they are created.
pub(super) async fn live(bin: &Path, url: Option<&str>) -> BoxResult<Vec<Figure>> {
    let house = House::open(bin, url)?;
    let run = flood(&house, ONE, 1).await?;
    Ok(vec![
        Figure::more("live, one endpoint: deliveries", run.rate, "/s").goal(Goal::Ratio(1.0)),
        Figure::less("live: from the call to the arrival, p99", run.p99, "ms").goal(Goal::Ratio(if url.is_none() {
            0.25
        } else {
            1.0
        })),
        Figure::less("live: processor time per 1,000 deliveries", run.processor, "s").goal(Goal::Ratio(0.8)),
    ])
}

/// 5,000 events for ten endpoints, at once.
pub(super) async fn burst(bin: &Path, url: Option<&str>) -> BoxResult<Vec<Figure>> {
    let house = House::open(bin, url)?;
    let run = flood(&house, EVENTS, FAN_OUT).await?;
    Ok(vec![
        Figure::more("burst of 5,000 × 10: deliveries", run.rate, "/s").goal(Goal::Ratio(3.5)),
        Figure::less("burst: from the call to the arrival, p99", run.p99, "ms").goal(Goal::Ratio(0.1)),
    ])
}

/// Events for one endpoint without a worker; then a worker joins.
pub(super) async fn drain(bin: &Path, url: Option<&str>) -> BoxResult<Vec<Figure>> {
    drained(bin, url, ONE, 1, "one endpoint", (30.0, 3_500.0)).await
}

/// The same for ten endpoints.
pub(super) async fn drain_ten(bin: &Path, url: Option<&str>) -> BoxResult<Vec<Figure>> {
    drained(bin, url, EVENTS, FAN_OUT, "ten endpoints", (15.0, 7_000.0)).await
}

async fn drained(
    bin: &Path,
    url: Option<&str>,
    events: usize,
    endpoints: usize,
    what: &str,
    (ratio, at_first): (f64, f64),
) -> BoxResult<Vec<Figure>> {
    let House { plan, server, tenant, _folder } = House::open(bin, url)?;
    let receiver = Receiver::start().await?;
    for _ in 0..endpoints {
        super::endpoint(&server, &tenant, &receiver).await?;
    }
    drop(server);
    let idle = plan.start_with(&["--role", "core", "--role", "edge"])?;
    load::numbered(idle.address, &tenant, events, CALLERS).await?;
    // Without a worker, leases of the commit are parked soon.
    sleep(Duration::from_secs(2)).await;
    drop(idle);
    let all = events * endpoints;
    let _server = plan.start()?;
    let arrivals = receiver.wait_for_all(all, DRAIN_MAX).await?;
    let since = |at: Instant| at.duration_since(arrivals[0].1);
    let rate = all as f64 / since(arrivals[all - 1].1).as_secs_f64();
    let early = arrivals.iter().filter(|(_, at)| since(*at) < Duration::from_secs(1)).count();
    Ok(vec![
        Figure::more(format!("drain, {what}: deliveries"), rate, "/s").goal(Goal::Ratio(ratio)),
        Figure::more(format!("drain, {what}: in the first second"), early as f64, "").goal(Goal::Value(at_first)),
    ])
}

/// A receiver that answers well, after 10 s, beside one that answers at once.
pub(super) async fn slow_but_good(bin: &Path, url: Option<&str>) -> BoxResult<Vec<Figure>> {
    let house = House::open(bin, url)?;
    let slow = Receiver::after(SLOW).await?;
    super::endpoint(&house.server, &house.tenant, &slow).await?;
    load::numbered(house.server.address, &house.tenant, SLOW_EVENTS, CALLERS).await?;
    let arrivals = slow.wait_for_all(1, SLOW).await?;
    let first = arrivals[0].1;
    let other = house.plan.tenant()?;
    let quick = Receiver::start().await?;
    super::endpoint(&house.server, &other, &quick).await?;
    let beside = pace::run(house.server.address, &other, &quick, BUSY_COUNT, BUSY_EVERY).await?;
    sleep((first + SLOW_TO + SLOW).saturating_duration_since(Instant::now())).await;
    // A request is answered 10 s after it arrived.
    let answered = |at: Instant| (SLOW_FROM..SLOW_TO).contains(&(at + SLOW).duration_since(first));
    let count = slow.arrivals().iter().filter(|(_, at)| answered(*at)).count();
    let rate = count as f64 / (SLOW_TO - SLOW_FROM).as_secs_f64();
    Ok(vec![
        Figure::more("slow but good (10 s), after a minute: answers", rate, "/s").goal(Goal::Ratio(8.0)),
        Figure::less("its healthy neighbour, 400/s: p99", millis(beside.p99), "ms").goal(Goal::Ratio(1.0)),
    ])
}

/// An endpoint that answers at once, beside eight slow endpoints of two tenants.
pub(super) async fn beside_slow(bin: &Path, url: Option<&str>) -> BoxResult<Vec<Figure>> {
    let house = House::open(bin, url)?;
    let slow = Receiver::after(SLOW).await?;
    for tenant in [house.plan.tenant()?, house.plan.tenant()?] {
        for _ in 0..4 {
            super::endpoint(&house.server, &tenant, &slow).await?;
        }
        load::numbered(house.server.address, &tenant, SLOW_EVENTS / 4, CALLERS).await?;
    }
    // Until their windows have reached the limit.
    sleep(SLOW * 4).await;
    let quick = Receiver::start().await?;
    super::endpoint(&house.server, &house.tenant, &quick).await?;
    let beside = pace::run(house.server.address, &house.tenant, &quick, BUSY_COUNT, BUSY_EVERY).await?;
    Ok(vec![
        Figure::less("beside eight slow endpoints of two tenants, 400/s: p99", millis(beside.p99), "ms")
            .goal(Goal::Ratio(1.0)),
    ])
}

/// A million deliveries wait for an endpoint that recovers.
pub(super) async fn outage(bin: &Path, url: Option<&str>) -> BoxResult<Vec<Figure>> {
    let House { plan, server, tenant, _folder } = House::open(bin, url)?;
    let back = Receiver::start().await?;
    let quick = Receiver::start().await?;
    super::endpoint(&server, &tenant, &back).await?;
    pace::run(server.address, &tenant, &back, 1, BUSY_EVERY).await?;
    let other = plan.tenant()?;
    super::endpoint(&server, &other, &quick).await?;
    let without = pace::run(server.address, &other, &quick, BUSY_COUNT, BUSY_EVERY).await?;
    drop(server);
    delivery::fill(&plan, OUTAGE)?;
    let before = back.count();
    let server = plan.start()?;
    let begin = Instant::now();
    let beside = pace::run(server.address, &other, &quick, BUSY_COUNT, BUSY_EVERY).await?;
    while back.count() - before < OUTAGE as u64 && begin.elapsed() < OUTAGE_MAX {
        sleep(Duration::from_millis(100)).await;
    }
    let came = (back.count() - before) as f64;
    let secs = begin.elapsed().as_secs_f64() * OUTAGE as f64 / came.max(1.0);
    let memory = usage::memory(server.pid()).1 as f64 / 1e6;
    Ok(vec![
        Figure::less("1,000,000 waiting for an endpoint that comes back: all out after", secs, "s")
            .goal(Goal::Value(180.0)),
        Figure::less("another endpoint meanwhile, 400/s: p99", millis(beside.p99), "ms"),
        Figure::less("the same by p99 without", beside.p99.as_secs_f64() / without.p99.as_secs_f64(), "")
            .goal(Goal::Value(2.0)),
        Figure::less("resident memory at its most", memory, "MB").goal(Goal::Value(150.0)),
    ])
}

struct Flood {
    rate: f64,
    /// Milliseconds.
    p99: f64,
    /// Seconds per 1,000 deliveries.
    processor: f64,
}

/// Events by many callers, as fast as they are accepted, until all their deliveries have arrived.
async fn flood(house: &House<'_>, events: usize, endpoints: usize) -> BoxResult<Flood> {
    let receiver = Receiver::start().await?;
    for _ in 0..endpoints {
        super::endpoint(&house.server, &house.tenant, &receiver).await?;
    }
    let families = house.families()?;
    let begin = Instant::now();
    let used = usage::processor(&families);
    let called = load::numbered(house.server.address, &house.tenant, events, CALLERS).await?;
    let arrivals = receiver.wait_for_all(events * endpoints, DRAIN_MAX).await?;
    let used = usage::processor(&families) - used;
    let last = arrivals[arrivals.len() - 1].1;
    let mut times: Vec<Duration> = arrivals.iter().map(|(number, at)| at.duration_since(called[*number])).collect();
    times.sort_unstable();
    let count = times.len();
    Ok(Flood {
        rate: count as f64 / last.duration_since(begin).as_secs_f64(),
        p99: millis(times[count * 99 / 100]),
        processor: used.as_secs_f64() * 1000.0 / count as f64,
    })
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
