//! Copies an installation to the other kind of database: every row of every table that the catalogues of both have, in
//! pages by key, then each row compared. A table `copying` in the target names what is done, so that a copy which was
//! cut short goes on; a database that has this table is opened by nobody else. What a row means is not known here, but
//! for the tables that are left out (`catalogue`).

pub(crate) mod catalogue;
mod rows;

use super::{
    Error, Result,
    db::{
        conn::{Link, Purpose, Target, on},
        cores::SILENCE,
        migrate,
        sql::{Sql, statements},
        tx,
    },
};
use catalogue::{NUMBERED, Table};
use inboxops_proto::clock::Timestamp;
use rows::{PAGE, Row};

/// Identifies the lock of a copy into a PostgreSQL, among those of other programs.
const LOCK: i64 = 0x696e_626f_784f_7073;
/// The table's state when all its rows are written.
const DONE: &str = "done";
/// Tables that are not copied to SQLite. A reader on PostgreSQL follows the order of transactions, which numbers alone
/// do not have: without the histories its cursors are told to begin anew, and skip nothing.
const NOT_TO_SQLITE: &str = "histories";

const MAKE_STATE: &str = "CREATE TABLE copying (name TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL)";
const DROP_STATE: &str = "DROP TABLE copying";
const STATE: &str = "SELECT state FROM copying WHERE name = $1";
const PUT_STATE: &str =
    "INSERT INTO copying (name, state) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET state = excluded.state";

statements! {
    IS_TARGET = Sql::each(
        "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'copying'",
        "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('copying')",
    );
    IS_DATABASE = Sql::each(
        "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('_sqlx_migrations', 'tenants')",
        "SELECT COUNT(*) FROM pg_class WHERE oid IN (to_regclass('_sqlx_migrations'), to_regclass('tenants'))",
    );
    // Writers may not scan; each table is small, and its rows are read by their index.
    LIVE_CORES = Sql::pg("SELECT COUNT(*) FROM cores WHERE slot >= 0 AND seen_at > $1");
    // Not part of any snapshot.
    LAST_CORE = Sql::pg(
        "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence('cores', 'incarnation')::regclass), 0)",
    );
    SCHEMA = Sql::both("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations");
    OPEN_JOBS = Sql::both("SELECT COUNT(*) FROM recoveries WHERE NOT done");
    LOCK_TARGET = Sql::pg("SELECT pg_try_advisory_lock($1)");
    LAST_NUMBER = Sql::each(
        "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = $1), 0)",
        "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence($1, 'seq')::regclass), 0)",
    );
    FORGET_NUMBER = Sql::sqlite("DELETE FROM sqlite_sequence WHERE name = $1");
    // PostgreSQL refuses 0, which is where a sequence begins.
    SET_NUMBER = Sql::each(
        "INSERT INTO sqlite_sequence (name, seq) SELECT $1, $2 WHERE $2 > 0",
        "SELECT setval(pg_get_serial_sequence($1, 'seq')::regclass, $2::bigint) WHERE $2::bigint > 0",
    );
}

/// Why an installation is not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyRefusal {
    #[error(
        "one must be SQLite and the other PostgreSQL; `inboxops backup` and pg_dump copy a database to its own kind"
    )]
    SameKind,
    #[error("there is no database of InboxOps to copy")]
    NoSource,
    #[error("the database to copy has schema {0}, which is older than this program's: run `inboxops migrate` first")]
    OldSource(i64),
    #[error("the database to copy was itself the target of a copy that was cut short")]
    HalfSource,
    #[error("the target has a database of InboxOps already; name an empty one")]
    NotEmpty,
    #[error("another copy into the target runs")]
    Locked,
    #[error("{0} servers use the database to copy; stop them first (one that was killed counts for 10 s)")]
    InUse(i64),
    #[error("a server was started on the database to copy meanwhile; drop the target, stop the server and copy again")]
    Started,
    #[error("{0} recovery jobs are at work; let them end before a copy to SQLite")]
    JobsRun(i64),
    #[error("{0} is not in both databases in a form that can be copied")]
    Unknown(String),
    #[error(
        "the databases differ in the table {0}: the one to copy was changed meanwhile; drop the target and copy again"
    )]
    Differs(String),
}

/// What a copy is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyStep {
    /// Rows are written.
    Copying,
    /// Rows are compared.
    Comparing,
}

/// How far a copy is.
#[derive(Clone, Debug)]
pub struct CopyProgress<'a> {
    pub step: CopyStep,
    /// Table that it works on.
    pub table: &'a str,
    /// Rows behind it, of all tables.
    pub rows: u64,
    /// Rows of all tables.
    pub of: u64,
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTables {
    /// Each table and its rows.
    pub tables: Vec<(String, u64)>,
    /// Whether an earlier copy, which was cut short, went on.
    pub resumed: bool,
}

/// Refuses a database that a copy was begun into and is not complete.
pub(super) async fn refuse_half(link: &mut Link) -> Result<()> {
    if scalar(link, IS_TARGET).await? > 0 { Err(Error::HalfCopied) } else { Ok(()) }
}

async fn scalar(link: &mut Link, sql: Sql) -> Result<i64> {
    let sql = sql.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).fetch_one(c).await)
}

/// Copies all from one database to another, which must be empty or the target of such a copy. `now` is the time of the
/// beginning, by which live servers are told from dead ones.
pub(crate) async fn copy(
    from: &str,
    to: &str,
    now: Timestamp,
    tell: &mut dyn FnMut(CopyProgress<'_>),
) -> Result<CopiedTables> {
    let (from, to) = (Target::parse(from)?, Target::parse(to)?);
    if from.is_pg() == to.is_pg() {
        return Err(CopyRefusal::SameKind.into());
    }
    let mut source = open_source(&from, now).await?;
    let (mut target, resumed) = open_target(&to).await?;
    let mut tables = catalogue::tables(&mut source, &mut target).await?;
    if !target.is_pg() {
        tables.retain(|table| table.name != NOT_TO_SQLITE);
    }
    let last_core = last_core(&mut source).await?;
    let tables = Copying { source, target, tables, last_core, tell }.run().await?;
    Ok(CopiedTables { tables, resumed })
}

/// A snapshot of the database to copy. It may live for long.
async fn open_source(from: &Target, now: Timestamp) -> Result<Link> {
    if let Target::Sqlite(options) = from
        && !options.get_filename().exists()
    {
        return Err(CopyRefusal::NoSource.into());
    }
    let mut source = from.connect(Purpose::LongRead).await?;
    lift_limits(&mut source).await?;
    let pg = source.is_pg();
    source.run(if pg { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" } else { "BEGIN" }).await?;
    if scalar(&mut source, IS_DATABASE).await? == 0 {
        return Err(CopyRefusal::NoSource.into());
    }
    refuse_half(&mut source).await.map_err(|error| match error {
        Error::HalfCopied => CopyRefusal::HalfSource.into(),
        error => error,
    })?;
    let version = scalar(&mut source, SCHEMA).await?;
    if version > migrate::VERSION {
        return Err(Error::Newer { database: version, program: migrate::VERSION });
    }
    if version < migrate::VERSION {
        return Err(CopyRefusal::OldSource(version).into());
    }
    if source.is_pg() {
        refuse_in_use(&mut source, now).await?;
        let jobs = scalar(&mut source, OPEN_JOBS).await?;
        if jobs > 0 {
            return Err(CopyRefusal::JobsRun(jobs).into());
        }
    }
    Ok(source)
}

/// PostgreSQL ends statements and transactions after the times that servers work with.
async fn lift_limits(link: &mut Link) -> Result<()> {
    if link.is_pg() {
        link.run("SET statement_timeout = 0").await?;
        link.run("SET idle_in_transaction_session_timeout = 0").await?;
    }
    Ok(())
}

async fn last_core(link: &mut Link) -> Result<i64> {
    if link.is_pg() { scalar(link, LAST_CORE).await } else { Ok(0) }
}

async fn refuse_in_use(link: &mut Link, now: Timestamp) -> Result<()> {
    let since = now.minus(SILENCE).micros();
    let sql = LIVE_CORES.on(link);
    let cores = on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(since).fetch_one(c).await)?;
    if cores > 0 { Err(CopyRefusal::InUse(cores).into()) } else { Ok(()) }
}

/// The target with the schema, and whether a copy into it had begun.
async fn open_target(to: &Target) -> Result<(Link, bool)> {
    let mut target = to.connect(Purpose::Write).await?;
    if target.is_pg() {
        let sql = LOCK_TARGET.on(&target);
        let link = &mut target;
        if !on!(link, c, D => sqlx::query_scalar::<D, bool>(sql).bind(LOCK).fetch_one(c).await)? {
            return Err(CopyRefusal::Locked.into());
        }
    }
    let resumed = scalar(&mut target, IS_TARGET).await? > 0;
    if !resumed {
        if scalar(&mut target, IS_DATABASE).await? > 0 {
            return Err(CopyRefusal::NotEmpty.into());
        }
        // Before there is a schema: a server that starts now finds it.
        target.run(MAKE_STATE).await?;
    }
    migrate::run(&mut target).await?;
    lift_limits(&mut target).await?;
    Ok((target, resumed))
}

struct Copying<'a> {
    source: Link,
    target: Link,
    tables: Vec<Table>,
    /// Number of the server that was last started on the source; 0 on SQLite.
    last_core: i64,
    tell: &'a mut dyn FnMut(CopyProgress<'_>),
}

impl Copying<'_> {
    async fn run(mut self) -> Result<Vec<(String, u64)>> {
        let tables = std::mem::take(&mut self.tables);
        let mut sizes = Vec::new();
        for table in &tables {
            sizes.push(rows::count(&mut self.source, table).await?);
        }
        let of: u64 = sizes.iter().sum();
        let mut before = 0;
        for (table, size) in tables.iter().zip(&sizes) {
            self.write(table, before, of).await?;
            before += size;
        }
        for name in NUMBERED {
            let number = self.last_number(name).await?;
            self.set_number(name, number).await?;
        }
        before = 0;
        for (table, size) in tables.iter().zip(&sizes) {
            self.compare(table, *size, before, of).await?;
            before += size;
        }
        // A server that was started meanwhile may have written after the snapshot.
        if last_core(&mut self.source).await? != self.last_core {
            return Err(CopyRefusal::Started.into());
        }
        if self.target.is_pg() {
            // Without statistics the first plans would be those of empty tables.
            self.target.run("ANALYZE").await?;
        }
        self.target.run(DROP_STATE).await?;
        super::db::conn::close(self.source).await;
        super::db::conn::close(self.target).await;
        Ok(tables.into_iter().map(|table| table.name).zip(sizes).collect())
    }

    /// Writes what the target lacks of a table. Rows and the state that says so are committed together.
    async fn write(&mut self, table: &Table, before: u64, of: u64) -> Result<()> {
        let state = self.state(&table.name).await?;
        if state.as_deref() == Some(DONE) {
            return Ok(());
        }
        // Written by this program, so it can be read; else the rows are there already and the insert says so.
        let mut after: Option<Row> = state.and_then(|state| serde_json::from_str(&state).ok());
        let mut written = 0;
        loop {
            let rows = rows::page(&mut self.source, table, after.as_ref()).await?;
            let more = rows.len() == PAGE;
            after = rows.last().map(|row| table.key_of(row));
            tx::begin(&mut self.target).await?;
            if !rows.is_empty() {
                rows::insert(&mut self.target, table, &rows).await?;
            }
            let key = after.as_ref().filter(|_| more).and_then(|key| serde_json::to_string(key).ok());
            self.put_state(&table.name, key.as_deref().unwrap_or(DONE)).await?;
            self.target.run("COMMIT").await?;
            written += rows.len() as u64;
            self.tell(CopyStep::Copying, table, before + written, of);
            if !more {
                return Ok(());
            }
        }
    }

    /// Compares each row of a table, and the number of rows.
    async fn compare(&mut self, table: &Table, size: u64, before: u64, of: u64) -> Result<()> {
        let differs = || Error::from(CopyRefusal::Differs(table.name.clone()));
        let (mut after, mut seen) = (None, 0);
        loop {
            let rows = rows::page(&mut self.source, table, after.as_ref()).await?;
            let Some(last) = rows.last() else { break };
            after = Some(table.key_of(last));
            let found = rows::found(&mut self.target, table, &rows).await?;
            if rows.iter().any(|row| found.get(&table.key_of(row)) != Some(row)) {
                return Err(differs());
            }
            seen += rows.len() as u64;
            self.tell(CopyStep::Comparing, table, before + seen, of);
        }
        let there = rows::count(&mut self.target, table).await?;
        if (seen, there) == (size, size) { Ok(()) } else { Err(differs()) }
    }

    fn tell(&mut self, step: CopyStep, table: &Table, rows: u64, of: u64) {
        (self.tell)(CopyProgress { step, table: &table.name, rows: rows.min(of), of });
    }

    async fn state(&mut self, name: &str) -> Result<Option<String>> {
        let link = &mut self.target;
        on!(link, c, D => sqlx::query_scalar::<D, String>(STATE).bind(name).fetch_optional(c).await)
    }

    async fn put_state(&mut self, name: &str, state: &str) -> Result<()> {
        let link = &mut self.target;
        on!(link, c, D => sqlx::query::<D>(PUT_STATE).bind(name).bind(state).execute(c).await.map(drop))
    }

    async fn last_number(&mut self, name: &str) -> Result<i64> {
        let link = &mut self.source;
        let sql = LAST_NUMBER.on(link);
        on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(name).fetch_one(c).await)
    }

    /// Lets a table go on with the numbers of the source.
    async fn set_number(&mut self, name: &str, number: i64) -> Result<()> {
        let link = &mut self.target;
        if !link.is_pg() {
            let sql = FORGET_NUMBER.on(link);
            on!(link, c, D => sqlx::query::<D>(sql).bind(name).execute(c).await.map(drop))?;
        }
        let sql = SET_NUMBER.on(link);
        on!(link, c, D => sqlx::query::<D>(sql).bind(name).bind(number).execute(c).await.map(drop))
    }
}

/// The tables that are left out, for the test that looks at all others.
#[cfg(test)]
pub(crate) fn left_out(to_pg: bool) -> Vec<&'static str> {
    catalogue::NOT_COPIED.into_iter().chain((!to_pg).then_some(NOT_TO_SQLITE)).collect()
}
