//! What a well-behaved receiver gets, and what is recorded.

use crate::support::{
    TestWorker, bytes_of, endpoint, noon, payload,
    receiver::{OK, Receiver},
    settings, soon,
};
use inboxops_proto::{
    clock::Clock,
    internal::v1::{EndpointSecretHeader, WorkResponse},
};
use std::time::Duration;
use tokio::sync::mpsc;

#[tokio::test]
async fn a_delivery_arrives_signed_and_its_outcome_is_reported() {
    let mut receiver = Receiver::answering("HTTP/1.1 201 Created\r\ncontent-length: 2\r\nx-a: b\r\n\r\nhi").await;
    let mut worker = TestWorker::start_with(settings(), Clock::manual(noon()), None).await;
    let outcome = worker.once(&receiver.url).await;
    let seen = receiver.seen().await;
    let expected = format!(
        "POST /hook?a=b HTTP/1.1\n\
         host: 127.0.0.1:{}\n\
         user-agent: InboxOps-Webhooks/1.0\n\
         content-type: application/json\n\
         content-length: 7\n\
         webhook-id: 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51\n\
         webhook-timestamp: 1795507200\n\
         webhook-signature: v1,2ClnBL3JjK3N8+vWuzp79xlVzZrmirTbwzYsy+zF2Wk=\n\
         x-inboxops-signature: sha256=b216cb8a53ef236f24c7496fa4a446c2710b08f0571c64fc9108e521b1b40431\n\
         x-inboxops-event: ticket.created\n\
         x-inboxops-delivery: 00000000-0000-0000-0000-000000000001\n\
         x-inboxops-attempt: 1",
        receiver.port
    );
    assert_eq!(seen.head.replace("\r\n", "\n"), expected);
    assert_eq!(seen.body, b"{\"a\":1}");

    assert_eq!(outcome.delivery_id, bytes_of(1));
    assert_eq!((outcome.token, outcome.started_at_us), (1, noon().micros()));
    assert_eq!((outcome.response_status, outcome.error_code.as_str(), outcome.error.as_str()), (201, "", ""));
    assert_eq!(outcome.response_body.as_deref(), Some("hi"));
    let names = |list: &[inboxops_proto::internal::v1::RecordedHeader]| {
        list.iter().map(|header| header.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&outcome.response_headers), ["content-length", "x-a"]);
    assert_eq!(outcome.request_headers.len(), 11);
    assert!(!outcome.not_sent && !outcome.abort && outcome.retry_after_secs == 0);
    assert_eq!(worker.stop().await.len(), 0);
}

#[tokio::test]
async fn one_after_another_goes_over_one_connection() {
    let receiver = Receiver::answering(OK).await;
    let mut worker = TestWorker::start(settings()).await;
    for _ in 0..50 {
        assert_eq!(worker.once(&receiver.url).await.response_status, 200);
    }
    // All configurations have the same version, so the connection is reused.
    assert_eq!((receiver.connections(), receiver.requests()), (1, 50));
}

#[tokio::test]
async fn what_the_receiver_counts_equals_the_attempts() {
    let receiver = Receiver::answering("HTTP/1.1 500 Oops\r\ncontent-length: 3\r\n\r\nno\n").await;
    let mut worker = TestWorker::start(settings()).await;
    worker.configure(endpoint(1, 1, &receiver.url));
    for _ in 0..20 {
        worker.deliver(100, 1, 1);
    }
    let outcomes = worker.outcomes(2000).await;
    assert!(outcomes.iter().all(|outcome| outcome.error_code == "http_5xx"));
    assert_eq!(receiver.requests(), 2000);
    assert!(
        receiver.connections() <= inboxops_proto::limits::ENDPOINT_IN_FLIGHT_MAX as usize,
        "{} connections",
        receiver.connections()
    );
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_costs_no_attempt() {
    let (closed, mut closings) = mpsc::unbounded_channel();
    let receiver = Receiver::start(move |mut visit| {
        let closed = closed.clone();
        async move {
            visit.request().await?;
            visit.write(OK.as_bytes()).await?;
            drop(visit);
            let _ = closed.send(());
            Ok(())
        }
    })
    .await;
    let mut worker = TestWorker::start(settings()).await;
    for _ in 0..30 {
        let outcome = worker.once(&receiver.url).await;
        assert_eq!((outcome.response_status, outcome.error_code.as_str()), (200, ""));
        closings.recv().await;
    }
    assert_eq!((receiver.connections(), receiver.requests()), (30, 30));
}

#[tokio::test]
async fn connection_close_is_heeded() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    let mut worker = TestWorker::start(settings()).await;
    for _ in 0..5 {
        assert_eq!(worker.once(&receiver.url).await.response_status, 200);
    }
    assert_eq!((receiver.connections(), receiver.requests()), (5, 5));
}

#[tokio::test]
async fn a_changed_endpoint_gets_a_new_connection_and_its_new_secret() {
    let mut receiver = Receiver::answering(OK).await;
    let mut worker = TestWorker::start(settings()).await;
    worker.once(&receiver.url).await;
    let first = receiver.seen().await.head;

    let mut changed = endpoint(1, 2, &receiver.url);
    changed.secrets = vec!["whsec_GBkaGxwdHh8gISIjJCUmJygpKissLS4v".to_owned()];
    changed.headers = vec![EndpointSecretHeader { name: "X-Team".to_owned(), value: "blue".to_owned() }];
    worker.configure(changed);
    worker.deliver(1, 1, 2);
    worker.outcomes(1).await;
    let second = receiver.seen().await.head;
    let signature = |head: &str| head.lines().find(|line| line.starts_with("x-inboxops-signature")).map(str::to_owned);
    assert_ne!(signature(&first), signature(&second));
    assert!(second.contains("\r\nx-team: blue\r\n"));
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn what_the_answer_asks_for_is_reported() {
    for (answer, status, code, retry, abort) in [
        ("410 Gone\r\n", 410, "http_4xx", 0, false),
        ("429 Slow\r\nretry-after: 90\r\n", 429, "http_4xx", 90, false),
        ("503 Later\r\nretry-after: 999999\r\n", 503, "http_5xx", 15_360, false),
        ("503 Later\r\nretry-after: Tue, 24 Nov 2026 08:02:00 GMT\r\n", 503, "http_5xx", 120, false),
        ("500 Oops\r\nretry-after: 90\r\nwebhook-delivery: abort-message\r\n", 500, "http_5xx", 0, true),
        ("200 OK\r\nwebhook-delivery: abort-message\r\n", 200, "", 0, false),
        ("204 No Content\r\n", 204, "", 0, false),
        ("404\r\n", 404, "http_4xx", 0, false),
    ] {
        let receiver = Receiver::answering(format!("HTTP/1.1 {answer}content-length: 0\r\n\r\n")).await;
        let mut worker = TestWorker::start_with(settings(), Clock::manual(noon()), None).await;
        let outcome = worker.once(&receiver.url).await;
        assert_eq!((outcome.response_status, outcome.error_code.as_str()), (status, code), "{answer}");
        assert_eq!((outcome.retry_after_secs, outcome.abort), (retry, abort), "{answer}");
        assert_eq!(outcome.error.is_empty(), code.is_empty(), "{answer}");
    }
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let other = Receiver::answering(OK).await;
    for status in [301, 302, 303, 307, 308] {
        let answer = format!("HTTP/1.1 {status} Go\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", other.url);
        let receiver = Receiver::answering(answer).await;
        let mut worker = TestWorker::start(settings()).await;
        let outcome = worker.once(&receiver.url).await;
        assert_eq!((outcome.response_status, outcome.error_code.as_str()), (status, "http_3xx"));
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn deliveries_of_one_event_share_its_body_and_differ_in_the_rest() {
    let mut receiver = Receiver::answering(OK).await;
    let mut worker = TestWorker::start(settings()).await;
    let mut deliveries = vec![worker.leased(1, 1), worker.leased(2, 1), worker.leased(1, 1)];
    deliveries[1].attempt = 7;
    deliveries[2].payload = 1;
    worker.send(WorkResponse {
        endpoints: vec![endpoint(1, 1, &receiver.url), endpoint(2, 1, &receiver.url)],
        payloads: vec![payload("first"), payload("second")],
        deliveries,
    });
    worker.outcomes(3).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let request = receiver.seen().await;
        let end = request.head.rsplit("x-inboxops-delivery: ").next().unwrap().replace("\r\n", " ");
        seen.push((end[35..].to_owned(), String::from_utf8(request.body).unwrap()));
    }
    seen.sort();
    let expected = [
        ("1 x-inboxops-attempt: 1", "first"),
        ("2 x-inboxops-attempt: 7", "first"),
        ("3 x-inboxops-attempt: 1", "second"),
    ];
    assert_eq!(seen, expected.map(|(end, body)| (end.to_owned(), body.to_owned())));
}

#[tokio::test]
async fn a_connection_is_neither_kept_too_long_nor_used_too_long() {
    for spent in ["idle", "age"] {
        let receiver = Receiver::answering(OK).await;
        let mut settings = settings();
        match spent {
            "idle" => settings.limits.idle = Duration::ZERO,
            _ => settings.limits.age = Duration::ZERO,
        }
        let mut worker = TestWorker::start(settings).await;
        for _ in 0..5 {
            assert_eq!(worker.once(&receiver.url).await.response_status, 200);
        }
        assert_eq!((receiver.connections(), receiver.requests()), (5, 5), "{spent}");
    }
}

#[tokio::test]
async fn an_unused_connection_is_closed() {
    let (closed, mut closings) = mpsc::unbounded_channel();
    let receiver = Receiver::start(move |mut visit| {
        let closed = closed.clone();
        async move {
            while visit.request().await? {
                visit.write(OK.as_bytes()).await?;
            }
            let _ = closed.send(());
            Ok(())
        }
    })
    .await;
    let mut settings = settings();
    settings.limits.idle = Duration::from_millis(100);
    let mut worker = TestWorker::start(settings).await;
    worker.once(&receiver.url).await;
    soon(closings.recv()).await;
    assert_eq!((receiver.connections(), receiver.requests()), (1, 1));
}
