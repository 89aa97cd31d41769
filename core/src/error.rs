//! Errors of the core, and the one place that turns them into a gRPC status. A refusal is an answer to the client. Any
//! other error is logged here, once, with its chain of causes; the client learns only that something went wrong.

use crate::store;
use inboxops_proto::{failure::Failure, gate, reason::Reason};
use std::{error::Error as StdError, fmt::Write as _, io, path::PathBuf};
use tonic::Status;

/// Result of the core's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the core could not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A refusal, with its reason for the caller.
    #[error("the call is refused: {}", .0.reason.name())]
    Refused(Box<Failure>),
    #[error("database error")]
    Store(#[source] store::Error),
    /// The master key is not 32 bytes in base64.
    #[error("the master key must be 32 bytes in base64")]
    MasterKeyForm,
    /// The master key's file cannot be used.
    #[error("cannot use the master key file {}", path.display())]
    MasterKeyFile {
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The database's secrets were sealed with another master key.
    #[error(
        "the master key is not the one that encrypted this database's secrets: give the right one, or restore its file"
    )]
    MasterKeyWrong,
    /// A secret could not be sealed.
    #[error("cannot encrypt a secret")]
    Seal,
    /// A sealed secret could not be opened.
    #[error("cannot decrypt a secret")]
    Unseal,
    /// An invariant of the program was violated.
    #[error("an invariant does not hold: {0}")]
    Broken(&'static str),
}

impl Error {
    /// The client's part of the error; the rest is logged here and nowhere else.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Error::Refused(failure) => *failure,
            Error::Store(error @ (store::Error::Unavailable | store::Error::ReadOnly | store::Error::Closed)) => {
                let gate::Current { rpc, request_id, tenant, client, .. } = gate::current();
                let (tenant, client) = (tenant.map(tracing::field::display), client.map(tracing::field::display));
                let error = chain(&error);
                tracing::warn!(rpc, request_id, tenant, client, error, "a call failed, the database is away");
                Failure::new(Reason::ServiceUnavailable)
            }
            error => {
                let gate::Current { rpc, request_id, tenant, client, .. } = gate::current();
                let (tenant, client) = (tenant.map(tracing::field::display), client.map(tracing::field::display));
                tracing::error!(rpc, request_id, tenant, client, error = chain(&error), "a call failed");
                Failure::new(Reason::InternalError)
            }
        }
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Error {
        Failure::new(reason).into()
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error::Refused(Box::new(failure))
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Error {
        match error {
            store::Error::Refused(failure) => Error::Refused(failure),
            error => Error::Store(error),
        }
    }
}

impl store::WriteError for Error {
    fn of_store(&self) -> Option<&store::Error> {
        match self {
            Error::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Status {
        error.into_failure().status()
    }
}

/// The error and all its causes in one line.
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
