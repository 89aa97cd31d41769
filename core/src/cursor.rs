//! Cursors of lists in the order of commits: a place in the log, and the time up to which nothing before the place is
//! missing. Their text is opaque to clients.

use crate::{error::Result, store::changes::Place};
use inboxops_proto::{clock::Timestamp, reason::Reason};

/// A place in one of the logs, as clients hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) place: Place,
    /// Time up to which everything before the place had been read.
    pub(crate) at: Timestamp,
}

/// The log that a cursor belongs to; another list refuses the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Events,
    /// Changes of deliveries.
    Changes,
}

impl Of {
    /// Prefix of the text: the log, and the version of the format.
    const fn mark(self) -> &'static str {
        match self {
            Of::Events => "e1",
            Of::Changes => "d1",
        }
    }
}

impl Cursor {
    pub(crate) fn text(&self, of: Of) -> String {
        format!("{}-{:x}-{:x}-{:x}", of.mark(), self.place.xact, self.place.seq, self.at.micros())
    }

    pub(crate) fn parse(text: &str, of: Of) -> Result<Cursor> {
        let read = || {
            let mut parts = text.split('-');
            let marked = parts.next() == Some(of.mark());
            let mut number = || {
                let part = parts.next().filter(|part| !part.starts_with('+'))?;
                i64::from_str_radix(part, 16).ok()
            };
            let xact = number()?;
            let seq = number()?;
            let at = number()?;
            (marked && parts.next().is_none())
                .then(|| Cursor { place: Place { xact, seq }, at: Timestamp::from_micros(at) })
        };
        Ok(read().ok_or(Reason::InvalidCursor)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let cursor =
            Cursor { place: Place { xact: 745, seq: 12_000 }, at: Timestamp::from_micros(1_795_521_600_000_000) };
        let text = cursor.text(Of::Events);
        assert_eq!(text, "e1-2e9-2ee0-6610473279000");
        assert_eq!(Cursor::parse(&text, Of::Events).unwrap(), cursor);
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
            "e1-ffffffffffffffffff-1-1",
            "E1-1-2-3",
            " e1-1-2-3",
        ];
        for other in others {
            assert!(Cursor::parse(other, Of::Events).is_err(), "{other:?}");
        }
    }
}
