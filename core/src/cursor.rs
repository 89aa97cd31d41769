//! Cursors of lists in the order of commits: a place in the log, the time up to which nothing before the place is
//! missing, and the point in the history of the database at which the cursor was made. Their text is opaque to clients.

use crate::{
    error::Result,
    store::{changes::Place, histories::HistoryPoint},
};
use inboxops_proto::{clock::Timestamp, reason::Reason};

/// A place in one of the logs, as clients hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) place: Place,
    /// Time up to which everything before the place had been read.
    pub(crate) at: Timestamp,
    /// Where it was made; the cursors of earlier releases do not say it, nor do those that live for minutes.
    pub(crate) made: Option<HistoryPoint>,
}

/// The log that a cursor belongs to; another list refuses the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Events,
    /// Changes of deliveries.
    Changes,
}

impl Of {
    /// The letter that a text begins with. After it comes the form: 1 without a history, 2 with one.
    const fn mark(self) -> char {
        match self {
            Of::Events => 'e',
            Of::Changes => 'd',
        }
    }
}

impl Cursor {
    pub(crate) fn text(&self, of: Of) -> String {
        let Cursor { place: Place { xact, seq }, at, made } = self;
        let (mark, at) = (of.mark(), at.micros());
        match made {
            None => format!("{mark}1-{xact:x}-{seq:x}-{at:x}"),
            Some(HistoryPoint { history, seq: newest }) => {
                format!("{mark}2-{history:x}-{newest:x}-{xact:x}-{seq:x}-{at:x}")
            }
        }
    }

    pub(crate) fn parse(text: &str, of: Of) -> Result<Cursor> {
        let number = |part: &str| i64::from_str_radix(part, 16).ok().filter(|_| !part.starts_with('+'));
        let read = || {
            let (form, rest) = text.strip_prefix(of.mark())?.split_once('-')?;
            let parts: Vec<&str> = rest.split('-').collect();
            let (made, place) = match (form, parts.as_slice()) {
                ("1", place) => (None, place),
                ("2", &[history, newest, ref place @ ..]) if !history.starts_with('+') => {
                    let history = u64::from_str_radix(history, 16).ok()?;
                    (Some(HistoryPoint { history, seq: number(newest)? }), place)
                }
                _ => return None,
            };
            let &[xact, seq, at] = place else { return None };
            let place = Place { xact: number(xact)?, seq: number(seq)? };
            Some(Cursor { place, at: Timestamp::from_micros(number(at)?), made })
        };
        Ok(read().ok_or(Reason::InvalidCursor)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let place = Place { xact: 745, seq: 12_000 };
        let old = Cursor { place, at: Timestamp::from_micros(1_795_521_600_000_000), made: None };
        let point = HistoryPoint { history: u64::MAX, seq: 12_001 };
        for (cursor, text) in [
            (old, "e1-2e9-2ee0-6610473279000"),
            (Cursor { made: Some(point), ..old }, "e2-ffffffffffffffff-2ee1-2e9-2ee0-6610473279000"),
        ] {
            assert_eq!(cursor.text(Of::Events), text);
            assert_eq!(Cursor::parse(text, Of::Events).unwrap(), cursor);
        }
        let others = [
            "",
            "e1",
            "e1-1-2",
            "e1-1-2-3-4",
            "e1-+1-2-3",
            "e1-1--2-3",
            "e1-x-2-3",
            "d1-1-2-3",
            "u1-1-2-3",
            "e2-1-2-3",
            "e2-1-2-3-4",
            "e2-+1-2-3-4-5",
            "e2-1-2-3-4-5-6",
            "e3-1-2-3",
            "e-1-2-3",
            "e1-ffffffffffffffffff-1-1",
            "E1-1-2-3",
            " e1-1-2-3",
        ];
        for other in others {
            assert!(Cursor::parse(other, Of::Events).is_err(), "{other:?}");
        }
    }
}
