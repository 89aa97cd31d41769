//! What errors of TLS are called.

use super::*;
use rustls::{InvalidMessage, PeerIncompatible};

#[test]
fn a_wanted_client_certificate_has_a_code_of_its_own_whatever_the_server_calls_it() {
    use AlertDescription as A;
    for (alert, asked, code) in [
        (A::CertificateRequired, true, Code::TlsClientCertificate),
        (A::CertificateRequired, false, Code::TlsClientCertificate),
        (A::HandshakeFailure, true, Code::TlsClientCertificate),
        (A::HandshakeFailure, false, Code::TlsHandshake),
        (A::BadCertificate, true, Code::TlsClientCertificate),
        (A::BadCertificate, false, Code::TlsHandshake),
        (A::NoCertificate, true, Code::TlsClientCertificate),
        (A::UnknownCA, true, Code::TlsClientCertificate),
        (A::AccessDenied, true, Code::TlsClientCertificate),
        (A::ProtocolVersion, true, Code::TlsHandshake),
        (A::InternalError, true, Code::TlsHandshake),
        (A::Unknown(200), true, Code::TlsHandshake),
    ] {
        let failed = later(&Error::AlertReceived(alert), asked);
        assert_eq!(failed.code, code, "{alert:?} {asked}");
        assert!(failed.sentence.ends_with('.'));
    }
}

#[test]
fn a_sentence_says_what_the_server_said() {
    for (error, words) in [
        (Error::AlertReceived(AlertDescription::InternalError), "(TLS alert internal_error)"),
        (Error::AlertReceived(AlertDescription::UnrecognisedName), "no certificate for this host name"),
        (Error::AlertReceived(AlertDescription::UnknownCA), "(TLS alert unknown_ca)"),
        (Error::AlertReceived(AlertDescription::ProtocolVersion), "no version or cipher"),
        (Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon), "no version or cipher"),
        (Error::InvalidMessage(InvalidMessage::InvalidContentType), "does not speak TLS"),
        (Error::NoCertificatesPresented, "sent no certificate"),
        (Error::DecryptError, "No secure connection could be agreed on"),
    ] {
        let failed = later(&error, false);
        assert_eq!(failed.code, Code::TlsHandshake, "{error:?}");
        assert!(failed.sentence.contains(words), "{error:?}: {}", failed.sentence);
    }
}

#[test]
fn certificates_are_told_apart_by_what_is_wrong_with_them() {
    for (error, code, words) in [
        (CertificateError::Expired, Code::TlsExpired, "expired"),
        (CertificateError::NotValidYet, Code::TlsExpired, "not valid yet"),
        (CertificateError::NotValidForName, Code::TlsHostname, "another host name"),
        (CertificateError::UnknownIssuer, Code::TlsUntrusted, "not signed by an authority"),
        (CertificateError::BadSignature, Code::TlsUntrusted, "not signed by an authority"),
        (CertificateError::Revoked, Code::TlsUntrusted, "revoked"),
        (CertificateError::InvalidPurpose, Code::TlsUntrusted, "not made for servers"),
    ] {
        let failed = later(&Error::InvalidCertificate(error.clone()), false);
        assert_eq!(failed.code, code, "{error:?}");
        assert!(failed.sentence.contains(words), "{error:?}: {}", failed.sentence);
    }
}
