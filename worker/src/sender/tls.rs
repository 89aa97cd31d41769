//! TLS towards customers: whom we trust, and what it means that a handshake failed or that an alert came after it. It
//! opens nothing.

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

/// Authorities whose certificates are believed.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Those of the system, so that an operator's own authority counts; where there are none, as in an empty
    /// container image, Mozilla's list that is built in.
    #[default]
    System,
    /// The same, and these.
    SystemAnd(Vec<CertificateDer<'static>>),
    /// These and no others.
    Only(Vec<CertificateDer<'static>>),
}

impl Trust {
    /// The system's authorities, and those of a PEM file.
    ///
    /// # Errors
    /// When the file cannot be read or holds no certificate, or one that is no authority's.
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

/// Why a file of authorities is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be read, or is no PEM.
    #[error("cannot read certificates in PEM")]
    Pem(#[source] pem::Error),
    /// There is nothing in it.
    #[error("the file holds no certificate in PEM")]
    Empty,
    /// One of them cannot be read.
    #[error("the file holds a certificate that cannot be used")]
    Certificate(#[source] Error),
}

/// The client's side of TLS 1.2 and 1.3, offering HTTP/2 before HTTP/1.1.
pub(super) struct Tls(TlsConnector);

impl Tls {
    /// A client that believes whom it is told to.
    ///
    /// # Errors
    /// When a certificate that shall be trusted cannot be read.
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

    /// Shakes hands; and whether the server asked for a client certificate, of which its verdict may come later.
    ///
    /// # Errors
    /// What the failure is called.
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

/// What came up in a handshake, beside what its error says.
#[derive(Default)]
struct Notes {
    /// The server asked for a client certificate.
    asked: bool,
    /// What it sent in place of a chain that we trust.
    refused: Option<Chain>,
}

impl Notes {
    fn add(&mut self, later: Notes) {
        self.asked |= later.asked;
        self.refused = later.refused.or(self.refused.take());
    }
}

thread_local! {
    /// Of the handshake that this thread polls just now. One configuration serves all handshakes, so that sessions are
    /// resumed; what it calls back has no other way to tell whose handshake it is.
    static NOTES: RefCell<Notes> = RefCell::default();
}

/// We have no client certificate; it is noted that one was wanted.
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

/// A verifier whose refusals are noted with what was refused.
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
        // Without the given ones first: they would hide that the system has none.
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

/// What a failed handshake is called.
fn of_handshake(error: &io::Error, notes: &Notes) -> AttemptFailure {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return failure(error, notes.asked, notes.refused.as_ref());
    }
    match error.kind() {
        // The server read that there is no certificate, and left.
        _ if notes.asked => FailureCode::TlsClientCertificate.into(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => FailureCode::ConnectionReset.into(),
        _ => FailureCode::TlsHandshake.into(),
    }
}

/// What an error of TLS is called that came after the handshake: in TLS 1.3 the server judges the client last.
pub(super) fn later(error: &Error, asked: bool) -> AttemptFailure {
    failure(error, asked, None)
}

/// Whether it is the server's verdict on our having no certificate.
pub(super) fn wants_certificate(error: &Error, asked: bool) -> bool {
    use AlertDescription as A;
    let Error::AlertReceived(alert) = error else { return false };
    let verdict = matches!(
        alert,
        // TLS 1.2 has no word of its own for it.
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
