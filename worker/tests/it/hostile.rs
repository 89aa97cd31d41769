//! Receivers that misbehave. None may block the worker, none may make it record what the database cannot store.

use crate::support::{
    TestWorker, endpoint, hasty,
    receiver::{OK, Receiver},
    settings,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, time::interval};

/// The deadline of the tests that wait for it.
const DEADLINE_MS: u64 = 300;

#[tokio::test]
async fn a_receiver_that_never_accepts_runs_into_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut worker = TestWorker::start(hasty(DEADLINE_MS)).await;
    let outcome = worker.once(&format!("http://127.0.0.1:{port}/")).await;
    assert_eq!((outcome.response_status, outcome.error_code.as_str()), (0, "timeout"));
    assert!(outcome.duration_ms >= DEADLINE_MS as u32 && outcome.duration_ms < 5000, "{}", outcome.duration_ms);
    assert!(!outcome.not_sent && outcome.response_body.is_none());
}

#[tokio::test]
async fn a_receiver_that_never_answers_runs_into_the_deadline() {
    let receiver = Receiver::start(|mut visit| async move {
        visit.request().await?;
        visit.hold().await
    })
    .await;
    let mut worker = TestWorker::start(hasty(DEADLINE_MS)).await;
    assert_eq!(worker.once(&receiver.url).await.error_code, "timeout");
    assert_eq!((receiver.connections(), receiver.requests()), (1, 1));
}

#[tokio::test]
async fn a_dripping_head_runs_into_the_deadline() {
    let receiver = Receiver::start(|mut visit| async move {
        visit.request().await?;
        drip(&mut visit, "HTTP/1.1 200 OK\r\n", "x-a: b\r\n").await
    })
    .await;
    let mut worker = TestWorker::start(hasty(DEADLINE_MS)).await;
    assert_eq!(worker.once(&receiver.url).await.error_code, "timeout");
}

#[tokio::test]
async fn endless_interim_answers_run_into_the_deadline() {
    let receiver = Receiver::start(|mut visit| async move {
        visit.request().await?;
        drip(&mut visit, "", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n").await
    })
    .await;
    let mut worker = TestWorker::start(hasty(DEADLINE_MS)).await;
    assert_eq!(worker.once(&receiver.url).await.error_code, "timeout");
}

#[tokio::test]
async fn a_dripping_body_does_not_change_what_the_status_says() {
    for (status, code) in [(200, ""), (500, "http_5xx")] {
        let receiver = Receiver::start(move |mut visit| async move {
            visit.request().await?;
            drip(&mut visit, &format!("HTTP/1.1 {status} X\r\ncontent-length: 1000000\r\n\r\n"), "y").await
        })
        .await;
        let mut worker = TestWorker::start(hasty(DEADLINE_MS)).await;
        let outcome = worker.once(&receiver.url).await;
        assert_eq!((outcome.response_status, outcome.error_code.as_str()), (status, code));
        assert!(outcome.response_body.unwrap().starts_with('y'));
        assert!(outcome.duration_ms >= DEADLINE_MS as u32);
    }
}

#[tokio::test]
async fn an_endless_body_is_read_to_its_bound_and_the_connection_dropped() {
    let written = Arc::new(AtomicUsize::new(0));
    let count = written.clone();
    let receiver = Receiver::start(move |mut visit| {
        let count = count.clone();
        async move {
            visit.request().await?;
            visit.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
            loop {
                visit.tcp.write_all(chunk.as_bytes()).await?;
                count.fetch_add(4096, Ordering::SeqCst);
            }
        }
    })
    .await;
    let mut worker = TestWorker::start(settings()).await;
    let outcome = worker.once(&receiver.url).await;
    assert_eq!((outcome.response_status, outcome.error_code.as_str()), (200, ""));
    assert_eq!(outcome.response_body.unwrap(), "x".repeat(4096));
    // Ended by the number of bytes, not by the deadline.
    assert!(outcome.duration_ms < 5000);
    // No more than the system's buffers took.
    assert!(written.load(Ordering::SeqCst) < 10 << 20);
    assert_eq!(worker.once(&receiver.url).await.response_status, 200);
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn a_body_that_breaks_off_does_not_change_what_the_status_says() {
    for (answer, status, code, body) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", 200, "", "half"),
        ("HTTP/1.1 202 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", 202, "", "half"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n", 200, "", "half"),
        ("HTTP/1.1 500 No\r\ncontent-length: 100\r\n\r\nhalf", 500, "http_5xx", "half"),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "", "until the end"),
        ("HTTP/1.0 200 OK\r\n\r\nold", 200, "", "old"),
    ] {
        let receiver = Receiver::closing_after(answer).await;
        let mut worker = TestWorker::start(settings()).await;
        let outcome = worker.once(&receiver.url).await;
        assert_eq!((outcome.response_status, outcome.error_code.as_str()), (status, code), "{answer:?}");
        assert_eq!(outcome.response_body.as_deref(), Some(body), "{answer:?}");
    }
}

#[tokio::test]
async fn bytes_that_no_database_takes_are_replaced() {
    let mut answer =
        b"HTTP/1.1 200 Caf\xe9\r\nx-odd: caf\xe9 \xff\xfe\r\nset-cookie: sid=1\r\ncontent-length: 6\r\n\r\n".to_vec();
    answer.extend_from_slice(b"a\0\xff\xc3(b");
    let receiver = Receiver::answering(answer).await;
    let mut worker = TestWorker::start(settings()).await;
    let outcome = worker.once(&receiver.url).await;
    assert_eq!((outcome.response_status, outcome.error_code.as_str()), (200, ""));
    assert_eq!(outcome.response_body.as_deref(), Some("a\u{fffd}\u{fffd}\u{fffd}(b"));
    let header = |name: &str| {
        let mut found = outcome.response_headers.iter().filter(|header| header.name == name);
        found.next().map(|header| header.value.clone())
    };
    assert_eq!(header("x-odd").as_deref(), Some("caf\u{fffd} \u{fffd}\u{fffd}"));
    assert_eq!(header("set-cookie").as_deref(), Some("***"));
}

#[tokio::test]
async fn what_is_not_http_is_an_invalid_response() {
    for answer in [
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "\0\0\0\0",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/3.1 200 OK\r\n\r\n",
        "HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    ] {
        let receiver = Receiver::closing_after(answer).await;
        let mut worker = TestWorker::start(settings()).await;
        let outcome = worker.once(&receiver.url).await;
        assert_eq!(outcome.error_code, "invalid_response", "{answer:?}");
        assert_eq!(receiver.requests(), 1);
    }
}

#[tokio::test]
async fn a_status_counts_whatever_follows_it() {
    let many: String = (0..1000).map(|n| format!("x-{n}: y\r\n")).collect();
    let some: String = (0..300).map(|n| format!("x-{n}: y\r\n")).collect();
    let long = "y".repeat(100_000);
    for head in [
        "",
        "content-type : text/plain\r\n",
        "content-type\t: text/plain\r\n",
        "PHP Warning: something in /var/www/index.php on line 3\r\n",
        "<br />\r\n<b>Warning</b>: something\r\n",
        "some words\r\n",
        ": nameless\r\n",
        "x-folded: a\r\n b\r\n\tc\r\n",
        " folded before any header\r\n",
        "set-cookie: a=\u{1}\u{7f}\r\n",
        "x-nul: a\0b\r\n",
        "\u{e9}: b\r\n",
        "x-bare: a\rb\r\n",
        "x-bare: a\n",
        &some,
        &many,
        &format!("x: {long}\r\n"),
        &format!("x-{long}: y\r\n"),
        "content-length: 1\r\ncontent-length: 2\r\n",
        "content-length: -1\r\n",
        "content-length: 99999999999999999999999\r\n",
        "transfer-encoding: strange\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 2\r\n",
    ] {
        for (status, code) in [(200, ""), (204, ""), (500, "http_5xx"), (410, "http_4xx")] {
            let receiver = Receiver::closing_after(format!("HTTP/1.1 {status} X\r\n{head}\r\nok")).await;
            let mut worker = TestWorker::start(settings()).await;
            let outcome = worker.once(&receiver.url).await;
            let told = (outcome.response_status, outcome.error_code.as_str());
            assert_eq!(told, (status, code), "{:?}", head.get(..80).unwrap_or(head));
            assert_eq!((receiver.requests(), outcome.not_sent), (1, false));
        }
    }
    // The head itself may be cut off: its first line is enough.
    for answer in
        ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-le", "HTTP/1.0 200\n", "HTTP/1.1  200  OK\r\n\r\n"]
    {
        let receiver = Receiver::closing_after(answer).await;
        let mut worker = TestWorker::start(settings()).await;
        let outcome = worker.once(&receiver.url).await;
        assert_eq!((outcome.response_status, outcome.error_code.as_str()), (200, ""), "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_odd_about_a_head_does_not_hide_what_else_it_says() {
    let answer = "HTTP/1.1 503 Later\r\nPHP Warning: x\r\nRetry-After : 90\r\ncontent-length : 2\r\n\r\nno";
    let receiver = Receiver::answering(answer).await;
    let mut worker = TestWorker::start(settings()).await;
    for _ in 0..3 {
        let outcome = worker.once(&receiver.url).await;
        assert_eq!((outcome.response_status, outcome.retry_after_secs), (503, 90));
        assert_eq!(outcome.response_body.as_deref(), Some("no"));
    }
    assert_eq!((receiver.connections(), receiver.requests()), (1, 3));
    // Also if the library rejects the whole head.
    let answer = "HTTP/1.1 429 Slow\r\nx: a\0\r\nretry-after: 90\r\nwebhook-delivery: abort-message\r\n\r\nno";
    let receiver = Receiver::answering(answer).await;
    let mut worker = TestWorker::start(settings()).await;
    let outcome = worker.once(&receiver.url).await;
    assert_eq!((outcome.response_status, outcome.retry_after_secs, outcome.abort), (429, 90, true));
    assert_eq!(outcome.response_body.as_deref(), Some("no"));
}

#[tokio::test]
async fn an_answer_before_the_request_was_read_counts() {
    // 413 and closed, with the request unread in the receiver's buffers: a reset follows.
    let receiver = Receiver::start(|mut visit| async move {
        visit.tcp.readable().await?;
        visit.write(b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await
    })
    .await;
    let mut worker = TestWorker::start(settings()).await;
    worker.configure(endpoint(1, 1, &receiver.url));
    let deliveries = vec![worker.leased(1, 1)];
    let payloads = vec![crate::support::payload(&"x".repeat(8 << 20))];
    worker.send(inboxops_proto::internal::v1::WorkResponse { payloads, deliveries, ..Default::default() });
    let outcome = worker.outcomes(1).await.remove(0);
    assert_eq!((outcome.response_status, outcome.error_code.as_str()), (413, "http_4xx"));
    assert!(outcome.error.contains("8388608 bytes"), "{}", outcome.error);
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_is_one_attempt() {
    // Closed after the request, in the middle of the head, and before the request was read (a reset).
    for part in ["", "HTTP/1.1 20"] {
        let receiver = Receiver::closing_after(part).await;
        let mut worker = TestWorker::start(settings()).await;
        let outcome = worker.once(&receiver.url).await;
        assert_eq!((outcome.response_status, outcome.error_code.as_str()), (0, "connection_reset"), "{part:?}");
        assert_eq!((receiver.connections(), receiver.requests()), (1, 1));
    }
    let receiver = Receiver::start(|visit| async move {
        drop(visit);
        Ok(())
    })
    .await;
    let mut worker = TestWorker::start(settings()).await;
    assert_eq!(worker.once(&receiver.url).await.error_code, "connection_reset");
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn nobody_at_the_port_is_a_refused_connection() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut worker = TestWorker::start(settings()).await;
    let outcome = worker.once(&format!("http://127.0.0.1:{port}/")).await;
    assert_eq!((outcome.error_code.as_str(), outcome.not_sent), ("connect_refused", false));
}

#[tokio::test]
async fn hanging_receivers_do_not_hold_up_others() {
    let bad = Receiver::start(|mut visit| async move {
        visit.request().await?;
        visit.hold().await
    })
    .await;
    let good = Receiver::answering(OK).await;
    let mut worker = TestWorker::start(settings()).await;
    worker.configure(endpoint(1, 1, &bad.url));
    worker.configure(endpoint(2, 1, &good.url));
    // More than the bad one may have at once.
    worker.deliver(100, 1, 1);
    worker.deliver(50, 2, 1);
    let outcomes = worker.outcomes(50).await;
    assert!(outcomes.iter().all(|outcome| outcome.response_status == 200));
    assert_eq!(bad.requests(), bad.most_at_once());
    assert!(bad.requests() <= inboxops_proto::limits::ENDPOINT_IN_FLIGHT_MAX as usize);
}

/// Writes `first` and then `rest` repeatedly, slowly, as long as the other side reads.
async fn drip(visit: &mut crate::support::receiver::Visit, first: &str, rest: &str) -> std::io::Result<()> {
    visit.write(first.as_bytes()).await?;
    let mut every = interval(Duration::from_millis(20));
    loop {
        every.tick().await;
        visit.tcp.write_all(rest.as_bytes()).await?;
    }
}
