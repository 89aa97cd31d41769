//! `cargo xtask bench`: ratios measured in one run on one machine, with the release binary, and written into
//! `docs/performance.md` by `--write`. Each pair is run in turn, several times; medians are compared.

mod delivery;
pub mod load;
mod pace;
mod receiver;
mod server;
mod usage;

use load::Run;
use receiver::Receiver;
use serde_json::{Value, json};
use server::{Plan, Running, Tenant};
use std::{
    error::Error,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

type Done<T> = Result<T, Box<dyn Error>>;

/// Length of one measurement.
const LENGTH: Duration = Duration::from_secs(4);
/// Runs of each side of a pair.
const ROUNDS: usize = 3;
/// Callers of the write benchmark, as the target names them.
const CALLERS: usize = 64;
/// Connections of the read benchmark: enough to keep both cores busy.
const READERS: usize = 32;

/// What a run measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Read,
    Write,
    Deliver(delivery::Part),
}

/// All that is measured, by the names that `--only` takes.
const PARTS: &[(&str, Part)] = &[
    ("read", Part::Read),
    ("write", Part::Write),
    ("idle", Part::Deliver(delivery::Part::Idle)),
    ("flood", Part::Deliver(delivery::Part::Flood)),
    ("slow", Part::Deliver(delivery::Part::Slow)),
    ("dead", Part::Deliver(delivery::Part::Dead)),
];

/// Builds the release binaries, runs them, and writes the page when asked to.
pub fn run(options: &[&str]) -> Done<()> {
    parts(options)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built =
        Command::new(cargo).args(["build", "--release", "-p", "inboxops-server", "-p", "inboxops-xtask"]).status()?;
    if !built.success() {
        return Err("the release build failed".into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let bin = target.join("release");
    let inner =
        Command::new(bin.join("inboxops-xtask")).arg("bench-inner").args(options).env("BENCH_BIN", &bin).status()?;
    if inner.success() { Ok(()) } else { Err("the benchmark failed".into()) }
}

/// The parts that the options ask for, and whether to write the page.
fn parts(options: &[&str]) -> Done<(Vec<Part>, bool)> {
    match options {
        [] | ["--write"] => Ok((PARTS.iter().map(|(_, part)| *part).collect(), !options.is_empty())),
        ["--only", name] => match PARTS.iter().find(|(it, _)| it == name) {
            Some((_, part)) => Ok((vec![*part], false)),
            None => Err("--only takes one of read, write, idle, flood, slow, dead".into()),
        },
        _ => Err("a benchmark takes --write, or --only and one of its parts".into()),
    }
}

/// The benchmark itself, in the release build of this program.
pub fn inner(options: &[&str]) -> Done<()> {
    let (parts, write) = parts(options)?;
    let bin = PathBuf::from(std::env::var_os("BENCH_BIN").ok_or("start it by `cargo xtask bench`")?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(measure(&bin, &parts))?;
    println!("{report}");
    if write {
        page(&report)?;
    }
    Ok(())
}

async fn measure(bin: &Path, parts: &[Part]) -> Done<String> {
    let mut databases = Vec::new();
    let mut fresh = || {
        let database = inboxops_testkit::durable_postgres();
        let url = database.url.clone();
        databases.push(database);
        Ok(Some(url))
    };
    let mut sections = Vec::new();
    if parts.contains(&Part::Read) {
        sections.push(read(bin).await?);
    }
    if parts.contains(&Part::Write) {
        sections.push(writes(bin, "SQLite", &mut || Ok(None)).await?);
        sections.push(writes(bin, "PostgreSQL", &mut fresh).await?);
    }
    let of_deliveries = |part: &Part| if let Part::Deliver(part) = part { Some(*part) } else { None };
    let deliveries: Vec<delivery::Part> = parts.iter().filter_map(of_deliveries).collect();
    if !deliveries.is_empty() {
        sections.push(delivery::measure(bin, "SQLite", &deliveries, &mut || Ok(None)).await?);
        sections.push(delivery::measure(bin, "PostgreSQL", &deliveries, &mut fresh).await?);
    }
    Ok(sections.join("\n"))
}

/// GET one ticket: the floor and the server in turn, each on its own copy of the same data.
async fn read(bin: &Path) -> Done<String> {
    let folder = tempfile::tempdir()?;
    let plan = Plan { bin, data: folder.path().to_owned(), database_url: None, write_group_max: None };
    let (tenant, path) = {
        let server = plan.start()?;
        let tenant = plan.tenant()?;
        let ticket = create(&server, &tenant).await?;
        (tenant, format!("/api/v1/tickets/{ticket}"))
    };
    let database = format!("sqlite:{}", folder.path().join("inboxops.db").display());
    let request = load::request("GET", &path, &tenant.key, None);
    let (mut floors, mut servers) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let floor = server::floor(bin, &database, &tenant.id)?;
        floors.push(load::run(floor.address, &request, 200, READERS, LENGTH).await?);
        drop(floor);
        let server = plan.start()?;
        servers.push(load::run(server.address, &request, 200, READERS, LENGTH).await?);
    }
    let (floor, server) = (median(floors), median(servers));
    let mut text = format!("### GET one ticket, SQLite, {READERS} connections\n\n{HEAD}");
    text.push_str(&row("hand-written axum handler, same query", floor, None));
    text.push_str(&row("through edge, gate and limits", server, Some(server.rate / floor.rate)));
    Ok(text)
}

/// POST tickets with event and fan-out to one endpoint: one transaction per request, then groups.
async fn writes(bin: &Path, name: &str, fresh: &mut impl FnMut() -> Done<Option<String>>) -> Done<String> {
    let (mut single, mut grouped, mut received) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (group, runs) in [(Some(1), &mut single), (None, &mut grouped)] {
            let folder = tempfile::tempdir()?;
            let url = fresh()?;
            let plan =
                Plan { bin, data: folder.path().to_owned(), database_url: url.as_deref(), write_group_max: group };
            let server = plan.start()?;
            let tenant = plan.tenant()?;
            let receiver = Receiver::start().await?;
            endpoint(&server, &tenant, &receiver).await?;
            let body = json!({"subject": "Refund for order 1042", "inbox_id": tenant.inbox}).to_string();
            let request = load::request("POST", "/api/v1/tickets", &tenant.key, Some(&body));
            let before = receiver.count();
            runs.push(load::run(server.address, &request, 201, CALLERS, LENGTH).await?);
            if group.is_none() {
                // The warm-up counts among the deliveries, as its tickets do.
                received.push((receiver.count() - before) as f64 / (LENGTH.as_secs_f64() * 1.25));
            }
        }
    }
    received.sort_by(f64::total_cmp);
    let (single, grouped) = (median(single), median(grouped));
    let mut text = format!("### POST ticket, event and fan-out, {name}, {CALLERS} callers, full durability\n\n{HEAD}");
    text.push_str(&row("one transaction per request", single, None));
    text.push_str(&row("grouped (the default)", grouped, Some(grouped.rate / single.rate)));
    text.push_str(&format!("\nWebhooks received meanwhile, one endpoint: {:.0}/s.\n", received[received.len() / 2]));
    Ok(text)
}

const HEAD: &str = "| | answers/s | p50 | p99 | ratio |\n|---|---|---|---|---|\n";

fn row(name: &str, run: Run, ratio: Option<f64>) -> String {
    let ratio = ratio.map_or_else(|| "1".to_owned(), |ratio| format!("{ratio:.2}"));
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    format!("| {name} | {:.0} | {:.2} ms | {:.2} ms | {ratio} |\n", run.rate, millis(run.p50), millis(run.p99))
}

fn median(mut runs: Vec<Run>) -> Run {
    runs.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    runs[runs.len() / 2]
}

async fn create(server: &Running, tenant: &Tenant) -> Done<String> {
    let body = json!({"subject": "Refund for order 1042", "inbox_id": tenant.inbox});
    Ok(post(server, tenant, "/api/v1/tickets", &body).await?["data"]["id"].as_str().ok_or("no id")?.to_owned())
}

async fn endpoint(server: &Running, tenant: &Tenant, receiver: &Receiver) -> Done<()> {
    let body = json!({"url": format!("http://{}/", receiver.address), "events": ["*"]});
    post(server, tenant, "/api/v1/webhooks", &body).await.map(drop)
}

async fn post(server: &Running, tenant: &Tenant, path: &str, body: &Value) -> Done<Value> {
    let request = load::request("POST", path, &tenant.key, Some(&body.to_string()));
    let (status, body) = load::once(server.address, &request).await?;
    if status != 201 {
        return Err(format!("{path}: {status} {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(serde_json::from_slice(&body)?)
}

/// Replaces the measured part of the page.
fn page(report: &str) -> Done<()> {
    const BEGIN: &str = "<!-- measured: begin -->\n";
    const END: &str = "<!-- measured: end -->";
    let path = Path::new("docs/performance.md");
    let text = std::fs::read_to_string(path)?;
    let (before, rest) = text.split_once(BEGIN).ok_or("the page has no measured part")?;
    let (_, after) = rest.split_once(END).ok_or("the measured part has no end")?;
    std::fs::write(path, format!("{before}{BEGIN}{report}{END}{after}"))?;
    Ok(())
}
