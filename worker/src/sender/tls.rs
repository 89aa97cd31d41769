//! TLS towards customers: whom we trust and what a failed handshake means. It opens nothing.

use crate::outcome::Code;
use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    client::danger::ServerCertVerifier,
    crypto::{CryptoProvider, ring},
    pki_types::CertificateDer,
};
use rustls_platform_verifier::Verifier;
use std::{io, sync::Arc};

/// Authorities whose certificates are believed.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Those of the system, so that an operator's own authority counts; where there are none, as in an empty
    /// container image, Mozilla's list that is built in.
    #[default]
    System,
    /// These and no others.
    Only(Vec<CertificateDer<'static>>),
}

/// The client's side of TLS 1.2 and 1.3, offering HTTP/2 before HTTP/1.1.
///
/// # Errors
/// When a certificate of [`Trust::Only`] cannot be read.
pub fn config(trust: &Trust) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier(trust, &provider)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn verifier(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::System => match Verifier::new(provider.clone()) {
            Ok(system) => return Ok(Arc::new(system)),
            Err(error) => {
                tracing::warn!(%error, "the system has no certificate authorities; Mozilla's list is used");
                roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
        },
        Trust::Only(authorities) => {
            for authority in authorities {
                roots.add(authority.clone())?;
            }
        }
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone()).build();
    Ok(verifier.map_err(|error| rustls::Error::General(error.to_string()))?)
}

/// What a failed handshake is called.
pub fn failure(error: &io::Error) -> Code {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Code::ConnectionReset,
            _ => Code::TlsHandshake,
        };
    };
    let rustls::Error::InvalidCertificate(error) = error else { return Code::TlsHandshake };
    match error {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Code::TlsExpired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Code::TlsHostname,
        _ => Code::TlsUntrusted,
    }
}
