//! Reads tickets in the order of a list from an index with that order: as many as requested, and none after them.

use super::{
    After, Sort,
    source::{IndexedParts, ResolvedFilter, cells, in_cell, rest},
    text::{Text, Value},
};
use crate::store::spans::Kind;
use inboxops_proto::id::TagId;

/// An index that has tickets in the order of a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stream {
    /// By time, in the filter's states, within this period in microseconds, end excluded.
    Time(Kind, (i64, i64)),
    /// By number, within this range.
    Number(Option<(i64, i64)>),
    /// With this tag, by time of creation.
    Tag(TagId),
    /// Of this folded requester, by time of creation.
    Requester(String),
    /// In the cells of the filter, by time of creation.
    Cells,
}

/// The part of a stream that is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    pub(super) sort: Sort,
    pub(super) limit: i64,
    /// Tickets that are left out at its beginning.
    pub(super) skip: i64,
    pub(super) after: Option<After>,
}

/// All times.
pub(super) const ALWAYS: (i64, i64) = (i64::MIN, i64::MAX);

impl Stream {
    pub(super) fn seen(&self, since: bool) -> IndexedParts {
        match self {
            Stream::Time(Kind::Created, _) => IndexedParts { status: true, created: since, ..IndexedParts::default() },
            Stream::Time(Kind::Updated, _) => {
                IndexedParts { status: true, updated: since, until: since, ..IndexedParts::default() }
            }
            Stream::Number(_) => IndexedParts::default(),
            Stream::Tag(_) => IndexedParts { tag: true, ..IndexedParts::default() },
            Stream::Requester(_) => IndexedParts { requester: true, ..IndexedParts::default() },
            Stream::Cells => IndexedParts { status: true, cells: true, ..IndexedParts::default() },
        }
    }

    /// The statement for its tickets: `k`, the sort key, and `id`.
    pub(super) fn select(&self, pg: bool, wanted: &ResolvedFilter<'_>, slice: Slice) -> Text {
        let mut text = Text::new(pg, "");
        self.write(&mut text, wanted, slice);
        text
    }

    /// The statement for their number.
    pub(super) fn count(&self, pg: bool, wanted: &ResolvedFilter<'_>, slice: Slice) -> Text {
        let mut text = Text::new(pg, "SELECT COUNT(*) FROM (");
        self.write(&mut text, wanted, slice);
        text.push(") n");
        text
    }

    /// The statement for those among the tickets of `slice` that match the rest of the filter.
    pub(super) fn walk(
        &self,
        pg: bool,
        wanted: &ResolvedFilter<'_>,
        slice: Slice,
        seen: IndexedParts,
        page: (i64, i64),
    ) -> Text {
        let mut text = Text::new(pg, "SELECT w.k, w.id FROM (");
        self.write(&mut text, wanted, slice);
        text.each(
            ") w CROSS JOIN tickets t WHERE t.id = w.id",
            ") w CROSS JOIN LATERAL (SELECT * FROM tickets WHERE id = w.id OFFSET 0) t WHERE TRUE",
        );
        rest(&mut text, wanted, seen);
        let way = way(slice.sort);
        text.push(&format!(" ORDER BY w.k{way}, w.id{way} LIMIT ")).bind(Value::Big(page.0));
        text.push(" OFFSET ").bind(Value::Big(page.1));
        text
    }

    fn write(&self, text: &mut Text, wanted: &ResolvedFilter<'_>, slice: Slice) {
        let Slice { sort, limit, skip, .. } = slice;
        let tenant = Value::Uuid(wanted.tenant.0);
        let most = limit.saturating_add(skip);
        let order = self.order(sort);
        let first = first(&order, most);
        let first = if text.pg { first.as_str() } else { "" };
        let one_range = match self {
            Stream::Time(..) => wanted.filter.states().count() == 1,
            Stream::Cells => false,
            _ => true,
        };
        if text.pg && one_range {
            text.push("SELECT k, id FROM (");
        }
        match self {
            Stream::Time(kind, range) => times(text, wanted, *kind, *range, first, slice),
            Stream::Number(range) => {
                text.push("SELECT number AS k, id FROM tickets WHERE tenant_id = ").bind(tenant);
                if let Some((first, last)) = range {
                    text.push(" AND number >= ")
                        .bind(Value::Big(*first))
                        .push(" AND number <= ")
                        .bind(Value::Big(*last));
                }
                if let Some(after) = slice.after {
                    text.push(if sort.descending { " AND number < " } else { " AND number > " });
                    text.bind(Value::Big(after.key));
                }
            }
            Stream::Tag(tag) => {
                text.push("SELECT opened_at AS k, ticket_id AS id FROM ticket_tags WHERE tag_id = ");
                text.bind(Value::Uuid(tag.0));
                beyond(text, "opened_at, ticket_id", slice);
            }
            Stream::Requester(email) => {
                text.push("SELECT created_at AS k, id FROM tickets WHERE tenant_id = ").bind(tenant);
                text.push(" AND requester_folded = ").bind(Value::Text(email.clone()));
                beyond(text, "created_at, id", slice);
            }
            Stream::Cells if text.pg => {
                // The planner does not know that NULL is one assignee: without the column it would sort all tickets of
                // no assignee.
                let first = first.replacen(" ORDER BY", &format!(" ORDER BY assignee_id{},", way(sort)), 1);
                merged_on_pg(text, wanted, &first, slice);
            }
            Stream::Cells => merged_on_sqlite(text, wanted, slice),
        }
        if text.pg && one_range {
            text.push(first).push(") u");
        }
        text.push(&order).push(" LIMIT ").bind(Value::Big(limit));
        text.push(" OFFSET ").bind(Value::Big(skip));
    }

    fn order(&self, sort: Sort) -> String {
        let way = way(sort);
        match self {
            // Ticket numbers are unique, which PostgreSQL's planner does not use.
            Stream::Number(_) => format!(" ORDER BY k{way}"),
            _ => format!(" ORDER BY k{way}, id{way}"),
        }
    }
}

const fn way(sort: Sort) -> &'static str {
    if sort.descending { " DESC" } else { "" }
}

/// Adds the condition that a ticket comes after the one that the slice begins after.
fn beyond(text: &mut Text, columns: &str, slice: Slice) {
    if let Some(After { key, id }) = slice.after {
        let after = if slice.sort.descending { "<" } else { ">" };
        text.push(&format!(" AND ({columns}) {after} (")).bind(Value::Big(key)).push(", ");
        text.bind(Value::Uuid(id)).push(")");
    }
}

/// One range of the index for each state. SQLite merges them while reading; PostgreSQL does not always, so it gets the
/// first few of each.
fn times(text: &mut Text, wanted: &ResolvedFilter<'_>, kind: Kind, (from, to): (i64, i64), first: &str, slice: Slice) {
    let (column, index) = kind.names();
    // Of two bounds on one side only the nearer one is written: a planner may search by the other.
    let descending = slice.sort.descending;
    let after = slice.after.filter(|it| if descending { it.key < to } else { it.key >= from });
    let (from, to) = match after {
        Some(_) if descending => (from, i64::MAX),
        Some(_) => (i64::MIN, to),
        None => (from, to),
    };
    let slice = Slice { after, ..slice };
    let states: Vec<_> = wanted.filter.states().collect();
    let many = text.pg && states.len() > 1;
    if many {
        text.push("SELECT k, id FROM (");
    }
    for (at, state) in states.into_iter().enumerate() {
        text.push(if at > 0 { " UNION ALL " } else { "" }).push(if many { "(" } else { "" });
        text.push(&format!("SELECT {column} AS k, id FROM tickets"));
        text.each(&format!(" INDEXED BY {index}"), "").push(" WHERE tenant_id = ").bind(Value::Uuid(wanted.tenant.0));
        text.push(" AND status = ").bind(Value::Small(state.code()));
        if from > i64::MIN {
            text.push(&format!(" AND {column} >= ")).bind(Value::Big(from));
        }
        if to < i64::MAX {
            text.push(&format!(" AND {column} < ")).bind(Value::Big(to));
        }
        beyond(text, &format!("{column}, id"), slice);
        if many {
            text.push(first).push(")");
        }
    }
    if many {
        text.push(") u");
    }
}

/// The first ticket of each cell waits in a queue; when one is taken, the next of its cell enters.
fn merged_on_sqlite(text: &mut Text, wanted: &ResolvedFilter<'_>, slice: Slice) {
    let way = way(slice.sort);
    let after = if slice.sort.descending { "<" } else { ">" };
    let first = |text: &mut Text, next: bool| {
        text.push("(SELECT t.id FROM tickets t INDEXED BY tickets_cell WHERE ");
        in_cell(text, wanted.tenant, None);
        if next {
            text.push(&format!(" AND (t.created_at, t.id) {after} (c.k, c.id)"));
        } else {
            beyond(text, "t.created_at, t.id", slice);
        }
        text.push(&format!(" ORDER BY t.created_at{way}, t.id{way} LIMIT 1)"));
    };
    text.push(
        "WITH RECURSIVE heads (status, inbox_id, priority, assignee_id, k, id) AS (\
         SELECT c.status, c.inbox_id, c.priority, c.assignee_id, h.created_at, h.id FROM ",
    );
    cells(text, wanted);
    text.push(" c CROSS JOIN tickets h WHERE h.id = ");
    first(text, false);
    text.push(
        " UNION ALL SELECT c.status, c.inbox_id, c.priority, c.assignee_id, h.created_at, h.id FROM heads c \
         CROSS JOIN tickets h WHERE h.id = ",
    );
    first(text, true);
    text.push(&format!(" ORDER BY 5{way}, 6{way} LIMIT ")).bind(Value::Big(slice.limit.saturating_add(slice.skip)));
    text.push(") SELECT k, id FROM heads");
}

/// The first few tickets of each cell.
fn merged_on_pg(text: &mut Text, wanted: &ResolvedFilter<'_>, first: &str, slice: Slice) {
    text.push("SELECT k, id FROM ");
    cells(text, wanted);
    text.push(" c CROSS JOIN LATERAL (");
    for nobody in [false, true] {
        text.push(if nobody { " UNION ALL " } else { "" });
        text.push("(SELECT created_at AS k, id FROM tickets WHERE ");
        in_cell(text, wanted.tenant, Some(nobody));
        beyond(text, "created_at, id", slice);
        text.push(first).push(")");
    }
    text.push(") x");
}

/// Orders a range for PostgreSQL, and states in the text how few rows are needed: a generic plan ignores the values of
/// parameters. Powers of two keep the number of texts small.
fn first(order: &str, most: i64) -> String {
    format!("{order} LIMIT {}", u64::try_from(most).unwrap_or_default().next_power_of_two())
}
