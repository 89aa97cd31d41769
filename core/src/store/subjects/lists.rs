//! Which tickets of a segment may contain a text: for every three consecutive letters, a list of the positions of
//! tickets with them. Trigrams share lists by a hash, which bounds the number of lists whatever the script; a list may
//! name too many tickets but never too few. Pure; it knows no database.

use std::collections::BTreeSet;

/// Tickets of a segment.
pub(crate) const SEGMENT: usize = 16 * 1024;
/// Lists of a segment, at most.
pub(crate) const LISTS: u32 = 1 << 15;
/// Greatest number of lists that one search reads: more do not narrow the result.
pub(crate) const READ_MAX: usize = 16;
/// Letters of a trigram.
const TOGETHER: usize = 3;
/// Size of a list as a bit map with one bit for each position. A shorter list contains positions, two bytes each.
const BITS: usize = SEGMENT / 8;

/// The lists of a text, sorted. Their numbers are stored in databases.
pub(crate) fn lists_of(text: &str) -> Vec<i16> {
    let mut lists = BTreeSet::new();
    let mut window = 0u64;
    for (at, letter) in text.chars().enumerate() {
        window = (window << 21 | u64::from(u32::from(letter))) & ((1 << (21 * TOGETHER)) - 1);
        if at + 1 >= TOGETHER {
            lists.insert(list_of(window));
        }
    }
    lists.into_iter().collect()
}

/// The lists to search for a needle, at most [`READ_MAX`]; none if it is too short.
pub(crate) fn lists_for(needle: &str) -> Vec<i16> {
    let lists = lists_of(needle);
    let count = lists.len().min(READ_MAX);
    (0..count).map(|at| lists[at * lists.len() / count]).collect()
}

fn list_of(three: u64) -> i16 {
    // The upper bits of a product with an odd number depend on all bits of the other factor.
    let hash = three.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    i16::try_from(hash % u64::from(LISTS)).unwrap_or_default()
}

/// Builds all lists of a segment, by number, from its subjects in the order of positions.
pub(crate) fn build<'a>(subjects: impl Iterator<Item = &'a str>) -> Vec<(i16, Vec<u8>)> {
    let mut pairs: Vec<(i16, u16)> = Vec::new();
    for (place, subject) in (0u16..).zip(subjects) {
        pairs.extend(lists_of(subject).into_iter().map(|list| (list, place)));
    }
    pairs.sort_unstable();
    pairs
        .chunk_by(|one, other| one.0 == other.0)
        .map(|of_list| (of_list[0].0, encode(of_list.iter().map(|(_, place)| *place))))
        .collect()
}

fn encode(places: impl ExactSizeIterator<Item = u16>) -> Vec<u8> {
    if places.len() * 2 < BITS {
        return places.flat_map(u16::to_le_bytes).collect();
    }
    let mut bits = vec![0; BITS];
    places.for_each(|place| bits[usize::from(place) / 8] |= 1 << (place % 8));
    bits
}

fn decode(list: &[u8]) -> Places {
    let mut places = Places::none();
    if list.len() == BITS {
        for (word, bytes) in places.0.iter_mut().zip(list.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
    } else {
        list.as_chunks::<2>().0.iter().for_each(|bytes| places.add(u16::from_le_bytes(*bytes)));
    }
    places
}

/// The list with one more position, or `None` if it already has it.
pub(crate) fn with(list: &[u8], place: u16) -> Option<Vec<u8>> {
    let mut places = decode(list);
    if places.has(place) {
        return None;
    }
    places.add(place);
    let all: Vec<u16> = places.iter().collect();
    Some(encode(all.into_iter()))
}

/// Positions of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places(Vec<u64>);

impl Places {
    fn none() -> Places {
        Places(vec![0; SEGMENT / 64])
    }

    fn add(&mut self, place: u16) {
        if let Some(word) = self.0.get_mut(usize::from(place) / 64) {
            *word |= 1 << (place % 64);
        }
    }

    fn has(&self, place: u16) -> bool {
        self.0.get(usize::from(place) / 64).is_some_and(|word| word & 1 << (place % 64) != 0)
    }

    /// The positions that are in all of these lists; none if there is no list.
    pub(crate) fn in_all<'a>(lists: impl IntoIterator<Item = &'a [u8]>) -> Places {
        let mut lists = lists.into_iter();
        let mut places = lists.next().map_or_else(Places::none, decode);
        for list in lists {
            places.0.iter_mut().zip(decode(list).0).for_each(|(word, other)| *word &= other);
        }
        places
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The positions, sorted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u16> {
        (0u16..).zip(&self.0).flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(at * 64 + bit as u16)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list<'a>(all: &'a [(i16, Vec<u8>)], number: &i16) -> Option<&'a [u8]> {
        all.iter().find(|(it, _)| it == number).map(|(_, list)| &list[..])
    }

    #[test]
    fn less_than_three_letters_stand_in_no_list() {
        assert!(lists_of("").is_empty() && lists_of("é").is_empty() && lists_for("ab").is_empty());
        assert_eq!(lists_of("abc").len(), 1);
        assert_eq!(lists_of("日本語").len(), 1);
    }

    #[test]
    fn a_long_search_reads_few_lists() {
        let long: String = (0..255u32).filter_map(|n| char::from_u32(0x4e00 + n)).collect();
        let lists = lists_for(&long);
        assert_eq!(lists.len(), READ_MAX);
        assert!(lists.is_sorted_by(|one, other| one < other));
    }

    /// The numbers are stored in databases: other numbers would find nothing.
    #[test]
    fn the_numbers_of_lists_stay() {
        assert_eq!(lists_of("refund"), [12447, 15221, 26379, 29767]);
    }

    #[test]
    fn every_script_has_the_same_number_of_lists_at_most() {
        let letter = |n: u32| char::from_u32(0x4e00 + (n.wrapping_mul(2_654_435_761) >> 12) % 20_000);
        let subjects: Vec<String> =
            (0..20_000u32).map(|n| (0..8).filter_map(|at| letter(n * 8 + at)).collect()).collect();
        let built = build(subjects.iter().take(SEGMENT).map(String::as_str));
        assert!(built.len() > 20_000 && built.len() <= LISTS as usize, "{} lists", built.len());
        assert!(built.is_sorted_by(|one, other| one.0 < other.0));
    }

    proptest! {
        #[test]
        fn a_ticket_that_contains_it_stands_in_all_lists(
            all in proptest::collection::vec("[abc é]{0,9}", 0..60),
            needle in "[abc é]{3,5}",
        ) {
            let built = build(all.iter().map(String::as_str));
            let lists: Option<Vec<_>> = lists_for(&needle).iter().map(|it| list(&built, it)).collect();
            let found: Vec<u16> = lists.map(|lists| Places::in_all(lists).iter().collect()).unwrap_or_default();
            for (place, subject) in (0u16..).zip(&all) {
                prop_assert!(!subject.contains(&needle) || found.contains(&place), "{subject:?}");
            }
        }

        #[test]
        fn short_lists_and_long_ones_say_the_same(places in proptest::collection::btree_set(0..SEGMENT as u16, 0..3000)) {
            let list = encode(places.iter().copied().collect::<Vec<_>>().into_iter());
            let read = decode(&list);
            prop_assert!(list.len() <= BITS);
            prop_assert_eq!(read.count(), places.len());
            prop_assert!(read.iter().eq(places.iter().copied()));
        }

        #[test]
        fn a_place_is_added_once(places in proptest::collection::btree_set(0..SEGMENT as u16, 1000..1050), new in 0..SEGMENT as u16) {
            let list = encode(places.iter().copied().collect::<Vec<_>>().into_iter());
            let mut all = places.clone();
            match with(&list, new) {
                None => prop_assert!(places.contains(&new)),
                Some(list) => {
                    prop_assert!(all.insert(new));
                    prop_assert!(decode(&list).iter().eq(all.iter().copied()));
                }
            }
        }
    }
}
