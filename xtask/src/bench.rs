//! `cargo xtask bench`: ratios measured in one run on one machine with the release binary, and written into
//! `docs/performance.md` by `--write`. The sides of each pair run in turn, several times; medians are compared.

mod delivery;
mod exports;
mod figures;
mod followers;
mod house;
mod idle_cost;
mod lists;
pub(crate) mod load;
mod pace;
mod receiver;
mod server;
mod usage;
mod waiting;

use figures::{Figure, table};
use load::Run;
use receiver::Receiver;
use serde_json::{Value, json};
use server::{Plan, ServerProcess, Tenant};
use std::{
    error::Error,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

type BoxResult<T> = Result<T, Box<dyn Error>>;

/// Duration of one measurement.
const LENGTH: Duration = Duration::from_secs(4);
/// Runs of each side of a pair.
const ROUNDS: usize = 3;
/// Callers of the write benchmark, as in the target.
const CALLERS: usize = 64;
/// Connections of the read benchmark: enough to keep both cores busy.
const READERS: usize = 32;

/// What a run measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Read,
    Write,
    Lists,
    Export,
    Deliver(delivery::Part),
    Compared(ComparedPart),
}

/// A part whose figures can be compared with those of another build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ComparedPart {
    Live,
    Burst,
    Drain,
    DrainTen,
    SlowGood,
    BesideSlow,
    Outage,
    Followers,
    IdleCost,
}

/// All parts, by the names that `--only` takes.
const PARTS: &[(&str, Part)] = &[
    ("read", Part::Read),
    ("write", Part::Write),
    ("lists", Part::Lists),
    ("export", Part::Export),
    ("idle", Part::Deliver(delivery::Part::Idle)),
    ("flood", Part::Deliver(delivery::Part::Flood)),
    ("slow", Part::Deliver(delivery::Part::Slow)),
    ("dead", Part::Deliver(delivery::Part::Dead)),
    ("live", Part::Compared(ComparedPart::Live)),
    ("burst", Part::Compared(ComparedPart::Burst)),
    ("drain", Part::Compared(ComparedPart::Drain)),
    ("drain-ten", Part::Compared(ComparedPart::DrainTen)),
    ("slow-good", Part::Compared(ComparedPart::SlowGood)),
    ("beside-slow", Part::Compared(ComparedPart::BesideSlow)),
    ("outage", Part::Compared(ComparedPart::Outage)),
    ("followers", Part::Compared(ComparedPart::Followers)),
    ("idle-cost", Part::Compared(ComparedPart::IdleCost)),
];

/// Runs of each side of a comparison with another build.
const PAIRS: usize = 5;

/// The options of the command line.
#[derive(Default)]
struct Options {
    parts: Vec<Part>,
    write: bool,
    /// Another build's server, which runs in turn with this one.
    against: Option<PathBuf>,
    /// Fail when a goal is missed.
    check: bool,
    pairs: usize,
    databases: Vec<&'static str>,
}

impl Options {
    fn parse(words: &[&str]) -> BoxResult<Options> {
        let mut options = Options { pairs: PAIRS, ..Options::default() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().copied().ok_or_else(|| format!("{word} wants a value"));
            match *word {
                "--write" => options.write = true,
                "--check" => options.check = true,
                "--against" => options.against = Some(PathBuf::from(value()?).canonicalize()?),
                "--pairs" => options.pairs = value()?.parse::<usize>()?.max(1),
                "--database" => options.databases.push(match value()? {
                    "sqlite" => "SQLite",
                    "postgres" => "PostgreSQL",
                    _ => return Err("--database takes sqlite or postgres".into()),
                }),
                "--only" => {
                    for name in value()?.split(',') {
                        let part = PARTS.iter().find(|(it, _)| *it == name).ok_or_else(|| {
                            let names: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
                            format!("--only takes some of {}", names.join(","))
                        })?;
                        options.parts.push(part.1);
                    }
                }
                other => return Err(format!("a benchmark does not know {other}").into()),
            }
        }
        if options.parts.is_empty() {
            options.parts = PARTS.iter().map(|(_, part)| *part).collect();
        }
        if options.databases.is_empty() {
            options.databases = vec!["SQLite", "PostgreSQL"];
        }
        Ok(options)
    }
}

/// Builds the release binaries, runs them, and writes the page on request.
pub(crate) fn run(options: &[&str]) -> BoxResult<()> {
    Options::parse(options)?;
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

/// The benchmark itself, in the release build of this program.
pub(crate) fn inner(options: &[&str]) -> BoxResult<()> {
    let options = Options::parse(options)?;
    let bin = PathBuf::from(std::env::var_os("BENCH_BIN").ok_or("start it by `cargo xtask bench`")?).join("inboxops");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (report, missed) = runtime.block_on(measure(&bin, &options))?;
    println!("{report}");
    if options.write {
        page(&report)?;
    }
    missed.iter().for_each(|what| eprintln!("missed: {what}"));
    if options.check && !missed.is_empty() { Err("goals are missed".into()) } else { Ok(()) }
}

/// A new database for each run; none for SQLite, which has a file in each data folder.
#[derive(Default)]
struct Databases(Vec<inboxops_testkit::Postgres>);

impl Databases {
    fn fresh(&mut self, name: &str) -> Option<String> {
        (name == "PostgreSQL").then(|| {
            let database = inboxops_testkit::durable_postgres();
            let url = database.url.clone();
            self.0.push(database);
            url
        })
    }
}

/// The report, and the goals that were missed.
async fn measure(bin: &Path, options: &Options) -> BoxResult<(String, Vec<String>)> {
    let mut databases = Databases::default();
    let mut sections = Vec::new();
    let mut missed = Vec::new();
    if options.parts.contains(&Part::Read) {
        sections.push(read(bin).await?);
    }
    for name in &options.databases {
        let mut fresh = || Ok(databases.fresh(name));
        if options.parts.contains(&Part::Write) {
            sections.push(writes(bin, name, &mut fresh).await?);
        }
        let of_deliveries = |part: &Part| if let Part::Deliver(part) = part { Some(*part) } else { None };
        let deliveries: Vec<delivery::Part> = options.parts.iter().filter_map(of_deliveries).collect();
        if !deliveries.is_empty() {
            sections.push(delivery::measure(bin, name, &deliveries, &mut fresh).await?);
        }
        let mut own = Vec::new();
        let mut other = Vec::new();
        for part in &options.parts {
            let Part::Compared(part) = part else { continue };
            for _ in 0..options.pairs {
                for (bin, runs) in [(Some(bin), &mut own), (options.against.as_deref(), &mut other)] {
                    let Some(bin) = bin else { continue };
                    let figures = compared(*part, bin, databases.fresh(name).as_deref()).await?;
                    figures
                        .iter()
                        .for_each(|it| eprintln!("{}: {name}: {} {:.2} {}", bin.display(), it.name, it.value, it.unit));
                    runs.push(figures);
                }
            }
        }
        if options.parts.contains(&Part::Lists) {
            let urls = [databases.fresh(name), databases.fresh(name)];
            let rounds = lists::measure(bin, urls.each_ref().map(Option::as_deref)).await?;
            let (text, misses) = table(&format!("Lists, {name}"), rounds, Vec::new())?;
            sections.push(text);
            missed.extend(misses);
        }
        if options.parts.contains(&Part::Export) {
            let rounds = exports::measure(bin, databases.fresh(name).as_deref()).await?;
            let (text, misses) = table(&format!("Export, {name}"), rounds, Vec::new())?;
            sections.push(text);
            missed.extend(misses);
        }
        if !own.is_empty() {
            let (text, misses) = table(&format!("What waits, {name}"), own, other)?;
            sections.push(text);
            missed.extend(misses);
        }
    }
    Ok((sections.join("\n"), missed))
}

async fn compared(part: ComparedPart, bin: &Path, url: Option<&str>) -> BoxResult<Vec<Figure>> {
    match part {
        ComparedPart::Live => waiting::live(bin, url).await,
        ComparedPart::Burst => waiting::burst(bin, url).await,
        ComparedPart::Drain => waiting::drain(bin, url).await,
        ComparedPart::DrainTen => waiting::drain_ten(bin, url).await,
        ComparedPart::SlowGood => waiting::slow_but_good(bin, url).await,
        ComparedPart::BesideSlow => waiting::beside_slow(bin, url).await,
        ComparedPart::Outage => waiting::outage(bin, url).await,
        ComparedPart::Followers => followers::followers(bin, url).await,
        ComparedPart::IdleCost => idle_cost::idle_cost(bin, url).await,
    }
}

/// GET one ticket: the floor and the server in turn, each on its own copy of the same data.
async fn read(bin: &Path) -> BoxResult<String> {
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
    let mut floors = Vec::new();
    let mut servers = Vec::new();
    for _ in 0..ROUNDS {
        let floor = server::floor(&database, &tenant.id)?;
        floors.push(load::run(floor.address, &request, 200, READERS, LENGTH).await?);
        drop(floor);
        let server = plan.start()?;
        servers.push(load::run(server.address, &request, 200, READERS, LENGTH).await?);
    }
    let floor = median(floors);
    let server = median(servers);
    let mut text = format!("### GET one ticket, SQLite, {READERS} connections\n\n{HEAD}");
    text.push_str(&row("hand-written axum handler, same query", floor, None));
    text.push_str(&row("through edge, gate and limits", server, Some(server.rate / floor.rate)));
    Ok(text)
}

/// POST tickets with event and fan-out to one endpoint: one transaction for each request, groups, and groups whose
/// requests have idempotency keys.
async fn writes(bin: &Path, name: &str, fresh: &mut impl FnMut() -> BoxResult<Option<String>>) -> BoxResult<String> {
    let mut single = Vec::new();
    let mut grouped = Vec::new();
    let mut keyed = Vec::new();
    let mut received = Vec::new();
    for _ in 0..ROUNDS {
        for (group, has_key, runs) in
            [(Some(1), false, &mut single), (None, false, &mut grouped), (None, true, &mut keyed)]
        {
            let folder = tempfile::tempdir()?;
            let url = fresh()?;
            let plan =
                Plan { bin, data: folder.path().to_owned(), database_url: url.as_deref(), write_group_max: group };
            let server = plan.start()?;
            let tenant = plan.tenant()?;
            let receiver = Receiver::start().await?;
            endpoint(&server, &tenant, &receiver).await?;
            let body = json!({"subject": "Refund for order 1042", "inbox_id": tenant.inbox}).to_string();
            let mut request = load::request("POST", "/api/v1/tickets", &tenant.key, Some(&body));
            if has_key {
                request = load::with(&request, &format!("Idempotency-Key: order-{}", load::NUMBER));
            }
            let before = receiver.count();
            runs.push(load::run(server.address, &request, 201, CALLERS, LENGTH).await?);
            if group.is_none() && !has_key {
                // The warm-up counts among the deliveries, as its tickets do.
                received.push((receiver.count() - before) as f64 / (LENGTH.as_secs_f64() * 1.25));
            }
        }
    }
    received.sort_by(f64::total_cmp);
    let single = median(single);
    let grouped = median(grouped);
    let keyed = median(keyed);
    let mut text = format!("### POST ticket, event and fan-out, {name}, {CALLERS} callers, full durability\n\n{HEAD}");
    text.push_str(&row("one transaction per request", single, None));
    text.push_str(&row("grouped (the default)", grouped, Some(grouped.rate / single.rate)));
    text.push_str(&row("grouped, each with an `Idempotency-Key`", keyed, Some(keyed.rate / single.rate)));
    text.push_str(&format!("\nWith a key to without: {:.2}.\n", keyed.rate / grouped.rate));
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

async fn create(server: &ServerProcess, tenant: &Tenant) -> BoxResult<String> {
    let body = json!({"subject": "Refund for order 1042", "inbox_id": tenant.inbox});
    Ok(post(server, tenant, "/api/v1/tickets", &body).await?["data"]["id"].as_str().ok_or("no id")?.to_owned())
}

async fn endpoint(server: &ServerProcess, tenant: &Tenant, receiver: &Receiver) -> BoxResult<()> {
    let body = json!({"url": format!("http://{}/", receiver.address), "events": ["*"]});
    post(server, tenant, "/api/v1/webhooks", &body).await.map(drop)
}

async fn post(server: &ServerProcess, tenant: &Tenant, path: &str, body: &Value) -> BoxResult<Value> {
    let request = load::request("POST", path, &tenant.key, Some(&body.to_string()));
    let (status, body) = load::once(server.address, &request).await?;
    if status != 201 {
        return Err(format!("{path}: {status} {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(serde_json::from_slice(&body)?)
}

/// Replaces the measured part of the page.
fn page(report: &str) -> BoxResult<()> {
    const BEGIN: &str = "<!-- measured: begin -->\n";
    const END: &str = "<!-- measured: end -->";
    let path = Path::new("docs/performance.md");
    let text = std::fs::read_to_string(path)?;
    let (before, rest) = text.split_once(BEGIN).ok_or("the page has no measured part")?;
    let (_, after) = rest.split_once(END).ok_or("the measured part has no end")?;
    std::fs::write(path, format!("{before}{BEGIN}{report}{END}{after}"))?;
    Ok(())
}
