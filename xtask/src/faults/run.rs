//! One run on one database: start, load, faults, healing, quiet, audit.

use super::{
    BoxResult,
    audit::{self, Endpoint, Evidence, Figure},
    behaviour::Behaviour,
    books::Place,
    chaos::Chaos,
    dice::Dice,
    fleet::Fleet,
    load::{self, Ledger, Tenant},
    options::{Database, Options},
    receiver::Receiver,
    restore::{Backup, Reader},
};
use crate::bench::load as http;
use inboxops_proto::clock::Clock;
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// Callers of each busy tenant.
const CALLERS: usize = 32;
/// Actions a second of each busy tenant on a release build; each makes 1 to 3 events for each of its endpoints.
const ACTIONS_PER_SECOND: f64 = 500.0;
/// The same on a debug build.
const SLOW_ACTIONS_PER_SECOND: f64 = 120.0;
/// Longest pause between two faults, so that load and faults end at about the same time.
const CALM_MAX: Duration = Duration::from_secs(10);
/// Time between two actions of the tenant with hostile receivers.
const HOSTILE_EVERY: Duration = Duration::from_secs(5);
/// Runs with more kills than this also have long outages.
const LONG_KILLS: u32 = 30;
/// Longest outage of the database in the short form: longer than a call waits for a lock.
const OUTAGE_MIN: Duration = Duration::from_secs(3);
/// Longest outage in the long form: longer than leases.
const OUTAGE_MAX: Duration = Duration::from_secs(90);
/// Longest wait until nothing is open after everything is healed: a failed attempt is retried after a minute.
const QUIET_MAX: Duration = Duration::from_secs(600);
/// Requests that a worker may have in flight when something dies, for both workers.
const IN_FLIGHT_MAX: u64 = 2 * 256;

/// The result of a run.
pub(super) struct Run {
    pub database: Database,
    pub figures: Vec<Figure>,
    /// Injected faults.
    pub made: BTreeMap<String, u32>,
    /// Further counts, by name.
    pub facts: Vec<(&'static str, u64)>,
}

impl Run {
    /// Whether every rule holds.
    pub(super) fn holds(&self) -> bool {
        self.figures.iter().all(Figure::holds)
    }
}

/// Runs.
///
/// # Errors
/// If it could not run; violated rules are no error.
pub(super) async fn run(database: Database, options: &Options, bin: PathBuf, folder: PathBuf) -> BoxResult<Run> {
    let data = folder.join("data");
    std::fs::create_dir_all(&data)?;
    let postgres = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(tokio::task::spawn_blocking(inboxops_testkit::durable_postgres).await?),
    };
    let place = match &postgres {
        None => Place::Sqlite(data.join("inboxops.db")),
        Some(postgres) => Place::Postgres(postgres.url.clone()),
    };
    let mut dice = Dice::new(options.seed ^ database as u64);
    let receiver = Receiver::start().await?;
    let mut fleet = Fleet::new(bin.clone(), &folder, &data, postgres.as_ref().map(|it| it.url.clone()))?;
    fleet.together().await?;
    let say = |what: &str| println!("{database:?}: {what}");
    let (tenants, endpoints) = furnish(&fleet, &receiver).await?;

    let rate = if options.release { ACTIONS_PER_SECOND } else { SLOW_ACTIONS_PER_SECOND };
    let ledger = Arc::<Ledger>::default();
    let mut callers = JoinSet::new();
    for (tenant, hostile) in &tenants {
        let (count, every) =
            if *hostile { (1, HOSTILE_EVERY) } else { (CALLERS, Duration::from_secs_f64(CALLERS as f64 / rate)) };
        load::start(&mut callers, fleet.door, tenant, &ledger, count, every, &mut dice);
    }
    let (read, _) = tenants.first().ok_or("there is no tenant")?;
    let reader = Arc::<Reader>::default();
    let mut readers = JoinSet::new();
    let (reading, door, key) = (reader.clone(), fleet.door, read.key.clone());
    readers.spawn(async move { reading.run(door, &key).await });
    let mut backup = None;
    let outage = if options.kills > LONG_KILLS { OUTAGE_MAX } else { OUTAGE_MIN };
    let begin = Instant::now();
    let mut chaos = Chaos::new(dice, postgres, outage);
    let done = |share: f64, chaos: &Chaos| {
        ledger.events() as f64 >= options.events as f64 * share
            && f64::from(chaos.kills) >= f64::from(options.kills) * share
            && begin.elapsed() >= options.length.mul_f64(share)
    };
    let ahead = |chaos: &Chaos| {
        f64::from(chaos.kills) / f64::from(options.kills.max(1)) > ledger.events() as f64 / options.events.max(1) as f64
    };
    let mut told = Instant::now();
    for (share, what) in [(0.5, "all in one process"), (1.0, "in processes of their own")] {
        say(what);
        if share == 1.0 {
            backup = Some(Backup::take(&place, &data, &folder, &reader).await?);
            fleet.apart().await?;
            chaos.apart(&mut fleet)?;
        }
        while !done(share, &chaos) {
            chaos.round(&mut fleet, &receiver).await?;
            let calm = Instant::now();
            while calm.elapsed() < CALM_MAX && ahead(&chaos) {
                sleep(Duration::from_millis(100)).await;
            }
            if told.elapsed() > Duration::from_secs(20) {
                told = Instant::now();
                say(&format!("{} events, {} kills, {} requests", ledger.events(), chaos.kills, receiver.count()));
            }
        }
    }
    ledger.end();
    while callers.join_next().await.is_some() {}
    receiver.heal();
    chaos.heal(&mut fleet).await?;
    say("healed; waiting until nothing is open");
    let healed = Instant::now();
    while !chaos.thaw(&mut fleet)? || place.open_deliveries().await? > 0 {
        if healed.elapsed() > QUIET_MAX {
            say("still not quiet");
            break;
        }
        sleep(Duration::from_millis(500)).await;
    }
    // Superfluous requests would arrive now.
    sleep(Duration::from_secs(2)).await;

    reader.end();
    while readers.join_next().await.is_some() {}

    let books = place.read().await?;
    let receipts = receiver.ledger();
    let acknowledged = ledger.acknowledged().clone();
    let evidence = Evidence {
        books: &books,
        receipts: &receipts,
        acknowledged: &acknowledged,
        endpoints: &endpoints,
        lost_max: IN_FLIGHT_MAX * u64::from(chaos.kills),
        now: Clock::System.now(),
    };
    let lost = books.attempts.values().flatten().filter(|it| it.lost).count();
    let facts = vec![
        ("seconds from the first event until all was quiet", begin.elapsed().as_secs()),
        ("kills", chaos.kills.into()),
        ("events acknowledged to callers", ledger.events()),
        ("events committed", books.events.len() as u64),
        ("calls that were refused or not answered", ledger.failed()),
        ("deliveries (pairs of event and endpoint)", books.deliveries.len() as u64),
        ("attempts on record", books.attempts.values().map(Vec::len).sum::<usize>() as u64),
        ("of these `worker_lost`", lost as u64),
        ("whole requests that receivers got", receipts.len() as u64),
        ("requests that broke off half sent", receiver.broken().into()),
    ];
    let mut figures = audit::figures(evidence);
    figures.push(reader.gaps(&books, read));
    if let Some(backup) = backup {
        say("restoring the backup elsewhere");
        figures.push(backup.check(bin, &place, &reader, &read.key).await?);
    }
    Ok(Run { database, figures, made: chaos.made, facts })
}

/// Creates tenants, inboxes, keys and endpoints: two tenants with fast receivers, one with hostile ones.
async fn furnish(fleet: &Fleet, receiver: &Receiver) -> BoxResult<(Vec<(Tenant, bool)>, Vec<Endpoint>)> {
    let mut tenants = Vec::new();
    let mut endpoints = Vec::new();
    for name in ["red", "blue", "hostile"] {
        let hostile = name == "hostile";
        let id = fleet.ask(&["tenant", "create", "--name", name, "--plan", "business"], "id").await?;
        let address = format!("{name}@example.com");
        let words = ["inbox", "create", "--tenant", &id, "--name", "Support", "--address", &address];
        let inbox = fleet.ask(&words, "id").await?;
        let key = fleet.ask(&["key", "create", "--tenant", &id, "--name", "faults"], "key").await?;
        let tenant = Tenant { id: id.parse()?, inbox, key };
        let ways = if hostile { Behaviour::HOSTILE.to_vec() } else { vec![Behaviour::Ok, Behaviour::Flaky] };
        for behaviour in ways {
            let path = format!("{name}/{behaviour:?}").to_lowercase();
            let host = if behaviour == Behaviour::Deaf { receiver.deaf } else { receiver.address };
            let body = json!({"url": format!("http://{host}/{path}"), "events": ["*"]}).to_string();
            let request = http::request("POST", "/api/v1/webhooks", &tenant.key, Some(&body));
            let (status, answer) = http::once(fleet.door, &request).await?;
            if status != 201 {
                return Err(format!("no endpoint: {status} {}", String::from_utf8_lossy(&answer)).into());
            }
            let answer: Value = serde_json::from_slice(&answer)?;
            let text = |name: &str| answer["data"][name].as_str().unwrap_or_default().to_owned();
            receiver.knows(&path, &text("secret"));
            endpoints.push(Endpoint { id: text("id").parse()?, tenant: tenant.id, path, behaviour });
        }
        tenants.push((tenant, hostile));
    }
    Ok((tenants, endpoints))
}
