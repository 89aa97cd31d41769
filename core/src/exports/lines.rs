//! The lines of an export: which kinds of resources there are and in which order, what a key needs for each, where a
//! line stands, and how rows become lines. The resources are those of the other services, made by the same code.

use crate::{
    auth::Scope,
    error::Result,
    listing::{Key, KeyPart},
    store::{
        ReadTx, agents::Agent, changes::Place, exports as rows, inboxes::Inbox, messages::Message, tags::Tag,
        tickets::Ticket,
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::MessageId,
    reason::Reason,
    v1::{self, ExportType},
};
use uuid::Uuid;

/// Assumed size of a line without its bodies, in bytes.
const LINE_BYTES: usize = 512;

/// A kind of resource, in the order of the lines: what others refer to comes first. Cursors contain the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Inboxes = 1,
    Agents = 2,
    Tags = 3,
    Tickets = 4,
    Messages = 5,
}

impl Kind {
    pub(super) const ALL: [Kind; 5] = [Kind::Inboxes, Kind::Agents, Kind::Tags, Kind::Tickets, Kind::Messages];

    /// Name in `types`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Kind::Inboxes => "inboxes",
            Kind::Agents => "agents",
            Kind::Tags => "tags",
            Kind::Tickets => "tickets",
            Kind::Messages => "messages",
        }
    }

    /// The scope that a key needs to read it.
    pub(super) const fn scope(self) -> Scope {
        match self {
            Kind::Inboxes => Scope::InboxesRead,
            Kind::Agents | Kind::Tickets => Scope::TicketsRead,
            Kind::Tags => Scope::TagsRead,
            Kind::Messages => Scope::MessagesRead,
        }
    }

    fn of_number(number: i64) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as i64 == number)
    }
}

/// Where a line stands among those of its kind: its number (of a ticket) or time (of a message), then its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) number: i64,
    pub(super) id: Uuid,
}

impl Position {
    /// Before the first line of any kind.
    pub(super) const START: Position = Position { number: i64::MIN, id: Uuid::nil() };
}

/// What the cursor of a line states: where the line stands, and the events that continue its export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinePlace {
    pub(super) kind: Kind,
    pub(super) position: Position,
    /// The place in the log of events of the first part's snapshot, and the time of the snapshot.
    pub(super) events: Place,
    pub(super) at: Timestamp,
}

impl LinePlace {
    pub(super) fn key(&self) -> Key {
        let LinePlace { kind, position, events, at } = self;
        let numbers = [*kind as i64, position.number, events.xact, events.seq, at.micros()];
        let numbers = numbers.into_iter().map(KeyPart::Number);
        Key(numbers.chain([KeyPart::Id(position.id)]).collect())
    }

    pub(super) fn of(key: &Key) -> Result<LinePlace> {
        let [
            KeyPart::Number(kind),
            KeyPart::Number(number),
            KeyPart::Number(xact),
            KeyPart::Number(seq),
            KeyPart::Number(at),
            KeyPart::Id(id),
        ] = key.0[..]
        else {
            return Err(Reason::InvalidCursor.into());
        };
        Ok(LinePlace {
            kind: Kind::of_number(kind).ok_or(Reason::InvalidCursor)?,
            position: Position { number, id },
            events: Place { xact, seq },
            at: Timestamp::from_micros(at),
        })
    }
}

/// A line without its cursor.
pub(super) struct Line {
    pub(super) position: Position,
    /// About its size, in bytes.
    pub(super) size: usize,
    pub(super) shown: v1::ExportResponse,
}

impl Line {
    fn new(kind: ExportType, number: i64, id: Uuid, shown: v1::ExportResponse) -> Line {
        let shown = v1::ExportResponse { r#type: kind.into(), ..shown };
        Line { position: Position { number, id }, size: LINE_BYTES, shown }
    }
}

/// The next lines of a kind; none at its end.
pub(super) async fn read(read: &mut ReadTx, kind: Kind, after: Position) -> Result<Vec<Line>> {
    let blank = v1::ExportResponse::default;
    let lines = match kind {
        Kind::Inboxes => {
            let found = rows::inboxes(read, after.id).await?;
            let shown = |row: &Inbox| v1::ExportResponse { inbox: Some(v1::Inbox::from(row)), ..blank() };
            found.iter().map(|row| Line::new(ExportType::Inbox, 0, row.id.0, shown(row))).collect()
        }
        Kind::Agents => {
            let found = rows::agents(read, after.id).await?;
            let shown = |row: &Agent| v1::ExportResponse { agent: Some(v1::Agent::from(row)), ..blank() };
            found.iter().map(|row| Line::new(ExportType::Agent, 0, row.id.0, shown(row))).collect()
        }
        Kind::Tags => {
            let found = rows::tags(read, after.id).await?;
            let shown = |row: &Tag| v1::ExportResponse { tag: Some(v1::Tag::from(row)), ..blank() };
            found.iter().map(|row| Line::new(ExportType::Tag, 0, row.id.0, shown(row))).collect()
        }
        Kind::Tickets => {
            let found = rows::tickets(read, after.number).await?;
            let shown = |row: &Ticket| v1::ExportResponse { ticket: Some(v1::Ticket::from(row)), ..blank() };
            found.iter().map(|row| Line::new(ExportType::Ticket, row.number.into(), row.id.0, shown(row))).collect()
        }
        Kind::Messages => {
            let last = (Timestamp::from_micros(after.number), MessageId(after.id));
            let found = rows::messages(read, last).await?;
            let shown = |row: &Message| v1::ExportResponse { message: Some(v1::Message::from(row)), ..blank() };
            let line = |row: &Message| {
                let line = Line::new(ExportType::Message, row.created_at.micros(), row.id.0, shown(row));
                Line { size: LINE_BYTES + row.text.len() + row.html.len(), ..line }
            };
            found.iter().map(line).collect()
        }
    };
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_line_is_read_as_it_was_written_and_no_other_is() {
        let place = LinePlace {
            kind: Kind::Messages,
            position: Position { number: 1_795_521_600_000_000, id: Uuid::from_u128(7) },
            events: Place { xact: 745, seq: 0 },
            at: Timestamp::from_micros(1_795_521_600_000_001),
        };
        assert_eq!(LinePlace::of(&place.key()).expect("its own"), place);
        assert!(LinePlace::of(&Key::id(Uuid::nil())).is_err());
        let mut unknown = place.key();
        unknown.0[0] = KeyPart::Number(6);
        assert!(LinePlace::of(&unknown).is_err(), "there is no such kind");
    }

    #[test]
    fn kinds_are_in_the_order_of_their_numbers() {
        assert!(Kind::ALL.is_sorted());
        assert!(Kind::ALL.into_iter().all(|kind| Kind::of_number(kind as i64) == Some(kind)));
    }
}
