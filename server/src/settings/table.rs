//! The table of settings.

/// One setting.
#[derive(Debug)]
pub(crate) struct Row {
    /// Path: the key in the file, with a dot between table and key.
    pub(crate) path: &'static str,
    /// Default; empty means unset.
    pub(crate) default: &'static str,
    /// Unit or form of the value.
    pub(crate) unit: &'static str,
    /// Whether it is masked wherever it is shown.
    pub(crate) secret: bool,
    /// Its meaning, for the documentation.
    pub(crate) about: &'static str,
}

macro_rules! table {
    ($($path:literal $default:literal $unit:literal $kind:ident $about:literal;)*) => {
        /// Every setting, in the order of the documentation.
        pub(crate) const TABLE: &[Row] = &[$(Row {
            path: $path, default: $default, unit: $unit, secret: table!($kind), about: $about,
        },)*];
    };
    (secret) => { true };
    (plain) => { false };
}

table! {
    "roles" "core,edge,worker" "list" plain "Parts that run in this process: `core`, `edge`, `worker`.";
    "listen" "127.0.0.1:8080" "address:port" plain "Where REST, gRPC, grpc-web and the documents are served; a process with the role `core` alone serves gRPC for edges and workers here, a worker alone `/healthz`, `/readyz` and `/metrics`, if this is set. Port 0 takes a free one. An address that is not loopback needs TLS or `behind_proxy`.";
    "internal_listen" "" "address:port" plain "Where gRPC for edges, workers and programs of the operator is served. When set, `listen` no longer serves the packages `inboxops.internal.*`.";
    "metrics_listen" "" "address:port" plain "Where `/metrics` is served, with `/healthz` and `/readyz`, and nothing else. Unset: on `internal_listen`; without one on `listen`, if that is a loopback address and `behind_proxy` is off; else nowhere.";
    "behind_proxy" "false" "true, false or networks" plain "A proxy in front speaks TLS and names the client in `X-Forwarded-For`. Networks (`10.0.0.0/8,::1/128`): the client is the last entry outside them, and from a peer outside them the header is not read. `true`: the last entry, whoever sends it.";
    "public_url" "" "URL" plain "URL at which clients reach the server, without a path: login links and `servers` of the OpenAPI documents begin with it, browsers may use its host name besides IP addresses and `localhost`, and with https the session cookie is sent over TLS only. Unset: `http://` and the address of `listen`.";
    "tls.cert" "" "file" plain "Certificate chain in PEM; with `tls.key`, `listen`, `internal_listen` and `metrics_listen` speak TLS.";
    "tls.key" "" "file" plain "Private key in PEM.";
    "tls.extra_ca_file" "" "file" plain "Certificate authorities in PEM that are trusted for receivers besides the public ones, for example that of a private network.";
    "data_dir" "data" "folder" plain "Folder of the SQLite database, the master key and the local socket `inboxops.sock`.";
    "database_url" "" "URL" plain "`sqlite:FILE` or `postgres://…`; unset: `inboxops.db` in the data folder. A password in it is masked when shown.";
    "database_url_file" "" "file" plain "File that holds `database_url`.";
    "write_group_max" "" "writes" plain "Greatest number of writes that share a transaction; unset: 256 on SQLite, 64 on PostgreSQL. 1 gives every write its own, which is many times slower.";
    "master_key" "" "32 bytes in base64" secret "Key that encrypts webhook secrets in the database.";
    "master_key_file" "" "file" plain "File that holds the master key; unset: `master.key` in the data folder. Created at the first start, readable by its owner alone.";
    "demo" "true" "true or false" plain "Create a demo tenant at the first start. With it and a loopback listener the server is in development mode: webhooks may go to this machine itself and over http.";
    "core" "" "URLs" plain "Cores of an edge or a worker that runs as a separate process, separated by commas. An edge calls those that serve, in turn; a worker takes deliveries from all.";
    "server" "" "URL" plain "Server that administrative commands call; unset: the one whose socket is in the data folder, or without one the database itself.";
    "token" "" "`ixs_…`" secret "Service token for `core` and `server`.";
    "token_file" "" "file" plain "File that holds `token`.";
    "webhooks.allow_private_targets" "false" "true or false" plain "Webhooks may go to this machine itself (loopback) and over http.";
    "webhooks.behind_after_seconds" "60" "seconds" plain "An endpoint whose deliveries have been due for this long is shown as behind.";
    "worker.window" "512" "deliveries" plain "Greatest number of unreported deliveries that a worker holds from each core; 1 to 1,024.";
    "rate_limit.requests_per_minute" "100" "requests in 60 s" plain "Requests that a tenant may make, all its keys together, unless it has a limit of its own.";
    "rate_limit.failed_auth_per_minute" "60" "requests in 60 s" plain "Requests with a wrong credential that one client address (for IPv6 a network of 64 bits) may make before they are refused unread.";
    "log_format" "text" "text or json" plain "Format of the log on standard error.";
    "log_level" "info,sqlx=warn" "filter" plain "What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a list such as `info,inboxops_core=debug`.";
    "access_log" "failures" "off, failures or all" plain "Requests that are logged: none; those that failed on the server's side or took over a second; all.";
    "otlp.endpoint" "" "URL" plain "OpenTelemetry collector that gets traces and metrics by OTLP over gRPC, for example `http://127.0.0.1:4317`. Unset: the standard variable `OTEL_EXPORTER_OTLP_ENDPOINT`; without either nothing is exported. See [telemetry.md](telemetry.md).";
    "otlp.propagate_to_receivers" "false" "true or false" plain "Webhooks carry a `traceparent`, so that a receiver can join our trace.";
}

/// Name of its environment variable: `rate_limit.x` → `INBOXOPS_RATE_LIMIT__X`.
pub(crate) fn environment_name(path: &str) -> String {
    format!("INBOXOPS_{}", path.replace('.', "__").to_ascii_uppercase())
}
