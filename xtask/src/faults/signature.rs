//! Verifies a webhook with nothing but the secret as shown. It shares no code with the signer.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Greatest difference between a webhook's timestamp and its arrival, in seconds: what the official libraries allow.
const DISTANCE_MAX: u64 = 300;

/// The signed parts of a request, and its signatures.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignedParts<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub standard: &'a str,
    /// `X-InboxOps-Signature`.
    pub plain: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// Whether both signatures are valid and the time is near `now`, in seconds since 1970.
pub(super) fn fits(secret: &str, signed: SignedParts<'_>, now: i64) -> bool {
    let Some(key) = secret.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok()) else { return false };
    let near = signed.timestamp.parse::<i64>().is_ok_and(|sent| now.abs_diff(sent) <= DISTANCE_MAX);
    let plain = format!("sha256={}", hex(&mac(secret.as_bytes(), &[signed.body])));
    let text = mac(&key, &[signed.id.as_bytes(), b".", signed.timestamp.as_bytes(), b".", signed.body]);
    let standard = format!("v1,{}", STANDARD.encode(text));
    near && signed.plain == plain && signed.standard.split(' ').any(|one| one == standard)
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // HMAC accepts keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with openssl, as in the tests of the built-in receiver.
    #[test]
    fn what_openssl_signed_fits_and_a_changed_body_does_not() {
        let good = SignedParts {
            id: "msg_1",
            timestamp: "1795507200",
            standard: "v1,TNfmcYiWFmb9/+CE7ah2EGqjGmdNeN5Q1JwjecmMuxo=",
            plain: "sha256=aafb3953ef60d224cf1695bb1b056088c0deb1080f55d4196a879447c4cca957",
            body: br#"{"event":"ticket.created"}"#,
        };
        let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
        assert!(fits(secret, good, 1_795_507_200));
        assert!(!fits(secret, SignedParts { body: b"{}", ..good }, 1_795_507_200));
        assert!(!fits(secret, good, 1_795_507_200 + 301));
    }
}
