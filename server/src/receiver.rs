//! The built-in receiver of development mode: a loopback server that verifies every webhook as a customer would, with
//! nothing but the secret as shown, and prints a line about it. It shares no code with the signer.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use inboxops_proto::clock::Clock;
use sha2::Sha256;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Largest body that is read, in bytes: events are smaller.
const BODY_MAX_BYTES: usize = 1024 * 1024;
/// Longest time for a body.
const BODY_MAX: Duration = Duration::from_secs(10);
/// Greatest difference between a webhook's timestamp and now: what the official libraries allow.
const TIMESTAMP_MAX: Duration = Duration::from_secs(300);

/// The secret that the receiver verifies with, and its output.
pub(crate) struct Receiver {
    /// The endpoint's secret, as shown when it was created.
    pub(crate) secret: String,
    pub(crate) clock: Clock,
    /// Prints one line for each webhook.
    pub(crate) tell: fn(String),
}

/// Serves until shutdown.
pub(crate) async fn run(listener: TcpListener, receiver: Receiver, shutdown: CancellationToken) {
    let receiver = Arc::new(receiver);
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let receiver = receiver.clone();
        let shutdown = shutdown.clone();
        tasks.spawn(async move {
            let service = service_fn(move |request| {
                let receiver = receiver.clone();
                async move { Ok::<_, Infallible>(receiver.receive(request).await) }
            });
            let connection =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                // The sender sees a broken connection, as it would see a customer's.
                _ = connection => {}
                () = shutdown.cancelled() => {}
            }
        });
    }
    tasks.close();
    tasks.wait().await;
}

impl Receiver {
    async fn receive(&self, request: Request<Incoming>) -> Response<Empty<Bytes>> {
        let (parts, body) = request.into_parts();
        let reading = tokio::time::timeout(BODY_MAX, Limited::new(body, BODY_MAX_BYTES).collect());
        let verdict = match reading.await {
            Ok(Ok(body)) => verify(&self.secret, &parts.headers, &body.to_bytes(), self.clock.now().secs()),
            _ => Err("its body could not be read"),
        };
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-");
        let what = format!(
            "{} (event {}, attempt {})",
            header("x-inboxops-event"),
            header("webhook-id"),
            header("x-inboxops-attempt")
        );
        let mut response = Response::new(Empty::new());
        match verdict {
            Ok(()) => (self.tell)(format!("webhook verified: {what}")),
            Err(problem) => {
                (self.tell)(format!("webhook REFUSED: {what}: {problem}"));
                *response.status_mut() = StatusCode::UNAUTHORIZED;
            }
        }
        response
    }
}

/// Verifies both signatures and the time.
fn verify(secret: &str, headers: &HeaderMap, body: &[u8], now: i64) -> Result<(), &'static str> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let hex = header("x-inboxops-signature").strip_prefix("sha256=").and_then(from_hex);
    let Some(given) = hex else { return Err("X-InboxOps-Signature is missing") };
    if !is_mac(secret.as_bytes(), &[body], &given) {
        return Err("X-InboxOps-Signature does not fit");
    }
    let id = header("webhook-id");
    let timestamp = header("webhook-timestamp");
    let Ok(sent) = timestamp.parse::<i64>() else { return Err("webhook-timestamp is missing") };
    if now.abs_diff(sent) > TIMESTAMP_MAX.as_secs() {
        return Err("webhook-timestamp is too far from now");
    }
    let Some(key) = secret.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok()) else {
        return Err("the secret is not one");
    };
    let signed: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    let fits = header("webhook-signature").split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
    if fits.into_iter().any(|given| is_mac(&key, &signed, &given)) {
        return Ok(());
    }
    Err("webhook-signature does not fit")
}

fn is_mac(key: &[u8], parts: &[&[u8]], given: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    for part in parts {
        mac.update(part);
    }
    mac.verify_slice(given).is_ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    // Made with openssl: the first is `openssl dgst -sha256 -hmac SECRET` of the body, the second the same of
    // `id.timestamp.body` with the decoded key, in base64.
    const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
    const BODY: &[u8] = br#"{"event":"ticket.created"}"#;
    const NOW: i64 = 1_795_507_200;
    const HEX: &str = "aafb3953ef60d224cf1695bb1b056088c0deb1080f55d4196a879447c4cca957";
    const STANDARD_SIGNATURE: &str = "v1,TNfmcYiWFmb9/+CE7ah2EGqjGmdNeN5Q1JwjecmMuxo=";

    fn headers(hex: &str, standard: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: &str| {
            headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
        };
        put("x-inboxops-signature", &format!("sha256={hex}"));
        put("webhook-id", "msg_1");
        put("webhook-timestamp", &NOW.to_string());
        put("webhook-signature", standard);
        headers
    }

    #[test]
    fn a_webhook_verifies_only_when_both_signatures_fit_and_its_time_is_near() {
        let good = headers(HEX, STANDARD_SIGNATURE);
        assert_eq!(verify(SECRET, &good, BODY, NOW), Ok(()));
        assert_eq!(verify(SECRET, &good, BODY, NOW + 300), Ok(()));
        assert!(verify(SECRET, &good, BODY, NOW + 301).is_err());
        assert!(verify(SECRET, &good, b"{}", NOW).is_err());
        assert!(verify("whsec_AAAA", &good, BODY, NOW).is_err());
        assert!(verify(SECRET, &headers(HEX, "v1,AAAA"), BODY, NOW).is_err());
        assert!(verify(SECRET, &headers("00", STANDARD_SIGNATURE), BODY, NOW).is_err());
        let both = format!("v1,AAAA {STANDARD_SIGNATURE}");
        assert_eq!(verify(SECRET, &headers(HEX, &both), BODY, NOW), Ok(()));
        assert!(verify(SECRET, &HeaderMap::new(), BODY, NOW).is_err());
    }
}
