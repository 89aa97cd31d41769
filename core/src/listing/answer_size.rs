//! The size of answers with messages: at most 4 MiB, which clients of gRPC take by default, as JSON and as protobuf. A
//! page by number keeps all its messages and cuts the longest bodies; a page by cursor ends earlier.

use crate::{
    html,
    store::{
        ReadTx, Result,
        messages::{self, list::MessageSize},
    },
};
use inboxops_proto::v1;
use serde::Serialize;

/// Greatest size of an answer.
pub(crate) const ANSWER_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Room for the `meta` and whatever else surrounds the items.
const ENVELOPE_BYTES: usize = 4 * 1024;
/// Room for the items of an answer.
pub(crate) const ROOM: usize = ANSWER_MAX_BYTES - ENVELOPE_BYTES;
/// More than the JSON of a message takes without its bodies and its author's name and address.
const BARE_MAX_BYTES: usize = 512;
/// Bytes of JSON for a byte of text, at most.
const ESCAPE_MAX: usize = 6;

/// The number of these messages, from the first on, whose bodies may fit into `room`; at least one, if there is any.
pub(crate) fn first_that_fit(sizes: &[MessageSize], room: usize) -> usize {
    let mut used = 0;
    let fitting = sizes.iter().take_while(|it| {
        used += it.text + it.html;
        used <= room
    });
    fitting.count().max(1).min(sizes.len())
}

/// Reads the messages of these sizes, in their order, with no more of each body than an answer may hold.
pub(crate) async fn read(tx: &mut ReadTx, sizes: &[MessageSize]) -> Result<Vec<v1::Message>> {
    let ids: Vec<_> = sizes.iter().map(|it| it.id).collect();
    // One character more than may be kept: a body that is cut here is then cut again, and marked.
    let most = level(sizes.iter().flat_map(|it| [it.text, it.html]).collect(), ROOM).saturating_add(1);
    let mut found = messages::list::bodies(tx, &ids, most).await?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).map(|message| v1::Message::from(&message)).collect())
}

/// Cuts the longest bodies of messages, so that all fit into `room` bytes of JSON, which is larger than protobuf.
pub(crate) fn fit(messages: &mut [&mut v1::Message], room: usize) {
    let quick = |it: &v1::Message| {
        let author = it.author.as_ref().map_or(0, |it| it.name.len() + it.email.as_ref().map_or(0, String::len));
        BARE_MAX_BYTES + ESCAPE_MAX * (author + it.body_text.len() + it.body_html.len())
    };
    if messages.iter().map(|it| quick(it)).sum::<usize>() <= room {
        return;
    }
    let bare: usize = messages.iter_mut().map(|it| bare_bytes(it)).sum();
    let lengths = messages.iter().flat_map(|it| [json_bytes(&it.body_text), json_bytes(&it.body_html)]);
    let most = level(lengths.collect(), room.saturating_sub(bare));
    for message in messages {
        if json_bytes(&message.body_text) > most {
            let end = prefix(&message.body_text, most).len();
            message.body_text.truncate(end);
            message.truncated = true;
        }
        if json_bytes(&message.body_html) > most {
            message.body_html = html::shortened(&message.body_html, most, prefix);
            message.truncated = true;
        }
    }
}

/// Cuts a page by cursor to the messages that fit, at least one; says whether it left any out.
pub(crate) fn cut(messages: &mut Vec<v1::Message>, room: usize) -> bool {
    let mut used = 0;
    let fitting = messages.iter().take_while(|it| {
        used += item_bytes(*it);
        used <= room
    });
    let fitting = fitting.count().max(1);
    let left = fitting < messages.len();
    messages.truncate(fitting);
    fit(&mut messages.iter_mut().collect::<Vec<_>>(), room);
    left
}

/// The JSON of an item of a list, with its comma.
pub(crate) fn item_bytes(item: &impl Serialize) -> usize {
    let mut count = Count(1);
    // Counting cannot fail; an item without a JSON form is reported when it is answered.
    let _ = serde_json::to_writer(&mut count, item);
    count.0
}

fn bare_bytes(message: &mut v1::Message) -> usize {
    let (text, html) = (std::mem::take(&mut message.body_text), std::mem::take(&mut message.body_html));
    let bytes = item_bytes(message);
    (message.body_text, message.body_html) = (text, html);
    bytes
}

/// The greatest length that bodies may have so that all of them fit into `room`; those of `lengths` that are greater
/// are cut to it.
fn level(mut lengths: Vec<usize>, mut room: usize) -> usize {
    lengths.sort_unstable();
    let mut left = lengths.len();
    for length in lengths {
        let share = room / left;
        if length > share {
            return share;
        }
        room -= length;
        left -= 1;
    }
    usize::MAX
}

/// Bytes of a character in JSON.
fn escaped(letter: char) -> usize {
    match letter {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        letter if letter < ' ' => ESCAPE_MAX,
        letter => letter.len_utf8(),
    }
}

/// Bytes of a text in JSON, without the quotes.
fn json_bytes(text: &str) -> usize {
    text.len()
        + text
            .bytes()
            .map(|byte| match byte {
                b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 1,
                byte if byte < b' ' => ESCAPE_MAX - 1,
                _ => 0,
            })
            .sum::<usize>()
}

/// The beginning of a text that has at most `most` bytes in JSON.
fn prefix(text: &str, most: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, letter)| {
        used += escaped(*letter);
        used > most
    });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

/// Counts what is written.
struct Count(usize);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use prost::Message as _;

    fn message(text: &str, html: &str) -> v1::Message {
        v1::Message { body_text: text.to_owned(), body_html: html.to_owned(), ..Default::default() }
    }

    #[test]
    fn the_longest_are_cut_to_one_length() {
        for (lengths, room, expected) in [
            (vec![10, 20, 30], 60, usize::MAX),
            (vec![10, 20, 30], 59, 29),
            (vec![10, 100, 100], 110, 50),
            (vec![10, 100, 100], 20, 6),
            (vec![5, 5], 0, 0),
            (vec![], 0, usize::MAX),
        ] {
            assert_eq!(level(lengths.clone(), room), expected, "{lengths:?} into {room}");
        }
    }

    #[test]
    fn short_bodies_stay_and_long_ones_are_marked() {
        let mut all =
            [message("short", "<p>short</p>"), message(&"a".repeat(5000), &format!("<p>{}</p>", "b".repeat(5000)))];
        let mut borrowed: Vec<&mut v1::Message> = all.iter_mut().collect();
        fit(&mut borrowed, 4000);
        assert_eq!((all[0].body_html.as_str(), all[0].truncated), ("<p>short</p>", false));
        assert!(all[1].truncated && all[1].body_text.len() > 500 && all[1].body_text.len() < 5000);
        assert!(all[1].body_html.starts_with("<p>bbb") && all[1].body_html.ends_with("</p>"), "{}", all[1].body_html);
        let bytes: usize = all.iter().map(item_bytes).sum();
        assert!(bytes <= 4000, "{bytes}");
    }

    #[test]
    fn a_page_by_cursor_ends_before_what_does_not_fit() {
        let one = item_bytes(&message(&"a".repeat(1000), ""));
        let mut page: Vec<v1::Message> = (0..5).map(|_| message(&"a".repeat(1000), "")).collect();
        assert!(cut(&mut page, 3 * one));
        assert_eq!((page.len(), page[2].truncated), (3, false));
        assert!(!cut(&mut page, 3 * one));
        assert!(cut(&mut page, one / 2), "one is left, and cut");
        assert_eq!((page.len(), page[0].truncated), (1, true));
    }

    fn texts() -> impl Strategy<Value = String> {
        proptest::collection::vec(
            prop_oneof![Just('"'), Just('\n'), Just('\u{1}'), Just('é'), Just('🎈'), Just('a')],
            0..400,
        )
        .prop_map(|letters| letters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn sizes_are_those_of_json(text in texts(), most in 0usize..600) {
            prop_assert_eq!(json_bytes(&text) + 2, serde_json::to_string(&text).unwrap().len());
            prop_assert!(json_bytes(prefix(&text, most)) <= most);
        }

        #[test]
        fn what_was_fitted_fits(all in proptest::collection::vec((texts(), texts()), 1..12)) {
            let mut all: Vec<v1::Message> = all.iter().map(|(text, html)| message(text, html)).collect();
            let room = all.len() * (BARE_MAX_BYTES + 100);
            fit(&mut all.iter_mut().collect::<Vec<_>>(), room);
            prop_assert!(all.iter().map(item_bytes).sum::<usize>() <= room);
            prop_assert!(all.iter().all(|it| it.encoded_len() + 6 <= item_bytes(it)));
        }
    }
}
