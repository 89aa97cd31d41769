//! HTTP/2 streams that the receiver did not process, or that ended with their connection.

use crate::{
    support::{TestWorker, endpoint, settings},
    tls::Authority,
};
use bytes::Bytes;
use h2::{Reason, RecvStream, server::SendResponse};
use http::{Request, Response};
use inboxops_proto::internal::v1::Outcome;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

type Connection = h2::server::Connection<TlsStream<TcpStream>, Bytes>;
type Stream = (Request<RecvStream>, SendResponse<Bytes>);

/// A receiver that speaks HTTP/2 frame by frame.
struct Frames {
    url: String,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Frames {
    /// Runs `behave` for each connection.
    async fn start<F, R>(authority: &Authority, behave: F) -> Frames
    where
        F: Fn(usize, Connection) -> R + Send + Sync + 'static,
        R: Future<Output = Option<()>> + Send + 'static,
    {
        let acceptor = TlsAcceptor::from(authority.server("hooks.example", 2100, &[b"h2"]));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://hooks.example:{}/hook", listener.local_addr().unwrap().port());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut visits = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                let n = count.fetch_add(1, Ordering::SeqCst);
                let Ok(tls) = acceptor.accept(tcp).await else { continue };
                let Ok(connection) = h2::server::handshake(tls).await else { continue };
                let visit = behave(n, connection);
                visits.spawn(async move {
                    visit.await;
                });
            }
        });
        Frames { url, connections, _tasks: tasks }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The next stream, with its body read.
async fn next(connection: &mut Connection) -> Option<Stream> {
    connection.accept().await?.ok()
}

fn ok(stream: &mut Stream) -> Option<()> {
    stream.1.send_response(Response::new(()), true).ok().map(drop)
}

/// Continues with a connection until the other side ends it.
async fn flush(mut connection: Connection) -> Option<()> {
    while connection.accept().await.is_some() {}
    Some(())
}

/// Answers every request.
async fn serve(mut connection: Connection) -> Option<()> {
    loop {
        ok(&mut next(&mut connection).await?)?;
    }
}

async fn worker(authority: &Authority, receiver: &Frames) -> TestWorker {
    let worker = TestWorker::start(authority.trusted(settings())).await;
    worker.configure(endpoint(1, 1, &receiver.url));
    worker
}

fn codes(outcomes: &[Outcome]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome.error_code.as_str()).collect()
}

#[tokio::test]
async fn a_refused_stream_was_not_processed_also_on_a_new_connection() {
    let authority = Authority::new();
    let receiver = Frames::start(&authority, |_, mut connection| async move {
        let mut stream = next(&mut connection).await?;
        stream.1.send_reset(Reason::REFUSED_STREAM);
        serve(connection).await
    })
    .await;
    let mut worker = worker(&authority, &receiver).await;
    worker.deliver(1, 1, 1);
    assert_eq!(codes(&worker.outcomes(1).await), ["stale_connection"]);
    // Only once: a second refusal is a failure.
    worker.deliver_fresh(1, 1, 1);
    assert_eq!(codes(&worker.outcomes(1).await), ["connection_reset"]);
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn a_stream_that_is_reset_alone_is_a_failure() {
    let authority = Authority::new();
    for reason in [Reason::INTERNAL_ERROR, Reason::CANCEL, Reason::PROTOCOL_ERROR, Reason::ENHANCE_YOUR_CALM] {
        let receiver = Frames::start(&authority, move |_, mut connection| async move {
            let mut stream = next(&mut connection).await?;
            stream.1.send_reset(reason);
            serve(connection).await
        })
        .await;
        let mut worker = worker(&authority, &receiver).await;
        worker.deliver(1, 1, 1);
        assert_eq!(codes(&worker.outcomes(1).await), ["connection_reset"], "{reason:?}");
    }
}

#[tokio::test]
async fn streams_that_fall_with_their_connection_are_stale() {
    let authority = Authority::new();
    for goodbye in [None, Some(Reason::NO_ERROR), Some(Reason::PROTOCOL_ERROR), Some(Reason::ENHANCE_YOUR_CALM)] {
        let receiver = Frames::start(&authority, move |n, mut connection| async move {
            if n > 0 {
                return serve(connection).await;
            }
            ok(&mut next(&mut connection).await?)?;
            let mut held = Vec::new();
            while held.len() < 5 {
                held.push(next(&mut connection).await?);
            }
            if let Some(reason) = goodbye {
                connection.abrupt_shutdown(reason);
                return flush(connection).await;
            }
            drop(connection);
            Some(())
        })
        .await;
        let mut worker = worker(&authority, &receiver).await;
        worker.deliver(1, 1, 1);
        assert_eq!(codes(&worker.outcomes(1).await), [""]);
        worker.deliver(5, 1, 1);
        assert_eq!(codes(&worker.outcomes(5).await), ["stale_connection"; 5], "{goodbye:?}");
        assert_eq!(receiver.connections(), 1);
        // Each over its own connection, so that none ends with another.
        worker.deliver_fresh(5, 1, 1);
        assert_eq!(codes(&worker.outcomes(5).await), [""; 5]);
        assert_eq!(receiver.connections(), 6);
    }
}

#[tokio::test]
async fn a_neighbour_that_was_answered_stays_answered_when_the_connection_ends() {
    let authority = Authority::new();
    let receiver = Frames::start(&authority, |_, mut connection| async move {
        ok(&mut next(&mut connection).await?)?;
        let mut first = next(&mut connection).await?;
        let _second = next(&mut connection).await?;
        ok(&mut first)?;
        // It has left by the time another one arrives.
        let _third = next(&mut connection).await?;
        connection.abrupt_shutdown(Reason::PROTOCOL_ERROR);
        flush(connection).await
    })
    .await;
    let mut worker = worker(&authority, &receiver).await;
    worker.deliver(1, 1, 1);
    worker.outcomes(1).await;
    worker.deliver(2, 1, 1);
    assert_eq!(codes(&worker.outcomes(1).await), [""]);
    worker.deliver(1, 1, 1);
    assert_eq!(codes(&worker.outcomes(2).await), ["stale_connection"; 2]);
}

#[tokio::test]
async fn a_goodbye_lets_what_is_under_way_end_and_takes_nothing_new() {
    let authority = Authority::new();
    let receiver = Frames::start(&authority, |n, mut connection| async move {
        if n > 0 {
            return serve(connection).await;
        }
        ok(&mut next(&mut connection).await?)?;
        let mut held = next(&mut connection).await?;
        connection.graceful_shutdown();
        ok(&mut held)?;
        flush(connection).await
    })
    .await;
    let mut worker = worker(&authority, &receiver).await;
    for _ in 0..4 {
        worker.deliver(1, 1, 1);
        assert_eq!(codes(&worker.outcomes(1).await), [""]);
    }
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn an_answer_that_is_no_http2_is_an_invalid_response() {
    let authority = Authority::new();
    let receiver = Frames::start(&authority, |_, mut connection| async move {
        let mut stream = next(&mut connection).await?;
        let mut answer = Response::new(());
        answer.headers_mut().insert("content-length", "7".parse().ok()?);
        let mut body = stream.1.send_response(answer, false).ok()?;
        body.send_data(Bytes::from_static(b"more than seven"), true).ok()?;
        flush(connection).await
    })
    .await;
    let mut worker = worker(&authority, &receiver).await;
    // The status counts, as with any broken body.
    worker.deliver(1, 1, 1);
    let outcome = worker.outcomes(1).await.remove(0);
    assert_eq!((outcome.response_status, outcome.error_code.as_str()), (200, ""));
}

#[tokio::test]
async fn a_head_of_many_headers_is_read() {
    let authority = Authority::new();
    let receiver = Frames::start(&authority, |_, mut connection| async move {
        let mut stream = next(&mut connection).await?;
        let mut answer = Response::new(());
        for n in 0..300 {
            let name = http::HeaderName::try_from(format!("x-{n}")).ok()?;
            answer.headers_mut().insert(name, "y".repeat(200).parse().ok()?);
        }
        stream.1.send_response(answer, true).ok()?;
        flush(connection).await
    })
    .await;
    let mut worker = worker(&authority, &receiver).await;
    worker.deliver(1, 1, 1);
    let outcome = worker.outcomes(1).await.remove(0);
    assert_eq!((outcome.response_status, outcome.error_code.as_str()), (200, ""));
}
