//! Finds the services for administrative commands: of the server that `--server` names, of the server whose socket is
//! in the data folder or, if none runs, of a core in this process, on a database that is there already. A command
//! cannot tell which: it sees the services.

use crate::{
    error::{self, Error, Result, in_one_line},
    folder::{self, Folder, Lock},
    open_core,
    settings::{Secret, Settings},
};
use hyper_util::rt::TokioIo;
use inboxops_core::Core;
use inboxops_proto::{
    services::{Services, Token},
    wire::{self, Origin, Way},
};
use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::net::UnixStream;
use tonic::{
    Request,
    metadata::MetadataValue,
    transport::{Channel, ClientTlsConfig, Endpoint},
};

/// Longest time for a server to accept the connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Longest time that a command waits for a server that starts or stops, or for another command.
const FOLDER_MAX: Duration = Duration::from_secs(10);
/// Time after which it looks for the socket again.
const LOCK_TURN: Duration = Duration::from_millis(200);
/// The address that requests over the socket name; nothing resolves it.
const LOCAL: &str = "http://inboxops.local";
/// How often a server is pinged, and how long it may take to answer.
const PING_EVERY: Duration = Duration::from_secs(20);

/// The services, with the credentials that every request of the operator carries.
pub(crate) struct AdminClient {
    services: Services,
    token: Option<Token>,
    /// The core that was opened for this command, with the lock on its folder.
    own: Option<(Core, Lock)>,
}

impl AdminClient {
    /// Finds the services.
    pub(crate) async fn open(settings: &Settings) -> Result<AdminClient> {
        if let Some(server) = &settings.server {
            let secret = settings.token.as_ref().ok_or_else(|| {
                let hint = "`inboxops token create` makes one";
                Error::Usage(format!("--server needs a service token in INBOXOPS_TOKEN; {hint}"))
            })?;
            let token = token(secret)?;
            let services = Services::remote(dial(server).await?, token.clone());
            return Ok(AdminClient { services, token: Some(token), own: None });
        }
        // A lock without a socket belongs to a server that starts or stops, or to another command: wait for either.
        let deadline = Instant::now() + FOLDER_MAX;
        loop {
            if let Some(channel) = local(folder::socket_path(&settings.data_dir)).await {
                // Only the operator can open the socket, so no token is needed.
                let services = Services::remote(channel, MetadataValue::from_static(""));
                return Ok(AdminClient { services, token: None, own: None });
            }
            if !folder::was_used(&settings.data_dir) {
                // Not even a folder is made where nothing is.
                open_core::must_exist(settings).await?;
            }
            match Folder::open(&settings.data_dir)?.lock_within(LOCK_TURN).await {
                Ok(lock) => {
                    let core = open_core::existing_core(settings).await?;
                    return Ok(AdminClient { services: core.services(), token: None, own: Some((core, lock)) });
                }
                Err(Error::Locked { .. }) if Instant::now() < deadline => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A running server, never a core in this process, since many such commands run at once. If none answers, the
    /// failure is temporary.
    pub(crate) async fn running(settings: &Settings) -> Result<AdminClient> {
        if settings.server.is_some() {
            return match AdminClient::open(settings).await {
                Err(error @ Error::NoAnswer { .. }) => {
                    Err(Error::TryAgain { code: error.code(), why: in_one_line(&error) })
                }
                other => other,
            };
        }
        let path = folder::socket_path(&settings.data_dir);
        let failed = |why| Error::TryAgain { code: error::NO_ANSWER, why };
        reach(&path, &settings.data_dir, "--server and a token").await.map_err(failed)?;
        let channel = local(path).await.ok_or_else(|| failed(no_server(&settings.data_dir)))?;
        Ok(AdminClient { services: Services::remote(channel, MetadataValue::from_static("")), token: None, own: None })
    }

    /// A client inside a server that has the core itself.
    pub(crate) fn inside(core: &Core) -> AdminClient {
        AdminClient { services: core.services(), token: None, own: None }
    }

    /// Whether a server answers, and not a core that ends with this command.
    pub(crate) fn reaches_server(&self) -> bool {
        self.own.is_none()
    }

    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// A request of the operator.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(bearer) = self.token.as_ref().and_then(bearer) {
            request.metadata_mut().insert("authorization", bearer);
        }
        // It has an effect in this process only: over a connection the listener states the origin.
        let origin = Origin {
            peer: None,
            way: Way::Local,
            request_id: "operator".to_owned(),
            same_origin: false,
            secure: false,
        };
        request.extensions_mut().insert(origin);
        request
    }

    /// A request of the operator for a tenant.
    pub(crate) fn request_for<T>(&self, tenant: &str, message: T) -> Result<Request<T>> {
        let mut request = self.request(message);
        let tenant = tenant.parse().map_err(|_| Error::Usage("--tenant must be the id of a tenant".to_owned()))?;
        request.metadata_mut().insert(wire::TENANT, tenant);
        Ok(request)
    }

    /// Shuts down its own core.
    pub(crate) async fn close(self) {
        if let Some((core, lock)) = self.own {
            core.close().await;
            drop(lock);
        }
    }
}

fn bearer(token: &Token) -> Option<Token> {
    format!("Bearer {}", token.to_str().ok()?).parse().ok()
}

/// A service token as metadata.
pub(crate) fn token(secret: &Secret) -> Result<Token> {
    let mut token: Token =
        secret.0.parse().map_err(|_| Error::Setting("token: must be a service token, ixs_…".to_owned()))?;
    token.set_sensitive(true);
    Ok(token)
}

/// Connects to a server; fails if it does not answer.
pub(crate) async fn dial(server: &str) -> Result<Channel> {
    let failed = |source| Error::NoAnswer { server: server.to_owned(), source };
    endpoint(server)?.connect().await.map_err(failed)
}

/// The services of a running server for calls with a customer's own key: of the one that `--server` names, of the one
/// whose socket is in the data folder, or of the one at the address of `listen`.
pub(crate) async fn customers(settings: &Settings) -> Result<Services> {
    let channel = match &settings.server {
        Some(server) => dial(server).await?,
        None => match local(folder::socket_path(&settings.data_dir)).await {
            Some(channel) => channel,
            None => dial(&format!("http://{}", settings.listen)).await?,
        },
    };
    Ok(Services::remote(channel, MetadataValue::from_static("")))
}

/// A server's endpoint, not yet connected. Its certificate must come from an authority that the system trusts or that
/// `SSL_CERT_FILE` names.
pub(crate) fn endpoint(server: &str) -> Result<Endpoint> {
    let failed = |source| Error::NoAnswer { server: server.to_owned(), source };
    let mut endpoint = Endpoint::from_shared(server.to_owned()).map_err(failed)?;
    if server.starts_with("https:") {
        endpoint = endpoint.tls_config(ClientTlsConfig::new().with_enabled_roots()).map_err(failed)?;
    }
    Ok(endpoint
        .connect_timeout(CONNECT_MAX)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY)
        .keep_alive_while_idle(true))
}

/// A channel to the server whose socket is in the data folder, with what to call the server. It connects again whenever
/// that server has restarted. Calls on it need credentials of their own.
pub(crate) async fn follow_local(settings: &Settings) -> Result<(Channel, String)> {
    let path = folder::socket_path(&settings.data_dir);
    reach(&path, &settings.data_dir, "--server").await.map_err(Error::NoServer)?;
    let name = format!("unix:{}", path.display());
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move { connect(&path).await.map(TokioIo::new) }
    });
    Ok((Endpoint::from_static(LOCAL).connect_with_connector_lazy(connector), name))
}

/// Tries the socket; says why there is no server. `other` are the words that name one.
async fn reach(path: &Path, folder: &Path, other: &str) -> std::result::Result<(), String> {
    match connect(path).await {
        Ok(_) => Ok(()),
        Err(refused) if refused.kind() == io::ErrorKind::PermissionDenied => Err(format!(
            "this user may not reach the server of the data folder {}; run the command as the user of the server, or \
             name the server with {other}",
            folder.display()
        )),
        Err(_) => Err(no_server(folder)),
    }
}

fn no_server(folder: &Path) -> String {
    format!("no server runs in the data folder {}, and --server names none", folder.display())
}

/// The server behind the socket file; `None` if nobody listens there.
async fn local(path: PathBuf) -> Option<Channel> {
    // Tried first, to distinguish the file of a dead process from a server that refuses.
    connect(&path).await.ok()?;
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move { connect(&path).await.map(TokioIo::new) }
    });
    Endpoint::from_static(LOCAL).connect_with_connector(connector).await.ok()
}

async fn connect(path: &Path) -> io::Result<UnixStream> {
    let short = folder::ShortPath::of(path)?;
    UnixStream::connect(short.path()).await
}
