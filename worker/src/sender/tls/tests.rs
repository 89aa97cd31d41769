//! The failure codes of TLS errors.

use super::*;
use rustls::{InvalidMessage, PeerIncompatible};

#[test]
fn a_wanted_client_certificate_has_a_code_of_its_own_whatever_the_server_calls_it() {
    use AlertDescription as A;
    for (alert, asked, code) in [
        (A::CertificateRequired, true, FailureCode::TlsClientCertificate),
        (A::CertificateRequired, false, FailureCode::TlsClientCertificate),
        (A::HandshakeFailure, true, FailureCode::TlsClientCertificate),
        (A::HandshakeFailure, false, FailureCode::TlsHandshake),
        (A::BadCertificate, true, FailureCode::TlsClientCertificate),
        (A::BadCertificate, false, FailureCode::TlsHandshake),
        (A::NoCertificate, true, FailureCode::TlsClientCertificate),
        (A::UnknownCA, true, FailureCode::TlsClientCertificate),
        (A::AccessDenied, true, FailureCode::TlsClientCertificate),
        (A::ProtocolVersion, true, FailureCode::TlsHandshake),
        (A::InternalError, true, FailureCode::TlsHandshake),
        (A::Unknown(200), true, FailureCode::TlsHandshake),
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
        assert_eq!(failed.code, FailureCode::TlsHandshake, "{error:?}");
        assert!(failed.sentence.contains(words), "{error:?}: {}", failed.sentence);
    }
}

#[test]
fn certificates_are_told_apart_by_what_is_wrong_with_them() {
    for (error, code, words) in [
        (CertificateError::Expired, FailureCode::TlsExpired, "expired"),
        (CertificateError::NotValidYet, FailureCode::TlsExpired, "not valid yet"),
        (CertificateError::NotValidForName, FailureCode::TlsHostname, "another host name"),
        (CertificateError::UnknownIssuer, FailureCode::TlsUntrusted, "not signed by an authority"),
        (CertificateError::BadSignature, FailureCode::TlsUntrusted, "not signed by an authority"),
        (CertificateError::Revoked, FailureCode::TlsUntrusted, "revoked"),
        (CertificateError::InvalidPurpose, FailureCode::TlsUntrusted, "not made for servers"),
    ] {
        let failed = later(&Error::InvalidCertificate(error.clone()), false);
        assert_eq!(failed.code, code, "{error:?}");
        assert!(failed.sentence.contains(words), "{error:?}: {}", failed.sentence);
    }
}
