//! The only place that opens connections to customers. Every attempt makes at most one request: no redirects, no proxy,
//! no cookies, no hidden retries. The name is resolved here, every address is checked, and the connection goes to the
//! address that was checked.

mod connection;
mod connection_end;
mod heard;
mod idle;
mod pool;
mod resolve;
mod tls;

pub use pool::IDLE_CONNECTIONS_MAX;
pub use resolve::{Addresses, Resolve, Resolver};
pub use tls::{Trust, Unreadable};

use crate::{
    outcome::{self, AttemptFailure},
    request::{Endpoint, SignedRequest},
};
use connection::{Connection, Outgoing, Tasks};
use connection_end::Use;
use heard::Transcript;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use inboxops_proto::{
    FailureCode,
    address::{self, AllowPrivate},
    limits,
};
use pool::Pool;
use resolve::Lookups;
use rustls::pki_types::ServerName;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};
use tls::Tls;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout_at,
};
use url::Host;
use uuid::Uuid;

/// Greatest part of a body that is read, in bytes; then the connection is closed.
pub const READ_MAX_BYTES: usize = 64 * 1024;
/// Greatest number of reused connections that are tried before a new one is opened.
const STALE_MAX: usize = 3;

/// Time limits of an attempt and of connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// DNS lookup.
    pub dns: Duration,
    /// Connecting, including TLS.
    pub connect: Duration,
    /// The whole attempt, including the response body.
    pub request: Duration,
    /// An idle connection, whatever its receiver announces.
    pub idle: Duration,
    /// A connection in use. After it the name is resolved and its addresses are checked again.
    pub age: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            dns: Duration::from_secs(3),
            connect: Duration::from_secs(5),
            request: Duration::from_secs(limits::ANSWER_MAX_SECS),
            idle: Duration::from_secs(4),
            age: Duration::from_secs(60),
        }
    }
}

/// A response, with its body as far as it is recorded.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The first bytes of the body, as received.
    pub body: Vec<u8>,
}

/// Sends requests.
pub(crate) struct Sender {
    limits: Limits,
    allow: AllowPrivate,
    resolver: Resolver,
    lookups: Lookups,
    tls: Tls,
    pool: Pool,
    tasks: Tasks,
}

impl Sender {
    /// A sender without connections.
    ///
    /// # Errors
    /// If the trusted authorities cannot be read.
    pub(crate) fn new(
        limits: Limits,
        allow: AllowPrivate,
        resolver: Resolver,
        trust: &Trust,
    ) -> Result<Sender, rustls::Error> {
        let tls = Tls::new(trust)?;
        let pool = Pool::new(limits.idle, limits.age);
        let (lookups, tasks) = Default::default();
        Ok(Sender { limits, allow, resolver, lookups, tls, pool, tasks })
    }

    /// Sends one request to an endpoint; `key` is the endpoint's id and configuration version. A `fresh` request gets a
    /// connection of its own. The deadline counts from `begin`, when the lease was checked.
    ///
    /// # Errors
    /// Why there is no response.
    pub(crate) async fn send(
        &self,
        key: (Uuid, u32),
        endpoint: &Endpoint,
        signed: SignedRequest,
        fresh: bool,
        begin: Instant,
    ) -> Result<Answer, AttemptFailure> {
        let deadline = begin + self.limits.request;
        let mut request = Request::new(Full::new(signed.body));
        *request.method_mut() = Method::POST;
        *request.headers_mut() = signed.headers;
        let mut stale = 0;
        loop {
            let (mut connection, used) = if fresh {
                (Box::pin(self.connect(endpoint, deadline)).await?, Use::Fresh)
            } else {
                self.connection(key, endpoint, deadline, stale).await?
            };
            // A process that was suspended resumes here with its lease expired: check before the request is sent.
            if Instant::now() >= deadline {
                return Err(FailureCode::Timeout.into());
            }
            fit(&mut request, endpoint, &connection);
            let answered = timeout_at(deadline.into(), connection.send(request)).await;
            let mut error = match answered {
                Ok(Ok(response)) => return Ok(self.read(key, connection, response, deadline).await),
                Ok(Err(error)) => error,
                Err(_) => {
                    self.forget(key, &connection);
                    return Err(FailureCode::Timeout.into());
                }
            };
            self.forget(key, &connection);
            match error.take_message() {
                // The receiver closed it while it was idle, and nothing was written: not an attempt yet.
                Some(unsent) if used == Use::Again => request = unsent,
                Some(_) => return Err(connection_end::unsent(error.error(), &connection)),
                None => return connection_end::ended(error.error(), &connection, used),
            }
            stale += 1;
        }
    }

    /// Closes connections that have been idle too long.
    pub(crate) fn close_idle(&self) {
        self.pool.close_idle(Instant::now());
    }

    /// Closes all connections and joins their tasks.
    pub(crate) async fn end(&self) {
        self.tasks.end().await;
    }

    /// An idle connection or a new one, and whether it was used before.
    async fn connection(
        &self,
        key: (Uuid, u32),
        endpoint: &Endpoint,
        deadline: Instant,
        stale: usize,
    ) -> Result<(Connection, Use), AttemptFailure> {
        for _ in stale..STALE_MAX {
            match self.pool.take(&key, Instant::now()) {
                Some(mut connection) => {
                    if connection.ready().await {
                        return Ok((connection, Use::Again));
                    }
                }
                None => break,
            }
        }
        // Boxed: most requests need no new connection, and each future would otherwise contain the handshakes' state.
        let connection = Box::pin(self.connect(endpoint, deadline)).await?;
        if let Connection::Http2(shared) = &connection {
            self.pool.share(key, shared);
        }
        Ok((connection, Use::First))
    }

    /// Resolves, checks every address, connects to one of them.
    async fn connect(&self, endpoint: &Endpoint, deadline: Instant) -> Result<Connection, AttemptFailure> {
        let target = endpoint.target();
        let port = target.port();
        let addresses: Vec<IpAddr> = match target.host() {
            Host::Ipv4(ip) => vec![IpAddr::V4(*ip)],
            Host::Ipv6(ip) => vec![IpAddr::V6(*ip)],
            Host::Domain(name) => {
                let until = deadline.min(Instant::now() + self.limits.dns);
                let found = timeout_at(until.into(), self.lookups.lookup(&self.resolver, name)).await;
                found.ok().flatten().ok_or(FailureCode::DnsFailure)?.to_vec()
            }
        };
        if let Err(refusal) = address::check_ips(addresses.iter().copied(), self.allow) {
            return Err(AttemptFailure {
                code: FailureCode::BlockedAddress,
                sentence: format!("The URL {refusal}.").into(),
            });
        }
        let until = deadline.min(Instant::now() + self.limits.connect);
        let connecting = async {
            let tcp = connect_any(&addresses, port, until).await?;
            // Small messages are sent at once.
            tcp.set_nodelay(true).map_err(|error| connect_failure(&error))?;
            if target.is_https() {
                self.secure(target.host(), tcp).await
            } else {
                self.speak(tcp, Transcript::default(), false).await
            }
        };
        let connected = timeout_at(until.into(), connecting).await;
        connected.unwrap_or(Err(FailureCode::ConnectTimeout.into()))
    }

    async fn secure(&self, host: &Host, tcp: TcpStream) -> Result<Connection, AttemptFailure> {
        let name = match host {
            Host::Ipv4(ip) => ServerName::from(IpAddr::V4(*ip)),
            Host::Ipv6(ip) => ServerName::from(IpAddr::V6(*ip)),
            // A name that no certificate can contain, for example with an underscore at its end.
            Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|_| FailureCode::TlsHostname)?,
        };
        let (stream, asked) = self.tls.connect(name, tcp).await?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.speak(stream, Transcript::after_handshake(asked), http2).await
    }

    async fn speak<T>(&self, io: T, heard: Transcript, http2: bool) -> Result<Connection, AttemptFailure>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let connection = if http2 {
            Connection::http2(io, heard.clone(), &self.tasks).await
        } else {
            Connection::http1(io, heard.clone(), &self.tasks).await
        };
        connection.map_err(|_| connection_end::of_heard(&heard).unwrap_or(FailureCode::ConnectionReset.into()))
    }

    /// Reads as much of the body as is allowed. The response counts however the body ends; only after the whole body
    /// can the connection be reused.
    async fn read(
        &self,
        key: (Uuid, u32),
        connection: Connection,
        response: http::Response<Incoming>,
        deadline: Instant,
    ) -> Answer {
        let (head, mut incoming) = response.into_parts();
        let mut body = Vec::new();
        let mut read = 0;
        let complete = loop {
            match timeout_at(deadline.into(), incoming.frame()).await {
                Ok(None) => break true,
                Ok(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    read += data.len();
                    let room = outcome::BODY_MAX_BYTES - body.len();
                    body.extend_from_slice(&data[..data.len().min(room)]);
                    if read > READ_MAX_BYTES {
                        break false;
                    }
                }
                Ok(Some(Err(_))) | Err(_) => break false,
            }
        };
        drop(incoming);
        match connection {
            // An abandoned stream is reset; others on the connection continue.
            Connection::Http2(mut shared) => {
                shared.used = Instant::now();
                self.pool.rest(key, &shared);
            }
            Connection::Http1(_) if !complete => {}
            Connection::Http1(connection) => {
                self.pool.put(key, connection, idle::longest(&head.headers), Instant::now());
            }
        }
        Answer { status: head.status, headers: head.headers, body }
    }

    fn forget(&self, key: (Uuid, u32), connection: &Connection) {
        if let Connection::Http2(shared) = connection {
            self.pool.forget(&key, shared);
        }
    }
}

/// Adapts a request to the connection: HTTP/1.1 needs the path and `Host`, HTTP/2 the whole URL.
fn fit(request: &mut Outgoing, endpoint: &Endpoint, connection: &Connection) {
    match connection {
        Connection::Http1(_) => {
            *request.uri_mut() = endpoint.path().clone();
            request.headers_mut().insert(header::HOST, endpoint.host().clone());
        }
        Connection::Http2(_) => {
            *request.uri_mut() = endpoint.url().clone();
            request.headers_mut().remove(header::HOST);
        }
    }
}

/// Tries the addresses in the resolver's order. One that does not answer leaves half of the remaining time to the next.
async fn connect_any(addresses: &[IpAddr], port: u16, until: Instant) -> Result<TcpStream, FailureCode> {
    let mut last = FailureCode::ConnectTimeout;
    for (index, ip) in addresses.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        let share = if index + 1 < addresses.len() { left / 2 } else { left };
        match tokio::time::timeout(share, TcpStream::connect(SocketAddr::new(*ip, port))).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = connect_failure(&error),
            Err(_) => last = FailureCode::ConnectTimeout,
        }
        if last == FailureCode::InternalError {
            break;
        }
    }
    Err(last)
}

fn connect_failure(error: &io::Error) -> FailureCode {
    /// `EMFILE`, `ENFILE`: the numbers are the same on all supported systems.
    const TOO_MANY_FILES: &[i32] = &[24, 23];
    match error.kind() {
        io::ErrorKind::TimedOut => FailureCode::ConnectTimeout,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => FailureCode::ConnectionReset,
        // Out of ports, files or memory: a fault on our side, not the receiver's.
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory => FailureCode::InternalError,
        _ if error.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code)) => FailureCode::InternalError,
        _ => FailureCode::ConnectRefused,
    }
}
