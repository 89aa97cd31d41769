//! A receiver of webhooks on a real socket, which keeps what it got and answers as it is told.

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

/// Longest time that a test waits for a post.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a receiver got.
pub struct Post {
    /// In lower case.
    pub headers: String,
    pub body: String,
}

impl Post {
    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> String {
        header(&self.headers, name)
    }
}

/// A receiver that answers 200 until it is told otherwise.
pub struct Receiver {
    pub address: SocketAddr,
    pub status: Arc<AtomicU16>,
    posts: mpsc::Receiver<Post>,
}

impl Receiver {
    pub fn open() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let status = Arc::new(AtomicU16::new(200));
        let (post, posts) = mpsc::channel();
        let answer = status.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (post, answer) = (post.clone(), answer.clone());
                std::thread::spawn(move || receive(stream.expect("a connection"), &post, &answer));
            }
        });
        Receiver { address, status, posts }
    }

    /// The next post; the test fails when none comes.
    pub fn next(&self) -> Post {
        self.posts.recv_timeout(PATIENCE).expect("a post")
    }

    /// The next post, if it comes in this time.
    pub fn next_within(&self, most: Duration) -> Option<Post> {
        self.posts.recv_timeout(most).ok()
    }
}

fn receive(stream: TcpStream, posts: &mpsc::Sender<Post>, status: &AtomicU16) {
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
        let _ = posts.send(Post { headers, body: String::from_utf8(body).expect("text") });
        let answer = format!("HTTP/1.1 {} OK\r\ncontent-length: 2\r\n\r\nok", status.load(Ordering::SeqCst));
        reader.get_mut().write_all(answer.as_bytes()).expect("an answer");
    }
}

fn header(headers: &str, name: &str) -> String {
    let line = headers.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name}: {headers}")).trim().to_owned()
}
