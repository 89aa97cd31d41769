//! Both signatures of a webhook, over the bytes that are sent. It knows neither HTTP nor endpoints.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt::Write as _;

/// Greatest number of secrets that sign at the same time: the two of a rotation.
pub const SECRETS_MAX: usize = 2;

/// Prefix of a secret.
const PREFIX: &str = "whsec_";

/// The secrets of an endpoint, ready to sign.
#[derive(Clone)]
pub struct Signer {
    /// In the order of the configuration; never empty.
    keys: Vec<Key>,
}

/// One secret in the forms of both schemes.
#[derive(Clone)]
struct Key {
    /// Keyed with the text of the secret, for `X-InboxOps-Signature`.
    text: Hmac<Sha256>,
    /// Keyed with the bytes after the prefix, for `webhook-signature`.
    bytes: Hmac<Sha256>,
}

/// A configuration whose secrets cannot sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an endpoint's secrets must be one or two of the form whsec_<base64>")]
pub struct BadSecrets;

/// The values of the two headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures {
    /// `webhook-signature`: one entry for each secret, in their order (Standard Webhooks).
    pub standard: String,
    /// `X-InboxOps-Signature`: by the first secret only.
    pub ours: String,
}

impl Signer {
    /// Decodes secrets in the form in which the customer got them; the first one signs `X-InboxOps-Signature`.
    ///
    /// # Errors
    /// If there is none, if there are more than [`SECRETS_MAX`], or if one has another form.
    pub fn new<S: AsRef<str>>(secrets: &[S]) -> Result<Signer, BadSecrets> {
        if secrets.is_empty() || secrets.len() > SECRETS_MAX {
            return Err(BadSecrets);
        }
        let keys = secrets.iter().map(|secret| Key::new(secret.as_ref())).collect::<Result<_, _>>()?;
        Ok(Signer { keys })
    }

    /// Signs one attempt: `id` is the `webhook-id`, `timestamp` the `webhook-timestamp` in seconds.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Signatures {
        let mut standard = String::with_capacity(self.keys.len() * 48);
        let head = format!("{id}.{timestamp}.");
        for key in &self.keys {
            if !standard.is_empty() {
                standard.push(' ');
            }
            standard.push_str("v1,");
            STANDARD.encode_string(mac(&key.bytes, &[head.as_bytes(), body]), &mut standard);
        }
        let mut ours = String::with_capacity(7 + 64);
        ours.push_str("sha256=");
        if let Some(key) = self.keys.first() {
            for byte in mac(&key.text, &[body]) {
                let _ = write!(ours, "{byte:02x}");
            }
        }
        Signatures { standard, ours }
    }
}

impl Key {
    fn new(secret: &str) -> Result<Key, BadSecrets> {
        let coded = secret.strip_prefix(PREFIX).ok_or(BadSecrets)?;
        let bytes = STANDARD.decode(coded).map_err(|_| BadSecrets)?;
        if bytes.is_empty() {
            return Err(BadSecrets);
        }
        let keyed = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).map_err(|_| BadSecrets);
        Ok(Key { text: keyed(secret.as_bytes())?, bytes: keyed(&bytes)? })
    }
}

/// The keyed state is cloned, so that a key is hashed once and not for every attempt.
fn mac(keyed: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_another_form_are_refused() {
        for secrets in [
            &[][..],
            &[""],
            &["whsec_"],
            &["AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"],
            &["whsec_not base64!"],
            &["whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY"],
            &["whsec_AAEC", "whsec_AAEC", "whsec_AAEC"],
            &["whsec_AAEC", "whsec_"],
        ] {
            assert!(Signer::new(secrets).is_err(), "{secrets:?}");
        }
    }
}
