//! Errors of commands: one line that says what to do, and the exit code.

use inboxops_proto::failure::Failure;
use std::{io, net::SocketAddr, path::PathBuf};

/// Exit code of a failure.
pub(crate) const EXIT_FAILED: u8 = 1;
/// Exit code of wrong usage; clap uses the same.
pub(crate) const EXIT_USAGE: u8 = 2;
/// Exit code of a temporary failure (`EX_TEMPFAIL` of sysexits.h): a mail server keeps the mail.
pub(crate) const EXIT_TRY_AGAIN: u8 = 75;
/// Exit code of a wrong configuration (`EX_CONFIG` of sysexits.h).
pub(crate) const EXIT_CONFIG: u8 = 78;

/// Code of a malformed command line.
pub(crate) const WRONG_USAGE: &str = "wrong_usage";
/// Code of a server that does not answer.
pub(crate) const NO_ANSWER: &str = "no_answer";

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Setting(String),
    #[error("cannot read the configuration file {}", path.display())]
    ConfigFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot use the TLS files; check tls.cert and tls.key")]
    Tls(#[source] inboxops_edge::Error),
    #[error("cannot use the certificate authorities in {}; check tls.extra_ca_file", path.display())]
    Authorities {
        path: PathBuf,
        #[source]
        source: inboxops_worker::Unreadable,
    },
    #[error("{address} is in use; stop the program that listens there, or choose another address with --listen")]
    InUse { address: SocketAddr },
    #[error("cannot listen on {address}; choose another address with --listen")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("cannot write to the data folder {}; make it writable, or choose another with --data-dir", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("another inboxops uses the data folder {}; stop it, or choose another with --data-dir", path.display())]
    Locked { path: PathBuf },
    #[error("cannot create the socket {}", path.display())]
    Socket {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot start the core")]
    Core(#[source] inboxops_core::Error),
    /// The value is not shown: it may contain a password, and a malformed URL does not show where.
    #[error("cannot read the URL in database_url (INBOXOPS_DATABASE_URL, --database-url)")]
    DatabaseUrl(#[source] inboxops_core::StoreError),
    #[error("cannot use the database that database_url names (INBOXOPS_DATABASE_URL, --database-url)")]
    Pooler(#[source] inboxops_core::StoreError),
    #[error("cannot open the database {url}")]
    Database {
        /// The URL without a password.
        url: String,
        #[source]
        source: inboxops_core::StoreError,
    },
    #[error(
        "there is no database of InboxOps at {url}, no server runs in the data folder {}, and --server names none; \
         name another place with --data-dir or --database-url, or make a database with `inboxops serve` or \
         `inboxops migrate`",
        folder.display()
    )]
    NoDatabase {
        /// The URL without a password.
        url: String,
        folder: PathBuf,
    },
    #[error("the master key file {} is missing, and the database's secrets are encrypted with it; restore the file, or set master_key", path.display())]
    MasterKeyMissing { path: PathBuf },
    #[error(
        "the database is in use by {cores} other inboxops, which have only the old master key; stop them first (one that was killed counts for 10 s)"
    )]
    InUseByCores { cores: i64 },
    #[error("{} is in the way; {hint}", path.display())]
    InTheWay { path: PathBuf, hint: &'static str },
    #[error("{} is no backup: {why}", path.display())]
    NoBackup { path: PathBuf, why: &'static str },
    #[error(
        "the master key of this database is not here, neither in {} nor in the settings; without it its secrets are lost",
        path.display()
    )]
    NoKey { path: PathBuf },
    #[error("cannot use the file {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot copy {from} to {to}")]
    Copy {
        /// Names without a password.
        from: String,
        to: String,
        #[source]
        source: inboxops_core::Error,
    },
    #[error("cannot set up the listener")]
    Door(#[source] inboxops_edge::Error),
    #[error("no answer from {server}; check --server, and that the server runs")]
    NoAnswer {
        server: String,
        #[source]
        source: tonic::transport::Error,
    },
    #[error("{0}")]
    NoServer(String),
    #[error("{message}")]
    NotNamed { message: String },
    /// A receiver did not accept a webhook.
    #[error("{0}")]
    NotAccepted(String),
    #[error("{}", line(.0))]
    Refused(Failure),
    #[error("not everything is recorded; run the same command again later: {why}")]
    TryAgain {
        /// Code of the failure.
        code: &'static str,
        why: String,
    },
    #[error("cannot read mails from {}", path.display())]
    MailFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{what} stopped unexpectedly")]
    Stopped { what: &'static str },
    #[error("cannot {what}")]
    Io {
        what: &'static str,
        #[source]
        source: io::Error,
    },
}

/// Result of a command.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Code of the failure, for programs: the reason of a refusal, or else the kind of error.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Error::Refused(failure) => failure.reason.rest_code(),
            Error::TryAgain { code, .. } => code,
            Error::Usage(_) => WRONG_USAGE,
            Error::NoAnswer { .. } | Error::NoServer(_) => NO_ANSWER,
            Error::MailFile { .. } => "unreadable_file",
            Error::NotNamed { .. } => "not_found",
            Error::NotAccepted(_) => "not_accepted",
            Error::NoDatabase { .. } => "no_database",
            error if error.exit_code() == EXIT_CONFIG => "wrong_configuration",
            _ => "failed",
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => EXIT_USAGE,
            Error::TryAgain { .. } => EXIT_TRY_AGAIN,
            Error::Setting(_)
            | Error::ConfigFile { .. }
            | Error::DatabaseUrl(_)
            | Error::Pooler(_)
            | Error::Tls(_)
            | Error::Authorities { .. } => EXIT_CONFIG,
            _ => EXIT_FAILED,
        }
    }
}

/// The error and its causes in one line. A cause whose text its error repeats is left out.
pub(crate) fn in_one_line(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text.replace('\n', " ")
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Error {
        Error::Refused(Failure::of(&status))
    }
}

/// A refusal with its violations in one line: `2 fields are invalid: name is required; plan must be one of …`.
fn line(failure: &Failure) -> String {
    let rules: Vec<String> = failure.violations.iter().map(|rule| format!("{} {}", rule.field, rule.message)).collect();
    if rules.is_empty() {
        return failure.message.clone().into_owned();
    }
    format!("{}: {}", failure.message.trim_end_matches('.'), rules.join("; "))
}
