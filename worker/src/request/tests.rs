//! The bytes of a request, compared with the published vectors.

use super::*;
use inboxops_proto::internal::v1::EndpointSecretHeader;
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    secrets: Vec<Secret>,
    webhook_id: String,
    webhook_timestamp: i64,
    body: String,
    webhook_signature: String,
    x_inboxops_signature: Option<String>,
}

#[derive(Deserialize)]
struct Secret {
    secret: String,
}

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

fn config(url: &str) -> EndpointConfig {
    EndpointConfig { url: url.to_owned(), secrets: vec![SECRET.to_owned()], ..EndpointConfig::default() }
}

fn header(name: &str, value: &str) -> EndpointSecretHeader {
    EndpointSecretHeader { name: name.to_owned(), value: value.to_owned() }
}

fn event(id: Uuid, body: &str) -> Event {
    let event_id = id.as_bytes().to_vec().into();
    Event::new(Payload { event_id, event: "ticket.created".to_owned(), body: body.to_owned().into() }).unwrap()
}

fn lines(signed: &SignedRequest) -> Vec<String> {
    signed.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
}

#[test]
fn the_published_vectors_hold() {
    let file: File = serde_json::from_str(include_str!("../../tests/signatures.json")).unwrap();
    assert_eq!(file.vectors.len(), 4);
    for vector in file.vectors {
        let secrets: Vec<&str> = vector.secrets.iter().map(|s| s.secret.as_str()).collect();
        let signer = Signer::new(&secrets).unwrap();
        let signatures = signer.sign(&vector.webhook_id, vector.webhook_timestamp, vector.body.as_bytes());
        assert_eq!(signatures.standard, vector.webhook_signature, "{}", vector.name);
        if let Some(ours) = vector.x_inboxops_signature {
            assert_eq!(signatures.ours, ours, "{}", vector.name);
        }
        // The whole path, for vectors with an id like ours.
        let Ok(id) = vector.webhook_id.parse() else { continue };
        let config = EndpointConfig {
            secrets: secrets.iter().map(|s| (*s).to_owned()).collect(),
            ..config("https://example.com/hooks/inboxops")
        };
        let endpoint = Endpoint::new(&config, AllowPrivate::No).unwrap();
        let at = Timestamp::from_micros(vector.webhook_timestamp * 1_000_000 + 999_999);
        let signed = endpoint.sign(&event(id, &vector.body), Uuid::nil(), 1, at);
        assert_eq!(signed.headers[WEBHOOK_SIGNATURE], vector.webhook_signature, "{}", vector.name);
        assert_eq!(signed.body, vector.body, "{}", vector.name);
    }
}

#[test]
fn a_request_has_exactly_these_headers() {
    let endpoint = Endpoint::new(&config("https://Example.com:8443/hooks?a=b"), AllowPrivate::No).unwrap();
    let id = "019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51".parse().unwrap();
    let delivery = "019ab5f0-0000-7000-8000-0000000000ff".parse().unwrap();
    let signed = endpoint.sign(&event(id, ""), delivery, 12, Timestamp::from_micros(1_795_507_200_000_000));
    assert_eq!(
        lines(&signed),
        [
            "host: example.com:8443",
            "user-agent: InboxOps-Webhooks/1.0",
            "content-type: application/json",
            "content-length: 0",
            "webhook-id: 019ab5f0-c3a4-7c1e-8d2b-6f4a9e0c7d51",
            "webhook-timestamp: 1795507200",
            "webhook-signature: v1,IlP81EknNqlcKmcROYGbPfJI+BHtHxiPIutjIOsWPW0=",
            "x-inboxops-signature: sha256=25b6be363c784336e030a568333ccd2fd7aa0d57bff83ce9b4f2f8215f416231",
            "x-inboxops-event: ticket.created",
            "x-inboxops-delivery: 019ab5f0-0000-7000-8000-0000000000ff",
            "x-inboxops-attempt: 12",
        ]
    );
    assert_eq!(endpoint.path(), "/hooks?a=b");
    assert_eq!(endpoint.url(), "https://example.com:8443/hooks?a=b");
}

#[test]
fn custom_headers_are_sent_and_recorded_without_their_values() {
    let mut config = config("https://example.com/");
    config.headers = vec![header("Authorization", "Bearer s3cret"), header("X-Team", "blue"), header("x-team", "red")];
    let endpoint = Endpoint::new(&config, AllowPrivate::No).unwrap();
    let signed = endpoint.sign(&event(Uuid::nil(), "{}"), Uuid::nil(), 1, Timestamp::default());
    assert_eq!(signed.headers["authorization"], "Bearer s3cret");
    assert_eq!(signed.headers.get_all("x-team").iter().collect::<Vec<_>>(), ["blue", "red"]);
    let recorded = endpoint.recorded(&signed);
    assert_eq!(recorded.len(), signed.headers.len());
    for header in recorded {
        let secret = matches!(header.name.as_str(), "authorization" | "x-team");
        assert_eq!(header.value == MASK, secret, "{header:?}");
    }
}

#[test]
fn custom_headers_cannot_replace_ours_or_reframe_the_message() {
    let names = [
        "Host",
        "User-Agent",
        "Content-Type",
        "content-length",
        "Content-Encoding",
        "Transfer-Encoding",
        "Connection",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Keep-Alive",
        "Proxy-Authorization",
        "Accept-Encoding",
        "webhook-id",
        "webhook-signature",
        "X-InboxOps-Signature",
        "x-inboxops-attempt",
        "",
        "a b",
        "a:b",
        "a\r\nb",
    ];
    let mut config = config("https://example.com/");
    config.headers = names.iter().map(|name| header(name, "evil")).collect();
    config.headers.push(header("x-split", "a\r\nhost: evil"));
    // Those beyond the greatest number are dropped as well.
    config.headers.extend((0..30).map(|n| header(&format!("x-{n}"), "evil")));
    let endpoint = Endpoint::new(&config, AllowPrivate::No).unwrap();
    let signed = endpoint.sign(&event(Uuid::nil(), "{}"), Uuid::nil(), 1, Timestamp::default());
    assert!(lines(&signed).iter().all(|line| !line.contains("evil")), "{:?}", lines(&signed));
    assert_eq!(signed.headers.len(), 11);
}

#[test]
fn what_cannot_be_sent_is_told_apart() {
    let refused = Endpoint::new(&config("https://10.0.0.1/"), AllowPrivate::No).err();
    assert_eq!(
        refused.map(|why| why.to_string()).unwrap(),
        "The URL must lead to a public address, not to a private network."
    );
    let mut damaged = config("https://example.com/");
    damaged.secrets.clear();
    assert_eq!(Endpoint::new(&damaged, AllowPrivate::No).err(), Some(Unusable::Secrets(BadSecrets)));
}

#[test]
fn urls_that_the_rules_take_can_stand_in_a_request() {
    for url in [
        "https://example.com",
        "https://example.com?x",
        "https://example.com/a|b^c`{}\"<>'%zz?q=|^`{}\"<>'[]",
        "https://example.com/\u{fc}?\u{1f680}",
        "https://[2606:4700::1111]:8443/x",
        "https://1.1.1.1/x",
    ] {
        let endpoint = Endpoint::new(&config(url), AllowPrivate::No).unwrap_or_else(|why| panic!("{url}: {why}"));
        assert!(endpoint.path().to_string().starts_with('/'), "{url}");
        let written = String::from_utf8(endpoint.host().as_bytes().to_vec()).unwrap();
        assert_eq!(endpoint.url().authority().map(|a| a.as_str()), Some(written.as_str()), "{url}");
    }
}
