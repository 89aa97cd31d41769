//! What can go wrong before the first request: afterwards every failure is an answer.

use std::path::PathBuf;

/// Why the door cannot open.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the certificate cannot be read as what it should be.
    #[error("cannot read {what} in {}", path.display())]
    Pem {
        /// What was looked for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not make a TLS identity.
    #[error("the certificate and the private key do not match")]
    Identity(#[source] rustls::Error),
    /// The descriptors of the contract are not what reflection takes.
    #[error("cannot set up gRPC reflection")]
    Reflection(#[source] tonic_reflection::server::Error),
}

/// Result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;
