//! Idle connections: how long they are reused, and what happens to a request on one that the receiver has closed.

use crate::support::{
    TestWorker,
    receiver::{OK, Receiver, Visit},
    settings,
};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

fn announcing(value: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nkeep-alive: {value}\r\ncontent-length: 0\r\n\r\n")
}

#[tokio::test]
async fn a_connection_that_has_no_time_left_is_not_used_again() {
    for value in ["timeout=0", "timeout=5, max=0", "max=0"] {
        let receiver = Receiver::answering(announcing(value)).await;
        let mut worker = TestWorker::start(settings()).await;
        for _ in 0..5 {
            assert_eq!(worker.once(&receiver.url).await.response_status, 200);
        }
        assert_eq!((receiver.connections(), receiver.requests()), (5, 5), "{value}");
    }
}

#[tokio::test]
async fn a_busy_connection_is_used_again_whatever_is_announced() {
    for value in ["timeout=5", "timeout=5, max=100", "timeout=72", "nonsense"] {
        let receiver = Receiver::answering(announcing(value)).await;
        let mut worker = TestWorker::start(settings()).await;
        for _ in 0..50 {
            assert_eq!(worker.once(&receiver.url).await.response_status, 200);
        }
        assert_eq!((receiver.connections(), receiver.requests()), (1, 50), "{value}");
    }
}

/// Answers the first request of each connection and ends the second as `end` does.
async fn ending<F, R>(end: F) -> Receiver
where
    F: Fn(Visit) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = io::Result<()>> + Send + 'static,
{
    Receiver::start(move |mut visit| {
        let end = end.clone();
        async move {
            visit.request().await?;
            visit.write(OK.as_bytes()).await?;
            end(visit).await
        }
    })
    .await
}

#[tokio::test]
async fn a_used_connection_that_ends_before_any_byte_of_an_answer_is_stale() {
    // Closed after the request was read; and with the request unread, as by a server that had already closed: a reset.
    let read = ending(|mut visit| async move { visit.request().await.map(drop) }).await;
    let unread = ending(|visit| async move { visit.tcp.readable().await }).await;
    for receiver in [read, unread] {
        let mut worker = TestWorker::start(settings()).await;
        assert_eq!(worker.once(&receiver.url).await.error_code, "");
        let outcome = worker.once(&receiver.url).await;
        assert_eq!((outcome.response_status, outcome.error_code.as_str()), (0, "stale_connection"));
        assert_eq!(
            outcome.error,
            "The receiver had closed the connection before the request arrived; it is sent again at once over a new one."
        );
        assert!(!outcome.not_sent);
        // One request for each attempt: the core decides whether it is sent again, under another number.
        assert_eq!(receiver.connections(), 1);
        worker.deliver_fresh(1, 1, 1);
        assert_eq!(worker.outcomes(1).await[0].response_status, 200);
        assert_eq!(receiver.connections(), 2);
    }
}

#[tokio::test]
async fn a_connection_that_ends_within_an_answer_is_a_failure() {
    for part in ["H", "HTTP/1.1 20", "\r\n"] {
        let receiver = ending(move |mut visit| async move {
            visit.request().await?;
            visit.write(part.as_bytes()).await
        })
        .await;
        let mut worker = TestWorker::start(settings()).await;
        assert_eq!(worker.once(&receiver.url).await.error_code, "");
        assert_eq!(worker.once(&receiver.url).await.error_code, "connection_reset", "{part:?}");
        assert_eq!((receiver.connections(), receiver.requests()), (1, 2));
    }
}

#[tokio::test]
async fn a_new_connection_that_ends_is_a_failure_and_so_is_a_fresh_one() {
    let receiver = Receiver::closing_after("").await;
    let mut worker = TestWorker::start(settings()).await;
    assert_eq!(worker.once(&receiver.url).await.error_code, "connection_reset");
    worker.deliver_fresh(1, 1, 1);
    assert_eq!(worker.outcomes(1).await[0].error_code, "connection_reset");
    assert_eq!((receiver.connections(), receiver.requests()), (2, 2));
}

#[tokio::test]
async fn a_fresh_request_takes_no_connection_that_lies_idle() {
    let (visits, at) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, last) = (visits.clone(), at.clone());
    let receiver = Receiver::start(move |mut visit| {
        let (n, last) = (count.fetch_add(1, Ordering::SeqCst) + 1, last.clone());
        async move {
            while visit.request().await? {
                last.store(n, Ordering::SeqCst);
                visit.write(OK.as_bytes()).await?;
            }
            Ok(())
        }
    })
    .await;
    let mut worker = TestWorker::start(settings()).await;
    worker.once(&receiver.url).await;
    for n in 2..5 {
        worker.deliver_fresh(1, 1, 1);
        assert_eq!(worker.outcomes(1).await[0].response_status, 200);
        assert_eq!(at.load(Ordering::SeqCst), n);
    }
    // They are reused like any other.
    worker.deliver(1, 1, 1);
    worker.outcomes(1).await;
    assert_eq!(visits.load(Ordering::SeqCst), 4);
}
