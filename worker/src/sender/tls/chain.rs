//! The certificates that a server sent, as far as a person needs them to fix the server: their number, and the issuer
//! of the last one. Parsed leniently, since they are shown and not trusted.

use rustls::pki_types::CertificateDer;

/// Greatest number of characters of a name that are shown.
const NAME_MAX: usize = 100;

/// The certificates that a server sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chain {
    sent: usize,
    /// The issuer of the certificate where the chain ends.
    issuer: Option<String>,
    /// Whether that certificate is self-signed.
    by_itself: bool,
}

impl Chain {
    /// Follows the chain from the server's own certificate as far as it was sent.
    pub(super) fn read(leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Chain {
        let sent = others.len() + 1;
        let mut others: Vec<Names<'_>> = others.iter().filter_map(|it| names(it)).collect();
        let Some(mut last) = names(leaf) else { return Chain { sent, issuer: None, by_itself: false } };
        while let Some(at) = others.iter().position(|it| it.subject == last.issuer && last.subject != last.issuer) {
            last = others.swap_remove(at);
        }
        Chain { sent, issuer: shown(last.issuer), by_itself: last.subject == last.issuer }
    }

    /// The sentence for people about a chain that no trusted authority has signed.
    pub(super) fn sentence(&self) -> String {
        let certificates = if self.sent == 1 { "1 certificate" } else { &format!("{} certificates", self.sent) };
        let issuer = self.issuer.as_deref().unwrap_or("without a name");
        let said = "The server's certificate is not signed by an authority that we trust";
        match (self.by_itself, self.sent) {
            (true, 1) => format!("{said}: it is signed by itself (“{issuer}”). The server sent {certificates}."),
            (true, _) => format!("{said}: its chain ends with “{issuer}”. The server sent {certificates}."),
            (false, _) => format!(
                "{said}: its issuer “{issuer}” is not known. The server sent {certificates}; perhaps an intermediate \
                 certificate is missing."
            ),
        }
    }
}

/// The encoded names of a certificate.
#[derive(Clone, Copy)]
struct Names<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
}

/// RFC 5280, 4.1: version, serial number and algorithm precede the issuer; the validity is between the two names.
fn names<'a>(certificate: &'a CertificateDer<'_>) -> Option<Names<'a>> {
    let (certificate, _) = of(SEQUENCE, certificate)?;
    let (mut rest, _) = of(SEQUENCE, certificate)?;
    if rest.first() == Some(&VERSION) {
        rest = tlv(rest)?.2;
    }
    rest = tlv(tlv(rest)?.2)?.2;
    let (issuer, rest) = of(SEQUENCE, rest)?;
    let (subject, _) = of(SEQUENCE, tlv(rest)?.2)?;
    Some(Names { issuer, subject })
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
const BMP_STRING: u8 = 0x1e;
const VERSION: u8 = 0xa0;
/// Attributes of a name that are shown, the most useful first: common name, organisational unit, organisation.
const SHOWN: [&[u8]; 3] = [&[0x55, 4, 3], &[0x55, 4, 11], &[0x55, 4, 10]];

/// A name in the usual short form: `R3 (Let's Encrypt)`.
fn shown(mut name: &[u8]) -> Option<String> {
    let mut found: [Option<String>; 3] = Default::default();
    while let Some((mut set, rest)) = of(SET, name) {
        name = rest;
        while let Some((pair, more)) = of(SEQUENCE, set) {
            set = more;
            let Some((oid, value)) = of(OID, pair) else { continue };
            let (Some(at), Some((tag, text, _))) = (SHOWN.iter().position(|it| *it == oid), tlv(value)) else {
                continue;
            };
            found[at] = Some(clean(tag, text));
        }
    }
    let [common, unit, organisation] = found;
    match (common.or(unit), organisation) {
        (Some(name), Some(of)) if name != of => Some(format!("{name} ({of})")),
        (name, of) => name.or(of),
    }
}

fn clean(tag: u8, text: &[u8]) -> String {
    let text = if tag == BMP_STRING {
        let units = text.chunks_exact(2).map(|two| u16::from_be_bytes([two[0], two[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    } else {
        String::from_utf8_lossy(text).into_owned()
    };
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(NAME_MAX).collect()
}

/// The content of an element with this tag, and the rest.
fn of(kind: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = tlv(bytes)?;
    (tag == kind).then_some((content, rest))
}

/// The first DER element: its tag, its content, and the rest.
fn tlv(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, length, rest @ ..] = bytes else { return None };
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0usize, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, Issuer, KeyPair};

    fn params(names: &[(DnType, DnValue)]) -> CertificateParams {
        let mut params = CertificateParams::new(vec!["hooks.example".to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (kind, name) in names {
            params.distinguished_name.push(kind.clone(), name.clone());
        }
        params
    }

    fn authority(
        name: &str,
        signed: Option<&Issuer<'static, KeyPair>>,
    ) -> (CertificateDer<'static>, Issuer<'static, KeyPair>) {
        let mut params = params(&[(DnType::CommonName, name.into())]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = match signed {
            Some(issuer) => params.signed_by(&key, issuer).unwrap(),
            None => params.self_signed(&key).unwrap(),
        };
        (certificate.der().clone(), Issuer::new(params, key))
    }

    #[test]
    fn the_sentence_names_where_the_chain_ends_and_counts_what_was_sent() {
        let (root, root_issuer) = authority("Root", None);
        let (middle, middle_issuer) = authority("Middle", Some(&root_issuer));
        let (other, _) = authority("Other", None);
        let key = KeyPair::generate().unwrap();
        let leaf = params(&[]).signed_by(&key, &middle_issuer).unwrap().der().clone();
        let said = "The server's certificate is not signed by an authority that we trust";
        for (others, end) in [
            (vec![], "its issuer “Middle” is not known. The server sent 1 certificate; perhaps"),
            (vec![other.clone()], "its issuer “Middle” is not known. The server sent 2 certificates; perhaps"),
            (vec![middle.clone()], "its issuer “Root” is not known. The server sent 2 certificates; perhaps"),
            (vec![other, root.clone(), middle], "its chain ends with “Root”. The server sent 4 certificates."),
        ] {
            let sentence = Chain::read(&leaf, &others).sentence();
            assert!(sentence.starts_with(&format!("{said}: {end}")), "{sentence}");
        }
        let sentence = Chain::read(&root, &[]).sentence();
        assert_eq!(sentence, format!("{said}: it is signed by itself (“Root”). The server sent 1 certificate."));
    }

    #[test]
    fn names_are_shown_as_people_call_them() {
        let utf16 = rcgen::string::BmpString::try_from("Größe").unwrap();
        for (names, shown) in [
            (
                vec![(DnType::CommonName, "R3".into()), (DnType::OrganizationName, "Let's Encrypt".into())],
                Some("R3 (Let's Encrypt)"),
            ),
            (vec![(DnType::OrganizationName, "Acme".into())], Some("Acme")),
            (vec![(DnType::OrganizationalUnitName, "IT".into()), (DnType::CountryName, "DE".into())], Some("IT")),
            (vec![(DnType::CommonName, "Acme".into()), (DnType::OrganizationName, "Acme".into())], Some("Acme")),
            (vec![(DnType::CommonName, DnValue::BmpString(utf16))], Some("Größe")),
            (vec![(DnType::CommonName, "a\u{7}b".into())], Some("a\u{fffd}b")),
            (vec![], None),
        ] {
            let certificate = params(&names).self_signed(&KeyPair::generate().unwrap()).unwrap();
            assert_eq!(Chain::read(certificate.der(), &[]).issuer.as_deref(), shown);
        }
        let long = params(&[(DnType::CommonName, "x".repeat(900).as_str().into())]);
        let certificate = long.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(Chain::read(certificate.der(), &[]).issuer.map(|name| name.len()), Some(NAME_MAX));
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_brings_it_down(bytes: Vec<u8>, at in 0usize..300, byte: u8) {
            let _ = Chain::read(&CertificateDer::from(bytes), &[]).sentence();
            let mut certificate = authority("Root", None).0.to_vec();
            let at = at % certificate.len();
            certificate[at] = byte;
            let broken = CertificateDer::from(certificate);
            let _ = Chain::read(&broken, std::slice::from_ref(&broken)).sentence();
        }
    }
}
