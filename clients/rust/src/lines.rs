//! Bodies that are read line by line as they come.

use crate::Error;
use reqwest::Response;
use std::time::Duration;
use tokio::time::timeout;

/// Far above the longest answer, so that a body without a line break cannot fill the memory.
const LINE_MAX_BYTES: usize = 16 << 20;

/// The lines of a body. A connection that breaks, or is silent for too long, looks like an end: whoever reads knows
/// what must stand last, and goes on from there.
#[derive(Debug)]
pub(crate) struct Lines {
    response: Response,
    idle_max: Duration,
    split: Splitter,
}

impl Lines {
    pub(crate) fn new(response: Response, idle_max: Duration) -> Lines {
        Lines { response, idle_max, split: Splitter::default() }
    }

    /// The next whole line, without its line break. What stands behind the last line break was cut off, and is nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, Error> {
        loop {
            if let Some(line) = self.split.line() {
                return Ok(Some(line));
            }
            if self.split.waiting() > LINE_MAX_BYTES {
                let text = format!("A line has more than {LINE_MAX_BYTES} bytes.");
                return Err(Error::unexpected(self.response.status().as_u16(), self.response.headers(), text));
            }
            match timeout(self.idle_max, self.response.chunk()).await {
                Ok(Ok(Some(bytes))) => self.split.add(&bytes),
                _ => return Ok(None),
            }
        }
    }
}

/// Bytes that are cut into lines.
#[derive(Debug, Default)]
struct Splitter {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to here there is no line break.
    seen: usize,
}

impl Splitter {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.seen -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    fn waiting(&self) -> usize {
        self.bytes.len() - self.start
    }

    fn line(&mut self) -> Option<String> {
        let Some(at) = self.bytes[self.seen..].iter().position(|byte| *byte == b'\n') else {
            self.seen = self.bytes.len();
            return None;
        };
        let end = self.seen + at;
        let line = &self.bytes[self.start..end];
        let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
        self.start = end + 1;
        self.seen = self.start;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_the_bytes_come() {
        let text = "Größe\r\n\nb\nlast\ncut";
        for size in 1..=text.len() {
            let mut split = Splitter::default();
            let mut lines = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                split.add(piece);
                lines.extend(std::iter::from_fn(|| split.line()));
            }
            assert_eq!(lines, ["Größe", "", "b", "last"], "{size}");
            assert_eq!(split.waiting(), 3);
        }
    }
}
