//! The options of a run of the fault suite.

use inboxops_proto::clock::Clock;
use std::time::Duration;

/// The usage line.
pub(super) const USAGE: &str = "cargo xtask faults [--database sqlite|postgres|both] [--events N] [--kills N] [--minutes N] \
                         [--seed N] [--release] [--write]";

/// Events of the short form, on each database.
const SHORT_EVENTS: u64 = 6_000;
/// Kills of the short form.
const SHORT_KILLS: u32 = 18;

/// Which databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Database {
    /// SQLite, a file in a folder of the run.
    Sqlite,
    /// PostgreSQL, a temporary cluster whose commits wait for the disk.
    Postgres,
}

/// The options of a run.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// Databases; each has a run of its own at the same time.
    pub databases: Vec<Database>,
    /// The load ends only after this many acknowledged events.
    pub events: u64,
    /// The load ends only after this many kills.
    pub kills: u32,
    /// The load ends only after this time.
    pub length: Duration,
    /// The seed of all randomness.
    pub seed: u64,
    /// Whether the server is built for release.
    pub release: bool,
    /// Whether the table is written into `docs/reliability.md`.
    pub write: bool,
}

impl Options {
    /// Parses the words after `faults`.
    ///
    /// # Errors
    /// The usage, if a word is unknown.
    pub(super) fn parse(words: &[&str]) -> Result<Options, String> {
        let mut options = Options {
            databases: vec![Database::Sqlite, Database::Postgres],
            events: SHORT_EVENTS,
            kills: SHORT_KILLS,
            length: Duration::ZERO,
            seed: Clock::System.now().micros().unsigned_abs(),
            release: false,
            write: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().copied().ok_or_else(|| format!("{word} needs a value\nusage: {USAGE}"));
            match *word {
                "--database" => {
                    options.databases = match value()? {
                        "sqlite" => vec![Database::Sqlite],
                        "postgres" => vec![Database::Postgres],
                        "both" => vec![Database::Sqlite, Database::Postgres],
                        other => return Err(format!("no database: {other}\nusage: {USAGE}")),
                    }
                }
                "--events" => options.events = number(value()?)?,
                "--kills" => options.kills = number(value()?)?,
                "--minutes" => options.length = Duration::from_secs(60 * number::<u64>(value()?)?),
                "--seed" => options.seed = number(value()?)?,
                "--release" => options.release = true,
                "--write" => options.write = true,
                _ => return Err(format!("no option: {word}\nusage: {USAGE}")),
            }
        }
        Ok(options)
    }
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("not a number: {text}\nusage: {USAGE}"))
}
