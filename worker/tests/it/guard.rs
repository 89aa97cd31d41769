//! Which addresses the worker connects to, and which it refuses.

use crate::support::{
    TestWorker, hasty,
    receiver::{OK, Receiver},
    settings,
};
use futures_util::FutureExt as _;
use inboxops_proto::address::AllowPrivate;
use inboxops_worker::{Addresses, Resolver, Settings};
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A resolver that answers the n-th query with the n-th list, and the number of queries.
fn resolving(answers: &'static [&'static [&'static str]], mut settings: Settings) -> (Settings, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    settings.resolver = Resolver::Given(Arc::new(move |_: &str| {
        let n = count.fetch_add(1, Ordering::SeqCst);
        let list = answers[n.min(answers.len() - 1)];
        let list: Vec<IpAddr> = list.iter().map(|ip| ip.parse().unwrap()).collect();
        let addresses: Addresses = (!list.is_empty()).then(|| list.into());
        async move { addresses }.boxed()
    }));
    (settings, asked)
}

#[tokio::test]
async fn one_bad_address_refuses_all() {
    for list in [
        &["127.0.0.1", "10.0.0.1"][..],
        &["10.0.0.1", "127.0.0.1"],
        &["127.0.0.1", "::ffff:127.0.0.1"],
        &["127.0.0.1", "169.254.169.254"],
        &["127.0.0.1", "fd00:ec2::254"],
    ] {
        let receiver = Receiver::answering(OK).await;
        let lists: &'static [&'static [&'static str]] = Box::leak(Box::new([list]));
        let (settings, asked) = resolving(lists, settings());
        let mut worker = TestWorker::start(settings).await;
        let outcome = worker.once(&format!("https://hooks.example:{}/", receiver.port)).await;
        assert_eq!((outcome.error_code.as_str(), outcome.not_sent), ("blocked_address", false), "{list:?}");
        assert!(outcome.error.starts_with("The URL must lead to a public address"), "{}", outcome.error);
        assert_eq!((receiver.connections(), asked.load(Ordering::SeqCst)), (0, 1), "{list:?}");
    }
}

#[tokio::test]
async fn private_addresses_are_refused_whatever_way_they_are_written() {
    let receiver = Receiver::answering(OK).await;
    let port = receiver.port;
    let mut strict = settings();
    strict.allow_private = AllowPrivate::No;
    let (strict, _) = resolving(&[&["127.0.0.1"]], strict);
    let mut worker = TestWorker::start(strict).await;
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://localhost:{port}/"),
        format!("https://rebound.example:{port}/"),
    ] {
        let outcome = worker.once(&url).await;
        assert_eq!((outcome.error_code.as_str(), outcome.not_sent), ("blocked_address", false), "{url}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn the_checked_address_is_the_one_that_is_connected_to() {
    // A second query would get another answer: there is none.
    let (settings, asked) = resolving(&[&["127.0.0.1"], &["10.0.0.1"]], settings());
    let receiver = Receiver::start(|visit| async move {
        drop(visit);
        Ok(())
    })
    .await;
    let mut worker = TestWorker::start(settings).await;
    let url = format!("https://hooks.example:{}/", receiver.port);
    let outcome = worker.once(&url).await;
    assert_ne!(outcome.error_code, "blocked_address");
    assert_eq!((receiver.connections(), asked.load(Ordering::SeqCst)), (1, 1));
    // The next attempt resolves and checks again.
    assert_eq!(worker.once(&url).await.error_code, "blocked_address");
    assert_eq!((receiver.connections(), asked.load(Ordering::SeqCst)), (1, 2));
}

#[tokio::test]
async fn a_second_address_is_tried_when_the_first_refuses() {
    // Nothing listens on the other address's port.
    let (settings, _) = resolving(&[&["::1", "127.0.0.1"]], settings());
    let receiver = Receiver::start(|visit| async move {
        drop(visit);
        Ok(())
    })
    .await;
    let mut worker = TestWorker::start(settings).await;
    worker.once(&format!("https://hooks.example:{}/", receiver.port)).await;
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_name_without_addresses_is_a_dns_failure() {
    let (settings, _) = resolving(&[&[]], settings());
    let mut worker = TestWorker::start(settings).await;
    let outcome = worker.once("https://hooks.example/").await;
    assert_eq!((outcome.error_code.as_str(), outcome.not_sent), ("dns_failure", false));

    // With the system's resolver: a name that is reserved as nonexistent (RFC 6761).
    let mut worker = TestWorker::start(crate::support::settings()).await;
    assert_eq!(worker.once("https://hooks.invalid/").await.error_code, "dns_failure");
}

#[tokio::test]
async fn a_name_server_that_hangs_is_a_dns_failure() {
    let mut settings = hasty(300);
    settings.resolver = Resolver::Given(Arc::new(|_: &str| std::future::pending().boxed()));
    let mut worker = TestWorker::start(settings).await;
    assert_eq!(worker.once("https://hooks.example/").await.error_code, "dns_failure");
}

#[tokio::test]
async fn localhost_is_resolved_by_the_system() {
    let receiver = Receiver::answering(OK).await;
    let mut worker = TestWorker::start(settings()).await;
    let outcome = worker.once(&format!("http://localhost:{}/", receiver.port)).await;
    assert_eq!((outcome.response_status, outcome.error_code.as_str()), (200, ""));
}
