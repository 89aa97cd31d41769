//! Reads mails from a file or standard input, one after the other, whatever the total size: an mbox is split while it
//! is read. It knows no server.

use super::mbox::{self, Separator};
use std::{io, os::fd::AsFd as _, path::PathBuf, pin::Pin};
use tokio::{
    fs::File,
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
};

/// Greatest size of a mail that is sent on, in bytes; the rest are attachments, of which only the size is kept.
pub(crate) const MAIL_MAX_BYTES: usize = 31 * 1024 * 1024;
/// Greatest part of a line that is examined at a time, in bytes.
const LINE_MAX_BYTES: u64 = 64 * 1024;
/// Size of the read-ahead buffer, in bytes.
const READ_AHEAD_BYTES: usize = 256 * 1024;
/// Some programs put it at the start of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

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

/// A source of mails.
pub(crate) struct Source {
    reader: Reader,
    /// The line, or the part of a long one, that is being examined.
    line: Vec<u8>,
    /// The next one, if it had to be examined already; empty at the end.
    ahead: Option<Vec<u8>>,
    read: u64,
    /// Whether the next byte begins a line.
    line_starts: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Not read yet.
    Unknown,
    /// One mail.
    Single,
    /// Many mails, each after a separator line.
    Mbox,
}

impl Source {
    /// A file; its size is known at once, if it has one.
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
        Source { reader, line: Vec::new(), ahead: None, read: 0, line_starts: true, kind: Kind::Unknown }
    }

    /// The next mail; none at the end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Mail>> {
        let mut mail = Mail::default();
        // An empty source, and the space between two mails, contain nothing to send.
        let mut blank_before = true;
        let mut in_body = false;
        loop {
            let begins = self.line_starts;
            let before = self.read;
            if !self.advance().await? {
                mail.read = self.read;
                return Ok((!mail.raw.is_empty()).then_some(mail));
            }
            let blank = begins && matches!(&self.line[..], b"\n" | b"\r\n");
            if begins && self.kind == Kind::Unknown && !blank {
                self.kind = if self.separates(true).await? { Kind::Mbox } else { Kind::Single };
            }
            let mbox = begins && self.kind == Kind::Mbox;
            if mbox && self.separates(blank_before).await? {
                mail.read = before;
                if mail.raw.iter().all(u8::is_ascii_whitespace) {
                    mail.raw.clear();
                    (blank_before, in_body) = (true, false);
                    continue;
                }
                return Ok(Some(mail));
            }
            let text = if mbox && in_body { unquoted(&self.line) } else { &self.line };
            let room = MAIL_MAX_BYTES - mail.raw.len();
            mail.cut |= text.len() > room;
            mail.raw.extend_from_slice(&text[..text.len().min(room)]);
            blank_before = blank;
            in_body |= blank;
        }
    }

    /// Advances to the next line, or to the next part of a long one; false at the end.
    async fn advance(&mut self) -> io::Result<bool> {
        match self.ahead.take() {
            Some(ahead) => self.line = ahead,
            None => read_line(&mut self.reader, &mut self.line).await?,
        }
        let first = self.read == 0;
        let length = self.line.len();
        self.read += length as u64;
        self.line_starts = self.line.ends_with(b"\n");
        if first && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(length > 0)
    }

    /// Whether the line separates two mails. A certain one does after an empty line, and without one if a header
    /// follows, since some programs omit the empty line. One that may be a sentence needs both.
    async fn separates(&mut self, blank_before: bool) -> io::Result<bool> {
        match (mbox::separator(&self.line), blank_before) {
            (None, _) | (Some(Separator::Likely), false) => Ok(false),
            (Some(Separator::Sure), true) => Ok(true),
            (Some(_), _) => {
                if self.ahead.is_none() {
                    let mut ahead = Vec::new();
                    read_line(&mut self.reader, &mut ahead).await?;
                    self.ahead = Some(ahead);
                }
                Ok(self.ahead.as_deref().is_some_and(mbox::begins_header))
            }
        }
    }
}

async fn read_line(reader: &mut Reader, line: &mut Vec<u8>) -> io::Result<()> {
    line.clear();
    reader.take(LINE_MAX_BYTES).read_until(b'\n', line).await.map(drop)
}

/// Removes the `>` that an mbox puts before `From ` in a text.
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

    const LINE: &str = "From a@b Tue Nov 24 10:00:00 2026\n";

    /// The subjects of the mails in it.
    async fn subjects(mbox: &str) -> String {
        let mails = all(Box::leak(mbox.to_owned().into_bytes().into_boxed_slice())).await;
        let subject = |mail: &String| mail.lines().find_map(|line| line.strip_prefix("Subject: ").map(str::to_owned));
        mails.iter().map(|mail| subject(mail).unwrap_or_default()).collect::<Vec<_>>().join(" ")
    }

    #[tokio::test]
    async fn a_sentence_parts_no_mails() {
        for text in [
            "From 9:30 to 11:00 nobody answered the phone.",
            "From here on",
            "From a@b Tue Nov 24 10:00:00 2026 on",
            "From Tue Nov 24 10:00:00 2026\nnobody came.",
            "From Rome Tue Nov 24 10:00 2026 I wrote:\nx",
            ">From a@b Tue Nov 24 10:00:00 2026\nSubject: no",
        ] {
            for between in ["\n", "\n\n"] {
                let mbox = format!("{LINE}Subject: 1\n\nHello,{between}{text}\nBye\n\n{LINE}Subject: 2\n\nx\n");
                assert_eq!(subjects(&mbox).await, "1 2", "{text}");
                // A single mail is no mbox, whatever it contains.
                assert_eq!(subjects(&format!("Subject: 1\n\n{text}\n\n{LINE}Subject: 2\n")).await, "1", "{text}");
                let mails = all(Box::leak(mbox.clone().into_bytes().into_boxed_slice())).await;
                assert!(mails[0].contains(text.trim_start_matches('>')), "no line is lost: {}", mails[0]);
            }
        }
        // Nor does a sentence begin an mbox.
        assert_eq!(all(b"From 9:30 on\n\nFrom a@b Tue Nov 24 10:00:00 2026\nSubject: 1\n").await.len(), 1);
    }

    #[tokio::test]
    async fn mails_are_apart_however_the_lines_between_them_stand() {
        for mbox in [
            "{L}Subject: 1\n\nx\n\n{L}Subject: 2\n\ny",
            "{L}Subject: 1\n\nx\n{L}Subject: 2\n\ny\n\n\n\n",
            "{L}Subject: 1\n\nx\n\n\n\n\n{L}Subject: 2\n\ny\n",
            "\u{feff}{L}Subject: 1\n\nx\n\n{L}Subject: 2\n\ny\n",
            "\n\n{L}Subject: 1\n\nx\n\n{L}Subject: 2\n\ny\n",
            "{L}Subject: 1\n{L}Subject: 2\n",
            "{L}{L}Subject: 1\n\n\n{L}\n\n{L}Subject: 2\n",
            "{L}>From c@d Tue Nov 24 10:00:00 2026 remote from x\nSubject: 1\n\n{L}Subject: 2\n",
            "{L}Subject: 1\n\nx\n\nFrom Ada Lovelace Tue Nov 24 10:00:00 2026\nSubject: 2\n\ny\n",
            "From  Tue Nov 24 10:00:00 2026\nSubject: 1\n\nx\n\nFrom 2026-11-24 10:00:00\nSubject: 2\n\ny\n",
        ] {
            let mbox = mbox.replace("{L}", LINE);
            assert_eq!(subjects(&mbox).await, "1 2", "{mbox}");
            assert_eq!(subjects(&mbox.replace('\n', "\r\n")).await, "1 2", "{mbox}");
        }
    }

    #[tokio::test]
    async fn quotes_go_from_bodies_alone_and_a_mark_from_the_start() {
        assert_eq!(all(b"\xef\xbb\xbfSubject: 1\n\n>From x\n").await, ["Subject: 1\n\n>From x\n"]);
        assert_eq!(all(b"\n\nSubject: 1\n").await, ["\n\nSubject: 1\n"]);
        let mbox = b"From - Tue Nov 24 10:00:00 2026\n>From b\nSubject: 1\n\n>From c\n>>From d\n>>Fro\n";
        assert_eq!(all(mbox).await, [">From b\nSubject: 1\n\nFrom c\n>From d\n>>Fro\n"]);
    }

    #[tokio::test]
    async fn no_line_of_any_order_is_lost() {
        const PIECES: [&str; 7] =
            [LINE, "From Ada B Tue Nov 24 10:00 2026\n", "From 9:30 #\n", "Name: #\n", "\n", ">From #\n", "word #\n"];
        for order in 0..PIECES.len().pow(5) {
            let (mut text, mut rest) = (String::new(), order);
            for at in 0..5 {
                text += &PIECES[rest % PIECES.len()].replace('#', &format!("w{at}"));
                rest /= PIECES.len();
            }
            let marks =
                |text: &str| text.split_whitespace().filter(|it| it.starts_with('w')).collect::<Vec<_>>().join(" ");
            let mut source = Source::new(Box::pin(std::io::Cursor::new(text.clone().into_bytes())));
            let mut read = Vec::new();
            while let Some(mail) = source.next().await.expect("memory is read") {
                read.extend_from_slice(&mail.raw);
            }
            assert_eq!(marks(str::from_utf8(&read).expect("text")), marks(&text), "{text}");
            assert_eq!(source.read, text.len() as u64);
        }
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
