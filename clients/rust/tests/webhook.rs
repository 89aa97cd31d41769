//! The check of signatures, by the vectors that the worker signs by; one of them is that of the Standard Webhooks
//! libraries.

use inboxops_client::{WebhookError, check_webhook, verify_webhook};
use serde_json::Value;
use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

const VECTORS: &str = include_str!("../../../worker/tests/signatures.json");
const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

struct Vector {
    name: String,
    secrets: Vec<String>,
    headers: Vec<(&'static str, String)>,
    body: String,
    sent: u64,
}

fn vectors() -> Vec<Vector> {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let vectors = file["vectors"].as_array().unwrap().iter().map(|vector| {
        let sent = vector["webhook_timestamp"].as_u64().unwrap();
        Vector {
            name: text(&vector["name"]),
            secrets: vector["secrets"].as_array().unwrap().iter().map(|it| text(&it["secret"])).collect(),
            headers: vec![
                ("Webhook-Id", text(&vector["webhook_id"])),
                ("Webhook-Timestamp", sent.to_string()),
                ("Webhook-Signature", text(&vector["webhook_signature"])),
            ],
            body: text(&vector["body"]),
            sent,
        }
    });
    vectors.collect()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn every_vector_fits_each_of_its_secrets_and_nothing_else() {
    let all = vectors();
    assert!(all.iter().any(|vector| vector.name.contains("Standard Webhooks")));
    for Vector { name, secrets, headers, body, sent } in all {
        for secret in &secrets {
            assert_eq!(check_webhook([secret], &headers, body.as_bytes(), at(sent)), Ok(()), "{name}");
            let bare = secret.trim_start_matches("whsec_");
            assert_eq!(check_webhook([OTHER, bare], &headers, body.as_bytes(), at(sent)), Ok(()), "{name}");
            let longer = format!("{body} ");
            let refused = check_webhook([secret], &headers, longer.as_bytes(), at(sent));
            assert_eq!(refused, Err(WebhookError::NoSignatureFits), "{name}");
        }
        let refused = check_webhook([OTHER], &headers, body.as_bytes(), at(sent));
        assert_eq!(refused, Err(WebhookError::NoSignatureFits), "{name}");
    }
}

#[test]
fn the_time_is_checked_to_both_sides() {
    let Vector { secrets, headers, body, sent, .. } = vectors().remove(0);
    let check = |now: u64| check_webhook(&secrets, &headers, body.as_bytes(), at(now));
    for (now, expected) in [
        (sent - 300, Ok(())),
        (sent + 300, Ok(())),
        (sent - 301, Err(WebhookError::OtherTime)),
        (sent + 301, Err(WebhookError::OtherTime)),
    ] {
        assert_eq!(check(now), expected, "{now}");
    }
    // Now is long after.
    assert_eq!(verify_webhook(&secrets, &headers, body.as_bytes()), Err(WebhookError::OtherTime));
}

#[test]
fn what_is_missing_or_malformed_is_refused_with_its_reason() {
    let Vector { secrets, headers, body, sent, .. } = vectors().remove(0);
    let check = |secrets: &[&str], name: &str, value: &str| {
        let mut headers: HashMap<String, String> =
            headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
        headers.insert(name.to_owned(), value.to_owned());
        check_webhook(secrets, &headers, body.as_bytes(), at(sent))
    };
    let secret = [secrets[0].as_str()];
    let signature = headers[2].1.as_str();
    let several = format!("v2,x v1,AAAA {signature}");
    for (name, value, expected) in [
        ("webhook-id", "", Err(WebhookError::HeaderMissing)),
        ("webhook-id", "other", Err(WebhookError::NoSignatureFits)),
        ("webhook-timestamp", "12s", Err(WebhookError::NoTimestamp)),
        ("webhook-timestamp", "-1", Err(WebhookError::NoTimestamp)),
        ("webhook-timestamp", "1234567890123", Err(WebhookError::NoTimestamp)),
        ("webhook-timestamp", "999999999999", Err(WebhookError::OtherTime)),
        ("webhook-signature", "", Err(WebhookError::HeaderMissing)),
        ("webhook-signature", "v1,", Err(WebhookError::NoSignatureFits)),
        ("webhook-signature", &signature[3..], Err(WebhookError::NoSignatureFits)),
        ("webhook-signature", several.as_str(), Ok(())),
    ] {
        assert_eq!(check(&secret, name, value), expected, "{name}: {value}");
    }
    for none in [&[][..], &[""], &["whsec_"], &["whsec_ä"]] {
        assert_eq!(check(none, "any", "any"), Err(WebhookError::NoSecret), "{none:?}");
    }
}
