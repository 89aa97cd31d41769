//! Parsers of single values.

use crate::error::{Error, Result};
use inboxops_edge::AccessLog;
use std::{path::Path, str::FromStr};

/// Parts that run in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roles {
    pub(crate) core: bool,
    pub(crate) edge: bool,
    pub(crate) worker: bool,
}

impl FromStr for Roles {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Roles, &'static str> {
        let mut roles = Roles::default();
        for role in text.split(',').map(str::trim) {
            match role {
                "core" => roles.core = true,
                "edge" => roles.edge = true,
                "worker" => roles.worker = true,
                _ => return Err("must name core, edge, worker, separated by commas"),
            }
        }
        Ok(roles)
    }
}

/// Format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<LogFormat, &'static str> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("must be text or json"),
        }
    }
}

/// A valid log filter.
#[derive(Clone, Debug)]
pub(crate) struct Level(pub(crate) String);

impl FromStr for Level {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Level, &'static str> {
        match tracing_subscriber::EnvFilter::try_new(text) {
            Ok(_) => Ok(Level(text.to_owned())),
            Err(_) => Err("must be error, warn, info, debug, trace or a list such as info,inboxops_core=debug"),
        }
    }
}

pub(super) fn access_log(text: &str) -> std::result::Result<AccessLog, &'static str> {
    match text {
        "off" => Ok(AccessLog::Off),
        "failures" => Ok(AccessLog::Failures),
        "all" => Ok(AccessLog::All),
        _ => Err("must be off, failures or all"),
    }
}

/// The values of a TOML file by path.
pub(super) fn from_file(path: &Path) -> Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::ConfigFile { path: path.to_owned(), source })?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Error::Setting(format!("{} line {line}: {}", path.display(), error.message().replace('\n', ", ")))
    })?;
    let mut values = Vec::new();
    flatten("", &toml::Value::Table(table), &mut values)
        .map_err(|name| Error::Setting(format!("{name} in {}: has a form that no setting has", path.display())))?;
    Ok(values)
}

fn flatten(name: &str, value: &toml::Value, into: &mut Vec<(String, String)>) -> std::result::Result<(), String> {
    let text = match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(&name, value, into)?;
            }
            return Ok(());
        }
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(yes) => yes.to_string(),
        toml::Value::Array(items) => {
            let items: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            items.ok_or(name)?.join(",")
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) => return Err(name.to_owned()),
    };
    into.push((name.to_owned(), text));
    Ok(())
}

/// A database URL without its password, to show.
pub(crate) fn without_password(url: &str) -> String {
    let masked = || {
        let (scheme, rest) = url.split_once("://")?;
        // The last one: a password may contain another.
        let (user_info, place) = rest.rsplit_once('@')?;
        let (user, _) = user_info.split_once(':')?;
        Some(format!("{scheme}://{user}:***@{place}"))
    };
    let shown = masked().unwrap_or_else(|| url.to_owned());
    // libpq's other place for the password.
    match shown.split_once("password=") {
        Some((before, after)) => {
            let rest = after.find('&').map_or("", |end| &after[end..]);
            format!("{before}password=***{rest}")
        }
        None => shown,
    }
}
