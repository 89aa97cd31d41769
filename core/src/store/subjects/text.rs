//! The subjects of a block as one text that is searched at the speed of memory: the folded subjects in the order of
//! numbers, each followed by an end mark. Pure; it knows no database.

use memchr::{memchr, memchr_iter, memmem};

/// Ends each subject. UTF-8 does not contain this byte, so no match reaches across subjects.
const END: u8 = 0xff;

/// The text of these subjects.
pub(crate) fn pack<'a>(subjects: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut text = Vec::new();
    for subject in subjects {
        text.extend_from_slice(subject.as_bytes());
        text.push(END);
    }
    text
}

pub(crate) fn subjects(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == END).map(|subject| subject.strip_suffix(&[END]).unwrap_or(subject))
}

/// The text with another subject at this position.
pub(crate) fn replace(text: &[u8], place: usize, subject: &str) -> Vec<u8> {
    let mut new = Vec::with_capacity(text.len() + subject.len());
    for (at, old) in subjects(text).enumerate() {
        new.extend_from_slice(if at == place { subject.as_bytes() } else { old });
        new.push(END);
    }
    new
}

/// Searches many texts for a needle.
pub(crate) struct Search<'a>(memmem::Finder<'a>);

impl<'a> Search<'a> {
    /// A search for subjects that contain `needle`.
    pub(crate) fn new(needle: &'a str) -> Search<'a> {
        Search(memmem::Finder::new(needle))
    }

    /// The positions of the matching subjects of a text, in order.
    pub(crate) fn places(&self, text: &[u8], mut found: impl FnMut(usize)) {
        let mut place = 0;
        let mut counted = 0;
        let mut from = 0;
        while let Some(at) = self.0.find(&text[from..]).map(|at| from + at) {
            place += memchr_iter(END, &text[counted..at]).count();
            found(place);
            // Continue with the next subject.
            let Some(end) = memchr(END, &text[at..]) else { return };
            counted = at + end;
            from = counted + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn places(text: &[u8], needle: &str) -> Vec<usize> {
        let mut places = Vec::new();
        Search::new(needle).places(text, |place| places.push(place));
        places
    }

    #[test]
    fn each_subject_is_found_once_and_nothing_across_two() {
        let text = pack(["refund", "", "no refund refund", "fun", "dre"]);
        assert_eq!(places(&text, "refund"), [0, 2]);
        assert_eq!(places(&text, "fun"), [0, 2, 3]);
        assert_eq!(places(&text, "nd"), [0, 2]);
        assert_eq!(places(&text, "fundre"), [0; 0]);
    }

    proptest! {
        #[test]
        fn a_search_finds_what_contains(all in proptest::collection::vec("[ab]{0,5}", 0..40), needle in "[ab]{1,3}") {
            let text = pack(all.iter().map(String::as_str));
            let expected: Vec<_> =
                all.iter().enumerate().filter(|(_, it)| it.contains(&needle)).map(|(at, _)| at).collect();
            prop_assert_eq!(places(&text, &needle), expected);
            prop_assert!(subjects(&text).eq(all.iter().map(String::as_bytes)));
        }

        #[test]
        fn one_is_replaced(all in proptest::collection::vec("[ab]{0,5}", 1..40), at in any::<usize>(), new in "[c]{0,9}") {
            let at = at % all.len();
            let replaced = replace(&pack(all.iter().map(String::as_str)), at, &new);
            let mut all = all;
            all[at] = new;
            prop_assert_eq!(replaced, pack(all.iter().map(String::as_str)));
        }
    }
}
