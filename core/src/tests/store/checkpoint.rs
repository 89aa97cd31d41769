//! SQLite's WAL is checkpointed while the server runs, and not by the writer's commits.

use crate::store::{self, Queue};
use crate::tests::support::{TestStore, until};
use std::fs;

/// Bytes of a fact.
const FACT: usize = 64 * 1024;
/// Number of facts: 2 MiB in all, far less than the size at which a commit checkpoints.
const FACTS: usize = 32;

#[tokio::test]
async fn the_log_is_brought_into_the_file_beside_the_writer() {
    let fresh = TestStore::sqlite().await;
    let path = fresh.url.strip_prefix("sqlite:").unwrap().to_owned();
    let size = || fs::metadata(&path).unwrap().len();
    let before = size();
    for number in 0..FACTS {
        let write = async move |tx: &mut store::SystemTx<'_>| {
            store::meta::put(tx, &format!("fact {number}"), &"x".repeat(FACT)).await
        };
        fresh.db.system(Queue::Claims, write).await.unwrap();
    }
    let all = before + (FACTS * FACT) as u64;
    until("the facts in the file", async || (size() >= all).then_some(())).await;
}
