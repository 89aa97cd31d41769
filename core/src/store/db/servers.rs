//! The servers that a URL of PostgreSQL names, and which of them will do: a standby answers, but takes no writes. It
//! knows no table.

use super::{
    conn::{CONNECT_TIMEOUT, Purpose, STATEMENT_CACHE, is_lost},
    error::{Error, Result},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, postgres::PgConnectOptions};
use std::{
    io,
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use url::form_urlencoded;

/// Parameters that a URL of PostgreSQL may have. Whoever writes another one expects something that would not happen.
const PARAMETERS: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// The program's name in `pg_stat_activity`, if the URL gives no other.
const APPLICATION_NAME: &str = "inboxops";

/// What a server has to be, as `target_session_attrs` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Any,
    /// It takes writes.
    Writes,
    /// It is no standby.
    Primary,
}

impl Wanted {
    fn parse(name: &str) -> Result<Wanted> {
        match name {
            "any" => Ok(Wanted::Any),
            "read-write" => Ok(Wanted::Writes),
            "primary" => Ok(Wanted::Primary),
            _ => Err(Error::Url("target_session_attrs must be any, read-write or primary: cores write".into())),
        }
    }
}

/// The servers of a URL, in its order.
#[derive(Clone, Debug)]
pub(in crate::store) struct Servers {
    all: Vec<PgConnectOptions>,
    wanted: Wanted,
    /// The one that did last.
    last: Arc<AtomicUsize>,
}

impl Servers {
    /// Parses `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME?…`, or several hosts in the parameters `host` and
    /// `port`. Of several servers one that takes writes is wanted, unless the URL says otherwise.
    pub(in crate::store) fn parse(url: &str) -> Result<Servers> {
        let (front, query) = url.split_once('?').unwrap_or((url, ""));
        let query = query.split('#').next().unwrap_or_default();
        let (scheme, rest) = front.split_once("://").unwrap_or(("postgres", front));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, at_hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let (mut wanted, mut hosts, mut ports) = (None, Vec::new(), Vec::new());
        let mut common = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let several = || -> Vec<String> { value.split(',').map(str::to_owned).collect() };
            match &*name {
                "target_session_attrs" => wanted = Some(Wanted::parse(&value)?),
                "host" => hosts = several(),
                "port" => ports = several(),
                name if PARAMETERS.contains(&name) || (name.starts_with("options[") && name.ends_with(']')) => {
                    common.append_pair(name, &value);
                }
                // Its value is left out: it may be a secret.
                name => return Err(Error::Parameter(name.to_owned())),
            }
        }
        let common = common.finish();
        let places: Vec<(&str, Option<&String>)> = if hosts.is_empty() {
            at_hosts.split(',').map(|place| (place, None)).collect()
        } else {
            // It takes the place of a host before the path, without which a URL with a user cannot be parsed.
            let place = if at_hosts.is_empty() || at_hosts.contains(',') { "localhost" } else { at_hosts };
            hosts.iter().map(|host| (place, Some(host))).collect()
        };
        if ports.len() > 1 && ports.len() != places.len() {
            return Err(Error::Url("the URL must have one port, or as many as hosts".into()));
        }
        let server = |(at, (place, host)): (usize, &(&str, Option<&String>))| {
            let mut query = form_urlencoded::Serializer::new(common.clone());
            if let Some(host) = host {
                query.append_pair("host", host);
            }
            if let Some(port) = ports.get(at).or(ports.first()) {
                query.append_pair("port", port);
            }
            let options = PgConnectOptions::from_str(&format!("{scheme}://{user}{place}{path}?{}", query.finish()));
            options.map(settled).map_err(|error| Error::Url(Box::new(error)))
        };
        let all = places.iter().enumerate().map(server).collect::<Result<Vec<_>>>()?;
        let wanted = wanted.unwrap_or(if all.len() > 1 { Wanted::Writes } else { Wanted::Any });
        Ok(Servers { all, wanted, last: Arc::default() })
    }

    /// The location without a password, for the log.
    pub(super) fn name(&self) -> String {
        let places: Vec<_> = self.all.iter().map(|it| format!("{}:{}", it.get_host(), it.get_port())).collect();
        let database = self.all.first().and_then(PgConnectOptions::get_database).unwrap_or_default();
        format!("postgres://{}/{database}", places.join(","))
    }

    /// Longest time that [`Servers::connect`] may take.
    pub(super) fn connect_timeout(&self) -> Duration {
        CONNECT_TIMEOUT * u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }

    /// Connects to the first server that will do, beginning with the one that did last.
    pub(super) async fn connect(&self, purpose: Purpose) -> sqlx::Result<PgConnection> {
        let first = self.last.load(Ordering::Relaxed);
        let mut failed = sqlx::Error::Io(io::Error::other("none of the servers takes writes"));
        for at in (0..self.all.len()).map(|n| (first + n) % self.all.len()) {
            match tokio::time::timeout(CONNECT_TIMEOUT, self.open(&self.all[at], purpose)).await {
                Ok(Ok(Some(conn))) => {
                    self.last.store(at, Ordering::Relaxed);
                    return Ok(conn);
                }
                Ok(Ok(None)) => {}
                Ok(Err(error)) if is_lost(&error) => failed = error,
                Ok(Err(error)) => return Err(error),
                Err(_) => failed = sqlx::Error::Io(io::ErrorKind::TimedOut.into()),
            }
        }
        Err(failed)
    }

    /// A connection with its settings; `None` if the server is not of the wanted kind.
    async fn open(&self, server: &PgConnectOptions, purpose: Purpose) -> sqlx::Result<Option<PgConnection>> {
        let mut conn = PgConnection::connect_with(server).await?;
        sqlx::raw_sql(AssertSqlSafe(purpose.settings())).execute(&mut conn).await?;
        let check = match self.wanted {
            Wanted::Any => return Ok(Some(conn)),
            Wanted::Writes => "SELECT NOT current_setting('transaction_read_only')::boolean",
            Wanted::Primary => "SELECT NOT pg_is_in_recovery()",
        };
        // Not prepared: a pooler that shares sessions is told by `pooling`, not by a name that another connection took.
        if sqlx::raw_sql(check).fetch_one(&mut conn).await?.try_get::<bool, _>(0)? {
            return Ok(Some(conn));
        }
        conn.close().await?;
        Ok(None)
    }
}

/// What every connection has, whatever its URL says.
fn settled(options: PgConnectOptions) -> PgConnectOptions {
    // A pooler refuses a startup parameter that it does not know; PostgreSQL's own default is as exact.
    let options = options.extra_float_digits(None::<i8>).statement_cache_capacity(STATEMENT_CACHE);
    // Poolers know this one. It is how operators tell our sessions from others.
    if options.get_application_name().is_none() { options.application_name(APPLICATION_NAME) } else { options }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (String, Wanted) {
        let servers = Servers::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        (servers.name(), servers.wanted)
    }

    #[test]
    fn a_url_names_one_server_or_several() {
        for (url, name, wanted) in [
            ("postgres://u:p@h/d", "postgres://h:5432/d", Wanted::Any),
            ("postgresql://u:p%40@h:6/d?sslmode=disable", "postgres://h:6/d", Wanted::Any),
            ("postgres://u@h/d?target_session_attrs=primary", "postgres://h:5432/d", Wanted::Primary),
            ("postgres://u@a:1,b:2/d", "postgres://a:1,b:2/d", Wanted::Writes),
            ("postgres://u@a,[::1]:2/d?target_session_attrs=any", "postgres://a:5432,[::1]:2/d", Wanted::Any),
            ("postgres://u@h:6/d?host=a", "postgres://a:6/d", Wanted::Any),
            ("postgres://u@/d?host=a,b&port=1,2", "postgres://a:1,b:2/d", Wanted::Writes),
            ("postgres://u@a,b/d?port=7&target_session_attrs=read-write", "postgres://a:7,b:7/d", Wanted::Writes),
        ] {
            assert_eq!(parsed(url), (name.to_owned(), wanted), "{url}");
        }
        for url in
            ["postgres://u@a,b/d?port=1,2,3", "postgres://u@a/d?target_session_attrs=standby", "postgres://u@a:b/d"]
        {
            assert!(matches!(Servers::parse(url), Err(Error::Url(_))), "{url}");
        }
    }

    #[test]
    fn a_connection_tells_its_program() {
        for (url, name) in [("postgres://u@h/d", "inboxops"), ("postgres://u@h/d?application_name=desk", "desk")] {
            let servers = Servers::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(servers.all[0].get_application_name(), Some(name), "{url}");
        }
    }

    #[test]
    fn a_parameter_that_would_be_ignored_is_refused_by_its_name() {
        for (query, unknown) in [
            ("", None),
            ("?sslmode=disable&application_name=a", None),
            ("?host=/run/postgresql&options=-c%20a%3Db&options[jit]=on", None),
            ("?sslmod=require", Some("sslmod")),
            ("?sslmode=disable&connect_timeout=3", Some("connect_timeout")),
            ("?statement-cache-capacity=0", Some("statement-cache-capacity")),
            ("?options[jit=on", Some("options[jit")),
            ("?passwd=hidden", Some("passwd")),
        ] {
            let parsed = Servers::parse(&format!("postgres://u@h/d{query}"));
            match (parsed, unknown) {
                (Ok(_), None) => {}
                (Err(Error::Parameter(name)), Some(unknown)) => assert_eq!(name, unknown),
                (parsed, _) => panic!("{query}: {parsed:?}"),
            }
        }
    }
}
