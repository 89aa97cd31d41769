//! Migrates the schema, and refuses a database that a newer release has migrated. It knows versions, no table.

use super::{
    conn::{self, Conn, Link, Purpose, Target, on},
    error::{Error, Result},
};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

/// One migration, written for each database.
struct Step {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    pg: &'static str,
}

macro_rules! steps {
    ($($version:literal $name:literal $file:literal;)*) => {
        &[$(Step {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../../../../migrations/sqlite/", $file)),
            pg: include_str!(concat!("../../../../migrations/postgres/", $file)),
        },)*]
    };
}

const STEPS: &[Step] = steps! {
    1 "first" "0001_first.sql";
    2 "streams" "0002_streams.sql";
    3 "sign_in" "0003_sign_in.sql";
    4 "controls" "0004_controls.sql";
    5 "repairs" "0005_repairs.sql";
    6 "walks" "0006_walks.sql";
    7 "lists" "0007_lists.sql";
    8 "backlog" "0008_backlog.sql";
    9 "left" "0009_left.sql";
    10 "settled" "0010_settled.sql";
    11 "stale" "0011_stale.sql";
    12 "threads" "0012_threads.sql";
    13 "thin" "0013_thin.sql";
    14 "states" "0014_states.sql";
    15 "histories" "0015_histories.sql";
    16 "searches" "0016_searches.sql";
    17 "shares" "0017_shares.sql";
};

/// Newest schema version that this program knows.
pub(crate) const VERSION: i64 = STEPS[STEPS.len() - 1].version;

/// Migrates the database at `url` and returns its new version.
#[cfg(test)]
pub(crate) async fn migrate(url: &str) -> Result<i64> {
    let mut link = Target::parse(url)?.connect(Purpose::Write).await?;
    let ran = run(&mut link).await;
    conn::close(link).await;
    ran.map(|()| VERSION)
}

/// Whether a database that was migrated once is at `url`. It makes nothing.
pub(crate) async fn exists(url: &str) -> Result<bool> {
    let target = Target::parse(url)?;
    if let Target::Sqlite(options) = &target
        && !std::fs::metadata(options.get_filename()).is_ok_and(|file| file.len() > 0)
    {
        return Ok(false);
    }
    let mut opened = target.connect(Purpose::Read).await?;
    let sql = if opened.is_pg() {
        "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')"
    } else {
        "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'"
    };
    let link = &mut opened;
    let tables = on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).fetch_one(c).await);
    conn::close(opened).await;
    Ok(tables? > 0)
}

pub(in crate::store) async fn run(link: &mut Link) -> Result<()> {
    let pg = link.is_pg();
    if pg {
        // A step may take long, and another core may be running it: the limits of ordinary statements do not apply.
        link.run("SET statement_timeout = 0").await?;
        link.run("SET lock_timeout = '10min'").await?;
    }
    let migrations = STEPS.iter().map(|step| {
        let text = if pg { step.pg } else { step.sqlite };
        Migration::new(
            step.version,
            step.name.into(),
            MigrationType::Simple,
            sqlx::SqlSafeStr::into_sql_str(text),
            false,
        )
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    // Not `run`: its future is not `Send` for connections that are borrowed.
    let ran = match &mut link.conn {
        Conn::Sqlite(conn) => migrator.run_direct(None, conn, false).await,
        Conn::Pg(conn) => migrator.run_direct(None, conn, false).await,
    };
    ran.map_err(|error| match error {
        MigrateError::VersionMissing(database) if database > VERSION => Error::Newer { database, program: VERSION },
        MigrateError::Execute(error) => Error::from(error),
        error => Error::Migrate(Box::new(error)),
    })
}
