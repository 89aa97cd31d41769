//! A part of a mail: what its header says, and whether it is text or an attachment.

use crate::mime::{
    charset::Charset,
    encoding::Encoding,
    fields::{self, Fields},
    value::Value,
};

/// A part with the fields of its header.
pub(crate) struct Part<'a> {
    /// Its media type, with parameters.
    pub(crate) kind: Value,
    /// Whether it is shown or attached.
    pub(crate) disposition: Value,
    /// Its transfer encoding.
    pub(crate) encoding: Encoding,
    /// Name of the file; may be empty.
    pub(crate) name: String,
    /// `Content-ID`; may be empty.
    pub(crate) id: String,
    /// Everything after its header.
    pub(crate) body: &'a [u8],
}

/// The multipart that contains a part.
#[derive(Clone, Copy)]
pub(crate) struct Parent<'a> {
    /// What follows `multipart/`.
    pub(crate) kind: &'a str,
    /// `Content-ID` of the part of `related` that is shown.
    pub(crate) start: &'a str,
    /// Whether it is inside `alternative`, at any depth.
    pub(crate) alternative: bool,
    /// Whether it is inside a report, at any depth.
    pub(crate) report: bool,
}

impl<'a> Part<'a> {
    /// Reads the fields; a part without a type is a `default`.
    pub(crate) fn read(fields: &Fields<'_>, body: &'a [u8], default: &str) -> Part<'a> {
        let value = |name: &str| fields.structured(name, None).into_iter().next().unwrap_or_default();
        let mut kind = Value::read(&value("Content-Type"));
        let whole = kind.word.split_once('/').is_some_and(|(kind, sub)| !kind.is_empty() && !sub.is_empty());
        if !whole {
            kind.word = if kind.word.is_empty() { default.to_owned() } else { "text/plain".to_owned() };
        }
        let disposition = Value::read(&value("Content-Disposition"));
        let name = disposition.text("filename").or_else(|| kind.text("name")).or_else(|| disposition.text("name"));
        let name = name.unwrap_or_default().trim().to_owned();
        let encoding = Encoding::named(&value("Content-Transfer-Encoding"));
        Part { kind, disposition, encoding, name, id: value("Content-ID"), body }
    }

    /// Whether its media type begins with this.
    pub(crate) fn is(&self, beginning: &str) -> bool {
        self.kind.word.starts_with(beginning)
    }

    pub(crate) fn is_html(&self) -> bool {
        matches!(self.kind.word.as_str(), "text/html" | "application/xhtml+xml")
    }

    /// Whether it is plain text or HTML. A multipart without parts is read as text.
    pub(crate) fn is_text(&self) -> bool {
        self.is_html() || self.kind.word == "text/plain" || self.is("multipart/")
    }

    pub(crate) fn is_mail(&self) -> bool {
        matches!(self.kind.word.as_str(), "message/rfc822" | "message/global" | "message/news")
    }

    /// Whether it is shown as text. Later parts with a name are attachments, unless they are marked as inline.
    pub(crate) fn readable(&self, first: bool, within: Parent<'_>) -> bool {
        let shown = first
            || within.kind == "alternative"
            || within.kind != "related" && (self.name.is_empty() || self.disposition.word == "inline");
        self.is_text() && self.disposition.word != "attachment" && shown
    }

    /// Whether a person could read it as text, however it is marked.
    pub(crate) fn may_be_read(&self) -> bool {
        const FOR_PROGRAMS: [&str; 11] = [
            "text/calendar",
            "text/x-amp-html",
            "text/vcard",
            "text/x-vcard",
            "text/directory",
            "text/css",
            "text/javascript",
            "text/xml",
            "text/csv",
            "text/rtf",
            "text/rfc822-headers",
        ];
        self.is_text() || self.is("text/") && self.name.is_empty() && !FOR_PROGRAMS.contains(&self.kind.word.as_str())
    }

    /// A name for an attachment without one.
    pub(crate) fn usual_name(&self, charset: Option<Charset>) -> String {
        match self.kind.word.as_str() {
            "text/calendar" => "invite.ics".to_owned(),
            "text/x-amp-html" => "amp.html".to_owned(),
            "text/vcard" | "text/x-vcard" | "text/directory" => "contact.vcf".to_owned(),
            _ if self.is_mail() => {
                let subject = fields::of_mail(self.body).0.text("Subject", charset);
                if subject.trim().is_empty() { "message.eml".to_owned() } else { subject }
            }
            _ => String::new(),
        }
    }
}
