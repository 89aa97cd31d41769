//! Receivers with TLS: certificates good and bad, HTTP/1.1 and HTTP/2.

use crate::support::{
    TestWorker, endpoint, hasty,
    receiver::{OK, Receiver},
    settings, soon,
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use inboxops_worker::{Addresses, Resolver, Settings, Trust};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    HandshakeKind, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use tokio_rustls::TlsAcceptor;

/// An authority that the worker under test trusts, or does not.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Authority of a test");
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Authority { issuer: Issuer::new(params, key), certificate }
    }

    /// A server with a certificate for `host` that expires in the given year.
    pub(crate) fn server(&self, host: &str, until: i32, alpn: &[&[u8]]) -> Arc<ServerConfig> {
        self.speaking(host, until, alpn, rustls::ALL_VERSIONS, false)
    }

    /// The same for some TLS versions, perhaps `demanding` a client certificate of this authority.
    fn speaking(
        &self,
        host: &str,
        until: i32,
        alpn: &[&[u8]],
        versions: &[&'static SupportedProtocolVersion],
        demanding: bool,
    ) -> Arc<ServerConfig> {
        let provider = Arc::new(ring::default_provider());
        let clients = if demanding {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.clone()).unwrap();
            WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build().unwrap()
        } else {
            WebPkiClientVerifier::no_client_auth()
        };
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }

    /// Settings of a worker that trusts only this authority and resolves every name to this machine.
    pub(crate) fn trusted(&self, mut settings: Settings) -> Settings {
        settings.trust = Trust::Only(vec![self.certificate.clone()]);
        settings.resolver = Resolver::Given(Arc::new(|_: &str| {
            let here: Addresses = Some([IpAddr::from([127, 0, 0, 1])].into());
            async move { here }.boxed()
        }));
        settings
    }
}

/// A receiver behind TLS that answers with 200.
struct Secure {
    port: u16,
    connections: Arc<AtomicUsize>,
    resumed: Arc<AtomicUsize>,
    seen: mpsc::UnboundedReceiver<(Version, String, HeaderMap, Bytes)>,
    _tasks: JoinSet<()>,
}

impl Secure {
    async fn start(config: Arc<ServerConfig>) -> Secure {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, resumed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (sender, seen) = mpsc::unbounded_channel();
        let (count, again) = (connections.clone(), resumed.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let acceptor = TlsAcceptor::from(config);
            let mut visits = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (acceptor, sender, again) = (acceptor.clone(), sender.clone(), again.clone());
                visits.spawn(async move {
                    let Ok(stream) = acceptor.accept(tcp).await else { return };
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
                        again.fetch_add(1, Ordering::SeqCst);
                    }
                    let service = service_fn(move |request: Request<Incoming>| answer(request, sender.clone()));
                    let io = TokioIo::new(stream);
                    let served = if http2 {
                        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                            .serve_connection(io, service)
                            .await
                    } else {
                        hyper::server::conn::http1::Builder::new().serve_connection(io, service).await
                    };
                    drop(served);
                });
            }
        });
        Secure { port, connections, resumed, seen, _tasks: tasks }
    }
}

async fn answer(
    request: Request<Incoming>,
    seen: mpsc::UnboundedSender<(Version, String, HeaderMap, Bytes)>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let _ = seen.send((head.version, head.uri.to_string(), head.headers, body));
    Ok(Response::new(Full::from("thanks")))
}

#[tokio::test]
async fn a_good_certificate_is_believed() {
    let authority = Authority::new();
    for (host, alpn) in [("hooks.example", &[&b"http/1.1"[..]][..]), ("hooks.example", &[]), ("127.0.0.1", &[])] {
        let mut receiver = Secure::start(authority.server(host, 2100, alpn)).await;
        let mut worker = TestWorker::start(authority.trusted(settings())).await;
        for _ in 0..5 {
            let outcome = worker.once(&format!("https://{host}:{}/hook", receiver.port)).await;
            assert_eq!((outcome.response_status, outcome.error_code.as_str()), (200, ""), "{host}");
            assert_eq!(outcome.response_body.as_deref(), Some("thanks"));
        }
        let (version, target, headers, body) = receiver.seen.recv().await.unwrap();
        assert_eq!((version, target.as_str(), &body[..]), (Version::HTTP_11, "/hook", &b"{\"a\":1}"[..]));
        assert_eq!(headers["host"], format!("{host}:{}", receiver.port));
        assert_eq!(receiver.connections.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn http2_carries_many_requests_over_one_connection() {
    let authority = Authority::new();
    let mut receiver = Secure::start(authority.server("hooks.example", 2100, &[b"h2", b"http/1.1"])).await;
    let mut worker = TestWorker::start(authority.trusted(settings())).await;
    let url = format!("https://hooks.example:{}/hook?a=b", receiver.port);
    assert_eq!(worker.once(&url).await.response_status, 200);
    let (version, target, headers, body) = receiver.seen.recv().await.unwrap();
    assert_eq!((version, target.as_str()), (Version::HTTP_2, url.as_str()));
    assert_eq!((headers.get("host"), &body[..]), (None, &b"{\"a\":1}"[..]));
    assert_eq!(headers["content-length"], "7");
    assert_eq!(headers["user-agent"], "InboxOps-Webhooks/1.0");
    worker.deliver(300, 1, 1);
    assert!(worker.outcomes(300).await.iter().all(|outcome| outcome.response_status == 200));
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 1);
    for _ in 0..300 {
        assert!(receiver.seen.try_recv().is_ok());
    }
    assert!(receiver.seen.try_recv().is_err());
    assert_eq!(worker.stop().await.len(), 0);
}

#[tokio::test]
async fn an_http2_connection_that_was_closed_while_idle_costs_no_attempt() {
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(authority.server("hooks.example", 2100, &[b"h2"]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://hooks.example:{}/", listener.local_addr().unwrap().port());
    let (sender, mut seen) = mpsc::unbounded_channel();
    let (closed, mut closings) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let stream = acceptor.accept(tcp).await.unwrap();
            let asked = Arc::new(tokio::sync::Notify::new());
            let (asks, sender) = (asked.clone(), sender.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                asks.notify_one();
                answer(request, sender.clone())
            });
            let io = TokioIo::new(stream);
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let mut served = std::pin::pin!(builder.serve_connection(io, service));
            tokio::select! {
                _ = served.as_mut() => {}
                () = asked.notified() => {
                    // Announces the end after the one response.
                    served.as_mut().graceful_shutdown();
                    let _ = served.await;
                }
            }
            let _ = closed.send(());
        }
    });
    let mut worker = TestWorker::start(authority.trusted(settings())).await;
    for _ in 0..20 {
        let outcome = worker.once(&url).await;
        assert_eq!((outcome.response_status, outcome.error_code.as_str()), (200, ""));
        soon(closings.recv()).await;
        assert!(seen.try_recv().is_ok() && seen.try_recv().is_err());
    }
}

#[tokio::test]
async fn an_http2_connection_without_answers_is_not_used_again() {
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(authority.server("hooks.example", 2100, &[b"h2"]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://hooks.example:{}/", listener.local_addr().unwrap().port());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut visits = JoinSet::new();
        while let Ok((tcp, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let stream = acceptor.accept(tcp).await.unwrap();
            let service =
                service_fn(|_: Request<Incoming>| std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>());
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            visits.spawn(async move { drop(builder.serve_connection(TokioIo::new(stream), service).await) });
        }
    });
    let mut worker = TestWorker::start(authority.trusted(hasty(300))).await;
    for n in 1..=3 {
        assert_eq!(worker.once(&url).await.error_code, "timeout");
        assert_eq!(connections.load(Ordering::SeqCst), n);
    }
}

#[tokio::test]
async fn bad_certificates_are_told_apart() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (config, code) in [
        (authority.server("hooks.example", 2021, &[]), "tls_expired"),
        (authority.server("other.example", 2100, &[]), "tls_hostname"),
        (stranger.server("hooks.example", 2100, &[]), "tls_untrusted"),
    ] {
        let mut receiver = Secure::start(config).await;
        let mut worker = TestWorker::start(authority.trusted(settings())).await;
        let outcome = worker.once(&format!("https://hooks.example:{}/", receiver.port)).await;
        assert_eq!((outcome.response_status, outcome.error_code.as_str()), (0, code));
        assert!(!outcome.not_sent);
        assert!(receiver.seen.try_recv().is_err(), "{code}");
    }
}

#[tokio::test]
async fn an_unknown_issuer_is_named_and_what_was_sent_is_counted() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let receiver = Secure::start(stranger.server("hooks.example", 2100, &[])).await;
    let mut worker = TestWorker::start(authority.trusted(settings())).await;
    let outcome = worker.once(&format!("https://hooks.example:{}/", receiver.port)).await;
    assert_eq!(
        outcome.error,
        "The server's certificate is not signed by an authority that we trust: its issuer “Authority of a test” is \
         not known. The server sent 1 certificate; perhaps an intermediate certificate is missing."
    );
}

#[tokio::test]
async fn a_wanted_client_certificate_is_told_in_every_version_of_tls() {
    let authority = Authority::new();
    for (version, alpn) in [(&TLS12, &[][..]), (&TLS13, &[]), (&TLS12, &[&b"h2"[..]]), (&TLS13, &[&b"h2"[..]])] {
        let config = authority.speaking("hooks.example", 2100, alpn, &[version], true);
        let receiver = Secure::start(config).await;
        let mut worker = TestWorker::start(authority.trusted(settings())).await;
        worker.configure(endpoint(1, 1, &format!("https://hooks.example:{}/", receiver.port)));
        worker.deliver(20, 1, 1);
        for outcome in worker.outcomes(20).await {
            let told = (outcome.error_code.as_str(), outcome.error.as_str());
            let expected = "The server demands a client certificate, and we have none.";
            assert_eq!(told, ("tls_client_certificate", expected), "{version:?} {alpn:?}");
        }
    }
}

#[tokio::test]
async fn sessions_are_resumed_although_handshakes_are_noted() {
    let authority = Authority::new();
    let receiver = Secure::start(authority.server("hooks.example", 2100, &[])).await;
    let mut settings = authority.trusted(settings());
    settings.limits.idle = std::time::Duration::ZERO;
    let mut worker = TestWorker::start(settings).await;
    for _ in 0..5 {
        assert_eq!(worker.once(&format!("https://hooks.example:{}/", receiver.port)).await.response_status, 200);
    }
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 5);
    assert_eq!(receiver.resumed.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn an_authority_can_be_added_to_the_systems() {
    let authority = Authority::new();
    let receiver = Secure::start(authority.server("hooks.example", 2100, &[])).await;
    let mut added = authority.trusted(settings());
    added.trust = Trust::SystemAnd(vec![authority.certificate.clone()]);
    let mut worker = TestWorker::start(added).await;
    assert_eq!(worker.once(&format!("https://hooks.example:{}/", receiver.port)).await.response_status, 200);
}

#[tokio::test]
async fn the_systems_authorities_do_not_know_ours() {
    let authority = Authority::new();
    let receiver = Secure::start(authority.server("hooks.example", 2100, &[])).await;
    let mut system = authority.trusted(settings());
    system.trust = Trust::System;
    let mut worker = TestWorker::start(system).await;
    assert_eq!(worker.once(&format!("https://hooks.example:{}/", receiver.port)).await.error_code, "tls_untrusted");
}

#[tokio::test]
async fn a_receiver_without_tls_is_a_failed_handshake() {
    let authority = Authority::new();
    let receiver = Receiver::start(|mut visit| async move {
        use tokio::io::AsyncWriteExt as _;
        visit.tcp.write_all(OK.as_bytes()).await?;
        visit.hold().await
    })
    .await;
    let mut worker = TestWorker::start(authority.trusted(settings())).await;
    assert_eq!(worker.once(&format!("https://hooks.example:{}/", receiver.port)).await.error_code, "tls_handshake");
}

#[tokio::test]
async fn a_handshake_that_hangs_runs_into_the_connect_limit() {
    let authority = Authority::new();
    let receiver = Receiver::start(|mut visit| async move { visit.hold().await }).await;
    let mut settings = authority.trusted(hasty(300));
    settings.limits.request = std::time::Duration::from_secs(10);
    let mut worker = TestWorker::start(settings).await;
    worker.configure(endpoint(1, 1, &format!("https://hooks.example:{}/", receiver.port)));
    worker.deliver(1, 1, 1);
    assert_eq!(worker.outcomes(1).await[0].error_code, "connect_timeout");
}
