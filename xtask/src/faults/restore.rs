//! A reader of events that goes on through all faults, and a backup that is taken in the middle of them. The reader may
//! miss nothing and get nothing twice. After the backup is restored elsewhere, each of its cursors from before the backup
//! goes on exactly where it was, and one from after it goes on nowhere.

use super::{
    BoxResult,
    audit::Figure,
    books::{Books, Place},
    fleet::Fleet,
    load::Tenant,
};
use crate::bench::load as http;
use inboxops_testkit::Postgres;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// Longest time for a call of the reader.
const CALL_MAX: Duration = Duration::from_secs(12);
/// Pause of a reader that has everything, and of one that was not answered.
const PAUSE: Duration = Duration::from_millis(200);
/// Cursors that are tried on the restored database.
const TRIED: usize = 24;

/// One page of events.
struct Page {
    ids: Vec<Uuid>,
    cursor: String,
    more: bool,
}

/// What the reader has.
#[derive(Default)]
struct Reading {
    /// Events in the order in which they were told.
    ids: Vec<Uuid>,
    /// Each cursor, and the number of events before it.
    cursors: Vec<(String, usize)>,
    /// Whether a cursor was refused although nothing was restored.
    refused: bool,
}

/// A reader of one tenant's events.
#[derive(Default)]
pub(super) struct Reader {
    reading: Mutex<Reading>,
    over: AtomicBool,
}

impl Reader {
    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads until [`Reader::end`], and then what is left.
    pub(super) async fn run(&self, door: SocketAddr, key: &str) {
        loop {
            let over = self.over.load(Ordering::Relaxed);
            let after = self.reading().cursors.last().map(|(cursor, _)| cursor.clone());
            let more = match page(door, key, after.as_deref()).await {
                Ok(Some(page)) => {
                    let mut reading = self.reading();
                    reading.ids.extend(page.ids);
                    let known = reading.ids.len();
                    reading.cursors.push((page.cursor, known));
                    page.more
                }
                Ok(None) => {
                    self.reading().refused = true;
                    return;
                }
                // A part is away. Once all is healed, no answer is lost.
                Err(_) => false,
            };
            if over && !more {
                return;
            }
            if !more {
                sleep(PAUSE).await;
            }
        }
    }

    /// Nothing happens any more.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Compares what was told with what is on record.
    pub(super) fn gaps(&self, books: &Books, tenant: &Tenant) -> Figure {
        let mut figure = Figure::of("event that a reader missed, or got twice");
        let reading = self.reading();
        if reading.refused {
            figure.note(|| "a cursor was refused".to_owned());
        }
        let mut told: HashMap<Uuid, u64> = HashMap::new();
        reading.ids.iter().for_each(|id| *told.entry(*id).or_default() += 1);
        for (id, _) in books.events.iter().filter(|(_, event)| event.tenant == tenant.id) {
            match told.remove(id) {
                Some(1) => {}
                times => figure.note(|| format!("event {id}: {} times", times.unwrap_or_default())),
            }
        }
        told.keys().for_each(|id| figure.note(|| format!("event {id} is not on record")));
        figure
    }
}

/// A backup, as an operator makes it: the database, online, and the master key.
pub(super) struct Backup {
    /// Folder of the key, and of the database if it is SQLite.
    data: PathBuf,
    dump: PathBuf,
    /// Number of cursors that the reader had when it began.
    began: usize,
}

impl Backup {
    /// Takes one into this folder.
    pub(super) async fn take(place: &Place, from: &Path, folder: &Path, reader: &Reader) -> BoxResult<Backup> {
        let data = folder.join("restored");
        std::fs::create_dir_all(&data)?;
        std::fs::copy(from.join("master.key"), data.join("master.key"))?;
        let dump = folder.join("dump");
        let began = reader.reading().cursors.len();
        match place {
            Place::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(10));
                let mut conn = SqliteConnection::connect_with(&options).await?;
                let into = format!("VACUUM INTO '{}'", data.join("inboxops.db").display());
                sqlx::query(AssertSqlSafe(into)).execute(&mut conn).await?;
                conn.close().await?;
            }
            Place::Postgres(url) => {
                let (url, path) = (url.clone(), dump.clone());
                tokio::task::spawn_blocking(move || inboxops_testkit::dump(&url, &path)).await?;
            }
        }
        Ok(Backup { data, dump, began })
    }

    /// Restores it in another place, starts the product there, and tries cursors of the reader.
    pub(super) async fn check(&self, bin: PathBuf, place: &Place, reader: &Reader, key: &str) -> BoxResult<Figure> {
        let url = match place {
            Place::Sqlite(_) => None,
            // A cluster of its own, whose numbers of transactions begin anew.
            Place::Postgres(_) => Some(tokio::task::spawn_blocking(inboxops_testkit::postgres).await?),
        };
        let url = url.map(|Postgres { url, .. }| url);
        if let Some(url) = url.clone() {
            let path = self.dump.clone();
            tokio::task::spawn_blocking(move || inboxops_testkit::restore(&url, &path)).await?;
        }
        let mut fleet = Fleet::new(bin, &self.data, &self.data, url)?;
        fleet.together().await?;
        let mut figure = Figure::of("reader that a restored backup deceives");
        let kept = rest(fleet.door, key, None).await?.ok_or("the beginning has no cursor that can be refused")?;
        for (at, cursor, past) in self.tried(reader) {
            let known = past.len();
            match rest(fleet.door, key, Some(cursor.clone())).await? {
                None if at < self.began => figure.note(|| format!("{cursor} is from before the backup, and refused")),
                None => {}
                Some(found) if kept.get(..known) != Some(past.as_slice()) || kept[known..] != found => {
                    figure.note(|| format!("{cursor}: after {known} events {} of {}", found.len(), kept.len()));
                }
                Some(_) => {}
            }
        }
        // Dropped, it ends: what it would still send belongs to no ledger.
        drop(fleet);
        Ok(figure)
    }

    /// Some cursors with their numbers and the events before them: from all over the run, and around the backup.
    fn tried(&self, reader: &Reader) -> Vec<(usize, String, Vec<Uuid>)> {
        let reading = reader.reading();
        let every = (reading.cursors.len() / TRIED).max(1);
        let around = self.began.saturating_sub(2)..self.began + 4;
        let all = reading.cursors.iter().enumerate();
        all.filter(|(at, _)| at.is_multiple_of(every) || around.contains(at))
            .map(|(at, (cursor, known))| (at, cursor.clone(), reading.ids[..*known].to_vec()))
            .collect()
    }
}

/// All events after a cursor; `None` if it is refused.
async fn rest(door: SocketAddr, key: &str, mut after: Option<String>) -> BoxResult<Option<Vec<Uuid>>> {
    let mut ids = Vec::new();
    loop {
        let Some(page) = page(door, key, after.as_deref()).await? else { return Ok(None) };
        ids.extend(page.ids);
        if !page.more {
            return Ok(Some(ids));
        }
        after = Some(page.cursor);
    }
}

/// A page of events after a cursor; `None` if it is refused.
async fn page(door: SocketAddr, key: &str, after: Option<&str>) -> BoxResult<Option<Page>> {
    let after = after.map(|cursor| format!("&after={cursor}")).unwrap_or_default();
    let request = http::request("GET", &format!("/api/v1/events?limit=100{after}"), key, None);
    let (status, answer) = timeout(CALL_MAX, http::once(door, &request)).await??;
    if status == 410 {
        return Ok(None);
    }
    if status != 200 {
        return Err(format!("the list of events is answered {status}").into());
    }
    let answer: Value = serde_json::from_slice(&answer)?;
    let events = answer["data"].as_array().ok_or("there is no list of events")?;
    let id = |event: &Value| event["event_id"].as_str().unwrap_or_default().parse::<Uuid>();
    let ids = events.iter().map(id).collect::<Result<Vec<_>, _>>()?;
    let cursor = answer["meta"]["next_cursor"].as_str().ok_or("there is no cursor")?.to_owned();
    Ok(Some(Page { ids, cursor, more: answer["meta"]["has_more"] == true }))
}
