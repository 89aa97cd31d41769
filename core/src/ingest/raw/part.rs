//! A part of a mail: what its header says of it, and what it is for a reader.

use crate::mime::{
    charset::Charset,
    encoding::Encoding,
    fields::{self, Fields},
    value::Value,
};

/// What the header of a part says of it.
pub(crate) struct Part<'a> {
    /// Its media type, with parameters.
    pub(crate) kind: Value,
    /// Whether it is to be shown or kept.
    pub(crate) disposition: Value,
    /// How its body is written.
    pub(crate) encoding: Encoding,
    /// Name of the file; may be empty.
    pub(crate) name: String,
    /// `Content-ID`; may be empty.
    pub(crate) id: String,
    /// What stands below its header.
    pub(crate) body: &'a [u8],
}

/// The multipart that a part stands in.
#[derive(Clone, Copy)]
pub(crate) struct Parent<'a> {
    /// What follows `multipart/`.
    pub(crate) kind: &'a str,
    /// The id of the part of `related` that is shown.
    pub(crate) start: &'a str,
    /// Whether it stands in `alternative`, however deep.
    pub(crate) alternative: bool,
    /// Whether it stands in a report, however deep.
    pub(crate) report: bool,
}

impl<'a> Part<'a> {
    /// Reads what `fields` say; without a type it is a `default`.
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

    /// Whether its type begins so.
    pub(crate) fn is(&self, beginning: &str) -> bool {
        self.kind.word.starts_with(beginning)
    }

    pub(crate) fn is_html(&self) -> bool {
        matches!(self.kind.word.as_str(), "text/html" | "application/xhtml+xml")
    }

    /// Whether it is plain text or HTML; a multipart without parts is read as what it is.
    pub(crate) fn is_text(&self) -> bool {
        self.is_html() || self.kind.word == "text/plain" || self.is("multipart/")
    }

    pub(crate) fn is_mail(&self) -> bool {
        matches!(self.kind.word.as_str(), "message/rfc822" | "message/global" | "message/news")
    }

    /// Whether it is shown as text. Those behind the first that have a name are files, unless they are to be shown.
    pub(crate) fn readable(&self, first: bool, within: Parent<'_>) -> bool {
        let shown = first
            || within.kind == "alternative"
            || within.kind != "related" && (self.name.is_empty() || self.disposition.word == "inline");
        self.is_text() && self.disposition.word != "attachment" && shown
    }

    /// Whether it is text that a person could read, whatever it is marked as.
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

    /// The name of a file that has none.
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
