//! TLS to receivers: which authorities are trusted, and what a failed handshake or a later alert means. It opens
//! nothing.

mod chain;

use crate::outcome::AttemptFailure;
use chain::Chain;
use inboxops_proto::FailureCode;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    client::{ResolvesClientCert, WebPkiServerVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, ServerName, UnixTime,
        pem::{self, PemObject as _},
    },
    sign::CertifiedKey,
};
use rustls_platform_verifier::Verifier;
use std::{cell::RefCell, future::poll_fn, io, path::Path, pin::pin, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The trusted certificate authorities.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Those of the system, so that an operator's own authority is trusted; if there are none, as in an empty container
    /// image, Mozilla's list, which is built in.
    #[default]
    System,
    /// Those of the system, and these.
    SystemAnd(Vec<CertificateDer<'static>>),
    /// Only these.
    Only(Vec<CertificateDer<'static>>),
}

impl Trust {
    /// The system's authorities, and those of a PEM file.
    ///
    /// # Errors
    /// If the file cannot be read, contains no certificate, or contains one that is no authority's.
    pub fn with_file(path: &Path) -> Result<Trust, Unreadable> {
        let pem = CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(Unreadable::Pem)?;
        let more: Vec<CertificateDer<'static>> = pem;
        if more.is_empty() {
            return Err(Unreadable::Empty);
        }
        let mut roots = RootCertStore::empty();
        more.iter().try_for_each(|it| roots.add(it.clone())).map_err(Unreadable::Certificate)?;
        Ok(Trust::SystemAnd(more))
    }
}

/// Why a file of authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be read, or is not PEM.
    #[error("cannot read certificates in PEM")]
    Pem(#[source] pem::Error),
    /// It contains no certificate.
    #[error("the file holds no certificate in PEM")]
    Empty,
    /// One of its certificates cannot be parsed.
    #[error("the file holds a certificate that cannot be used")]
    Certificate(#[source] Error),
}

/// The client side of TLS 1.2 and 1.3; it prefers HTTP/2 to HTTP/1.1.
pub(super) struct Tls(TlsConnector);

impl Tls {
    /// A client that trusts these authorities.
    ///
    /// # Errors
    /// If a trusted certificate cannot be read.
    pub(super) fn new(trust: &Trust) -> Result<Tls, Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(NotingVerifier(verifier(trust, &provider)?));
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::new(NoCertificate));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls(Arc::new(config).into()))
    }

    /// Runs the handshake; returns also whether the server asked for a client certificate, since it may reject the lack
    /// of one later.
    ///
    /// # Errors
    /// The failure of the handshake.
    pub(super) async fn connect(
        &self,
        name: ServerName<'static>,
        tcp: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, bool), AttemptFailure> {
        let mut handshake = pin!(self.0.connect(name, tcp));
        let mut notes = Notes::default();
        let shaken = poll_fn(|cx| {
            NOTES.take();
            let poll = handshake.as_mut().poll(cx);
            notes.add(NOTES.take());
            poll
        })
        .await;
        match shaken {
            Ok(stream) => Ok((stream, notes.asked)),
            Err(error) => Err(of_handshake(&error, &notes)),
        }
    }
}

/// Observations during a handshake, beyond its error.
#[derive(Default)]
struct Notes {
    /// The server asked for a client certificate.
    asked: bool,
    /// The chain that was not trusted.
    refused: Option<Chain>,
}

impl Notes {
    fn add(&mut self, later: Notes) {
        self.asked |= later.asked;
        self.refused = later.refused.or(self.refused.take());
    }
}

thread_local! {
    /// Of the handshake that this thread is polling. One configuration serves all handshakes, so that sessions are
    /// resumed; its callbacks cannot tell handshakes apart in any other way.
    static NOTES: RefCell<Notes> = RefCell::default();
}

/// There is no client certificate; it records that the server asked for one.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        NOTES.with_borrow_mut(|notes| notes.asked = true);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// A verifier that records the chains that it refuses.
#[derive(Debug)]
struct NotingVerifier(Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for NotingVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.0.verify_server_cert(leaf, others, name, ocsp, now);
        if verified.is_err() {
            NOTES.with_borrow_mut(|notes| notes.refused = Some(Chain::read(leaf, others)));
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

fn verifier(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let mut roots = RootCertStore::empty();
    let given = match trust {
        Trust::System => &[][..],
        Trust::SystemAnd(more) => more,
        Trust::Only(authorities) => authorities,
    };
    for authority in given {
        roots.add(authority.clone())?;
    }
    if !matches!(trust, Trust::Only(_)) {
        // First without the given authorities: they would hide that the system has none.
        let system = Verifier::new(provider.clone()).and_then(|system| match given {
            [] => Ok(system),
            more => Verifier::new_with_extra_roots(more.iter().cloned(), provider.clone()),
        });
        match system {
            Ok(system) => return Ok(Arc::new(system)),
            Err(error) => {
                tracing::warn!(%error, "the system's certificate authorities cannot be loaded; Mozilla's list is used");
                roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
        }
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone()).build();
    Ok(verifier.map_err(|error| Error::General(error.to_string()))?)
}

/// The failure of a handshake.
fn of_handshake(error: &io::Error, notes: &Notes) -> AttemptFailure {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return failure(error, notes.asked, notes.refused.as_ref());
    }
    match error.kind() {
        // The server saw that there is no certificate, and closed.
        _ if notes.asked => FailureCode::TlsClientCertificate.into(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => FailureCode::ConnectionReset.into(),
        _ => FailureCode::TlsHandshake.into(),
    }
}

/// The failure for a TLS error after the handshake: in TLS 1.3 the server judges the client last.
pub(super) fn later(error: &Error, asked: bool) -> AttemptFailure {
    failure(error, asked, None)
}

/// Whether the server rejects us because we have no client certificate.
pub(super) fn wants_certificate(error: &Error, asked: bool) -> bool {
    use AlertDescription as A;
    let Error::AlertReceived(alert) = error else { return false };
    let verdict = matches!(
        alert,
        // TLS 1.2 has no specific alert for it.
        A::HandshakeFailure
            | A::NoCertificate
            | A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
    );
    *alert == A::CertificateRequired || (asked && verdict)
}

fn failure(error: &Error, asked: bool, refused: Option<&Chain>) -> AttemptFailure {
    if wants_certificate(error, asked) {
        return FailureCode::TlsClientCertificate.into();
    }
    let handshake = |sentence: String| AttemptFailure { code: FailureCode::TlsHandshake, sentence: sentence.into() };
    match error {
        Error::InvalidCertificate(error) => of_certificate(error, refused),
        Error::NoCertificatesPresented => handshake("The server sent no certificate.".to_owned()),
        Error::AlertReceived(AlertDescription::ProtocolVersion) | Error::PeerIncompatible(_) => {
            handshake("The server and we have no version or cipher of TLS in common (ours are 1.2 and 1.3).".to_owned())
        }
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            handshake("The server has no certificate for this host name (TLS alert unrecognised_name).".to_owned())
        }
        Error::AlertReceived(alert) => {
            handshake(format!("The server ended the secure connection (TLS alert {}).", snake(&format!("{alert:?}"))))
        }
        Error::InvalidMessage(_) => handshake("The server does not speak TLS on this port.".to_owned()),
        _ => FailureCode::TlsHandshake.into(),
    }
}

fn of_certificate(error: &CertificateError, refused: Option<&Chain>) -> AttemptFailure {
    let untrusted = |sentence: String| AttemptFailure { code: FailureCode::TlsUntrusted, sentence: sentence.into() };
    match error {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => FailureCode::TlsExpired.into(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            FailureCode::TlsHostname.into()
        }
        CertificateError::Revoked => untrusted("The server's certificate was revoked.".to_owned()),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            untrusted("The server's certificate is not made for servers.".to_owned())
        }
        _ => refused.map_or_else(|| FailureCode::TlsUntrusted.into(), |chain| untrusted(chain.sentence())),
    }
}

/// `CertificateRequired` as the standards write it.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut before = true;
    for c in name.chars() {
        if c.is_ascii_uppercase() && !before {
            snake.push('_');
        }
        before = c.is_ascii_uppercase();
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests;
