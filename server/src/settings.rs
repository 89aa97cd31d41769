//! Settings: flags override the environment, which overrides the file, which overrides defaults. One table lists them
//! all; the documentation, the names of environment variables and `config print` are made from it. It does not know
//! which part of the server uses a value.

use crate::error::{Error, Result};
use inboxops_core::MasterKey;
use inboxops_edge::Proxies;
use inboxops_proto::limits::WORKER_WINDOW_MAX;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

mod table;
mod values;

pub(crate) use table::{Row, TABLE, environment_name};
pub(crate) use values::{Level, LogFormat, Roles, without_password};

/// Variables that look like settings but are none: perhaps misspelt, perhaps of another program.
pub(crate) fn strange_variables(all: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
    let known = |name: &str| {
        [CONFIG_VARIABLE, crate::listen::KEY_VARIABLE].contains(&name)
            || TABLE.iter().any(|row| environment_name(row.path) == name)
    };
    let names = all.filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name.starts_with("INBOXOPS_") && !known(name)).collect()
}

/// The form of a database URL.
const DATABASE_URL_FORM: &str = "sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME";
/// The variable that names the configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "INBOXOPS_CONFIG";

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// All settings, validated.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) roles: Roles,
    pub(crate) listen: SocketAddr,
    /// Whether `listen` is not the default: a worker listens only if it was told to.
    pub(crate) listen_is_set: bool,
    pub(crate) internal_listen: Option<SocketAddr>,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) behind_proxy: Proxies,
    pub(crate) public_url: Option<String>,
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) data_dir: PathBuf,
    pub(crate) database_url: String,
    pub(crate) write_group_max: Option<u32>,
    pub(crate) master_key: Option<MasterKey>,
    pub(crate) master_key_file: PathBuf,
    pub(crate) demo: bool,
    pub(crate) cores: Vec<String>,
    pub(crate) server: Option<String>,
    pub(crate) token: Option<Secret>,
    pub(crate) allow_private_targets: bool,
    /// Authorities in addition to the public ones.
    pub(crate) extra_ca_file: Option<PathBuf>,
    pub(crate) behind_after_seconds: u32,
    pub(crate) window: u32,
    pub(crate) requests_per_minute: u32,
    pub(crate) failed_auth_per_minute: u32,
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: Level,
    pub(crate) access_log: inboxops_edge::AccessLog,
    /// The OpenTelemetry collector; `OTEL_…` may name one as well.
    pub(crate) otlp_endpoint: Option<String>,
    pub(crate) propagate_to_receivers: bool,
}

/// The source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File(PathBuf),
    Environment(String),
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Environment(name) => f.write_str(name),
            Source::Flag => f.write_str("flag"),
        }
    }
}

/// The text of every setting, from the source that takes precedence.
#[derive(Debug)]
pub(crate) struct Effective(BTreeMap<&'static str, (String, Source)>);

impl Effective {
    /// Reads all sources. `environment` looks up a variable, so that a test need not change the process's own.
    pub(crate) fn read(
        flags: Vec<(&'static str, String)>,
        environment: impl Fn(&str) -> Option<String>,
        file: Option<&Path>,
    ) -> Result<Effective> {
        let mut values: BTreeMap<_, _> =
            TABLE.iter().map(|row| (row.path, (row.default.to_owned(), Source::Default))).collect();
        if let Some(path) = file {
            for (name, value) in values::from_file(path)? {
                let row = TABLE.iter().find(|row| row.path == name).ok_or_else(|| {
                    let problem = "no setting has this name; `inboxops config print` lists them";
                    Error::Setting(format!("{name} in {}: {problem}", path.display()))
                })?;
                values.insert(row.path, (value, Source::File(path.to_owned())));
            }
        }
        for row in TABLE {
            let name = environment_name(row.path);
            // An empty variable counts as unset.
            if let Some(value) = environment(&name).filter(|value| !value.is_empty()) {
                values.insert(row.path, (value, Source::Environment(name)));
            }
        }
        values.extend(flags.into_iter().map(|(path, value)| (path, (value, Source::Flag))));
        Ok(Effective(values))
    }

    /// The rows with their values; secrets are masked.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&'static Row, String, String)> {
        TABLE.iter().map(|row| {
            let (value, source) = self.of(row.path);
            let value = match row.path {
                _ if row.secret && !value.is_empty() => "***".to_owned(),
                "database_url" | "otlp.endpoint" => without_password(value),
                _ => value.to_owned(),
            };
            (row, value, source.to_string())
        })
    }

    /// Validates every value, and the values together.
    pub(crate) fn settings(&self) -> Result<Settings> {
        let data_dir = PathBuf::from(self.of("data_dir").0);
        let or_in = |path, name| match self.of(path).0 {
            "" => data_dir.join(name),
            given => PathBuf::from(given),
        };
        let database_url = match self.secret("database_url")? {
            Some(Secret(url)) if ["sqlite:", "postgres://", "postgresql://"].iter().any(|it| url.starts_with(it)) => {
                url
            }
            Some(_) => return Err(self.wrong_database_url()),
            None => format!("sqlite:{}", data_dir.join("inboxops.db").display()),
        };
        let tls = match (self.of("tls.cert").0, self.of("tls.key").0) {
            ("", "") => None,
            (cert, key) if !cert.is_empty() && !key.is_empty() => Some((PathBuf::from(cert), PathBuf::from(key))),
            _ => return Err(Error::Setting("tls.cert and tls.key: set both, or neither".to_owned())),
        };
        let settings = Settings {
            roles: self.parse("roles")?,
            listen: self.parse("listen")?,
            listen_is_set: *self.of("listen").1 != Source::Default,
            internal_listen: self.optional("internal_listen")?,
            metrics_listen: self.optional("metrics_listen")?,
            behind_proxy: self.parse("behind_proxy")?,
            public_url: self.public_url()?,
            tls,
            database_url,
            write_group_max: self.optional_within("write_group_max", 1..=1024)?,
            master_key: self.master_key()?,
            master_key_file: or_in("master_key_file", "master.key"),
            demo: self.parse("demo")?,
            cores: self.urls("core")?,
            server: self.urls("server")?.into_iter().next(),
            token: self.secret("token")?,
            allow_private_targets: self.parse("webhooks.allow_private_targets")?,
            extra_ca_file: self.optional("tls.extra_ca_file")?,
            behind_after_seconds: self.within("webhooks.behind_after_seconds", 1..=604_800)?,
            window: self.within("worker.window", 1..=WORKER_WINDOW_MAX)?,
            requests_per_minute: self.within("rate_limit.requests_per_minute", 1..=1_000_000)?,
            failed_auth_per_minute: self.within("rate_limit.failed_auth_per_minute", 1..=1_000_000)?,
            log_format: self.parse("log_format")?,
            log_level: self.parse("log_level")?,
            access_log: values::access_log(self.of("access_log").0)
                .map_err(|problem| self.wrong("access_log", problem))?,
            otlp_endpoint: self.urls("otlp.endpoint")?.into_iter().next(),
            propagate_to_receivers: self.parse("otlp.propagate_to_receivers")?,
            data_dir,
        };
        settings.fits_together()?;
        Ok(settings)
    }

    fn of(&self, path: &str) -> (&str, &Source) {
        self.0.get(path).map_or(("", &Source::Default), |(value, source)| (value, source))
    }

    fn parse<T: std::str::FromStr<Err: fmt::Display>>(&self, path: &'static str) -> Result<T> {
        self.of(path).0.parse().map_err(|problem: T::Err| self.wrong(path, problem))
    }

    fn optional<T: std::str::FromStr<Err: fmt::Display>>(&self, path: &'static str) -> Result<Option<T>> {
        if self.of(path).0.is_empty() { Ok(None) } else { self.parse(path).map(Some) }
    }

    fn optional_within(&self, path: &'static str, range: std::ops::RangeInclusive<u32>) -> Result<Option<u32>> {
        if self.of(path).0.is_empty() { Ok(None) } else { self.within(path, range).map(Some) }
    }

    fn within(&self, path: &'static str, range: std::ops::RangeInclusive<u32>) -> Result<u32> {
        let value = self.parse(path)?;
        if range.contains(&value) {
            return Ok(value);
        }
        Err(self.wrong(path, format!("must be from {} to {}", range.start(), range.end())))
    }

    /// URLs separated by commas; an empty list if it is unset.
    fn urls(&self, path: &'static str) -> Result<Vec<String>> {
        let well_formed = |text: &str| {
            let url: Option<http::Uri> = text.parse().ok();
            url.is_some_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some())
        };
        let texts =
            self.of(path).0.split(',').map(|text| text.trim().trim_end_matches('/')).filter(|text| !text.is_empty());
        let wrong = || self.wrong(path, "must be an http or https URL");
        texts.map(|text| if well_formed(text) { Ok(text.to_owned()) } else { Err(wrong()) }).collect()
    }

    /// The public URL. Pages, documents and links are made for the root of a host.
    fn public_url(&self) -> Result<Option<String>> {
        let url = self.urls("public_url")?.into_iter().next();
        let parts = url.as_ref().and_then(|url| url.parse::<http::Uri>().ok());
        if parts.and_then(|parts| parts.into_parts().path_and_query).is_none_or(|path| path == "/") {
            Ok(url)
        } else {
            Err(self.wrong("public_url", "must have no path: the server answers at the root of its host"))
        }
    }

    /// A secret, from its own setting or from the file of the setting `…_file`.
    fn secret(&self, path: &'static str) -> Result<Option<Secret>> {
        if !self.of(path).0.is_empty() {
            return Ok(Some(Secret(self.of(path).0.to_owned())));
        }
        let from = format!("{path}_file");
        let (file, _) = self.of(&from);
        if file.is_empty() {
            return Ok(None);
        }
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Some(Secret(text.trim().to_owned()))),
            Err(error) => Err(Error::Setting(format!("{from}: cannot read {file}: {error}"))),
        }
    }

    /// The error for a malformed database URL. The value may contain a password, so it is not shown.
    fn wrong_database_url(&self) -> Error {
        let path = if self.of("database_url").0.is_empty() { "database_url_file" } else { "database_url" };
        let (_, source) = self.of(path);
        Error::Setting(format!("{path} ({source}): must be {DATABASE_URL_FORM}"))
    }

    fn master_key(&self) -> Result<Option<MasterKey>> {
        match self.of("master_key").0 {
            "" => Ok(None),
            text => MasterKey::parse(text).map(Some).map_err(|error| self.wrong("master_key", error)),
        }
    }

    /// The error for a wrong value. It shows the value, unless that is a secret.
    fn wrong(&self, path: &'static str, problem: impl fmt::Display) -> Error {
        let (value, source) = self.of(path);
        let secret = TABLE.iter().any(|row| row.path == path && row.secret);
        let value = if secret { String::new() } else { format!(" {value:?}") };
        Error::Setting(format!("{path}{value} ({source}): {problem}"))
    }
}

impl Settings {
    /// Checks settings that depend on each other.
    fn fits_together(&self) -> Result<()> {
        let listeners = [self.listens().then_some(self.listen), self.internal_address(), self.metrics_listen];
        let open = listeners.into_iter().flatten().find(|at| !at.ip().is_loopback());
        if let Some(address) = open.filter(|_| self.tls.is_none() && !self.behind_proxy.are_in_front()) {
            let way_out = "set tls.cert and tls.key, or --behind-proxy when a proxy in front speaks TLS";
            return Err(Error::Setting(format!(
                "listen: {address} can be reached from outside and would send keys in the clear; {way_out}"
            )));
        }
        if !self.roles.core && (self.cores.is_empty() || self.token.is_none()) {
            return Err(Error::Setting(
                "an edge or a worker without a core in the same process needs --core URL and a service token in \
                 INBOXOPS_TOKEN (`inboxops token create` makes one)"
                    .to_owned(),
            ));
        }
        if self.roles.core && !self.cores.is_empty() {
            return Err(Error::Setting("core: this process is the core itself; leave --core out".to_owned()));
        }
        Ok(())
    }

    /// Whether the process listens on `listen`.
    pub(crate) fn listens(&self) -> bool {
        self.serves_calls() || self.listen_is_set
    }

    /// Whether it answers calls; a worker alone does not.
    fn serves_calls(&self) -> bool {
        self.roles.core || self.roles.edge
    }

    /// The address of the internal listener, if the process has one.
    pub(crate) fn internal_address(&self) -> Option<SocketAddr> {
        self.internal_listen.filter(|_| self.serves_calls())
    }

    /// Whether `/metrics` is on `listen`: if no other listener is more apart, and only this machine reaches `listen`.
    pub(crate) fn measures_on_listen(&self) -> bool {
        let apart = self.metrics_listen.or(self.internal_address()).is_some();
        !apart && self.listen.ip().is_loopback() && !self.behind_proxy.are_in_front()
    }

    /// Whether clients use TLS, terminated here or by a proxy in front.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some() || self.public_url.as_ref().is_some_and(|url| url.starts_with("https:"))
    }

    /// The host of the public URL.
    pub(crate) fn public_host(&self) -> Option<String> {
        let url: http::Uri = self.public_url.as_ref()?.parse().ok()?;
        url.host().map(str::to_owned)
    }

    /// The URL of the pages, as far as settings define it: port 0 is known only after binding.
    pub(crate) fn pages_url(&self) -> Option<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let listened = (self.listen.port() != 0).then(|| format!("{scheme}://{}", self.listen));
        self.public_url.clone().or(listened)
    }

    /// The file of an SQLite database.
    pub(crate) fn database_file(&self) -> Option<&Path> {
        let file = self.database_url.strip_prefix("sqlite:")?.split('?').next()?;
        Some(Path::new(file.trim_start_matches("//")))
    }

    /// Whether the database is SQLite, which only one process can use.
    pub(crate) fn on_sqlite(&self) -> bool {
        self.database_url.starts_with("sqlite:")
    }
}

#[cfg(test)]
mod tests;
