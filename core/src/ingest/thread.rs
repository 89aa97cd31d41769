//! Finds the ticket of a mail from its own text: ids of mails, ticket numbers in addresses and subjects. Pure; the
//! caller looks the rows up.

use crate::store::messages::MAIL_ID_MAX_CHARS;

/// Greatest number of mails that a mail may answer; the nearest count.
pub(crate) const PARENTS_MAX: usize = 20;
/// Greatest number of ticket numbers that are looked up for a mail.
const NUMBERS_MAX: usize = 4;

/// The ids in a header such as `References`, without their angle brackets. A header without brackets has ids only if
/// each of its words looks like one; otherwise it is a sentence, such as `Your mail of Monday`.
pub(crate) fn ids(header: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = header;
    while let Some(start) = rest.find('<') {
        let Some(end) = rest[start..].find('>') else { break };
        found.extend(id(&rest[start + 1..start + end]));
        rest = &rest[start + end + 1..];
    }
    if found.is_empty() {
        let words = || header.split_whitespace().filter_map(id);
        found = words().filter(|_| words().all(|word| is_whole(&word))).collect();
    }
    found
}

/// Whether an id has both its sides (RFC 5322, 3.6.4).
pub(crate) fn is_whole(id: &str) -> bool {
    id.split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty())
}

fn id(text: &str) -> Option<String> {
    // Folding does not change an id.
    let plain = |letter: &char| !letter.is_whitespace() && !letter.is_control() && !matches!(letter, '<' | '>');
    let id: String = text.chars().filter(plain).take(MAIL_ID_MAX_CHARS).collect();
    (!id.is_empty()).then_some(id)
}

/// The mails that a mail answers, the nearest first, followed by those in `last`.
pub(crate) fn parents(in_reply_to: &str, references: &[String], last: &[String]) -> Vec<String> {
    let mut parents: Vec<String> = Vec::new();
    let nearest = ids(in_reply_to).into_iter().chain(references.iter().rev().flat_map(|ids_| {
        let mut found = ids(ids_);
        found.reverse();
        found
    }));
    for id in nearest.chain(last.iter().flat_map(|it| ids(it))) {
        if parents.len() < PARENTS_MAX && !parents.contains(&id) {
            parents.push(id);
        }
    }
    parents
}

/// Ticket numbers in a mail, the most reliable first: in the address that it is delivered to, in an address of the
/// inbox among the recipients, in its subject.
pub(crate) fn numbers(recipient: &str, to: &[String], inbox: Option<&str>, subject: &str) -> Vec<u32> {
    let ours = |address: &&String| match (inbox, without_tag(address)) {
        (Some(inbox), Some(plain)) => plain.eq_ignore_ascii_case(inbox),
        (inbox, _) => inbox.is_none(),
    };
    let addressed = std::iter::once(recipient).chain(to.iter().filter(ours).map(String::as_str));
    let named = addressed.filter_map(tagged).chain(in_subject(subject));
    let mut numbers = Vec::new();
    for number in named {
        if numbers.len() < NUMBERS_MAX && !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

/// `support@example.com` of `support+t42@example.com`.
pub(crate) fn without_tag(address: &str) -> Option<String> {
    let (local, domain) = address.trim().trim_matches(['<', '>']).rsplit_once('@')?;
    let (plain, _) = local.split_once('+')?;
    Some(format!("{plain}@{domain}"))
}

fn tagged(address: &str) -> Option<u32> {
    let (local, _) = address.trim().trim_matches(['<', '>']).rsplit_once('@')?;
    let (_, tag) = local.rsplit_once('+')?;
    number(tag.strip_prefix(['t', 'T'])?)
}

fn in_subject(subject: &str) -> Option<u32> {
    subject.match_indices("[#").find_map(|(at, _)| number(subject[at + 2..].split_once(']')?.0))
}

fn number(text: &str) -> Option<u32> {
    let shown = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_however_they_are_written() {
        let cases: &[(&str, &[&str])] = &[
            ("<a@b>", &["a@b"]),
            ("<a@b> <c@d>", &["a@b", "c@d"]),
            ("<a@b><c@d>", &["a@b", "c@d"]),
            ("Your mail of Monday <a@b>", &["a@b"]),
            ("a@b", &["a@b"]),
            ("<a\r\n @b>", &["a@b"]),
            ("<>", &[]),
            ("", &[]),
            ("<a@b", &["a@b"]),
            ("a@b c@d", &["a@b", "c@d"]),
            ("<20261124.17>", &["20261124.17"]),
            ("Your mail of Monday", &[]),
            ("Message from ada@example.com", &[]),
            ("@", &[]),
            ("a@", &[]),
        ];
        for (header, expected) in cases {
            assert_eq!(ids(header), *expected, "{header:?}");
        }
        assert_eq!(ids(&format!("<{}>", "x".repeat(5000)))[0].len(), MAIL_ID_MAX_CHARS);
    }

    #[test]
    fn the_nearest_parent_comes_first_and_none_twice() {
        let references = ["<root@x> <mid@x>".to_owned(), "<near@x>".to_owned()];
        assert_eq!(
            parents("<near@x>", &references, &["<mid@x> <sent@x>".to_owned()]),
            ["near@x", "mid@x", "root@x", "sent@x"]
        );
        let many = [(0..100).map(|n| format!("<{n}@x>")).collect::<String>()];
        assert_eq!(parents("", &many, &[]).len(), PARENTS_MAX);
        assert_eq!(parents("", &many, &[])[0], "99@x");
    }

    #[test]
    fn numbers_come_from_our_addresses_and_the_subject() {
        let to = |text: &str| vec![text.to_owned()];
        let inbox = Some("support@acme.example");
        assert_eq!(numbers("", &to("Support+T42@acme.example"), inbox, "x"), [42]);
        assert_eq!(numbers("", &to("joe+t42@gmail.example"), inbox, "x"), [0; 0], "not ours");
        assert_eq!(numbers("alias+t7@other.example", &[], inbox, "x"), [7], "the envelope knows");
        assert_eq!(numbers("", &[], inbox, "Re: [list] [#1042] refund"), [1042]);
        assert_eq!(numbers("", &to("support+t9@acme.example"), None, "[#8]"), [9, 8]);
        for subject in ["[#0]", "[#]", "[#12", "#12", "[#1x]", "[#99999999999]", "[# 12]", "[#012]"] {
            assert_eq!(numbers("", &[], inbox, subject), [0; 0], "{subject}");
        }
    }
}
