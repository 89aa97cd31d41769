//! `inboxops serve`: checks, binds, builds and runs the parts that the roles name, and drains them in order. It does
//! not know what the parts do.

use crate::{
    admin_client::{self, AdminClient},
    cores::Cores,
    demo::{self, Demo},
    error::{Error, Result},
    folder::{Folder, SocketFile},
    open_core, open_files,
    otlp::Otlp,
    parts,
    settings::Settings,
};
use inboxops_core::{Core, PublicSite};
use inboxops_edge::{Listener, Socket, Surface};
use inboxops_proto::{services::Services, transport::Transport};
use rustls::ServerConfig;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tonic::transport::Endpoint;

mod console;

/// Longest time that a start waits for a command that uses the data folder.
const LOCK_MAX: Duration = Duration::from_secs(2);

/// Runs until a signal stops it.
pub(crate) async fn serve(settings: Settings, json: bool) -> Result<()> {
    let tls = match &settings.tls {
        Some((cert, key)) => Some(inboxops_edge::tls::load(cert, key).map_err(Error::Tls)?),
        None => None,
    };
    parts::trust(&settings)?;
    let signals = parts::Signals::listen().map_err(|source| Error::Io { what: "listen for signals", source })?;
    open_files::raise();
    let otlp = Otlp::start(&settings)?;
    if settings.allow_private_targets {
        tracing::warn!("webhooks.allow_private_targets is on: webhooks may go to this machine itself and over http");
    }
    let bound = Listeners::bind(&settings, tls).await?;
    if settings.roles.core {
        with_core(settings, bound, otlp, signals, json).await
    } else {
        without_core(settings, bound, otlp, signals, json).await
    }
}

/// The TCP listeners.
struct Listeners {
    listeners: Vec<Listener>,
    /// Address for clients.
    address: Option<SocketAddr>,
    /// Address for edges, workers and programs of the operator.
    internal: Option<SocketAddr>,
    /// Address for probes and metrics alone.
    metrics: Option<SocketAddr>,
}

impl Listeners {
    async fn bind(settings: &Settings, tls: Option<Arc<ServerConfig>>) -> Result<Listeners> {
        let mut bound = Listeners { listeners: Vec::new(), address: None, internal: None, metrics: None };
        let internal = settings.internal_address();
        if settings.listens() {
            let surface = match (settings.roles.edge, settings.roles.core) {
                (true, _) => Surface::Public { internal: internal.is_none() },
                (false, true) => Surface::Internal,
                (false, false) => Surface::Probes,
            };
            bound.address = bound.add(settings.listen, surface, settings.measures_on_listen(), &tls).await?;
        }
        if let Some(address) = internal {
            let metrics = settings.metrics_listen.is_none();
            bound.internal = bound.add(address, Surface::Internal, metrics, &tls).await?;
        }
        if let Some(address) = settings.metrics_listen {
            bound.metrics = bound.add(address, Surface::Probes, true, &tls).await?;
        }
        Ok(bound)
    }

    /// Binds an address; returns the one that it got.
    async fn add(
        &mut self,
        address: SocketAddr,
        surface: Surface,
        metrics: bool,
        tls: &Option<Arc<ServerConfig>>,
    ) -> Result<Option<SocketAddr>> {
        let socket = bind(address).await?;
        let address = socket.local_addr().ok();
        self.listeners.push(Listener { socket: Socket::Tcp(socket), tls: tls.clone(), surface, metrics });
        Ok(address)
    }

    /// URL of the pages; `None` if an edge in another process serves them at an unknown address.
    fn pages_url(&self, settings: &Settings) -> Option<String> {
        self.urls(settings).public.filter(|_| settings.roles.edge || settings.public_url.is_some())
    }

    /// The URLs to print.
    fn urls(&self, settings: &Settings) -> Urls {
        let scheme = if settings.tls.is_some() { "https" } else { "http" };
        let url = |address: Option<SocketAddr>| address.map(|address| format!("{scheme}://{address}"));
        Urls {
            public: settings.public_url.clone().or_else(|| url(self.address)),
            internal: url(self.internal),
            metrics: url(self.metrics),
        }
    }
}

/// Where the listeners are reached.
struct Urls {
    public: Option<String>,
    internal: Option<String>,
    metrics: Option<String>,
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => Error::InUse { address },
        _ => Error::Listen { address, source },
    })
}

async fn with_core(
    settings: Settings,
    mut bound: Listeners,
    otlp: Option<Otlp>,
    signals: parts::Signals,
    json: bool,
) -> Result<()> {
    let folder = Folder::open(&settings.data_dir)?;
    // On PostgreSQL several processes may share a folder; the lock then decides which has the local socket.
    let lock = match folder.lock_within(LOCK_MAX).await {
        Ok(lock) => Some(lock),
        Err(error) if settings.on_sqlite() => return Err(error),
        Err(error) => {
            tracing::warn!(
                data_dir = %settings.data_dir.display(), %error,
                "this server has no local socket: administrative commands need --server or another data folder"
            );
            None
        }
    };
    folder.keep_private(settings.database_file());
    let (core, demo) = open(&settings, &folder).await?;
    let core = Arc::new(core);
    let office = AdminClient::inside(&core);
    let development = !matches!(demo, Stage::None) && settings.listen.ip().is_loopback();
    core.serves_at(PublicSite { url: bound.pages_url(&settings), development });
    let started = start_demo(&settings, &folder, &office, demo).await?;
    let socket = match &lock {
        Some(lock) => Some(folder.socket(lock)?),
        None => None,
    };
    let mut socket_file: Option<SocketFile> = None;
    if let Some((listener, file)) = socket {
        bound.listeners.push(Listener {
            socket: Socket::Unix(listener),
            tls: None,
            surface: Surface::Local,
            metrics: true,
        });
        socket_file = Some(file);
    }
    console::announce(&settings, bound.urls(&settings), &started, json);
    let receiver = started.receiver.map(|(listener, secret)| (listener, secret, console::teller(json)));
    let development = started.development;
    let ended = parts::run_with_core(&settings, core, bound.listeners, receiver, development, otlp, signals).await;
    drop((socket_file, lock));
    ended
}

/// The state of the demo before the core is opened for good.
enum Stage {
    /// No demo is wanted, or there are tenants already.
    None,
    /// The first start: the demo is created.
    First,
    /// An earlier start created it.
    Made(Demo),
}

/// Opens the core. Development mode must be known before that, and on a first start only the database knows, so a first
/// start opens the core twice.
async fn open(settings: &Settings, folder: &Folder) -> Result<(Core, Stage)> {
    let wanted = settings.demo && settings.roles.edge && settings.roles.worker;
    let made = if wanted { demo::remembered(folder)? } else { None };
    let loopback = settings.listen.ip().is_loopback();
    if let Some(demo) = made {
        let core = open_core::core(settings, settings.allow_private_targets || loopback).await?;
        return Ok((core, Stage::Made(demo)));
    }
    let core = open_core::core(settings, settings.allow_private_targets).await?;
    if !wanted || !demo::is_first_start(&AdminClient::inside(&core)).await? {
        return Ok((core, Stage::None));
    }
    if !loopback || settings.allow_private_targets {
        return Ok((core, Stage::First));
    }
    core.close().await;
    Ok((open_core::core(settings, true).await?, Stage::First))
}

/// The parts of the demo that the console prints and the server needs.
struct DemoStart {
    demo: Option<Demo>,
    /// The demo's API key and login link, at the first start.
    key: Option<String>,
    login_url: Option<String>,
    receiver: Option<(TcpListener, String)>,
    development: bool,
}

async fn start_demo(settings: &Settings, folder: &Folder, office: &AdminClient, stage: Stage) -> Result<DemoStart> {
    let development = !matches!(stage, Stage::None) && settings.listen.ip().is_loopback();
    let mut started = DemoStart { demo: None, key: None, login_url: None, receiver: None, development };
    if matches!(stage, Stage::None) {
        return Ok(started);
    }
    let mut listener = None;
    if development {
        tracing::warn!(
            "development mode: webhooks may go to this machine itself and over http; use --no-demo in production"
        );
        listener = Some(bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?);
    }
    let address = listener.as_ref().and_then(|listener| listener.local_addr().ok());
    let url = address.map(|address| format!("http://{address}/webhooks"));
    let endpoint = match stage {
        Stage::Made(demo) => {
            let endpoint = match url {
                Some(url) => demo::move_endpoint(office, &demo, url).await?,
                None => None,
            };
            started.demo = Some(demo);
            endpoint
        }
        _ => {
            let demo::NewDemo { demo, key, login_url } = demo::create(office, folder, url).await?;
            let endpoint = demo.endpoint.clone();
            started.demo = Some(demo);
            started.key = Some(key);
            started.login_url = login_url;
            endpoint
        }
    };
    started.receiver = listener.zip(endpoint.map(|endpoint| endpoint.secret));
    Ok(started)
}

async fn without_core(
    settings: Settings,
    bound: Listeners,
    otlp: Option<Otlp>,
    signals: parts::Signals,
    json: bool,
) -> Result<()> {
    let Some(token) = &settings.token else {
        return Err(Error::Setting("token: an edge or a worker needs a service token".to_owned()));
    };
    let token = admin_client::token(token)?;
    let endpoints: Vec<Endpoint> =
        settings.cores.iter().map(|core| admin_client::endpoint(core)).collect::<Result<_>>()?;
    // A worker's connections are made at their first use, and again after an outage of a core.
    let each: Vec<Services> =
        endpoints.iter().map(|endpoint| Services::remote(endpoint.connect_lazy(), token.clone())).collect();
    let cores = Arc::new(Cores::new(endpoints));
    let services = Services::remote(Transport::Chosen(cores.clone()), token);
    let started = DemoStart { demo: None, key: None, login_url: None, receiver: None, development: false };
    console::announce(&settings, bound.urls(&settings), &started, json);
    parts::run_without_core(&settings, &services, cores, &each, bound.listeners, otlp, signals).await
}
