//! Backups of a SQLite file: of one moment, beside writers, with a history of their own.

use crate::store::{Db, Error, Options, backups, migrate};
use crate::tests::support::{NOON, TestStore};
use inboxops_proto::clock::Clock;
use sqlx::{Connection as _, SqliteConnection};
use std::fs;

async fn histories_of(url: &str) -> Vec<(Vec<u8>, i64)> {
    let mut conn = SqliteConnection::connect(url).await.unwrap();
    sqlx::query_as("SELECT id, began_after FROM histories ORDER BY ordinal").fetch_all(&mut conn).await.unwrap()
}

#[tokio::test]
async fn a_backup_is_of_one_moment_and_begins_a_history_where_it_is_opened() {
    let store = TestStore::sqlite().await;
    store.tenant().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inboxops.db");
    let copy = backups::backup(&store.url, &file).await.unwrap();
    assert_eq!((copy.schema, copy.master_key), (migrate::VERSION, None));
    store.tenant().await;
    assert_eq!(store.count("tenants").await, 2, "the original goes on");

    let url = format!("sqlite:{}", file.display());
    let old = histories_of(&store.url).await;
    for _ in 0..2 {
        // Opened twice in the same place it is one history.
        let db = Db::open(Options::new(&url, Clock::manual(NOON))).await.unwrap();
        db.close().await;
        let new = histories_of(&url).await;
        assert_eq!((new.len(), &new[..1]), (old.len() + 1, &old[..]));
    }
    let mut conn = SqliteConnection::connect(&url).await.unwrap();
    let tenants: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM tenants").fetch_one(&mut conn).await.unwrap();
    assert_eq!(tenants, 1);
}

#[tokio::test]
async fn numbers_of_events_go_on_after_a_restore() {
    let store = TestStore::sqlite().await;
    store.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', 77)").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inboxops.db");
    backups::backup(&store.url, &file).await.unwrap();
    let url = format!("sqlite:{}", file.display());
    Db::open(Options::new(&url, Clock::manual(NOON))).await.unwrap().close().await;
    assert_eq!(histories_of(&url).await.last().map(|it| it.1), Some(77));
}

#[tokio::test]
async fn what_is_no_whole_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("into.db");
    let refusal = async |url: &str| match backups::backup(url, &into).await.unwrap_err() {
        Error::Backup(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    let nowhere = format!("sqlite:{}", folder.path().join("nowhere.db").display());
    assert!(matches!(refusal(&nowhere).await, backups::BackupRefusal::NoDatabase));
    assert!(!folder.path().join("nowhere.db").exists() && !into.exists());
    assert!(matches!(refusal("postgres://me@127.0.0.1/x").await, backups::BackupRefusal::NotSqlite));

    let store = TestStore::sqlite().await;
    let file = folder.path().join("whole.db");
    backups::backup(&store.url, &file).await.unwrap();
    let bytes = fs::read(&file).unwrap();
    let cut = folder.path().join("cut.db");
    for length in [100, bytes.len() / 2] {
        fs::write(&cut, &bytes[..length]).unwrap();
        let refused = backups::settle(&cut).await.unwrap_err();
        assert!(matches!(refused, Error::Backup(backups::BackupRefusal::Damaged(_))), "{length}: {refused:?}");
    }
    let other = folder.path().join("other.db");
    let mut conn = SqliteConnection::connect(&format!("sqlite:{}?mode=rwc", other.display())).await.unwrap();
    sqlx::query("CREATE TABLE meta (key TEXT)").execute(&mut conn).await.unwrap();
    let refused = backups::settle(&other).await.unwrap_err();
    assert!(matches!(refused, Error::Backup(backups::BackupRefusal::NoDatabase)), "{refused:?}");
}
