//! Whether a request of your server is a webhook of InboxOps.

use crate::WebhookEvent;
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::HeaderMap;
use sha2::Sha256;
use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

const TOLERANCE: Duration = Duration::from_secs(300);
/// People copy secrets with and without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A request that is no webhook of InboxOps, or not now. The text says why, for your log. Answer 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    #[error("webhook-id, webhook-timestamp or webhook-signature is missing.")]
    HeaderMissing,
    #[error("webhook-timestamp is not a number of seconds.")]
    NoTimestamp,
    #[error("webhook-timestamp is more than 300 seconds away from this machine's clock.")]
    OtherTime,
    #[error("There is no secret to check with.")]
    NoSecret,
    #[error("No signature fits: another secret, or not the bytes that came.")]
    NoSignatureFits,
    /// It is signed, and no event all the same.
    #[error("The body is no event.")]
    NoEvent,
}

/// The headers as your framework has them, with names in any case: a `HeaderMap`, a `HashMap` or pairs.
pub trait WebhookHeaders {
    fn value(&self, name: &str) -> Option<&str>;
}

impl WebhookHeaders for HeaderMap {
    fn value(&self, name: &str) -> Option<&str> {
        self.get(name)?.to_str().ok()
    }
}

impl<Name: AsRef<str>, Text: AsRef<str>> WebhookHeaders for [(Name, Text)] {
    fn value(&self, name: &str) -> Option<&str> {
        let found = self.iter().find(|(other, _)| other.as_ref().eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_ref())
    }
}

impl<Name: AsRef<str>, Text: AsRef<str>, const COUNT: usize> WebhookHeaders for [(Name, Text); COUNT] {
    fn value(&self, name: &str) -> Option<&str> {
        self.as_slice().value(name)
    }
}

impl<Name: AsRef<str>, Text: AsRef<str>> WebhookHeaders for Vec<(Name, Text)> {
    fn value(&self, name: &str) -> Option<&str> {
        self.as_slice().value(name)
    }
}

impl<Name: AsRef<str>, Text: AsRef<str>, State> WebhookHeaders for HashMap<Name, Text, State> {
    fn value(&self, name: &str) -> Option<&str> {
        let found = self.iter().find(|(other, _)| other.as_ref().eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_ref())
    }
}

/// The event of a request, once its signature is checked. `secrets` is the endpoint's secret, or both during a
/// rotation; `body` the bytes that came, before any parsing. It works by `webhook-signature`, which covers the time, so
/// that a request that somebody recorded is refused after five minutes.
pub fn verify_webhook(
    secrets: impl IntoIterator<Item = impl AsRef<str>>,
    headers: &(impl WebhookHeaders + ?Sized),
    body: &[u8],
) -> Result<WebhookEvent, WebhookError> {
    check_webhook(secrets, headers, body, SystemTime::now())?;
    serde_json::from_slice(body).map_err(|_| WebhookError::NoEvent)
}

/// Whether the signature of a request fits, at a time that is given.
pub fn check_webhook(
    secrets: impl IntoIterator<Item = impl AsRef<str>>,
    headers: &(impl WebhookHeaders + ?Sized),
    body: &[u8],
    now: SystemTime,
) -> Result<(), WebhookError> {
    let given = |name: &str| headers.value(name).filter(|value| !value.is_empty()).ok_or(WebhookError::HeaderMissing);
    let (id, sent) = (given("webhook-id")?, given("webhook-timestamp")?);
    let signatures = given("webhook-signature")?;
    if sent.len() > 12 || !sent.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(WebhookError::NoTimestamp);
    }
    let seconds: u64 = sent.parse().map_err(|_| WebhookError::NoTimestamp)?;
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or(WebhookError::OtherTime)?;
    let distance = now.duration_since(time).unwrap_or_else(|error| error.duration());
    if distance > TOLERANCE {
        return Err(WebhookError::OtherTime);
    }
    let mut has_key = false;
    for secret in secrets {
        let coded = secret.as_ref().trim();
        let Ok(key) = LENIENT.decode(coded.strip_prefix("whsec_").unwrap_or(coded)) else { continue };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { continue };
        if key.is_empty() {
            continue;
        }
        has_key = true;
        mac.update(format!("{id}.{sent}.").as_bytes());
        mac.update(body);
        let mut decoded = signatures.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
        // The comparison takes as long wherever they differ.
        if decoded.any(|bytes| mac.clone().verify_slice(&bytes).is_ok()) {
            return Ok(());
        }
    }
    Err(if has_key { WebhookError::NoSignatureFits } else { WebhookError::NoSecret })
}
