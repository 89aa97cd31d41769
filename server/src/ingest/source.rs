//! Mails from a file or from standard input, one after the other, whatever the size of the whole: an mbox is taken
//! apart as it is read. It knows no server.

use std::{io, os::fd::AsFd as _, path::PathBuf, pin::Pin};
use tokio::{
    fs::File,
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
};

/// Greatest size of a mail that is sent on, in bytes; what follows are attachments, of which only the size is kept.
pub(crate) const MAIL_MAX_BYTES: usize = 31 * 1024 * 1024;
/// Greatest piece of a line that is looked at at once, in bytes.
const LINE_MAX_BYTES: u64 = 64 * 1024;
/// How much is read ahead, in bytes.
const READ_AHEAD_BYTES: usize = 256 * 1024;

/// One mail.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) raw: Vec<u8>,
    /// Whether it was longer than [`MAIL_MAX_BYTES`].
    pub(crate) cut: bool,
    /// Bytes of the source up to its end.
    pub(crate) read: u64,
}

type Reader = BufReader<Pin<Box<dyn AsyncRead + Send>>>;

/// Where mails come from.
pub(crate) struct Source {
    reader: Reader,
    line: Vec<u8>,
    read: u64,
    /// Whether the next byte begins a line.
    line_starts: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing is read yet.
    Unknown,
    /// One mail.
    Single,
    /// Many, each after a line that begins with `From `.
    Mbox,
}

impl Source {
    /// A file; its size, when it has one, is known at once.
    pub(crate) async fn file(path: &PathBuf) -> io::Result<(Source, Option<u64>)> {
        let file = File::open(path).await?;
        let about = file.metadata().await?;
        if about.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        Ok((Source::new(Box::pin(file)), about.is_file().then_some(about.len())))
    }

    /// Standard input.
    pub(crate) fn stdin() -> io::Result<Source> {
        let file = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Source::new(Box::pin(File::from_std(file.into()))))
    }

    fn new(reader: Pin<Box<dyn AsyncRead + Send>>) -> Source {
        let reader = BufReader::with_capacity(READ_AHEAD_BYTES, reader);
        Source { reader, line: Vec::new(), read: 0, line_starts: true, kind: Kind::Unknown }
    }

    /// The next mail; none at the end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Mail>> {
        let mut mail = Mail::default();
        // Of an empty source and of the space between two mails there is nothing to send.
        let mut blank_before = true;
        loop {
            let begins = self.line_starts;
            self.line.clear();
            let got = (&mut self.reader).take(LINE_MAX_BYTES).read_until(b'\n', &mut self.line).await?;
            if got == 0 {
                mail.read = self.read;
                return Ok((!mail.raw.is_empty()).then_some(mail));
            }
            self.line_starts = self.line.ends_with(b"\n");
            if begins && self.kind == Kind::Unknown {
                self.kind = if is_from_line(&self.line) { Kind::Mbox } else { Kind::Single };
            }
            if begins && self.kind == Kind::Mbox && blank_before && is_from_line(&self.line) {
                mail.read = self.read;
                self.read += got as u64;
                if mail.raw.iter().all(u8::is_ascii_whitespace) {
                    mail.raw.clear();
                    continue;
                }
                return Ok(Some(mail));
            }
            self.read += got as u64;
            let text = if begins && self.kind == Kind::Mbox { unquoted(&self.line) } else { &self.line };
            let room = MAIL_MAX_BYTES - mail.raw.len();
            mail.cut |= text.len() > room;
            mail.raw.extend_from_slice(&text[..text.len().min(room)]);
            blank_before = begins && matches!(&self.line[..], b"\n" | b"\r\n");
        }
    }
}

/// `From ada@example.com Tue Nov 24 10:00:00 2026`: without a time of day it is a sentence of somebody.
fn is_from_line(line: &[u8]) -> bool {
    let time = |at: &[u8]| at[0].is_ascii_digit() && at[1] == b':' && at[2].is_ascii_digit();
    line.starts_with(b"From ") && line.windows(3).any(time)
}

/// Takes away the `>` that an mbox puts before `From ` in a text.
fn unquoted(line: &[u8]) -> &[u8] {
    let quotes = line.iter().take_while(|byte| **byte == b'>').count();
    if quotes > 0 && line[quotes..].starts_with(b"From ") { &line[1..] } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(bytes: &'static [u8]) -> Vec<String> {
        let mut source = Source::new(Box::pin(bytes));
        let mut mails = Vec::new();
        while let Some(mail) = source.next().await.expect("memory is read") {
            mails.push(String::from_utf8(mail.raw).expect("text"));
        }
        assert_eq!(source.read, bytes.len() as u64);
        mails
    }

    #[tokio::test]
    async fn an_mbox_is_many_mails_and_anything_else_is_one() {
        assert_eq!(all(b"").await, [""; 0]);
        assert_eq!(all(b"Subject: x\n\nFrom here on\n").await, ["Subject: x\n\nFrom here on\n"]);
        let mbox = b"From a@b Tue Nov 24 10:00:00 2026\nSubject: 1\n\n>From x\n>>From y\n> From z\n\n\
            From here on it is text.\nFrom a@b Tue Nov 24 10:00:00 2026 too\n\n\
            From a@b Tue Nov 24 10:00:01 2026\r\nSubject: 2\r\n\r\nx\r\n\r\n\
            From c Tue Nov 24 10:00:01 2026\nlast";
        let expected = [
            "Subject: 1\n\nFrom x\n>From y\n> From z\n\nFrom here on it is text.\nFrom a@b Tue Nov 24 10:00:00 2026 too\n\n",
            "Subject: 2\r\n\r\nx\r\n\r\n",
            "last",
        ];
        assert_eq!(all(mbox).await, expected);
    }

    #[tokio::test]
    async fn a_mail_without_an_end_takes_no_more_than_its_room() {
        let endless = tokio::io::repeat(b'x').take(MAIL_MAX_BYTES as u64 + 5_000_000);
        let mut source = Source::new(Box::pin(endless));
        let mail = source.next().await.expect("memory is read").expect("a mail");
        assert!(mail.cut && mail.raw.len() == MAIL_MAX_BYTES && mail.read > MAIL_MAX_BYTES as u64);
        assert_eq!(source.next().await.expect("memory is read"), None);
    }
}
