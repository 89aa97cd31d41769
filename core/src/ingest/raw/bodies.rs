//! Decides which parts of a mail are its text, its HTML and its attachments (RFC 8621 4.1.4, with what mail programs
//! need beyond it). Mails inside the mail are read as well.

use super::{
    super::mail::{self, File},
    TEXT_MAX_BYTES,
    part::{Parent, Part},
};
use crate::{
    html,
    mime::{
        charset::{self, Charset},
        encoding::{self, Encoding},
        fields::{self, Fields},
        flowed, multipart,
    },
};
use std::borrow::Cow;

/// Greatest nesting of multiparts and mails.
const NESTED_MAX: usize = 100;
/// Greatest nesting of mails that are encoded as a whole, each of which is a copy.
const COPIES_MAX: usize = 3;
/// Greatest number of parts that are read.
const PARTS_MAX: usize = 10_000;
/// Greatest size of an encoded text that is read, in bytes.
const ENCODED_MAX_BYTES: usize = 4 * TEXT_MAX_BYTES;
/// Greatest number of mails that a report may be about.
const REPORTED_MAX: usize = 4;
/// Greatest number of attached texts that are kept in case there is nothing else to show.
const SPARES_MAX: usize = 20;

/// The contents of a mail.
pub(crate) struct MailContents {
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
    pub(crate) files: Vec<File>,
    /// Ids of the mails that a report is about.
    pub(crate) reported: Vec<String>,
}

/// Reads the parts of one mail.
#[derive(Default)]
pub(crate) struct Reader {
    pieces: Vec<Piece>,
    /// Pieces of the plain text, and of the HTML.
    texts: Vec<usize>,
    htmls: Vec<usize>,
    files: Vec<File>,
    /// Attached texts: index of the file, and whether it has a name.
    spares: Vec<(usize, bool, Piece)>,
    bytes: usize,
    parts: usize,
    nested: usize,
    copies: usize,
    charset: Option<Charset>,
    reported: Vec<String>,
}

#[derive(Clone)]
enum Piece {
    Plain(String),
    Html(String),
}

/// The parent of a mail's top-level part.
const TOP: Parent<'_> = Parent { kind: "mixed", start: "", alternative: false, report: false };

impl Reader {
    /// The charset of the first text, used for header bytes without one.
    pub(crate) fn charset(&self) -> Option<Charset> {
        self.charset
    }

    /// Reads the parts of a mail.
    pub(crate) fn mail(&mut self, fields: &Fields<'_>, body: &[u8]) {
        self.parts(vec![Part::read(fields, body, "text/plain")], TOP, true, true);
    }

    /// Assembles the result.
    pub(crate) fn found(mut self) -> MailContents {
        if self.texts.is_empty() && self.htmls.is_empty() {
            self.use_spares();
        }
        let is_html = |at: &usize| matches!(self.pieces[*at], Piece::Html(_));
        let has_html = self.htmls.iter().any(is_html);
        let has_plain = self.texts.iter().any(|at| !is_html(at));
        let plain = |at: &usize| match &self.pieces[*at] {
            Piece::Plain(text) => Cow::Borrowed(text.as_str()),
            Piece::Html(html) => Cow::Owned(html::text_of(html)),
        };
        // A plain-text part is also part of the HTML, if there is any.
        let rich = |at: &usize| match &self.pieces[*at] {
            Piece::Html(html) => Cow::Borrowed(html.as_str()),
            Piece::Plain(text) => Cow::Owned(html::marked_up(text)),
        };
        MailContents {
            text: has_plain.then(|| joined(self.texts.iter().map(plain), "\n\n")).and_then(mail::body),
            html: has_html.then(|| joined(self.htmls.iter().map(rich), "\n")).and_then(mail::body),
            files: self.files,
            reported: self.reported,
        }
    }

    /// If a mail has nothing to show but its attached text, that becomes its text.
    fn use_spares(&mut self) {
        let unnamed = self.spares.iter().any(|(_, named, _)| !named);
        let alone = self.spares.len() == 1;
        let mut taken = Vec::new();
        for (file, named, piece) in std::mem::take(&mut self.spares) {
            if !named || alone && !unnamed {
                self.add(piece, true, true);
                taken.extend((!named).then_some(file));
            }
        }
        let mut at = 0;
        self.files.retain(|_| {
            at += 1;
            !taken.contains(&(at - 1))
        });
    }

    /// Reads the parts of one multipart. `to_text` and `to_html` say which bodies they may belong to.
    fn parts(&mut self, parts: Vec<Part<'_>>, within: Parent<'_>, mut to_text: bool, mut to_html: bool) {
        let before = (self.texts.len(), self.htmls.len());
        let both = to_text && to_html;
        let root = root(&parts, within);
        for (at, part) in parts.into_iter().enumerate() {
            if part.is("multipart/") && self.opened(&part, within, to_text, to_html) {
                continue;
            }
            if let Some(piece) = part.readable(at == root, within).then(|| self.piece(&part)) {
                let is_html = matches!(piece, Piece::Html(_));
                match (within.kind, within.alternative) {
                    ("alternative", _) => self.add(piece, to_text && !is_html, to_html && is_html),
                    (_, alternative) => {
                        (to_text, to_html) = match (alternative, is_html) {
                            (true, true) => (false, to_html),
                            (true, false) => (to_text, false),
                            (false, _) => (to_text, to_html),
                        };
                        self.add(piece, to_text, to_html);
                    }
                }
                continue;
            }
            self.file(&part);
            match (within.report, part.is_mail()) {
                (true, _) => self.report(&part),
                (false, true) => self.forwarded(&part, to_text, to_html),
                (false, false) => {}
            }
        }
        if within.kind == "alternative" && both {
            // Content in one form only belongs to both bodies.
            match (self.texts.len() == before.0, self.htmls.len() == before.1) {
                (true, false) => self.texts.extend_from_slice(&self.htmls[before.1..]),
                (false, true) => self.htmls.extend_from_slice(&self.texts[before.0..]),
                _ => {}
            }
        }
    }

    /// Opens a multipart; false if it has no parts.
    fn opened(&mut self, part: &Part<'_>, within: Parent<'_>, to_text: bool, to_html: bool) -> bool {
        if self.split(part, part.body, within, to_text, to_html) {
            return true;
        }
        // A multipart must not be encoded as a whole; if it is, its delimiters appear after decoding.
        if part.encoding == Encoding::Plain || self.copies >= COPIES_MAX {
            return false;
        }
        self.copies += 1;
        let found = self.split(part, &part.encoding.decode(part.body), within, to_text, to_html);
        self.copies -= 1;
        found
    }

    fn split(&mut self, part: &Part<'_>, body: &[u8], within: Parent<'_>, to_text: bool, to_html: bool) -> bool {
        let boundary = part.kind.raw("boundary").unwrap_or_default().trim_end();
        let room = PARTS_MAX.saturating_sub(self.parts);
        if self.nested >= NESTED_MAX || room == 0 {
            return false;
        }
        let kind = part.kind.word.strip_prefix("multipart/").unwrap_or_default();
        let default = if kind == "digest" { "message/rfc822" } else { "text/plain" };
        let read = |slice| {
            let (fields, body) = fields::split(slice);
            Part::read(&fields, body, default)
        };
        let parts: Vec<_> = multipart::parts(body, boundary, room).into_iter().map(read).collect();
        let found = !parts.is_empty();
        self.parts += parts.len();
        let inner = Parent {
            kind,
            start: part.kind.raw("start").unwrap_or_default(),
            alternative: within.alternative || kind == "alternative",
            report: within.report || kind == "report",
        };
        self.nested += 1;
        self.parts(parts, inner, to_text, to_html);
        self.nested -= 1;
        found
    }

    /// The text of a mail that was forwarded as a file, below the header lines that a reader needs.
    fn forwarded(&mut self, part: &Part<'_>, to_text: bool, to_html: bool) {
        let copies = usize::from(part.encoding != Encoding::Plain);
        if self.nested >= NESTED_MAX || self.copies + copies > COPIES_MAX || !to_text && !to_html {
            return;
        }
        let raw = part.encoding.decode(part.body);
        let (fields, body) = fields::of_mail(&raw);
        (self.nested, self.copies) = (self.nested + 1, self.copies + copies);
        let place = self.pieces.len();
        self.add(Piece::Plain(String::new()), to_text, to_html);
        self.parts(vec![Part::read(&fields, body, "text/plain")], TOP, to_text, to_html);
        self.pieces[place] = Piece::Plain(envelope(&fields, self.charset));
        (self.nested, self.copies) = (self.nested - 1, self.copies - copies);
    }

    /// Finds the mail that a report is about: the one that it returns, or that a receipt names (RFC 3464, RFC 8098).
    fn report(&mut self, part: &Part<'_>) {
        let field = match part.kind.word.as_str() {
            _ if part.is_mail() => "Message-ID",
            "text/rfc822-headers" | "message/rfc822-headers" => "Message-ID",
            "message/disposition-notification" => "Original-Message-ID",
            _ => return,
        };
        if self.reported.len() < REPORTED_MAX {
            let raw = part.encoding.decode(part.body);
            self.reported.extend(mail::message_id(&fields::split(&raw).0.text(field, None)));
        }
    }

    fn add(&mut self, piece: Piece, to_text: bool, to_html: bool) {
        let at = self.pieces.len();
        self.bytes += piece.len();
        self.pieces.push(piece);
        self.texts.extend(to_text.then_some(at));
        self.htmls.extend(to_html.then_some(at));
    }

    fn file(&mut self, part: &Part<'_>) {
        let named = !part.name.is_empty();
        if self.texts.is_empty() && self.htmls.is_empty() && self.spares.len() < SPARES_MAX && part.may_be_read() {
            let piece = self.piece(part);
            self.spares.push((self.files.len(), named, piece));
        }
        let size = part.encoding.decoded_len(part.body) as u64;
        let name = if named { part.name.clone() } else { part.usual_name(self.charset) };
        self.files.push(File { name, media_type: part.kind.word.clone(), size });
    }

    /// The text of a part. It is empty once there is more text than is kept.
    fn piece(&mut self, part: &Part<'_>) -> Piece {
        let is_html = part.is_html();
        let room = TEXT_MAX_BYTES.saturating_sub(self.bytes);
        let body = if room == 0 { &[] } else { &part.body[..part.body.len().min(ENCODED_MAX_BYTES)] };
        let end = if part.encoding == Encoding::Base64 { encoding::base64_end(body) } else { body.len() };
        let (body, below) = body.split_at(end);
        let bytes = part.encoding.decode(body);
        let told = part.kind.raw("charset").and_then(charset::named);
        self.charset = self.charset.or(told);
        let own = told.or_else(|| if is_html { charset::of_html(&bytes) } else { None });
        let mut text = charset::decode(&bytes, own);
        if !below.trim_ascii().is_empty() {
            let below = charset::decode(below.trim_ascii(), own);
            text = format!("{}\n\n{}", text.trim_end(), if is_html { html::marked_up(&below) } else { below });
        }
        text = in_lines(text);
        if !is_html && part.kind.raw("format").is_some_and(|it| it.eq_ignore_ascii_case("flowed")) {
            let delsp = part.kind.raw("delsp").is_some_and(|it| it.eq_ignore_ascii_case("yes"));
            text = flowed::joined(&text, delsp);
        }
        text.truncate(text.floor_char_boundary(room));
        if is_html { Piece::Html(text) } else { Piece::Plain(text) }
    }
}

impl Piece {
    fn len(&self) -> usize {
        let (Piece::Plain(text) | Piece::Html(text)) = self;
        text.len()
    }
}

/// A text with one kind of line end and without characters that are no part of it.
pub(crate) fn in_lines(mut text: String) -> String {
    if text.contains('\0') {
        text = text.replace('\0', "");
    }
    if text.contains('\r') {
        text = text.replace("\r\n", "\n").replace('\r', "\n");
    }
    let marks = text.len() - text.trim_start_matches('\u{feff}').len();
    text.drain(..marks);
    text
}

fn joined<'a>(parts: impl Iterator<Item = Cow<'a, str>>, between: &str) -> String {
    let mut whole = String::new();
    for part in parts {
        if whole.len() > TEXT_MAX_BYTES {
            break;
        }
        if whole.is_empty() {
            whole = part.into_owned();
        } else if !part.is_empty() {
            whole.push_str(between);
            whole.push_str(&part);
        }
    }
    whole
}

/// The part of a multipart that is shown first: in `related`, the one that the others belong to.
fn root(parts: &[Part<'_>], within: Parent<'_>) -> usize {
    if within.kind != "related" {
        return 0;
    }
    let shown = |part: &Part<'_>| part.is("multipart/") || part.is_text();
    let named = |part: &Part<'_>| shown(part) && !within.start.is_empty() && part.id.trim() == within.start.trim();
    parts.iter().position(named).or_else(|| parts.iter().position(shown)).unwrap_or(0)
}

/// The lines above the text of a forwarded mail.
fn envelope(fields: &Fields<'_>, charset: Option<Charset>) -> String {
    let mut lines = "---------- Forwarded message ----------".to_owned();
    for name in ["From", "Date", "Subject", "To"] {
        let value = mail::name(&fields.text(name, charset));
        if !value.is_empty() {
            lines += &format!("\n{name}: {value}");
        }
    }
    lines
}
