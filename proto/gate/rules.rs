//! Field rules: validates values as the protos define. Generated code selects the rules of each field; both REST and
//! gRPC calls pass here. It knows no noun.

use super::{AnyScope, Checked, Violations};
use crate::{
    address::{self, AllowPrivate},
    custom_header,
    failure::Violation,
    json::{
        JsonEnum,
        object::{self, Fault},
        time,
    },
    reason::{DetailCode, Reason},
};
use prost_types::Timestamp;

/// A message with field rules, anywhere in a request.
pub trait Rules {
    /// Validates every field; `at` is the location of the message.
    fn check_at(&mut self, at: &At<'_>, out: &mut Violations);

    /// Scopes that a key needs for the values of the message.
    fn scopes(&self) -> Vec<AnyScope> {
        Vec::new()
    }
}

impl<T: Rules + Default> Checked for T {
    fn check(&mut self, violations: &mut Violations) {
        self.check_at(&At::ROOT, violations);
    }

    fn needs(&self) -> Vec<AnyScope> {
        self.scopes()
    }
}

/// The scopes of the values of a list, as `of` names them; `else_any` of an empty list.
pub fn scopes(values: &[String], of: &[(&str, AnyScope)], else_any: Option<AnyScope>, out: &mut Vec<AnyScope>) {
    // A value that is unknown is refused later, by the rules of its field.
    out.extend(values.iter().filter_map(|value| of.iter().find(|(name, _)| name == value).map(|(_, scope)| *scope)));
    out.extend(else_any.filter(|_| values.is_empty()));
}

/// The location of a value in a request; it becomes text only if the value violates a rule.
pub struct At<'a> {
    parent: Option<&'a At<'a>>,
    name: &'static str,
    index: Option<usize>,
}

impl At<'_> {
    /// The request itself.
    pub const ROOT: At<'static> = At { parent: None, name: "", index: None };

    /// The location of a field of this message.
    pub fn field(&self, name: &'static str) -> At<'_> {
        At { parent: Some(self), name, index: None }
    }

    /// The location of an item of this list.
    pub fn item(&self, index: usize) -> At<'_> {
        At { parent: Some(self), name: "", index: Some(index) }
    }

    /// `endpoint.events[2]`
    pub fn path(&self) -> String {
        let mut path = self.parent.map(At::path).unwrap_or_default();
        match self.index {
            Some(index) => path += &format!("[{index}]"),
            None if path.is_empty() => path += self.name,
            None => path += &format!(".{}", self.name),
        }
        path
    }

    fn broken(&self, code: DetailCode, message: impl Into<std::borrow::Cow<'static, str>>) -> Violation {
        Violation::new(self.path(), code, message)
    }
}

/// Format of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A UUID with hyphens, in any letter case.
    Uuid,
    /// A UUID or the word `none`.
    UuidOrNone,
    /// A mail address.
    Email,
    /// An allowed webhook URL, as far as no setting and no look-up decides.
    Url,
    /// A name of a custom header.
    HeaderName,
    /// A value of a custom header.
    HeaderValue,
    /// A status of HTTP, or all of a hundred: `404`, `4xx`.
    HttpStatus,
}

/// Rules for a string.
#[derive(Debug)]
pub struct Text {
    /// White space at both ends is removed first.
    pub trim: bool,
    /// Least length in Unicode scalar values.
    pub min_len: u32,
    /// Greatest length in Unicode scalar values.
    pub max_len: u32,
    pub format: Option<Format>,
    /// The allowed values; empty for all.
    pub allowed: &'static [&'static str],
    /// Reason for refusing any other value, answered alone.
    pub reason: Option<Reason>,
}

/// Validates a string.
pub fn text(value: &mut String, rules: &Text, at: &At<'_>, out: &mut Violations) {
    if rules.trim && value.trim().len() != value.len() {
        *value = value.trim().to_owned();
    }
    if !rules.allowed.is_empty() && !rules.allowed.contains(&value.as_str()) {
        match rules.reason {
            Some(reason) => _ = out.alone.get_or_insert(reason),
            None => out.list.push(Violation::not_one_of(at.path(), rules.allowed)),
        }
        return;
    }
    out.list.extend(fault(value, rules).map(|(code, message)| at.broken(code, message)));
}

fn fault(value: &str, rules: &Text) -> Option<(DetailCode, String)> {
    if value.contains('\0') {
        return Some((DetailCode::InvalidFormat, "must not contain NUL".to_owned()));
    }
    if rules.min_len > 0 && value.trim().is_empty() {
        return Some((DetailCode::Blank, "must not be blank".to_owned()));
    }
    // A string has at most as many scalar values as bytes, so most need no counting.
    let too_long = value.len() > rules.max_len as usize && value.chars().count() > rules.max_len as usize;
    if too_long {
        return Some((DetailCode::TooLong, format!("must have at most {} characters", rules.max_len)));
    }
    if rules.min_len > 1 && value.chars().count() < rules.min_len as usize {
        return Some((DetailCode::TooShort, format!("must have at least {} characters", rules.min_len)));
    }
    misshapen(value, rules.format?).map(|what| (DetailCode::InvalidFormat, what))
}

fn misshapen(value: &str, format: Format) -> Option<String> {
    let (fits, what) = match format {
        Format::Uuid => (is_uuid(value), "must be a UUID"),
        Format::UuidOrNone => (value == "none" || is_uuid(value), "must be a UUID or none"),
        Format::HttpStatus => (is_http_status(value), "must be 2xx, 3xx, 4xx, 5xx or a number from 100 to 599"),
        Format::Email => (is_email(value), "must be a mail address"),
        Format::Url if !is_url(value) => (false, "must be a whole URL, such as https://example.com/hook"),
        Format::Url => return address::check_url(value, AllowPrivate::Yes).err().map(|refusal| refusal.to_string()),
        Format::HeaderName => return custom_header::check_name(value).err().map(|refusal| refusal.to_string()),
        Format::HeaderValue => return custom_header::check_value(value).err().map(|refusal| refusal.to_string()),
    };
    (!fits).then(|| what.to_owned())
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36 && uuid::Uuid::try_parse(value).is_ok()
}

fn is_http_status(value: &str) -> bool {
    matches!(value, "2xx" | "3xx" | "4xx" | "5xx")
        || (value.len() == 3 && value.parse::<u16>().is_ok_and(|number| (100..600).contains(&number)))
}

fn is_email(value: &str) -> bool {
    let Some((local, domain)) = value.rsplit_once('@') else { return false };
    let plain = |text: &str| !text.chars().any(|letter| letter.is_whitespace() || letter.is_control() || letter == '@');
    let label =
        |label: &str| !label.is_empty() && label.chars().all(|letter| letter == '-' || letter.is_alphanumeric());
    !local.is_empty() && plain(local) && domain.split('.').all(label)
}

fn is_url(value: &str) -> bool {
    url::Url::parse(value).is_ok_and(|url| url.has_host())
}

/// Validates an optional string.
pub fn optional_text(value: &mut Option<String>, required: bool, rules: &Text, at: &At<'_>, out: &mut Violations) {
    match value {
        Some(value) => text(value, rules, at, out),
        None => present(!required, at, out),
    }
}

/// Validates a string without presence: an empty one is absent.
pub fn plain_text(value: &mut String, required: bool, rules: &Text, at: &At<'_>, out: &mut Violations) {
    if value.is_empty() { present(!required, at, out) } else { text(value, rules, at, out) }
}

/// Validates the text of a JSON object, and removes white space between its tokens.
pub fn json_object(value: &mut Option<String>, required: bool, at: &At<'_>, out: &mut Violations) {
    let Some(text) = value else { return present(!required, at, out) };
    match object::compact(text) {
        Ok(compact) => *text = compact,
        Err(Fault::NoObject) => out.list.push(at.broken(DetailCode::InvalidType, "must be an object")),
        Err(Fault::Malformed) => {
            let message = format!("must be JSON of at most {} levels without a name twice", object::DEPTH_MAX);
            out.list.push(at.broken(DetailCode::InvalidFormat, message));
        }
    }
}

/// Validates every string of a list. Items of a query parameter have no location of their own.
pub fn texts(values: &mut [String], rules: &Text, indexed: bool, at: &At<'_>, out: &mut Violations) {
    for (index, value) in values.iter_mut().enumerate() {
        if indexed { text(value, rules, &at.item(index), out) } else { text(value, rules, at, out) }
    }
}

/// Validates the length of a list. An empty list is absent, since neither protobuf nor the rules distinguish them.
pub fn items(len: usize, required: bool, least: u32, most: u32, at: &At<'_>, out: &mut Violations) {
    if len == 0 {
        if required {
            let message =
                if least > 0 { format!("must have at least {}", counted(least)) } else { "is required".into() };
            out.list.push(at.broken(DetailCode::Required, message));
        }
    } else if len < least as usize {
        out.list.push(at.broken(DetailCode::TooShort, format!("must have at least {}", counted(least))));
    } else if len > most as usize {
        out.list.push(at.broken(DetailCode::LimitExceeded, format!("must have at most {}", counted(most))));
    }
}

fn counted(items: u32) -> String {
    if items == 1 { "1 item".to_owned() } else { format!("{items} items") }
}

pub fn number(
    value: Option<i64>,
    required: bool,
    min: Option<i64>,
    max: Option<i64>,
    at: &At<'_>,
    out: &mut Violations,
) {
    let Some(value) = value else { return present(!required, at, out) };
    if min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max) {
        return;
    }
    let message = match (min, max) {
        (Some(min), Some(max)) => format!("must be from {min} to {max}"),
        (Some(min), None) => format!("must be at least {min}"),
        (_, max) => format!("must be at most {}", max.unwrap_or(i64::MAX)),
    };
    out.list.push(at.broken(DetailCode::OutOfRange, message));
}

/// Validates an optional enum: a present one must be known and not the unspecified value.
pub fn choice<E: JsonEnum>(value: Option<i32>, required: bool, at: &At<'_>, out: &mut Violations) {
    match value {
        Some(value) if E::json_name(value).is_none() => out.list.push(Violation::not_one_of(at.path(), E::ALLOWED)),
        Some(_) => {}
        None => present(!required, at, out),
    }
}

/// Validates an enum without presence: the unspecified value is absent.
pub fn plain_choice<E: JsonEnum>(value: i32, required: bool, at: &At<'_>, out: &mut Violations) {
    choice::<E>((value != 0).then_some(value), required, at, out);
}

/// Validates every enum of a list.
pub fn choices<E: JsonEnum>(values: &[i32], indexed: bool, at: &At<'_>, out: &mut Violations) {
    for (index, value) in values.iter().enumerate() {
        if indexed {
            choice::<E>(Some(*value), false, &at.item(index), out);
        } else {
            choice::<E>(Some(*value), false, at, out);
        }
    }
}

pub fn moment(value: Option<&Timestamp>, required: bool, at: &At<'_>, out: &mut Violations) {
    match value {
        Some(value) if !time::is_valid(value) => {
            out.list.push(at.broken(DetailCode::InvalidFormat, "must be a time of the years 1 to 9999"));
        }
        Some(_) => {}
        None => present(!required, at, out),
    }
}

/// Checks that a required value is present.
pub fn present(is: bool, at: &At<'_>, out: &mut Violations) {
    if !is {
        out.list.push(Violation::required(at.path()));
    }
}

/// Validates a field mask: its members must exist, and those in `needed` must be present.
pub fn mask(paths: &[String], known: &[&str], needed: &[(&'static str, bool)], at: &At<'_>, out: &mut Violations) {
    if paths.iter().any(|path| !known.contains(&path.as_str())) {
        let message = format!("names a field that is none of {}", known.join(", "));
        out.list.push(at.field("update_mask").broken(DetailCode::UnknownField, message));
    }
    for (name, _) in needed.iter().filter(|(name, absent)| *absent && paths.iter().any(|path| path == name)) {
        out.list.push(Violation::required(at.field(name).path()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Text = Text { trim: false, min_len: 0, max_len: u32::MAX, format: None, allowed: &[], reason: None };

    fn judged(value: &str, rules: &Text) -> Option<DetailCode> {
        let mut out = Violations::default();
        text(&mut value.to_owned(), rules, &At::ROOT.field("field"), &mut out);
        out.list.first().map(|violation| violation.code)
    }

    #[test]
    fn strings_meet_their_rules() {
        use DetailCode::*;
        let name = Text { trim: true, min_len: 1, max_len: 3, ..FREE };
        let code = Text { min_len: 2, ..FREE };
        let of = |format| Text { format: Some(format), ..FREE };
        let table = [
            (" äöü ", &name, None),
            ("    ", &name, Some(Blank)),
            ("", &name, Some(Blank)),
            ("äöüß", &name, Some(TooLong)),
            ("a\0", &name, Some(InvalidFormat)),
            ("a", &code, Some(TooShort)),
            ("", &FREE, None),
            ("\0", &FREE, Some(InvalidFormat)),
            ("019AB5F0-0000-7000-8000-0000000000a1", &of(Format::Uuid), None),
            ("019ab5f0000070008000-0000000000a1", &of(Format::Uuid), Some(InvalidFormat)),
            ("{019ab5f0-0000-7000-8000-0000000000}", &of(Format::Uuid), Some(InvalidFormat)),
            ("none", &of(Format::Uuid), Some(InvalidFormat)),
            ("none", &of(Format::UuidOrNone), None),
            ("ada@example.com", &of(Format::Email), None),
            ("ada lovelace@example.com", &of(Format::Email), Some(InvalidFormat)),
            ("ada@", &of(Format::Email), Some(InvalidFormat)),
            ("a@b@example.com", &of(Format::Email), Some(InvalidFormat)),
            ("https://example.com/x", &of(Format::Url), None),
            ("/x", &of(Format::Url), Some(InvalidFormat)),
            ("mailto:ada@example.com", &of(Format::Url), Some(InvalidFormat)),
            ("ftp://example.com/x", &of(Format::Url), Some(InvalidFormat)),
            ("http://127.0.0.1:80/x", &of(Format::Url), None),
            ("https://10.0.0.1/x", &of(Format::Url), Some(InvalidFormat)),
            ("X-Team", &of(Format::HeaderName), None),
            ("bad name", &of(Format::HeaderName), Some(InvalidFormat)),
            ("Webhook-Id", &of(Format::HeaderName), Some(InvalidFormat)),
            ("blue team", &of(Format::HeaderValue), None),
            ("blue\r\nteam", &of(Format::HeaderValue), Some(InvalidFormat)),
        ];
        for (value, rules, expected) in table {
            assert_eq!(judged(value, rules), expected, "{value:?} by {rules:?}");
        }
    }

    #[test]
    fn the_text_of_an_object_loses_its_white_space() {
        let judged = |text: Option<&str>, required| {
            let (mut value, mut out) = (text.map(str::to_owned), Violations::default());
            json_object(&mut value, required, &At::ROOT.field("data"), &mut out);
            (value, out.list.first().map(|violation| (violation.field.clone(), violation.code)))
        };
        let refused = |code| Some(("data".to_owned(), code));
        assert_eq!(judged(Some("{ \"a\" : 1 }"), false), (Some("{\"a\":1}".to_owned()), None));
        assert_eq!(judged(None, false), (None, None));
        assert_eq!(judged(None, true), (None, refused(DetailCode::Required)));
        assert_eq!(judged(Some("[]"), false).1, refused(DetailCode::InvalidType));
        assert_eq!(judged(Some(""), false).1, refused(DetailCode::InvalidFormat));
    }

    #[test]
    fn trimming_changes_the_value() {
        let mut value = "\u{a0} x\t".to_owned();
        text(&mut value, &Text { trim: true, ..FREE }, &At::ROOT, &mut Violations::default());
        assert_eq!(value, "x");
    }

    #[test]
    fn a_value_with_a_reason_of_its_own_is_refused_alone() {
        let rules = Text { allowed: &["internal_note"], reason: Some(Reason::OutboundReplyNotAllowed), ..FREE };
        let mut out = Violations::default();
        text(&mut "reply".to_owned(), &rules, &At::ROOT, &mut out);
        assert_eq!((out.alone, out.list.len()), (Some(Reason::OutboundReplyNotAllowed), 0));
    }

    #[test]
    fn a_path_names_fields_and_items() {
        let (endpoint, events);
        endpoint = At::ROOT.field("endpoint");
        events = endpoint.field("events");
        assert_eq!(events.item(2).path(), "endpoint.events[2]");
        assert_eq!(events.item(2).field("name").path(), "endpoint.events[2].name");
    }
}
