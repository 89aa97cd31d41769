//! A receiver of webhooks on a real socket, which keeps the requests and answers as it is told.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use inboxops_proto::clock::Timestamp;
use sha2::Sha256;
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
    time::Duration,
};

/// Greatest difference of times that Standard Webhooks libraries allow, in seconds.
const TOLERANCE_SECS: i64 = 300;
/// Longest time that a test waits for a webhook.
const PATIENCE: Duration = Duration::from_secs(30);

/// A received webhook.
pub(crate) struct Webhook {
    /// In lower case.
    pub headers: String,
    pub body: String,
}

impl Webhook {
    /// A header by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> String {
        header(&self.headers, name)
    }

    /// The verdict of a Standard Webhooks library that knows one secret.
    pub(crate) fn signed_standard(&self, secret: &str, now: Timestamp) -> bool {
        let (id, sent) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let at: i64 = sent.parse().expect("seconds");
        let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
        let wanted = format!("v1,{}", STANDARD.encode(mac(&key, &[&id, ".", &sent, ".", &self.body])));
        (now.micros() / 1_000_000 - at).abs() <= TOLERANCE_SECS
            && self.header("webhook-signature").split(' ').any(|one| one == wanted)
    }

    /// The verdict of a verifier of the older header that knows one secret.
    pub(crate) fn signed_ours(&self, secret: &str) -> bool {
        let mac: String = mac(secret.as_bytes(), &[&self.body]).iter().map(|byte| format!("{byte:02x}")).collect();
        self.header("x-inboxops-signature") == format!("sha256={mac}")
    }
}

fn mac(key: &[u8], parts: &[&str]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("keys of any length");
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    mac.finalize().into_bytes().to_vec()
}

/// A receiver that answers 200 by default.
pub(crate) struct Receiver {
    pub address: SocketAddr,
    pub status: Arc<AtomicU16>,
    webhooks: mpsc::Receiver<Webhook>,
}

impl Receiver {
    pub(crate) fn open() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let status = Arc::new(AtomicU16::new(200));
        let (webhook, webhooks) = mpsc::channel();
        let answer = status.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (webhook, answer) = (webhook.clone(), answer.clone());
                std::thread::spawn(move || receive(stream.expect("a connection"), &webhook, &answer));
            }
        });
        Receiver { address, status, webhooks }
    }

    /// The next webhook; the test fails if there is none.
    pub(crate) fn next(&self) -> Webhook {
        self.webhooks.recv_timeout(PATIENCE).expect("a webhook")
    }

    /// The next webhook, if it arrives in this time.
    pub(crate) fn next_within(&self, most: Duration) -> Option<Webhook> {
        self.webhooks.recv_timeout(most).ok()
    }
}

fn receive(stream: TcpStream, webhooks: &mpsc::Sender<Webhook>, status: &AtomicU16) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut headers = String::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            headers.push_str(&format!("{}:{value}", name.to_lowercase()));
        }
        let length = header(&headers, "content-length").parse().expect("a length");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let _ = webhooks.send(Webhook { headers, body: String::from_utf8(body).expect("text") });
        let answer = format!("HTTP/1.1 {} OK\r\ncontent-length: 2\r\n\r\nok", status.load(Ordering::SeqCst));
        reader.get_mut().write_all(answer.as_bytes()).expect("an answer");
    }
}

fn header(headers: &str, name: &str) -> String {
    let line = headers.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name}: {headers}")).trim().to_owned()
}
