//! Errors of the edge before the first request. After that every failure is a response.

use std::path::PathBuf;

/// Why the edge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A TLS file cannot be parsed.
    #[error("cannot read {what} in {}", path.display())]
    Pem {
        /// What the file should contain.
        what: &'static str,
        path: PathBuf,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not make a TLS identity.
    #[error("the certificate and the private key do not match")]
    Identity(#[source] rustls::Error),
    /// Reflection does not accept the descriptors of the contract.
    #[error("cannot set up gRPC reflection")]
    Reflection(#[source] tonic_reflection::server::Error),
}

pub type Result<T> = std::result::Result<T, Error>;
