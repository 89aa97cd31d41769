//! An idle server writes nothing, and what time alone brings is done in time.

use crate::tests::support::{TestCore, Worker, until};
use sqlx::{Connection as _, SqliteConnection};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// Tasks that wait for a time on an idle server: three of upkeep, retention, and the maintenance of lists.
const SLEEPERS: usize = 5;

/// Moves the clock, and waits until every task that woke has finished and waits again.
async fn pass(core: &TestCore, hours: u32) {
    for _ in 0..hours * 2 {
        core.clock.advance(HOUR / 2);
        until("all sleep again", async || (core.clock.asleep() >= SLEEPERS).then_some(())).await;
    }
}

/// SQLite's counter of other connections' writes, and the WAL as it is on the disk.
async fn written(core: &TestCore, conn: &mut SqliteConnection) -> (i64, Vec<u8>) {
    let version = sqlx::query_scalar("PRAGMA data_version").fetch_one(conn).await.expect("a number");
    let folder = core.folder.as_ref().expect("SQLite has a folder").path();
    (version, std::fs::read(folder.join("test.db-wal")).expect("the log is there"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_nothing_is_written_while_nothing_happens() {
    let mut core = TestCore::sqlite().await;
    core.run();
    let tenant = core.tenant().await;
    core.endpoint(&tenant.key, &["*"]).await;
    let mut worker = Worker::join(&core, 8).await;
    core.ticket(&tenant, "Hello").await;
    let answer = worker.next().await.answered(&core, 200);
    worker.report(&core, vec![answer]).await;
    // Consequences have their time: old changes are deleted, uses of keys are recorded, and few tickets need no counts
    // by second.
    pass(&core, 5).await;
    let folder = core.folder.as_ref().expect("SQLite has a folder").path();
    let url = format!("sqlite:{}", folder.join("test.db").display());
    let mut conn = SqliteConnection::connect(&url).await.expect("the database opens");
    let before = written(&core, &mut conn).await;
    pass(&core, 24).await;
    assert!(before == written(&core, &mut conn).await, "a day without a call leaves the file as it is");
    core.ticket(&tenant, "Hello again").await;
    assert!(before != written(&core, &mut conn).await, "a call does not");
}
