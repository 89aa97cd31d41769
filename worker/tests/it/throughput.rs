//! The speed of the worker; run by hand on a release build.

use crate::support::{
    TestWorker, endpoint,
    receiver::{OK, Receiver},
    settings,
};
use std::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: cargo test --release -p inboxops-worker -- --ignored --nocapture"]
async fn posts_to_one_receiver() {
    const TOTAL: usize = 200_000;
    let receiver = Receiver::answering(OK).await;
    let mut worker = TestWorker::start(settings()).await;
    worker.configure(endpoint(1, 1, &receiver.url));
    let mut given = 0;
    let mut done = 0;
    let begin = Instant::now();
    while done < TOTAL {
        while given < TOTAL && given - done < 448 {
            worker.deliver(64, 1, 1);
            given += 64;
        }
        done += worker.some().await;
    }
    let secs = begin.elapsed().as_secs_f64();
    println!(
        "{done} requests in {secs:.2} s: {:.0}/s over {} connections, at most {} at once",
        done as f64 / secs,
        receiver.connections(),
        receiver.most_at_once()
    );
    assert_eq!(receiver.requests(), done);
}
