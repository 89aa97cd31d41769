//! An edge on a free port with a few routes, and a client that shows the bytes.

use axum::{Router, body::Body, routing};
use inboxops_edge::{Door, Listener, Settings, Socket, Surface, run};
use inboxops_proto::{
    documents::Documents,
    services::{self, Services},
    wire::Origin,
};
use std::{
    collections::HashMap,
    io::Read as _,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A document that is worth compressing.
pub(crate) const OPENAPI: &str = r#"{"openapi":"3.1.0","info":{"title":"x","version":"1"},"paths":{}}"#;
/// The same in the older version.
pub(crate) const OPENAPI_3_0: &str = r#"{"openapi":"3.0.3","info":{"title":"x","version":"1"},"paths":{}}"#;

/// Documents of a small API, and the reference of the real one.
pub(crate) fn documents() -> Documents {
    Documents { openapi: OPENAPI.into(), openapi_3_0: OPENAPI_3_0.into(), ..Documents::at(None) }
}

/// An edge that listens, and what a test decides about it.
pub(crate) struct TestEdge {
    pub address: SocketAddr,
    pub ready: Arc<AtomicBool>,
    pub shutdown: CancellationToken,
    pub running: JoinHandle<()>,
}

impl TestEdge {
    pub(crate) async fn open() -> TestEdge {
        TestEdge::with(Surface::Public { internal: true }, |_| {}).await
    }

    pub(crate) async fn with(surface: Surface, change: impl FnOnce(&mut Settings)) -> TestEdge {
        TestEdge::behind_tls(surface, None, change).await
    }

    pub(crate) async fn without_metrics(surface: Surface, change: impl FnOnce(&mut Settings)) -> TestEdge {
        TestEdge::on(surface, None, false, change).await
    }

    pub(crate) async fn behind_tls(
        surface: Surface,
        tls: Option<Arc<rustls::ServerConfig>>,
        change: impl FnOnce(&mut Settings),
    ) -> TestEdge {
        TestEdge::on(surface, tls, true, change).await
    }

    #[expect(clippy::disallowed_methods, reason = "the test joins the task through `running`")]
    async fn on(
        surface: Surface,
        tls: Option<Arc<rustls::ServerConfig>>,
        metrics: bool,
        change: impl FnOnce(&mut Settings),
    ) -> TestEdge {
        let ready = Arc::new(AtomicBool::new(true));
        let mut settings = Settings::new(|| 7);
        let asked = ready.clone();
        settings.ready = Arc::new(move || asked.load(Ordering::SeqCst));
        change(&mut settings);
        let shutdown = CancellationToken::new();
        let door = Door::of(routes(shutdown.clone()), nowhere().grpc(), &documents(), settings).expect("a door");
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let listeners = vec![Listener { socket: Socket::Tcp(socket), tls, surface, metrics }];
        let running = tokio::spawn(run(listeners, Arc::new(door), shutdown.clone()));
        TestEdge { address, ready, shutdown, running }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// Sends one HTTP/1.1 request and reads the answer.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        let mut stream = self.connect().await;
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.expect("a request");
        Answer::read(stream).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }
}

/// The services of an unreachable core.
fn nowhere() -> Services {
    let channel = tonic::transport::Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
    Services::remote(channel, "ixs_none".parse().expect("metadata"))
}

fn routes(shutdown: CancellationToken) -> Router {
    async fn origin(request: axum::extract::Request) -> String {
        let Origin { peer, way, request_id, same_origin, secure: _ } =
            request.extensions().get::<Origin>().cloned().expect("an origin");
        format!("{peer:?} {way:?} {request_id} {same_origin}")
    }
    async fn gone() -> &'static str {
        panic!("on purpose")
    }
    // Runs until after the drain has begun.
    let slow = || async move {
        shutdown.cancelled().await;
        "slow"
    };
    async fn endless() -> Body {
        Body::from_stream(futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(1024))))
    }
    async fn stream() -> http::Response<Body> {
        use futures_util::StreamExt as _;
        let first = futures_util::stream::iter([Ok::<_, std::io::Error>(": alive\n\n")]);
        let body = Body::from_stream(first.chain(futures_util::stream::pending()));
        http::Response::builder().header("content-type", "text/event-stream").body(body).expect("an answer")
    }
    services::routes(&nowhere())
        .route("/origin", routing::get(origin).post(origin))
        .route("/size/{n}", routing::get(|path: axum::extract::Path<usize>| async move { "x".repeat(*path) }))
        .route("/panic", routing::get(gone))
        .route("/slow", routing::get(slow))
        .route("/stream", routing::get(stream))
        .route("/endless", routing::get(endless))
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn read(mut stream: TcpStream) -> Answer {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.expect("an answer");
        Answer::parse(&bytes)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Answer {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a header block");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers: HashMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Answer { status: status.expect("a status"), headers, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn unpacked(&self) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*self.body).read_to_string(&mut text).expect("gzip");
        text
    }
}
